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
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.cli import unanswered
from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.noting import asked_by, keeping
from sealwire.cli.parameters import STDIN
from sealwire.cli.sealing import target_of
from sealwire.cli.terminal import waiting
from sealwire.cli.typed import which_settings
from sealwire.client import Client
from sealwire.errors import NoAnswerError, SealwireError, TransportError, UntrustedAnswerError
from sealwire.results import RequestError, Result
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.told import REFUSED
from sealwire.transports.addresses import UnixAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.settings import OperatorSettings
    from sealwire.stages import Answer

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
            self._noting(sealed, path, request_id) as keep,
            saying(self.address, again=str(path)),
        ):
            result = super()._exchange(sealed, request_id, fresh=fresh)
            keep(result.answer)
            return result

    @contextlib.contextmanager
    def _noting(
        self, sealed: bytes, path: Path, _request_id: str
    ) -> Iterator[Callable[[Answer], Answer]]:
        """Note what becomes of a message in this block; give what notes an answer."""
        with waiting(f"waiting for {self.address}"):
            if not self.notes:
                yield lambda answer: answer
                return
            asked = asked_by(sealed, self.sealer.audience, self.address, path)
            with keeping(self.settings, asked) as keep:
                yield keep


def ending_of_asking(ask: Callable[[], Result]) -> Result | CommandError:
    """Give what came of a request, or how a command that asks for it alone would end."""
    try:
        return result_of(ask)
    except CommandError as ending:
        return ending
    except SealwireError as error:
        return ending_of(error)


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
    settings = which_settings()
    command = f"sealwire send {shlex.quote(again)} --address {shlex.quote(address)}{settings}"
    if again == STDIN:
        command = f"{command} (with the same bytes)"
    try:
        yield
    except UntrustedAnswerError as error:
        if error.claimed == REFUSED:
            raise CommandError(
                Exit.NO_ANSWER,
                f"{address}: {error}; nothing is certain",
                "if it was the service, it does not know you, and its log says why: sealwire why"
                f"{settings}; if not, send the same message again once it answers: {command}",
            ) from error
        raise CommandError(
            Exit.NO_ANSWER,
            f"{address}: {error}; nothing is certain",
            "look at the service, on its host; if it has a new receipt key, trust that: sealwire "
            f"trust AUDIENCE --key FILE{settings}, and --another if the service has several hosts; "
            f"then send the same message again: {command}",
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
