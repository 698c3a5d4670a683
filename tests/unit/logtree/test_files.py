"""The look at a file before a handler opens it."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ApplyError, shorten
from sealwire.logtree.files import check_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def refusal(path: Path | str) -> str:
    """Give the words with which ``path`` is refused, without the path."""
    with pytest.raises(ApplyError) as caught:
        check_file(str(path), "handlers.h.filename")
    start = f"handlers.h.filename: the file {shorten(str(path))} "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_a_new_file_and_a_regular_one_are_taken(tmp_path: Path) -> None:
    """Nothing is made, and nothing that is there is changed."""
    path = tmp_path / "x.log"
    check_file(str(path), "")
    assert not path.exists()
    path.write_text("kept")
    check_file(str(path), "")
    assert "kept" == path.read_text()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Neither by what is taken nor by what is refused."""
    (tmp_path / "x").write_text("")
    before = len(list(Path("/dev/fd").iterdir()))
    for name in ("x", "y", "x/y", "a/b"):
        if name in {"x", "y"}:
            check_file(str(tmp_path / name), "")
        else:
            refusal(tmp_path / name)
    assert before == len(list(Path("/dev/fd").iterdir()))


def fifo(path: Path) -> None:
    """Make a FIFO."""
    os.mkfifo(path)


def directory(path: Path) -> None:
    """Make a directory."""
    path.mkdir()


def link(path: Path) -> None:
    """Make a link to a regular file that may be written."""
    target = path.with_name("target")
    target.write_text("")
    path.symlink_to(target)


def dangling_link(path: Path) -> None:
    """Make a link to a file that opening it would make."""
    path.symlink_to(path.with_name("nothing"))


def device_link(path: Path) -> None:
    """Make a link to a device."""
    path.symlink_to("/dev/null")


def unix_socket(path: Path) -> None:
    """Make a socket."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (fifo, "is not a regular file"),
        (directory, "is not a regular file"),
        (unix_socket, "is not a regular file"),
        (link, "is a symbolic link"),
        (dangling_link, "is a symbolic link"),
        (device_link, "is a symbolic link"),
    ],
)
def test_what_is_no_regular_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], expected: str
) -> None:
    """Whatever a link leads to, and without waiting for anybody."""
    make(tmp_path / "x")
    assert expected == refusal(tmp_path / "x")


def test_a_device_is_refused() -> None:
    """A device takes what is written for commands, or for ever."""
    assert "is not a regular file" == refusal("/dev/null")


def test_no_link_is_followed_on_the_way(tmp_path: Path) -> None:
    """A directory above the file that is a link leads out of what the host has allowed."""
    real = tmp_path / "real" / "deep"
    real.mkdir(parents=True)
    (tmp_path / "first").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "second").symlink_to(real)
    check_file(str(real / "x"), "")
    for path in (tmp_path / "first" / "deep" / "x", tmp_path / "real" / "second" / "x"):
        assert "cannot be used: a step is a link or no directory" == refusal(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing/x", "cannot be used: No such file or directory"),
        ("file/x", "cannot be used: a step is a link or no directory"),
        ("x" * 256, "cannot be used: File name too long"),
    ],
)
def test_what_cannot_be_opened_is_refused(tmp_path: Path, name: str, expected: str) -> None:
    """The system's own words, before any handler has been closed."""
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / name).endswith(expected)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Give a new directory that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user without rights for a while; a test that does not run as root is one already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_written_is_refused(open_path: Path) -> None:
    """A process finds out beforehand that it may not open, or may not make, a file."""
    readable = open_path / "x"
    readable.write_text("")
    readable.chmod(0o444)
    closed = open_path / "closed"
    closed.mkdir(mode=0o555)
    with as_nobody():
        assert "cannot be used: Permission denied" == refusal(readable)
        assert "cannot be made in its directory" == refusal(closed / "x")


def test_a_directory_need_not_be_listed(open_path: Path) -> None:
    """Passing through is enough, as it is for whoever opens the file by its path."""
    passage = open_path / "passage"
    passage.mkdir(mode=0o711)
    (passage / "logs").mkdir()
    (passage / "logs").chmod(0o777)
    with as_nobody():
        check_file(str(passage / "logs" / "x"), "")


@pytest.mark.parametrize("path", ["", "x", "a/x", "/", "/a/../x", "/a/./x", "//x", "/a//x", "/a/"])
def test_a_path_that_is_not_normal_is_refused(path: str) -> None:
    """Each step is opened by its name, so a path has no other steps."""
    assert "has no absolute path in its normal form" == refusal(path)
