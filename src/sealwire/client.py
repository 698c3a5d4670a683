"""The client: what an operator asks of a running service, as calls.

Rules this module keeps:

1. Each verb has one method, which knows the verb's stream and the members of its document; the
   command line calls these, and so does whatever else asks.
2. A request that was not done raises, and so does one that nobody answered: a call that returns
   has been done. Where the host's receipt key is known that is the host's word, and anything but
   a receipt of it counts as no answer (`UntrustedAnswerError`); where it is not, it is the word of
   whoever sits on the address, and `Result.verified` is false.
3. Nothing is judged here: the service reads strictly, and whoever sends nonsense hears so. But for
   a length of time of 0 or less: left out as the default is, it would become another one.
4. A message is sealed once. One that nobody answered is on the exception, because sending the same
   bytes again is safe and tells what became of it, and sealing anew is another request. But where
   a verified receipt refuses it and says what it lacks, it is sealed again once, by itself; see
   `resealing`.
5. Requests of one client go one after another, whichever threads they come from: one that another
   of its stream overtakes would be refused as superseded. A forked child waits for none that its
   parent is in the middle of, and no fork waits for an answer.

A client keeps no connection. It blocks; in asyncio, call it through ``asyncio.to_thread``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from sealwire import forks
from sealwire.documents import JsonValue, read_json
from sealwire.errors import ConfigurationError, MalformedError, NoAnswerError, SealError
from sealwire.requests import (
    CONTENT_TYPE_JSON,
    CONTENT_TYPE_REQUEST,
    DEFAULT_LEASE_S,
    Verb,
    write_request,
)
from sealwire.resealing import lacks
from sealwire.results import Result
from sealwire.sealer import DEFAULT_LIFETIME_S, MAX_LEAD_MS, Sealer
from sealwire.sent import look_at_sent
from sealwire.stages import Claims, Sealed, Stream
from sealwire.told import read_told
from sealwire.transports.client import DEFAULT_TIMEOUT_S, exchange, unreadable

if TYPE_CHECKING:
    from sealwire.keyfiles import StrPath
    from sealwire.keys import VerifyKey
    from sealwire.resealing import Lacks
    from sealwire.results import TrailCheck
    from sealwire.sent import Sent
    from sealwire.settings import OperatorSettings
    from sealwire.stages import TrailPoint

Config = Mapping[str, Any] | str | bytes
"""A configuration: a mapping as for ``dictConfig``, or the text of one in JSON or INI."""


class Keep(Protocol):
    """What keeps receipts."""

    def __call__(
        self, receipt: bytes, sent: Sent, result: Result, key: VerifyKey | None, /
    ) -> tuple[TrailCheck, tuple[str, ...]]:
        """Keep one; give what it shows of the host's trail, and what is wrong, in words."""
        ...


class Points(Protocol):
    """What knows the points of a host's trail that a request is to show."""

    def __call__(self, audience: str, hosts: Sequence[str], /) -> tuple[TrailPoint, ...]:
        """Give them, the shortest first; the host may be any of ``hosts``."""
        ...


class Deliver(Protocol):
    """What carries a message to a service and gives its answer as it came, as `exchange` does."""

    def __call__(self, address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        """Send ``sealed`` to ``address``; raise `TransportError` or `NoAnswerError`."""
        ...


class Client:
    """Asks one service for changes, in the name of one operator.

    Every method raises what `send` raises, and `SealError` where it cannot be sealed. An argument
    that is left at its default is left out of the request, and the service's default counts.

    Attributes:
        address: where the service listens.
        sealer: what seals for it.
        receipt_key: the host's key, by which receipts are verified; ``None`` where it is not known.
        more_receipt_keys: those that count as well.
    """

    _lead_ms = MAX_LEAD_MS
    """How far ahead of our clock a host may say that it is, or that it has seen something."""

    def __init__(
        self,
        address: str,
        sealer: Sealer,
        *,
        lifetime_s: int = DEFAULT_LIFETIME_S,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        deliver: Deliver = exchange,
        receipt_key: VerifyKey | None = None,
        more_receipt_keys: Sequence[VerifyKey] = (),
        keep: Keep | None = None,
        points: Points | None = None,
    ) -> None:
        """Make a client of its parts; `from_settings` is the usual way.

        Args:
            address: where the service listens, such as ``unix:/run/payments/log.sock``.
            sealer: seals with the operator's keys for the service's audience.
            lifetime_s: how long a message may wait for its delivery, seconds.
            timeout_s: how long to wait, the answer included, seconds.
            deliver: carries a message and gives the answer as it came; over a socket, unless it
                goes another way.
            receipt_key: the public half of the host's receipt key.
            more_receipt_keys: those of the key which takes its place, and of the service's other
                hosts; a receipt of any of them counts.
            keep: is given each receipt; by default none is kept.
            points: gives what each request shows of the host's trail; by default that is nothing.

        Raises:
            ConfigurationError: there are more receipt keys, and not the first.
        """
        if more_receipt_keys and receipt_key is None:
            raise ConfigurationError("more_receipt_keys needs a receipt_key; give the first there")
        self.address = address
        self.sealer = sealer
        self._lifetime_s = lifetime_s
        self._timeout_s = timeout_s
        self._deliver = deliver
        self._in_order = threading.Lock()
        forks.watch(self)
        self.receipt_key, self.more_receipt_keys = receipt_key, tuple(more_receipt_keys)
        self._keep, self._points = keep, points
        self._challenge: bytes | None = None

    @classmethod
    def from_settings(
        cls,
        settings: StrPath | OperatorSettings | None = None,
        to: str | None = None,
        *,
        address: str | None = None,
        lifetime_s: int = DEFAULT_LIFETIME_S,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        deliver: Deliver = exchange,
    ) -> Self:
        """Make a client of an operator's settings, as the command line does.

        Args:
            settings: the file, or what was read of it; by default ``$SEALWIRE_CONFIG``, then the
                user's folder for settings.
            to: the audience; may be left out where the settings have one target.
            address: where to send to, in place of what the settings say. It has to be given where
                they name several addresses, or a host's name: `sealwire.look_up` says which there
                are, and each has a client of its own.
            lifetime_s: as for `Client`.
            timeout_s: as for `Client`.
            deliver: as for `Client`.

        Raises:
            KeyFileError: a key file is missing, malformed, too open, or a published example.
            ConfigurationError: there are no settings, they cannot be read, or do not know ``to``;
                or no address was given, and they name several.
        """
        # Late, because they load ``tomllib``, which a client made of its parts does not need.
        from sealwire.clock import wall_clock_ms
        from sealwire.keptreceipts import KeptReceipts
        from sealwire.sealerstate import FileSealerState
        from sealwire.settings import (
            OperatorSettings,
            find_operator_settings,
            load_operator_settings,
        )

        if not isinstance(settings, OperatorSettings):
            settings = load_operator_settings(find_operator_settings(settings, os.environ).path)
        target = settings.target(to)
        state = FileSealerState(settings.state_path)
        several = not target.is_one_address
        if address is None and several:
            raise ConfigurationError(
                f"{target.audience} is at {', '.join(target.addresses)}; give the address of one "
                "host, such as sealwire.look_up gives them"
            )
        where = address or target.address
        kept = KeptReceipts(settings.receipts_path, where, is_one_of_several=several)
        keys = (
            *settings.load_receipt_keys(target).values(),
            *settings.load_next_receipt_keys(target),
        )
        return cls(
            where,
            settings.sealer(target, state, wall_clock_ms),
            lifetime_s=lifetime_s,
            timeout_s=timeout_s,
            deliver=deliver,
            receipt_key=keys[0] if keys else None,
            more_receipt_keys=keys[1:],
            keep=kept.keep,
            points=kept.points,
        )

    def __repr__(self) -> str:
        """Say who asks whom, and no secret."""
        sealer = self.sealer
        return f"<Client {sealer.issuer} for {sealer.audience} at {self.address}>"

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Let a fork come in the middle of a request; see `forks`."""
        return nullcontext(None)

    def abandon(self) -> None:
        """Wait for no request of the parent's, in a forked child; see `forks`."""
        self._in_order = threading.Lock()

    # ---- the verbs -----------------------------------------------------------------------------

    def apply(
        self,
        config: Config,
        *,
        why: str = "",
        only: str = "",
        replaces: str = "",
        confirm_within_s: int = 0,
    ) -> Result:
        """Make ``config`` the base: the configuration that stays when leases end.

        Args:
            config: a mapping as for ``dictConfig``, or the text of one, or of an INI file.
            why: the reason, one line; it is signed and logged.
            only: for the instances whose name fits this pattern alone.
            replaces: apply it only over the base of this digest, as `status` reports it.
            confirm_within_s: revert it unless `confirm` comes within so many seconds; 0 keeps it.

        Returns:
            The report's ``changes`` say what differs now; its ``digest`` is the new base's, and the
            ``request_id`` is what `confirm` and `revert` take.

        Raises:
            SealError: ``confirm_within_s`` is negative.
        """
        if confirm_within_s < 0:
            raise SealError(f"confirm_within_s is {confirm_within_s}; 0 keeps it for good")
        return self._ask(
            Verb.APPLY,
            Stream.BASE,
            **_config_of(config),
            why=why,
            only=only,
            replaces=replaces,
            confirm_within_s=confirm_within_s,
        )

    def plan(self, config: Config, *, why: str = "", only: str = "") -> Result:
        """Say what `apply` would be told, and would change; change nothing.

        Args:
            config: as for `apply`.
            why: as for `apply`; a policy may ask for one.
            only: as for `apply`.

        Returns:
            The report's ``changes`` say what would differ.
        """
        return self._ask(Verb.PLAN, Stream.READ, **_config_of(config), why=why, only=only)

    def lease(
        self,
        levels: Mapping[str, int | str],
        *,
        for_s: int = DEFAULT_LEASE_S,
        through: Sequence[str] = (),
        why: str = "",
        only: str = "",
    ) -> Result:
        """Set levels for a time; they go back by themselves.

        Args:
            levels: levels by logger, ``root`` for the root, such as ``{"payments.db": "DEBUG"}``.
            for_s: how long, seconds; 1 or more.
            through: handlers to lower as well, by the names that `status` reports.
            why: as for `apply`.
            only: as for `apply`.

        Returns:
            The report says until when, and which handlers will write what is logged now. The
            ``request_id`` is what `revert` takes.

        Raises:
            SealError: ``for_s`` is 0 or negative; to end a lease, call `revert`.
        """
        if for_s < 1:
            raise SealError(f"for_s is {for_s}; give 1 second or more, or end a lease by revert")
        return self._ask(
            Verb.LEASE,
            Stream.LEASE,
            levels=levels,
            for_s=for_s,
            through=through,
            why=why,
            only=only,
        )

    def revert(
        self, request_id: str = "", *, of: Stream = Stream.LEASE, why: str = "", only: str = ""
    ) -> Result:
        """End a lease, or take a configuration back.

        Args:
            request_id: of the request that began it; ``""`` is every lease, or the configuration
                in force.
            of: `Stream.LEASE` for leases, `Stream.BASE` for a configuration.
            why: as for `apply`.
            only: as for `apply`.

        Returns:
            The report's ``ended`` names the leases that have ended; or its ``reverted`` the
            configuration that was taken back, ``base`` what is in force again, and ``changes`` what
            differs now.
        """
        return self._ask(Verb.REVERT, of, id=request_id, why=why, only=only)

    def confirm(self, request_id: str, *, why: str = "", only: str = "") -> Result:
        """Keep a configuration that was applied with ``confirm_within_s``.

        Args:
            request_id: of the request that applied it.
            why: as for `apply`.
            only: as for `apply`.
        """
        return self._ask(Verb.CONFIRM, Stream.BASE, id=request_id, why=why, only=only)

    def status(self, *, only: str = "") -> Result:
        """Say what is in force: base, leases, loggers, handlers; change nothing.

        Args:
            only: as for `apply`.
        """
        return self._ask(Verb.STATUS, Stream.READ, only=only)

    def send_keyrings(self, listed: Sequence[bytes]) -> Result:
        """Have the service follow keyrings, the last of which is then in force there.

        Args:
            listed: signed keyrings that follow the one in force, oldest first; those that the
                service has followed may stand in front.

        Raises:
            SealError: they are too many, or too long for one message; and as `send`.
        """
        # Late, because hardly anybody sends one.
        from sealwire.keyring import MAX_LIST, write_list

        if not 1 <= len(listed) <= MAX_LIST:
            raise SealError(f"{len(listed)} keyrings; 1 to {MAX_LIST} can be sent at once")
        sealed = self.sealer.wrap_keyrings(write_list(listed))
        return self._exchange(sealed, "", fresh=True).check()

    # ---- sealed messages -----------------------------------------------------------------------

    def send(self, sealed: bytes, *, request_id: str = "") -> Result:
        """Send a message that is sealed already, such as one that nobody answered.

        Args:
            sealed: the sealed message, for this service.
            request_id: its id, for the result; what is sealed may be encrypted.

        Raises:
            RequestRefusedError: the service refused.
            RequestFailedError: the service accepted it, and could not do it.
            NoAnswerError: sent, and no answer came: it may have been done. Its ``sealed`` and
                ``request_id`` are what to give to this method, which is safe and tells.
            UntrustedAnswerError: sent, and what came is not the service's word; a `NoAnswerError`.
            TransportError: no connection; nothing was sent.
            SealError: the message is longer than can be sent.
            ConfigurationError: the address is none.
        """
        return self._exchange(sealed, request_id, fresh=False).check()

    def _exchange(self, sealed: bytes, request_id: str, *, fresh: bool) -> Result:
        """Send a message; give what came of it, whatever that is.

        Args:
            sealed: the message.
            request_id: its id, if it is known.
            fresh: whether it was sealed just now, so that no older receipt can be about it.
        """
        sent = look_at_sent(sealed, self.sealer)
        if sent is not None:
            request_id = request_id or sent.asked.id.hex()
        try:
            answered = self._deliver(self.address, sealed, timeout_s=self._timeout_s)
            now_ms = None if fresh else self.sealer.now_ms()
            told = read_told(
                answered, sent, self.receipt_key, now_ms=now_ms, more_keys=self.more_receipt_keys
            )
        except MalformedError as error:
            none = unreadable(self.address, error)
            none.sealed, none.request_id = sealed, request_id
            raise none from None
        except NoAnswerError as error:
            error.sealed, error.request_id = sealed, request_id
            raise
        result = Result.of(told, request_id)
        if sent is None or result.receipt is None:
            return result
        if result.verified:
            self.sealer.learn(sent.asked.stream, result.receipt.floor_ms, self._lead_ms)
        if self._keep is None:
            return result
        trail, alarms = self._keep(answered, sent, result, told.key)
        return replace(result, trail=trail, alarms=alarms)

    def _ask(
        self,
        verb: Verb,
        stream: Stream,
        **members: JsonValue | Mapping[str, JsonValue] | Sequence[str | Mapping[str, JsonValue]],
    ) -> Result:
        if points := self._known_points(stream):
            members["trail"] = [each._asdict() for each in points]
        try:
            document = write_request(verb, **members)
        except (TypeError, ValueError) as error:
            raise SealError(f"the request cannot be written: {error}") from None
        return self.ask(document, CONTENT_TYPE_REQUEST, stream)

    def _known_points(self, stream: Stream) -> tuple[TrailPoint, ...]:
        """Give what a request of ``stream`` shows of the host's trail.

        Whose it is, the owner of its key says.
        """
        if self._points is None or self.receipt_key is None:
            return ()
        keys = (self.receipt_key, *self.more_receipt_keys)
        return self._points(self.sealer.audience, list({each.owner: None for each in keys}))

    def ask(
        self, document: bytes, content_type: str = CONTENT_TYPE_JSON, stream: Stream = Stream.BASE
    ) -> Result:
        """Seal a document as it is, and send it; the methods above write theirs.

        Args:
            document: a configuration, or a request with its verb.
            content_type: how the service is to read it.
            stream: the order class of what it asks.

        Raises:
            SealError: it cannot be sealed; and as `send`.
        """
        with self._in_order:
            result, claims = self._seal_and_exchange(document, content_type, stream, None)
            lacked = lacks(result, claims, self.sealer.now_ms(), self._lead_ms)
            if lacked is not None:
                result, _ = self._seal_and_exchange(document, content_type, stream, lacked)
            return result.check()

    def _seal_and_exchange(
        self, document: bytes, content_type: str, stream: Stream, lacked: Lacks | None
    ) -> tuple[Result, Claims]:
        if lacked is not None:
            self._challenge = lacked.challenge or self._challenge
        sealed, claims = self._seal(document, content_type, stream, lacked)
        return self._exchange(sealed, claims.cti.hex(), fresh=True), claims

    def _seal(
        self, document: bytes, content_type: str, stream: Stream, lacked: Lacks | None
    ) -> tuple[Sealed, Claims]:
        """Seal a request.

        Args:
            document: as for `ask`.
            content_type: as for `ask`.
            stream: as for `ask`.
            lacked: what it lacked when it was sealed before; ``None`` where it was not.
        """
        return self.sealer.seal_with_claims(
            document,
            content_type=content_type,
            stream=stream,
            lifetime_s=self._lifetime_s,
            nonce=self._challenge,
            service_ms=None if lacked is None else lacked.service_ms,
        )


def _config_of(config: Config) -> dict[str, Any]:
    """Give the member of a request that holds ``config``: what begins with a brace is JSON."""
    if isinstance(config, Mapping):
        return {"config": config}
    try:
        text = config.encode() if isinstance(config, str) else config
        if text.lstrip()[:1] != b"{":
            return {"ini": text.decode()}
        return {"config": read_json(text)}
    except (MalformedError, UnicodeError) as error:
        detail = error.detail if isinstance(error, MalformedError) else f"not UTF-8: {error}"
        raise SealError(f"the configuration cannot be read: {detail}") from None
