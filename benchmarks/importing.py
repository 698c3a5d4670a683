"""P3: what `import sealwire` costs, against importing what it cannot do without.

What is compared, each in a new process, in turns:

1. ``import sealwire``.
2. A script that imports ``AESGCM``, ``nacl.signing``, and every module of the standard library that
   was found loaded after (1) and not before.

The time is taken inside the process, around the imports: the start of the interpreter is the same
for both and would make the ratio look better. It is the process's CPU time, which is all there is
when files are in memory, and leaves out what other programs do. Compiled files are kept in a folder
of this run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Gate, at_most, report

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 1.3
NOT_LOADED = ("asyncio", "ssl", "click", "rich", "configparser", "tomllib", "logging.config")

_OURS = "import sealwire"
_PACKAGES = "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\nimport nacl.signing"
_TIMED = """
import time
began = time.process_time()
{imports}
took = time.process_time() - began
print(took * 1000)
"""
_LOADED = """
import sys
before = set(sys.modules)
import sealwire
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps([loaded, sorted(sys.stdlib_module_names)]))
"""


class Importer:
    """Runs scripts in new processes that share one folder of compiled files."""

    def __init__(self, compiled: str) -> None:
        """Keep compiled files in the folder ``compiled``."""
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def output(self, script: str) -> str:
        """Run a script; give what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def took_ms(self, imports: str) -> float:
        """Run some imports; give the time they took, ms."""
        return float(self.output(_TIMED.format(imports=imports)))


def loaded_modules(importer: Importer) -> tuple[list[str], list[str]]:
    """Give what ``import sealwire`` loads: all modules, and those of the standard library."""
    loaded, standard = json.loads(importer.output(_LOADED))
    tops = set(standard)
    return loaded, [name for name in loaded if name.partition(".")[0] in tops]


def run(*, short: bool) -> Sequence[Figure]:
    """Measure; a short run takes four seconds, the other one twelve."""
    with tempfile.TemporaryDirectory() as compiled:
        importer = Importer(compiled)
        loaded, standard = loaded_modules(importer)
        # Only what can be imported by its name: ``typing.io`` is an entry without a module.
        found = [name for name in standard if name not in {"typing.io", "typing.re"}]
        reference = "\n".join([_PACKAGES, *(f"import {name}" for name in found)])
        scripts = {"ours": _OURS, "reference": reference, "packages": _PACKAGES}
        taken: dict[str, list[float]] = {name: [] for name in scripts}
        for script in scripts.values():
            importer.took_ms(script)
        for _ in range(15 if short else 50):
            for name, script in scripts.items():
                taken[name].append(importer.took_ms(script))
    ours, least, packages = (statistics.median(taken[name]) for name in scripts)
    unwanted = [name for name in NOT_LOADED if name in loaded]
    own = sum(name.partition(".")[0] == "sealwire" for name in loaded)
    return [
        at_most("P3", "import sealwire / what it needs, medians", ours / least, LIMIT),
        report("P3", "the same, least", f"{min(taken['ours']) / min(taken['reference']):.2f} x"),
        report("P3", f"import sealwire, {own} modules of its own", f"{ours:.1f} ms"),
        report("P3", f"AESGCM, nacl.signing, {len(found)} of stdlib", f"{least:.1f} ms"),
        report("P3", "AESGCM and nacl.signing alone", f"{packages:.1f} ms"),
        Figure(
            "P3",
            f"not loaded: {', '.join(NOT_LOADED)}",
            ", ".join(unwanted) or "none is",
            "none",
            not unwanted,
            Gate.RATIO,
        ),
    ]
