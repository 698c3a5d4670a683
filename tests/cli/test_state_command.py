"""``sealwire state``: a directory that is made, shown, checked, and put aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

AUDIENCE = "payments@prod"
INIT = ("state", "init", "state", "--audience", AUDIENCE)


@pytest.fixture
def state(shell: Shell) -> Path:
    """Give a state directory that was just made."""
    shell.done(*INIT)
    return shell.folder / "state"


def test_a_directory_is_made(shell: Shell) -> None:
    """What to write in the settings is said; it is closed to others."""
    ended = shell.run("state", "init", "state", "--audience", AUDIENCE)
    assert 0 == ended.status
    assert f"made  state of {AUDIENCE}  state\n" == ended.stdout
    assert f'state = "{shell.folder}/state"' in ended.stderr
    assert 0o700 == (shell.folder / "state").stat().st_mode & 0o777


def test_what_is_there_is_kept_or_put_aside(shell: Shell, state: Path) -> None:
    """Nothing is ever removed."""
    ended = shell.run(*INIT)
    assert 3 == ended.status
    assert "state directory already" in ended.error
    before = (state / "sealwire-state").read_text()
    for number in (1, 2):
        printed = shell.done(*INIT, "--force")
        assert f"state.old-{number}" in printed
    assert before == (shell.folder / "state.old-1" / "sealwire-state").read_text()


@pytest.mark.parametrize("given", ["yesterday", "-1", "1e3", "9" * 16, ""])
def test_a_least_version_is_now_or_a_number(shell: Shell, given: str) -> None:
    """Of milliseconds; a slip must not become a time."""
    ended = shell.run(*INIT, "--min-version", given)
    assert 2 == ended.status
    assert "neither now nor a number of milliseconds" in ended.error
    assert not (shell.folder / "state").exists()


def test_what_is_remembered_is_shown(shell: Shell, state: Path) -> None:
    """As JSON as well; a new one has taken nothing."""
    assert state.is_dir()
    printed = shell.done("state", "show", "state")
    assert AUDIENCE in printed
    shown = json.loads(shell.done("state", "show", "state", "--json"))
    assert (AUDIENCE, {}, [], []) == (
        shown["audience"],
        shown["floors"],
        shown["bases"],
        shown["leases"],
    )
    assert shown["min_version"] > 1_700_000_000_000


def test_a_good_one(shell: Shell, state: Path) -> None:
    """It says so, and how much is there."""
    assert state.is_dir()
    assert shell.done("state", "check", "state").startswith("good\n")
    checked = json.loads(shell.done("state", "check", "state", "--json"))
    assert (True, 1, checked["bytes"]) == (
        checked["good"],
        checked["records"],
        checked["good_bytes"],
    )


def test_a_damaged_one(shell: Shell, state: Path) -> None:
    """The place and the next command are named; the exit status is 1."""
    journal = state / "journal"
    content = bytearray(journal.read_bytes())
    content[3] ^= 1
    journal.write_bytes(content)
    ended = shell.run("state", "check", "state")
    assert 1 == ended.status
    assert "damaged behind byte 0" in ended.error
    assert f"sealwire state init state --audience {AUDIENCE}" in ended.hint
    as_json = shell.run("state", "check", "state", "--json")
    assert (1, False) == (as_json.status, json.loads(as_json.stdout)["good"])


def test_a_lost_one(shell: Shell, state: Path) -> None:
    """A directory without its marker is lost, and not new."""
    (state / "sealwire-state").unlink()
    for command in ("check", "show"):
        ended = shell.run("state", command, "state")
        assert ended.status in {1, 3}
        assert "lost, not new" in ended.error
    as_json = shell.run("state", "check", "state", "--json")
    assert not json.loads(as_json.stdout)["good"]


def test_one_that_others_reach(shell: Shell, state: Path) -> None:
    """The command that mends it is the hint."""
    state.chmod(0o755)
    ended = shell.run("state", "check", "state")
    assert 3 == ended.status
    assert "chmod 700" in ended.hint
    state.chmod(0o700)
