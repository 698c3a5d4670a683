"""Sinks on real descriptors and sockets: what is handed over, and what is not waited for."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sealwire.keys import SigningKey
from sealwire.recording import outlets
from sealwire.recording.outlets import Outlets
from sealwire.recording.sinks import (
    Line,
    Stdout,
    Syslog,
    line_of,
    line_of_checkpoint,
    parse_sink,
)
from sealwire.trail.checkpoint import Checkpoint, parse_note
from sealwire.trail.events import Stopped
from sealwire.trail.merkle import leaf_hash
from sealwire.trail.records import Record, parse_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = SigningKey(bytes(32), owner="host")
NOW_MS = 1_800_000_000_000
RECORD = Record(7, NOW_MS, "", Stopped("host/1 größer", "asked"))

SERVICE = """
import sys, time
from pathlib import Path
import sealwire
from sealwire import Chain, Ed25519Verifier, Freshness, Once, SigningKey, Trail
key = SigningKey(bytes(32), owner="host")
chain = Chain("payments@prod", [Ed25519Verifier([key.verify_key]), Freshness(), Once()])
sys.stdout = open("elsewhere", "w")
trail = Trail(Path("trail"), key, required_sinks=("stdout",))
sealwire.listen(f"unix:{Path.cwd()}/log.sock", chain=chain, trail=trail).stop()
"""


@pytest.fixture
def server(folder: Path) -> Iterator[socket.socket]:
    """Give a Unix socket for datagrams."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(folder / "dgram"))
        found.settimeout(10)
        yield found


def test_standard_output_has_a_descriptor_of_its_own(folder: Path) -> None:
    """Lines of JSON, also where the application has exchanged its own stream."""
    done = subprocess.run(
        [sys.executable, "-c", SERVICE], cwd=folder, capture_output=True, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [each["kind"] for each in lines]
    assert ["started", "checkpoint", "stopped", "checkpoint"] == kinds
    parse_record(done.stdout.splitlines()[0])
    note = parse_note(lines[1]["note"].encode())
    assert 2 == note.verify(HOST.verify_key).size
    assert "" == (folder / "elsewhere").read_text(encoding="utf-8")


def fill(sink: Stdout, line: Line) -> None:
    """Give more than a pipe has room for."""
    for _ in range(10):
        sink.give(line, 0.05)


def test_a_pipe_that_nobody_reads_is_not_waited_for_long() -> None:
    """It takes what it has room for; what is left of a line comes first when somebody reads."""
    heard, told = os.pipe()
    before = os.dup(1)
    try:
        os.dup2(told, 1)
        sink = Stdout()
        line = Line(b"x" * 40_000, b"", b"")
        begun_s = time.monotonic()
        with pytest.raises(TimeoutError):
            fill(sink, line)
        assert time.monotonic() - begun_s < 10
        read = os.read(heard, 1 << 20)
        sink.give(Line(b"the next", b"", b""), 0.5)
        read += os.read(heard, 1 << 20)
        assert {b"x" * 40_000, b"the next"} == set(read.splitlines())
        sink.close()
    finally:
        os.dup2(before, 1)
        for each in (before, heard, told):
            os.close(each)


def test_standard_output_that_was_closed_is_found_again_or_fails(folder: Path) -> None:
    """Never is a line written into what has the number now, and never is that closed."""
    before, elsewhere = os.dup(1), os.open(folder / "theirs", os.O_RDWR | os.O_CREAT, 0o600)
    there = os.open(folder / "there", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(there, 1)
        sink, line = Stdout(), Line(b"{}", b"", b"")
        sink.give(line, 0.5)
        own = sink._descriptor
        os.dup2(elsewhere, own)
        sink.give(line, 0.5)
        assert b"{}\n{}\n" == (folder / "there").read_bytes()
        os.dup2(elsewhere, sink._descriptor)
        os.dup2(elsewhere, 1)
        with pytest.raises(OSError, match="is not what it was"):
            sink.give(line, 0.5)
        sink.close()
        assert os.path.samestat(os.fstat(own), os.fstat(elsewhere))
        assert b"" == (folder / "theirs").read_bytes()
        os.close(int(own))
    finally:
        os.dup2(before, 1)
        for each in (before, elsewhere, there):
            os.close(each)


def test_a_socket_that_was_closed_is_connected_anew(folder: Path, server: socket.socket) -> None:
    """The number may be another connection's by now: nothing is sent there, or closed."""
    sink = parse_sink(f"syslog:unix:{folder / 'dgram'}")
    assert isinstance(sink, Syslog)
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    line = Line(b"", b"a line", b"")
    numbers = []
    for _ in range(2):
        sink.give(line, 1.0)
        assert b"a line" == server.recv(100)
        assert sink._socket is not None
        numbers.append(sink._socket.fileno())
        os.dup2(mine.fileno(), numbers[-1])
    sink.close()
    with pytest.raises(BlockingIOError):
        theirs.recv(100)
    for each in numbers:
        assert os.path.samestat(os.fstat(each), os.fstat(mine.fileno()))
        os.close(each)
    mine.close()
    theirs.close()


def test_datagrams(folder: Path, server: socket.socket) -> None:
    """One line each, without framing; a path may be of either kind."""
    sink = parse_sink(f"syslog:unix:{folder / 'dgram'}")
    sink.give(line_of(RECORD), 5)
    said = server.recv(1 << 20)
    assert said.startswith(b"<109>1 2027-01-15T08:00:00.000Z - sealwire - stopped - {")
    sink.close()


def test_a_record_that_is_too_long_for_a_datagram() -> None:
    """Which record it is, and the hash of its leaf."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        sink = parse_sink(f"syslog:udp:127.0.0.1:{server.getsockname()[1]}")
        short = line_of(RECORD).short
        sink.give(Line(b"", b"x" * 70_000, short), 5)
        told = json.loads(server.recv(1 << 20).split(b" - ", 3)[3])
        sink.close()
    assert (7, "stopped") == (told["seq"], told["kind"])
    assert leaf_hash(RECORD.encode()).hex() == told["hash"]


def test_streams_are_framed_by_octets() -> None:
    """RFC 6587: the length in front, and no newline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = parse_sink(f"syslog:tcp:127.0.0.1:{server.getsockname()[1]}")
        note = Checkpoint("sealwire/a/" + "ab" * 8, 2, bytes(32)).sign(HOST)
        sink.give(line_of(RECORD), 5)
        sink.give(line_of_checkpoint(note, NOW_MS), 5)
        sink.close()
        connection, _ = server.accept()
        with connection:
            data = b""
            while more := connection.recv(1 << 20):
                data += more
    length, _, rest = data.partition(b" ")
    first, rest = rest[: int(length)], rest[int(length) :]
    assert json.loads(first.split(b" - ", 3)[3]) == json.loads(RECORD.encode())
    length, _, second = rest.partition(b" ")
    assert int(length) == len(second)
    said = json.loads(second.split(b" - ", 3)[3])
    assert note == parse_note(said["note"].encode())
    assert second.isascii()


def test_nobody_is_there(folder: Path) -> None:
    """An error of the system, and nothing left open."""
    for name in (f"syslog:unix:{folder / 'none'}", "syslog:tcp:127.0.0.1:1"):
        sink = parse_sink(name)
        with pytest.raises(OSError, match=r"No such file|refused"):
            sink.give(line_of(RECORD), 1)
        sink.close()


class Deaf:
    """A sink that takes nothing until it is told to."""

    name = "deaf"

    def __init__(self) -> None:
        self.taken: list[Line] = []
        self.hears = False
        self.asked = 0

    def give(self, line: Line, timeout_s: float) -> None:
        """Take a line, or nothing."""
        self.asked += 1
        if not self.hears:
            raise TimeoutError
        self.taken.append(line)

    def close(self) -> None:
        """Nothing is open."""


def test_what_a_sink_did_not_take_is_kept_for_it(
    monkeypatch: pytest.MonkeyPatch, until: Callable[[Callable[[], object]], None]
) -> None:
    """In order, up to a number; what is beyond is counted. It is not asked again at once."""
    monkeypatch.setattr(outlets, "MAX_KEPT", 3)
    sink = Deaf()
    all_of_them = Outlets([sink])
    lines = [Line(bytes([number]), b"", b"") for number in range(5)]
    begun_s = time.monotonic()
    for each in lines:
        all_of_them.give([each])
    assert sink.asked <= 1 + (time.monotonic() - begun_s) / outlets.RETRY_S
    assert "the sink deaf takes nothing: TimeoutError" == all_of_them.trouble
    until(lambda: time.monotonic() > begun_s + outlets.RETRY_S)
    sink.hears = True
    all_of_them.give(())
    assert lines[:3] == sink.taken
    assert "" == all_of_them.trouble
    assert [2, 0] == [all_of_them.take_lost() for _ in range(2)]
    with contextlib.closing(all_of_them):
        pass
