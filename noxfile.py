"""`make test conformance` on every Python found here, each in an environment of its own.

The Makefile is the one place that says how sealwire is built, installed and tested; this file only
repeats it. All Pythons test the same wheel. ``nox -s 'test(3.12)'`` runs one of them.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nox

MINORS = range(11, 16)  # Python 3.11 up to the next release that may exist as a preview.


def find_pythons() -> dict[str, str]:
    """Find Pythons that start: by name on PATH first, then in the folders pyenv keeps them in.

    A name on PATH can be pyenv's placeholder for a Python that is not switched on, so that it has
    to be run before it counts.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found: dict[str, str] = {}
    for version in (f"3.{minor}" for minor in MINORS):
        name = f"python{version}"
        installed = sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)
        for candidate in (name, *map(str, installed)):
            if _starts(candidate, version):
                found[version] = candidate
                break
    return found


def _starts(python: str, version: str) -> bool:
    """Whether this command is a Python of this version."""
    show = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        shown = subprocess.run([python, "-c", show], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return shown.stdout.strip() == version


PYTHONS = find_pythons()


@nox.session(venv_backend="none")
@nox.parametrize("version", list(PYTHONS), ids=list(PYTHONS))
def test(session: nox.Session, version: str) -> None:
    """Run both with one Python; the environment stays, so the next run is fast."""
    session.run(
        "make",
        "test",
        "conformance",
        f"PYTHON={PYTHONS[version]}",
        f"VENV=.nox/{version}",
        # What the outer make was called with is not meant for this one.
        env={"MAKEFLAGS": "", "MAKEOVERRIDES": ""},
        external=True,
    )
