"""OpenSSH's lists of who may sign, and of revoked keys: less is taken, and nothing is guessed."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.sshdoubles import FIDO, PLAIN, SoftKey, ssh

from sealwire.allowedsigners import read_allowed_signers, read_revoked
from sealwire.errors import ConfigurationError
from sealwire.sshkeys import ALWAYS, SshVerifyKey, Validity

RSA = ssh(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xff" * 256)


def line_of(key: SoftKey) -> str:
    """Write a public key as its ``.pub`` file has it, without a comment."""
    return f"{key.kind.decode()} {base64.b64encode(key.blob).decode()}"


def read(text: str, *revoked: SoftKey) -> tuple[SshVerifyKey, ...]:
    """Read an ``allowed_signers`` file."""
    blobs = frozenset(key.blob for key in revoked)
    return read_allowed_signers(text.encode(), "signers", revoked=blobs)


def refused(text: str) -> str:
    """Say why a file is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


FILE = f"""\
# who may change the logging

alice {line_of(FIDO)} alice's blue one
  bob  namespaces="git,request@sealwire/1"  {line_of(PLAIN)}
"""


def test_a_file() -> None:
    """A line is an owner, options if any, a key, and whatever stands behind it."""
    keys = read(FILE)
    assert [("alice", FIDO.blob), ("bob", PLAIN.blob)] == [
        (key.owner, key.public_key.encode()) for key in keys
    ]
    assert all(ALWAYS == key.validity for key in keys)
    assert () == read("# nobody\n\n")
    assert keys == read(FILE.replace("\n", "\r\n"))
    assert keys == read(FILE.removesuffix("\n"))


def test_lines_for_others_are_passed_over() -> None:
    """Whatever kind of key git takes there, and whoever its principals are."""
    rsa = f"ssh-rsa {base64.b64encode(RSA).decode()}"
    text = f'carol@example.com,*@b.org namespaces="git" {rsa}\n' + FILE
    assert read(FILE) == read(text)
    assert "ssh-rsa" in refused(f"carol {rsa}")


TIMES = [
    ('valid-after="20270101Z"', Validity(after_s=1_798_761_600)),
    ('valid-before="20270101Z"', Validity(before_s=1_798_761_600)),
    ('valid-before="202701010001Z"', Validity(before_s=1_798_761_660)),
    ('valid-before="20270101000101Z"', Validity(before_s=1_798_761_661)),
    (
        'valid-after="20270101Z",valid-before="20280229Z",namespaces="request@sealwire/1"',
        Validity(1_798_761_600, 1_835_395_200),
    ),
]


@pytest.mark.parametrize(("options", "validity"), TIMES)
def test_times_are_in_utc(options: str, validity: Validity) -> None:
    """Of a day it is the first second, as ssh-keygen has it."""
    (key,) = read(f"alice {options} {line_of(FIDO)}")
    assert validity == key.validity


def test_a_revoked_key_is_not_taken() -> None:
    """The list names it, with or without a comment; other keys stay."""
    assert ["bob"] == [key.owner for key in read(FILE, FIDO)]
    assert () == read(FILE, FIDO, PLAIN)
    revoked = read_revoked(f"# gone\n{line_of(FIDO)}\n\n{line_of(PLAIN)} bob\n".encode(), "revoked")
    assert {FIDO.blob, PLAIN.blob} == revoked
    rsa = f"ssh-rsa {base64.b64encode(RSA).decode()}\n"
    assert {RSA} == read_revoked(rsa.encode(), "revoked")
    assert frozenset() == read_revoked(b"", "revoked")


KEY = line_of(FIDO)
WRONG = {
    "cert-authority": (f"alice cert-authority {KEY}", "certificates"),
    "cert-authority with others": (
        f'alice namespaces="request@sealwire/1",cert-authority {KEY}',
        "certificates",
    ),
    "an option that is unknown": (f'alice verify-required="yes" {KEY}', "what is known here"),
    "an option in capitals": (f'alice Namespaces="git" {KEY}', "what is known here"),
    "an option without quotes": (f"alice namespaces=git {KEY}", "what is known here"),
    "an option without a value": (f"alice namespaces {KEY}", "what is known here"),
    "no option": (f"alice , {KEY}", "what is known here"),
    "a comma at the end": (f'alice valid-before="20270101Z", {KEY}', "comma"),
    "an option twice": (
        f'alice namespaces="git",namespaces="request@sealwire/1" {KEY}',
        "twice",
    ),
    "no namespace": (f'alice namespaces="" {KEY}', "no patterns"),
    "a pattern": (f'alice namespaces="*" {KEY}', "no patterns"),
    "a namespace that is excluded": (
        f'alice namespaces="!git,request@sealwire/1" {KEY}',
        "no patterns",
    ),
    "an empty namespace": (f'alice namespaces="git,,file" {KEY}', "no patterns"),
    "a space in a namespace": (f'alice namespaces="git, file" {KEY}', "no patterns"),
    "no time": (f'alice valid-before="" {KEY}', "no time"),
    "a local time": (f'alice valid-before="20270101" {KEY}', "no time"),
    "a time that is none": (f'alice valid-before="20270230Z" {KEY}', "no time"),
    "a time in words": (f'alice valid-before="tomorrow" {KEY}', "no time"),
    "an hour without minutes": (f'alice valid-before="2027010112Z" {KEY}', "no time"),
    "no owner": (KEY, "such as"),
    "no key": ("alice", "such as"),
    "half a key": ("alice ssh-ed25519", "such as"),
    "no kind of key": (f"alice {KEY.split()[1]} x y", "such as"),
    "a quote that stays open": (f'alice namespaces="git {KEY}', "such as"),
    "two owners": (f"alice,bob {KEY}", "not one owner"),
    "a pattern of owners": (f"*@example.com {KEY}", "not one owner"),
    "an owner in capitals": (f"Alice {KEY}", "not one owner"),
    "an owner in quotes": (f'"alice" {KEY}', "not one owner"),
    "another kind than the key's": (
        f"alice ssh-ed25519 {KEY.split()[1]}",
        "damaged",
    ),
    "base64 that is none": ("alice ssh-ed25519 AAAA!", "damaged"),
    "base64 of another spelling": (f"alice {KEY}=", "damaged"),
    "a key that is cut off": (
        f"alice ssh-ed25519 {base64.b64encode(PLAIN.blob[:-3]).decode()}",
        "truncated",
    ),
    "nothing of a key": ("alice ssh-ed25519 AAAA", "damaged"),
    "a key of a web site": (
        f"alice {line_of(replace(FIDO, application=b'https://x'))}",
        "application",
    ),
    "an ecdsa key": (
        "alice sk-ecdsa-sha2-nistp256@openssh.com "
        + base64.b64encode(ssh(b"sk-ecdsa-sha2-nistp256@openssh.com", b"x")).decode(),
        "of kind",
    ),
    "a space of another alphabet": (f"alice\u00a0{KEY}", "such as"),
    "a space of another alphabet in front": (f"\u00a0# alice {KEY}", "what is known here"),
    "a tab that is vertical": (f'alice\x0bnamespaces="git" {KEY}', "not one owner"),
    "a key twice": (f"alice {KEY}\nalice {KEY}", "before"),
    "a key of two owners": (f"alice {KEY}\nbob {KEY}", "before"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_understood_is_refused(wrong: str) -> None:
    """With file and line, whatever stands around it."""
    text, said = WRONG[wrong]
    told = refused(f"# a comment\n{text}")
    assert said in told
    lines = text.count("\n") + 1
    assert told.startswith(f"signers:{lines + 1}: ")


def test_what_is_no_text_is_refused() -> None:
    """A binary list of OpenSSH's, which names no key here, must not revoke nothing."""
    for content in (b"SSHKRL\n\0\xff", b"\xff"):
        with pytest.raises(ConfigurationError, match=r"^revoked:\d+: "):
            read_revoked(content, "revoked")
    with pytest.raises(ConfigurationError, match=r"^signers:2: not UTF-8"):
        read_allowed_signers(b"# \n\xff", "signers")


@pytest.mark.parametrize(
    "line", ["alice", "ssh-ed25519", "SHA256:abc", f"alice {KEY}", f"- {KEY}", f"\x0c# {KEY}"]
)
def test_what_is_no_revoked_key(line: str) -> None:
    """A line that is passed over would leave somebody in."""
    with pytest.raises(ConfigurationError, match=r"^revoked:1: "):
        read_revoked(line.encode(), "revoked")
