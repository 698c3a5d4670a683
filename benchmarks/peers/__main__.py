"""Measure, print a table, write ``build/peers.json`` and a plot: ``python -m benchmarks.peers``.

Exit status: 1 if a peer that signs opens a message faster than sealwire's chain for networks, which
does more, else 0. In the short form nothing counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import columns
from benchmarks.importing import Importer
from benchmarks.operators import document
from benchmarks.peers.contestants import Contestant, all_of_them, versions
from benchmarks.peers.plot import plot
from benchmarks.peers.sockets import Sockets, through_sockets
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENT_BYTES = 4096
BUILD = Path(__file__).parents[2] / "build"
MARKER = "<!-- What follows is written by: make bench-peers PEERS_OPTIONS='--page …' -->\n"


def spoilt(sealed: bytes) -> bytes:
    """Change what the outermost proof covers, and nothing that says how to read it.

    The middle of the message is payload in every format here.
    """
    at = len(sealed) // 2
    other = b"A" if sealed[at : at + 1] != b"A" else b"B"
    return sealed[:at] + other + sealed[at + 1 :]


def lines_run(contestant: Contestant, sealed: bytes) -> tuple[int, int]:
    """Give how many different lines run, and how many in all, until a refusal."""
    seen: set[tuple[str, int]] = set()
    count = 0

    def trace(frame: Any, event: str, _: object) -> Any:  # noqa: ANN401 - sys.settrace's own
        nonlocal count
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(contestant.packages):
            return None
        if event == "line":
            count += 1
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        contestant.open(sealed)
    except Exception:  # noqa: BLE001 - each has errors of its own
        return len(seen), count
    finally:
        sys.settrace(before)
        threading.settrace(before)
    raise AssertionError(f"{contestant.name} took a changed message")


def import_times(contestants: Sequence[Contestant], rounds: int) -> dict[str, float]:
    """Give the CPU time of importing each, ms, medians of turns."""
    wanted = {each.imports for each in contestants}
    taken: dict[str, list[float]] = {imports: [] for imports in wanted}
    with tempfile.TemporaryDirectory(prefix="peers-") as compiled:
        importer = Importer(compiled)
        for imports in wanted:
            importer.took_ms(imports)
        for _ in range(rounds):
            for imports in wanted:
                taken[imports].append(importer.took_ms(imports))
    return {imports: statistics.median(times) for imports, times in taken.items()}


def measure(*, short: bool) -> list[dict[str, Any]]:
    """Measure everything; one row a contestant."""
    contestants = all_of_them()
    text = document(DOCUMENT_BYTES)
    sealed = {each.name: each.seal(text) for each in contestants}
    for each in contestants:
        assert each.open(sealed[each.name]) == text, each.name
    steps: dict[str, Any] = {}
    for each in contestants:
        one = sealed[each.name]
        steps[f"{each.name} open"] = lambda each=each, one=one: each.open(one)
        steps[f"{each.name} seal"] = lambda each=each: each.seal(text)
        steps[f"{each.name} raw"] = each.raw(one)
    samples = interleaved(steps, rounds=8 if short else 120, calls=50)
    imports = import_times(contestants, rounds=3 if short else 15)
    rows = []
    ours_us = samples[f"{contestants[0].name} open"].median_us
    for each in contestants:
        opened, bare = samples[f"{each.name} open"], samples[f"{each.name} raw"]
        distinct, executed = lines_run(each, spoilt(sealed[each.name]))
        rows.append(
            {
                "name": each.name,
                "does": each.does,
                "open_us": round(opened.median_us, 1),
                "raw_us": round(bare.median_us, 1),
                "open_over_raw": round(opened.median_us / bare.median_us, 2),
                "over_ours": opened.median_us / ours_us,
                "seal_us": round(samples[f"{each.name} seal"].median_us, 1),
                "bytes_more": len(sealed[each.name]) - DOCUMENT_BYTES,
                "import_ms": round(imports[each.imports], 1),
                "lines": distinct,
                "lines_run": executed,
                "peer": each.peer,
            }
        )
    return rows


def printed(rows: Sequence[dict[str, Any]]) -> str:
    """Give the rows as a table."""
    titles = ("who", "what it checks", "open", "over raw", "over ours", "seal", "bytes more")
    table: list[tuple[str, ...]] = [(*titles, "import", "lines before refusal")]
    table += [
        (
            row["name"],
            row["does"],
            f"{row['open_us']} us",
            f"{row['open_over_raw']:.2f} x",
            f"{row['over_ours']:.2f} x",
            f"{row['seal_us']} us",
            f"{row['bytes_more']:,}",
            f"{row['import_ms']} ms",
            f"{row['lines']} ({row['lines_run']} run)",
        )
        for row in rows
    ]
    return columns(table)


def as_page(rows: Sequence[dict[str, Any]], sockets: Sockets, named: str) -> str:
    """Give the run as a part of a page."""
    lines = [
        "",
        f"{named}. " + ", ".join(f"{name} {number}" for name, number in versions().items()) + ".",
        "",
        (
            "| who | checks | open, µs | over its primitives | over sealwire, network | seal, µs |"
            " bytes more | import, ms | lines before a refusal |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['name']} | {row['does']} | {row['open_us']:.0f} | {row['open_over_raw']:.2f} x | "
        f"{row['over_ours']:.2f} x | {row['seal_us']:.0f} | {row['bytes_more']:,} | "
        f"{row['import_ms']:.0f} | {row['lines']} ({row['lines_run']:,} run) |"
        for row in rows
    ]
    lines += ["", "On sockets, from " + ".\nFrom ".join(sockets.lines()) + ".", ""]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--short", action="store_true", help="less of everything; nothing counts")
    parser.add_argument(
        "--page", type=Path, help="a page to write the run into; the plot beside it"
    )
    wanted = parser.parse_args(arguments)
    rows = measure(short=wanted.short)
    sockets = through_sockets(messages=50 if wanted.short else 500)
    named = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{named}; a document of {DOCUMENT_BYTES} bytes\n")
    print(printed(rows))
    for line in sockets.lines():
        print(f"  {line}")
    BUILD.mkdir(exist_ok=True)
    found = {"run": named, "versions": versions(), "rows": rows, "sockets": sockets.figures()}
    (BUILD / "peers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    target = wanted.page.with_name("peers.svg") if wanted.page else BUILD / "peers.svg"
    target.write_text(plot(rows, named), encoding="utf-8")
    if wanted.page:
        before = wanted.page.read_text(encoding="utf-8").partition(MARKER)[0]
        after = as_page(rows, sockets, named)
        wanted.page.write_text(before + MARKER + after, encoding="utf-8")
    print(f"\n  {BUILD.name}/peers.json, {target.name}")
    faster = [row["name"] for row in rows if row["peer"] and row["over_ours"] < 1]
    for name in faster:
        print(f"missed: P1: {name} opens faster than sealwire, which does more")
    return 1 if faster and not wanted.short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
