"""A real ``ssh-agent``: keys that ``ssh-keygen`` made, and what the agent will not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.agent import Agent, AgentKey
from sealwire.chain import Chain
from sealwire.cose import external_aad
from sealwire.errors import KeyFileError, SealError
from sealwire.keyfiles import load_verify_key
from sealwire.layers import Ed25519Signer, Ed25519Verifier
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
from sealwire.sshkeys import SshVerifyKey
from sealwire.stages import Use

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Operator
    from tests.openssh.conftest import RunningAgent

NOW_MS = 1_800_000_000_000


def fingerprint(listed: str) -> str:
    """Give the fingerprint of the one key that ``ssh-add -l`` lists."""
    (line,) = listed.splitlines()
    return line.split()[1]


def test_it_signs_as_a_key_file_does(alice: Operator, running: RunningAgent) -> None:
    """By fingerprint and by comment; what is sealed opens under the public key file."""
    running.add("-q", "alice")
    trusted = load_verify_key(running.openssh.folder / "alice.pub")
    agent = Agent(running.path)
    chain = Chain(alice.audience, [Ed25519Verifier([trusted])])
    for name in (fingerprint(running.add("-l")), "alice"):
        key = AgentKey(agent, agent.find(name), owner="alice")
        assert trusted.id == key.id
        sealed = alice.wrap(alice.body(), [Ed25519Signer(key)])
        assert alice.body() == chain.open(sealed, now_ms=NOW_MS).body


def test_it_signs_sshsig(alice: Operator, running: RunningAgent) -> None:
    """An ordinary key does so if asked, and ``ssh-keygen`` takes it."""
    running.add("-q", "alice")
    agent = Agent(running.path)
    key = AgentKey(agent, agent.find("alice"), owner="alice", as_sshsig=True)
    assert isinstance(key.verify_key, SshVerifyKey)
    chain = Chain(alice.audience, [SshsigVerifier([key.verify_key])])
    sealed = alice.wrap(alice.body(), [SshsigSigner(key)])
    assert alice.body() == chain.open(sealed, now_ms=NOW_MS).body
    signed = external_aad(Use.REQUEST, "x", 0, ())
    signers = f"alice {(running.openssh.folder / 'alice.pub').read_text()}"
    assert running.openssh.verifies(key.sign(signed), signed, signers)


def test_keys_of_other_kinds_are_left_out(running: RunningAgent) -> None:
    """An RSA key signs no request."""
    running.add("-q", "rsa")
    assert [] == Agent(running.path).identities()
    with pytest.raises(KeyFileError, match="what it holds: none"):
        Agent(running.path).find("rsa")


def test_a_key_that_was_taken_out(running: RunningAgent) -> None:
    """It is missed when it is to sign, with what brings it back."""
    running.add("-q", "alice")
    agent = Agent(running.path)
    key = AgentKey(agent, agent.find("alice"), owner="alice")
    running.add("-q", "-d", "alice.pub")
    with pytest.raises(SealError, match="ssh-add FILE"):
        key.sign(b"signed")


def test_a_locked_agent(running: RunningAgent, tmp_path: Path) -> None:
    """It shows no keys and signs nothing until it is unlocked."""
    running.add("-q", "alice")
    agent = Agent(running.path)
    key = AgentKey(agent, agent.find("alice"), owner="alice")
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho secret\n")
    ask.chmod(0o700)
    running.add("-x", SSH_ASKPASS=str(ask), SSH_ASKPASS_REQUIRE="force")
    assert [] == agent.identities()
    with pytest.raises(SealError, match="ssh-add -X"):
        key.sign(b"signed")
    running.add("-X", SSH_ASKPASS=str(ask), SSH_ASKPASS_REQUIRE="force")
    assert 64 == len(key.sign(b"signed"))


def test_a_key_that_asks_first(running: RunningAgent, tmp_path: Path) -> None:
    """``ssh-add -c``: without somebody to agree nothing is signed."""
    running.add("-q", "-c", "alice")
    agent = Agent(running.path)
    key = AgentKey(agent, agent.find("alice"), owner="alice")
    with pytest.raises(SealError, match="agree where it asks"):
        key.sign(b"signed")


def test_the_command_line_seals_with_it(running: RunningAgent) -> None:
    """Operator's settings name the key, the service trusts its file, and nothing else is needed."""
    running.add("-q", "alice")
    folder = running.openssh.folder
    (folder / "operator.toml").write_text(
        'issuer = "alice"\nsigning_key = "agent:alice"\n\n[targets."payments@test"]\n'
        'address = "unix:/run/nowhere/log.sock"\nchain = "local"\n'
    )
    (folder / "service.toml").write_text(
        'audience = "payments@test"\naddress = "unix:/run/nowhere/log.sock"\nchain = "local"\n\n'
        '[keys]\ntrusted = ["alice.pub"]\n'
    )
    (folder / "debug.json").write_text('{"version": 1, "root": {"level": "DEBUG"}}')
    environ = {
        **os.environ,
        "SSH_AUTH_SOCK": running.path,
        "SEALWIRE_CONFIG": str(folder / "operator.toml"),
        "HOME": str(folder),
    }

    def sealwire(*arguments: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "sealwire", *arguments],
            cwd=folder,
            env=environ,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.decode()

    sealwire("seal", "debug.json", "-o", "debug.sealed", "--force")
    told = json.loads(sealwire("open", "debug.sealed", "--service", "service.toml", "--json"))
    assert "alice" == told["claims"]["iss"]
