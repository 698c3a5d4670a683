"""The sinks of one service, together: who has what, who owes what.

Rules this module keeps:

1. A line that a sink did not take is kept for it and given first when it takes lines again, up to
   `MAX_KEPT`; what is beyond is counted, and the trail has it.
2. A sink that did not take a line is not asked again before `RETRY_S` is over, so that one that
   hangs costs its waiting time once.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.recording.sinks import Line, Sink

GIVE_S: Final = 1.0
"""How long one sink may take over all that is given at a time."""

RETRY_S: Final = 1.0
MAX_KEPT: Final = 10_000


class Outlet:
    """One sink, and what it has not taken."""

    def __init__(self, sink: Sink) -> None:
        """Begin with nothing owed."""
        self.sink = sink
        self.trouble = ""
        self.lost = 0
        self._owed: deque[Line] = deque()
        self._not_before_s = 0.0

    @property
    def owed(self) -> int:
        """How many lines it has not taken yet."""
        return len(self._owed)

    def give(self, lines: Iterable[Line]) -> None:
        """Hand over what is owed and ``lines``, as far as the sink takes them."""
        for line in lines:
            if len(self._owed) < MAX_KEPT:
                self._owed.append(line)
            else:
                self.lost += 1
        now_s = time.monotonic()
        if not self._owed or now_s < self._not_before_s:
            return
        ends_s = now_s + GIVE_S
        try:
            while self._owed:
                self.sink.give(self._owed[0], max(0.01, ends_s - time.monotonic()))
                self._owed.popleft()
        except OSError as failure:
            why = failure.strerror or str(failure) or type(failure).__name__
            self.trouble = f"the sink {self.sink.name} takes nothing: {why}"
            self._not_before_s = time.monotonic() + RETRY_S
        else:
            self.trouble = ""


class Outlets:
    """All sinks that every record has to be handed to."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        """Begin with these."""
        self._all = [Outlet(each) for each in sinks]

    def give(self, lines: Iterable[Line]) -> None:
        """Hand lines over to each of them."""
        given = list(lines)
        for each in self._all:
            each.give(given)

    @property
    def trouble(self) -> str:
        """Why not every sink has everything; ``""`` if it has."""
        return next((each.trouble for each in self._all if each.trouble), "")

    @property
    def owed(self) -> int:
        """How many lines the sink that is furthest behind has not taken yet."""
        return max((each.owed for each in self._all), default=0)

    def take_lost(self) -> int:
        """Give how many lines no sink will get any more, and forget the number."""
        lost = max((each.lost for each in self._all), default=0)
        for each in self._all:
            each.lost = 0
        return lost

    def close(self) -> None:
        """Let go of what is open."""
        for each in self._all:
            each.sink.close()
