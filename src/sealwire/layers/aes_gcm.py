"""AES-256-GCM as COSE_Encrypt0 (RFC 9052, section 5.2; RFC 9053, section 4.1; SP 800-38D).

It hides claims and document from everybody on the way. It does not show who wrote them.

Opening, numbered as in the code:

1. What stands at the key id's place names a key of ours.
2. The key belongs to our audience.
3. The object is Encrypt0 with A256GCM; headers, IV and ciphertext fill it to the last byte.
4. The key check value is the key's. AES-GCM does not commit to its key: without this, one object
   can be built that opens under two keys to two different texts.
5. The 16-byte tag is right; only then is there a plaintext.

Limits: an IV is 96 random bits, so a key must seal far fewer than 2^32 messages.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, ClassVar

from cryptography.exceptions import InvalidTag

from sealwire import cose
from sealwire.algebra import Guarantee
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.keys import AeadKey
from sealwire.keysource import as_source
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keysource import KeySource


class AesGcmOpener:
    """Decrypts and gives what is inside."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.CONFIDENTIAL})
    shape: ClassVar[cose.Shape] = cose.ENCRYPT0

    def __init__(self, keys: KeySource[AeadKey] | Iterable[AeadKey]) -> None:
        """Open with ``keys``: a tuple of keys, or a source that may change while we run.

        Raises:
            ConfigurationError: no key at all, or two of one id.
        """
        self.keys = as_source(keys)

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message inside.

        Raises:
            MalformedError: not the expected object.
            VerificationError: unknown key, other key check value, or the tag is wrong.
        """
        data = message.data
        # 1.
        key = self.keys.find(data[cose.ENCRYPT0.key_id])
        # 2.
        if key is None or key.audience != context.audience:
            raise cose.no_key(cose.ENCRYPT0, data)
        # 3.
        protected, key_check, iv, ciphertext = cose.split_encrypt0(data)
        # 4.
        if not hmac.compare_digest(key_check, key.check_value):
            raise VerificationError(
                Reason.KEY_CHECK_FAILED,
                Stage.LAYER,
                f"sealed under another key with the id of key {key.fingerprint}",
            )
        # 5.
        aad = cose.to_be_authenticated(cose.ENCRYPT0, protected, context.external_aad)
        try:
            plaintext = key.decrypt(iv, ciphertext, aad)
        except InvalidTag:
            raise VerificationError(
                Reason.DECRYPTION_FAILED, Stage.LAYER, "the AES-GCM tag is wrong"
            ) from None
        shown = Evidence(type(self).__name__, key.algorithm, key.thumbprint, key.owner)
        return Message(plaintext, None, (*message.evidence, shown))


class AesGcmSealer:
    """Encrypts a payload. There is no IV parameter: a repeated IV gives the key away."""

    shape: ClassVar[cose.Shape] = cose.ENCRYPT0

    def __init__(self, key: AeadKey) -> None:
        """Encrypt with ``key``."""
        self.key = key

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Encrypt0; ``external_aad`` binds it to its place."""
        key = self.key
        protected = cose.protected_header(key.algorithm, key.id, key.check_value)
        aad = cose.to_be_authenticated(cose.ENCRYPT0, protected, external_aad)
        iv = secrets.token_bytes(cose.IV_BYTES)
        return cose.join_encrypt0(protected, iv, key.encrypt(iv, payload, aad))
