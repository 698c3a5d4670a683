"""Who is there: the first one, others beside it, and what goes wrong with the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import AUDIENCE, NOW_MS

from sealwire.errors import StateError
from sealwire.journal import Presence, StateDirectory, init
from sealwire.journal.disk import Disk
from sealwire.journal.presence import PRESENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class NoLocks(Disk):
    """A system without locks that work."""

    def try_lock(self, descriptor: int, *, alone: bool) -> bool:
        """Fail."""
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state directory."""
    path = tmp_path / "state"
    init(path, AUDIENCE, min_version=0, now_ms=NOW_MS)
    return path


@pytest.fixture
def opened(state: Path) -> Iterator[Callable[..., StateDirectory]]:
    """Give what opens it; it is closed afterwards."""
    all_of_them: list[StateDirectory] = []

    def opens(disk: Disk | None = None) -> StateDirectory:
        all_of_them.append(StateDirectory.open(state, disk=disk))
        return all_of_them[-1]

    yield opens
    for each in all_of_them:
        each.close()


def test_the_first_one_and_others(opened: Callable[..., StateDirectory]) -> None:
    """Only who finds nobody is the first; whoever has gone does not count."""
    first = Presence(opened())
    second, third = Presence(opened()), Presence(opened())
    assert (True, False, False) == (first.is_first, second.is_first, third.is_first)
    first.close()
    assert not Presence(opened()).is_first


def test_after_the_last_one_there_is_a_first_one_again(
    opened: Callable[..., StateDirectory],
) -> None:
    """Twice closed is once closed."""
    for _ in range(2):
        one, other = Presence(opened()), Presence(opened())
        assert (True, False) == (one.is_first, other.is_first)
        for each in (one, other, one):
            each.close()


def test_the_file_is_ours_alone(opened: Callable[..., StateDirectory], state: Path) -> None:
    """It is made as the other files are, and looked at as they are."""
    Presence(opened()).close()
    path = state / PRESENT
    assert 0o600 == path.stat().st_mode & 0o777
    path.chmod(0o644)
    with pytest.raises(StateError, match="has mode 0644"):
        Presence(opened())


def test_a_link_is_not_followed(opened: Callable[..., StateDirectory], state: Path) -> None:
    """Nor is anything but a regular file taken for it."""
    (state / PRESENT).symlink_to(state / "lock")
    with pytest.raises(StateError, match="cannot be used"):
        Presence(opened())


def test_what_cannot_be_had_says_where(opened: Callable[..., StateDirectory], state: Path) -> None:
    """With the command that looks at it, and nothing left open."""
    before = len(list(Path("/dev/fd").iterdir()))
    directory = opened(NoLocks())
    with pytest.raises(StateError) as caught:
        Presence(directory)
    assert str(state / PRESENT) in str(caught.value)
    assert "sealwire state check" in str(caught.value)
    directory.close()
    assert before == len(list(Path("/dev/fd").iterdir()))


def test_whether_it_is_still_ours(opened: Callable[..., StateDirectory]) -> None:
    """An application that closes what it did not open closes this, too."""
    presence = Presence(opened())
    assert presence.is_ours
    os.close(presence._descriptor)
    assert not presence.is_ours
    presence.close()
