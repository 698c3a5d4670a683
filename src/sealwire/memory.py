"""What this process has taken, for each audience; and the gate through which every change goes.

Rules this module keeps:

1. The logging tree belongs to the process, and so does the memory of what changed it: two listeners
   of one audience, or a listener and a ``verify`` callable, share one. A message that one of them
   took is not new to the other, and stopping a listener forgets nothing.
2. One gate around every use. Of two copies of a message one is taken, and changes never overlap.
3. A forked child has a new gate, and a memory that begins with the fork: it cannot know what the
   parent takes from then on, so it takes only what was sealed later.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sealwire import forks
from sealwire.clock import wall_clock_ms
from sealwire.state import AdmissionState

if TYPE_CHECKING:
    from collections.abc import Iterator


class Memory:
    """A gate, and the state behind it."""

    def __init__(self) -> None:
        """Begin now."""
        self.gate = threading.RLock()
        self.state = AdmissionState(start_ms=wall_clock_ms())
        forks.watch(self)

    def now_ms(self) -> int:
        """Give the time: the wall clock, or the greatest time seen where it went back."""
        return self.state.observe(wall_clock_ms())

    @contextmanager
    def hold_still(self, timeout_s: float = -1.0) -> Iterator[None]:
        """Hold the gate, so that nothing changes meanwhile; do without it after ``timeout_s``."""
        held = self.gate.acquire(timeout=timeout_s)
        try:
            yield
        finally:
            if held:
                self.gate.release()

    def abandon(self) -> None:
        """Begin anew in a forked child (rule 3)."""
        self.gate = threading.RLock()
        self.state = AdmissionState(start_ms=wall_clock_ms())


_of_audience: dict[str, Memory] = {}
_making = threading.Lock()


def memory_of(audience: str) -> Memory:
    """Give this process's memory for an audience; the first caller makes it."""
    with _making:
        if audience not in _of_audience:
            _of_audience[audience] = Memory()
        return _of_audience[audience]
