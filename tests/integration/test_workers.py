"""Several processes behind one address: each of them changes, whoever comes and goes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire import (
    MemorySealerState,
    NoAnswerError,
    RequestFailedError,
    RequestRefusedError,
    Sealer,
    TransportError,
    wall_clock_ms,
)
from sealwire.client import Client
from sealwire.journal import init as init_state
from sealwire.keyfiles import write_key_file
from sealwire.keys import SigningKey
from sealwire.recommended import local_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents import JsonValue
    from sealwire.results import Result

PROGRAM = Path(__file__).with_name("workers_program.py")
AUDIENCE = "payments@prod"
LOGGER = "sealwire-workers.db"
ALICE = SigningKey(bytes(range(32)), owner="alice")
HOST = SigningKey(bytes(range(32, 64)), owner="host-1")


class Fleet:
    """Processes of one service, started and ended one by one."""

    def __init__(self, folder: Path, *, quorum: str = "all") -> None:
        """Lay out what they share."""
        self.folder = folder
        (folder / "quorum").write_text(quorum, encoding="utf-8")
        write_key_file(folder / "alice.pub", ALICE.verify_key)
        write_key_file(folder / "receipt.key", HOST)
        init_state(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        sealer = Sealer(
            AUDIENCE,
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        self.client = Client(f"unix:{folder}/sock", sealer, receipt_key=HOST.verify_key)

    def start(self, *names: str) -> None:
        """Start processes, and wait until they are ready."""
        for name in names:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self.folder), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        for name in names:
            out = self.running[name].stdout
            assert out is not None
            assert out.readline() == b"ready\n"

    def kill(self, name: str) -> None:
        """End a process at once."""
        process = self.running.pop(name)
        process.kill()
        process.communicate()

    def leader(self) -> str:
        """Give the name of the process that serves the address, by who holds its lock."""
        for name, process in self.running.items():
            for link in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if link.readlink().name == "sock.lock":
                        return name
        raise AssertionError("nobody serves the address")

    def writes(self, name: str, *, debug: bool = True) -> None:
        """Wait until a process writes, or does not write, what is logged at DEBUG."""
        log = self.folder / f"{name}.log"
        for _ in range(200):
            before = log.read_text(encoding="utf-8").count("DEBUG a record")
            time.sleep(0.25)
            after = log.read_text(encoding="utf-8").count("DEBUG a record")
            if (after > before) is debug:
                return
        raise AssertionError(f"{name}: DEBUG is {'not ' if debug else ''}written")

    def ask(self, *, for_s: int = 60) -> Result:
        """Lease DEBUG; try again while nobody serves the address."""
        for _ in range(100):
            try:
                return self.client.lease({LOGGER: "DEBUG"}, for_s=for_s)
            except TransportError:
                time.sleep(0.05)
        raise AssertionError("nobody serves the address")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give a service of four processes."""
    made = Fleet(tmp_path)
    try:
        made.start("a", "b", "c", "d")
        yield made
    finally:
        for name in list(made.running):
            made.kill(name)


def outcomes(result: Result) -> list[str]:
    """Give what has become of a request in each process, sorted."""
    assert result.receipt is not None
    return sorted(each.outcome.value for each in result.receipt.instances)


def test_one_lease_changes_every_process(fleet: Fleet) -> None:
    """And the receipt has a row for each; it goes back in each of them."""
    result = fleet.ask()
    assert ["applied"] * 4 == outcomes(result)
    assert result.receipt is not None
    names = {each.name.rpartition("/")[2] for each in result.receipt.instances}
    assert {"worker-0", "worker-1", "worker-2", "worker-3"} == names
    for name in "abcd":
        fleet.writes(name)
    fleet.client.revert()
    for name in "abcd":
        fleet.writes(name, debug=False)


def test_who_comes_later_has_it_before_it_is_ready(fleet: Fleet) -> None:
    """A worker born under a lease begins with it."""
    fleet.ask()
    fleet.start("e")
    fleet.writes("e")
    rows = fleet.client.status().report["workers"]
    assert 5 == len(rows)
    assert all(len(row["leases"]) == 1 for row in rows)
    assert 1 == sum(row["leads"] for row in rows)


def test_another_one_takes_over_when_the_leader_is_killed(fleet: Fleet) -> None:
    """What stood stands, and what is asked for next changes all that are left."""
    fleet.ask()
    fleet.kill(fleet.leader())
    result = fleet.ask()
    assert ["applied"] * 3 == outcomes(result)
    assert 3 == len(fleet.client.status().report["workers"])


def test_a_process_that_hangs_is_named_and_blocks_nothing(fleet: Fleet) -> None:
    """The others change; it follows when it comes by again."""
    leader = fleet.leader()
    stopped = next(name for name in "abcd" if name != leader)
    process = fleet.running[stopped]
    process.send_signal(signal.SIGSTOP)
    try:
        result = fleet.ask()
        assert ["applied"] * 3 + ["failed"] == outcomes(result)
        assert result.receipt is not None
        stale = [each for each in result.receipt.instances if each.detail]
        assert ["has not answered"] == [each.detail for each in stale]
        for name in set("abcd") - {stopped}:
            fleet.writes(name)
    finally:
        process.send_signal(signal.SIGCONT)
    fleet.writes(stopped)


def test_only_the_processes_that_are_meant_change(fleet: Fleet) -> None:
    """Whoever leads passes it on, also where it is for others alone; a later one has it too."""
    lead = next(row for row in fleet.client.status().report["workers"] if row["leads"])
    other = next(row for row in fleet.client.status().report["workers"] if not row["leads"])
    for meant in (lead, other):
        result = fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=meant["instance"])
        assert ["applied"] + ["not-addressed"] * 3 == outcomes(result)
        rows = fleet.client.status().report["workers"]
        assert [meant["instance"]] == [row["instance"] for row in rows if row["leases"]]
        again = fleet.client.revert(result.request_id)
        assert "reverted" in outcomes(again)
        assert not any(row["leases"] for row in fleet.client.status().report["workers"])


def test_somebody_on_the_host_ends_leases_in_every_process(fleet: Fleet) -> None:
    """Without a key, by whoever owns the service."""
    fleet.ask()
    subprocess.run(
        [sys.executable, "-m", "sealwire", "local", "revert", "--address", fleet.client.address],
        check=True,
        capture_output=True,
    )
    for name in "abcd":
        fleet.writes(name, debug=False)


def hanging(fleet: Fleet, name: str) -> threading.Thread:
    """Ask for a lease, in whose middle a process hangs; give who asks, once it does."""
    (fleet.folder / f"{name}.hangs").touch()

    def ask() -> None:
        with contextlib.suppress(TransportError, NoAnswerError):
            fleet.client.lease({LOGGER: "DEBUG"}, for_s=60)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(400):
        if (fleet.folder / f"{name}.hung").exists():
            return asking
        time.sleep(0.05)
    raise AssertionError(f"{name} does not hang")


def test_what_the_leader_left_in_the_middle_is_done_by_the_others(fleet: Fleet) -> None:
    """It is killed while it applies: nobody has to ask again, and nobody is left out."""
    leader = fleet.leader()
    asking = hanging(fleet, leader)
    fleet.kill(leader)
    asking.join(30)
    for name in set("abcd") - {leader}:
        fleet.writes(name)
    assert ["applied"] * 3 == outcomes(fleet.ask())


def test_a_worker_that_is_killed_while_it_applies_blocks_nothing(fleet: Fleet) -> None:
    """It is named in the answer, and forgotten with the next one."""
    leader = fleet.leader()
    killed = next(name for name in "abcd" if name != leader)
    (fleet.folder / f"{killed}.hangs").touch()
    result = fleet.ask()
    assert ["applied"] * 3 + ["failed"] == outcomes(result)
    assert (fleet.folder / f"{killed}.hung").exists()
    fleet.kill(killed)
    for name in set("abcd") - {killed}:
        fleet.writes(name)
    assert ["applied"] * 3 == outcomes(fleet.ask())


@pytest.mark.parametrize(("quorum", "stays"), [("all", False), ("majority", True), ("any", True)])
def test_the_quorum_decides_whether_it_stays(tmp_path: Path, quorum: str, *, stays: bool) -> None:
    """One of three cannot do it: it is taken back in all, or it stays in the others."""
    fleet = Fleet(tmp_path, quorum=quorum)
    (tmp_path / "c.fails").touch()
    try:
        fleet.start("a")
        fleet.start("b", "c")
        if stays:
            assert ["applied", "applied", "failed"] == outcomes(fleet.ask())
        else:
            with pytest.raises(RequestFailedError, match="1 of 3 processes could not do it"):
                fleet.ask()
        for name in "ab":
            fleet.writes(name, debug=stays)
    finally:
        for name in list(fleet.running):
            fleet.kill(name)


def _settings(fleet: Fleet) -> Path:
    """Write an operator's settings for the service."""
    folder = fleet.folder
    write_key_file(folder / "alice.signing", ALICE)
    write_key_file(folder / "host.pub", HOST.verify_key)
    path = folder / "operator.toml"
    path.write_text(
        'issuer = "alice"\nsigning_key = "alice.signing"\n\n'
        f'[targets."{AUDIENCE}"]\naddress = "{fleet.client.address}"\nchain = "local"\n'
        'receipt_key = "host.pub"\n',
        encoding="utf-8",
    )
    return path


def _typed(settings: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sealwire", *words, "--config", str(settings)],
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_command_line_says_how_many(fleet: Fleet) -> None:
    """A row where it was not done, exit 5 then, and a line for each process in status."""
    settings = _settings(fleet)
    done = _typed(settings, "lease", f"{LOGGER}=DEBUG", "--for", "1m")
    assert (0, True) == (done.returncode, "4/4 processes" in done.stdout), done
    leader = fleet.leader()
    stopped = fleet.running[next(name for name in "abcd" if name != leader)]
    stopped.send_signal(signal.SIGSTOP)
    try:
        done = _typed(settings, "lease", f"{LOGGER}=INFO", "--for", "1m")
        assert 5 == done.returncode, done
        assert "3/4 processes" in done.stdout
        assert "failed: has not answered" in done.stdout
        status = _typed(settings, "status").stdout
        assert "stale: it has not answered" in status
    finally:
        stopped.send_signal(signal.SIGCONT)
    status = _typed(settings, "status").stdout
    assert 1 == status.count(": leads, ")
    # A line each, and the name of the one that has answered.
    assert 5 == status.count("/worker-")


@pytest.mark.parametrize("keep", [False, True])
def test_what_fails_in_some_processes_is_taken_back_unless_it_is_to_stand(
    tmp_path: Path, *, keep: bool
) -> None:
    """The policy lets it stand; whoever applies it says whether they want that."""
    fleet = Fleet(tmp_path, quorum="any")
    (tmp_path / "c.fails").touch()
    settings = _settings(fleet)
    config = {"version": 1, "incremental": True, "loggers": {LOGGER: {"level": "DEBUG"}}}
    (tmp_path / "debug.json").write_text(json.dumps(config), encoding="utf-8")
    try:
        fleet.start("a")
        fleet.start("b", "c")
        done = _typed(
            settings, "apply", f"{tmp_path}/debug.json", *(["--keep-partial"] if keep else [])
        )
        assert (5 if keep else 1) == done.returncode, done
        assert "2/3 processes" in done.stdout
        assert ("so it was taken back in the others" in done.stderr) is not keep
        assert ("--keep-partial" in done.stderr) is not keep
        for name in "ab":
            fleet.writes(name, debug=keep)
        fleet.writes("c", debug=False)
        assert "apply" in _typed(settings, "why").stdout
    finally:
        for name in list(fleet.running):
            fleet.kill(name)


def test_a_process_that_hangs_takes_nothing_back(fleet: Fleet) -> None:
    """It follows when it comes by again; the command says that it has not yet."""
    settings = _settings(fleet)
    config = {"version": 1, "incremental": True, "loggers": {LOGGER: {"level": "DEBUG"}}}
    (fleet.folder / "debug.json").write_text(json.dumps(config), encoding="utf-8")
    leader = fleet.leader()
    name = next(name for name in "abcd" if name != leader)
    fleet.running[name].send_signal(signal.SIGSTOP)
    try:
        done = _typed(settings, "apply", f"{fleet.folder}/debug.json")
    finally:
        fleet.running[name].send_signal(signal.SIGCONT)
    assert 5 == done.returncode, done
    assert "taken back" not in done.stdout + done.stderr
    for each in "abcd":
        fleet.writes(each)


def test_the_command_line_watches(fleet: Fleet) -> None:
    """It asks again and again, and says so when nobody answers, until it is interrupted."""
    settings = _settings(fleet)
    with subprocess.Popen(
        [sys.executable, "-m", "sealwire", "status", "--watch", "--config", str(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        seen = 0
        for line in watching.stdout:
            seen += ": leads, " in line
            if seen == 2:
                break
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert 130 == watching.wait()


def test_who_ends_leases_takes_no_configuration_back(fleet: Fleet) -> None:
    """Also not one that stands in other processes than the one that takes the message."""
    report = fleet.client.status().report
    other = next(row["instance"] for row in report["workers"] if not row["leads"])
    config: dict[str, JsonValue] = {
        "version": 1,
        "incremental": True,
        "loggers": {LOGGER: {"level": "DEBUG"}},
    }
    result = fleet.client.apply(config, only=other)
    revert = write_request(Verb.REVERT, id=result.request_id)
    with pytest.raises(RequestRefusedError) as error:
        fleet.client.ask(revert, CONTENT_TYPE_REQUEST, Stream.LEASE)
    assert "not-in-force" == error.value.reason
    there = write_request(Verb.REVERT, id=result.request_id, only=other)
    fleet.client.ask(there, CONTENT_TYPE_REQUEST, Stream.LEASE)

    def stands() -> list[str]:
        rows = fleet.client.status().report["workers"]
        return [row["instance"] for row in rows if row["base"]]

    assert [other] == stands()
    fleet.client.ask(revert, CONTENT_TYPE_REQUEST, Stream.BASE)
    assert [] == stands()
