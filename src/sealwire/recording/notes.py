"""What the recorder is given to write."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.trail.events import Event


class Ticket:
    """Whoever waits until something is on the disk and handed over."""

    __slots__ = ("_done", "trouble")

    def __init__(self) -> None:
        """Begin to wait."""
        self._done = threading.Event()
        self.trouble = ""

    def settle(self, trouble: str = "") -> None:
        """Say that it is done, or why it is not."""
        self.trouble = trouble
        self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait; give whether it was settled."""
        return self._done.wait(timeout_s)


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be written.

    Attributes:
        make: gives the events, with the salt of the trail that takes them.
        at: when it happened, milliseconds since the epoch.
        sealed: digest and bytes of a request that is kept as it came.
        prompt: whether it is brought to the disk at once; what strangers cause is not.
        ticket: who waits for it.
    """

    make: Callable[[bytes], Iterable[Event]]
    at: int
    sealed: tuple[str, bytes] | None = None
    prompt: bool = True
    ticket: Ticket | None = field(default=None, compare=False)
