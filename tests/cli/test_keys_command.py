"""``sealwire keys``: keys are made for their owner alone, and a secret is never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.keyfiles import format_key, load_key, load_signing_key, load_verify_key

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

EXAMPLES = Path(__file__).parents[2] / "keys-example"


def mode(path: Path) -> int:
    """Give a file's permission bits."""
    return path.stat().st_mode & 0o777


def secret_of(path: Path) -> str:
    """Give the secret part of a key file."""
    return format_key(load_key(path)).split()[-1]


def test_a_signing_key_and_its_public_half(shell: Shell) -> None:
    """Two files: one for its owner alone, one to give away."""
    ended = shell.run("keys", "new", "--owner", "alice")
    secret, public = shell.folder / "alice.signing", shell.folder / "alice.pub"
    assert 0 == ended.status
    assert 0o600 == mode(secret)
    assert load_signing_key(secret).verify_key == load_verify_key(public)
    assert public.read_text().strip() in ended.stdout
    assert "--trust alice.pub" in ended.stderr
    assert secret_of(secret) not in ended.stdout + ended.stderr


@pytest.mark.parametrize("kind", ["mac", "aead"])
def test_a_key_shared_with_a_service(shell: Shell, kind: str) -> None:
    """One file, which belongs to one service."""
    ended = shell.run("keys", "new", "--owner", "alice", "--kind", kind, "--audience", "p/x@prod")
    made = shell.folder / f"alice.{kind}"
    assert 0 == ended.status
    assert 0o600 == mode(made)
    assert [made] == list(shell.folder.glob("alice*"))
    assert secret_of(made) not in ended.stdout + ended.stderr


def test_a_key_is_replaced_only_if_asked(shell: Shell) -> None:
    """Without --force nothing is written, also if the public half alone is in the way."""
    shell.done("keys", "new", "--owner", "alice")
    before = (shell.folder / "alice.signing").read_bytes()
    assert 3 == shell.run("keys", "new", "--owner", "alice").status
    (shell.folder / "alice.signing").rename(shell.folder / "old.signing")
    ended = shell.run("keys", "new", "--owner", "alice")
    assert 3 == ended.status
    assert "alice.pub is there already, and nothing was written" == ended.error
    assert "--force" in ended.hint
    assert not (shell.folder / "alice.signing").exists()
    shell.done("keys", "new", "--owner", "alice", "--force")
    assert before != (shell.folder / "alice.signing").read_bytes()


def test_where_a_key_goes(shell: Shell) -> None:
    """Any name; the public half lies beside it."""
    shell.done("keys", "new", "--owner", "ops/alice")
    shell.done("keys", "new", "--owner", "bob", "--out", "mine")
    assert {"ops+alice.signing", "ops+alice.pub", "mine", "mine.pub"} == {
        path.name for path in shell.folder.iterdir()
    }


def test_a_place_that_is_not_there(shell: Shell) -> None:
    """A file that cannot be written is named, with status 3."""
    ended = shell.run("keys", "new", "--owner", "alice", "--out", "nowhere/alice.signing")
    assert 3 == ended.status
    assert "nowhere/alice.signing" in ended.stderr


@pytest.mark.parametrize("kind", ["signing", "mac", "aead"])
def test_the_secret_is_never_shown(shell: Shell, kind: str) -> None:
    """Whose, which algorithm, fingerprint; in words and as JSON."""
    audience = [] if kind == "signing" else ["--audience", "payments@prod"]
    shell.done("keys", "new", "--owner", "alice", "--kind", kind, *audience, "--out", "k")
    key = load_key(shell.folder / "k")
    words, told = shell.done("keys", "show", "k"), shell.done("keys", "show", "k", "--json")
    assert secret_of(shell.folder / "k") not in words + told
    assert key.fingerprint in words
    assert json.loads(told) == {
        "kind": kind,
        "algorithm": key.algorithm,
        "algorithm_name": {"signing": "Ed25519", "mac": "HMAC 256/256", "aead": "A256GCM"}[kind],
        "owner": "alice",
        "application": None,
        "audience": "payments@prod" if audience else None,
        "fingerprint": key.fingerprint,
        "thumbprint": key.thumbprint.hex(),
        "public_key": json.loads(told)["public_key"],
        "passphrase": None,
        "example": False,
        "notes": [],
    }
    assert (json.loads(told)["public_key"] is None) == (kind != "signing")


def test_a_public_key(shell: Shell) -> None:
    """Its line is what a service is to trust."""
    shell.done("keys", "new", "--owner", "alice")
    line = (shell.folder / "alice.pub").read_text().strip()
    for file in ("alice.pub", "alice.signing"):
        assert line == json.loads(shell.done("keys", "show", file, "--json"))["public_key"]


def test_an_example_key_is_shown_as_one(shell: Shell) -> None:
    """Looking at one is harmless."""
    assert "everybody has it" in shell.done("keys", "show", EXAMPLES / "alice.pub")
    assert "everybody has it" in shell.done("keys", "show", EXAMPLES / "alice-ssh.pub")


def test_an_openssh_line_whose_comment_is_no_name(shell: Shell) -> None:
    """The owner can be named on the command line."""
    line = (EXAMPLES / "alice-ssh.pub").read_text().splitlines()[-1]
    (shell.folder / "id.pub").write_text(line.replace(" alice", " Alice Smith") + "\n")
    assert 3 == shell.run("keys", "show", "id.pub").status
    assert "bob" in shell.done("keys", "show", "id.pub", "--owner", "bob")


def test_a_key_that_others_can_read(shell: Shell) -> None:
    """The hint is the command that mends it."""
    shell.done("keys", "new", "--owner", "alice")
    (shell.folder / "alice.signing").chmod(0o644)
    ended = shell.run("keys", "show", "alice.signing")
    assert 3 == ended.status
    assert "0644" in ended.error
    assert "run: chmod 600 alice.signing" == ended.hint


def test_a_key_that_is_not_there(shell: Shell) -> None:
    """Named, with the command that makes one."""
    ended = shell.run("keys", "show", "alice.signing")
    assert 3 == ended.status
    assert "alice.signing is not there" == ended.error
    assert "make a key with: sealwire keys new --owner NAME" == ended.hint
