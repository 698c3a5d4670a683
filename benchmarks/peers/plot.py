"""The plot of a run, as SVG written by hand: bars of what opening costs beside its primitives."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, LABELS, RIGHT = 760, 250, 90
TOP, ROW, BAR = 66, 30, 18

# Readable on a light page and on a dark one.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1a1a1a; }
.title { font-size: 15px; font-weight: 600; }
.small { font-size: 11px; fill: #595959; }
.raw { fill: #9aa5b1; } .rest { fill: #2b6cb0; } .ours { fill: #2f855a; }
@media (prefers-color-scheme: dark) {
text { fill: #e8e8e8; } .small { fill: #b0b0b0; }
.raw { fill: #6b7785; } .rest { fill: #63a4e0; } .ours { fill: #5cc28f; }
}
"""


def plot(rows: Sequence[dict[str, Any]], named: str) -> str:
    """Give the plot of ``rows``, as `benchmarks.peers` measures them."""
    longest = max(row["open_us"] for row in rows)
    scale = (WIDTH - LABELS - RIGHT) / longest
    height = TOP + ROW * len(rows) + 34
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="Time to open a sealed configuration of 4 KiB">'
        ),
        f"<style>{STYLE}</style>",
        '<text class="title" x="0" y="18">Opening a sealed configuration of 4 KiB</text>',
        (
            f'<text class="small" x="0" y="38">Microseconds of CPU, medians of one run. '
            f"{escape(named)}.</text>"
        ),
        '<rect class="raw" x="0" y="46" width="12" height="12"/>',
        '<text class="small" x="18" y="56">the primitives on its own backend</text>',
        '<rect class="rest" x="216" y="46" width="12" height="12"/>',
        '<text class="small" x="234" y="56">everything else it does</text>',
    ]
    for index, row in enumerate(rows):
        y = TOP + ROW * index
        bare, whole = min(row["raw_us"], row["open_us"]) * scale, row["open_us"] * scale
        kind = "ours" if row["name"].startswith("sealwire") else "rest"
        parts += [
            f'<text x="0" y="{y + 13}">{escape(row["name"])}</text>',
            f'<text class="small" x="0" y="{y + 25}">{escape(row["does"])}</text>',
            f'<rect class="raw" x="{LABELS}" y="{y}" width="{bare:.1f}" height="{BAR}"/>',
            (
                f'<rect class="{kind}" x="{LABELS + bare:.1f}" y="{y}" '
                f'width="{max(0.0, whole - bare):.1f}" height="{BAR}"/>'
            ),
            f'<text x="{LABELS + whole + 6:.1f}" y="{y + 14}">{row["open_us"]:.0f}</text>',
        ]
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
