"""What a running listener writes into its trail, and what it does where it cannot."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from tests.integration.conftest import APPLICATION, DOCUMENT, Child

from sealwire import cbor, clock, deliver
from sealwire.errors import StateError
from sealwire.keys import SigningKey
from sealwire.recording import Trail
from sealwire.requests import Verb
from sealwire.stages import Outcome, Stream
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.layout import leaves_of
from sealwire.trail.records import parse_record
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.listener import Listener
    from sealwire.stages import Answer

Read: TypeAlias = "Callable[..., list[dict[str, Any]]]"

HOST = SigningKey(bytes(range(32)), owner="host")


@pytest.fixture
def trail(folder: Path) -> Path:
    """Give where the trail is to lie."""
    return folder / "trail"


@pytest.fixture
def recorded(trail: Path) -> Read:
    """Give what reads the records of some kinds, as their JSON says them."""

    def read(*kinds: str) -> list[dict[str, Any]]:
        every = [json.loads(parse_record(each).encode()) for each in leaves_of(trail)]
        return [each for each in every if not kinds or each["kind"] in kinds]

    return read


def test_a_lease_from_its_acceptance_to_its_end(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
    application: logging.Logger,
) -> None:
    """Start, acceptance, what changed and why, the revert and who asked for it, and the stop."""
    listener = serve(trail=Trail(trail, HOST))
    answer = ask(
        listener,
        Verb.LEASE,
        Stream.LEASE,
        levels={APPLICATION: "DEBUG"},
        for_s=60,
        why="INC-4711",
    )
    assert Outcome.APPLIED is answer.outcome
    # What was answered is on the disk.
    assert ["begun", "started", "accepted", "lease-begun"] == [each["kind"] for each in recorded()]
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE, why="done").outcome
    listener.stop()
    listener.join()
    started, accepted, begun, reverting, ended, stopped = recorded()[1:]
    assert "lease" == accepted["verb"]
    assert ("alice", "ed25519", "INC-4711") == (
        accepted["who"]["owner"],
        accepted["who"]["signer"],
        accepted["why"],
    )
    assert accepted["request"] == begun["request"] == ended["request"]
    (changed,) = begun["changes"]["loggers"]
    assert (APPLICATION, "NOTSET", "DEBUG") == (
        changed["name"],
        changed["before"]["level"],
        changed["after"]["level"],
    )
    (back,) = ended["changes"]["loggers"]
    assert ("DEBUG", "NOTSET") == (back["before"]["level"], back["after"]["level"])
    assert ("revert", "asked", "alice") == (
        reverting["verb"],
        ended["cause"],
        ended["who"]["owner"],
    )
    assert stopped["kind"] == "stopped"
    assert 64 == len(started["policy"])
    found = verify_trail(trail, [HOST.verify_key])
    assert (Finding.GOOD, found.records) == (found.outcome, found.signed)


def _lease(ask: Callable[..., Answer], listener: Listener, why: str = "INC-1") -> Answer:
    levels = {APPLICATION: "DEBUG"}
    return ask(listener, Verb.LEASE, Stream.LEASE, levels=levels, for_s=60, why=why)


def test_a_request_is_kept_as_it_came(
    serve: Callable[..., Listener], seal: Callable[..., bytes], trail: Path, recorded: Read
) -> None:
    """What was accepted lies beside the records, by the digest that its record names."""
    listener = serve(trail=Trail(trail, HOST))
    sealed = seal()
    assert Outcome.APPLIED is deliver(listener.address, sealed).outcome
    (accepted,) = recorded("accepted")
    (line,) = (trail / "sealed.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (accepted["digest"], sealed) == (kept["digest"], base64.b64decode(kept["sealed"]))
    # The signature's payload is what the digest is of, so nothing else can be put in its place.
    signed: Any = cbor.decode(sealed[1:])  # a COSE_Sign1 behind its tag
    payload = signed[2]
    assert accepted["digest"] == hashlib.sha256(payload).hexdigest()


def test_a_configuration_on_trial_and_who_let_it_go(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
) -> None:
    """Applied until confirmed, confirmed by whom, and taken back with the levels that come back."""
    listener = serve(trail=Trail(trail, HOST))
    on_trial = {"config": DOCUMENT, "confirm_within_s": 60}
    assert Outcome.APPLIED is ask(listener, Verb.APPLY, Stream.BASE, **on_trial).outcome
    (applied,) = recorded("applied")
    assert applied["confirm_by"] is not None
    assert [] == applied["logging_reduced"]
    of = applied["request"]
    assert Outcome.APPLIED is ask(listener, Verb.CONFIRM, Stream.BASE, id=of).outcome
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.BASE, id=of).outcome
    listener.stop()
    (confirmed,), (reverted,) = recorded("confirmed"), recorded("reverted")
    assert (of, of, "asked") == (confirmed["of"], reverted["request"], reverted["cause"])
    assert "alice" == reverted["who"]["owner"]
    (change,) = reverted["changes"]["loggers"]
    assert ("DEBUG", "NOTSET") == (change["before"]["level"], change["after"]["level"])


def test_less_logging_is_marked(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
) -> None:
    """A level that rises is named as a place in which less is recorded."""
    quiet = {"version": 1, "incremental": True, "loggers": {APPLICATION: {"level": "CRITICAL"}}}
    listener = serve(trail=Trail(trail, HOST))
    assert Outcome.APPLIED is ask(listener, Verb.APPLY, Stream.BASE, config=quiet).outcome
    assert [f"{APPLICATION}: level 30 → 50"] == recorded("applied")[0]["logging_reduced"]
    ask(listener, Verb.REVERT, Stream.BASE, id=recorded("applied")[0]["request"])


def test_a_flood_is_one_record_and_its_count(
    serve: Callable[..., Listener], trail: Path, recorded: Read
) -> None:
    """The first refusal stands there at once, the others as one with first, last and number."""
    listener = serve(trail=Trail(trail, HOST))
    for _ in range(50):
        assert Outcome.REFUSED is deliver(listener.address, b"junk").outcome
    listener.stop()
    first, others = recorded("refused")
    assert (1, 49) == (first["count"], others["count"])
    assert first["reason"] == others["reason"]
    assert (None, None) == (first["who"], others["who"])
    assert first["peer"] == f"uid {os.getuid()}"
    assert others["first"] <= others["last"]


def test_a_refusal_of_somebody_known_names_who_and_which_rule(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    trail: Path,
    recorded: Read,
) -> None:
    """Owner, key, request and rule in clear; the detail, which may quote anything, as a hash."""
    listener = serve(trail=Trail(trail, HOST))
    config = {"version": 1, "handlers": {"h": {"class": "os.system"}}}
    answer = deliver(listener.address, seal(config))
    assert Outcome.REFUSED is answer.outcome
    listener.stop()
    (refused,) = recorded("refused")
    assert ("alice", "policy", "handler-class", "handlers.h.class") == (
        refused["who"]["owner"],
        *(refused[name] for name in ("reason", "rule", "where")),
    )
    assert refused["detail"].startswith("hmac-sha256:")
    assert refused["request"] is not None


def test_drift_is_recorded_when_it_is_seen_and_when_it_is_over(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
    application: logging.Logger,
) -> None:
    """Somebody in the process lowers a level that nobody asked for; a status looks."""
    listener = serve(trail=Trail(trail, HOST))
    application.setLevel("ERROR")
    ask(listener, Verb.STATUS, Stream.READ)
    ask(listener, Verb.STATUS, Stream.READ)
    application.setLevel("NOTSET")
    ask(listener, Verb.STATUS, Stream.READ)
    listener.stop()
    (drifted,), (over,) = recorded("drifted"), recorded("drift-ended")
    (change,) = drifted["changes"]["loggers"]
    assert ("NOTSET", "ERROR") == (change["before"]["level"], change["after"]["level"])
    assert [f"loggers.{APPLICATION}.level"] == over["places"]
    # Looking changes nothing, and is not recorded.
    assert [] == recorded("accepted")


def test_a_clock_that_is_set_is_recorded(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
) -> None:
    """What it would have said and what it says."""
    listener = serve(trail=Trail(trail, HOST))

    class Back:
        """The machine's clocks, of which one is an hour behind."""

        def wall_clock_ms(self) -> int:
            return time.time_ns() // 1_000_000 - 3_600_000

        def boot_ms(self) -> int:
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

        def monotonic_ms(self) -> int:
            return time.monotonic_ns() // 1_000_000

    ask(listener, Verb.STATUS, Stream.READ)
    with clock.replaced(Back()):
        deliver(listener.address, b"junk")
    listener.stop()
    stepped = recorded("clock-stepped")
    assert stepped[0]["found"] < stepped[0]["expected"]


def test_one_trail_has_one_writer(
    serve: Callable[..., Listener], folder: Path, trail: Path, recorded: Read
) -> None:
    """A second listener is not started on a folder that is written, and leaves nothing behind."""
    serve(trail=Trail(trail, HOST))
    other = f"unix:{folder / 'other.sock'}"
    with pytest.raises(StateError, match="another process writes this trail"):
        serve(other, trail=Trail(trail, HOST))
    assert not (folder / "other.sock").exists()
    assert ["begun", "started"] == [each["kind"] for each in recorded()]


def test_a_child_writes_nothing(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    trail: Path,
    recorded: Read,
) -> None:
    """What ends in a forked child is not the parent's, whose trail goes on."""
    listener = serve(trail=Trail(trail, HOST))
    assert Outcome.APPLIED is _lease(ask, listener).outcome
    before = [each["kind"] for each in recorded()]
    Child(lambda: None).check()
    assert before == [each["kind"] for each in recorded()]
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    listener.stop()
    assert ["accepted", "lease-ended", "stopped"] == [each["kind"] for each in recorded()][-3:]
    assert Finding.GOOD is verify_trail(trail, [HOST.verify_key]).outcome


def test_a_service_that_starts_again_goes_on(
    serve: Callable[..., Listener], trail: Path, recorded: Read
) -> None:
    """One trail over two lives; half a record that a crash has left is cut off and told."""
    serve(trail=Trail(trail, HOST)).stop()
    with (trail / f"{0:020}.jsonl").open("ab") as records:
        records.write(b'{"half')
    serve(trail=Trail(trail, HOST)).stop()
    kinds = [each["kind"] for each in recorded()]
    assert ["begun", "started", "stopped", "trail-recovered", "started", "stopped"] == kinds
    assert Finding.GOOD is verify_trail(trail, [HOST.verify_key]).outcome
