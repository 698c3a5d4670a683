"""A request as its sender knows it, read back from the sealed message: what a receipt must answer.

Rules this module keeps:

1. Nothing is verified here. What is found out is which receipt answers these very bytes: if they
   are not what a service accepted, no receipt of it fits.
2. What is encrypted is read with the sealer's own key alone. Who carries a message of somebody
   else's, and has no key, cannot tell what a receipt for it would have to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import cose, cosesign
from sealwire.body import decode_body
from sealwire.cose import external_aad
from sealwire.errors import RefusedError
from sealwire.layers import AesGcmOpener
from sealwire.receipts import Asked
from sealwire.requests import points_in
from sealwire.stages import Context, Message, Use, digest_of

if TYPE_CHECKING:
    from sealwire.keys import AeadKey
    from sealwire.sealer import Sealer
    from sealwire.stages import Claims, TrailPoint

MAX_LAYERS: Final = 8
"""The recommended chain for networks has three."""


_SIGN: Final = b"\xd8\x62"
"""The tag of COSE_Sign, with which each keyring of a list begins."""


class Sent(NamedTuple):
    """A request that was sent.

    Attributes:
        asked: what a receipt has to answer.
        claims: what the message says about itself.
        request_key: the key under which it was encrypted, if it was.
        shown: the points of the host's record that it shows.
    """

    asked: Asked
    claims: Claims
    request_key: AeadKey | None = None
    shown: tuple[TrailPoint, ...] = ()


def look_at_sent(sealed: bytes, sealer: Sealer | None = None) -> Sent | None:
    """Read a sealed message; ``None`` if it is none, or is encrypted under a key we have not.

    Args:
        sealed: the message.
        sealer: who has sealed it, or one for the same service; without one nothing is decrypted.
    """
    request_key: AeadKey | None = None
    rest = sealed
    try:
        for position in range(MAX_LAYERS):
            if cosesign.looks_signed_by_several(rest):
                rest = cosesign.split(rest).payload
                continue
            shape = cose.shape_of(rest)
            if shape is None:
                break
            if shape is cose.ENCRYPT0:
                if sealer is None or request_key is not None or sealer.encryption_key is None:
                    return None
                request_key = sealer.encryption_key
                rest = _decrypted(rest, sealer, request_key, position)
            else:
                rest = cose.payload_unverified(shape, rest)
        known = _claims_of_keyrings(rest, sealer)
        claims, content_type, document = (known, "", b"") if known else decode_body(rest)
    except RefusedError:
        return None
    asked = Asked(claims.aud, claims.stream, claims.cti, digest_of(rest))
    return Sent(asked, claims, request_key, points_in(content_type, document))


def _claims_of_keyrings(data: bytes, sealer: Sealer | None) -> Claims | None:
    """Give what a list of keyrings says about itself; ``None`` where it is none."""
    # A body is an array of three as well, and its first item is a map.
    if sealer is None or not data.startswith(_SIGN, 1):
        return None
    # Late, because hardly anybody sends one.
    from sealwire.keyring import claims_of, peek_keyring, read_list

    last = peek_keyring(read_list(data)[-1])
    return claims_of(last, data, sealer.audience)


def _decrypted(data: bytes, sealer: Sealer, key: AeadKey, position: int) -> bytes:
    algorithms = sealer.algorithms
    aad = external_aad(Use.REQUEST, sealer.audience, position, algorithms)
    context = Context(sealer.audience, 0, 0, position, algorithms, aad)
    return AesGcmOpener([key]).verify(Message(data), context).data
