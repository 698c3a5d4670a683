"""Timing several steps in one process, in turn, so that all of them meet the same machine.

Rules this module keeps:

1. A sample is the mean of a block of calls; steps take turns block by block, and the order in which
   they do rotates, so that none always follows the same one.
2. The garbage collector is off while samples are taken; nothing measured here makes cycles.
3. Medians are compared with medians and least samples with least samples.
4. Time is CPU time of this thread: what other programs do meanwhile is not counted.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Samples:
    """What one step cost, µs of CPU time a call, one sample a block."""

    us: tuple[float, ...]

    @property
    def median_us(self) -> float:
        """The median of all samples."""
        return statistics.median(self.us)

    @property
    def least_us(self) -> float:
        """The least sample: what the step costs when nothing else runs."""
        return min(self.us)

    def spread_over(self, other: Samples, parts: int = 5) -> tuple[float, float]:
        """Give the least and greatest ratio of medians over ``parts`` equal parts of the run."""
        size = len(self.us) // parts
        ratios = [
            statistics.median(self.us[at : at + size]) / statistics.median(other.us[at : at + size])
            for at in range(0, size * parts, size)
        ]
        return min(ratios), max(ratios)


def interleaved(
    steps: Mapping[str, Callable[[], object]], *, rounds: int, calls: int
) -> dict[str, Samples]:
    """Time every step ``rounds`` times, ``calls`` calls at a time."""
    names = list(steps)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        _block(steps[name], calls)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                taken[name].append(_block(steps[name], calls))
    finally:
        if collecting:
            gc.enable()
    return {name: Samples(tuple(samples)) for name, samples in taken.items()}


def _block(step: Callable[[], object], calls: int) -> float:
    began_ns = time.thread_time_ns()
    for _ in range(calls):
        step()
    return (time.thread_time_ns() - began_ns) / calls / 1000
