"""A report puts together what records say of one request, and leaves nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.errors import Reason
from sealwire.trail import events
from sealwire.trail.causes import Cause
from sealwire.trail.records import Record
from sealwire.trail.report import LIMITS, report_of
from sealwire.trail.seen import Changes, Who

if TYPE_CHECKING:
    from sealwire.trail.events import Event

T0 = 1_800_000_000_000
ALICE, BOB = Who("alice", "a1" * 32, "ed25519"), Who("bob", "b0" * 32, "ed25519")
NOTHING = Changes((), (), 0)
A, B, C, D = ("0a" * 16, "0b" * 16, "0c" * 16, "0d" * 16)
STARTED = events.Started("host/1", "0.1.0", "wait-out", None, "01" * 32, "02" * 32)


def accepted(request: str, verb: str) -> Event:
    """Give the acceptance of a request of alice's."""
    return events.Accepted(request, "d1" * 32, ALICE, "INC-1", verb, "base", 7, T0, T0)


def report(*happened: Event, since: int | None = None, until: int | None = None) -> dict[str, Any]:
    """Report on events that happened a second apart."""
    records = [Record(seq, T0 + seq * 1000, "", event) for seq, event in enumerate(happened)]
    return report_of(records, since, until)


def test_a_change_is_put_together_by_its_request() -> None:
    """From acceptance over confirmation to its end, however many others are between."""
    told = report(
        events.Begun(1, "payments@prod", "ab" * 8, "00" * 32),
        STARTED,
        accepted(A, "apply"),
        accepted(B, "lease"),
        events.Applied(A, ALICE, "INC-1", "d2" * 32, T0, NOTHING, ("root.level",)),
        events.LeaseBegun(B, ALICE, "INC-1", T0 + 60_000, NOTHING, ()),
        events.Confirmed(D, A, BOB, "looks well"),
        events.LeaseEnded(B, Cause.EXPIRED, None, NOTHING),
        events.Reverted(A, Cause.ASKED, BOB, "no more", NOTHING),
        events.Stopped("host/1", "asked"),
    )
    one, other = told["changes"]
    assert (A, "apply", "alice", "applied") == (
        *(one["request"], one["verb"]),
        *(one["who"]["owner"], one["outcome"]),
    )
    assert "until 2027-01-15T08:00:00.000Z" == one["detail"]
    assert "bob" == one["confirmed"]["who"]["owner"]
    assert ("asked", "bob", "no more") == (
        *(one["ended"]["cause"], one["ended"]["who"]["owner"], one["ended"]["why"]),
    )
    assert (B, "expired") == (other["request"], other["ended"]["cause"])
    reduced = [{"request": A, "who": one["who"], "places": ["root.level"]}]
    assert reduced == told["logging_reduced"]
    assert 10 == told["scope"]["records"] == sum(told["population"].values())
    assert [] == told["gaps"]
    assert list(LIMITS) == told["limits"]


def test_what_came_of_an_acceptance() -> None:
    """Failed, refused afterwards, or not known: each is said."""
    told = report(
        STARTED,
        *(accepted(each, "apply") for each in (A, B, C)),
        events.Failed(A, ALICE, "apply-failed", None),
        events.Refused(Reason.POLICY, "uid 1", ALICE, B, "floor", "root", None, T0, T0, 1),
        events.Refused(Reason.POLICY, "uid 1", ALICE, D, "floor", "root", None, T0, T0, 1),
    )
    assert [("failed", "apply-failed"), ("refused", "policy"), (None, None)] == [
        (each["outcome"], each["detail"]) for each in told["changes"]
    ]
    assert [B, D] == [each["request"] for each in told["refusals"]]


def test_what_the_time_cut_off_is_unknown() -> None:
    """An end without its beginning has a cause, and neither reason nor verb."""
    told = report(
        STARTED,
        accepted(A, "lease"),
        events.LeaseEnded(A, Cause.EXPIRED, None, NOTHING),
        events.Stopped("host/1", "asked"),
        since=T0 + 2000,
        until=T0 + 3000,
    )
    (change,) = told["changes"]
    assert (None, None, "expired") == (change["accepted"], change["verb"], change["ended"]["cause"])
    assert {"lease-ended": 1} == told["population"]
    scope = told["scope"]
    assert "2027-01-15T08:00:02.000Z" == scope["since"] == scope["first_record"]
    assert ("2027-01-15T08:00:03.000Z", scope["first_record"]) == (
        scope["until"],
        scope["last_record"],
    )


def test_gaps() -> None:
    """A start where no stop was recorded, a trail that failed, and half a record."""
    told = report(
        STARTED,
        STARTED,
        events.TrailRecovered(17),
        events.TrailFailed(T0, "No space left on device", 2),
        events.Stopped("host/1", "asked"),
        STARTED,
    )
    assert ["no-stop", "trail-recovered", "trail-failed"] == [each["kind"] for each in told["gaps"]]
    assert (
        [] == report(STARTED, events.Stopped("host/1", "asked"), STARTED, since=T0 + 2000)["gaps"]
    )


def test_what_a_service_started_with() -> None:
    """Another policy, other keys, another version since the start before are told, once."""
    other = events.Started("host/1", "0.1.0", "wait-out", None, "03" * 32, "02" * 32)
    stopped = events.Stopped("host/1", "asked")
    told = report(STARTED, stopped, STARTED, stopped, other, since=T0 + 2000)
    (changed,) = told["keys_and_policy"]
    assert ("policy", "01" * 32, "03" * 32) == (
        *(changed["what"], changed["before"], changed["after"]),
    )
    first = report(STARTED)["keys_and_policy"]
    assert ["version", "policy", "keyring"] == [each["what"] for each in first]


def test_everything_else_has_its_place(trail_events: tuple[Event, ...]) -> None:
    """Every kind of record is counted, and is in one of the lists."""
    told = report(*trail_events)
    assert len(trail_events) == told["scope"]["records"]
    assert {each.kind for each in trail_events} == told["population"].keys()
    assert ["drifted", "drift-ended"] == [each["kind"] for each in told["drift"]]
    assert 1 == len(told["alerts"]) == len(told["clock"])
    kinds = {each["kind"] for each in told["keys_and_policy"]}
    assert {"started", "key-changed", "keyring-changed", "policy-changed"} == kinds
    assert 2 == len(told["refusals"])
    empty = report()
    assert (None, 0) == (empty["scope"]["first_record"], empty["scope"]["records"])
