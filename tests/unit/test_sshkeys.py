"""Keys of SSH: whose they are, what names them, and which signatures are theirs."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tests.sshdoubles import FIDO, PLAIN, PRESENT, VERIFIED, SoftKey

from sealwire import cose
from sealwire.errors import ConfigurationError, SealError
from sealwire.keys import SigningKey, VerifyKey, okp_thumbprint
from sealwire.sshkeys import ALWAYS, NAMESPACE, SshSigner, SshVerifyKey, Validity
from sealwire.sshwire import PublicKey, Sshsig

KEYS = [pytest.param(PLAIN, id="plain"), pytest.param(FIDO, id="fido")]
NOW_MS = 1_800_000_000_000


def public_of(key: SoftKey, owner: str = "alice") -> SshVerifyKey:
    """Give the public half as a service holds it."""
    return SshVerifyKey(PublicKey.parse(key.blob), owner=owner)


def why_not(key: SoftKey, sshsig: bytes, signed: bytes = b"signed") -> str:
    """Say why ``sshsig`` is not the key's."""
    return public_of(key).why_not(signed, Sshsig.parse(sshsig))


def test_an_ordinary_key_is_the_key_it_is() -> None:
    """The same thumbprint and id as where it signs without SSH around it."""
    plain = VerifyKey(PLAIN.public, owner="alice")
    assert okp_thumbprint(PLAIN.public) == public_of(PLAIN).thumbprint
    assert plain.id == public_of(PLAIN).id == SshVerifyKey.of(plain).id
    assert (cose.SSHSIG, cose.ED25519) == (public_of(PLAIN).algorithm, plain.algorithm)
    assert public_of(PLAIN) == SshVerifyKey.of(plain)
    assert PLAIN.public == public_of(PLAIN).public_bytes


def test_a_key_in_an_authenticator_is_its_blob() -> None:
    """The application is part of it: the same point for another one is another key."""
    assert hashlib.sha256(FIDO.blob).digest() == public_of(FIDO).thumbprint
    other = replace(FIDO, application=b"ssh:other")
    assert public_of(FIDO).id == public_of(FIDO).thumbprint[:8]
    assert public_of(FIDO) != public_of(other)
    assert public_of(FIDO) != public_of(replace(FIDO, application=b""))


@pytest.mark.parametrize("application", [b"https://example.com", b"ssh", b"xssh:", b"SSH:"])
def test_a_key_of_a_web_site_is_refused(application: bytes) -> None:
    """What an authenticator signs for a web site is chosen by that site."""
    with pytest.raises(ConfigurationError, match="ed25519-sk"):
        public_of(replace(FIDO, application=application))


@pytest.mark.parametrize("kind", ["ssh-ed25519", "sk-ssh-ed25519@openssh.com"])
def test_a_point_that_is_none_is_refused(kind: str) -> None:
    """As for every public key: one of small order would verify everything."""
    application = "" if kind == "ssh-ed25519" else "ssh:"
    for point in (bytes(32), b"\x01" + bytes(31), b"\xff" * 32):
        with pytest.raises(ConfigurationError, match="canonical"):
            SshVerifyKey(PublicKey(kind, point, application), owner="alice")


@pytest.mark.parametrize("key", KEYS)
def test_its_signature_is_its_own(key: SoftKey) -> None:
    """Over these bytes and no others."""
    assert not why_not(key, key.sshsig(b"signed"))
    assert "wrong" in why_not(key, key.sshsig(b"signed"), b"signec")


@pytest.mark.parametrize("flags", [PRESENT, PRESENT | VERIFIED, 0xFF])
def test_whoever_was_there_counts(flags: int) -> None:
    """With a PIN or without one."""
    assert not why_not(FIDO, replace(FIDO, flags=flags).sshsig(b"signed"))


@pytest.mark.parametrize("flags", [0, VERIFIED, 0xFE])
def test_a_signature_without_a_touch_is_refused(flags: int) -> None:
    """It is a right one, and OpenSSH takes it."""
    assert "somebody touched it" in why_not(FIDO, replace(FIDO, flags=flags).sshsig(b"signed"))


@pytest.mark.parametrize("counter", [0, 1, 2**32 - 1])
def test_the_counter_is_not_looked_at(counter: int) -> None:
    """But it is signed."""
    assert not why_not(FIDO, replace(FIDO, counter=counter).sshsig(b"signed"))


def test_flags_and_counter_are_signed() -> None:
    """Who sets the flag behind the signature has no signature."""
    untouched = replace(FIDO, flags=0).sshsig(b"signed")
    assert "wrong" in why_not(FIDO, untouched[:-5] + b"\x01" + untouched[-4:])
    blob = FIDO.sshsig(b"signed")
    assert "wrong" in why_not(FIDO, blob[:-1] + bytes((blob[-1] ^ 1,)))


@pytest.mark.parametrize("namespace", [b"git", b"file", b"request@sealwire/2", b"request@sealwire"])
def test_a_signature_for_something_else_is_refused(namespace: bytes) -> None:
    """What was signed as a commit or a file is no request."""
    assert NAMESPACE in why_not(FIDO, FIDO.sshsig(b"signed", namespace))


def test_another_key_in_the_blob_is_refused() -> None:
    """It may have signed rightly: it is not the one that the message names."""
    mallory = replace(FIDO, seed=hashlib.sha256(b"mallory").digest())
    assert "another key" in why_not(FIDO, mallory.sshsig(b"signed"))
    assert "another key" in why_not(PLAIN, FIDO.sshsig(b"signed"))
    # The right key in front of a signature of another one's.
    mixed = mallory.sshsig(b"signed").replace(mallory.public, FIDO.public)
    assert "wrong" in why_not(FIDO, mixed)
    application = replace(FIDO, application=b"ssh:x").sshsig(b"signed")
    assert "another key" in why_not(FIDO, application)


@pytest.mark.parametrize("key", KEYS)
def test_it_signs_with_what_is_elsewhere(key: SoftKey) -> None:
    """What comes out is the blob that somebody else would have written."""
    signer = SshSigner(public_of(key), key.sign)
    assert key.sshsig(b"signed") == signer.sign(b"signed")
    named = signer.owner, signer.id, signer.thumbprint, signer.algorithm
    public = public_of(key)
    assert (public.owner, public.id, public.thumbprint, cose.SSHSIG) == named
    assert f"<SshSigner {public.fingerprint} of alice>" == repr(signer)


def test_it_signs_with_a_key_of_this_process() -> None:
    """An ordinary key signs SSHSIG as it does in an agent."""
    signer = SshSigner.of(SigningKey(PLAIN.seed, owner="alice"))
    assert PLAIN.sshsig(b"signed") == signer.sign(b"signed")


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (replace(FIDO, flags=0), "somebody touched it"),
        (replace(FIDO, seed=PLAIN.seed), "wrong"),
    ],
    ids=["not touched", "another key"],
)
def test_what_no_service_would_take_is_not_sealed(other: SoftKey, problem: str) -> None:
    """Whoever seals is told, before anything is sent."""
    with pytest.raises(SealError, match=problem):
        SshSigner(public_of(FIDO), other.sign).sign(b"signed")


def test_what_is_no_signature_is_not_sealed() -> None:
    """An agent can give anything."""
    with pytest.raises(SealError, match="none: ssh: truncated"):
        SshSigner(public_of(FIDO), lambda _: b"").sign(b"signed")


@pytest.mark.parametrize(
    ("validity", "holds"),
    [
        (ALWAYS, True),
        (Validity(after_s=NOW_MS // 1000), True),
        (Validity(after_s=NOW_MS // 1000 + 1), False),
        (Validity(before_s=NOW_MS // 1000), True),
        (Validity(before_s=NOW_MS // 1000 - 1), False),
        (Validity(NOW_MS // 1000 - 1, NOW_MS // 1000 + 1), True),
    ],
)
def test_both_ends_are_in_time(validity: Validity, *, holds: bool) -> None:
    """As ssh-keygen has it, to the second."""
    assert holds is validity.holds_at(NOW_MS)
    assert holds is validity.holds_at(NOW_MS + 999)
