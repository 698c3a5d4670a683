"""A trail on a file system that is really full."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire import Outcome, deliver
from sealwire.keys import SigningKey
from sealwire.recording import Trail
from sealwire.recording.keeper import RESERVE_BYTES
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Stream
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.layout import leaves_of
from sealwire.trail.records import parse_record
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.listener import Listener
    from sealwire.stages import Answer

HOST = SigningKey(bytes(range(32)), owner="host")
NAME = "sealwire-tests.application"


@pytest.fixture
def small(folder: Path) -> Iterator[Path]:
    """Give a file system of a megabyte."""
    found = folder / "small"
    found.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(found)], check=True)
    yield found
    subprocess.run(["umount", str(found)], check=True)


def fill(folder: Path) -> Path:
    """Write until nothing more fits."""
    path = folder / "debug.log"
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return path


def kinds_of(trail: Path) -> list[str]:
    """Give what kinds of records there are."""
    return [parse_record(each).event.kind for each in leaves_of(trail)]


def test_a_disk_that_is_really_full(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    small: Path,
    application: logging.Logger,
    until: Callable[[Callable[[], object]], None],
) -> None:
    """Changes are refused, a lease is taken back and recorded from the reserve, and it mends."""
    trail = small / "trail"
    listener = serve(trail=Trail(trail, HOST))

    def ask(verb: Verb, **members: object) -> Answer:
        document = write_request(verb, **members)  # type: ignore[arg-type] # by name
        sealed = seal(document, content_type=CONTENT_TYPE_REQUEST, stream=Stream.LEASE)
        return deliver(listener.address, sealed)

    assert Outcome.APPLIED is ask(Verb.LEASE, levels={NAME: "DEBUG"}, for_s=60).outcome
    filler = fill(small)
    answers = [ask(Verb.LEASE, levels={NAME: "DEBUG"}, for_s=60) for _ in range(3)]
    while answers[-1].outcome is Outcome.APPLIED:
        # What was left of the last page of a file takes some records yet.
        answers.append(ask(Verb.LEASE, levels={NAME: "DEBUG"}, for_s=60))
        ask(Verb.REVERT)
    assert "trail-unavailable" == answers[-1].reason
    assert Outcome.APPLIED is ask(Verb.REVERT).outcome
    assert 0 == application.level
    until(lambda: "trail-failed" in kinds_of(trail) and "lease-ended" in kinds_of(trail)[-2:])
    assert not (trail / "reserve").exists()
    filler.unlink()
    until(lambda: ask(Verb.LEASE, levels={NAME: "DEBUG"}, for_s=60).outcome is Outcome.APPLIED)
    assert RESERVE_BYTES == (trail / "reserve").stat().st_size
    listener.stop()
    listener.join()
    assert Finding.GOOD is verify_trail(trail, [HOST.verify_key]).outcome
