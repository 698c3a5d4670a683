"""A keyring that is followed while a service runs: kept first, recorded, answered, tried again."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.integration.test_keyring import HOST, LOGGER, Service, refused
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    NOW,
    entry,
    first,
    following,
    in_state,
    ring,
    signing,
)

from sealwire import (
    MemorySealerState,
    RequestRefusedError,
    Sealer,
    Trail,
    UntrustedAnswerError,
    as_verify,
    keyringfiles,
    wall_clock_ms,
)
from sealwire.custody import Custody
from sealwire.engine import engine_of_process
from sealwire.errors import ConfigurationError, Reason, RefusedError, StateError
from sealwire.keyfiles import parse_key, write_checked
from sealwire.keyring import (
    LiveKeyring,
    Role,
    State,
    keyring_chain,
    sign_keyring,
    succeed,
    write_list,
)
from sealwire.keyringfiles import KeyringFiles
from sealwire.keys import SigningKey
from sealwire.listener import listen
from sealwire.recommended import Recommended, local_layers
from sealwire.trail.events import Accepted, KeyChanged, KeyringChanged, KeyState
from sealwire.trail.records import parse_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sealwire.keyring import SignedKeyring
    from sealwire.stages import Opened

    Process = Callable[[], AbstractContextManager[None]]

FULL = "keyring cannot be written: No space left on device"


def until(is_so: Callable[[], object], why: str) -> None:
    """Wait until something is so."""
    for _ in range(200):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(why)


def newer(service: Service, number: int = 2) -> SignedKeyring:
    """Give a keyring that follows the one in force, with one more key of alice's."""
    key = entry(signing("alice", number), Role.CONFIG, primary=False)
    return following(service.current, key)


class Disk:
    """A disk that can be full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between the keyring's files and the disk."""
        self.full = False
        monkeypatch.setattr(keyringfiles, "write_checked", self.write_checked)

    def write_checked(self, path: Path, content: bytes, **given: object) -> None:
        """Write, or fail as a full disk does."""
        if self.full:
            raise StateError(f"{path}: {FULL}")
        write_checked(path, content, **given)  # type: ignore[arg-type]


# ---- what cannot be kept -----------------------------------------------------------------------


def test_a_message_that_cannot_be_kept_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is in force that a restart would forget; sent again, it is followed."""
    disk = Disk(monkeypatch)
    service = Service(tmp_path, Recommended.LOCAL, state=True)
    with service.listener:
        client, new = service.client(ALICE), newer(service)
        disk.full = True
        with pytest.raises(RequestRefusedError) as error:
            client.send_keyrings([new.sealed])
        assert "state-unavailable" == error.value.reason
        assert 1 == client.status().report["keyring"]["version"]
        disk.full = False
        client.send_keyrings([new.sealed])
        assert 2 == client.status().report["keyring"]["version"]


def test_a_file_that_cannot_be_kept_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose key was taken away is not trusted for good because a disk was full for a minute."""
    monkeypatch.setattr("sealwire.custody._AGAIN_MS", 100)
    disk = Disk(monkeypatch)
    service = Service(tmp_path, Recommended.LOCAL, state=True)
    with service.listener:
        reader = service.client(ALICE)
        disk.full = True
        (tmp_path / "ring").write_bytes(newer(service).sealed)
        until(lambda: reader.status().report["keyring"]["trouble"], "no trouble is told")
        time.sleep(1.2)
        report = reader.status().report["keyring"]
        assert FULL in report["trouble"]
        assert 1 == report["version"]
        disk.full = False
        service.wait_for(2)
        until(lambda: not reader.status().report["keyring"]["trouble"], "the trouble stays")


def test_trouble_is_told_once_and_stands_in_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as it lasts."""
    service = Service(tmp_path, Recommended.LOCAL)
    caplog.set_level(logging.INFO, logger="sealwire")
    with service.listener:
        reader = service.client(ALICE)
        (tmp_path / "ring").write_bytes(b"garbage")
        until(lambda: reader.status().report["keyring"]["trouble"], "no trouble is told")
        time.sleep(1.2)
        assert "ring holds no keyring" in reader.status().report["keyring"]["trouble"]
        told = [each for each in caplog.records if "the keyring stays" in each.getMessage()]
        assert 1 == len(told)
        (tmp_path / "ring").unlink()
        until(lambda: not reader.status().report["keyring"]["trouble"], "the trouble stays")


def test_a_malformed_secret_leaves_the_old_ones_and_the_ring_is_followed(tmp_path: Path) -> None:
    """Both at once, and what is right counts."""
    service = Service(tmp_path, Recommended.NETWORK)
    with service.listener:
        (service.secrets / "x.aead").write_text("garbage")
        gone = in_state(service.current.keyring, BOB, State.COMPROMISED)
        (tmp_path / "ring").write_bytes(following(service.current, gone).sealed)
        service.wait_for(2)
        report = service.client(ALICE).status().report["keyring"]
        assert "x.aead" in report["trouble"]
        service.client(ALICE).lease({LOGGER: "DEBUG"}, for_s=60)


def test_two_services_of_one_state_follow_each_other(tmp_path: Path) -> None:
    """What one of them was told, the other has within a second."""
    one = Service(tmp_path, Recommended.LOCAL, state=True)
    assert one.state is not None
    with one.listener:
        files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned", kept=one.state / "keyring")
        live = files.open()
        custody = Custody(files, live, engine_of_process())
        one.follow(newer(one))
        began_s = time.monotonic()
        while live.keyring.version < 2:
            custody.let_time_pass(wall_clock_ms())
            assert time.monotonic() - began_s < 10
            time.sleep(0.01)
        assert 2 == live.keyring.version


# ---- what is judged ----------------------------------------------------------------------------


def test_a_door_that_is_a_callable_judges_roles_as_well() -> None:
    """Whichever way a request comes, a lease key configures nothing, and no list is taken."""
    live = LiveKeyring("orders@prod", first())
    decided: list[Reason | None] = []
    verify = as_verify(keyring_chain(live), on_event=lambda each: decided.append(each.reason))
    time.sleep(0.01)  # what is sealed in the millisecond of the start could be from before it
    for signer, good in ((BOB, False), (ALICE, True)):
        sealer = Sealer(
            live.audience,
            local_layers(signer),
            issuer=signer.owner,
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        assert good is (verify(sealer.seal(b'{"version": 1}')) is not None)
    new = following(live.current, entry(signing("carol"), Role.CONFIG))
    assert verify(write_list([new.sealed])) is None
    assert 1 == live.keyring.version
    assert [Reason.KEY_ROLE, None, Reason.VERB_NOT_SERVED] == decided


def test_the_policy_is_not_asked_about_keyrings(tmp_path: Path) -> None:
    """Roots decide, and there is no rule that could stand in their way."""

    def never(_request: object) -> list[object]:
        raise AssertionError("it was asked")

    service = Service(tmp_path, Recommended.LOCAL)
    service.listener.stop()
    files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned")
    chain = keyring_chain(files.open())
    address = f"unix:{tmp_path}/sock"
    rules = [never]
    with listen(address, chain=chain, keyring=files, receipt_key=HOST, rules=rules):  # type: ignore[arg-type]
        service.follow(newer(service))
        with pytest.raises(RequestRefusedError):
            service.client(ALICE).apply({"version": 1})


def test_a_chain_and_its_files_belong_together(tmp_path: Path) -> None:
    """One without the other would follow nothing, or nothing that is looked at."""
    (tmp_path / "pinned").write_bytes(first().sealed)
    files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned")
    chain = keyring_chain(files.open())
    others = KeyringFiles("other", pinned=tmp_path / "pinned")
    for keyring in (None, others):
        with pytest.raises(ConfigurationError, match="belong together"):
            listen(f"unix:{tmp_path}/sock", chain=chain, keyring=keyring)


def test_an_example_key_is_not_followed_to(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Nor by a message."""
    path = request.config.rootpath / "keys-example" / "alice.signing"
    example = parse_key(path.read_bytes())
    assert isinstance(example, SigningKey)
    service = Service(tmp_path, Recommended.LOCAL)
    with service.listener:
        new = following(service.current, entry(example, Role.CONFIG, primary=False))
        with pytest.raises(RequestRefusedError) as error:
            service.client(BOB).send_keyrings([new.sealed])
        assert "example key" in error.value.detail


# ---- what is answered --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Recommended))
def test_receipts_of_keyrings(tmp_path: Path, kind: Recommended) -> None:
    """Followed, repeated, refused: each is signed by the host, and says what is in force."""
    service = Service(tmp_path, kind)
    with service.listener:
        client, old, new = service.client(ALICE), service.current, newer(service)
        for repeated in (False, True):
            result = client.send_keyrings([new.sealed])
            assert result.verified
            assert repeated is result.repeated
            assert result.receipt is not None
            assert ("payments", 2, new.digest.hex()) == result.receipt.keyring
        service.current = new
        one_on = following(new, entry(signing("alice", 3), Role.CONFIG, primary=False))
        two_on = following(one_on, entry(signing("alice", 4), Role.CONFIG, primary=False))
        for sealed, said in (
            (old.sealed, "version 2 is in force"),
            (two_on.sealed, "3 is the next"),
        ):
            with pytest.raises(RequestRefusedError) as error:
                client.send_keyrings([sealed])
            assert "keyring-out-of-order" == error.value.reason
            assert said in error.value.detail
            receipt = error.value.result.receipt
            assert receipt is not None
            assert 2 == receipt.keyring.version  # type: ignore[union-attr]


def test_a_strangers_keyring_is_answered_with_the_constant(tmp_path: Path) -> None:
    """Whoever has no root key learns nothing."""
    service = Service(tmp_path, Recommended.LOCAL)
    with service.listener:
        forged = sign_keyring(newer(service).keyring, (signing("mallory"),))
        with pytest.raises(UntrustedAnswerError, match="nobody has signed"):
            service.client(ALICE).send_keyrings([forged])


def refused_keyring(service: Service, sealed: bytes) -> str:
    """Send a keyring; give why it is refused."""
    with pytest.raises(RequestRefusedError) as error:
        service.client(ALICE).send_keyrings([sealed])
    return error.value.reason


# ---- what is recorded --------------------------------------------------------------------------


def test_a_trail_says_who_has_changed_which_key(tmp_path: Path) -> None:
    """The message, then the keyring, then each key whose state is another one."""
    service = Service(tmp_path, Recommended.LOCAL)
    service.listener.stop()
    files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned")
    trail = Trail(tmp_path / "trail", signing("host-trail"))
    chain, address = keyring_chain(files.open()), f"unix:{tmp_path}/sock"
    with listen(address, chain=chain, keyring=files, receipt_key=HOST, trail=trail):
        gone = in_state(service.current.keyring, BOB, State.COMPROMISED)
        added = entry(signing("alice", 2), Role.CONFIG, primary=False)
        new = following(service.current, gone, added)
        service.follow(new)
    lines = (tmp_path / "trail" / f"{0:020}.jsonl").read_bytes().splitlines()
    events = [parse_record(line).event for line in lines]
    at = next(at for at, event in enumerate(events) if isinstance(event, Accepted))
    accepted, changed = events[at : at + 2]
    assert isinstance(accepted, Accepted)
    assert "root" == accepted.who.owner
    assert changed == KeyringChanged("payments", 2, new.digest.hex(), ("root",))
    keys = {event.key: event for event in events if isinstance(event, KeyChanged)}
    assert {
        BOB.thumbprint.hex(): ("bob", KeyState.ACTIVE, KeyState.COMPROMISED),
        signing("alice", 2).thumbprint.hex(): ("alice", None, KeyState.ACTIVE),
    } == {key: (event.owner, event.before, event.after) for key, event in keys.items()}


# ---- what is told ahead ------------------------------------------------------------------------


def test_how_long_a_keyring_is_good_is_told_ahead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 30, 14, 7 days and one, and once it has expired; each of them once."""
    monkeypatch.setattr("sealwire.custody.LOOK_MS", 0)
    caplog.set_level(logging.INFO, logger="sealwire")
    (tmp_path / "pinned").write_bytes(first(ring(expires=NOW + 40 * DAY)).sealed)
    files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned")
    custody = Custody(files, files.open(), engine_of_process())
    for day in (0, 9, 11, 11, 25, 27, 32, 34, 38, 39.5, 39.5, 40, 40.1, 40.2):
        custody.let_time_pass(round((NOW + day * DAY) * 1000))
    lines = [each.getMessage() for each in caplog.records]
    assert 4 == sum("expires in" in each for each in lines)
    assert 1 == sum("has expired" in each for each in lines)


# ---- what a compromised key had applied --------------------------------------------------------


def test_a_configuration_of_a_compromised_key_stays_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Going back from it is for people to decide; what is on trial goes back."""
    service = Service(tmp_path, Recommended.LOCAL)
    caplog.set_level(logging.INFO, logger="sealwire")
    carol = signing("carol")
    with service.listener:
        service.follow(following(service.current, entry(carol, Role.CONFIG)))
        service.client(carol).apply({"version": 1})
        gone = in_state(service.current.keyring, carol, State.COMPROMISED)
        service.follow(following(service.current, gone))
        assert "carol" == service.client(ALICE).status().report["base"]["issuer"]
        assert any("its key is compromised" in each.getMessage() for each in caplog.records)


def test_a_trial_of_a_compromised_key_goes_back(tmp_path: Path, new_process: Process) -> None:
    """Nobody is to confirm it."""
    carol = signing("carol")
    with new_process(), (service := Service(tmp_path, Recommended.LOCAL)).listener:
        service.follow(following(service.current, entry(carol, Role.CONFIG)))
        service.client(carol).apply({"version": 1}, confirm_within_s=60)
        assert "carol" == service.client(ALICE).status().report["base"]["issuer"]
        gone = in_state(service.current.keyring, carol, State.COMPROMISED)
        service.follow(following(service.current, gone))
        assert "carol" != service.client(ALICE).status().report["base"]["issuer"]


def test_a_start_takes_the_last_configuration_of_another_key(
    tmp_path: Path, new_process: Process
) -> None:
    """What a compromised key had set does not come up again."""
    carol = signing("carol")
    with new_process(), (service := Service(tmp_path, Recommended.LOCAL, state=True)).listener:
        service.follow(following(service.current, entry(carol, Role.CONFIG)))
        service.client(ALICE).apply({"version": 1, "loggers": {LOGGER: {"level": "INFO"}}})
        service.client(carol).apply({"version": 1, "loggers": {LOGGER: {"level": "DEBUG"}}})
        gone = in_state(service.current.keyring, carol, State.COMPROMISED)
        service.follow(following(service.current, gone))
    with new_process(), service.start():
        assert "alice" == service.client(ALICE).status().report["base"]["issuer"]
        assert logging.INFO == logging.getLogger(LOGGER).level


def test_a_message_that_was_passed_by_meanwhile_is_refused(tmp_path: Path) -> None:
    """Between looking and following another one may have come into force."""
    (tmp_path / "pinned").write_bytes(first().sealed)
    files = KeyringFiles(AUDIENCE, pinned=tmp_path / "pinned")
    live = files.open()
    custody = Custody(files, live, engine_of_process())
    chain = keyring_chain(live)
    messages: list[Opened] = []
    for owner in ("carol", "dave"):
        new = following(live.current, entry(signing(owner), Role.CONFIG))
        messages.append(chain.open(write_list([new.sealed]), now_ms=wall_clock_ms()))
    assert "until the next start" in custody.follow(messages[0])
    assert "keyring payments 2 in force" == custody.follow(messages[0])
    with pytest.raises(RefusedError) as error:
        custody.follow(messages[1])
    assert Reason.KEYRING_OUT_OF_ORDER is error.value.reason


def test_one_root_of_three_suspends_and_no_more(tmp_path: Path) -> None:
    """Its thief keeps a key away for 72 hours, which the others lift; a host follows both."""
    roots = [signing(name) for name in "abc"]
    service = Service(tmp_path, Recommended.LOCAL)
    service.listener.stop()
    keys = [key for key in service.current.keyring.keys if key.role is not Role.ROOT]
    keys += [entry(root, Role.ROOT) for root in roots]
    pinned = first(ring(keys, threshold=2), *roots)
    (tmp_path / "pinned").write_bytes(pinned.sealed)
    service.current = pinned
    now = wall_clock_ms() // 1000
    bob = pinned.keyring.named(BOB.thumbprint)
    assert bob is not None
    away = replace(bob, state=State.SUSPENDED, since=now, until=now + 72 * 3600, primary=False)
    mine = {key.thumbprint: key for key in pinned.keyring.keys}
    suspending = pinned.keyring.succeeded((mine | {BOB.thumbprint: away}).values(), now=now)
    with service.start():
        service.follow(succeed(pinned, sign_keyring(suspending, roots[:1])))
        assert "key-not-in-force" == refused(service.client(BOB))
        lifted = suspending.succeeded(
            (mine | {BOB.thumbprint: replace(bob, since=now)}).values(), now=now
        )
        assert "signatures-missing" == refused_keyring(service, sign_keyring(lifted, roots[:1]))
        service.follow(succeed(service.current, sign_keyring(lifted, roots[1:])))
        service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=60)
        empty = lifted.succeeded(lifted.keys, now=now)
        assert "signatures-missing" == refused_keyring(service, sign_keyring(empty, roots[:1]))


def test_a_door_without_a_state_follows_beside_one_that_has_one(tmp_path: Path) -> None:
    """A keyring has an order of its own, and is no message from before the start."""
    for name in "ab":
        (tmp_path / name).mkdir()
    keeping = Service(tmp_path / "a", Recommended.LOCAL, state=True)
    with keeping.listener:
        other = Service(tmp_path / "b", Recommended.LOCAL)
        with other.listener:
            other.follow(newer(other))
            assert 2 == other.client(ALICE).status().report["keyring"]["version"]
        assert 1 == keeping.client(ALICE).status().report["keyring"]["version"]
