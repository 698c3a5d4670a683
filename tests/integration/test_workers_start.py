"""A process that may not be one of a service's is refused before it has touched anything there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import ConfigurationError, SigningKey, StateError, listen, wall_clock_ms
from sealwire.journal import init as init_state
from sealwire.journal.disk import Disk
from sealwire.recommended import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.listener import Listener

ALICE = SigningKey(bytes(range(32)), owner="alice")
AUDIENCE = "payments@prod"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a state, whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        init_state(Path(path, "state"), AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        yield Path(path)


def begin(folder: Path, audience: str = AUDIENCE, **settings: Any) -> Listener:  # noqa: ANN401
    """Be a process of the service."""
    address = settings.pop("address", f"unix:{folder}/sock")
    chain = local(audience, [ALICE.verify_key])
    return listen(address, chain=chain, workers=True, state=folder / "state", **settings)


def names_in(folder: Path) -> set[str]:
    """Give the names that stand in the state."""
    return {each.name for each in (folder / "state").iterdir()}


def test_two_services_with_one_state_are_refused(folder: Path) -> None:
    """The second has no place among the processes of the first, not even for a moment."""
    with begin(folder):
        before = {each.name for each in (folder / "state" / "workers").iterdir()}
        with pytest.raises(ConfigurationError, match=r"is the state of payments@prod, and shop@"):
            begin(folder, "shop@prod", address=f"unix:{folder}/other")
        assert before == {each.name for each in (folder / "state" / "workers").iterdir()}
        assert not (folder / "other").exists()


def test_the_state_of_another_user_is_refused_with_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is put there, which root could."""
    before, owner = names_in(folder), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigurationError, match=f"run as root: chown -R {owner + 1} "):
        begin(folder)
    assert before == names_in(folder)


def test_a_state_on_a_network_file_system_is_refused_with_a_hint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks may hold on one host alone, and processes of two would both lead."""
    before = names_in(folder)
    told = "mnt_id:\t7\n", "7 1 0:52 / /state rw - nfs4 nas:/exports rw\n"
    monkeypatch.setattr(Disk, "about_mounts", lambda *_: told)
    with pytest.raises(ConfigurationError, match=r"\(nfs4\), .*; name a directory on a local disk"):
        begin(folder)
    assert before == names_in(folder)


def test_a_state_that_is_not_there_is_refused_with_the_command(folder: Path) -> None:
    """The processes have nothing to follow."""
    (folder / "state").rename(folder / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"make it with: sealwire state init"):
        begin(folder)


def test_a_folder_of_places_that_others_can_use_is_refused(folder: Path) -> None:
    """Whoever may write there could say that he has followed."""
    (folder / "state" / "workers").mkdir()
    (folder / "state" / "workers").chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"not a folder of this user alone; .* rm -r "):
        begin(folder)


def test_a_folder_of_places_that_is_none_is_refused(folder: Path) -> None:
    """A file stands in its place."""
    (folder / "state" / "workers").touch(0o600)
    with pytest.raises(StateError, match="cannot be used"):
        begin(folder)


def test_an_address_that_somebody_else_has_is_an_error(folder: Path) -> None:
    """Of the process that would serve it, after a while in which whoever led may have gone."""
    init_state(folder / "other", "shop@prod", min_version=0, now_ms=wall_clock_ms())
    chain = local("shop@prod", [ALICE.verify_key])
    taken = f"unix:{folder}/sock"
    with (
        listen(taken, chain=chain, workers=True, state=folder / "other"),
        pytest.raises(ConfigurationError, match="sock"),
    ):
        begin(folder)
