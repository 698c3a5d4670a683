"""The standard library's tests of its listener pass against ours, on the Python that runs this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("listen_program.py")


def test_the_librarys_own_listen_tests_pass() -> None:
    """All three of them; a Python without ``test.test_logging`` fails here, and says so."""
    ran = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == ran.returncode, ran.stderr
    assert "Ran 3 tests" in ran.stderr
