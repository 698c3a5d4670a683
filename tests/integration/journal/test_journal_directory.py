"""State directories: what is made, opened, and refused with the command that helps."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConfigurationError, SealwireError, StateError
from sealwire.journal import Journal, StateDirectory, init
from sealwire.journal.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.journal.conftest import State


def why_not(state: State, audience: str = "payments@prod", disk: Disk | None = None) -> str:
    """Give why a state is not opened; nothing stays open then."""
    with pytest.raises(SealwireError) as caught:
        Journal.open(StateDirectory.open(state.path, audience, disk=disk))
    assert isinstance(caught.value, StateError | ConfigurationError)
    assert str(state.path) in str(caught.value)
    return str(caught.value)


def test_what_is_made(state: State) -> None:
    """A directory and files for us alone, whatever the umask is."""
    assert ["journal", "lock", "queue", "reserve", "sealwire-state"] == sorted(
        each.name for each in state.path.iterdir()
    )
    assert 0o700 == state.path.stat().st_mode & 0o777
    assert {0o600} == {each.stat().st_mode & 0o777 for each in state.path.iterdir()}
    directory = StateDirectory.open(state.path, state.audience)
    assert (state.audience, state.now_ms) == (directory.audience, directory.created_ms)
    journal = Journal.open(directory)
    assert (1, directory.state_id, {}) == (
        journal.remembered.min_version,
        journal.remembered.state_id,
        journal.remembered.floors,
    )
    journal.close()
    directory.close()


def test_a_directory_that_is_there_and_empty_is_taken(folder: Path) -> None:
    """As a volume that was made for it; also one that is a file system of its own."""
    path = folder / "volume"
    path.mkdir(0o700)
    (path / "lost+found").mkdir()
    init(path, "payments@prod", min_version=7, now_ms=1)
    StateDirectory.open(path, "payments@prod").close()


def test_nothing_is_made_over_what_is_there(state: State, folder: Path) -> None:
    """Not over a state, and not beside other files."""
    with pytest.raises(ConfigurationError, match="is a state directory already"):
        init(state.path, state.audience, min_version=1, now_ms=1)
    (state.path / "sealwire-state").unlink()
    with pytest.raises(ConfigurationError, match="holds journal, and no sealwire-state"):
        init(state.path, state.audience, min_version=1, now_ms=1)
    with pytest.raises(ConfigurationError, match="mkdir -p"):
        init(folder / "not" / "there", state.audience, min_version=1, now_ms=1)
    for audience, version in [("", 1), ("a" * 200, 1), ("payments@prod", -1)]:
        with pytest.raises(ConfigurationError, match="cannot be the state of"):
            init(folder / "new", audience, min_version=version, now_ms=1)
    assert not (folder / "new").exists()


def test_a_state_without_its_marker_is_lost_and_not_new(state: State) -> None:
    """Both when all is gone and when the marker alone is; the command that is named helps."""
    (state.path / "sealwire-state").unlink()
    assert "the state is lost, not new" in (said := why_not(state))
    assert f"mv {state.path} {state.path}.old && sealwire state init {state.path} " in said
    state.path.rename(f"{state.path}.old")
    again = f"sealwire state init {state.path} --audience payments@prod --min-version now"
    assert why_not(state).endswith(f"make it with: {again}")
    state.path.mkdir(0o700)
    assert why_not(state).endswith(f"begin anew: {again}")


def test_the_state_of_another_service(state: State) -> None:
    """Each has one of its own."""
    assert "is the state of payments@prod, and billing@prod needs" in why_not(state, "billing@prod")


def test_a_directory_that_others_reach(state: State) -> None:
    """By its mode, one bit at a time; the command that is named mends it."""
    for mode in (0o701, 0o710, 0o720, 0o704, 0o600, 0o500):
        state.path.chmod(mode)
        said = why_not(state)
        assert f"has mode {mode:04o}" in said
        subprocess.run(shlex.split(said.partition("run: ")[2]), check=True)
        StateDirectory.open(state.path, state.audience).close()


def test_a_directory_of_somebody_else(state: State) -> None:
    """As it is for a service that runs as another user."""

    class Other(Disk):
        def uid(self) -> int:
            return os.geteuid() + 1

    said = why_not(state, disk=Other())
    assert f"belongs to uid {os.geteuid()}" in said
    assert f"chown -R {os.geteuid() + 1} {state.path}" in said


def test_a_link_in_its_place(state: State, folder: Path) -> None:
    """Also one that leads to a good state, and whatever else is no directory."""
    link = folder / "link"
    link.symlink_to(state.path)
    (folder / "file").write_bytes(b"")
    for path in (link, folder / "file"):
        with pytest.raises(ConfigurationError, match="is a link or no directory"):
            StateDirectory.open(path, state.audience)


def test_a_network_file_system(state: State) -> None:
    """It is known by what the system says of the open directory."""

    class Networked(Disk):
        def about_mounts(self, descriptor: int) -> tuple[str, str]:
            return "mnt_id:\t7\n", "7 1 0:52 / /state rw - nfs4 nas:/exports rw\n"

    assert "is on a network file system (nfs4)" in why_not(state, disk=Networked())
    said, mounts = Disk().about_mounts(0)
    assert ("mnt_id" in said, " - " in mounts) == (True, True)


@pytest.mark.parametrize("name", ["sealwire-state", "journal", "lock", "queue"])
def test_files_that_are_not_what_they_have_to_be(state: State, name: str, folder: Path) -> None:
    """Open to others, a link to a good one, a pipe, a directory, gone, or empty."""
    path, aside = state.path / name, folder / "aside"
    for mode in (0o666, 0o620, 0o604):
        path.chmod(mode)
        assert f"chmod 600 {path}" in why_not(state)
    path.chmod(0o600)
    path.rename(aside)
    why_not(state)
    path.symlink_to(aside)
    assert "Too many levels of symbolic links" in why_not(state)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "is no regular file" in why_not(state)
    path.unlink()
    path.mkdir(0o600)
    why_not(state)
    path.rmdir()
    aside.rename(path)
    Journal.open(StateDirectory.open(state.path, state.audience)).close()
    if name in {"sealwire-state", "journal"}:
        path.write_bytes(b"")
        assert "is damaged" in why_not(state)


def test_a_file_of_somebody_else(state: State) -> None:
    """It is named, with the command that takes it over."""

    class Other(Disk):
        def status(self, descriptor: int) -> os.stat_result:
            found = super().status(descriptor)
            other = [*found]
            other[4] = os.geteuid() + (_name(descriptor) == "journal")
            return os.stat_result(other)

    assert "journal belongs to uid" in why_not(state, disk=Other())


def _name(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def test_the_journal_of_another_state(state: State, folder: Path) -> None:
    """A good one, of the same service, and of a state that is not this one."""
    other = folder / "other"
    init(other, state.audience, min_version=1, now_ms=1)
    (other / "journal").rename(state.path / "journal")
    assert "it is another state's" in why_not(state)


def test_nothing_stays_open(state: State, descriptors: Callable[[], int]) -> None:
    """Of what was opened and closed, and of what was refused; closing twice does nothing."""
    before = descriptors()
    directory = StateDirectory.open(state.path, state.audience)
    journal = Journal.open(directory)
    state.accept(journal, 5)
    for _ in range(2):
        journal.close()
        directory.close()
    assert before == descriptors()
    with pytest.raises(StateError, match="is closed here"), journal.exclusive():
        pass
    (state.path / "journal").write_bytes(b"")
    for _ in range(3):
        with pytest.raises(StateError):
            Journal.open(StateDirectory.open(state.path, state.audience)).close()
    (state.path / "sealwire-state").unlink()
    why_not(state)
    assert before + 3 == descriptors()


@pytest.mark.parametrize("half", [False, True])
def test_making_that_ends_in_the_middle(
    state: State, child: Callable[..., object], half: bool
) -> None:
    """At each call: what is left is a state, or refused with a command that helps."""
    ended = 0
    for number in range(1, 200):
        path = state.path.parent / f"made-{number}-{half}"
        if _make_and_end(state, child, path, number, half=half) == 0:
            break
        ended += 1
        try:
            StateDirectory.open(path, state.audience).close()
        except SealwireError as error:
            said = str(error)
            assert "begin anew: " in said or "make it with: " in said
            if " && " in said:
                path.rename(f"{path}.old")
            init(path, state.audience, min_version=1, now_ms=1)
        journal = Journal.open(directory := StateDirectory.open(path, state.audience))
        state.accept(journal, 5)
        journal.close()
        directory.close()
    assert 20 < ended < 199


def _make_and_end(
    state: State, child: Callable[..., object], path: Path, number: int, *, half: bool
) -> int:
    def make() -> None:
        disk = state.disk()
        disk.before = state.ending(disk, number, half=half)
        init(path, state.audience, min_version=1, now_ms=1, disk=disk)

    return child(make).wait()  # type: ignore[attr-defined, no-any-return]
