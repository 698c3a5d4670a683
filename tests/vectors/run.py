"""Runs the vectors through an implementation: ``python tests/vectors/run.py COMMAND…``.

The command is started once, with the paths of all files behind its own arguments, and prints one
line of JSON for each. README.md says what stands in it. Exit status 1 if anything differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "files"
TIMEOUT_S = 600


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Say where a result is not as expected.

    ``reason`` and ``stage`` are compared where the implementation gives them: that a message is
    refused is what counts, and another one may find the same fault at another place.
    """
    said: list[str] = []
    for name, value in expected.items():
        optional = expected["outcome"] == "refused" and name in {"reason", "stage"}
        if optional and name not in found:
            continue
        if found.get(name) != value:
            said.append(f"{name} is {found.get(name)!r}, expected {value!r}")
    if expected["outcome"] == "refused":
        released = found.keys() - {"outcome", "reason", "stage"}
        said += [f"refused, and yet releases {name}" for name in sorted(released)]
    return said


def main(command: list[str]) -> int:
    """Run them all; give the exit status."""
    files = sorted(FILES.glob("*.json"))
    if not files or not command:
        print(f"usage: run.py COMMAND…; there are {len(files)} vectors", file=sys.stderr)
        return 2
    done = subprocess.run(
        [*command, *map(str, files)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    found = {}
    for line in done.stdout.splitlines():
        result = json.loads(line)
        found[Path(result.pop("file")).name] = result
    ran: Counter[str] = Counter()
    for file in files:
        vector = json.loads(file.read_text(encoding="utf-8"))
        if file.name not in found:
            said = ["no result"]
        else:
            said = differences(vector["expected"], found[file.name])
        for text in said:
            print(f"{file.name}: {vector['what']}: {text}")
        ran["failed" if said else "passed"] += 1
    print(f"{ran['passed']} passed, {ran['failed']} failed")
    return 1 if ran["failed"] or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
