"""Unfinished messages as files: written, read strictly, and said in words to whoever is to sign.

Rules this module keeps:

1. What somebody signs is shown as the service will read it: what cannot be read is not signed. A
   configuration is shown whole.
2. Whose the signatures are is said to be verified only where a public key was given here.
3. Nothing that a file holds reaches a terminal but as printable text.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
from typing import TYPE_CHECKING, Final

from sealwire.cli.anatomy import looks_sealed
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.once import Once
from sealwire.cli.parameters import in_words, read_input
from sealwire.cli.sealing import operator_settings, target_of
from sealwire.cli.terminal import printable_lines, say
from sealwire.cli.wording import counted, end_in_words, length_in_words, time_in_words
from sealwire.client import Client
from sealwire.clock import wall_clock_ms
from sealwire.errors import MalformedError, RefusedError, SealError
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.keyfiles import write_checked
from sealwire.requests import (
    CONTENT_TYPE_JSON,
    Apply,
    Confirm,
    DryRun,
    Lease,
    Request,
    Revert,
    read_request,
)
from sealwire.stages import Opened, Stream
from sealwire.unfinished import (
    finish,
    looks_unfinished,
    read_unfinished,
    seal_unfinished,
    write_unfinished,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealwire.keys import VerifyKey
    from sealwire.results import Result
    from sealwire.sealer import Sealer
    from sealwire.unfinished import Unfinished

LIFETIMES_S: Final = {Stream.LEASE: 3600, Stream.BASE: 86_400}
"""How long there is to collect signatures: as long as a lease may wait at all, or a day."""


# ---- written ------------------------------------------------------------------------------------


class _NotSent(Exception):  # noqa: N818 - it ends a call, and is no error
    """What a client would have asked was kept instead."""


class _Keeping(Client):
    """A client that sends nothing: it keeps the document of what it would have asked."""

    kept: tuple[bytes, str, Stream]

    def ask(
        self, document: bytes, content_type: str = CONTENT_TYPE_JSON, stream: Stream = Stream.BASE
    ) -> Result:
        self.kept = document, content_type, stream
        raise _NotSent


def write_partial(
    config: str | None, to: str | None, out: str, request: Callable[[Client], Result]
) -> Exit:
    """Seal a request as far as it goes with one signature, and write it for others to sign.

    Args:
        config: the operator's settings.
        to: for which service.
        out: the file.
        request: what is asked, such as ``lambda client: client.revert()``.

    Raises:
        SealwireError: it cannot be sealed or written.
    """
    settings = operator_settings(config)
    target = target_of(settings, to)
    # Nothing is sent, so any address will do.
    client = _Keeping.from_settings(settings, target.audience, address=target.address)
    with contextlib.suppress(_NotSent):
        request(client)
    document, content_type, stream = client.kept
    unfinished = seal_unfinished(
        client.sealer,
        document,
        content_type=content_type,
        stream=stream,
        lifetime_s=LIFETIMES_S[stream],
    )
    return write_new(out, unfinished, force=False)


def write_new(out: str, unfinished: Unfinished, *, force: bool) -> Exit:
    """Write an unfinished message to a file, and say what is next.

    Raises:
        SealError: it cannot be written, or is there and ``force`` is not given.
    """
    write_checked(out, write_unfinished(unfinished), mode=0o600, force=force, error=SealError)
    claims = unfinished.claims
    text = f"sealed by {claims.iss} for {claims.aud}, and not finished: others sign it before "
    say((f"{text}{end_in_words(claims.exp * 1000, wall_clock_ms())}", ""))
    say_next(out, claims.iss)
    return Exit.OK


def say_next(file: str, issuer: str) -> None:
    """Print the commands that sign a file, and that send it."""
    quoted = shlex.quote(file)
    say(("  to sign it: ", "dim"), (f"sealwire cosign {quoted}", ""))
    say((f"  to send it, by {issuer}: ", "dim"), (f"sealwire send {quoted}", ""))


# ---- read ---------------------------------------------------------------------------------------


def load_unfinished(name: str) -> Unfinished:
    """Read the file ``name``, or standard input for ``-``; nothing is verified.

    Raises:
        CommandError: it cannot be read, or is something else.
    """
    content = read_input(name, MAX_FRAME_BYTES)
    if not looks_unfinished(content):
        sealed = looks_sealed(content)
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} is {'sealed already' if sealed else 'no unfinished message'}",
            f"nobody can sign it any more; send it as it is: sealwire send {shlex.quote(name)}"
            if sealed
            else "make one with: sealwire lease LOGGER=LEVEL --partial FILE, or: sealwire seal "
            "CONFIG --partial -o FILE",
        )
    return parse_unfinished(name, content)


def parse_unfinished(name: str, content: bytes) -> Unfinished:
    """Read what `looks_unfinished`; errors as `load_unfinished`."""
    try:
        return read_unfinished(content)
    except MalformedError as error:
        raise CommandError(
            Exit.REFUSED,
            f"{in_words(name)} was altered, or cut off: {error.detail}",
            "do not sign it; get the file again from whoever asks",
        ) from None


def check_in_time(unfinished: Unfinished, name: str) -> None:
    """Refuse what no service would take any more.

    Raises:
        CommandError: it has expired.
    """
    claims, now_ms = unfinished.claims, wall_clock_ms()
    if now_ms // 1000 > claims.exp:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} expired at {end_in_words(claims.exp * 1000, now_ms)}",
            f"{claims.iss} has to seal it anew",
        )


def left_s(unfinished: Unfinished) -> int:
    """Give how long the message may still be delivered, whole seconds, at least one."""
    return max(1, unfinished.claims.exp - wall_clock_ms() // 1000)


def read_asked(unfinished: Unfinished, name: str) -> Request:
    """Read what is asked for, as strictly as the service will.

    Raises:
        CommandError: the service would refuse it.
    """
    opened = Opened(
        unfinished.signed.payload,
        unfinished.claims,
        unfinished.content_type,
        unfinished.document,
        (),
    )
    try:
        return read_request(opened)
    except RefusedError as error:
        raise CommandError(
            Exit.REFUSED,
            f"{in_words(name)} would be refused: {error.reason.value}: {error.detail}",
            f"do not sign it; {unfinished.claims.iss} has to seal it anew",
        ) from None


# ---- finished -----------------------------------------------------------------------------------


class Finishing:
    """Makes the message that a service takes, once, whichever of its hosts is asked first."""

    def __init__(self, unfinished: Unfinished, name: str) -> None:
        """Finish ``unfinished``, which stands in the file ``name``."""
        self._unfinished, self._name = unfinished, name
        self._finished: Once[bytes] = Once()

    def by(self, sealer: Sealer) -> bytes:
        """Give it, with the layers of ``sealer`` around it.

        Raises:
            CommandError: it is somebody else's, is for another service or has expired.
        """
        return self._finished.get(self._unfinished.claims.cti, lambda: self._finish(sealer))

    def _finish(self, sealer: Sealer) -> bytes:
        check_in_time(self._unfinished, self._name)
        try:
            return finish(self._unfinished, sealer)
        except SealError as error:
            what, _, remedy = str(error).rpartition("; ")
            raise CommandError(Exit.LOCAL_FAILURE, what or remedy, remedy) from None


# ---- in words -----------------------------------------------------------------------------------


def fields_of(
    unfinished: Unfinished, request: Request, keys: Iterable[VerifyKey]
) -> Iterator[tuple[str, object]]:
    """Give what is signed as names and values: who asks, for whom, what, until when, why."""
    claims = unfinished.claims
    now_ms = wall_clock_ms()
    yield "asked by", f"{claims.iss}, as the message says"
    yield "service", claims.aud
    yield "request", request.verb.value
    yield from _asked(request)
    if request.only:
        yield "only", request.only
    yield "why", request.why or "no reason is given"
    yield "sealed at", time_in_words(claims.iat * 1000)
    yield "to be sent by", end_in_words(claims.exp * 1000, now_ms)
    yield "id", claims.cti.hex()
    yield "digest", unfinished.digest.hex()
    yield from _signed(unfinished, list(keys))


def _asked(request: Request) -> Iterator[tuple[str, object]]:
    if isinstance(request, Lease):
        for name, level in request.levels:
            yield "logger", f"{name or 'root'} = {logging.getLevelName(level)}"
        for handler in request.through:
            yield "lowers handler", handler
        length = length_in_words(request.for_s * 1000)
        ends_ms = (request.opened.claims.iat + request.for_s) * 1000
        yield "lasts", f"{length} from when it was sealed, until {time_in_words(ends_ms)}"
    elif isinstance(request, Revert):
        of = "configuration" if request.opened.claims.stream is Stream.BASE else "lease"
        what = f"the {of} {request.what}" if request.what else f"every {of}, or the last one"
        yield "goes back from", what
    elif isinstance(request, Confirm):
        yield "keeps", f"the configuration {request.what}"
    elif isinstance(request, (Apply, DryRun)):
        plan = request.plan
        loggers = len(plan.loggers) + (plan.root is not None)
        counts = f"{counted(loggers, 'logger')}, {counted(len(plan.handlers), 'handler')}"
        yield "configuration", f"{counts}, shown below"
        if isinstance(request, Apply) and request.confirm_within_s:
            yield "on trial for", length_in_words(request.confirm_within_s * 1000)
        if isinstance(request, Apply) and request.replaces:
            yield "in place of", request.replaces


def _signed(unfinished: Unfinished, keys: list[VerifyKey]) -> Iterator[tuple[str, object]]:
    for place, signature in enumerate(unfinished.signatures):
        what = "signed by" if place else "first signed by"
        named = next((key for key in keys if key.id == signature.key_id), None)
        if named is None:
            yield what, f"key {signature.key_id.hex()}, not verified here: name its file with --key"
        elif unfinished.is_signed_by(named):
            yield what, f"{named.owner}, key {named.fingerprint}, verified"
        else:
            yield what, f"NOT by {named.owner}: it names key {named.fingerprint} and is wrong"


def say_document(request: Request) -> None:
    """Print a configuration whole, as it was read; what else is asked is said in its fields."""
    if isinstance(request, (Apply, DryRun)):
        read = json.loads(request.plan.canonical())
        say(("", ""))
        say((printable_lines(json.dumps(read, indent=2, ensure_ascii=False)), ""))
