"""Commands with keys of OpenSSH's: in an agent, in an authenticator, and in its lists."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import AUDIENCE, Service, both_parts, pasted
from tests.sshdoubles import FIDO, PLAIN, SoftAgent, SoftKey, running_agent

from sealwire.keyfiles import load_trusted_key
from sealwire.keys import VerifyKey
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Shell


@pytest.fixture
def soft(shell: Shell) -> Iterator[SoftAgent]:
    """Run an agent that whoever is at the terminal has."""
    with running_agent({PLAIN: b"alice@laptop", FIDO: b"alice's blue one"}) as running:
        shell.environ["SSH_AUTH_SOCK"] = running.path
        yield running


def line_of(key: SoftKey, owner: str = "alice") -> str:
    """Write a key as OpenSSH does."""
    return f"{key.kind.decode()} {base64.b64encode(key.blob).decode()} {owner}\n"


def fingerprint_of(key: SoftKey) -> str:
    """Give the fingerprint that ``ssh-add -l`` prints."""
    return PublicKey.parse(key.blob).fingerprint


def edit(path: Path, before: str, after: str) -> None:
    """Change one place of a file."""
    text = path.read_text()
    assert 1 == text.count(before)
    path.write_text(text.replace(before, after))


def with_ssh_keys(shell: Shell, key: str, *trusted: SoftKey, chain: str = "local") -> str:
    """Let both parts use keys of OpenSSH's; give what to paste into the service."""
    printed = both_parts(shell, chain)
    made = shell.folder / "made"
    edit(made / "operator" / "operator.toml", '"alice.signing"', f'"{key}"')
    names = []
    for number, each in enumerate(trusted):
        (made / f"ssh-{number}.pub").write_text(line_of(each))
        names.append(f'"ssh-{number}.pub"')
    edit(made / "service.toml", '"trusted/alice.pub"', ", ".join(names))
    return printed


def test_a_fido_key_is_shown(shell: Shell) -> None:
    """Its application is part of it; its fingerprint is the beginning of OpenSSH's."""
    (shell.folder / "alice.pub").write_text(line_of(FIDO))
    key = load_trusted_key(shell.folder / "alice.pub")
    words = shell.done("keys", "show", "alice.pub")
    assert ["application", "ssh:"] in [line.split() for line in words.splitlines()]
    assert "SSHSIG (-70010)" in words
    told = json.loads(shell.done("keys", "show", "alice.pub", "--json"))
    assert {
        "kind": "public",
        "algorithm": -70010,
        "algorithm_name": "SSHSIG",
        "owner": "alice",
        "application": "ssh:",
        "audience": None,
        "fingerprint": key.fingerprint,
        "thumbprint": key.thumbprint.hex(),
        "public_key": line_of(FIDO).rstrip("\n"),
        "example": False,
        "passphrase": None,
        "notes": [],
    } == told
    (shell.folder / "site.pub").write_text(line_of(replace(FIDO, application=b"https://x")))
    ended = shell.run("keys", "show", "site.pub")
    assert 3 == ended.status
    assert "ssh-keygen -t ed25519-sk" in ended.stderr


@pytest.mark.parametrize(
    ("name", "key", "verifier"),
    [
        ("alice@laptop", PLAIN, "Ed25519Verifier"),
        ("alice's blue one", FIDO, "SshsigVerifier"),
        (fingerprint_of(FIDO), FIDO, "SshsigVerifier"),
    ],
)
def test_a_message_goes_the_whole_way(
    shell: Shell,
    soft: SoftAgent,
    started: Callable[[str], Service],
    name: str,
    key: SoftKey,
    verifier: str,
) -> None:
    """Sealed with a key in the agent, sent, applied, and told by a receipt."""
    service = started(with_ssh_keys(shell, f"agent:{name}", key))
    assert shell.says("applied") in shell.done("apply", "debug.json")
    assert any("at debug: now" in line for line in service.logs("now"))
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    opened = json.loads(
        shell.done("open", "debug.sealed", "--service", "made/service.toml", "--json")
    )
    (shown,) = opened["evidence"]
    assert (verifier, "alice") == (shown["verifier"], shown["owner"])
    assert b"\x0d" in {asked[:1] for asked in soft.asked}


def test_what_a_fido_key_signed_stands_after_a_restart(
    shell: Shell, soft: SoftAgent, started: Callable[[str], Service]
) -> None:
    """The state keeps the message, and verifies it anew without asking anybody."""
    printed = with_ssh_keys(shell, "agent:alice's blue one", FIDO, PLAIN)
    service = started(printed)
    shell.done("apply", "debug.json")
    asked = len(soft.asked)
    service.end()
    service = started(printed)
    assert any("at debug: again" in line for line in service.logs("again"))
    assert asked == len(soft.asked)


def test_a_message_is_taken_apart(shell: Shell, soft: SoftAgent) -> None:
    """Without a key, and in words that say what kind of signature it has."""
    with_ssh_keys(shell, "agent:alice's blue one", FIDO)
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    told = json.loads(shell.done("inspect", "debug.sealed", "--json"))
    (layer,) = told["layers"]
    assert ("Sign1", 18, -70010, "SSHSIG") == (
        layer["kind"],
        layer["tag"],
        layer["algorithm"],
        layer["algorithm_name"],
    )
    key = PublicKey.parse(FIDO.blob)
    assert base64.b64decode(key.fingerprint[7:] + "=").hex().startswith(layer["key_id"])
    assert AUDIENCE == told["claims"]["aud"]
    assert "SSHSIG (-70010)" in shell.done("inspect", "debug.sealed")
    assert "SSHSIG (-70010)" in shell.done("open", "debug.sealed", "--service", "made/service.toml")
    assert soft.asked


def test_what_the_agent_will_not_do_is_told(shell: Shell, soft: SoftAgent) -> None:
    """Nothing is sealed, and the hint or the text says what to do."""
    with_ssh_keys(shell, "agent:alice's blue one", FIDO)
    soft.keys = {replace(FIDO, flags=0): b"alice's blue one"}
    ended = shell.run("seal", "debug.json", "-o", "debug.sealed")
    assert 3 == ended.status
    assert "somebody touched it" in ended.error
    soft.keys = {PLAIN: b"another"}
    ended = shell.run("seal", "debug.json", "-o", "debug.sealed")
    assert 3 == ended.status
    assert "ssh-add -l" in ended.stderr
    del shell.environ["SSH_AUTH_SOCK"]
    ended = shell.run("seal", "debug.json", "-o", "debug.sealed")
    assert 3 == ended.status
    assert "SSH_AUTH_SOCK is not set" in ended.stderr
    assert not (shell.folder / "debug.sealed").exists()


def found(shell: Shell, *arguments: str) -> dict[str, dict[str, str]]:
    """Give what ``doctor`` found, by name."""
    ended = shell.run("doctor", *arguments, "--json")
    checks: list[dict[str, str]] = json.loads(ended.stdout)["checks"]
    return {each["name"]: each for each in checks}


@pytest.mark.parametrize(
    ("name", "said"),
    [("alice@laptop", "an ordinary key"), ("alice's blue one", "to be touched for each message")],
)
def test_doctor_looks_for_the_key(shell: Shell, soft: SoftAgent, name: str, said: str) -> None:
    """In the agent, without having it sign: nobody has to touch anything."""
    with_ssh_keys(shell, f"agent:{name}", FIDO, PLAIN)
    key = found(shell)["signing key"]
    assert "ok" == key["mark"]
    for part in (f"agent:{name}", "of alice", "SHA256:", said):
        assert part in key["text"]
    assert {b"\x0b"} == set(soft.asked)
    soft.keys.clear()
    key = found(shell)["signing key"]
    assert "problem" == key["mark"]
    assert "ssh-add FILE" in key["text"] + key["next"]


def test_doctor_looks_at_a_service(shell: Shell, soft: SoftAgent) -> None:
    """At its keys, at OpenSSH's lists, and whether it trusts who works on the same machine."""
    with_ssh_keys(shell, "agent:alice@laptop", FIDO)
    made = shell.folder / "made"
    (made / "signers").write_text(
        f"alice {line_of(PLAIN)}bob {line_of(replace(PLAIN, seed=b'b' * 32))}"
    )
    (made / "gone").write_text(line_of(replace(PLAIN, seed=b"b" * 32)))
    edit(
        made / "service.toml",
        'trusted = ["ssh-0.pub"]\n',
        'trusted = ["ssh-0.pub"]\nallowed_signers = "signers"\nrevoked_keys = "gone"\n',
    )
    told = found(shell, "--service", "made/service.toml")
    assert "SshsigVerifier → Freshness → Once" == told["chain"]["text"]
    assert "1 key for request@sealwire/1, of alice" in told["allowed signers"]["text"]
    assert "gone: 1 key" in told["revoked keys"]["text"]
    assert "is trusted" in told["operator"]["text"]
    (made / "signers").write_text("alice cert-authority x\n")
    told = found(shell, "--service", "made/service.toml")
    assert "signers:1: " in told["allowed signers"]["text"]
    assert ("problem", "problem") == (told["allowed signers"]["mark"], told["chain"]["mark"])
    (made / "gone").write_text("nonsense\n")
    assert "gone:1: " in found(shell, "--service", "made/service.toml")["revoked keys"]["text"]
    assert soft.asked


def test_where_settings_are_says_the_agent(shell: Shell, soft: SoftAgent) -> None:
    """The key is named as the settings name it, and the agent is not asked."""
    with_ssh_keys(shell, "agent:alice@laptop", FIDO)
    assert "agent:alice@laptop" in shell.done("config", "where")
    told = json.loads(shell.done("config", "where", "--json"))
    assert "agent:alice@laptop" == told["signing_key"]
    assert [] == soft.asked


def test_why_names_the_agent(shell: Shell, soft: SoftAgent, local_parts: str) -> None:
    """Where a service gives no reason, the key to compare is the one that the agent shows."""
    made = shell.folder / "made"
    edit(made / "operator" / "operator.toml", '"alice.signing"', '"agent:alice@laptop"')
    service = Service(shell, pasted(local_parts))
    try:
        assert 4 == shell.run("apply", "debug.json").status
        words = shell.done("why")
    finally:
        service.end()
    assert "ssh-add -L" in words
    assert f"the key {load_key_id()} of alice" in words
    assert soft.asked


def load_key_id() -> str:
    """Give the id of the ordinary key."""
    return VerifyKey(PLAIN.public, owner="alice").fingerprint


def test_who_can_names_everybody_who_signs(shell: Shell) -> None:
    """Whoever is listed by OpenSSH's file as well."""
    both_parts(shell)
    made = shell.folder / "made"
    (made / "signers").write_text(f"bob {line_of(FIDO)}")
    edit(
        made / "service.toml",
        'trusted = ["trusted/alice.pub"]\n',
        'trusted = ["trusted/alice.pub"]\nallowed_signers = "signers"\n',
    )
    words = shell.done("trail", "who-can", "made/service.toml")
    assert "bob" in words
    assert "alice" in words
    (made / "signers").write_text("bob x y\n")
    words = shell.done("trail", "who-can", "made/service.toml")
    assert "signers:1: " in words
    assert "alice" in words


def test_init_trusts_a_fido_key(shell: Shell, started: Callable[[str], Service]) -> None:
    """Its line is copied as it is, and the service listens."""
    (shell.folder / "alice.pub").write_text(line_of(FIDO, "alice@laptop"))
    printed = shell.done(
        "init", AUDIENCE, "--trust", "alice=alice.pub", "--dir", "made", "--chain", "local"
    )
    copied = shell.folder / "made" / "trusted" / "alice.pub"
    assert line_of(FIDO) == copied.read_text()
    started(printed)
    assert "listen_from" in pasted(printed)


def test_init_does_not_mix_kinds_for_a_network(shell: Shell) -> None:
    """And nothing is written."""
    (shell.folder / "fido.pub").write_text(line_of(FIDO))
    (shell.folder / "plain.pub").write_text(line_of(PLAIN, "bob"))
    both = ("--trust", "fido.pub", "--trust", "plain.pub")
    ended = shell.run("init", AUDIENCE, *both, "--dir", "made", "--chain", "network")
    assert 3 == ended.status
    assert "allowed_signers" in ended.stderr
    assert not (shell.folder / "made").exists()


def test_init_keeps_an_operator_with_an_agent(shell: Shell, soft: SoftAgent) -> None:
    """``--both`` trusts the key that the agent holds, and makes none."""
    operator = shell.folder / "operator.toml"
    operator.write_text('issuer = "alice"\nsigning_key = "agent:alice\'s blue one"\n')
    printed = shell.done("init", AUDIENCE, "--both", "--dir", "made", "--config", str(operator))
    assert "signing key" not in printed.split("paste")[0]
    assert line_of(FIDO) == (shell.folder / "made" / "trusted" / "alice.pub").read_text()
    assert "agent:alice's blue one" in operator.read_text()
    assert soft.asked
