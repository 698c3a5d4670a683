"""Each kind of key is rotated while services are asked all the time, and nobody is refused.

Two services in this process, one operator who is also the custodian. Whoever asks reads keys and
settings anew for every request, as one command after another does.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli import custodian, keyring_new, keyring_switch, rotations
from sealwire.cli.app import run
from sealwire.cli.custodian import Custodian
from sealwire.cli.keys import file_name
from sealwire.cli.rotations import Journal
from sealwire.client import Client
from sealwire.errors import SealwireError
from sealwire.keyfiles import load_signing_key, load_verify_key, new_signing_key, write_key_file
from sealwire.keyring import Role, State
from sealwire.listener import Listener, listen_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.keyring import RingKey

AUDIENCES = ("payments@prod", "billing@prod")
LOGGER = "sealwire-tests.rotation"
CONFIG = {"version": 1, "incremental": True, "loggers": {LOGGER: {"level": "INFO"}}}
PATIENCE = 400
KINDS = ("config", "gate", "encrypt", "receipt", "root")


class Killed(BaseException):
    """The process ends here, as by a signal that nobody can catch."""


class World:
    """Two services with a keyring, and alice, who keeps it and asks."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make everything by the commands that people type."""
        self.folder, self.operator = folder, folder / "op"
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("SEALWIRE_CONFIG", str(self.operator / "operator.toml"))
        monkeypatch.chdir(folder)
        self.done("keys", "init", "team", "--root-owner", "root")
        signing = new_signing_key("alice")
        write_key_file(self.operator / "alice.signing", signing)
        write_key_file(self.operator / "alice.pub", signing.verify_key)
        wanted = [word for each in AUDIENCES for word in ("--audience", each)]
        key = str(self.operator / "alice.pub")
        self.done(
            *("keys", "enroll", "alice", "--role", "config", "--key", key, *wanted, "--network")
        )
        lines = ['issuer = "alice"', 'signing_key = "alice.signing"']
        for audience in AUDIENCES:
            lines += self._service(audience)
        (self.operator / "operator.toml").write_text("\n".join(lines) + "\n")
        host = self.services[AUDIENCES[0]] / "receipt.key.pub"
        self.host = load_verify_key(host).owner
        for audience in AUDIENCES:
            # One host, and so one receipt key, which is its own.
            if audience != AUDIENCES[0]:
                shutil.copy(self.services[AUDIENCES[0]] / "receipt.key", self.services[audience])
            shutil.copy(host, self.operator / f"{audience}-host.pub")
        self.done("keys", "enroll", self.host, "--role", "receipt", "--key", str(host))
        self.listeners: list[Listener] = []

    @property
    def services(self) -> dict[str, Path]:
        """Where each service's part lies."""
        return {each: self.folder / f"s-{each.partition('@')[0]}" for each in AUDIENCES}

    def _service(self, audience: str) -> list[str]:
        place, stem = self.services[audience], file_name(audience)
        address = f"unix:{self.folder}/{audience.partition('@')[0]}.sock"
        self.done(
            *("init", audience, "--keyring", str(self.operator / "team.keyring")),
            *("--dir", str(place), "--chain", "network", "--address", address),
        )
        for kind in ("mac", "aead"):
            made = self.operator / "secrets" / stem / f"alice.{kind}"
            shutil.copy(made, self.operator / f"{stem}.{kind}")
        self.carry()
        return [
            f'[targets."{audience}"]',
            f'address = "{address}"',
            'chain = "network"',
            f'gate = "{stem}.mac"',
            f'encryption = "{stem}.aead"',
            f'receipt_key = "{stem}-host.pub"',
        ]

    def done(self, *words: str) -> None:
        """Run a command that has to end well."""
        assert 0 == run(words)

    def until_done(self, *words: str) -> None:
        """Run a command until it ends well: hosts look at files twice a second."""
        for _ in range(PATIENCE):
            if run(words) == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"{words} never ended well")

    def carry(self) -> None:
        """Bring the files of secret keys to the hosts, as an administrator does."""
        for audience, place in self.services.items():
            for path in (self.operator / "secrets" / file_name(audience)).glob("*"):
                there = place / "secrets" / path.name
                if there.parent.exists() and not there.exists():
                    shutil.copy(path, there.with_suffix(".coming"))
                    there.with_suffix(".coming").rename(there)

    def switch_host(self) -> None:
        """Put the host's new receipt key where the services look, if there is one."""
        new = self.folder / "receipt-2.key"
        for place in self.services.values():
            if new.exists():
                write_key_file(place / "receipt.key", load_signing_key(new), force=True)

    def ring(self) -> Custodian:
        """Read the keyring."""
        return Custodian.open(None, None)

    def key_of(self, role: str) -> RingKey:
        """Give the primary key of a role; of those that are shared, the one with payments."""
        return next(
            key
            for key in self.ring().keyring.keys
            if key.role.value == role and key.primary and key.serves(AUDIENCES[0])
        )

    def start(self) -> None:
        """Let both services listen."""
        for place in self.services.values():
            self.listeners.append(listen_from(place / "service.toml"))

    def stop(self) -> None:
        """Stop them."""
        for listener in self.listeners:
            listener.stop()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give two running services, and a custodian, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    made = World(folder, monkeypatch)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder)


class Stream:
    """Somebody who asks both services all the time."""

    def __init__(self) -> None:
        """Ask from now on."""
        self.refused: list[str] = []
        self.applied = 0
        self._began = time.monotonic()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            audience = AUDIENCES[number % len(AUDIENCES)]
            try:
                client = Client.from_settings(None, audience)
                turn = number // len(AUDIENCES) % 3
                if turn == 0:
                    result = client.lease({LOGGER: "DEBUG"}, for_s=60)
                elif turn == 1:
                    result = client.revert()
                else:
                    result = client.apply(CONFIG)
                assert result.verified
                self.applied += 1
            except (AssertionError, SealwireError) as error:
                self.refused.append(f"{number} to {audience}: {error}")

    def end(self) -> None:
        """Stop asking; ``pytest -s`` shows how much was asked."""
        self._enough.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        took_s = time.monotonic() - self._began
        print(f"\n{self.applied} requests in {took_s:.1f} s, {self.applied / took_s:.0f} a second")


@pytest.fixture
def stream(world: World) -> Iterator[Stream]:
    """Ask both services all the time."""
    asking = Stream()
    yield asking
    asking.end()


def rotate(world: World, role: str, ask: Callable[[tuple[str, ...]], None]) -> tuple[str, str]:
    """Rotate the key of a role to its end; give both ids.

    Args:
        world: services and custodian.
        role: which key.
        ask: runs the command once, to wherever that comes.
    """
    old = world.key_of(role)
    words: tuple[str, ...] = ("keys", "rotate", old.fingerprint, "--overlap", "1s")
    if role == "receipt":
        made = new_signing_key(world.host)
        write_key_file(world.folder / "receipt-2.key", made)
        write_key_file(world.folder / "receipt-2.key.pub", made.verify_key)
        words = (*words, "--key", str(world.folder / "receipt-2.key.pub"))
    for _ in range(PATIENCE):
        ask(words)
        world.carry()
        promoted = world.key_of(role).thumbprint != old.thumbprint
        if promoted:
            world.switch_host()
        now = world.ring().keyring.named(old.thumbprint)
        assert now is not None
        if now.state is State.DEACTIVATED and not Journal(world.ring()).rotations:
            return old.fingerprint, world.key_of(role).fingerprint
        time.sleep(0.05)
    raise AssertionError(f"the {role} key has not been rotated")


def look(world: World, role: str, old: str, new: str, stream: Stream) -> None:
    """Look whether the new key is used, the old one is out of service, and nobody was refused."""
    asked = stream.applied
    for _ in range(PATIENCE):
        if stream.applied > asked + len(AUDIENCES) or stream.refused:
            break
        time.sleep(0.05)
    assert [] == stream.refused
    assert stream.applied > asked
    assert old != new
    version = world.ring().keyring.version
    for audience in AUDIENCES if role in {"config", "receipt", "root"} else AUDIENCES[:1]:
        report = Client.from_settings(None, audience).status().report["keyring"]
        assert version == report["version"]
        keys = {key["id"]: key["state"] for key in report["keys"]}
        if role != "root":
            assert ("active", "deactivated") == (keys[new], keys[old])


@pytest.mark.parametrize("role", KINDS)
def test_a_key_is_rotated_and_nobody_is_refused(world: World, stream: Stream, role: str) -> None:
    """Staged, shown, rehearsed, promoted, gone over to, retired; one step a time."""

    def ask(words: tuple[str, ...]) -> None:
        run((*words, "--step"))

    old, new = rotate(world, role, ask)
    look(world, role, old, new, stream)
    if role == "receipt":
        answered = Client.from_settings(None, AUDIENCES[0]).status()
        assert (new, True) == (answered.key_id, answered.verified)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("role", KINDS)
def test_a_rotation_that_is_killed_goes_on(
    world: World, stream: Stream, role: str, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right before or after any file that is written; and whatever the next run finds is enough."""
    killed_at: list[str] = []
    written = 0
    allowed = 0

    def killing(write: Callable[..., None]) -> Callable[..., None]:
        def wrapped(path: object, *arguments: object, **more: object) -> None:
            nonlocal written
            written += 1
            dies = written > allowed
            if not (dies and before):
                write(path, *arguments, **more)
            if dies:
                # What has been done before is written as before; what is new differs in something.
                killed_at.append(f"{path}{'' if before else arguments}")
                raise Killed

        return wrapped

    for module, name in (
        (custodian, "write_checked"),
        (rotations, "write_checked"),
        (keyring_new, "write_key_file"),
        (keyring_switch, "write_key_file"),
    ):
        monkeypatch.setattr(module, name, killing(getattr(module, name)))

    def ask(words: tuple[str, ...]) -> None:
        nonlocal written, allowed
        # At the first file that is written; one later each time that it comes no further.
        again = bool(killed_at) and killed_at[-1] in killed_at[-5 if before else 0 : -1]
        written, allowed = 0, allowed + 1 if again else 0
        with contextlib.suppress(Killed):
            run(words)

    old, new = rotate(world, role, ask)
    look(world, role, old, new, stream)
    assert len(killed_at) > 4
    keys = [key for key in world.ring().keyring.keys if key.role is Role(role)]
    # Whoever goes on makes no second new key, so there is one more than before.
    shared = 3 if role in {"gate", "encrypt"} else 2
    assert shared == len(keys)


def test_a_stolen_key_is_refused_by_everybody_who_can_be_reached(world: World) -> None:
    """One service that cannot be reached keeps no other from it, and is listed."""
    alice, signing = world.key_of("config"), world.operator / "alice.signing"
    thief = Client.from_settings(None, AUDIENCES[0])
    thief.lease({LOGGER: "DEBUG"}, for_s=60)
    assert load_signing_key(signing).thumbprint == alice.thumbprint
    world.listeners[1].stop()
    began = time.monotonic()
    assert 5 == run(("keys", "revoke", alice.fingerprint, "--compromised"))
    with pytest.raises(SealwireError):
        thief.lease({LOGGER: "DEBUG"}, for_s=60)
    print(f"\nrefused {time.monotonic() - began:.2f} s after the command was typed")


def test_a_service_that_follows_a_file_loses_trust_as_well(world: World) -> None:
    """Nothing is sent; the file on its host is all that changes."""
    client = Client.from_settings(None, AUDIENCES[0])
    client.lease({LOGGER: "DEBUG"}, for_s=60)
    alice = world.key_of("config")
    world.done("keys", "revoke", alice.fingerprint, "--compromised", "--no-push")
    client.lease({LOGGER: "DEBUG"}, for_s=60)
    there = world.services[AUDIENCES[0]] / "team.keyring"
    shutil.copy(world.operator / "team.keyring", there.with_suffix(".coming"))
    there.with_suffix(".coming").rename(there)
    began = time.monotonic()
    for _ in range(PATIENCE):
        try:
            client.lease({LOGGER: "DEBUG"}, for_s=60)
        except SealwireError:
            print(f"\nrefused {time.monotonic() - began:.2f} s after the file was there")
            return
        time.sleep(0.05)
    raise AssertionError("the key is still trusted")


def test_one_host_does_not_confirm_for_another(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever leads two addresses to one host keeps a key trusted at the other."""
    address = f"{world.folder}/payments.sock"
    (world.folder / "b.sock").symlink_to(address)
    path = world.operator / "operator.toml"
    several = f'address = ["unix:{address}", "unix:{world.folder}/b.sock"]'
    path.write_text(path.read_text().replace(f'address = "unix:{address}"', several))
    capsys.readouterr()
    assert 5 == run(("keys", "push"))
    said = capsys.readouterr().out
    assert f"at unix:{world.folder}/b.sock" in said
    assert "so no other host did" in said
    assert "1 of 2 services confirmed" in said


# ---- what is told ------------------------------------------------------------------------------


def test_status_names_the_keyring(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Its version, until when it is good, and which secrets the host has not got."""
    world.done("keys", "push")
    capsys.readouterr()
    world.done("status", "--to", AUDIENCES[0])
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("keyring")]
    version = world.ring().keyring.version
    assert f"team {version}, expires " in line
    assert "missing" not in line
    world.done("keys", "new", "--owner", "bob")
    world.done(
        *("keys", "enroll", "bob", "--role", "lease", "--key", "bob.pub"),
        *("--audience", AUDIENCES[0], "--network"),
    )
    world.done("keys", "push")
    capsys.readouterr()
    world.done("status", "--to", AUDIENCES[0])
    assert "files of keys that are missing: " in capsys.readouterr().out


def test_a_push_is_confirmed_by_receipts_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a service whose receipts are not verified, nothing is known."""
    world.done("keys", "renew", "--lifetime", "100d")
    world.done("keys", "push", "--to", AUDIENCES[0], "--json")
    settings = world.operator / "operator.toml"
    settings.write_text(settings.read_text().replace('receipt_key = "billing@prod-host.pub"', ""))
    capsys.readouterr()
    assert 5 == run(("keys", "push"))
    ended = capsys.readouterr()
    assert "1 of 2 services confirmed" in ended.out
    assert "its receipt is not verified" in ended.out
    assert "sealwire: error: some services have not confirmed it" in ended.err


def test_a_push_where_nobody_is_reached(world: World) -> None:
    """No connection is the status of no connection."""
    world.stop()
    assert 3 == run(("keys", "push"))


def test_a_service_that_missed_many_versions_catches_up(world: World) -> None:
    """More than one message can carry."""
    for days in range(300, 320):
        world.done("keys", "renew", "--lifetime", f"{days}d")
    world.done("keys", "push")
    report = Client.from_settings(None, AUDIENCES[1]).status().report["keyring"]
    assert world.ring().keyring.version == report["version"]


def test_a_forked_keyring_is_not_confirmed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that has another version of the same number is told, and is not called ours."""
    world.done("keys", "push")
    saved = (world.operator / "team.keyring").read_bytes()
    world.done("keys", "renew", "--lifetime", "50d")
    world.done("keys", "push")
    (world.operator / "team.keyring").write_bytes(saved)
    world.done("keys", "renew", "--lifetime", "60d")
    capsys.readouterr()
    assert 1 == run(("keys", "push"))
    assert "0 of 2 services confirmed" in capsys.readouterr().out


def test_rehearsing_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A key in service is taken; one that nobody knows is not, nor is another one's file."""
    key = str(world.operator / "alice.signing")
    world.done("keys", "push")
    capsys.readouterr()
    world.done("keys", "rehearse", "--key", key)
    assert "2 of 2 services taken" in capsys.readouterr().out
    wrong = world.key_of("receipt").fingerprint
    assert 3 == run(("keys", "rehearse", wrong, "--key", key))
    assert 3 == run(("keys", "rehearse", "--key", str(world.operator / "alice.pub")))
    world.done("keys", "new", "--owner", "carol")
    assert 3 == run(("keys", "rehearse", "--key", "carol.signing"))


def test_a_rotation_waits_for_a_host_that_has_not_got_the_file(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which file has to be brought where, and promotes nothing."""
    old = world.key_of("gate")
    assert 5 == run(("keys", "rotate", old.fingerprint))
    ended = capsys.readouterr()
    assert "and not the file of key" in ended.err
    assert "into keyring.secrets of their hosts" in ended.err
    assert old == world.key_of("gate")


def test_a_key_of_somebody_else_waits_for_them(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its owner rehearses and goes over; the custodian takes their word."""
    world.done("keys", "new", "--owner", "bob")
    wanted = [word for each in AUDIENCES for word in ("--audience", each)]
    key = ("--key", "bob.pub", *wanted, "--network")
    world.done("keys", "enroll", "bob", "--role", "lease", *key)
    world.carry()
    world.done("keys", "push")
    world.done("keys", "new", "--owner", "bob", "--out", "bob-2.signing")
    theirs = (world.operator / "operator.toml").read_text().replace("alice", "bob")
    for stem in map(file_name, AUDIENCES):
        for kind in ("mac", "aead"):
            made = world.operator / "secrets" / stem / f"bob.{kind}"
            shutil.copy(made, world.operator / f"bob-{stem}.{kind}")
        theirs = theirs.replace(f'"{stem}.', f'"bob-{stem}.')
    (world.operator / "bob.toml").write_text(theirs)
    shutil.copy("bob.signing", world.operator)
    words = ("keys", "rotate", "--owner", "bob", "--role", "lease", "--overlap", "1s")
    assert 5 == run((*words, "--key", "bob-2.pub"))
    assert "who has to rehearse it" in capsys.readouterr().err
    config = str(world.operator / "bob.toml")
    world.until_done("keys", "rehearse", "--key", "bob-2.signing", "--config", config)
    assert 5 == run((*words, "--rehearsed"))
    assert "bob has to seal with key" in capsys.readouterr().err
    world.done(*words, "--switched")
    assert "every service takes lease key" in capsys.readouterr().out
    time.sleep(1.1)
    world.done(*words)
    assert "has taken the place of lease key" in capsys.readouterr().out


def test_a_shared_key_of_somebody_else_is_brought_to_them(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is made here, because hosts need it as well; its owner tries it."""
    world.done("keys", "new", "--owner", "bob")
    key = ("--key", "bob.pub", "--audience", AUDIENCES[0], "--network")
    world.done("keys", "enroll", "bob", "--role", "lease", *key)
    words = ("keys", "rotate", "--owner", "bob", "--role", "gate", "--overlap", "1s")
    told = ""
    assert 5 == run(words)
    # Nobody's word stands in for a file that a host has not got.
    assert 5 == run((*words, "--rehearsed"))
    assert "not the file of key" in capsys.readouterr().err
    for _ in range(PATIENCE):
        capsys.readouterr()
        world.carry()
        assert 5 == run(words)
        told = capsys.readouterr().err
        if "bob has to seal with key" in told:
            break
        time.sleep(0.05)
    assert "bob has to seal with key" in told


def test_a_host_makes_its_receipt_key_itself(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody else ever has it."""
    assert 3 == run(("keys", "rotate", "--owner", world.host, "--role", "receipt"))
    assert "makes its receipt key itself" in capsys.readouterr().err


def test_another_operator_trusts_the_next_receipt_key(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the one in use, before the host goes over to it."""
    new = new_signing_key(world.host)
    write_key_file(world.folder / "receipt-2.key", new)
    write_key_file(world.folder / "next.pub", new.verify_key)
    words = ("trust", AUDIENCES[0], "--key", "next.pub", "--fingerprint", new.fingerprint)
    world.done(*words, "--next")
    client = Client.from_settings(None, AUDIENCES[0])
    answered = client.status()
    assert answered.verified
    world.switch_host()
    for _ in range(PATIENCE):
        answered = client.status()
        assert answered.verified
        if answered.key_id == new.fingerprint:
            break
        time.sleep(0.05)
    assert new.fingerprint == answered.key_id
    world.done(*words, "--force")
    stranger = new_signing_key("host-of-another")
    write_key_file(world.folder / "other.pub", stranger.verify_key)
    capsys.readouterr()
    assert 3 == run(("trust", AUDIENCES[0], "--key", "other.pub", "--next"))
    assert "so none follows it" in capsys.readouterr().err


def test_a_receipt_key_of_another_host_is_not_used(world: World) -> None:
    """The old one signs on, and what is wrong is told."""
    place = world.services[AUDIENCES[0]] / "receipt.key"
    write_key_file(place, new_signing_key("somebody-else"), force=True)
    client, trouble = Client.from_settings(None, AUDIENCES[0]), ""
    for _ in range(PATIENCE):
        answered = client.status()
        assert answered.verified
        if trouble := answered.report["keyring"]["trouble"]:
            break
        time.sleep(0.05)
    assert "is of somebody-else now" in trouble


def test_the_trail_tells_what_happened_to_keys(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each version with who signed it, each key with its state before and after."""
    bob = new_signing_key("bob")
    write_key_file(world.folder / "bob.pub", bob.verify_key)
    world.done("keys", "enroll", "bob", "--role", "lease", "--key", "bob.pub")
    world.done("keys", "leave", "bob")
    world.stop()
    trail = world.services[AUDIENCES[0]] / "trail"
    capsys.readouterr()
    world.done("trail", "report", str(trail), "--key", str(trail.with_name("trail.pub")))
    told = capsys.readouterr().out
    assert f"lease key {bob.fingerprint} of bob | active | deactivated" in told
    assert f"lease key {bob.fingerprint} of bob | none | active" in told
    assert "keyring team, signed by root" in told


def test_doctor_looks_at_a_services_keyring(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Version, expiry, secrets held; and what is wrong."""
    service = str(world.services[AUDIENCES[0]] / "service.toml")
    run(("doctor", "--service", service))
    told = capsys.readouterr().out
    assert "2 of 2 secrets held" in told
    assert "is trusted" in told
    world.done("keys", "renew", "--lifetime", "5d")
    world.done("keys", "push")
    capsys.readouterr()
    run(("doctor", "--service", service))
    assert "sealwire keys renew, and keys push" in capsys.readouterr().out
    (world.services[AUDIENCES[0]] / "team-1.keyring").write_bytes(b"nonsense")
    assert 3 == run(("doctor", "--service", service))
