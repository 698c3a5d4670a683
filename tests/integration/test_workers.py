"""Several processes behind one address: each of them changes, whoever comes and goes."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.integration.workers_fleet import ALICE, AUDIENCE, HOST, LOGGER, Fleet, outcomes

from sealwire import RequestFailedError, RequestRefusedError
from sealwire.keyfiles import write_key_file
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.documents import JsonValue

DEBUG: dict[str, JsonValue] = {
    "version": 1,
    "incremental": True,
    "loggers": {LOGGER: {"level": "DEBUG"}},
}


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
    written = "".join(fleet.log(name).read_text(encoding="utf-8") for name in fleet.running)
    assert 1 == written.count(f"INFO this process serves {fleet.client.address} now\n")
    assert "object at" not in written


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


def end_leases_here(fleet: Fleet) -> None:
    """End all leases as whoever owns the service."""
    subprocess.run(
        [sys.executable, "-m", "sealwire", "local", "revert", "--address", fleet.client.address],
        check=True,
        capture_output=True,
    )


def test_somebody_on_the_host_ends_leases_in_every_process(fleet: Fleet) -> None:
    """Without a key, by whoever owns the service."""
    fleet.ask()
    end_leases_here(fleet)
    for name in "abcd":
        fleet.writes(name, debug=False)


def test_a_worker_that_is_killed_while_it_applies_blocks_nothing(fleet: Fleet) -> None:
    """It is named in the answer, and forgotten with the next one."""
    leader = fleet.leader()
    killed = next(name for name in "abcd" if name != leader)
    asking = fleet.hanging(killed, "apply")
    fleet.kill(killed)
    assert ["applied"] * 3 + ["failed"] == outcomes(asking.answered())
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
        fleet.end()


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


def _apply_debug(settings: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Apply a configuration that sets DEBUG."""
    path = settings.with_name("debug.json")
    path.write_text(json.dumps(DEBUG), encoding="utf-8")
    return _typed(settings, "apply", str(path), *options)


def test_the_command_line_says_how_many(fleet: Fleet) -> None:
    """A row where it was not done, exit 5 then, and a line for each process in status."""
    settings = _settings(fleet)
    done = _typed(settings, "lease", f"{LOGGER}=DEBUG", "--for", "1m")
    assert (0, True) == (done.returncode, "4/4 processes" in done.stdout), done
    assert 4 == done.stdout.count(" applied\n"), "a row each"
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
    try:
        fleet.start("a")
        fleet.start("b", "c")
        done = _apply_debug(settings, *(["--keep-partial"] if keep else []))
        assert (5 if keep else 1) == done.returncode, done
        assert "2/3 processes" in done.stdout
        assert ("so it was taken back in the others" in done.stderr) is not keep
        assert ("--keep-partial" in done.stderr) is not keep
        for name in "ab":
            fleet.writes(name, debug=keep)
        fleet.writes("c", debug=False)
        assert "apply" in _typed(settings, "why").stdout
    finally:
        fleet.end()


def test_a_process_that_hangs_takes_nothing_back(fleet: Fleet) -> None:
    """It follows when it comes by again; the command says that it has not yet."""
    settings = _settings(fleet)
    leader = fleet.leader()
    name = next(name for name in "abcd" if name != leader)
    fleet.running[name].send_signal(signal.SIGSTOP)
    try:
        done = _apply_debug(settings)
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
    result = fleet.client.apply(DEBUG, only=other)
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


def test_a_process_that_was_killed_is_not_one_that_is_meant(fleet: Fleet) -> None:
    """Its socket lies there as before, and nobody hears on it; whoever takes its place is meant."""
    killed = next(name for name in fleet.running if name != fleet.leader())
    only = fleet.only(killed)
    fleet.kill(killed)
    for _ in range(2):
        with pytest.raises(RequestRefusedError) as error:
            fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=only)
        assert "not-addressed" == error.value.reason
    assert frozenset() == fleet.journal().in_force.ids
    fleet.start("e")
    assert only == fleet.only("e")
    result = fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=only)
    assert ["applied"] + ["not-addressed"] * 3 == outcomes(result)
    fleet.writes("e")


@pytest.mark.parametrize("local", [False, True], ids=["sealed", "local"])
@pytest.mark.parametrize("everywhere", [False, True], ids=["", "everywhere"])
def test_who_ends_all_leases_ends_those_of_one_process_too(
    fleet: Fleet, *, everywhere: bool, local: bool
) -> None:
    """One runs in another process than the one that takes the message, and perhaps one in all."""
    other = next(name for name in fleet.running if name != fleet.leader())
    if everywhere:
        fleet.ask()
    fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=fleet.only(other))
    fleet.writes(other)
    if local:
        end_leases_here(fleet)
    else:
        assert ["reverted"] * 4 == outcomes(fleet.client.revert())
    assert not any(row["leases"] for row in fleet.rows())
    assert frozenset() == fleet.journal().in_force.ids
    fleet.writes(other, debug=False)


def test_what_cannot_be_written_is_done_by_the_others_once_it_is(fleet: Fleet) -> None:
    """Going back waits for no disk; who follows the journal says that there is nothing yet."""
    fleet.client.lease({LOGGER: "DEBUG"}, for_s=600)
    leader = fleet.leader()
    pid = fleet.running[leader].pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    try:
        result = fleet.client.revert()
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert ["failed"] * 3 + ["reverted"] == outcomes(result)
    assert "unwritten" in result.report
    for name in fleet.running:
        fleet.writes(name, debug=False)
    assert frozenset() == fleet.journal().in_force.ids


def test_a_lease_that_ends_by_itself_troubles_nobody(tmp_path: Path) -> None:
    """All of them write it down at the same moment, and wait for each other."""
    fleet = Fleet(tmp_path)
    try:
        fleet.start(*"abcdefgh")
        for _ in range(2):
            fleet.ask(for_s=2)
            for name in "abcdefgh":
                fleet.writes(name, debug=False)
        for name in "abcdefgh":
            assert "state: " not in (tmp_path / f"{name}.log").read_text(encoding="utf-8")
        assert not any(row["trouble"] for row in fleet.rows())
    finally:
        fleet.end()


def test_names_begin_as_the_settings_say(tmp_path: Path) -> None:
    """And end with the place, which whoever comes instead of a process that was killed has."""
    fleet = Fleet(tmp_path)
    (tmp_path / "instance").write_text("web-1", encoding="utf-8")
    try:
        fleet.start("a", "b")
        expected = ["web-1/worker-0", "web-1/worker-1"]
        assert expected == sorted(row["instance"] for row in fleet.rows())
        fleet.kill(next(name for name in "ab" if name != fleet.leader()))
        fleet.start("c")
        assert expected == sorted(row["instance"] for row in fleet.rows())
        result = fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only="web-1/*")
        assert ["applied"] * 2 == outcomes(result)
    finally:
        fleet.end()
