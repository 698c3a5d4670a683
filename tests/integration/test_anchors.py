"""A client shows a service where its trail stood: it goes on, it was cut, it is a fork that grew.

Power is lost here in a copy: each file of the trail ends where it was last brought to the disk.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from tests.integration.conftest import APPLICATION, DOCUMENT, PATIENCE_S

from sealwire import MemorySealerState, RequestRefusedError, Sealer, deliver, wall_clock_ms
from sealwire.client import Client
from sealwire.documents import canonical_json
from sealwire.errors import ConfigurationError
from sealwire.keptreceipts import KeptReceipts
from sealwire.keys import SigningKey
from sealwire.lasttrails import MAX_BYTES, LastTrails
from sealwire.receipts import Mode, Outcome, Receipt, Shown, TrailPoint, Unproved
from sealwire.recording import Trail, recorder
from sealwire.recording.anchors import Question
from sealwire.results import TrailCheck
from sealwire.trail import segments
from sealwire.trail.folders import bring_to_disk
from sealwire.trail.layout import leaves_of, segments_of
from sealwire.trail.merkle import consistency_proof, leaf_hash, root_of
from sealwire.trail.records import parse_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Way

    from sealwire.listener import Listener

TRAIL_KEY = SigningKey(bytes(range(32)), owner="host")
RECEIPT_KEY = SigningKey(bytes(range(1, 33)), owner="host")

Start: TypeAlias = "Callable[[Path], Listener]"
Until: TypeAlias = "Callable[[Callable[[], object]], None]"


@pytest.fixture
def start(serve: Callable[..., Listener]) -> Start:
    """Give what starts a service that signs, with its trail in a folder."""

    def start(trail: Path) -> Listener:
        return serve(trail=Trail(trail, TRAIL_KEY), receipt_key=RECEIPT_KEY, challenge=False)

    return start


@pytest.fixture
def client(local: Way, path: Path, folder: Path, application: logging.Logger) -> Client:
    """Give an operator's client that keeps its receipts."""
    operator, address = local.operator, f"unix:{path}"
    sealer = Sealer(
        operator.audience,
        local.layers,
        issuer=operator.name,
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )
    kept = KeptReceipts(folder / "receipts", address)
    return Client(
        address,
        sealer,
        receipt_key=RECEIPT_KEY.verify_key,
        keep=kept.keep,
        points=kept.points,
    )


def stop(listener: Listener) -> None:
    """Stop a service."""
    listener.stop(PATIENCE_S)
    listener.join(PATIENCE_S)


def records_of(trail: Path) -> list[dict[str, Any]]:
    """Give the records as their JSON says them."""
    return [json.loads(parse_record(each).encode()) for each in leaves_of(trail)]


def size_now(listener: Listener) -> int:
    """Say how many records a service has written."""
    found = listener.stats().trail
    assert found is not None
    return found.records


def lease(client: Client) -> TrailCheck:
    """Change something; give what the receipt shows of the trail."""
    return client.lease({APPLICATION: "DEBUG"}, for_s=60).trail


def test_each_request_asks_whether_the_trail_goes_on(
    start: Start, client: Client, folder: Path
) -> None:
    """Of whatever verb; what shows nothing is asked about by the next one."""
    listener = start(folder / "trail")
    assert TrailCheck.FIRST is lease(client)
    assert TrailCheck.PROVED is lease(client)
    assert TrailCheck.PROVED is client.status().trail
    plain = client.ask(json.dumps(DOCUMENT).encode())
    assert TrailCheck.LATER is plain.trail
    assert TrailCheck.PROVED is client.status().trail
    assert TrailCheck.PROVED is client.revert().trail
    with pytest.raises(RequestRefusedError) as caught:
        client.confirm("0" * 32)
    assert TrailCheck.PROVED is caught.value.result.trail
    stop(listener)
    start(folder / "trail")
    assert TrailCheck.PROVED is client.status().trail
    assert [] == [each for each in records_of(folder / "trail") if "anchor" in each["kind"]]


def test_a_copy_is_answered_with_a_proof_as_well(
    start: Start, client: Client, folder: Path
) -> None:
    """The same bytes, sent again, show the same points."""
    start(folder / "trail")
    sent: list[bytes] = []
    exchange = client._deliver

    def and_keep(address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        sent.append(sealed)
        return exchange(address, sealed, timeout_s=timeout_s)

    client._deliver = and_keep
    client.status()
    assert TrailCheck.PROVED is lease(client)
    again = client.send(sent[-1])
    assert again.repeated
    assert again.receipt is not None
    (shown,) = again.receipt.shown
    assert (None, True) == (shown.problem, bool(shown.proof))


@pytest.mark.parametrize("grown", [False, True], ids=["cut", "fork"])
def test_another_trail_in_its_place_is_found(
    start: Start, client: Client, folder: Path, seal: Callable[..., bytes], *, grown: bool
) -> None:
    """A tail that was cut, and a fork that has grown past all that the client has seen."""
    trail, before = folder / "trail", folder / "before"
    listener = start(trail)
    lease(client)
    stop(listener)
    shutil.copytree(trail, before)
    listener = start(trail)
    lease(client)
    lease(client)
    assert TrailCheck.PROVED is client.status().trail
    seen = size_now(listener)
    stop(listener)
    listener = start(before)
    while grown and size_now(listener) <= seen:
        deliver(listener.address, seal())
    results = [client.status() for _ in range(3)]
    result = results[-1]
    expected = TrailCheck.TAMPERED if grown else TrailCheck.TRUNCATED
    assert {expected} == {each.trail for each in results}
    assert all(each.alarms for each in results)
    # A read is kept as evidence where it is some.
    (kept,) = [each for each in (folder / "receipts").iterdir() if result.request_id in each.name]
    assert b"sealwire-kept-receipt-1" in kept.read_bytes()
    stop(listener)
    # Once a minute, whoever shows it however often.
    (found,) = [each for each in records_of(before) if each["kind"] == "anchor-mismatch"]
    assert ("another" if grown else "longer", "alice", 1) == (
        found["problem"],
        found["who"]["owner"],
        found["count"],
    )


def test_what_cannot_be_proved_is_said(start: Start, client: Client, folder: Path) -> None:
    """The hashes are gone for a while; nothing is forgotten, and nobody is accused."""
    trail = folder / "trail"
    start(trail)
    lease(client)
    (segment,) = segments_of(trail)
    segment.hashes.rename(folder / "aside")
    result = client.lease({APPLICATION: "DEBUG"}, for_s=60)
    assert TrailCheck.UNPROVED is result.trail
    assert "does not show that its trail" in result.alarms[0]
    (folder / "aside").rename(segment.hashes)
    assert TrailCheck.PROVED is client.status().trail


def test_a_disk_that_hangs_holds_up_a_read_once(
    start: Start, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """What it asks of the trail is not answered then; the rest is, and later all of it."""
    goes_on = threading.Event()
    goes_on.set()

    def slow(descriptor: int) -> None:
        goes_on.wait()
        bring_to_disk(descriptor)

    monkeypatch.setattr(segments, "bring_to_disk", slow)
    monkeypatch.setattr(recorder, "WAIT_S", 3.0)
    listener = start(folder / "trail")
    lease(client)
    monkeypatch.setattr(recorder, "WAIT_S", 0.1)
    host = client.status().report["instance"]
    waited: list[float] = []
    wait = Question.wait

    def counted(question: Question, timeout_s: float) -> bool:
        waited.append(timeout_s)
        return wait(question, timeout_s)

    monkeypatch.setattr(Question, "wait", counted)
    seen = size_now(listener)
    try:
        goes_on.clear()
        # Going back waits for nothing, and what it writes hangs.
        asked = len(waited)
        client.revert()
        for _ in range(3):
            result = client.status()
            assert result.receipt is not None
            assert [Unproved.UNREADABLE] == [each.problem for each in result.receipt.shown]
            # It is where it was before: nothing has got to the disk since.
            assert (TrailCheck.PROVED, host) == (result.trail, result.report["instance"])
        assert asked + 1 == len(waited)
    finally:
        goes_on.set()
    until(lambda: client.status().receipt.trail.size > seen)  # type: ignore[union-attr]
    assert TrailCheck.PROVED is client.status().trail


class Power:
    """Knows of each file how much of it was brought to the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: dict[str, int] = {}
        self._calls = {name: getattr(os, name) for name in ("fsync", "fdatasync")}
        for name in self._calls:
            monkeypatch.setattr(os, name, self._noting(name))

    def _noting(self, name: str) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            path, size = (
                os.path.realpath(f"/proc/self/fd/{descriptor}"),
                os.fstat(descriptor).st_size,
            )
            self._calls[name](descriptor)
            self.sizes[path] = size

        return call

    def lost(self, trail: Path, after: Path) -> None:
        """Make a copy as it is after a loss of power: nothing behind what was synced is there."""
        shutil.copytree(trail, after)
        for each in trail.iterdir():
            os.truncate(after / each.name, self.sizes.get(os.path.realpath(each), 0))


def test_what_a_receipt_shows_outlives_a_loss_of_power(
    start: Start,
    client: Client,
    folder: Path,
    network: Way,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    """What strangers have caused is brought to the disk later, and no receipt counts it before."""
    power = Power(monkeypatch)
    trail, after = folder / "trail", folder / "after"
    listener = start(trail)
    assert TrailCheck.FIRST is lease(client)
    durable = size_now(listener)
    deliver(listener.address, network.seal())
    until(lambda: size_now(listener) > durable)
    result = client.status()
    assert TrailCheck.PROVED is result.trail
    assert result.receipt is not None
    assert result.receipt.trail is not None
    power.lost(trail, after)
    there = list(map(leaf_hash, leaves_of(after)))
    assert result.receipt.trail.size == durable == len(there)
    assert root_of(there).hex() == result.receipt.trail.root
    stop(listener)
    start(after)
    again = client.status()
    assert (TrailCheck.PROVED, ()) == (again.trail, again.alarms)


# ---- commands at once ----------------------------------------------------------------------------

LEAVES = [leaf_hash(b"%d" % number) for number in range(60)]


def _point(size: int) -> TrailPoint:
    return TrailPoint(size, root_of(LEAVES[:size]).hex())


def _answer(shown: tuple[TrailPoint, ...], size: int, at_ms: int) -> Receipt:
    said = tuple(
        Shown(each.size, tuple(one.hex() for one in consistency_proof(each.size, LEAVES[:size])))
        for each in shown
    )
    return Receipt(Outcome.APPLIED, Mode.DURABLE, at_ms, trail=_point(size), shown=said)


def ask_and_hear_late(folder: Path, own: int, others: int, wrong: Any) -> None:  # noqa: ANN401 - a queue
    """Be one of several commands at once, each of whose receipts may come behind another's."""
    trails = LastTrails(folder)
    for size in range(1 + own, 1 + len(LEAVES), others):
        shown = trails.points(["shared"])
        if any(each.size > size for each in shown):
            # The service has answered this one before the others were asked.
            shown = ()
        judged = trails.compare("shared", shown, _answer(shown, size, 1_000 * size))
        mine = trails.compare(f"mine {own}", (), _answer((), size, 1_000 * size))
        if judged.check.is_alarm or mine.check.is_alarm:
            wrong.put((own, size, judged.words, mine.words))
    wrong.put(None)


def test_commands_at_once_and_receipts_that_come_late_raise_no_alarm(folder: Path) -> None:
    """And none forgets what another has learned: each finds its own point as it left it."""
    context = multiprocessing.get_context("spawn")
    wrong = context.Queue()
    several = 4
    commands = [
        context.Process(target=ask_and_hear_late, args=(folder, own, several, wrong))
        for own in range(several)
    ]
    for each in commands:
        each.start()
    found = [wrong.get(timeout=PATIENCE_S * 3)]
    while found.count(None) < several:
        found.append(wrong.get(timeout=PATIENCE_S * 3))
    for each in commands:
        each.join(PATIENCE_S)
        assert 0 == each.exitcode
    assert [None] * several == found
    trails = LastTrails(folder)
    for own in range(several):
        last = len(LEAVES) - (several - 1 - own)
        assert last == trails.points([f"mine {own}"])[-1].size
    shown = trails.points(["shared"])
    assert len(LEAVES) == shown[-1].size
    closing = trails.compare("shared", shown, _answer(shown, len(LEAVES), 10**9))
    assert TrailCheck.PROVED is closing.check


def _meet_ever_new_hosts(trails: LastTrails) -> None:
    for number in range(10):
        trails.compare(f"new {number}", (), _answer((), 7, 1_000))


def test_who_makes_up_addresses_makes_nobody_forget(folder: Path) -> None:
    """Where the file is full, a host that is new is not held, and that is told."""
    trails = LastTrails(folder)
    trails.compare("first", (), _answer((), 7, 1_000))
    content = json.loads(trails.path.read_text())
    held = content["hosts"]["first"]
    size = len(canonical_json({"made up 00000": held})) - 1  # two braces, and a comma
    for number in range((MAX_BYTES - 200) // size):
        content["hosts"][f"made up {number:05}"] = held
    trails.path.write_bytes(canonical_json(content) + b"\n")
    with pytest.raises(ConfigurationError, match="has room for no other host than its"):
        _meet_ever_new_hosts(trails)
    assert (_point(7),) == trails.points(["first"])
    assert TrailCheck.TRUNCATED is trails.compare("first", (), _answer((), 6, 2_000)).check


def test_of_hosts_that_it_may_be_the_one_that_was_heard_last_is_asked(folder: Path) -> None:
    """Others may answer at an address, such as led there; that keeps nobody from being asked."""
    trails = LastTrails(folder)
    trails.compare("a", (), _answer((), 9, 1_000))
    trails.compare("b", (), _answer((), 7, 2_000))
    assert (_point(7),) == trails.points(["a", "b", "c"])
    trails.compare("a", (), _answer((), 12, 3_000))
    assert 12 == trails.points(["b", "a"])[-1].size
    assert () == trails.points(["c"])
