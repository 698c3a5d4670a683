"""Sending a message on a command's behalf: kept until its answer is there, and is believed.

Rules this module keeps:

1. A message that was sealed here is on the disk before it is sent, until its answer is there. An
   answer that is not the service's is none.
2. Where there is no answer the next step is told: the same message again.
3. A message that was sealed elsewhere needs no settings to be sent. Where there are some, what they
   know of the service's receipt key counts.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.cli import unanswered
from sealwire.cli.anatomy import look_at
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.noting import asked_by, keeping
from sealwire.cli.parameters import STDIN
from sealwire.cli.sealing import operator_settings, target_of
from sealwire.cli.terminal import waiting
from sealwire.client import Client
from sealwire.errors import NoAnswerError, SealwireError, TransportError, UntrustedAnswerError
from sealwire.results import RequestError, Result
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.sent import look_at_sent
from sealwire.stages import Stream
from sealwire.told import REFUSED, read_told
from sealwire.transports.addresses import UnixAddress, parse_address
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from sealwire.settings import OperatorSettings, Target
    from sealwire.stages import Answer, Claims, Sealed, TrailPoint

_ELSEWHERE: Final = (
    "is the service running, and is this the address in its settings? start it, or name another "
    "with --address"
)
_NOT_FOR_US: Final = (
    "the socket is for the service's user: send as that user, or let its settings name a group "
    "(socket.group)"
)


def keeping_client(
    settings: OperatorSettings,
    to: str | None,
    address: str | None,
    timeout_s: float,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> KeepingClient:
    """Make a client whose messages are kept until their answer is there (rule 2).

    Raises:
        ConfigurationError: the target is not known, or a key cannot be used.
    """
    target_of(settings, to)
    client = KeepingClient.from_settings(
        settings, to, address=address, lifetime_s=lifetime_s, timeout_s=timeout_s
    )
    client.settings, client.lifetime_s = settings.path, lifetime_s
    return client


def clients_of(
    settings: OperatorSettings,
    target: Target,
    addresses: Sequence[str],
    timeout_s: float,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> list[OneOfSeveral]:
    """Make a client for each host of a service; of a change all of them send the same bytes.

    Args:
        settings: the operator's.
        target: the service.
        addresses: where it listens, each looked up.
        timeout_s: how long to wait for each, seconds.
        lifetime_s: as for `Client`.

    Raises:
        ConfigurationError: a key cannot be used.
    """
    here = replace(target, address=addresses[0], more_addresses=tuple(addresses[1:]))
    others = (each for each in settings.targets if each != target)
    # Opened once: it may be under a passphrase, for which somebody is asked.
    opened = replace(settings, targets=(here, *others)).opened()
    together, clients = Together(), []
    for address in addresses:
        client = OneOfSeveral.from_settings(
            opened, here.audience, address=address, lifetime_s=lifetime_s, timeout_s=timeout_s
        )
        client.settings, client.lifetime_s, client.together = settings.path, lifetime_s, together
        clients.append(client)
    return clients


class KeepingClient(Client):
    """A client whose messages are on the disk until their answer is there, and is believed."""

    settings: Path
    lifetime_s: int
    notes: bool = True
    """Whether what becomes of a request is noted, for ``sealwire why``."""

    def _exchange(self, sealed: bytes, request_id: str, *, fresh: bool) -> Result:
        kept = unanswered.kept(self.settings, self.sealer.audience, sealed, self.lifetime_s)
        with (
            kept as path,
            self._noting(sealed, path) as keep,
            saying(self.address, again=str(path)),
        ):
            result = super()._exchange(sealed, request_id, fresh=fresh)
            keep(result.answer)
            return result

    @contextlib.contextmanager
    def _noting(self, sealed: bytes, path: Path) -> Iterator[Callable[[Answer], Answer]]:
        """Note what becomes of a message in this block; give what notes an answer."""
        with waiting(f"waiting for {self.address}"):
            if not self.notes:
                yield lambda answer: answer
                return
            asked = asked_by(sealed, self.sealer.audience, self.address, path)
            with keeping(self.settings, asked) as keep:
                yield keep


class OneOfSeveral(KeepingClient):
    """A client of one of several hosts, which are asked at once, each in a thread of its own.

    Nothing is noted, as `note` does that for all of them, and no waiting is shown.
    """

    together: Together
    _sent: tuple[bytes, Path] | None = None

    def _known_points(self, stream: Stream) -> tuple[TrailPoint, ...]:
        # What all of them are given shows none of them its own trail.
        return super()._known_points(stream) if stream is Stream.READ else ()

    def _seal(
        self, document: bytes, content_type: str, stream: Stream, service_ms: int | None
    ) -> tuple[Sealed, Claims]:
        own = stream is Stream.READ or self._challenge is not None or service_ms is not None
        make = partial(super()._seal, document, content_type, stream, service_ms)
        return self.together.seal(None if own else (document, content_type, stream), make)

    @contextlib.contextmanager
    def _noting(self, sealed: bytes, path: Path) -> Iterator[Callable[[Answer], Answer]]:
        self._sent = sealed, path
        yield lambda answer: answer

    def note(self, ending: Result | CommandError) -> None:
        """Note what became of the last message, if one was sealed; see `noting`."""
        if self._sent is None:
            return
        sealed, path = self._sent
        asked = asked_by(sealed, self.sealer.audience, self.address, path)
        with contextlib.suppress(CommandError), keeping(self.settings, asked) as keep:
            if isinstance(ending, CommandError):
                raise ending
            keep(ending.answer)


class Together:
    """What is sealed for several hosts: a change once, whoever of them asks first."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._sealed: dict[Hashable, tuple[Sealed, Claims]] = {}

    def seal(
        self, what: Hashable, make: Callable[[], tuple[Sealed, Claims]]
    ) -> tuple[Sealed, Claims]:
        """Give what was sealed for ``what``, or seal it; ``None`` is sealed each time.

        One after another, because an agent may ask somebody to touch a key.
        """
        with self._lock:
            if what is None:
                return make()
            if what not in self._sealed:
                self._sealed[what] = make()
            return self._sealed[what]


class Carried:
    """A message that was sealed before: where it goes, and what can be known of its answer.

    Attributes:
        sealed: the message.
        addresses: where it is to be sent, as it is written.
        audience: for which service; ``""`` where that is not known.
    """

    def __init__(
        self, config: str | None, sealed: bytes, to: str | None, addresses: Sequence[str]
    ) -> None:
        """Look at the message and, where no address was given, at the operator's settings.

        Raises:
            CommandError: the target is not known, and no address was given.
        """
        claims = look_at(sealed).claims
        self.sealed = sealed
        self.audience = "" if claims is None else claims.aud
        self._config, self._to = config, to
        self.addresses: Sequence[str] = addresses
        if not addresses:
            settings = operator_settings(config)
            target = target_of(settings, to or self._known(settings))
            self.addresses = target.addresses
            self.audience = self.audience or target.audience

    def _known(self, settings: OperatorSettings) -> str | None:
        known = {target.audience for target in settings.targets}
        return self.audience if self.audience in known else None

    def send(self, address: str, timeout_s: float, again: str) -> Result:
        """Send it to one host; give what came of it, whatever that is.

        Args:
            address: where.
            timeout_s: how long to wait, seconds.
            again: the file it stands in.

        Raises:
            CommandError: there is no answer, with the step that is next then.
        """
        client = None
        with contextlib.suppress(SealwireError):
            # Whoever carries a message for others needs neither settings nor keys.
            settings = replace(operator_settings(self._config), opens_key=False)
            whose = self.audience or self._to
            client = Client.from_settings(settings, whose, address=address)
        with waiting(f"waiting for {address}"), saying(address, again):
            if client is not None:
                return result_of(lambda: client.send(self.sealed))
            answered = exchange(address, self.sealed, timeout_s=timeout_s)
            sent = look_at_sent(self.sealed)
            return Result.of(read_told(answered, sent, None, now_ms=None), "")

    def settings_for_several(self) -> OperatorSettings:
        """Give the settings with which it is sent to several hosts, whose answers they verify.

        Raises:
            ConfigurationError: there are none, or they cannot be used.
        """
        return replace(operator_settings(self._config), opens_key=False)


def result_of(ask: Callable[[], Result]) -> Result:
    """Give what came of a request, whatever that is: what was not done is told as well."""
    try:
        return ask()
    except RequestError as error:
        return error.result


@contextlib.contextmanager
def saying(address: str, again: str) -> Iterator[None]:
    """Send a message, which stands in the file ``again``, in this block.

    Raises:
        CommandError: there is no answer, with the step that is next then.
    """
    command = f"sealwire send {shlex.quote(again)} --address {shlex.quote(address)}"
    if again == STDIN:
        command = f"{command} (with the same bytes)"
    try:
        yield
    except UntrustedAnswerError as error:
        if error.claimed == REFUSED:
            raise CommandError(
                Exit.NO_ANSWER,
                f"{address}: {error}; nothing is certain",
                "if it was the service, it does not know you, and its log says why: sealwire why; "
                f"if not, send the same message again once it answers: {command}",
            ) from error
        raise CommandError(
            Exit.NO_ANSWER,
            f"{address}: {error}; nothing is certain",
            "look at the service, on its host; if it has a new receipt key, trust that: sealwire "
            f"trust AUDIENCE --key FILE; then send the same message again: {command}",
        ) from None
    except NoAnswerError as error:
        raise CommandError(
            Exit.NO_ANSWER,
            f"{error}; it may have been applied",
            f"send the same sealed message again, which is safe and tells: {command}",
        ) from None
    except KeyboardInterrupt:
        raise CommandError(
            Exit.INTERRUPTED,
            f"{address}: interrupted; it may have been applied",
            f"send the same sealed message again, which is safe and tells: {command}",
        ) from None
    except TransportError as error:
        raise CommandError(Exit.LOCAL_FAILURE, str(error), way_to(address)) from None


def way_to(address: str) -> str:
    """Say the next step where nothing could be connected to."""
    target = parse_address(address)
    if not isinstance(target, UnixAddress):
        return _ELSEWHERE
    path = Path(target.path)
    try:
        there = path.exists()
    except PermissionError:
        return _NOT_FOR_US
    if not there:
        return _ELSEWHERE
    if not os.access(path, os.W_OK):
        return _NOT_FOR_US
    return "nothing answers at this socket; start the service again"
