"""SSHSIG with ``ssh-keygen -Y`` on the other side: each takes what the other signs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.openssh.conftest import line_of
from tests.sshdoubles import FIDO, PLAIN, VERIFIED, SoftKey, covered, ssh, sshsig

from sealwire import cbor, cose
from sealwire.allowedsigners import read_allowed_signers, read_revoked
from sealwire.chain import Chain
from sealwire.cose import external_aad
from sealwire.errors import RefusedError
from sealwire.keyfiles import load_trusted_key
from sealwire.keys import SigningKey
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
from sealwire.sshkeys import SshSigner, SshVerifyKey
from sealwire.sshwire import PublicKey
from sealwire.stages import Use

if TYPE_CHECKING:
    from tests.conftest import Operator
    from tests.openssh.conftest import OpenSsh

NOW_MS = 1_800_000_000_000
KEYS = [pytest.param(PLAIN, id="plain"), pytest.param(FIDO, id="fido")]


def public_of(blob: bytes, owner: str = "alice") -> SshVerifyKey:
    """Give a key as a service holds it."""
    return SshVerifyKey(PublicKey.parse(blob), owner=owner)


def signed_by(alice: Operator, key: SshVerifyKey) -> bytes:
    """Give what an SSHSIG of ``key`` in a message of alice's is over."""
    header = cose.protected_header(cose.SSHSIG, key.id)
    bound = external_aad(Use.REQUEST, alice.audience, 0, (cose.SSHSIG,))
    return cose.to_be_authenticated(cose.SIGN1_SSHSIG, header, bound) + cbor.encode_bytes(
        alice.body()
    )


def around(alice: Operator, key: SshVerifyKey, blob: bytes) -> bytes:
    """Give the message with ``blob`` in the signature's place."""
    header = cose.protected_header(cose.SSHSIG, key.id)
    return cose.join_sshsig(header, cbor.encode_bytes(alice.body()), blob)


def opens(alice: Operator, key: SshVerifyKey, blob: bytes, now_ms: int = NOW_MS) -> bool:
    """Whether a message with this SSHSIG opens."""
    chain = Chain(alice.audience, [SshsigVerifier([key])])
    try:
        opened = chain.open(around(alice, key, blob), now_ms=now_ms)
    except RefusedError:
        return False
    return opened.body == alice.body()


# ---- what we sign ---------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_it_takes_what_we_sign(alice: Operator, openssh: OpenSsh, key: SoftKey) -> None:
    """The blob that stands in a message, over the Sig_structure, by an allowed_signers file."""
    public = public_of(key.blob)
    layer = SshsigSigner(SshSigner(public, key.sign))
    sealed = alice.wrap(alice.body(), [layer])
    _, _, blob = cose.split_sshsig(sealed)
    signers = f'alice namespaces="request@sealwire/1" {line_of(key)}\n'
    signed = signed_by(alice, public)
    assert openssh.verifies(blob, signed, signers)
    assert not openssh.verifies(blob, signed + b"\0", signers)
    assert not openssh.verifies(blob, signed, signers, namespace="git")
    assert not openssh.verifies(blob, signed, signers, owner="bob")
    # And the list says to us what it says there.
    assert [public] == list(read_allowed_signers(signers.encode(), "signers"))


def test_it_takes_what_a_key_file_signs(alice: Operator, openssh: OpenSsh) -> None:
    """An ordinary key of ours, as SSHSIG."""
    signer = SshSigner.of(alice.signing)
    soft = SoftKey(_seed_of(alice.signing))
    assert openssh.verifies(signer.sign(b"signed"), b"signed", f"alice {line_of(soft)}\n")


def _seed_of(key: SigningKey) -> bytes:
    from sealwire.keys import reveal_secret

    return reveal_secret(key)


# ---- what it signs --------------------------------------------------------------------------


def test_we_take_what_it_signs(alice: Operator, openssh: OpenSsh) -> None:
    """With a key that it made, over the bytes that a message signs."""
    public = public_of(openssh.public("alice"))
    assert opens(alice, public, openssh.sign("alice", signed_by(alice, public)))
    file = load_trusted_key(openssh.folder / "alice.pub")
    assert file.thumbprint == public.thumbprint
    shown = openssh.done("ssh-keygen", "-l", "-f", "alice.pub").decode()
    assert public.public_key.fingerprint == shown.split()[1]


FOREIGN = {
    "another namespace": ("alice", "file", ()),
    "ours with a letter more": ("alice", "request@sealwire/11", ()),
    "sha256": ("alice", "request@sealwire/1", ("hashalg=sha256",)),
    "another key": ("mallory", "request@sealwire/1", ()),
    "an RSA key": ("rsa", "request@sealwire/1", ()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_we_refuse_what_else_it_signs(alice: Operator, openssh: OpenSsh, name: str) -> None:
    """Each is a right signature, for something else."""
    key, namespace, options = FOREIGN[name]
    public = public_of(openssh.public("alice"))
    signed = signed_by(alice, public)
    blob = openssh.sign(key, signed, namespace=namespace, options=options)
    signers = f"alice {(openssh.folder / f'{key}.pub').read_text()}"
    assert openssh.verifies(blob, signed, signers, namespace=namespace)
    assert not opens(alice, public, blob)


# ---- the same verdict on both sides, but where we say otherwise -----------------------------

Make = Callable[[SoftKey, bytes], bytes]


def _damaged(at: int) -> Make:
    def make(key: SoftKey, signed: bytes) -> bytes:
        blob = bytearray(key.sshsig(signed))
        blob[at] ^= 1
        return bytes(blob)

    return make


BOTH: dict[str, tuple[Make, bool]] = {
    "as it should be": (lambda key, signed: key.sshsig(signed), True),
    "over other bytes": (lambda key, signed: key.sshsig(signed + b"x"), False),
    "another namespace": (lambda key, signed: key.sshsig(signed, b"git"), False),
    "a namespace put in its place": (
        lambda key, signed: sshsig(key.blob, key.sign(covered(signed, b"git"))),
        False,
    ),
    "an empty namespace": (lambda key, signed: key.sshsig(signed, b""), False),
    "another key": (
        lambda key, signed: replace(key, seed=hashlib.sha256(b"m").digest()).sshsig(signed),
        False,
    ),
    "the right key in front of another's signature": (
        lambda key, signed: sshsig(
            key.blob, replace(key, seed=hashlib.sha256(b"m").digest()).sign(covered(signed))
        ),
        False,
    ),
    "the hash alone": (
        lambda key, signed: sshsig(key.blob, key.sign(hashlib.sha512(signed).digest())),
        False,
    ),
    "not hashed": (lambda key, signed: sshsig(key.blob, key.sign(signed)), False),
    "an unknown hash": (
        lambda key, signed: sshsig(
            key.blob, key.sign(covered(signed, hashed=b"sha1")), hashed=b"sha1"
        ),
        False,
    ),
    "version 2": (
        lambda key, signed: sshsig(key.blob, key.sign(covered(signed)), version=2),
        False,
    ),
    "cut off": (lambda key, signed: key.sshsig(signed)[:-1], False),
    "a byte behind it": (lambda key, signed: key.sshsig(signed) + b"\0", False),
    "a byte behind the key": (
        lambda key, signed: sshsig(key.blob + b"\0", key.sign(covered(signed))),
        False,
    ),
    "a byte behind the signature": (
        lambda key, signed: sshsig(key.blob, key.sign(covered(signed)) + b"\0"),
        False,
    ),
    "a short signature": (
        lambda key, signed: sshsig(key.blob, ssh(key.kind, key.sign(covered(signed))[-70:-7])),
        False,
    ),
    "no signature": (lambda key, _signed: sshsig(key.blob, b""), False),
    "another magic": (_damaged(0), False),
    "a bit of the key": (_damaged(60), False),
    "the last bit": (_damaged(-1), False),
    "nothing": (lambda _key, _signed: b"", False),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", BOTH)
def test_both_say_the_same(alice: Operator, openssh: OpenSsh, name: str, key: SoftKey) -> None:
    """Of 21 signatures by either kind of key."""
    make, expected = BOTH[name]
    public = public_of(key.blob)
    signed = signed_by(alice, public)
    blob = make(key, signed)
    taken = openssh.verifies(blob, signed, f"alice {line_of(key)}\n")
    assert expected == taken
    assert expected == opens(alice, public, blob)


STRICTER: dict[str, tuple[SoftKey, Make]] = {
    "not touched": (FIDO, lambda key, signed: replace(key, flags=0).sshsig(signed)),
    "a PIN and no touch": (FIDO, lambda key, signed: replace(key, flags=VERIFIED).sshsig(signed)),
    "sha256": (
        PLAIN,
        lambda key, signed: sshsig(
            key.blob, key.sign(covered(signed, hashed=b"sha256")), hashed=b"sha256"
        ),
    ),
    "version 0": (
        PLAIN,
        lambda key, signed: sshsig(key.blob, key.sign(covered(signed)), version=0),
    ),
    "a reserved field": (
        PLAIN,
        lambda key, signed: sshsig(key.blob, key.sign(covered(signed)), reserved=b"x"),
    ),
}


@pytest.mark.parametrize("name", STRICTER)
def test_where_we_are_stricter(alice: Operator, openssh: OpenSsh, name: str) -> None:
    """What it takes and we refuse; were it to refuse these as well, this list would be shorter."""
    key, make = STRICTER[name]
    public = public_of(key.blob)
    signed = signed_by(alice, public)
    blob = make(key, signed)
    assert openssh.verifies(blob, signed, f"alice {line_of(key)}\n")
    assert not opens(alice, public, blob)


# ---- allowed_signers ------------------------------------------------------------------------

TIMES = [
    ("20270101Z", "20261231235959Z", False, True),
    ("20270101Z", "20270101000000Z", True, True),
    ("20270101Z", "20270101000001Z", True, False),
    ("202701010000Z", "20270101000000Z", True, True),
    ("20270101000030Z", "20270101000029Z", False, True),
    ("20270101000030Z", "20270101000031Z", True, False),
]


@pytest.mark.parametrize(("limit", "at", "after", "before"), TIMES)
def test_times_mean_the_same(
    alice: Operator, openssh: OpenSsh, limit: str, at: str, *, after: bool, before: bool
) -> None:
    """Both ends are in it, to the second, in UTC."""
    now = datetime.strptime(at, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    for option, expected in (("valid-after", after), ("valid-before", before)):
        text = f'alice {option}="{limit}" {line_of(FIDO)}\n'
        (key,) = read_allowed_signers(text.encode(), "signers")
        signed = signed_by(alice, key)
        blob = FIDO.sshsig(signed)
        assert expected == openssh.verifies(blob, signed, text, at=at)
        assert expected == opens(alice, key, blob, round(now.timestamp() * 1000))


LISTS = {
    "a comment": (f"# x\nalice {line_of(PLAIN)} hers\n", True),
    "a namespace": (f'alice namespaces="request@sealwire/1" {line_of(PLAIN)}\n', True),
    "several": (f'alice namespaces="git,request@sealwire/1" {line_of(PLAIN)}\n', True),
    "another": (f'alice namespaces="git" {line_of(PLAIN)}\n', False),
    "somebody else": (f"bob {line_of(PLAIN)}\n", False),
    "another key": (f"alice {line_of(FIDO)}\n", False),
    "another option before": (
        f'alice valid-after="20200101Z",namespaces="request@sealwire/1" {line_of(PLAIN)}\n',
        True,
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_means_the_same(openssh: OpenSsh, name: str) -> None:
    """A key is alice's for requests there if it is here."""
    text, expected = LISTS[name]
    assert expected == openssh.verifies(PLAIN.sshsig(b"signed"), b"signed", text)
    found = read_allowed_signers(text.encode(), "signers")
    mine = [key for key in found if key.owner == "alice"]
    assert expected == any(PLAIN.blob == key.public_key.encode() for key in mine)


def test_a_revocation_means_the_same(openssh: OpenSsh) -> None:
    """A list of public keys, one a line, its comments included."""
    signers = f"alice {line_of(PLAIN)}\n"
    blob = PLAIN.sshsig(b"signed")
    for revoked, expected in (
        (f"# lost\n{line_of(PLAIN)} alice's\n", False),
        (f"{line_of(FIDO)}\n", True),
    ):
        assert expected == openssh.verifies(blob, b"signed", signers, revoked=revoked)
        gone = read_revoked(revoked.encode(), "revoked")
        found = read_allowed_signers(signers.encode(), "signers", revoked=gone)
        assert expected == bool(found)


def test_a_fido_line_is_read_as_it_reads_it(openssh: OpenSsh) -> None:
    """The same fingerprint, of which our key id is the beginning."""
    (openssh.folder / "fido.pub").write_text(f"{line_of(FIDO)} alice\n")
    shown = openssh.done("ssh-keygen", "-l", "-f", "fido.pub").decode().split()
    key = load_trusted_key(openssh.folder / "fido.pub")
    digest = base64.b64decode(shown[1].removeprefix("SHA256:") + "=")
    assert digest == key.thumbprint
    assert digest[:8] == key.id
    assert "(ED25519-SK)" == shown[-1]
