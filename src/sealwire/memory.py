"""What this process has taken, for each audience; and the gate through which every change goes.

Rules this module keeps:

1. The logging tree belongs to the process, and so does the memory of what changed it: two listeners
   of one audience, or a listener and a ``verify`` callable, share one. A message that one of them
   took is not new to the other, and stopping a listener forgets nothing.
2. One gate around every use of any of them. Of two copies of a message one is taken, and changes
   never overlap, whatever audience they were for.
3. A forked child has a new gate, and a memory that begins with the fork: it cannot know what the
   parent takes from then on, so it takes only what was sealed later.
4. Where one listener of an audience keeps what it takes on the disk, the disk knows what the others
   have taken too. When it stops, what was sealed before is no longer taken by them: another process
   may have.
5. Until an address is bound another process may have served it, and have taken what would be new
   here. So a listener that nothing outlives takes what was sealed after it was bound, whatever is
   remembered of before: also one that is bound again. What this memory holds it still answers.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from sealwire import forks
from sealwire.body import NONCE_BYTES
from sealwire.clock import wall_clock_ms
from sealwire.state import AdmissionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.requests import Request
    from sealwire.stages import Outcome
    from sealwire.versions import Standing


class Keeper(Protocol):
    """Keeps what is taken, so that it outlives this process; see `durable`."""

    def take(self, request: Request, take: Callable[[], Standing], *, own: bool) -> Standing:
        """Take a change and write that; raise `RefusedError` where that cannot be done."""
        ...

    def settle(self, outcome: Outcome, elsewhere: Request | None = None) -> None:
        """Write what became of it; ``elsewhere`` is what others are to do, and not this one."""
        ...

    def ended(self, request: Request) -> None:
        """Have what ends without being taken, by this process's owner, end everywhere."""
        ...

    def release(self) -> None:
        """Let others go on."""
        ...


class _Gate:
    """The one lock of this process, which a forked child replaces."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


_gate: Final = _Gate()


class Memory:
    """The gate, and a state behind it."""

    def __init__(self) -> None:
        """Begin now."""
        self.state = AdmissionState(start_ms=wall_clock_ms())
        self._drawn: bytes | None = None
        self._keepers: list[Keeper] = []
        forks.watch(self)

    def now_ms(self) -> int:
        """Give the time: the wall clock, or the greatest time seen where it went back."""
        return self.state.observe(wall_clock_ms())

    @property
    def keeper(self) -> Keeper | None:
        """What keeps what is taken, while a listener serves that has one."""
        return self._keepers[-1] if self._keepers else None

    def keep(self, keeper: Keeper) -> None:
        """Have everything kept that is taken from now on, by whichever door it comes."""
        self._keepers.append(keeper)

    def keep_no_more(self, keeper: Keeper) -> None:
        """Do without a keeper; without the last one nothing is known of what others take."""
        if keeper not in self._keepers:
            return
        self._keepers.remove(keeper)
        if not self._keepers:
            self.state.kept_from, self.state.start_ms = None, self.now_ms()

    def begin(self, *, challenging: bool = False) -> int:
        """Begin to serve an address (rule 5); begin now, if nothing has been taken yet.

        Args:
            challenging: whether messages have to carry what was drawn at the start. The challenge
                stays the same while this memory lasts: what was taken with it is known here.

        Returns:
            The time, milliseconds since the epoch.
        """
        now_ms = max(wall_clock_ms(), self.state.clock_ms)
        if challenging:
            self._drawn = self._drawn or secrets.token_bytes(NONCE_BYTES)
        self.state.challenge = self._drawn if challenging else None
        # Without the gate, which a change that hangs may hold: this can only refuse more.
        if not self.state.floors and not len(self.state.window):
            self.state.start_ms = now_ms
        return now_ms

    @contextmanager
    def hold_still(self, timeout_s: float = -1.0) -> Iterator[None]:
        """Hold the gate, so that nothing changes meanwhile; do without it after ``timeout_s``."""
        # The lock itself, because in a child of a fork it is another one when this ends.
        lock = _gate.lock
        held = lock.acquire(timeout=timeout_s)
        try:
            yield
        finally:
            if held:
                lock.release()

    def abandon(self) -> None:
        """Begin anew in a forked child (rule 3)."""
        _gate.lock = threading.RLock()
        self.state = AdmissionState(start_ms=wall_clock_ms())
        self._drawn = None
        self._keepers.clear()


_of_audience: dict[str, Memory] = {}


def memory_of(audience: str) -> Memory:
    """Give this process's memory for an audience; the first caller makes it."""
    # One step, so that no lock is needed, which a forked child might inherit locked.
    return _of_audience.setdefault(audience, Memory())
