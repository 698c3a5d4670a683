"""A listener whose process is not, or no longer, allowed to do what it would like to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire import Answer, ConfigurationError, Outcome, deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Child

    from sealwire.listener import Listener

    Fork = Callable[[Callable[[], object]], Child]
    Become = Callable[..., None]

SERVICE = 60_103


def locks() -> list[str]:
    """Give the lock files that this process has open."""
    found = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.exists()]
    return [str(each) for each in found if each.suffix == ".lock"]


def test_stop_after_a_change_of_user(
    serve: Callable[..., Listener], child: Fork, become: Become, folder: Path, path: Path
) -> None:
    """It cannot remove the socket any more; that is no error, and the next start replaces it."""

    def program() -> None:
        folder.chmod(0o755)
        listener = serve()
        become(SERVICE)
        listener.stop()
        assert not listener.is_alive()
        assert [] == locks()

    child(program).check()
    assert path.is_socket()
    assert Answer(Outcome.REFUSED) == deliver(serve().address, b"junk")


@pytest.mark.parametrize("below", ["log.sock", "run/log.sock"])
def test_a_group_that_is_not_ours_to_give(
    serve: Callable[..., Listener], child: Fork, become: Become, folder: Path, below: str
) -> None:
    """An error of the set-up with the path in it, and no socket is left."""
    os.chown(folder, SERVICE, SERVICE)

    def program() -> None:
        become(SERVICE)
        with pytest.raises(ConfigurationError) as caught:
            serve(f"unix:{folder}/{below}", group=0)
        assert str(folder) in str(caught.value)
        assert [] == [each for each in folder.rglob("*") if not each.is_dir()]
        assert [] == locks()

    child(program).check()
