"""The client of an ssh-agent, with an agent made of software: what it says is not believed."""

from __future__ import annotations

import struct
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import FIDO, PLAIN, SoftAgent, SoftKey, failing, running_agent, ssh

from sealwire import agent as agents
from sealwire import cose
from sealwire.agent import MAX_ANSWER_BYTES, MAX_KEYS, Agent, AgentKey
from sealwire.errors import ConfigurationError, KeyFileError, SealError
from sealwire.keys import VerifyKey
from sealwire.sshkeys import SshVerifyKey
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = [pytest.param(PLAIN, id="plain"), pytest.param(FIDO, id="fido")]


@pytest.fixture
def soft() -> Iterator[SoftAgent]:
    """Run an agent with an ordinary key and one in an authenticator."""
    with running_agent({PLAIN: b"alice@laptop", FIDO: b"alice's blue one"}) as running:
        yield running


def key_of(soft: SoftAgent, key: SoftKey, *, as_sshsig: bool = False) -> AgentKey:
    """Find a key as the settings of an operator do."""
    agent = Agent(soft.path)
    name = PublicKey.parse(key.blob).fingerprint
    return AgentKey(agent, agent.find(name), owner="alice", as_sshsig=as_sshsig)


def test_it_lists_what_can_sign(soft: SoftAgent) -> None:
    """Keys of other kinds are no business of ours, whatever is in them."""
    rsa = ssh(ssh(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xff" * 256), b"an RSA key")
    listed = ssh(FIDO.blob, b"mine \xff")
    soft.answer = lambda _: b"\x0c\0\0\0\2" + rsa + listed
    (held,) = Agent(soft.path).identities()
    assert (PublicKey.parse(FIDO.blob), "mine \N{REPLACEMENT CHARACTER}") == held
    assert [b"\x0b"] == soft.asked


@pytest.mark.parametrize(("key", "comment"), [(PLAIN, "alice@laptop"), (FIDO, "alice's blue one")])
def test_a_key_is_found_by_fingerprint_or_comment(
    soft: SoftAgent, key: SoftKey, comment: str
) -> None:
    """As ``ssh-add -l`` prints them."""
    fingerprint = PublicKey.parse(key.blob).fingerprint
    for name in (fingerprint, comment):
        assert key.blob == Agent(soft.path).find(name).public_key.encode()


@pytest.mark.parametrize("name", ["", "alice", "ALICE@laptop", "SHA256:", "ssh-ed25519"])
def test_a_key_that_is_not_there(soft: SoftAgent, name: str) -> None:
    """What is there is named, and how to add one."""
    with pytest.raises(KeyFileError) as caught:
        Agent(soft.path).find(name)
    for part in ("SHA256:", "alice@laptop", "ssh-add -l", "ssh-add FILE"):
        assert part in str(caught.value)


def test_an_agent_without_keys(soft: SoftAgent) -> None:
    """Says so."""
    soft.keys.clear()
    with pytest.raises(KeyFileError, match="what it holds: none"):
        Agent(soft.path).find("alice@laptop")


def test_a_name_that_means_two_keys(soft: SoftAgent) -> None:
    """The fingerprint tells them apart."""
    soft.keys[FIDO] = b"alice@laptop"
    with pytest.raises(KeyFileError, match=r"holds 2 keys called 'alice@laptop'.*agent:SHA256:"):
        Agent(soft.path).find("alice@laptop")


def test_an_ordinary_key_signs_what_a_file_would(soft: SoftAgent) -> None:
    """The bytes themselves, so that services need to know nothing of agents."""
    key = key_of(soft, PLAIN)
    plain = VerifyKey(PLAIN.public, owner="alice")
    assert (plain.algorithm, plain.id, plain.thumbprint, plain.fingerprint) == (
        key.algorithm,
        key.id,
        key.thumbprint,
        key.fingerprint,
    )
    assert PLAIN.sign(b"signed")[-64:] == key.sign(b"signed")
    assert f"<AgentKey {plain.fingerprint} of alice>" == repr(key)
    assert soft.asked[-1].endswith(ssh(b"signed") + bytes(4))


@pytest.mark.parametrize("key", KEYS)
def test_it_signs_sshsig(soft: SoftAgent, key: SoftKey) -> None:
    """A key in an authenticator signs nothing else, and an ordinary one if it is asked to."""
    held = key_of(soft, key, as_sshsig=key is PLAIN)
    assert cose.SSHSIG == held.algorithm
    assert isinstance(held.verify_key, SshVerifyKey)
    assert held.verify_key.id == held.id
    assert key.sshsig(b"signed") == held.sign(b"signed")


def test_what_is_signed_for_nobody_is_told(soft: SoftAgent) -> None:
    """Without a touch no service would take it."""
    soft.answer = None
    held = key_of(soft, FIDO)
    untouched = replace(FIDO, flags=0)
    soft.answer = lambda _: b"\x0e" + ssh(untouched.sign(b"anything"))
    with pytest.raises(SealError, match="somebody touched it"):
        held.sign(b"signed")


OTHER = replace(PLAIN, seed=FIDO.seed)
ANSWERS: dict[str, tuple[SoftKey, Callable[[bytes], bytes], str]] = {
    "it will not": (PLAIN, failing, "ssh-add -X"),
    "nobody touches it": (FIDO, failing, "touch the authenticator"),
    "another key's": (PLAIN, lambda _: b"\x0e" + ssh(OTHER.sign(b"signed")), "not this key's"),
    "over something else": (PLAIN, lambda _: b"\x0e" + ssh(PLAIN.sign(b"x")), "not this key's"),
    "no signature": (PLAIN, lambda _: b"\x0e" + ssh(b""), "truncated"),
    "bytes behind it": (PLAIN, lambda _: b"\x0e" + ssh(b"x") + b"y", "trail"),
    "a list of keys": (PLAIN, lambda _: b"\x0c" + ssh(b"x"), "answered with 12"),
    "half an answer": (PLAIN, lambda _: b"\x0e\0\0\0\5x", "truncated"),
    "an empty one": (PLAIN, lambda _: b"", "an answer of 0 bytes"),
    "too long": (PLAIN, lambda _: bytes(MAX_ANSWER_BYTES + 1), "the most"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_no_signature(soft: SoftAgent, answer: str) -> None:
    """Nothing is sealed, and what to do is said."""
    key, make, said = ANSWERS[answer]
    held = key_of(soft, key)
    soft.answer = make
    with pytest.raises(SealError, match=said):
        held.sign(b"signed")


LISTS = {
    "it will not": (failing, "kind 5"),
    "a signature": (lambda _: b"\x0e" + ssh(b""), "kind 14"),
    "no number": (lambda _: b"\x0c", "truncated"),
    "fewer than it says": (lambda _: b"\x0c\0\0\0\1", "truncated"),
    "more than it says": (lambda _: b"\x0c\0\0\0\0" + ssh(b"", b""), "trail"),
    "too many": (lambda _: b"\x0c" + struct.pack(">L", MAX_KEYS + 1), "the most"),
    "an empty answer": (lambda _: b"", "cannot be asked"),
}


@pytest.mark.parametrize("answer", LISTS)
def test_an_answer_that_is_no_list(soft: SoftAgent, answer: str) -> None:
    """Whatever listens there is named."""
    make, said = LISTS[answer]
    soft.answer = make
    with pytest.raises(KeyFileError, match=said) as caught:
        Agent(soft.path).identities()
    assert soft.path in str(caught.value)


def test_waiting_ends(soft: SoftAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the bytes trickle, the whole exchange has a deadline."""
    held = key_of(soft, FIDO)
    now = iter([0.0, 0.0, 61.0])
    monkeypatch.setattr("sealwire.agent.time.monotonic", lambda: next(now))
    with pytest.raises(SealError, match=r"within 60 s; touch the authenticator"):
        held.sign(b"signed")


def test_an_agent_that_is_silent(soft: SoftAgent) -> None:
    """Is given up, and so is one that ends the connection."""
    agent = Agent(soft.path, asking_s=0.05, signing_s=0.05)
    held = AgentKey(agent, Agent(soft.path).identities()[0], owner="alice")
    given_up = threading.Event()

    def wait(_request: bytes) -> bytes:
        given_up.wait(10)
        raise ConnectionResetError

    soft.answer = wait
    with pytest.raises(SealError, match=r"did not sign .* within 0.05 s; unlock it"):
        held.sign(b"signed")
    given_up.set()
    with pytest.raises(SealError, match="closed the connection"):
        AgentKey(Agent(soft.path), held.identity, owner="alice").sign(b"signed")


def test_no_agent_at_all() -> None:
    """The variable, or the socket it names, is not there."""
    with pytest.raises(KeyFileError, match=r"SSH_AUTH_SOCK is not set.*ssh-add"):
        Agent.of_environment({})
    with pytest.raises(KeyFileError, match="cannot be asked: No such file"):
        Agent.of_environment({"SSH_AUTH_SOCK": "/nowhere/at/all"}).identities()
    identity = agents.Identity(PublicKey.parse(PLAIN.blob), "")
    with pytest.raises(SealError, match="cannot be asked: No such file"):
        AgentKey(Agent("/nowhere/at/all"), identity, owner="alice").sign(b"")


def test_the_environment_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual variable."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    assert "/run/agent" == Agent.of_environment().path


def test_a_key_nobody_may_trust(soft: SoftAgent) -> None:
    """An authenticator holds keys of web sites as well."""
    soft.keys = {replace(FIDO, application=b"https://x"): b"a site"}
    agent = Agent(soft.path)
    with pytest.raises(ConfigurationError, match="application"):
        AgentKey(agent, agent.find("a site"), owner="alice")
