"""Key files of FIDO keys: a line of OpenSSH's, whose application is part of the key."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import ED25519, FIDO, PLAIN, SK_ED25519, ssh

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import (
    format_key,
    load_key,
    load_trusted_key,
    load_verify_key,
    new_signing_key,
    parse_key,
    public_line,
    ssh_blob,
    write_key_file,
)
from sealwire.keys import VerifyKey
from sealwire.sshkeys import SshVerifyKey
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from pathlib import Path

KEY = SshVerifyKey(PublicKey.parse(FIDO.blob), owner="alice")


def line_of(blob: bytes, kind: bytes = SK_ED25519, comment: str = "alice") -> bytes:
    """Write a line as OpenSSH does."""
    return kind + b" " + base64.b64encode(blob) + f" {comment}\n".encode()


def test_a_line_is_a_key() -> None:
    """Read and written as OpenSSH does, with the owner in the comment's place."""
    read = parse_key(line_of(FIDO.blob))
    assert isinstance(read, SshVerifyKey)
    assert KEY == read
    assert line_of(FIDO.blob).decode() == format_key(read)
    assert public_line(read) + "\n" == format_key(read)
    assert KEY == parse_key(line_of(FIDO.blob, comment="Alice's key"), owner="alice")


def test_two_lines_that_differ_in_the_application_are_two_keys() -> None:
    """Where the application is lost, each would stand for the other."""
    other = replace(FIDO, application=b"ssh:other")
    assert parse_key(line_of(FIDO.blob)) != parse_key(line_of(other.blob))


DAMAGED = {
    "a plain key in it": line_of(PLAIN.blob),
    "a plain word in front of it": line_of(FIDO.blob, ED25519),
    "no application": line_of(ssh(SK_ED25519, FIDO.public)),
    "truncated": line_of(FIDO.blob[:-1]),
    "trailing": line_of(FIDO.blob + b"\0"),
    "of a web site": line_of(replace(FIDO, application=b"https://x").blob),
    "small order": line_of(ssh(SK_ED25519, bytes(32), b"ssh:")),
    "base64": line_of(FIDO.blob).replace(b" alice", b"= alice"),
    "no base64": SK_ED25519 + b" ! alice\n",
    "nothing": SK_ED25519 + b"\n",
    "no owner": line_of(FIDO.blob, comment="Alice Smith"),
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_key(line: bytes) -> None:
    """Exactly one key in one spelling."""
    with pytest.raises(ConfigurationError):
        parse_key(line)


def test_it_is_a_public_key_and_no_host_s(tmp_path: Path) -> None:
    """A file of it is for everybody to read; receipts are signed by other keys."""
    path = tmp_path / "alice.pub"
    write_key_file(path, KEY)
    assert 0o644 == path.stat().st_mode & 0o777
    assert KEY == load_key(path) == load_trusted_key(path)
    with pytest.raises(KeyFileError, match=r"holds a SSH key, and a verify key is due"):
        load_verify_key(path)
    path.chmod(0o666)
    with pytest.raises(KeyFileError, match="chmod go-w"):
        load_trusted_key(path)


def test_what_may_be_trusted(tmp_path: Path) -> None:
    """Public keys of either kind, and no secret one."""
    secret = new_signing_key("alice")
    write_key_file(tmp_path / "alice.signing", secret)
    write_key_file(tmp_path / "alice.pub", secret.verify_key)
    trusted = load_trusted_key(tmp_path / "alice.pub")
    assert isinstance(trusted, VerifyKey)
    assert ssh_blob(trusted) == ssh(ED25519, secret.verify_key.public_bytes)
    assert FIDO.blob == ssh_blob(KEY)
    with pytest.raises(KeyFileError, match="holds a signing key, and a verify key is due"):
        load_trusted_key(tmp_path / "alice.signing")
