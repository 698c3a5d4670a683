"""Processes of a service that end in the middle: nobody is left behind, and nothing hangs.

Rules these tests keep:

1. Processes are real, and end by SIGKILL, at a place where they are known to be.
2. What has to be there afterwards is there in every process that is left, and in the journal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.integration.workers_fleet import (
    HOST,
    LOGGER,
    PATIENCE_S,
    TRAIL,
    Asking,
    outcomes,
)

from sealwire import RequestRefusedError
from sealwire.client import Client
from sealwire.keyfiles import write_key_file

if TYPE_CHECKING:
    from tests.integration.workers_fleet import Fleet


def leased(fleet: Fleet) -> set[tuple[str, ...]]:
    """Give the leases of every process: one set of them where all have the same."""
    return {tuple(row["leases"]) for row in fleet.rows()}


def until_leased(fleet: Fleet, wanted: set[tuple[str, ...]]) -> None:
    """Wait until every process has the leases that it is to have."""
    ends_s = time.monotonic() + PATIENCE_S
    while (found := leased(fleet)) != wanted:
        assert time.monotonic() < ends_s, found
        time.sleep(0.05)


def succeed_by_another(fleet: Fleet, leader: str, but: str) -> None:
    """Kill the leader, and have another one take over than the one named."""
    process = fleet.running[but]
    process.send_signal(signal.SIGSTOP)
    try:
        fleet.kill(leader)
        fleet.rows()
        assert fleet.leader() != but
    finally:
        process.send_signal(signal.SIGCONT)


# ---- the one that leads --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["intent", "apply", "settle", "outcome", "spread"])
def test_a_leader_that_is_killed_leaves_nobody_behind(fleet: Fleet, place: str) -> None:
    """All that are left come to what the journal says; the message tells, or is done then."""
    leader = fleet.leader()
    asking = fleet.hanging(leader, place)
    fleet.kill(leader)
    lost = asking.unanswered()
    # An intent that is torn has begun nothing, and the message is as new as it was.
    begun = place != "intent"
    until_leased(fleet, {(lost.request_id,)} if begun else {()})
    assert ({lost.request_id} if begun else set()) == fleet.journal().in_force.ids
    told = fleet.client.send(lost.sealed)
    assert ("applied", begun) == (told.outcome.name.lower(), told.repeated)
    assert {(lost.request_id,)} == leased(fleet)
    assert {lost.request_id} == fleet.journal().in_force.ids
    for name in fleet.running:
        fleet.writes(name)
    assert ["applied"] * 3 == outcomes(fleet.ask())


def test_what_was_for_another_process_alone_is_not_made_by_the_one_that_takes_over(
    fleet: Fleet,
) -> None:
    """The leader is killed between the two records: the change is that process's own after it."""
    leader = fleet.leader()
    meant = next(name for name in fleet.running if name != leader)
    only = fleet.only(meant)
    asking = fleet.hanging(
        leader, "settle", lambda: fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=only)
    )
    succeed_by_another(fleet, leader, but=meant)
    lost = asking.unanswered()
    until_leased(fleet, {(lost.request_id,), ()})
    for name in fleet.running:
        fleet.writes(name, debug=name == meant)
    assert {lost.request_id} == fleet.journal().in_force.ids
    told = fleet.client.send(lost.sealed)
    assert ("applied", True) == (told.outcome.name.lower(), told.repeated)


def test_what_was_for_the_one_that_died_is_made_by_nobody(fleet: Fleet) -> None:
    """And whoever asked is told so."""
    leader = fleet.leader()
    only = fleet.only(leader)
    asking = fleet.hanging(
        leader, "apply", lambda: fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=only)
    )
    fleet.kill(leader)
    lost = asking.unanswered()
    with pytest.raises(RequestRefusedError):
        fleet.served(lambda: fleet.client.send(lost.sealed))
    assert {()} == leased(fleet)
    assert frozenset() == fleet.journal().in_force.ids


@pytest.mark.parametrize("named", [True, False])
def test_a_revert_that_is_left_in_the_middle_ends_what_is_elsewhere(
    fleet: Fleet, *, named: bool
) -> None:
    """Also where the process that takes over never had it."""
    leader = fleet.leader()
    meant = next(name for name in fleet.running if name != leader)
    only = fleet.only(meant)
    begun = fleet.client.lease({LOGGER: "DEBUG"}, for_s=60, only=only)
    fleet.writes(meant)
    asking = fleet.hanging(
        leader, "settle", lambda: fleet.client.revert(begun.request_id if named else "")
    )
    succeed_by_another(fleet, leader, but=meant)
    lost = asking.unanswered()
    until_leased(fleet, {()})
    fleet.writes(meant, debug=False)
    assert frozenset() == fleet.journal().in_force.ids
    told = fleet.client.send(lost.sealed)
    assert ("applied", True) == (told.outcome.name.lower(), told.repeated)


def test_the_next_one_goes_on_in_the_same_trail(fleet: Fleet) -> None:
    """Whoever follows has no file of it open; the command line finds it good, also after a tear."""
    fleet.ask()
    for _ in range(2):
        leader = fleet.leader()
        assert [leader] == [name for name in fleet.running if records_in(fleet, name)]
        asking = fleet.hanging(leader, "apply")
        fleet.kill(leader)
        asking.unanswered()
        fleet.rows()
    assert ["applied"] * 2 == outcomes(fleet.ask())
    write_key_file(fleet.folder / "trail.pub", TRAIL.verify_key)
    verify = "trail", "verify", fleet.folder / "trail", "--key", fleet.folder / "trail.pub"
    done = subprocess.run(
        [sys.executable, "-m", "sealwire", *verify], check=False, capture_output=True, text=True
    )
    assert 0 == done.returncode, done
    show = "trail", "show", fleet.folder / "trail"
    shown = subprocess.run(
        [sys.executable, "-m", "sealwire", *show], check=True, capture_output=True, text=True
    ).stdout
    assert 3 == shown.count("  started  ")


def records_in(fleet: Fleet, name: str) -> set[str]:
    """Give what a process has open of the trail."""
    return {each for each in fleet.open_files(name) if each.startswith("trail/")}


def test_a_child_of_the_leader_that_lives_on_keeps_nobody_from_leading(fleet: Fleet) -> None:
    """It has none of its parent's locks and sockets, answers nobody, and is no worker."""
    leader = fleet.leader()
    (fleet.folder / f"{leader}.forks").touch()
    child = int(fleet.wait_for(f"{leader}.child").read_text(encoding="utf-8"))
    try:
        assert ["applied"] * 4 == outcomes(fleet.ask())
        fleet.kill(leader)
        assert ["applied"] * 3 == outcomes(fleet.ask())
        assert 3 == len(fleet.rows())
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_leader_that_is_stopped_holds_the_address_until_it_is_killed(fleet: Fleet) -> None:
    """Nobody takes over from a process that lives; whoever asks gets no answer, and can repeat."""
    leader = fleet.leader()
    fleet.running[leader].send_signal(signal.SIGSTOP)
    impatient = Client(
        fleet.client.address, fleet.client.sealer, receipt_key=HOST.verify_key, timeout_s=2
    )
    lost = Asking(lambda: impatient.lease({LOGGER: "DEBUG"}, for_s=60)).unanswered()
    assert leader == fleet.leader()
    fleet.kill(leader)
    told = fleet.served(lambda: fleet.client.send(lost.sealed))
    assert ["applied"] * 3 == outcomes(told)
