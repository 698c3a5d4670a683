"""Who is there, in several processes: the kernel knows it, however one of them has ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sealwire import wall_clock_ms
from sealwire.journal import Presence, StateDirectory, init

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Child, Gate

    Fork = Callable[[Callable[[], object]], Child]


@pytest.fixture
def state(folder: Path) -> Path:
    """Give a state directory."""
    path = folder / "state"
    init(path, "payments@test", min_version=0, now_ms=wall_clock_ms())
    return path


def is_first(state: Path) -> bool:
    """Be there for a moment; give whether nobody else was."""
    directory = StateDirectory.open(state)
    try:
        presence = Presence(directory)
        presence.close()
        return presence.is_first
    finally:
        directory.close()


def staying(state: Path, there: Gate, leave: Gate) -> Callable[[], None]:
    """Give a program that is there until it may leave."""

    def program() -> None:
        presence = Presence(StateDirectory.open(state))
        there.open()
        leave.wait()
        presence.close()

    return program


def test_another_process_is_there(state: Path, child: Fork, gate: Callable[[], Gate]) -> None:
    """Until it leaves."""
    there, leave = gate(), gate()
    other = child(staying(state, there, leave))
    there.wait()
    assert not is_first(state)
    leave.open()
    other.check()
    assert is_first(state)


def test_a_process_that_is_killed_is_gone(
    state: Path, child: Fork, gate: Callable[[], Gate]
) -> None:
    """It has cleared up nothing, and does not count."""
    there = gate()
    others = [child(staying(state, there, gate())) for _ in range(2)]
    for _ in others:
        there.wait()
    others[0].kill()
    assert not is_first(state)
    others[1].kill()
    assert is_first(state)


def test_a_child_of_a_fork_goes_and_its_parent_stays(
    state: Path, child: Fork, gate: Callable[[], Gate]
) -> None:
    """What the child closes is not taken from the parent; nor does it stay for a dead parent."""
    there, closed, leave = gate(), gate(), gate()

    def program() -> None:
        presence = Presence(StateDirectory.open(state))
        if not os.fork():
            presence.close()
            closed.open()
            leave.wait()
            os._exit(0)
        there.open()
        leave.wait()

    parent = child(program)
    there.wait()
    closed.wait()
    assert not is_first(state)
    parent.kill()
    # Its child lives on, and has let go.
    assert is_first(state)
    leave.open()


def test_a_program_that_a_process_turns_into_is_not_there(
    state: Path, child: Fork, gate: Callable[[], Gate]
) -> None:
    """The file is closed by then."""
    there = gate()

    def program() -> None:
        Presence(StateDirectory.open(state))
        there.open()
        os.execv("/bin/sleep", ["sleep", "60"])  # noqa: S606 - what becomes of the file then

    other = child(program)
    there.wait()
    for _ in range(2_000):
        if is_first(state):
            break
        os.sched_yield()
    assert is_first(state)
    other.kill()
