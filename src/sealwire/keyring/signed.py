"""Signed keyrings, and what follows what.

Rules this module keeps (after TUF, "root" metadata, section 5.3):

1. A keyring is the payload of a COSE_Sign object with use ``keyring`` and its own name in the place
   of the audience, so that no signature over anything else is one over it.
2. Version 1 is signed by its own root keys, and trusted because a local file says so. Version N+1
   is signed by enough of the root keys of N, and by enough of its own: whoever loses a key has it
   replaced by the others, and nobody hands over to keys that they do not hold.
3. Signatures are counted by owner, and one key counts once. Each that is there is verified, and is
   by a root key of one of the two; one that is not refuses the whole.
4. One root key is enough for a keyring that only suspends (`only_suspends`).
5. No version is left out. The expiry of one that has been followed does not matter: only the last
   one is in force.
6. None is followed before it was issued, but for what clocks differ by (`check_issued`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import cbor, cose, cosesign
from sealwire.body import CTI_BYTES
from sealwire.durations import in_words
from sealwire.errors import ConfigurationError, Reason, Stage, VerificationError
from sealwire.keyring.document import read_keyring, write_keyring
from sealwire.keyring.model import MAX_AHEAD_S, Keyring, RingKey, check_follows, only_suspends
from sealwire.stages import Claims, Digest, Evidence, Stream, Use, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealwire.keys import Signer

MAX_LIST: Final = 16
"""Keyrings of one list: what a service can have missed, and be told in one message."""

_HEADS: Final = frozenset(cbor.head(cbor.ARRAY, count) for count in range(1, MAX_LIST + 1))


class SignedKeyring(NamedTuple):
    """A keyring and the object that holds it, verified.

    Attributes:
        keyring: what it says.
        sealed: the COSE_Sign object.
        evidence: who signed it.
    """

    keyring: Keyring
    sealed: bytes
    evidence: tuple[Evidence, ...]

    @property
    def digest(self) -> Digest:
        """SHA-256 of the keyring's text, whoever signed it."""
        return digest_of(write_keyring(self.keyring))


def bound(name: str) -> bytes:
    """Give what is bound into each signature of the keyring of this name."""
    return cose.external_aad(Use.KEYRING, name, 0, (cose.ED25519,))


def sign_keyring(keyring: Keyring, signers: Sequence[Signer]) -> bytes:
    """Sign a keyring; whether these signatures are enough is for `verify_first` and `succeed`."""
    framed = cbor.encode_bytes(write_keyring(keyring))
    aad = bound(keyring.name)
    return cosesign.join(framed, [_signature(each, aad, framed) for each in signers])


def add_signature(sealed: bytes, signer: Signer) -> bytes:
    """Add a signature to a signed keyring; the first one stays the first.

    Raises:
        MalformedError: ``sealed`` is none, or has as many signatures as there can be.
        ConfigurationError: this key has signed it.
    """
    apart = cosesign.split(sealed)
    keyring = read_keyring(apart.payload)
    if any(each.key_id == signer.id for each in apart.signatures):
        raise ConfigurationError(f"key {signer.fingerprint} has signed this keyring already")
    if len(apart.signatures) == cosesign.MAX_SIGNATURES:
        raise cose.malformed(f"it has {cosesign.MAX_SIGNATURES} signatures, and can have no more")
    added = _signature(signer, bound(keyring.name), apart.framed)
    return cosesign.join(apart.framed, [*apart.signatures, added])


def _signature(signer: Signer, aad: bytes, framed: bytes) -> cosesign.Signature:
    return cosesign.Signature(signer.id, signer.sign(cosesign.to_be_signed(signer.id, aad, framed)))


def peek_keyring(sealed: bytes) -> Keyring:
    """Read a signed keyring without verifying it, to show what somebody is asked to sign.

    Raises:
        MalformedError: it is none.
    """
    return read_keyring(cosesign.split(sealed).payload)


def verify_first(sealed: bytes) -> SignedKeyring:
    """Verify a keyring that is trusted because of where it lies (rule 2).

    Raises:
        MalformedError: it is none.
        VerificationError: it is not of version 1, or enough of its own root keys have not signed.
    """
    apart = cosesign.split(sealed)
    keyring = read_keyring(apart.payload)
    if keyring.version != 1:
        raise _out_of_order(f"it is version {keyring.version}, and the first one is pinned")
    evidence = _verified(apart, keyring.name, keyring.roots())
    _check_enough(evidence, keyring, keyring.root_threshold)
    return SignedKeyring(keyring, sealed, evidence)


def succeed(current: SignedKeyring, sealed: bytes) -> SignedKeyring:
    """Verify the keyring that follows ``current``.

    1. The first signature is right, and by a root key that is in force: from here on it is known
       that somebody whom we trust has written it, and it may be told why it is refused.
    2. It is a keyring, and the next one.
    3. Every other signature is right, and by a root key of one of the two.
    4. They are enough for the one in force, and for the new one.

    Raises:
        MalformedError: it is none.
        VerificationError: it does not follow, or enough root keys of both have not signed it.
    """
    before = current.keyring
    apart = cosesign.split(sealed)
    # 1.
    check_written_by(apart, before.name, before.roots())
    # 2.
    following = read_keyring(apart.payload)
    try:
        check_follows(before, following)
    except ConfigurationError as error:
        raise _out_of_order(str(error)) from None
    # 3.
    evidence = _verified(apart, before.name, (*before.roots(), *following.roots()))
    # 4.
    if only_suspends(before, following):
        _check_enough(evidence, before, 1)
    else:
        _check_enough(evidence, before, before.root_threshold)
        _check_enough(evidence, following, following.root_threshold)
    return SignedKeyring(following, sealed, evidence)


def check_written_by(apart: cosesign.Signed, name: str, roots: Iterable[RingKey]) -> None:
    """Check the first signature, before what it signs is read: that costs far more.

    Args:
        apart: the COSE_Sign object, as `sealwire.cosesign.split` gave it.
        name: the keyring's name.
        roots: the root keys of which one may have written it.

    Raises:
        VerificationError: the signature is wrong, or not by one of them.
    """
    _verified(cosesign.Signed(apart.framed, apart.signatures[:1]), name, roots)


def check_issued(keyring: Keyring, now_ms: int) -> None:
    """Check that a keyring has been issued by now (rule 6).

    Of keyrings that follow each other the last was issued last, so that it stands for all.

    Raises:
        VerificationError: it is from over `MAX_AHEAD_S` ahead of ``now_ms``.
    """
    ahead_ms = keyring.issued * 1000 - now_ms
    if ahead_ms > MAX_AHEAD_S * 1000:
        raise _out_of_order(
            f"version {keyring.version} was issued {in_words(ahead_ms)} ahead of this clock"
        )


def verify_again(sealed: bytes, name: str, roots: Iterable[RingKey]) -> None:
    """Verify the signatures of a keyring whose text is known, and which others have signed since.

    Args:
        sealed: the COSE_Sign object.
        name: the keyring's name.
        roots: the root keys of that version, and of the one before it.

    Raises:
        MalformedError: it is none.
        VerificationError: a signature is wrong, or not by one of them.
    """
    _verified(cosesign.split(sealed), name, roots)


def succeed_all(current: SignedKeyring, listed: Iterable[bytes]) -> tuple[SignedKeyring, ...]:
    """Follow a list of keyrings; give every one that was followed, in order.

    Raises:
        MalformedError: one is none.
        VerificationError: one does not follow the one before it.
    """
    followed: list[SignedKeyring] = []
    for sealed in listed:
        current = succeed(current, sealed)
        followed.append(current)
    return tuple(followed)


def write_list(listed: Sequence[bytes]) -> bytes:
    """Write signed keyrings, at most `MAX_LIST`, as one message's bytes."""
    return cbor.head(cbor.ARRAY, len(listed)) + b"".join(listed)


def claims_of(last: Keyring, data: bytes, audience: str) -> Claims:
    """Say of a list of keyrings what the claims of a request say of that; both sides know it.

    Args:
        last: the last keyring of the list.
        data: the list.
        audience: the service that it is sent to.
    """
    return Claims(
        iss=last.name,
        aud=audience,
        exp=last.expires,
        iat=last.issued,
        cti=digest_of(data)[:CTI_BYTES],
        version=last.version,
        stream=Stream.KEYRING,
    )


def looks_like_list(data: bytes) -> bool:
    """Whether ``data`` begins as `write_list` writes; no request does."""
    return data[:1] in _HEADS and cosesign.looks_signed_by_several(data[1:8])


def read_list(data: bytes) -> tuple[bytes, ...]:
    """Take a message's list of signed keyrings apart; nothing is verified.

    Raises:
        MalformedError: it is none, or something trails.
    """
    if not looks_like_list(data):
        raise cose.malformed(f"expected a list of 1 to {MAX_LIST} signed keyrings")
    listed = read_history(data[1:])
    if cbor.head(cbor.ARRAY, len(listed)) != data[:1]:
        raise cose.malformed("the list of keyrings has another length than it says")
    return listed


def read_history(content: bytes) -> tuple[bytes, ...]:
    """Take a file's keyrings apart, which follow each other without anything between them.

    Raises:
        MalformedError: it is not that.
    """
    at, listed = 0, []
    while at < len(content):
        end = cosesign.end_of(content, at)
        listed.append(content[at:end])
        at = end
    return tuple(listed)


def _verified(apart: cosesign.Signed, name: str, roots: Iterable[RingKey]) -> tuple[Evidence, ...]:
    """Verify every signature (rule 3); give who signed."""
    aad, by_id = bound(name), {root.id: root for root in roots}
    evidence = []
    for key_id, value in apart.signatures:
        root = by_id.get(key_id)
        if root is None:
            raise VerificationError(
                Reason.KEY_UNKNOWN, Stage.LAYER, f"key {key_id.hex()} is no active root key"
            )
        key = root.verify_key()
        if not key.verifies(cosesign.to_be_signed(key_id, aad, apart.framed), value):
            raise VerificationError(
                Reason.SIGNATURE_INVALID, Stage.LAYER, f"the signature of root key {key_id.hex()}"
            )
        evidence.append(Evidence("Keyring", key.algorithm, key.thumbprint, key.owner))
    return tuple(evidence)


def _check_enough(evidence: Iterable[Evidence], keyring: Keyring, enough: int) -> None:
    roots = {root.thumbprint for root in keyring.roots()}
    owners = {shown.owner for shown in evidence if shown.thumbprint in roots}
    if len(owners) < enough:
        raise VerificationError(
            Reason.SIGNATURES_MISSING,
            Stage.ADMISSION,
            f"{len(owners)} of {enough} root keys of version {keyring.version} have signed",
        )


def _out_of_order(detail: str) -> VerificationError:
    return VerificationError(Reason.KEYRING_OUT_OF_ORDER, Stage.ADMISSION, detail)
