"""Decisions and happenings as records: what stands in clear, what is hashed, what is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import BOB, NOW, entry, in_state, ring, signing, usual

from sealwire.documents.tree import FormatterState, HandlerState, LoggerState, Tree
from sealwire.errors import Reason
from sealwire.events import Decision
from sealwire.happenings import (
    BaseBegan,
    BaseConfirmed,
    BaseEnded,
    DriftBegan,
    DriftEnded,
    Ending,
    FloorAlert,
    Happening,
    KeyringChanged,
    LeaseBegan,
    LeasesEnded,
)
from sealwire.inforce import Base
from sealwire.keyring import Role, State
from sealwire.leases import LiveLease
from sealwire.recording import turning
from sealwire.requests import Apply, Confirm, Lease, Revert
from sealwire.stages import Answer, Claims, Evidence, Opened, Outcome, Stream
from sealwire.trail import events
from sealwire.trail.causes import Cause
from sealwire.trail.records import Record, parse_record, salted
from sealwire.trail.seen import Changes, Who

if TYPE_CHECKING:
    from sealwire.trail.events import Event

SALT = bytes(32)
NOW_MS = 1_800_000_000_000
SECRET = "%(message)s password"
CONSOLE = HandlerState(
    "console", "logging.StreamHandler", 10, "stderr", FormatterState(format=SECRET)
)
BEFORE = Tree((LoggerState("", 30, ("console",)), LoggerState("app", 20)), (CONSOLE,))
AFTER = BEFORE.leveled({"app": 10}, {"console": 5})
EVIDENCE = (
    Evidence("HmacVerifier", 5, b"\1" * 32, "gate"),
    Evidence("Ed25519Verifier", -8, b"\2" * 32, "alice"),
)
ALICE = Who("alice", "02" * 32, "ed25519")


def opened(evidence: tuple[Evidence, ...] = EVIDENCE) -> Opened:
    """Give a message of alice's."""
    claims = Claims(
        "alice", "payments@prod", 1_800_000_300, 1_800_000_000, b"\7" * 16, 9, Stream.BASE
    )
    return Opened(b"body", claims, "application/json", b"{}", evidence)


def record_of(happening: Happening) -> tuple[Event, ...]:
    """Give the records of what happened; each can be written and read."""
    found = tuple(turning.happened(happening, SALT))
    for each in found:
        assert each == parse_record(Record(1, NOW_MS, "", each).encode()).event
    return found


LEASE = LiveLease("07" * 16, "alice", "INC-1", (("app", 10),), (("console", 5),), 1, NOW_MS)
ASKED = Ending(Cause.ASKED, "words", Revert(opened(), "07" * 16, why="done"))


def test_an_application_and_its_ends() -> None:
    """Who, why and the plan's digest; what is taken back says by whom, or why by itself."""
    asked = Apply(opened(), None, why="INC-1")  # type: ignore[arg-type] # its plan is not looked at
    (applied,) = record_of(BaseBegan(asked, bytes(32), BEFORE, AFTER, NOW_MS))
    assert isinstance(applied, events.Applied)
    assert (ALICE, "INC-1", "00" * 32, NOW_MS) == (
        *(applied.who, applied.why),
        *(applied.plan, applied.confirm_by),
    )
    (confirmed,) = record_of(BaseConfirmed(Confirm(opened(), "08" * 16, why="ok")))
    assert events.Confirmed("07" * 16, "08" * 16, ALICE, "ok") == confirmed
    base = Base("", "alice", "08" * 16, 1)
    (reverted,) = record_of(BaseEnded(base, ASKED, AFTER, BEFORE))
    assert isinstance(reverted, events.Reverted)
    assert (Cause.ASKED, ALICE, "done") == (reverted.cause, reverted.who, reverted.why)
    late = Ending(Cause.NOT_CONFIRMED, "nobody has confirmed it in time")
    (reverted,) = record_of(BaseEnded(base, late, AFTER, BEFORE))
    assert isinstance(reverted, events.Reverted)
    assert (None, "nobody has confirmed it in time") == (reverted.who, reverted.why)


def test_a_lease_and_its_end() -> None:
    """An end names the levels of its own lease and no others."""
    (begun,) = record_of(LeaseBegan(Lease(opened(), (("app", 10),)), LEASE, BEFORE, AFTER))
    assert isinstance(begun, events.LeaseBegun)
    assert (NOW_MS, ()) == (begun.until, begun.logging_reduced)
    other = LEASE._replace(id="09" * 16, loggers=(("none", 10),), handlers=())
    mine, theirs = record_of(LeasesEnded((LEASE, other), ASKED, AFTER, BEFORE))
    assert isinstance(mine, events.LeaseEnded)
    assert isinstance(theirs, events.LeaseEnded)
    assert ["app"] == [each.name for each in mine.changes.loggers]
    assert ["console"] == [each.name for each in mine.changes.handlers]
    assert Changes((), (), 0) == theirs.changes
    full = Ending(Cause.DISK_FULL, "/var has 1 % free")
    (ended,) = record_of(LeasesEnded((LEASE,), full, AFTER, BEFORE))
    assert isinstance(ended, events.LeaseEnded)
    assert (None, Cause.DISK_FULL) == (ended.who, ended.cause)


def test_drift_and_alerts() -> None:
    """What an application made since is no drift; an end names places, an alert is in words."""
    found = AFTER.leveled({"new": 10}, {})
    (drifted,) = record_of(DriftBegan(BEFORE, found))
    assert isinstance(drifted, events.Drifted)
    assert ["app"] == [each.name for each in drifted.changes.loggers]
    assert (events.DriftEnded(("root.level",)),) == record_of(DriftEnded(("root.level",)))
    assert (events.Alerted("less"),) == record_of(FloorAlert("less"))


def test_what_is_told_of_a_change() -> None:
    """Levels by name where they have one, the root by its name, a format by its hash alone."""
    odd = BEFORE.leveled({"": 15}, {})
    odd = odd._replace(handlers=(CONSOLE._replace(formatter=None),))
    found = turning.changes_of(BEFORE, odd, SALT)
    (root,), (console,) = found.loggers, found.handlers
    assert root.before is not None
    assert root.after is not None
    assert ("root", "WARNING", "15") == (root.name, root.before.level, root.after.level)
    assert console.before is not None
    assert console.after is not None
    assert None is console.after.format
    assert salted(SALT, f"logging.Formatter\n{SECRET}\n") == console.before.format
    gone = turning.changes_of(BEFORE, Tree((LoggerState("", 30),)), SALT)
    assert ["app", "root"] == sorted(each.name for each in gone.loggers)
    assert (None, None) == (gone.loggers[1].after, gone.handlers[0].after)


def test_what_does_not_fit_is_counted() -> None:
    """Long names are cut, and a record lists so many loggers, and so many handlers of one."""
    many = {f"{number:04}" * 200: 10 for number in range(200)}
    loud = BEFORE.leveled(many, {})
    found = turning.changes_of(BEFORE, loud, SALT)
    assert (128, 72) == (len(found.loggers), found.left_out)
    Record(1, NOW_MS, "", events.Drifted(found)).encode()
    names = tuple(f"h{number}" for number in range(100))
    crowded = Tree((LoggerState("", 30, names),))
    (root,) = turning.changes_of(BEFORE._replace(loggers=()), crowded, SALT).loggers
    assert root.after is not None
    assert ("h63", "… and 36 more") == root.after.handlers[-2:]


def test_who_asked_without_a_signature() -> None:
    """The innermost evidence, or nobody, as with a callable."""
    assert Who("gate", "01" * 32, "hmac") == turning.who_of(opened(EVIDENCE[:1]))
    assert None is turning.who_of(opened(()))
    accepted = turning.accepted(Revert(opened(()), ""), NOW_MS)
    assert isinstance(accepted, events.Accepted)
    assert Who("alice", "0" * 64, "nobody") == accepted.who


def test_a_refusal() -> None:
    """Of one it is told who and which; of several who alone; of a stranger neither."""
    known = Decision(
        *(Answer(Outcome.REFUSED), Reason.POLICY), detail="12", opened=opened(), rule="r", where="w"
    )
    one = turning.refused(known, "uid 1", 1, 1, 1, SALT)
    assert isinstance(one, events.Refused)
    assert ("07" * 16, ALICE, "r", "w", salted(SALT, "12")) == (
        *(one.request, one.who, one.rule, one.where, one.detail),
    )
    some = turning.refused(known, "uid 1", 1, 2, 3, SALT)
    assert isinstance(some, events.Refused)
    assert (None, ALICE, None, 3) == (some.request, some.who, some.detail, some.count)
    stranger = turning.refused(Decision(Answer(Outcome.REFUSED)), "uid 1", 1, 1, 1, SALT)
    assert isinstance(stranger, events.Refused)
    assert (Reason.INTERNAL, None, None) == (stranger.reason, stranger.who, stranger.request)


def test_a_failure() -> None:
    """Known is who asked, or there is no record; the detail is hashed."""
    decision = Decision(Answer(Outcome.FAILED), detail="no such file", opened=opened())
    failed = turning.failed(decision, SALT)
    assert events.Failed("07" * 16, ALICE, "apply-failed", salted(SALT, "no such file")) == failed
    bare = turning.failed(Decision(Answer(Outcome.FAILED), opened=opened()), SALT)
    assert isinstance(bare, events.Failed)
    assert None is bare.detail
    assert None is turning.failed(Decision(Answer(Outcome.FAILED)), SALT)
    assert None is turning.failed(Decision(Answer(Outcome.APPLIED), opened=opened()), SALT)


@pytest.mark.parametrize(
    ("peer", "kind"),
    [
        ("uid 0, pid 4711", "uid 0"),
        ("127.0.0.1:4711", "127.0.0.1"),
        ("[::1]:4711", "[::1]"),
        ("somebody", "somebody"),
    ],
)
def test_kinds_of_peers(peer: str, kind: str) -> None:
    """Process and port are others for each connection."""
    assert kind == turning.kind_of_peer(peer)


def test_another_keyring_and_every_key_that_changed() -> None:
    """Who signed it; and of each key whose state is another one, from which to which."""
    gone = entry(signing("dave"), Role.LEASE, State.DESTROYED)
    before = ring([*usual(), gone])
    after = before.succeeded(
        [
            *(
                key
                for key in before.keys
                if key.thumbprint not in {gone.thumbprint, BOB.thumbprint}
            ),
            in_state(before, BOB, State.COMPROMISED),
            entry(signing("carol"), Role.CONFIG),
        ],
        now=NOW,
    )
    changed, *keys = record_of(KeyringChanged(before, after, "ab" * 32, ("root", "other")))
    assert events.KeyringChanged("payments", 2, "ab" * 32, ("root", "other")) == changed
    states = events.KeyState
    expected = {
        signing("dave").thumbprint: ("dave", "lease", states.DESTROYED, None),
        BOB.thumbprint: ("bob", "lease", states.ACTIVE, states.COMPROMISED),
        signing("carol").thumbprint: ("carol", "config", None, states.ACTIVE),
    }
    assert [events.KeyChanged(key.hex(), *said) for key, said in sorted(expected.items())] == keys
