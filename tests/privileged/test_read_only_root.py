"""A container whose root may only be read: with a state in memory of its own, and with none."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire import MemorySealerState, Sealer, SigningKey, wall_clock_ms
from sealwire.client import Client
from sealwire.recommended import local_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "payments@prod"
LOGGER = "sealwire-readonly.db"
ALICE = SigningKey(bytes(range(32)), owner="alice")
HOST = SigningKey(bytes(range(32, 64)), owner="host-1")

PROGRAM = f"""
import errno, pathlib, sys
from sealwire import SigningKey, listen, wall_clock_ms
from sealwire.journal import init
from sealwire.recommended import local

folder, kept = pathlib.Path(sys.argv[1]), sys.argv[2] == "kept"
for place in (folder, pathlib.Path("/")):
    try:
        (place / "sealwire-written").touch()
    except OSError as error:
        assert error.errno == errno.EROFS
    else:
        raise AssertionError("the root can be written")
state = folder / "memory" / "state" if kept else None
if kept:
    init(state, "{AUDIENCE}", min_version=0, now_ms=wall_clock_ms())
alice = SigningKey(bytes(range(32)), owner="alice")
host = SigningKey(bytes(range(32, 64)), owner="host-1")
listener = listen(
    "tcp:127.0.0.1:0",
    chain=local("{AUDIENCE}", [alice.verify_key]),
    receipt_key=host,
    state=state,
    workers=kept,
)
print(listener.address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["kept", "forgotten"])
def address(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give where a service listens that can write a file system in memory, and nothing else."""
    (folder / "memory").mkdir()
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    above = next(each for each in (folder, *folder.parents) if each.is_mount())
    command = f"{sys.executable} {folder}/program.py {folder} {request.param}"
    script = f"""
        set -e
        mount --make-rprivate /
        mount -t tmpfs tmpfs {folder}/memory
        for each in / {above}; do mount -o remount,bind,ro $each; done
        exec {command}
    """
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as service:
        try:
            assert service.stdout is not None
            yield service.stdout.readline().strip()
        finally:
            service.kill()


def test_a_service_needs_no_more_than_memory(address: str) -> None:
    """It listens, and changes what it is asked to."""
    sealer = Sealer(
        AUDIENCE,
        local_layers(ALICE),
        issuer="alice",
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )
    client = Client(address, sealer, receipt_key=HOST.verify_key)
    result = client.lease({LOGGER: logging.DEBUG}, for_s=60)
    assert result.verified
    (lease,) = client.status().report["leases"]
    assert result.request_id == lease["id"]
    client.revert()
    assert [] == client.status().report["leases"]
