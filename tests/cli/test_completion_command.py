"""``sealwire completion``: a real bash completes what is typed; of zsh and fish the text is read.

Bash runs on a terminal of its own, where a test types a beginning and presses Tab. Then it puts a
command in front of the line that prints each of its words.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.completion import LINE, VARIABLE
from sealwire.cli.reasons import explain_rules
from sealwire.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Shell

PATIENCE_S = 30
TO_THE_BEGINNING, TO_THE_END, BACK, TAB, RETURN = "\x01", "\x05", "\x02", "\t", "\r"
START = "PS1='$ '; set +o history; source <(sealwire completion bash); printf 'rea''dy\\n'\r"


class Bash:
    """Somebody at an interactive bash that knows our completion."""

    def __init__(self, shell: Shell) -> None:
        """Start it, and let it load the script."""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            cwd=shell.folder,
            env=shell.environ | {"TERM": "dumb", "INPUTRC": os.devnull, "COLUMNS": "500"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._type(START)
        self._until(r"^ready\r?$")

    def _type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def _until(self, pattern: str) -> str:
        shown, ends_s = "", time.monotonic() + PATIENCE_S
        while not re.search(pattern, shown, flags=re.MULTILINE):
            readable, _, _ = select.select([self._ours], [], [], ends_s - time.monotonic())
            assert readable, shown
            shown += os.read(self._ours, 65_536).decode()
        return shown

    def completes(self, typed: str, behind: str = "") -> list[str]:
        """Type a beginning, press Tab, and give the words that stand there then.

        Args:
            typed: what stands in front of the cursor.
            behind: what stands behind it.
        """
        self._type(typed + behind + BACK * len(behind) + TAB)
        self._type(f"{TO_THE_BEGINNING}printf 'word<%s>\\n' {TO_THE_END} the-end{RETURN}")
        shown = self._until(r"^word<the-end>\r?$")
        return re.findall(r"^word<(.*)>\r?$", shown, flags=re.MULTILINE)[:-1]

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(PATIENCE_S)
        os.close(self._ours)


@pytest.fixture
def operator(shell: Shell, local_parts: str) -> Shell:
    """Give somebody with a service in the settings, and ``sealwire`` on the path."""
    program = shell.folder / "bin" / "sealwire"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sealwire "$@"\n')
    program.chmod(0o755)
    shell.environ["PATH"] = f"{program.parent}:{shell.environ['PATH']}"
    return shell


@pytest.fixture
def bash(operator: Shell) -> Iterator[Bash]:
    """Give a bash of theirs."""
    running = Bash(operator)
    yield running
    running.end()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("sealwire leas", "sealwire lease"),
        ("sealwire keys sh", "sealwire keys show"),
        ("sealwire lease --thr", "sealwire lease --through"),
        ("sealwire lease payments.db=D", "sealwire lease payments.db=DEBUG"),
        ("sealwire lease a=INFO payments.db=c", "sealwire lease a=INFO payments.db=CRITICAL"),
        ("sealwire status --to pay", "sealwire status --to payments@test"),
        ("sealwire status --to payments@", "sealwire status --to payments@test"),
        ("sealwire status --to payments@te", "sealwire status --to payments@test"),
        ("sealwire status --to=pay", "sealwire status --to=payments@test"),
        ("sealwire status --to=payments@t", "sealwire status --to=payments@test"),
        ("sealwire send deb", "sealwire send debug.json"),
        ("sealwire send made/serv", "sealwire send made/service.toml"),
        ("sealwire policy check made/serv", "sealwire policy check made/service.toml"),
        ("sealwire policy check x deb", "sealwire policy check x debug.json"),
        ("sealwire doctor --service made/serv", "sealwire doctor --service made/service.toml"),
        ("sealwire init a --both --dir ma", "sealwire init a --both --dir made/"),
        ("sealwire why key-u", "sealwire why key-unknown"),
        ("sealwire completion z", "sealwire completion zsh"),
        ("sealwire nothing-of-the-kind", "sealwire nothing-of-the-kind"),
        ("sealwire status --to elsewh", "sealwire status --to elsewh"),
    ],
)
def test_bash_completes(bash: Bash, typed: str, words: str) -> None:
    """At a Tab, with bash's own way to divide a line into words."""
    assert words.split() == bash.completes(typed)


def test_bash_in_the_middle_of_a_line(bash: Bash) -> None:
    """What stands behind the cursor says nothing about what stands in front of it."""
    words = ["sealwire", "lease", "a=DEBUG"]
    assert words == bash.completes("sealwire lea", " a=DEBUG")
    assert [*words, "--through", "x"] == bash.completes("sealwire lease a=DEBUG --th", " x")


def test_the_services_are_those_of_the_settings_that_were_named(operator: Shell) -> None:
    """As the command itself would look for them; and there are none without settings."""
    config = operator.environ.pop("SEALWIRE_CONFIG")
    bash = Bash(operator)
    try:
        assert ["sealwire", "status", "--to", "pay"] == bash.completes("sealwire status --to pay")
        typed = f"sealwire status --config {config} --to pay"
        assert [*typed.split()[:-1], "payments@test"] == bash.completes(typed)
    finally:
        bash.end()


def asked(shell: Shell, shell_name: str, line: str) -> list[str]:
    """Ask as a script of ours or of Click's does, and give the lines of the answer."""
    words = line.split(" ")
    shell.environ |= {
        VARIABLE: f"{shell_name}_complete",
        LINE: line,
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell_name == "fish" else str(len(words) - 1),
    }
    ended = shell.run()
    assert (0, "") == (ended.status, ended.stderr)
    return ended.stdout.splitlines()


def test_every_reason_and_every_command_is_offered(operator: Shell) -> None:
    """From where they are kept."""
    reasons = asked(operator, "bash", "sealwire why ")
    named = [*(reason.value for reason in Reason), *explain_rules()]
    assert [f"plain,{name}" for name in named] == reasons
    assert "plain,lease-length" in reasons
    commands = asked(operator, "bash", "sealwire ")
    assert {"plain,lease", "plain,why", "plain,doctor", "plain,completion"} <= set(commands)


def test_zsh_and_fish_get_what_bash_gets(operator: Shell) -> None:
    """With help where these shells show it."""
    assert ["plain", "payments@test"] == asked(operator, "zsh", "sealwire status --to pay")[:2]
    (line,) = asked(operator, "fish", "sealwire status --to pay")
    assert line.startswith("plain,payments@test")
    assert ["file"] == asked(operator, "zsh", "sealwire send de")[:1]


@pytest.mark.parametrize("instruction", ["", "bash", "bash_source", "tcsh_complete", "_complete"])
def test_other_words_in_the_environment_mean_nothing(shell: Shell, instruction: str) -> None:
    """The command does what it was asked to do."""
    shell.environ[VARIABLE] = instruction
    assert json.loads(shell.done("why", "expired", "--json"))["reason"] == "expired"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bash", ["complete -o nosort -F _sealwire_completion sealwire", "_SEALWIRE_COMPLETE="]),
        ("zsh", ["#compdef sealwire", "compdef _sealwire_completion sealwire"]),
        ("fish", ["complete --no-files --command sealwire", "_SEALWIRE_COMPLETE=fish_complete"]),
    ],
)
def test_the_scripts(shell: Shell, name: str, expected: list[str]) -> None:
    """Each names the command, and the variable that makes the command answer."""
    script = shell.done("completion", name)
    assert not [each for each in expected if each not in script]
    assert "%(" not in script


def test_a_shell_that_is_not_known(shell: Shell) -> None:
    """The known ones are listed."""
    ended = shell.run("completion", "tcsh")
    assert 2 == ended.status
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in ended.error
