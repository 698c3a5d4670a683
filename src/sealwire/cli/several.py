"""Clients of the hosts of one service, which are asked at the same time.

Rules this module keeps:

1. A change is sealed once, and every host is given the same bytes: one id takes it back everywhere.
   A host that wants it sealed again, such as with its own challenge, has an id of its own.
2. What only reads is sealed for each host, and shows it the last points of its own trail. A change
   shows none, since each host has another trail.
3. What one host says of the time is not followed further than a sealer would wait: it would count
   for all hosts, as they have one audience, and lock their operator out.
4. What becomes of a request is noted once for all hosts, by whoever asks them.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sealwire.cli import unanswered
from sealwire.cli.delivering import KeepingClient
from sealwire.cli.endings import CommandError
from sealwire.cli.noting import asked_by, keeping
from sealwire.cli.once import Once
from sealwire.sealer import DEFAULT_LIFETIME_S, MAX_WAIT_MS
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sealwire.resealing import Lacks
    from sealwire.results import Result
    from sealwire.settings import OperatorSettings, Target
    from sealwire.stages import Answer, Claims, Sealed, TrailPoint


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
    here = target.at(*addresses)
    others = (each for each in settings.targets if each != target)
    # Opened once: it may be under a passphrase, for which somebody is asked.
    opened = replace(settings, targets=(here, *others)).opened()
    sealed: Once[tuple[Sealed, Claims]] = Once()
    clients = []
    for address in addresses:
        client = OneOfSeveral.from_settings(
            opened, here.audience, address=address, lifetime_s=lifetime_s, timeout_s=timeout_s
        )
        client.settings, client.lifetime_s, client.sealed = settings.path, lifetime_s, sealed
        clients.append(client)
    return clients


class Sent(NamedTuple):
    """A message that was sent.

    Attributes:
        sealed: the message.
        path: the file in which it is kept until its answer is there.
        request_id: its id, if it is known.
    """

    sealed: bytes
    path: Path
    request_id: str


class OneOfSeveral(KeepingClient):
    """A client of one of the hosts, used in a thread of its own; no waiting is shown there.

    Attributes:
        sealed: what was sealed for all of them.
        sent: the last message, if there was one.
    """

    _lead_ms = MAX_WAIT_MS

    sealed: Once[tuple[Sealed, Claims]]
    sent: Sent | None = None

    def _known_points(self, stream: Stream) -> tuple[TrailPoint, ...]:
        return super()._known_points(stream) if stream is Stream.READ else ()

    def _seal(
        self, document: bytes, content_type: str, stream: Stream, lacked: Lacks | None
    ) -> tuple[Sealed, Claims]:
        own = stream is Stream.READ or lacked is not None or self._challenge is not None
        make = partial(super()._seal, document, content_type, stream, lacked)
        return self.sealed.get(None if own else (document, content_type, stream), make)

    def seal_apart(self) -> None:
        """Seal for this host alone from now on."""
        self.sealed = Once()

    @contextlib.contextmanager
    def _noting(
        self, sealed: bytes, path: Path, request_id: str
    ) -> Iterator[Callable[[Answer], Answer]]:
        self.sent = Sent(sealed, path, request_id)
        yield lambda answer: answer

    def note(self, sent: Sent | None, ending: Result | CommandError) -> None:
        """Note what became of a message, if one was sealed; see `noting`."""
        if sent is None:
            return
        sealed, path, _ = sent
        asked = asked_by(sealed, self.sealer.audience, self.address, path)
        with contextlib.suppress(CommandError), keeping(self.settings, asked) as keep:
            if isinstance(ending, CommandError):
                raise ending
            keep(ending.answer)

    def forget(self) -> None:
        """Keep the last message no longer, though it has no answer: nobody is to send it again."""
        if self.sent is not None:
            unanswered.forget(self.settings, self.sent.path)
