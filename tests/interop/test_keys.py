"""Keys go both ways between us and the real OpenSSH and OpenSSL (``make interop``)."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealwire.keyfiles import (
    Passphrase,
    export_key,
    load_foreign_key,
    load_signing_key,
    load_verify_key,
    new_signing_key,
    parse_foreign,
    write_key_file,
)
from sealwire.keys import SigningKey, VerifyKey

SECRET = "correct horse battery"
MESSAGE = b"what is to be signed"

# Each is made by OpenSSL in the one way, and read by us.
OPENSSL = {
    "plain-pem": "pkey -in key -out k",
    "plain-der": "pkey -in key -outform DER -out k",
    "pkcs8-default": "pkcs8 -topk8 -in key -out k -passout pass:{secret}",
    "pkcs8-der": "pkcs8 -topk8 -in key -outform DER -out k -passout pass:{secret}",
    "pkcs8-iterations": "pkcs8 -topk8 -in key -iter 600000 -out k -passout pass:{secret}",
    "pkcs8-aes128-sha512": "pkcs8 -topk8 -in key -v2 aes-128-cbc -v2prf hmacWithSHA512 -out k "
    "-passout pass:{secret}",
    "pkcs8-aes192-sha1": "pkcs8 -topk8 -in key -v2 aes-192-cbc -v2prf hmacWithSHA1 -out k "
    "-passout pass:{secret}",
    "pkcs8-scrypt": "pkcs8 -topk8 -in key -scrypt -out k -passout pass:{secret}",
    "pkcs8-scrypt-other": "pkcs8 -topk8 -in key -scrypt -scrypt_N 1024 -scrypt_r 16 -scrypt_p 3 "
    "-out k -passout pass:{secret}",
    "pkey-aes256": "pkey -in key -aes256 -out k -passout pass:{secret}",
}
OPENSSH = {
    "plain": ("",),
    "default": (SECRET,),
    "rounds-1": (SECRET, "-a", "1"),
    "rounds-100": (SECRET, "-a", "100"),
    "long-comment": (SECRET, "-C", "x" * 300),
    "other-letters": ("pässwörd 🐴",),
}


@pytest.fixture(autouse=True)
def tools() -> None:
    """Fail at once where the programs are missing."""
    for name in ("openssl", "ssh-keygen"):
        assert shutil.which(name), f"install {name}: these tests run it"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder of its own, whose files are their owner's."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o077)
    yield
    os.umask(before)


def run(*command: str, given: bytes = b"") -> bytes:
    """Run a program that has to end well; give what it printed."""
    ended = subprocess.run(command, input=given, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def asked(secret: str) -> Callable[[str], Passphrase]:
    """Be somebody who knows a passphrase."""
    return lambda _: Passphrase(secret.encode())


def signs_for(private: SigningKey, public_pem: str) -> None:
    """See that OpenSSL verifies what a key of ours signs."""
    Path("message").write_bytes(MESSAGE)
    Path("signature").write_bytes(private.sign(MESSAGE))
    Path("public.pem").write_text(public_pem)
    how = ("pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin")
    assert b"Verified Successfully" in run(
        "openssl", *how, "-in", "message", "-sigfile", "signature"
    )


@pytest.mark.parametrize("way", OPENSSL)
def test_a_private_key_of_openssl(way: str) -> None:
    """It is read, and signs for the public half that OpenSSL gives."""
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "key")
    run("openssl", *(each.replace("{secret}", SECRET) for each in OPENSSL[way].split()))
    found = load_foreign_key("k", "alice", asked(SECRET))
    assert isinstance(found.key, SigningKey)
    assert ("plain" in way) == (found.passphrase is None)
    signs_for(found.key, run("openssl", "pkey", "-in", "key", "-pubout").decode())


@pytest.mark.parametrize("way", OPENSSH)
def test_a_private_key_of_openssh(way: str) -> None:
    """It is read, and has the public half that ssh-keygen wrote beside it."""
    secret, *more = OPENSSH[way]
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-f", "k", *more)
    found = load_foreign_key("k", "alice", asked(secret))
    assert isinstance(found.key, SigningKey)
    assert (not secret) == (found.passphrase is None)
    assert found.key.verify_key == load_verify_key("k.pub", "alice")
    fingerprint = run("ssh-keygen", "-l", "-f", "k.pub").split()[1]
    Path("ours.pub").write_text(export_key(found.key.verify_key, "ssh"))
    assert fingerprint == run("ssh-keygen", "-l", "-f", "ours.pub").split()[1]


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_public_key_of_openssl(form: str) -> None:
    """It is read, and goes back byte for byte."""
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "key")
    run("openssl", "pkey", "-in", "key", "-pubout", "-outform", form, "-out", "k.pub")
    key = load_foreign_key("k.pub", "alice", None).key
    assert isinstance(key, VerifyKey)
    Path("ours.pem").write_text(export_key(key, "spki"))
    again = ("openssl", "pkey", "-pubin", "-in", "ours.pem", "-pubout", "-outform", form)
    assert Path("k.pub").read_bytes() == run(*again)


def test_our_key_verifies_for_openssl() -> None:
    """A key that was made here, by way of its SubjectPublicKeyInfo."""
    key = new_signing_key("alice")
    signs_for(key, export_key(key.verify_key, "spki"))


def test_our_key_verifies_for_openssh() -> None:
    """By way of its line in ``allowed_signers``, what ssh-keygen signs with its private half."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "k")
    key = load_foreign_key("k", "alice", None).key
    assert isinstance(key, SigningKey)
    write_key_file("alice.signing", key)
    line = export_key(load_signing_key("alice.signing").verify_key, "ssh")
    Path("allowed").write_text(f"alice {line}")
    Path("message").write_bytes(MESSAGE)
    run("ssh-keygen", "-q", "-Y", "sign", "-f", "k", "-n", "file", "message")
    verify = ("-Y", "verify", "-f", "allowed", "-I", "alice", "-n", "file", "-s", "message.sig")
    assert b"Good" in run("ssh-keygen", *verify, given=MESSAGE)


@pytest.mark.parametrize(
    "kind",
    [
        *("rsa:-pkeyopt rsa_keygen_bits:2048", "ec:-pkeyopt ec_paramgen_curve:P-256"),
        *("ed448:", "x25519:"),
    ],
)
def test_other_kinds_of_openssl(kind: str) -> None:
    """Each is refused, in the clear and encrypted, private and public."""
    algorithm, _, options = kind.partition(":")
    run("openssl", "genpkey", "-algorithm", algorithm, *options.split(), "-out", "k")
    run("openssl", "pkey", "-in", "k", "-pubout", "-out", "k.pub")
    run("openssl", "pkcs8", "-topk8", "-in", "k", "-out", "k.enc", "-passout", f"pass:{SECRET}")
    for name in ("k", "k.pub", "k.enc"):
        with pytest.raises(ValueError, match=r"no Ed25519|more than 4096 bytes"):
            load_foreign_key(name, "alice", asked(SECRET))


def test_other_ways_of_openssh() -> None:
    """Another cipher is refused with what rewrites the file, and that does."""
    given = ("-q", "-t", "ed25519", "-Z", "aes256-gcm@openssh.com", "-N", SECRET, "-f", "k")
    run("ssh-keygen", *given)
    with pytest.raises(ValueError, match="ssh-keygen -p -f FILE"):
        load_foreign_key("k", "alice", asked(SECRET))
    run("ssh-keygen", "-p", "-f", "k", "-P", SECRET, "-N", SECRET)
    assert load_foreign_key("k", "alice", asked(SECRET)).passphrase is not None


def test_a_hundred_keys_of_each() -> None:
    """Whatever their bytes are, base64 and DER of them read."""
    for _ in range(100):
        seed = secrets.token_bytes(32)
        Path("k").write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
        pem = run("openssl", "pkey", "-inform", "DER", "-in", "k")
        ours = SigningKey(seed, owner="alice")
        assert ours == parse_foreign(pem, "alice", None).key
