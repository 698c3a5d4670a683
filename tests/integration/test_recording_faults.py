"""A trail that cannot be written: changes are refused, going back works, and it mends by itself.

The disk is the real one with a shim in front of the calls that write, which does the sums: a folder
has so many bytes, and a file that is removed gives its own back.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from tests.integration.conftest import APPLICATION, PATIENCE_S

from sealwire.keys import SigningKey
from sealwire.recording import OnFailure, Trail, outage, outlets, recorder
from sealwire.recording.keeper import RESERVE_BYTES
from sealwire.requests import Verb
from sealwire.stages import Outcome, Stream
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.layout import leaves_of
from sealwire.trail.records import parse_record
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from sealwire.listener import Listener
    from sealwire.stages import Answer
    from sealwire.trail.condition import TrailState

HOST = SigningKey(bytes(range(32)), owner="host")
ROOM_BYTES = RESERVE_BYTES + 64 * 1024

Until: TypeAlias = "Callable[[Callable[[], object]], None]"


class Disk:
    """The file system of some folders, which can be full, broken or slow."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = os.path.realpath(folder)
        self.room_bytes = 10**9
        self.broken = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._write, self._allocate, self._sync = os.write, os.posix_fallocate, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "posix_fallocate", self.allocate)
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def _is_here(self, descriptor: int) -> bool:
        return os.path.realpath(f"/proc/self/fd/{descriptor}").startswith(self.folder + os.sep)

    def _take(self, descriptor: int, size: int) -> None:
        used = sum(each.stat().st_size for each in Path(self.folder).rglob("*") if each.is_file())
        if self._is_here(descriptor) and used + size > self.room_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, descriptor: int, data: bytes) -> int:
        """Write what there is room for."""
        self._take(descriptor, len(data))
        return self._write(descriptor, data)

    def allocate(self, descriptor: int, offset: int, size: int) -> None:
        """Allocate what there is room for."""
        self._take(descriptor, size)
        self._allocate(descriptor, offset, size)

    def sync(self, descriptor: int) -> None:
        """Bring to the disk, unless it is broken."""
        if self._is_here(descriptor):
            self.goes_on.wait()
            if self.broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._sync(descriptor)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, so that nobody has to wait for it."""
    monkeypatch.setattr(outage, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(outage, "LAST_RETRY_S", 0.1)
    monkeypatch.setattr(outlets, "RETRY_S", 0.02)
    monkeypatch.setattr(outlets, "GIVE_S", 0.2)
    monkeypatch.setattr(recorder, "WAIT_S", 3.0)


@pytest.fixture
def trail(folder: Path) -> Path:
    """Give where the trail is to lie."""
    return folder / "trail"


@pytest.fixture
def disk(trail: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Give the disk of the trail's folder."""
    found = Disk(trail, monkeypatch)
    yield found
    found.goes_on.set()


@pytest.fixture
def lease(ask: Callable[..., Answer]) -> Callable[[Listener], Answer]:
    """Give what asks for a lease of a minute."""

    def lease(listener: Listener) -> Answer:
        levels = {APPLICATION: "DEBUG"}
        return ask(listener, Verb.LEASE, Stream.LEASE, levels=levels, for_s=60)

    return lease


def records_of(trail: Path) -> list[dict[str, Any]]:
    """Give the records as their JSON says them."""
    return [json.loads(parse_record(each).encode()) for each in leaves_of(trail)]


def how_is(listener: Listener) -> TrailState:
    """Say how a listener's trail is doing."""
    found = listener.stats().trail
    assert found is not None
    return found


def kinds_of(trail: Path) -> list[str]:
    """Give what kinds of records there are, in their order."""
    return [each["kind"] for each in records_of(trail)]


def is_good(trail: Path) -> bool:
    """Whether a trail verifies with the host's key."""
    return verify_trail(trail, [HOST.verify_key]).outcome is Finding.GOOD


def test_a_full_disk_refuses_changes_and_lets_everybody_go_back(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
    application: logging.Logger,
) -> None:
    """The reserve takes the revert; when there is room again, changes are taken by themselves."""
    listener = serve(trail=Trail(trail, HOST))
    assert Outcome.APPLIED is lease(listener).outcome
    disk.room_bytes = 0
    disk.room_bytes = sum(each.stat().st_size for each in trail.iterdir())
    refused = lease(listener)
    assert (Outcome.REFUSED, "trail-unavailable") == (refused.outcome, refused.reason)
    again = lease(listener)
    assert "is full" in again.detail or "No space" in again.detail
    status = json.loads(ask(listener, Verb.STATUS, Stream.READ).report)
    assert status["trail"]["trouble"]
    assert 1 == len(status["leases"])
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    assert 0 == application.level
    # In the space in reserve, and not only in memory.
    until(lambda: "lease-ended" in kinds_of(trail))
    assert not (trail / "reserve").exists()
    disk.room_bytes = 10**9
    until(lambda: how_is(listener).trouble == "")
    assert (trail / "reserve").stat().st_size == RESERVE_BYTES
    assert Outcome.APPLIED is lease(listener).outcome
    listener.stop()
    (failed,) = (each for each in records_of(trail) if each["kind"] == "trail-failed")
    assert "No space left on device" in failed["cause"]
    assert is_good(trail)


def test_a_disk_without_any_room_keeps_what_goes_back_until_there_is(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
    application: logging.Logger,
) -> None:
    """Not even the reserve is left: levels go back all the same, and it is recorded later."""
    listener = serve(trail=Trail(trail, HOST))
    assert Outcome.APPLIED is lease(listener).outcome
    disk.room_bytes = 0
    assert Outcome.REFUSED is lease(listener).outcome
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    assert 0 == application.level
    until(lambda: how_is(listener).waiting > 0)
    disk.room_bytes = 10**9
    until(lambda: how_is(listener)[3:5] == (0, ""))
    listener.stop()
    kinds = kinds_of(trail)
    assert kinds.index("trail-failed") < kinds.index("lease-ended")
    assert is_good(trail)


def test_a_sync_that_fails_is_not_tried_again_on_the_same_file(
    serve: Callable[..., Listener],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
) -> None:
    """The trail is opened anew and read; no record is lost or there twice."""
    listener = serve(trail=Trail(trail, HOST))
    disk.broken = True
    assert "trail-unavailable" == lease(listener).reason
    disk.broken = False
    until(lambda: Outcome.APPLIED is lease(listener).outcome)
    listener.stop()
    assert is_good(trail)
    accepted = [each["request"] for each in records_of(trail) if each["kind"] == "accepted"]
    assert len(accepted) == len(set(accepted))
    assert 1 == kinds_of(trail).count("lease-begun")
    assert "trail-failed" in kinds_of(trail)


def test_a_disk_that_hangs_delays_no_end(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
    application: logging.Logger,
) -> None:
    """A change waits a bounded time and is refused; then nothing waits, and reverting never did."""
    listener = serve(trail=Trail(trail, HOST))
    assert Outcome.APPLIED is lease(listener).outcome
    disk.goes_on.clear()
    assert "trail-unavailable" == lease(listener).reason
    begun_s = time.monotonic()
    for _ in range(5):
        assert "trail-unavailable" == lease(listener).reason
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    assert 0 == application.level
    # Each of them would have waited so long.
    assert time.monotonic() - begun_s < recorder.WAIT_S
    disk.goes_on.set()
    until(lambda: how_is(listener).trouble == "")
    listener.stop()
    assert is_good(trail)


def test_a_lock_lasts(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
) -> None:
    """Once it could not be written, no change is made until the service starts again."""
    listener = serve(trail=Trail(trail, HOST, on_audit_failure=OnFailure.LOCK))
    assert Outcome.APPLIED is lease(listener).outcome
    disk.broken = True
    assert "trail-unavailable" == lease(listener).reason
    disk.broken = False
    until(lambda: "trail-failed" in kinds_of(trail))
    refused = lease(listener)
    assert "until a restart" in refused.detail
    assert how_is(listener).locked
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    listener.stop()
    assert Outcome.APPLIED is lease(serve(trail=Trail(trail, HOST))).outcome


def test_a_second_folder_takes_over(
    serve: Callable[..., Listener],
    lease: Callable[[Listener], Answer],
    folder: Path,
    trail: Path,
    disk: Disk,
    until: Until,
) -> None:
    """Changes go on, in a trail of its own there; the first one says how many records are where."""
    spill = folder / "spill"
    listener = serve(trail=Trail(trail, HOST, OnFailure.SPILL, spill))
    disk.broken = True
    assert Outcome.APPLIED is lease(listener).outcome
    assert how_is(listener).spilled
    assert {"trail-failed", "accepted", "lease-begun"} <= set(kinds_of(spill))
    assert is_good(spill)
    disk.broken = False
    until(lambda: not how_is(listener).spilled)
    listener.stop()
    assert str(spill) in next(
        each["cause"] for each in records_of(trail) if each["kind"] == "trail-failed"
    )
    assert is_good(trail)


def test_a_service_starts_on_a_disk_that_is_full(
    serve: Callable[..., Listener],
    lease: Callable[[Listener], Answer],
    trail: Path,
    disk: Disk,
    until: Until,
) -> None:
    """The application is not kept from starting; changes are refused until there is room."""
    disk.room_bytes = 0
    listener = serve(trail=Trail(trail, HOST))
    assert "trail-unavailable" == lease(listener).reason
    disk.room_bytes = 10**9
    until(lambda: Outcome.APPLIED is lease(listener).outcome)
    listener.stop()
    assert "started" in kinds_of(trail)
    assert is_good(trail)


# ---- sinks ----------------------------------------------------------------------------------


class Collector:
    """A collector of syslog on a Unix stream socket, which can be gone or deaf."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listening: socket.socket | None = None
        self._connection: socket.socket | None = None
        self.start()

    def start(self) -> None:
        """Listen."""
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._listening.settimeout(PATIENCE_S)

    def stop(self) -> None:
        """Go away."""
        for each in (self._connection, self._listening):
            if each is not None:
                each.close()
        self._connection = self._listening = None
        self.path.unlink(missing_ok=True)

    def read(self) -> list[str]:
        """Give the messages that have come, by their frames."""
        if self._connection is None:
            assert self._listening is not None
            self._connection, _ = self._listening.accept()
        self._connection.setblocking(False)
        data = b""
        try:
            while more := self._connection.recv(1 << 20):
                data += more
        except BlockingIOError:
            pass
        found = []
        while data:
            length, _, rest = data.partition(b" ")
            found.append(rest[: int(length)].decode())
            data = rest[int(length) :]
        return found


@pytest.fixture
def collector(folder: Path) -> Iterator[Collector]:
    """Give a collector that listens."""
    found = Collector(folder / "syslog.sock")
    yield found
    found.stop()


def test_a_change_waits_for_its_hand_over(
    serve: Callable[..., Listener],
    lease: Callable[[Listener], Answer],
    trail: Path,
    collector: Collector,
) -> None:
    """What is answered is in the collector's hands, in RFC 5424 and framed by octets."""
    listener = serve(trail=Trail(trail, HOST, required_sinks=(f"syslog:unix:{collector.path}",)))
    assert Outcome.APPLIED is lease(listener).outcome
    said = collector.read()
    assert ["started", "checkpoint", "accepted", "lease-begun"] == [
        each.split()[5] for each in said
    ]
    note = json.loads(said[1].split(" - ", 3)[3])["note"]
    assert note.startswith("sealwire/payments@prod/")


def test_checkpoints_come_by_themselves(
    serve: Callable[..., Listener],
    trail: Path,
    collector: Collector,
    until: Until,
) -> None:
    """Silence is a finding, so a service without changes is heard of as well."""
    sinks = (f"syslog:unix:{collector.path}",)
    listener = serve(trail=Trail(trail, HOST, required_sinks=sinks, heartbeat_s=1))
    said: list[str] = []

    def heard() -> bool:
        said.extend(collector.read())
        return sum(" checkpoint " in each for each in said) >= 3

    until(heard)
    listener.stop()


def test_a_collector_that_is_gone_and_comes_back(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    lease: Callable[[Listener], Answer],
    trail: Path,
    collector: Collector,
    until: Until,
) -> None:
    """Changes are refused meanwhile, the trail goes on, and what was missed comes first."""
    listener = serve(trail=Trail(trail, HOST, required_sinks=(f"syslog:unix:{collector.path}",)))
    assert Outcome.APPLIED is lease(listener).outcome
    collector.stop()
    assert "trail-unavailable" == lease(listener).reason
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    until(lambda: "lease-ended" in kinds_of(trail))
    collector.start()
    until(lambda: how_is(listener).trouble == "")
    kinds = [each.split()[5] for each in collector.read()]
    assert "lease-ended" in kinds
    until(lambda: "trail-failed" in kinds_of(trail))
    assert Outcome.APPLIED is lease(listener).outcome


def test_a_collector_that_reads_nothing(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    collector: Collector,
    until: Until,
    application: logging.Logger,
) -> None:
    """Its buffers fill up; a change is refused after a bounded time, and going back is not."""
    listener = serve(trail=Trail(trail, HOST, required_sinks=(f"syslog:unix:{collector.path}",)))
    levels = {f"{APPLICATION}.{'x' * 200}{number}": "INFO" for number in range(60)}

    def ask_for_much() -> Answer:
        return ask(listener, Verb.LEASE, Stream.LEASE, levels=levels, for_s=600)

    answers: list[Answer] = []
    while not answers or answers[-1].outcome is Outcome.APPLIED:
        answers.append(ask_for_much())
        ask(listener, Verb.REVERT, Stream.LEASE)
    assert "trail-unavailable" == answers[-1].reason
    until(lambda: "takes nothing" in how_is(listener).trouble)
    assert "trail-unavailable" == ask_for_much().reason
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    assert [] == json.loads(ask(listener, Verb.STATUS, Stream.READ).report)["leases"]
