"""gunicorn that begins as root and whose workers are another user: all of ours is that user's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.servers.fleet import HERE, PATIENCE_S, Fleet
from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 3
SERVICE = 60_103


def may_enter(folder: Path) -> tuple[str, ...]:
    """Give a command after which other users can read this Python, for what it turns into alone.

    Folders above it that are closed, such as root's home, are open in a namespace of its own.
    """
    above = {each for path in (sys.prefix, sys.base_prefix) for each in Path(path).parents}
    closed = sorted(str(each) for each in above if not each.stat().st_mode & 0o001)
    aside = folder / "aside"
    script = ["set -e", "mount --make-rprivate /", f"mkdir {aside}"]
    script += [f"mount -t tmpfs tmpfs {aside}"]
    for number, each in enumerate(closed):
        upper, work = f"{aside}/upper-{number}", f"{aside}/work-{number}"
        laid = f"lowerdir={each},upperdir={upper},workdir={work}"
        script += [f"mkdir {upper} {work}", f"mount -t overlay overlay -o {laid} {each}"]
        script += [f"chmod 755 {each}"]
    script += ['exec "$@"']
    return "unshare", "-m", "sh", "-c", "\n".join(script), "sh"


@pytest.fixture
def fleet(folder: Path) -> Iterator[Fleet]:
    """Give a service whose folder is the user's who its workers will be."""
    folder.chmod(0o755)
    with Fleet(folder) as made:
        made.before = may_enter(folder)
        for each in (folder, *folder.rglob("*")):
            shutil.chown(each, SERVICE, SERVICE)
        yield made


def start(fleet: Fleet, *options: str) -> None:
    """Start gunicorn as root, whose workers are not."""
    conf = "--config", str(HERE / "gunicorn_conf.py")
    bound = "--bind", f"unix:{fleet.folder}/http", "--graceful-timeout", "5"
    whose = "--user", str(SERVICE), "--group", str(SERVICE), "-w", str(COUNT)
    fleet.start("-m", "gunicorn", *conf, *bound, *whose, *options, "shop:application")


def owners(folder: Path, *names: str) -> set[int]:
    """Give whose these files are, with all that is in them."""
    found = [folder / each for each in names]
    found += [inner for each in found for inner in each.rglob("*")]
    return {each.lstat().st_uid for each in found}


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_workers_listen_when_they_have_given_up_their_rights(
    fleet: Fleet, preload: tuple[str, ...]
) -> None:
    """State, trail, socket and all locks are theirs, and root's process holds none of them."""
    start(fleet, *preload)
    workers = fleet.workers(COUNT)
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(workers, at)
    assert {0} == {os.stat(f"/proc/{fleet.pid}").st_uid}  # noqa: PTH116 - of a process
    assert {SERVICE} == {os.stat(f"/proc/{each}").st_uid for each in workers}  # noqa: PTH116
    assert {SERVICE} == owners(fleet.folder, "state", "trail", "sock", "sock.lock")
    held = [each.readlink() for each in Path(f"/proc/{fleet.pid}/fd").iterdir()]
    ours = {fleet.folder / each for each in ("state", "trail")}
    assert not [each for each in held if ours & {*each.parents}]


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_a_state_that_root_has_made_is_refused_with_the_command(
    fleet: Fleet, preload: tuple[str, ...]
) -> None:
    """The workers do not start, gunicorn ends, and the command that is told mends it."""
    state = fleet.folder / "state"
    for each in (state, *state.iterdir()):
        shutil.chown(each, 0, 0)
    start(fleet, *preload)
    assert fleet.server is not None
    assert 0 != fleet.server.wait(PATIENCE_S)
    said = (fleet.folder / "output").read_text(encoding="utf-8")
    command = f"chown -R {SERVICE} {state}"
    assert f"{state} belongs to uid 0, and a state has to be ours" in said
    assert command in said
    assert not (state / "workers").exists()
    assert 0 == os.system(command)  # noqa: S605 - as an operator types it
    fleet.before = may_enter(fleet.folder / "run")
    (fleet.folder / "run").mkdir()
    start(fleet, *preload)
    fleet.workers(COUNT)
