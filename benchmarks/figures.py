"""Figures: what was measured, what the goal says, and how both are shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Gate(enum.Enum):
    """Whether a figure decides the exit status.

    A ratio of two things measured in one run is the same on every quiet machine; a time or a rate
    is not.
    """

    RATIO = "ratio"
    ABSOLUTE = "absolute"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table.

    Attributes:
        goal: the goal's name, such as ``P1``.
        what: what was measured.
        measured: the figure, with its unit.
        limit: what the goal says, or ``""``.
        met: whether the goal is met, or ``None`` where it sets no limit.
        gate: whether a miss counts.
    """

    goal: str
    what: str
    measured: str
    limit: str = ""
    met: bool | None = None
    gate: Gate = Gate.REPORT

    @property
    def verdict(self) -> str:
        """PASS or MISS, or nothing for a line without a limit."""
        if self.met is None:
            return ""
        return "PASS" if self.met else "MISS"


def report(goal: str, what: str, measured: str) -> Figure:
    """Make a line that has no limit."""
    return Figure(goal, what, measured)


def at_most(
    goal: str, what: str, value: float, limit: float, unit: str = "x", gate: Gate = Gate.RATIO
) -> Figure:
    """Make a line whose value must not exceed ``limit``."""
    return Figure(goal, what, _said(value, unit), f"<= {limit:g} {unit}", value <= limit, gate)


def at_least(
    goal: str, what: str, value: float, limit: float, unit: str, gate: Gate = Gate.ABSOLUTE
) -> Figure:
    """Make a line whose value must reach ``limit``."""
    return Figure(goal, what, _said(value, unit), f">= {limit:,g} {unit}", value >= limit, gate)


def _said(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    return f"{number} {unit}"


def table(title: str, figures: Iterable[Figure]) -> str:
    """Give a table as text."""
    rows = [("goal", "what", "measured", "limit", "")]
    rows += [(line.goal, line.what, line.measured, line.limit, line.verdict) for line in figures]
    return f"{title}\n" + columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Give rows in columns, the first row as a heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(f"  {line}" for line in lines) + "\n"
