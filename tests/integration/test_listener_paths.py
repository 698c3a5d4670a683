"""Where a listener binds: what it makes, what it replaces, and what it leaves alone."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sealwire import Answer, ConfigurationError, Outcome, deliver
from sealwire.transports.addresses import MAX_PATH_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import Child, Gate

    from sealwire.listener import Listener


def mode(path: Path) -> int:
    """Give the permissions of what is at ``path`` itself."""
    return stat.S_IMODE(path.lstat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Work with another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def refused(serve: Callable[..., Listener], path: Path, **more: object) -> str:
    """Give the words with which ``path`` is refused; no thread is left."""
    before = threading.active_count()
    with pytest.raises(ConfigurationError) as caught:
        serve(f"unix:{path}", **more)
    assert before == threading.active_count()
    return str(caught.value)


# ---- modes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177, 0o777])
def test_the_socket_is_its_owners_from_the_first_moment(
    serve: Callable[..., Listener],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mask: int,
) -> None:
    """Whatever the umask, it has never had another mode: not even before somebody could connect."""
    modes: list[int] = []
    real = socket.socket.bind

    def bind(self: socket.socket, address: str) -> None:
        real(self, address)
        modes.append(mode(path))

    monkeypatch.setattr(socket.socket, "bind", bind, raising=False)
    with umask(mask):
        serve()
    assert modes
    assert {0o600 & ~mask} == set(modes)
    assert 0o600 == mode(path)


def test_a_directory_is_made_for_its_owner(serve: Callable[..., Listener], folder: Path) -> None:
    """Mode 0700, with no entry but the socket and its lock, which is its owner's too."""
    path = folder / "run" / "log.sock"
    with umask(0):
        serve(f"unix:{path}")
    assert 0o700 == mode(path.parent)
    assert 0o600 == mode(path.with_name("log.sock.lock"))


def test_a_directory_that_is_there_keeps_its_mode(
    serve: Callable[..., Listener], folder: Path
) -> None:
    """It is the host's, and others may have to read in it."""
    folder.chmod(0o755)
    serve(f"unix:{folder / 'log.sock'}")
    assert 0o755 == mode(folder)


def test_a_group_gets_socket_and_directory(serve: Callable[..., Listener], folder: Path) -> None:
    """0660 and 0750, and both belong to it; its members are let in by the mode."""
    path = folder / "run" / "log.sock"
    gid = os.getegid()
    with umask(0):
        listener = serve(f"unix:{path}", group=gid)
    assert (0o660, gid) == (mode(path), path.stat().st_gid)
    assert (0o750, gid) == (mode(path.parent), path.parent.stat().st_gid)
    assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")
    assert "envelope-malformed" == listener.stats().refusals[-1].reason


def test_a_socket_for_a_group_is_nobodys_before(
    serve: Callable[..., Listener], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is opened to the group only when it belongs to it."""
    seen: list[tuple[int, int]] = []
    real = os.chown

    def chown(*given: object, **named: object) -> None:
        seen.append((mode(path), path.stat().st_gid))
        real(*given, **named)  # type: ignore[arg-type] # handed on as they are

    monkeypatch.setattr(os, "chown", chown)
    serve(group=os.getegid())
    assert [0o600] == [each for each, _ in seen]
    assert 0o660 == mode(path)


def test_a_group_that_is_not_there(serve: Callable[..., Listener], path: Path) -> None:
    """A name that the system does not know is an error, before anything is made."""
    said = refused(serve, path / "x", group="no-such-group-here")
    assert "there is no group 'no-such-group-here' on this system" == said
    assert not path.exists()


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o777, 0o720, 0o702])
def test_a_directory_that_others_write_to_is_refused(
    serve: Callable[..., Listener], folder: Path, bits: int
) -> None:
    """They could replace the socket; the text names the directory and the command."""
    directory = folder / "open"
    directory.mkdir()
    directory.chmod(bits)
    said = refused(serve, directory / "log.sock")
    assert said.startswith(f"{directory} has mode {bits:04o}, so others could replace the socket")
    assert said.endswith(f"; run: chmod go-w {directory}")
    assert [] == list(directory.iterdir())


def test_a_sticky_directory_will_do(serve: Callable[..., Listener], folder: Path) -> None:
    """In ``/tmp`` nobody can remove what another user made."""
    directory = folder / "sticky"
    directory.mkdir()
    directory.chmod(0o1777)
    assert serve(f"unix:{directory}/log.sock").is_alive()


# ---- what is there already ----------------------------------------------------------------------


def test_a_file_is_left_alone(serve: Callable[..., Listener], path: Path, folder: Path) -> None:
    """Somebody may need it, whatever it is."""
    path.write_text("payroll", encoding="utf-8")
    assert f"{path} exists and is no socket; move it away" == refused(serve, path)
    assert "payroll" == path.read_text(encoding="utf-8")
    assert [path] == list(folder.iterdir())


def test_a_link_is_left_alone(serve: Callable[..., Listener], path: Path, folder: Path) -> None:
    """To a file, to a socket of ours, or to nothing: it is not followed and not replaced."""
    other = folder / "other.sock"
    serve(f"unix:{other}")
    for target in (folder / "nothing", other):
        path.symlink_to(target)
        assert f"{path} exists and is no socket; move it away" == refused(serve, path)
        assert target == path.readlink()
        path.unlink()
    assert not (folder / "nothing").exists()


def test_a_directory_is_left_alone(serve: Callable[..., Listener], path: Path) -> None:
    """It may not even be empty."""
    path.mkdir()
    assert f"{path} exists and is no socket; move it away" == refused(serve, path)
    assert path.is_dir()


def test_a_pipe_is_left_alone(serve: Callable[..., Listener], path: Path) -> None:
    """And is not waited for."""
    os.mkfifo(path)
    assert f"{path} exists and is no socket; move it away" == refused(serve, path)
    assert path.is_fifo()


def test_a_running_listener_is_left_alone(serve: Callable[..., Listener], path: Path) -> None:
    """Its lock says so, even if its queue is full or its thread busy."""
    listener = serve()
    said = refused(serve, path)
    assert said.startswith(
        f"unix:{path} is taken by a running listener; stop it, or choose another"
    )
    assert "workers = true" in said
    assert listener.is_alive()
    assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")


@pytest.mark.parametrize("full", [False, True])
def test_another_program_is_left_alone(
    serve: Callable[..., Listener], path: Path, folder: Path, full: bool
) -> None:
    """It knows nothing of our lock, so it is asked; a full queue is an answer too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(path))
        foreign.listen(0)
        waiting = []
        while full:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            waiting.append(peer)
            peer.settimeout(0)
            try:
                peer.connect(str(path))
            except BlockingIOError:
                break
        said = refused(serve, path)
        for peer in waiting:
            peer.close()
        expected = f"{path} is served by another program; stop it, or choose another address"
        assert expected == said
        assert path.is_socket()
        assert [path] == list(folder.iterdir())


def test_what_another_program_left_is_replaced(serve: Callable[..., Listener], path: Path) -> None:
    """A socket of ours that nobody serves is in nobody's use."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(path))
        foreign.listen()
    before = path.lstat().st_ino, path.lstat().st_ctime_ns
    listener = serve()
    assert before != (path.lstat().st_ino, path.lstat().st_ctime_ns)
    assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")


def test_a_killed_listener_is_replaced(
    serve: Callable[..., Listener],
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    path: Path,
    folder: Path,
) -> None:
    """Its lock went with it; socket and lock file stay behind and are in nobody's way."""
    ready = gate()

    def program() -> None:
        serve()
        ready.open()
        time.sleep(20)

    for _ in range(3):
        killed = child(program)
        ready.wait()
        killed.kill()
        assert {path.name, f"{path.name}.lock"} == {each.name for each in folder.iterdir()}
    listener = serve()
    assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")
    listener.stop()
    assert [] == list(folder.iterdir())


def test_of_many_starters_one_wins(
    serve: Callable[..., Listener],
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    path: Path,
) -> None:
    """Six processes find the socket of a dead one at the same moment; the losers are told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    begin, lost, over = gate(), gate(), gate()

    def program() -> None:
        begin.wait()
        try:
            serve()
        except ConfigurationError as error:
            if "is taken by a running listener" in str(error):
                lost.open()
        else:
            over.wait()

    starters = [child(program) for _ in range(6)]
    for _ in starters:
        begin.open()
    for _ in starters[1:]:
        lost.wait()
    assert Answer(Outcome.REFUSED) == deliver(f"unix:{path}", b"junk")
    over.open()
    for each in starters:
        each.check()


def test_what_took_our_place_is_not_removed(serve: Callable[..., Listener], path: Path) -> None:
    """Somebody moved our socket away and put another there: that one is not ours."""
    listener = serve()
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(path))
        listener.stop()
        assert path.is_socket()


def test_stop_when_everything_is_gone(
    serve: Callable[..., Listener], folder: Path, descriptors: Callable[[], int]
) -> None:
    """A cleaner of temporary files was there first; that is no error."""
    before = descriptors()
    path = folder / "run" / "log.sock"
    listener = serve(f"unix:{path}")
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()
    listener.stop()
    assert before == descriptors()


def test_a_lock_file_of_a_cleaner(serve: Callable[..., Listener], path: Path) -> None:
    """Without its lock file a running listener is found by asking, and not replaced."""
    listener = serve()
    path.with_name(f"{path.name}.lock").unlink()
    assert "is served by another program" in refused(serve, path)
    assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")


# ---- what is no place for a socket --------------------------------------------------------------


def test_a_lock_that_cannot_be_opened(serve: Callable[..., Listener], path: Path) -> None:
    """A link or a directory in the lock's place is named, and left alone."""
    lock = path.with_name(f"{path.name}.lock")
    lock.symlink_to("/etc/passwd")
    assert refused(serve, path).startswith(f"{lock}: ")
    lock.unlink()
    lock.mkdir()
    assert refused(serve, path).startswith(f"{lock}: ")
    assert lock.is_dir()
    assert not path.exists()


def test_a_directory_that_is_a_file(serve: Callable[..., Listener], folder: Path) -> None:
    """It is named, at any height."""
    file = folder / "file"
    file.write_text("", encoding="utf-8")
    assert f"{file} is not a directory" == refused(serve, file / "log.sock")
    assert refused(serve, file / "below" / "log.sock").startswith(f"{file / 'below'}: ")


def test_a_path_may_not_be_too_long(serve: Callable[..., Listener], folder: Path) -> None:
    """The system would cut it or refuse it; the text says how long it is, and what to do."""
    directory = folder / ("d" * (MAX_PATH_BYTES - len(str(folder)) - 3))
    assert serve(f"unix:{directory}/s").is_alive()
    said = refused(serve, directory / "ss")
    assert f"may have {MAX_PATH_BYTES} bytes, this has {MAX_PATH_BYTES + 1}; choose a" in said
    wide = folder / ("ä" * 50)
    assert "103 bytes, this has" in refused(serve, wide / "s")


@pytest.mark.parametrize(
    "address",
    ["", "unix", "unix:", "unix:relative/path", "unix:/a\0b", "unix:/directory/", "/run/x.sock"],
)
def test_what_is_no_address(serve: Callable[..., Listener], address: str) -> None:
    """Nothing is made for it, and the text says how an address is written."""
    with pytest.raises(ConfigurationError):
        serve(address or "x")


def test_users_who_may_not_connect_are_told_nothing(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """The kernel says who it is; the answer is the constant one, and the message is not read."""
    listener = serve(allow_uids=[])
    sealed = seal()
    assert Answer(Outcome.REFUSED) == deliver(listener.address, sealed)
    (refusal,) = listener.stats().refusals
    assert "peer-not-allowed" == refusal.reason
    assert refusal.peer.startswith(f"uid {os.geteuid()}")
    listener.stop()
    allowing = serve(allow_uids=[os.geteuid()])
    assert Answer(Outcome.APPLIED) == deliver(allowing.address, seal())
