"""What cannot be done here and now is refused before anything is taken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggingPlan
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage
from sealwire.inforce import Base, InForce, Trial, check_instance, lease_end_ms
from sealwire.leases import LiveLease, Overlay
from sealwire.requests import Apply, Confirm, DryRun, Lease, Request, Revert, Status
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

RUNNING = LiveLease("ab" * 16, "alice", "", (("a", 10),), (), 1, 1)
NOW_MS = 1_800_000_000_500


def in_force() -> InForce:
    """Give a process with a base of somebody's and one lease."""
    return InForce("web-1/7", Base("cd" * 32, "bob", "ef" * 16, 1), Overlay((RUNNING,)))


def opened(operator: Operator, stream: Stream = Stream.BASE) -> Opened:
    """Give the message a request came in."""
    return Opened(b"", operator.claims(stream=stream), "", b"", ())


def reason(request: Request, now_ms: int = NOW_MS) -> Reason | None:
    """Give the reason of the refusal, ``None`` where there is none."""
    try:
        in_force().check(request, now_ms)
    except RefusedError as refusal:
        return refusal.reason if refusal.stage is Stage.STANDING and refusal.detail else None
    return None


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("", None),
        ("*", None),
        ("web-1/*", None),
        ("web-[12]/7", None),
        ("web-2/*", Reason.NOT_ADDRESSED),
        ("WEB-1/7", Reason.NOT_ADDRESSED),
    ],
)
def test_only_says_which_instances(alice: Operator, only: str, expected: Reason | None) -> None:
    """By a pattern over names, in which capitals count."""
    assert expected is reason(Status(opened(alice), only=only))


def test_what_another_process_is_meant_by_is_for_it_to_judge(alice: Operator) -> None:
    """Whoever leads passes it on, and does not know what stands there."""
    one = in_force()
    one.is_anybody = lambda pattern: pattern == "web-1/8"
    one.check(Revert(opened(alice, Stream.LEASE), "00" * 16, only="web-1/8"), NOW_MS)
    with pytest.raises(RefusedError):
        one.check(Revert(opened(alice, Stream.LEASE), "00" * 16, only="web-1/9"), NOW_MS)


def test_a_configuration_may_say_what_it_replaces(alice: Operator) -> None:
    """By the digest of the base in force; without one it replaces any."""
    message = opened(alice)
    assert reason(Apply(message, LoggingPlan())) is None
    assert reason(Apply(message, LoggingPlan(), replaces="cd" * 32)) is None
    assert Reason.BASE_MISMATCH is reason(Apply(message, LoggingPlan(), replaces="00" * 32))
    with pytest.raises(RefusedError) as caught:
        InForce().check(Apply(message, LoggingPlan(), replaces="00" * 32), NOW_MS)
    assert "the base in force is the application's own" == caught.value.detail


def test_what_is_not_running_cannot_be_ended(alice: Operator) -> None:
    """All of them can, also where there is none."""
    message = opened(alice, Stream.LEASE)
    assert reason(Revert(message)) is None
    assert reason(Revert(message, RUNNING.id)) is None
    assert Reason.NOT_IN_FORCE is reason(Revert(message, "ef" * 16))


def test_only_the_base_in_force_can_be_gone_back_from(alice: Operator) -> None:
    """In its own stream; a lease has another, and without an id it is the last one."""
    message = opened(alice)
    assert reason(Revert(message)) is None
    assert reason(Revert(message, "ef" * 16)) is None
    assert Reason.NOT_IN_FORCE is reason(Revert(message, RUNNING.id))
    with pytest.raises(RefusedError) as caught:
        InForce().check(Revert(message, "ef" * 16), NOW_MS)
    assert "the base in force is the application's own" == caught.value.detail


def test_what_is_on_trial_waits_for_its_confirmation(alice: Operator) -> None:
    """By its id, and no other configuration is taken meanwhile."""
    message, trial = opened(alice), in_force()
    assert Reason.NOT_IN_FORCE is reason(Confirm(message, "ef" * 16))
    trial.trial = Trial("ef" * 16, "bob", 1, 1)
    trial.check(Confirm(message, "ef" * 16), NOW_MS)
    trial.check(Revert(message, "ef" * 16), NOW_MS)
    for request, expected in (
        (Confirm(message, "00" * 16), Reason.NOT_IN_FORCE),
        (Apply(message, LoggingPlan()), Reason.CONFIRMATION_DUE),
    ):
        with pytest.raises(RefusedError) as caught:
            trial.check(request, NOW_MS)
        assert expected is caught.value.reason
        assert "ef" * 16 in caught.value.detail


def test_a_lease_that_comes_after_its_end_is_refused(alice: Operator) -> None:
    """Its length counts from the moment it was sealed."""
    asked = Lease(opened(alice), (("a", 10),), for_s=60)
    end_ms = lease_end_ms(asked)
    assert asked.opened.claims.iat * 1000 + 60_000 == end_ms
    assert reason(asked, end_ms - 1) is None
    assert Reason.LEASE_OVER is reason(asked, end_ms)


def test_where_nobody_counts_loggers_none_is_made() -> None:
    """A process that makes them says how many."""
    assert (0, 0) == InForce().count_new(["payments"])


@pytest.mark.parametrize("there", ["ef" * 16, "ab" * 16])
def test_an_id_that_is_in_force_begins_nothing_else(alice: Operator, there: str) -> None:
    """Neither a lease nor a configuration, whichever of them has it."""
    for stream in (Stream.BASE, Stream.LEASE):
        claims = alice.claims(stream=stream, cti=bytes.fromhex(there))
        message = Opened(b"", claims, "", b"", ())
        for request in (Apply(message, LoggingPlan()), Lease(message, (("a", 10),))):
            assert Reason.REPLAYED is reason(request)
    assert reason(Revert(opened(alice, Stream.LEASE))) is None


def test_what_is_for_other_processes_is_passed_on(alice: Operator) -> None:
    """Whoever leads does not know what can be done there, and looks at nothing else of it."""
    there = in_force()
    there.is_anybody = lambda pattern: pattern == "web-2/*"
    there.is_elsewhere = lambda request: request.what == "12" * 16
    message = opened(alice, Stream.LEASE)
    there.check(Revert(message, "ef" * 16, only="web-2/*"), NOW_MS)
    there.check(Revert(message, "12" * 16), NOW_MS)
    with pytest.raises(RefusedError) as caught:
        there.check(Status(opened(alice), only="web-3/*"), NOW_MS)
    assert Reason.NOT_ADDRESSED is caught.value.reason


def test_what_only_reads_is_not_passed_on(alice: Operator) -> None:
    """Whoever answers would tell of its own logging in the place of another process's."""
    there = in_force()
    there.is_anybody = lambda pattern: pattern == "web-2/*"
    for request in (Status, partial(DryRun, plan=LoggingPlan())):
        with pytest.raises(RefusedError) as caught:
            there.check(request(opened(alice, Stream.READ), only="web-2/*"), NOW_MS)
        assert Reason.NOT_ADDRESSED is caught.value.reason
        assert "tells of its own logging alone" in caught.value.detail


@pytest.mark.parametrize("name", ["web-1", "A", "x" * 64, "0a.b_c"])
def test_what_names_of_processes_can_begin_with(name: str) -> None:
    """It is given back as it is."""
    assert name == check_instance(name)


@pytest.mark.parametrize("name", ["", "a/b", "web*", "-a", "x" * 65, "a b", "a\n", "\u00e4"])
def test_what_names_of_processes_cannot_begin_with(name: str) -> None:
    """What would be a pattern, another place, or need quotes."""
    with pytest.raises(ConfigurationError, match=r"^instance .* write 1 to 64 of"):
        check_instance(name)
