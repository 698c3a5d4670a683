"""A service whose keys a keyring settles: they come, go and lose trust while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    ROOT,
    aead,
    entry,
    first,
    following,
    in_state,
    mac,
    signing,
)

from sealwire import (
    MemorySealerState,
    RequestRefusedError,
    Sealer,
    UntrustedAnswerError,
    wall_clock_ms,
)
from sealwire.client import Client
from sealwire.journal import init as init_state
from sealwire.keyfiles import write_key_file
from sealwire.keyring import Role, State, keyring_chain
from sealwire.keyringfiles import KeyringFiles
from sealwire.listener import Listener, listen
from sealwire.recommended import Recommended, local_layers, network_layers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.keyring import SignedKeyring
    from sealwire.keys import SigningKey

LOGGER = "sealwire-tests.keyring"
HOST = signing("host-1")


class Service:
    """A service with a keyring, its files, and clients of people."""

    def __init__(self, folder: Path, kind: Recommended, *, state: bool = False) -> None:
        """Lay out the files, and listen."""
        self.folder, self.kind = folder, kind
        self.current = first()
        (folder / "pinned").write_bytes(self.current.sealed)
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        for owner in ("alice", "bob"):
            write_key_file(self.secrets / f"{owner}.mac", mac(owner))
            write_key_file(self.secrets / f"{owner}.aead", aead(owner))
        self.state = folder / "state" if state else None
        if self.state is not None:
            init_state(self.state, AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self.listener = self.start()

    def start(self) -> Listener:
        """Listen."""
        files = KeyringFiles(
            AUDIENCE,
            pinned=self.folder / "pinned",
            file=self.folder / "ring",
            secrets=self.secrets,
            kept=None if self.state is None else self.state / "keyring",
        )
        return listen(
            f"unix:{self.folder}/sock",
            chain=keyring_chain(files.open(), self.kind),
            keyring=files,
            receipt_key=HOST,
            state=self.state,
        )

    def client(self, signer: SigningKey, number: int = 1, secret_number: int = 1) -> Client:
        """Give a client of whoever has this key."""
        owner = signer.owner
        layers = local_layers(signer)
        if self.kind is Recommended.NETWORK:
            layers = network_layers(mac(owner, number), aead(owner, secret_number), signer)
        sealer = Sealer(
            AUDIENCE, layers, issuer=owner, state=MemorySealerState(), clock=wall_clock_ms
        )
        return Client(f"unix:{self.folder}/sock", sealer, receipt_key=HOST.verify_key)

    def follow(self, signed: SignedKeyring) -> None:
        """Have the service follow a keyring by a message, and remember it as the last."""
        self.client(ALICE).send_keyrings([signed.sealed])
        self.current = signed

    def wait_for(self, version: int) -> None:
        """Wait until the service has this version in force."""
        reader = self.client(ALICE)
        for _ in range(100):
            if reader.status().report["keyring"]["version"] == version:
                return
            time.sleep(0.05)
        raise AssertionError(f"version {version} has not come into force")


@pytest.fixture(params=list(Recommended))
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """Give a service of each chain in turn."""
    made = Service(tmp_path, request.param)
    with made.listener:
        yield made


def refused(client: Client, level: str = "DEBUG") -> str:
    """Ask for a lease; give why it is refused."""
    with pytest.raises(RequestRefusedError) as error:
        client.lease({LOGGER: level}, for_s=60)
    return error.value.reason


def turned_away(client: Client) -> None:
    """Ask for a lease; see that it is answered as a stranger's is, without a signature."""
    with pytest.raises(UntrustedAnswerError, match="refused"):
        client.lease({LOGGER: "DEBUG"}, for_s=60)


def test_a_lease_key_leases_and_does_not_configure(service: Service) -> None:
    """On call is not the right to redirect logs."""
    on_call = service.client(BOB)
    on_call.lease({LOGGER: "DEBUG"}, for_s=60)
    with pytest.raises(RequestRefusedError) as error:
        on_call.apply({"version": 1})
    assert error.value.reason == "key-role"
    assert "needs the role config" in error.value.detail
    service.client(ALICE).apply({"version": 1})


def test_a_keyring_comes_as_a_message(service: Service) -> None:
    """A new key is trusted from then on, without a restart, and the receipt says who has it."""
    carol = signing("alice", 2)
    turned_away(service.client(carol))
    new = following(service.current, entry(carol, Role.CONFIG, primary=False))
    result = service.client(ALICE).send_keyrings([new.sealed])
    assert result.receipt is not None
    assert result.receipt.keyring is not None
    assert (2, new.digest.hex()) == result.receipt.keyring[1:]
    service.client(carol).lease({LOGGER: "DEBUG"}, for_s=60)


def test_the_same_keyring_again_is_answered_and_does_nothing(service: Service) -> None:
    """A client that heard no answer sends again."""
    new = following(service.current, entry(signing("alice", 2), Role.CONFIG, primary=False))
    service.follow(new)
    again = service.client(ALICE).send_keyrings([service.current.sealed])
    assert again.repeated


def test_an_older_keyring_is_refused(service: Service) -> None:
    """Nobody goes back to when a key was trusted."""
    old = service.current
    service.follow(following(old, in_state(old.keyring, BOB, State.COMPROMISED)))
    with pytest.raises(RequestRefusedError, match="keyring-out-of-order"):
        service.client(ALICE).send_keyrings([old.sealed])
    turned_away(service.client(BOB))


def test_a_compromised_key_ends_its_leases(service: Service) -> None:
    """At once, and leases of others go on."""
    service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=600)
    service.client(ALICE).lease({f"{LOGGER}.other": "INFO"}, for_s=600)
    gone = in_state(service.current.keyring, BOB, State.COMPROMISED)
    service.follow(following(service.current, gone))
    leases = service.client(ALICE).status().report["leases"]
    assert ["alice"] == [each["issuer"] for each in leases]


def test_a_suspended_key_is_told_so(service: Service) -> None:
    """Its owner learns why, in a receipt; and its leases go on until somebody decides."""
    on_call = service.client(BOB)
    on_call.lease({LOGGER: "DEBUG"}, for_s=600)
    now = wall_clock_ms() // 1000
    held = in_state(service.current.keyring, BOB, State.SUSPENDED)
    held = held.__class__(
        **{name: getattr(held, name) for name in held.__slots__}
        | {"since": now, "until": now + 600}
    )
    service.follow(following(service.current, held, now=now))
    assert refused(on_call) == "key-not-in-force"
    assert 1 == len(service.client(ALICE).status().report["leases"])


def test_a_key_that_is_not_in_service_yet_reads_and_changes_nothing(service: Service) -> None:
    """That is how a key is rehearsed before anything depends on it."""
    staged = signing("alice", 2)
    key = entry(staged, Role.CONFIG, State.PRE_ACTIVATION)
    service.follow(following(service.current, key))
    client = service.client(staged)
    assert client.status().verified
    assert refused(client) == "key-not-in-force"


def test_a_file_is_followed(service: Service) -> None:
    """What is distributed is in force within a second, and what does not follow changes nothing."""
    new = following(service.current, entry(signing("alice", 2), Role.CONFIG, primary=False))
    (service.folder / "ring").write_bytes(new.sealed)
    service.wait_for(2)
    (service.folder / "ring").write_bytes(b"nonsense")
    reader, trouble = service.client(ALICE), ""
    for _ in range(100):
        if trouble := reader.status().report["keyring"]["trouble"]:
            break
        time.sleep(0.05)
    assert "stays as it is" in trouble
    assert 2 == reader.status().report["keyring"]["version"]


def test_a_new_secret_key_is_held_when_its_file_comes(tmp_path: Path) -> None:
    """A gate and an encryption key are rotated without a restart."""
    service = Service(tmp_path, Recommended.NETWORK)
    with service.listener:
        new = following(
            service.current,
            entry(mac("alice", 2), Role.GATE, primary=False),
            entry(aead("alice", 2), Role.ENCRYPT, primary=False),
        )
        service.follow(new)
        turned_away(service.client(ALICE, 2))
        write_key_file(service.secrets / "alice-2.mac", mac("alice", 2))
        write_key_file(service.secrets / "alice-2.aead", aead("alice", 2))
        fresh = service.client(ALICE, 2, 2)
        for _ in range(100):
            keys = service.client(ALICE).status().report["keyring"]["keys"]
            if all(key["held"] for key in keys):
                break
            time.sleep(0.05)
        fresh.lease({LOGGER: "DEBUG"}, for_s=60)


def test_a_receipt_key_of_the_keyring_is_no_file_that_is_missing(tmp_path: Path) -> None:
    """Its public half stands in the keyring, as those of people do; a host holds no file for it."""
    service = Service(tmp_path, Recommended.LOCAL)
    with service.listener:
        service.follow(following(service.current, entry(signing("host", 1), Role.RECEIPT)))
        keys = service.client(ALICE).status().report["keyring"]["keys"]
        assert {("receipt", True), ("config", True)} <= {
            (each["role"], each["held"]) for each in keys
        }


@pytest.mark.parametrize("kind", list(Recommended))
def test_what_was_followed_outlives_the_process(tmp_path: Path, kind: Recommended) -> None:
    """An older file does not take a service back, and a compromised key's leases do not come up."""
    service = Service(tmp_path, kind, state=True)
    with service.listener:
        service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=600)
        service.client(ALICE).lease({f"{LOGGER}.other": "INFO"}, for_s=600)
        gone = in_state(service.current.keyring, BOB, State.COMPROMISED)
        service.follow(following(service.current, gone))
    with service.start():
        report = service.client(ALICE).status().report
        assert 2 == report["keyring"]["version"]
        assert ["alice"] == [each["issuer"] for each in report["leases"]]


def test_a_key_that_has_left_service_keeps_what_it_had_applied(tmp_path: Path) -> None:
    """What it had been trusted for comes up again after a restart; nothing new is taken."""
    service = Service(tmp_path, Recommended.LOCAL, state=True)
    with service.listener:
        service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=600)
        now = wall_clock_ms() // 1000 + 1
        key = entry(BOB, Role.LEASE, State.DEACTIVATED, since=now)
        service.follow(following(service.current, key, now=now))
    with service.start():
        report = service.client(ALICE).status().report
        assert ["bob"] == [each["issuer"] for each in report["leases"]]
        time.sleep(1)
        assert refused(service.client(BOB)) == "key-not-in-force"


def test_an_expired_keyring_refuses_changes_and_not_going_back(tmp_path: Path) -> None:
    """Leases are reverted, status is told, the next keyring is taken."""
    service = Service(tmp_path, Recommended.LOCAL)
    now = wall_clock_ms() // 1000
    with service.listener:
        service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=600)
        old = service.current
        short = old.keyring.succeeded(old.keyring.keys, now=now - 20, expires=now - 10)
        from sealwire.keyring import sign_keyring, succeed

        service.follow(succeed(old, sign_keyring(short, (ROOT,))))
        assert refused(service.client(BOB)) == "keyring-expired"
        assert service.client(BOB).status().report["keyring"]["expired"]
        service.client(BOB).revert()
        longer = short.succeeded(short.keys, now=now, expires=now + 3600)
        service.follow(succeed(service.current, sign_keyring(longer, (ROOT,))))
        service.client(BOB).lease({LOGGER: "DEBUG"}, for_s=60)
