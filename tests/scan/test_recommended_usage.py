"""Scanners find nothing in what users are told to write, and do find what they are there to find.

Needs bandit and semgrep, which `make scan` installs into an environment of their own; both work
without the network here, semgrep by rules of this folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
TOP = HERE.parents[1]
RULES = HERE / "rules.yml"
BIN = Path(sys.executable).parent
PATIENCE_S = 300
BLOCK = re.compile(r"^```(?:python|\{code-block\} python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"^:[a-z-]+:.*\n+", re.MULTILINE)
LEAST_BLOCKS = 10

# What pages show as a warning, and not as something to write.
WARNINGS = ("unsafe_allow_unverified", "def verify(received", "create_connection")


def usage(folder: Path) -> int:
    """Write the examples and every recommended block of the pages; give how many there are."""
    number = 0
    for example in sorted((TOP / "examples").glob("*.py")):
        shutil.copy(example, folder / example.name)
        number += 1
    for page in [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]:
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            code = OPTION.sub("", found[1])
            if not any(warning in code for warning in WARNINGS):
                (folder / f"{page.stem}_{number}.py").write_text(code, encoding="utf-8")
                number += 1
    return number


def bandit(folder: Path) -> list[str]:
    """Give what bandit finds, as ``rule file``."""
    done = subprocess.run(
        [BIN / "bandit", "--quiet", "--recursive", "--format", "json", folder],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    told = json.loads(done.stdout)
    assert not told["errors"], told["errors"]
    return [f"{each['test_name']} {Path(each['filename']).name}" for each in told["results"]]


def semgrep(folder: Path) -> list[str]:
    """Give what semgrep finds by our rules, as ``rule file``."""
    done = subprocess.run(
        [
            *(BIN / "semgrep", "scan", "--config", RULES, "--json", "--quiet"),
            *("--metrics", "off", "--disable-version-check", "--no-git-ignore", folder),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SEMGREP_SEND_METRICS": "off"},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["errors"], told["errors"]
    assert told["paths"]["scanned"]
    return [
        f"{each['check_id'].rpartition('.')[2]} {Path(each['path']).name}"
        for each in told["results"]
    ]


def test_faults_are_found(tmp_path: Path) -> None:
    """Each rule of ours finds its fault, and bandit finds some as well."""
    shutil.copy(HERE / "faults.py.txt", tmp_path / "faults.py")
    rules = re.findall(r"^  - id: (\S+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE)
    assert {f"{rule} faults.py" for rule in rules} == set(semgrep(tmp_path))
    of_bandit = {"logging_config_insecure_listen", "start_process_with_a_shell", "blacklist"}
    assert {f"{rule} faults.py" for rule in of_bandit} <= set(bandit(tmp_path))


@pytest.mark.parametrize("scan", [bandit, semgrep])
def test_nothing_is_found_in_recommended_usage(
    scan: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    """What README, pages and examples tell users to write."""
    number = usage(tmp_path)
    assert number >= LEAST_BLOCKS
    print(f"{number} files")
    assert [] == scan(tmp_path)
