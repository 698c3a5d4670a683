"""Keys under a passphrase sign keyrings, ask services, and are rotated, on the command line."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.test_keyring_commands import Here, key_of
from tests.cli.test_keys_passphrase import (
    SECRET,
    asked,
    at_a_terminal,
    protect_quickly,
    secret_file,
)

from sealwire.cli.custodian import Custodian
from sealwire.cli.keyring_new import staged_key
from sealwire.cli.keyring_switch import switch_to
from sealwire.keyfiles import ProtectedKey, load_signing_key, read_key_file
from sealwire.keyring import peek_keyring, read_history
from sealwire.keyring.rotation import Rotation
from sealwire.settings import OperatorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shell() -> Iterator[Here]:
    """Give somebody with an empty home."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    yield Here(folder, {"HOME": str(folder)})
    shutil.rmtree(folder)


@pytest.fixture
def place(shell: Here) -> Path:
    """Make a keyring whose root key is under a passphrase; give its folder."""
    folder = shell.folder / "op"
    shell.environ["SEALWIRE_CONFIG"] = str(folder / "operator.toml")
    shell.done("keys", "init", "team", "--root-owner", "root")
    protect_quickly(folder / "root-root.signing")
    shell.done("keys", "new", "--owner", "alice")
    return folder


ENROLL = ("keys", "enroll", "alice", "--role", "config", "--key", "alice.pub")


def versions(place: Path) -> int:
    """Give how many versions the keyring has."""
    return len(read_history((place / "team.keyring").read_bytes()))


def test_a_root_key_under_a_passphrase_signs_a_keyring(shell: Here, place: Path) -> None:
    """By a file, and by a program; without either nobody can be asked, and nothing is written."""
    secret_file(shell)
    ended = shell.run(*ENROLL, "--root-passphrase-file", secret_file(shell, "w", "wrong one"))
    assert 3 == ended.status
    assert "root-root.signing: the passphrase is wrong, or the file was changed" in ended.error
    assert 1 == versions(place)
    assert not (place / "people").exists()
    shell.done(*ENROLL, "--root-passphrase-file", "p")
    assert 2 == versions(place)
    assert "alice" == key_of(shell, "alice", "config")["owner"]
    shell.done("keys", "renew", "--root-passphrase-command", f"cat {shell.folder / 'p'}")
    last = peek_keyring(read_history((place / "team.keyring").read_bytes())[-1])
    assert 3 == last.version
    assert isinstance(read_key_file(place / "root-root.signing").key, ProtectedKey)


def test_whoever_is_at_the_terminal_is_asked(shell: Here, place: Path) -> None:
    """The prompt says which key, and what is typed does not show; alice's own key is not asked."""
    protect_quickly(shell.folder / "alice.signing")
    there = Here(shell.folder, {**os.environ, **shell.environ})
    status, shown = at_a_terminal(there, *ENROLL, typed=[SECRET])
    assert 0 == status, shown
    assert f"passphrase of {place / 'root-root.signing'}, the signing key of root: " in shown
    assert 1 == shown.count("passphrase of")
    assert SECRET not in shown
    assert 2 == versions(place)


def test_what_does_not_sign_is_not_opened(shell: Here, place: Path) -> None:
    """A version waits for two; each signs with a key under a passphrase, and others ask nobody."""
    secret_file(shell)
    shell.done("keys", "new", "--owner", "carol", "--out", place / "carol-root.signing")
    protect_quickly(place / "carol-root.signing")
    # Carol's is beside the keyring, and no root key yet: a wrong passphrase for it does not matter.
    shell.done(*ENROLL, "--root-passphrase-file", "p")
    shell.done(
        *("keys", "enroll", "carol", "--role", "root", "--key", place / "carol-root.pub"),
        *("--root-passphrase-file", "p"),
    )
    shell.done("keys", "renew", "--threshold", "2", "--root-passphrase-file", "p")
    root = ("--root", place / "root-root.signing", "--root-passphrase-file", "p")
    ended = shell.run("keys", "renew", *root)
    assert 5 == ended.status, ended.error
    proposed = place / "team-5.proposed"
    shell.done("keys", "sign", proposed, "--show")
    carol = ("--root", place / "carol-root.signing", "--root-passphrase-file", "p")
    assert "signed by enough" in shell.done("keys", "sign", proposed, "--yes", *carol)
    assert 5 == versions(place)


def test_looking_asks_nobody(shell: Here, place: Path) -> None:
    """``keys list``, ``check``, ``show`` and ``destroy`` know the file by its public half."""
    secret_file(shell)
    shell.done(*ENROLL, "--root-passphrase-file", "p")
    shutil.move(shell.folder / "alice.signing", place / "alice.signing")
    protect_quickly(place / "alice.signing")
    shell.done("keys", "list")
    found = key_of(shell, "alice", "config")["id"]
    root = ("--root-passphrase-file", "p")
    shell.done("keys", "revoke", found, "--left", "--no-push", *root)
    ended = shell.run("keys", "check")
    assert "alice.signing holds key" in ended.stdout + ended.stderr
    assert f"remove: {place / 'alice.signing'}" in shell.done("keys", "destroy", found, *root)


def test_a_rotation_keeps_keys_under_a_passphrase(
    shell: Here, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that comes is under one as well, and both lie under theirs when it is used."""
    secret_file(shell)
    shell.done(*ENROLL, "--root-passphrase-file", "p")
    for name in ("alice.signing", "alice.pub"):
        shutil.move(shell.folder / name, place / name)
    signing = place / "alice.signing"
    protect_quickly(signing)
    custodian = Custodian.open(str(place / "team.keyring"), None)
    old = custodian.key(key_of(shell, "alice", "config")["id"])
    settings = OperatorSettings(
        place / "operator.toml",
        "alice",
        signing,
        passphrase_command=("cat", str(shell.folder / "p")),
    )
    new, file = staged_key(custodian, settings, old, None)
    assert isinstance(read_key_file(file).key, ProtectedKey)
    assert new == load_signing_key(file, ask=asked)
    # Interrupted here, the same key is taken again, and nobody is asked.
    again, same = staged_key(custodian, settings, old, None)
    assert (new.thumbprint, file) == (again.thumbprint, same)
    before = signing.read_bytes()
    assert switch_to(settings, old, Rotation(old.thumbprint, new.thumbprint, 60, file))
    assert Path(file).read_bytes() == signing.read_bytes()
    assert before == (place / f"alice-{old.fingerprint}.signing").read_bytes()
    assert new == settings.load_signing_key()
    opened = settings.opened()
    signing.write_bytes(before)
    # What was opened is used to the end of the command.
    assert new == opened.load_signing_key()
    assert old.thumbprint == settings.load_signing_key().thumbprint
    # A person is asked where no program is named.
    told: list[str] = []

    def typed(what: str) -> str:
        told.append(what)
        return SECRET

    monkeypatch.setattr("sealwire.cli.passphrases.getpass.getpass", typed)
    monkeypatch.setattr("sealwire.cli.passphrases._has_terminal", lambda: True)
    Path(file).unlink()
    plain = OperatorSettings(place / "operator.toml", "alice", signing)
    staged_key(custodian, plain, old, None)
    what = f"new passphrase of {file}, the new signing key of alice: "
    assert [what, "the same once more: "] == told


def test_many_services_are_asked_with_a_key_that_is_opened_once(shell: Here, place: Path) -> None:
    """The program is run once, and where it gives a wrong passphrase nobody is asked at all."""
    secret_file(shell)
    shell.done(*ENROLL, "--root-passphrase-file", "p")
    for name in ("alice.signing", "alice.pub"):
        shutil.move(shell.folder / name, place / name)
    protect_quickly(place / "alice.signing")
    targets = "".join(
        f'[targets."s{each}"]\naddress = "unix:{place}/s{each}"\nchain = "local"\n'
        for each in range(3)
    )
    (place / "operator.toml").write_text(
        f'issuer = "alice"\nsigning_key = "alice.signing"\n{targets}'
    )
    count = "echo asked >> asked; cat p"
    ended = shell.run("keys", "push", "--passphrase-command", f"sh -c '{count}'")
    assert 3 == ended.status
    assert "0 of 3 services confirmed" in ended.stdout
    assert "asked\n" == (shell.folder / "asked").read_text()
    secret_file(shell, "w", "wrong one")
    ended = shell.run("keys", "push", "--passphrase-file", "w")
    assert (3, "") == (ended.status, ended.stdout)
    assert "alice.signing: the passphrase is wrong" in ended.error
    # What was signed before nobody could be told stays signed, and that is said.
    found = key_of(shell, "alice", "config")["id"]
    root = ("--root-passphrase-file", "p", "--passphrase-file", "w")
    ended = shell.run("keys", "suspend", found, *root)
    assert 5 == ended.status
    assert "it is signed, and no service was told" in ended.error
    # Whoever rehearses another key is asked for that one alone.
    ended = shell.run("keys", "rehearse", "--key", place / "alice.signing", *root[2:])
    assert "alice.signing: the passphrase is wrong" in ended.error
    shell.done("keys", "new", "--owner", "bob")
    shell.done("keys", "enroll", "bob", "--role", "lease", "--key", "bob.pub", *root[:2])
    ended = shell.run("keys", "rehearse", "--key", "bob.signing")
    assert "0 of 3 services taken" in ended.stdout
