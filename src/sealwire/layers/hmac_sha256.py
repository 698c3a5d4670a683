"""HMAC 256/256 as COSE_Mac0 (RFC 9052, section 6.2; RFC 9053, section 3.1).

Outermost it is the gate: strangers are refused after one comparison and one HMAC. It shows that the
sender holds the key; so does everybody else who holds it.

Verification, numbered as in the code:

1. What stands at the key id's place names a key of ours.
2. The key belongs to our audience.
3. The object is Mac0 with HMAC 256/256; headers and tag stand where they must, nothing trails.
4. The full 32-byte tag is right, compared in constant time; then the payload is taken out.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, ClassVar

from sealwire import cbor, cose
from sealwire.algebra import Guarantee
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.keys import MacKey
from sealwire.keysource import as_source
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keysource import KeySource


class HmacVerifier:
    """Verifies a MAC and gives what is inside."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC})
    shape: ClassVar[cose.Shape] = cose.MAC0

    def __init__(self, keys: KeySource[MacKey] | Iterable[MacKey]) -> None:
        """Verify with ``keys``: a tuple of keys, or a source that may change while we run.

        Raises:
            ConfigurationError: no key at all, or two of one id.
        """
        self.keys = as_source(keys)

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message inside.

        Raises:
            MalformedError: not the expected object.
            VerificationError: unknown key or wrong MAC.
        """
        data = message.data
        # 1.
        key = self.keys.find(data[cose.MAC0.key_id])
        # 2.
        if key is None or key.audience != context.audience:
            raise cose.no_key(cose.MAC0, data)
        # 3.
        protected, framed, tag = cose.split(cose.MAC0, data)
        # 4.
        covered = cose.to_be_authenticated(cose.MAC0, protected, context.external_aad) + framed
        if not hmac.compare_digest(key.tag(covered), tag):
            raise VerificationError(Reason.MAC_INVALID, Stage.LAYER, "the HMAC is wrong")
        shown = Evidence(type(self).__name__, key.algorithm, key.thumbprint, key.owner)
        payload = cose.payload_of(cose.MAC0, framed)
        return Message(payload, None, (*message.evidence, shown))


class HmacTagger:
    """Wraps a payload in a MAC."""

    shape: ClassVar[cose.Shape] = cose.MAC0

    def __init__(self, key: MacKey) -> None:
        """Tag with ``key``."""
        self.key = key

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Mac0; ``external_aad`` binds it to its place."""
        protected = cose.protected_header(self.key.algorithm, self.key.id)
        framed = cbor.encode_bytes(payload)
        covered = cose.to_be_authenticated(cose.MAC0, protected, external_aad) + framed
        return cose.join(cose.MAC0, protected, framed, self.key.tag(covered))
