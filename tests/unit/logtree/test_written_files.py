"""A change that fails, or is only tried, takes no file away and empties none."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply, try_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = "a_module_of_the_written_files"


class Writing(logging.Handler):
    """Stands for another process, which writes a file while a change is being built."""

    def __init__(self, elsewhere: str) -> None:
        """Write the file."""
        super().__init__()
        Path(elsewhere).write_text("theirs\n", encoding="utf-8")


class Failing(logging.Handler):
    """A handler that cannot be made."""

    def __init__(self) -> None:
        """Fail."""
        raise RuntimeError


@pytest.fixture(autouse=True)
def module() -> Iterator[None]:
    """Make the classes of this file ones that a plan can name."""
    sys.modules[MODULE] = sys.modules[__name__]
    yield
    del sys.modules[MODULE]


def to_files(
    files: dict[str, Path], *, broken: bool = False, elsewhere: Path | None = None
) -> LoggingPlan:
    """Give a plan with handlers called as their modes are, built in alphabetical order."""
    handlers: dict[str, object] = {
        mode: {"class": "logging.FileHandler", "filename": str(path), "mode": mode[:1]}
        for mode, path in files.items()
    }
    if elsewhere is not None:
        handlers["a_b"] = {"class": f"{MODULE}.Writing", "elsewhere": str(elsewhere)}
    if broken:
        handlers["zz"] = {"class": f"{MODULE}.Failing"}
    written = [name for name in files if name in handlers]
    document = {"version": 1, "handlers": handlers, "root": {"level": 10, "handlers": written}}
    return read_plan(json.dumps(document).encode())


@pytest.mark.parametrize("step", [apply, try_out])
def test_a_file_that_has_something_in_it_is_not_begun_anew(
    tmp_path: Path, step: Callable[[LoggingPlan], object]
) -> None:
    """Neither by a change that would succeed, nor by one that fails; the text says why."""
    path = tmp_path / "x"
    path.write_text("kept\n", encoding="utf-8")
    for broken in (False, True):
        with pytest.raises(ApplyError) as caught:
            step(to_files({"w": path}, broken=broken))
        expected = (
            f"handlers.w.mode: the file {str(path)!r} has something in it, and 'w' empties it"
        )
        assert expected == str(caught.value)
        assert "kept\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", ["w", "x", "a"])
def test_a_new_file_is_written_in_every_mode(tmp_path: Path, mode: str) -> None:
    """A mode that begins a file begins it."""
    path = tmp_path / "x"
    apply(to_files({mode: path}))
    logging.getLogger().info("one")
    assert "one\n" == path.read_text(encoding="utf-8")


def test_mode_x_still_wants_a_new_file(tmp_path: Path) -> None:
    """What is there is neither written nor removed."""
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(ApplyError, match="'x': FileExistsError"):
        apply(to_files({"x": path}))
    assert path.exists()


@pytest.mark.parametrize("mode", ["w", "a_late"])
def test_a_file_that_another_process_made_meanwhile_is_left_alone(
    tmp_path: Path, mode: str
) -> None:
    """It was not there before, and is not ours for that; it is not emptied either."""
    path = tmp_path / "x"
    for step in (apply, try_out):
        with pytest.raises(ApplyError, match="'zz': RuntimeError"):
            step(to_files({mode: path}, elsewhere=path, broken=True))
        assert "theirs\n" == path.read_text(encoding="utf-8")
        path.unlink()


def test_a_file_of_ours_that_was_replaced_or_written_meanwhile_is_left_alone(
    tmp_path: Path,
) -> None:
    """Removed is what we made, as long as nobody has put anything there."""
    path = tmp_path / "x"
    with pytest.raises(ApplyError, match="'zz': RuntimeError"):
        apply(to_files({"a_a": path}, elsewhere=path, broken=True))
    assert "theirs\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", ["w", "x", "a"])
def test_a_new_file_is_gone_after_a_failure_or_a_trial(tmp_path: Path, mode: str) -> None:
    """Nothing is left of what did not become."""
    path = tmp_path / "x"
    with pytest.raises(ApplyError):
        apply(to_files({mode: path}, broken=True))
    try_out(to_files({mode: path}))
    assert [] == list(tmp_path.iterdir())
