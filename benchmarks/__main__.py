"""Run the programs that measure, and compare the figures with the goals.

    python -m benchmarks                 all of them
    python -m benchmarks open refuse     some: open (P1), refuse (P2), import (P3),
                                         apply, call (P4), accept, answer (P5),
                                         converge (P7), trail (P8)
    python -m benchmarks --short         less of everything

Exit status: 1 if a goal was missed, else 0. The short form is for machines that do other work
meanwhile: it shows every verdict and counts none, and fails when a program cannot measure.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from typing import TYPE_CHECKING

from benchmarks import (
    accepting,
    answering,
    applying,
    calling,
    converging,
    importing,
    opening,
    refusing,
    trailing,
)
from benchmarks.figures import Figure, Gate, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS: dict[str, tuple[str, Callable[..., Sequence[Figure]]]] = {
    "open": ("P1  opening a 4 KiB configuration", opening.run),
    "refuse": ("P2  refusing what is not ours", refusing.run),
    "import": ("P3  import sealwire", importing.run),
    "apply": ("P4  applying a configuration", applying.run),
    "call": ("P4  a logging call", calling.run),
    "accept": ("P5  accepting a message", accepting.run),
    "answer": ("P5  from sealing a change to its answer", answering.run),
    "converge": ("P7  every process of a service", converging.run),
    "trail": ("P8  writing and verifying a trail", trailing.run),
}


def main(arguments: Sequence[str]) -> int:
    """Run; give the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure sealwire against its goals."
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="less of everything")
    wanted = parser.parse_args(arguments)
    if unknown := [part for part in wanted.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")

    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs\n")
    counted: set[Gate] = set() if wanted.short else {Gate.RATIO, Gate.ABSOLUTE}
    missed: list[Figure] = []
    for part in wanted.parts or PARTS:
        title, run = PARTS[part]
        figures = run(short=wanted.short)
        missed += [line for line in figures if line.met is False and line.gate in counted]
        if not any(line.met is not None for line in figures):
            parser.error(f"{part} gave no figure that has a limit")
        print(table(title, figures), flush=True)
    for line in missed:
        print(f"missed: {line.goal}: {line.what}: {line.measured}, the goal is {line.limit}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
