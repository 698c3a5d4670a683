"""Paths of files, as text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConfigurationError
from sealwire.policy import FilePaths

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Objections

POSIX = FilePaths(("/srv/logs", "/var/log/app"), windows=False)
WINDOWS = FilePaths(("C:\\logs",), windows=True)


def handler(path: object) -> dict[str, object]:
    """Give a file handler for ``path``."""
    return {"class": "logging.FileHandler", "filename": path, "delay": True}


@pytest.mark.parametrize(
    "path",
    ["/var/log/app/x.log", "/var/log/app/a/b/c", "/srv/logs/..x", "/srv/logs/ä:b", "/srv/logs/a b"],
)
def test_a_path_beneath_a_directory_is_allowed(objections: Objections, path: str) -> None:
    """Any depth, any name that prints."""
    assert [] == objections(POSIX, handlers={"h": handler(path)})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "is not absolute"),
        ("x.log", "is not absolute"),
        ("./var/log/app/x", "is not absolute"),
        ("~/x", "is not absolute"),
        ("C:\\logs\\x", "is not absolute"),
        ("/", "is the root of the file system"),
        ("/etc/passwd", "is not beneath an allowed directory ('/srv/logs', '/var/log/app')"),
        ("/var/log/app", "is not beneath an allowed directory"),
        ("/var/log/app2/x", "is not beneath an allowed directory"),
        ("/var/log/APP/x", "is not beneath an allowed directory"),
        ("/proc/self/mem", "is not beneath an allowed directory"),
        ("/var/log/app/../../../etc/x", "is not written in its normal form, '/etc/x'"),
        ("/var/log/app/..", "is not written in its normal form"),
        ("/var/log/app/./x", "is not written in its normal form"),
        ("/var/log/app//x", "is not written in its normal form"),
        ("/var/log/app/x/", "is not written in its normal form"),
        ("//var/log/app/x", "is not written in its normal form"),
        ("/var/log/app/a\nb", "holds characters that do not print"),
        ("/var/log/app/\u202elog", "holds characters that do not print"),
    ],
)
def test_every_other_path_is_refused(objections: Objections, path: str, expected: str) -> None:
    """Judged as text, without a look at any file system."""
    found = objections(POSIX, handlers={"h": handler(path)})
    assert 1 == len(found)
    assert found[0].startswith("handlers.h.filename: the path ")
    assert expected in found[0]


def test_no_directories_allow_no_files(objections: Objections) -> None:
    """The default is no files at all."""
    found = objections(FilePaths(windows=False), handlers={"h": handler("/srv/x")})
    expected = "the path '/srv/x' is not beneath an allowed directory (none is allowed)"
    assert [f"handlers.h.filename: {expected}"] == found
    assert "file-path" == FilePaths().name


def test_a_path_is_text(objections: Objections) -> None:
    """A number is a descriptor that open() would take over."""
    found = objections(POSIX, handlers={"h": handler(3), "i": handler("ext://sys.stdout")})
    assert ["handlers.h.filename: is not text", "handlers.i.filename: is not text"] == found


def test_two_handlers_do_not_share_a_file(objections: Objections) -> None:
    """Either would rotate the file away under the other."""
    path = "/srv/logs/x"
    found = objections(POSIX, handlers={"a": handler(path), "b": handler(path)})
    assert ["handlers.b.filename: is the file of handlers.a as well"] == found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\logs\\x.log", ""),
        ("c:\\LOGS\\a\\x.log", ""),
        ("C:\\logs\\console.txt", ""),
        ("C:/logs/x", "does not start with a drive"),
        ("\\logs\\x", "does not start with a drive"),
        ("C:logs\\x", "does not start with a drive"),
        ("\\\\server\\share\\x", "does not start with a drive"),
        ("\\\\?\\C:\\logs\\x", "does not start with a drive"),
        ("\\\\.\\pipe\\docker_engine", "does not start with a drive"),
        ("C:\\", "is the root of a drive"),
        ("D:\\logs\\x", "is not beneath an allowed directory ('C:\\\\logs')"),
        ("C:\\logs2\\x", "is not beneath an allowed directory"),
        ("C:\\logs\\..\\x", "is not written in its normal form"),
        ("C:\\logs/x", "is not written in its normal form"),
        ("C:\\logs\\x:stream", "has the part 'x:stream', which Windows does not take for a name"),
        ("C:\\logs\\x.", "has the part 'x.', which"),
        ("C:\\logs\\x ", "has the part 'x ', which"),
        ("C:\\logs\\nul", "has the part 'nul', which"),
        ("C:\\logs\\CON.log", "has the part 'CON.log', which"),
        ("C:\\logs\\com1 .txt", "has the part 'com1 .txt', which"),
        ("C:\\logs\\lpt\xb9", "has the part 'lpt\xb9', which"),
    ],
)
def test_paths_of_windows(objections: Objections, path: str, expected: str) -> None:
    """A drive, backslashes, any case; no streams, no devices, no shares."""
    found = objections(WINDOWS, handlers={"h": handler(path)})
    assert bool(expected) == bool(found)
    assert expected in "".join(found)


def test_case_does_not_tell_files_apart_on_windows(objections: Objections) -> None:
    """Two spellings of one file are one file."""
    handlers = {"a": handler("C:\\logs\\x"), "b": handler("c:\\Logs\\X")}
    assert ["handlers.b.filename: is the file of handlers.a as well"] == objections(
        WINDOWS, handlers=handlers
    )


@pytest.mark.parametrize(
    ("directory", "windows"),
    [
        ("", False),
        ("logs", False),
        ("/", False),
        ("/var/log/", False),
        ("/var/../log", False),
        ("C:\\", True),
        ("\\logs", True),
        ("C:\\logs\\", True),
    ],
)
def test_an_unfit_directory_is_our_own_mistake(directory: str, windows: bool) -> None:
    """A directory that is relative, not normal or a whole file system does not construct."""
    with pytest.raises(ConfigurationError, match="cannot be allowed: it"):
        FilePaths((directory,), windows=windows)


def test_paths_are_those_of_this_system() -> None:
    """Unless the other kind is asked for."""
    assert (sys.platform == "win32") == FilePaths().windows
