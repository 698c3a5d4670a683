"""Descriptors that somebody else closes, and what has their numbers then."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from sealwire.descriptors import Descriptor, check, close, identity_of, is_ours, let_go

if TYPE_CHECKING:
    from pathlib import Path


def opened(path: Path) -> Descriptor:
    """Open a file, as ours."""
    return Descriptor.of(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def taken_over(descriptor: int, path: Path) -> None:
    """Have somebody else close a descriptor, and open a file that gets its number."""
    os.close(descriptor)
    other = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if other != descriptor:
        os.dup2(other, descriptor)
        os.close(other)


def test_what_is_ours_is_used_and_closed(tmp_path: Path) -> None:
    """It is a number as any other, and knows its file."""
    ours = opened(tmp_path / "ours")
    check(ours)
    assert is_ours(ours)
    assert identity_of(os.fstat(ours)) == ours.identity
    close(ours)
    assert not is_ours(ours)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ours)


def test_what_somebody_has_closed_is_not_used() -> None:
    """The number is free, or another file's."""
    read, write = os.pipe()
    ours = Descriptor.of(read)
    os.close(read)
    with pytest.raises(OSError, match="closed our file") as caught:
        check(ours)
    assert errno.EBADF == caught.value.errno
    let_go(ours)
    os.close(write)


def test_another_file_with_its_number_is_left_alone(tmp_path: Path) -> None:
    """It is not ours to use, and not ours to close."""
    ours = opened(tmp_path / "ours")
    taken_over(ours, tmp_path / "theirs")
    with pytest.raises(OSError, match="closed our file"):
        check(ours)
    close(ours)
    let_go(ours)
    assert identity_of((tmp_path / "theirs").stat()) == identity_of(os.fstat(ours))
    os.close(int(ours))


def test_the_same_file_opened_anew_is_as_good(tmp_path: Path) -> None:
    """Whatever is written there goes where it should."""
    ours = opened(tmp_path / "ours")
    taken_over(ours, tmp_path / "ours")
    check(ours)
    close(ours)


def test_a_plain_number_is_believed() -> None:
    """Whoever made it keeps it."""
    assert is_ours(-1)
    check(-1)


def test_what_cannot_be_closed_is_let_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What counts was brought to the disk before."""
    ours = opened(tmp_path / "ours")

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "the disk fails")

    monkeypatch.setattr(os, "close", fails)
    let_go(ours)
    with pytest.raises(OSError, match="the disk fails"):
        close(ours)
    monkeypatch.undo()
    close(ours)


def test_what_cannot_be_told_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody would do it later."""
    number = os.open(tmp_path / "ours", os.O_RDWR | os.O_CREAT, 0o600)

    def fails(_: int) -> os.stat_result:
        raise OSError(errno.EIO, "the disk fails")

    monkeypatch.setattr(os, "fstat", fails)
    with pytest.raises(OSError, match="the disk fails"):
        Descriptor.of(number)
    monkeypatch.undo()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
