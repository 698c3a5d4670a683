"""P1: opening a 4 KiB document, against the raw primitives over the very same bytes.

What is compared, in turns in one process:

1. Ours: `Chain.open` of the recommended chain for networks (HMAC, AES-GCM, Ed25519, freshness), and
   `Chain.look`, which finds the message new.
2. The sum of the primitives: ``hmac.digest`` over the MAC_structure, ``AESGCM.decrypt`` with the
   same associated data, ``nacl.signing.VerifyKey.verify`` over the Sig_structure. The objects that
   hold keys are ready, and the structures are not built but given.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.signing import VerifyKey

from benchmarks.figures import Figure, at_most, report
from benchmarks.operators import AUDIENCE, NETWORK_ALGORITHMS, Operator, bound, document
from benchmarks.timing import interleaved
from sealwire import AesGcmOpener, Context, Ed25519Verifier, HmacVerifier, Message, wall_clock_ms
from sealwire.body import decode_body
from sealwire.cose import (
    ENCRYPT0,
    MAC0,
    SIGN1,
    payload_of,
    split,
    split_encrypt0,
    to_be_authenticated,
)
from sealwire.keys import reveal_secret
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire import Layer, Opened

LIMIT = 1.4
AIM = 1.25
DOCUMENT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Primitives:
    """The three calls that cannot be saved, over the bytes of one message."""

    mac: Callable[[], object]
    decrypt: Callable[[], object]
    verify: Callable[[], object]

    def all(self) -> None:
        """Call all three."""
        self.mac()
        self.decrypt()
        self.verify()


def primitives(operator: Operator, sealed: bytes) -> Primitives:
    """Take a message apart; give the primitives with the bytes that each layer gives them."""
    aads = bound()
    protected, framed, tag = split(MAC0, sealed)
    covered = to_be_authenticated(MAC0, protected, aads[0]) + framed
    secret = reveal_secret(operator.mac)
    assert hmac.digest(secret, covered, "sha256") == tag

    protected, _, iv, ciphertext = split_encrypt0(payload_of(MAC0, framed))
    aad = to_be_authenticated(ENCRYPT0, protected, aads[1])
    cipher = AESGCM(reveal_secret(operator.aead))

    protected, framed, signature = split(SIGN1, cipher.decrypt(iv, ciphertext, aad))
    signed = to_be_authenticated(SIGN1, protected, aads[2]) + framed
    key = VerifyKey(operator.signing.verify_key.public_bytes)
    return Primitives(
        mac=lambda: hmac.digest(secret, covered, "sha256"),
        decrypt=lambda: cipher.decrypt(iv, ciphertext, aad),
        verify=lambda: key.verify(signed, signature),
    )


def layer_steps(operator: Operator, sealed: bytes, now_ms: int) -> list[Callable[[], object]]:
    """Give each layer's work alone, outermost first, then the reading of the body."""
    layers: tuple[Layer, ...] = (
        HmacVerifier([operator.mac]),
        AesGcmOpener([operator.aead]),
        Ed25519Verifier([operator.signing.verify_key]),
    )
    steps: list[Callable[[], object]] = []
    message = Message(sealed)
    for position, (layer, aad) in enumerate(zip(layers, bound(), strict=True)):
        context = Context(AUDIENCE, now_ms, 0, position, NETWORK_ALGORITHMS, aad)
        steps.append(partial(layer.verify, message, context))
        message = layer.verify(message, context)
    steps.append(partial(decode_body, message.data))
    return steps


def run(*, short: bool) -> Sequence[Figure]:
    """Measure; a short run takes a second, the other one ten."""
    operator = Operator()
    chain = operator.network_chain()
    now_ms = wall_clock_ms()
    sealed = operator.network_sealer().seal_at(document(DOCUMENT_BYTES), now_ms=now_ms)
    memory = AdmissionState(start_ms=now_ms - 1)

    def ours() -> Opened:
        opened = chain.open(sealed, now_ms=now_ms)
        assert chain.look(opened, now_ms=now_ms, skew_ms=0, state=memory) is Standing.NEW
        return opened

    assert len(ours().document) == DOCUMENT_BYTES
    opened = ours()
    raw = primitives(operator, sealed)
    gate, opener, verifier, body = layer_steps(operator, sealed, now_ms)
    samples = interleaved(
        {
            "raw": raw.all,
            "ours": ours,
            "raw HMAC": raw.mac,
            "HmacVerifier": gate,
            "raw AES-GCM": raw.decrypt,
            "AesGcmOpener": opener,
            "raw Ed25519": raw.verify,
            "Ed25519Verifier": verifier,
            "body": body,
            "look": lambda: chain.look(opened, now_ms=now_ms, skew_ms=0, state=memory),
        },
        rounds=150 if short else 1_500,
        calls=20,
    )
    whole, bare = samples["ours"], samples["raw"]
    parts = ("HmacVerifier", "AesGcmOpener", "Ed25519Verifier", "body", "look")
    rest_us = whole.median_us - sum(samples[part].median_us for part in parts)
    least, greatest = whole.spread_over(bare)
    return [
        at_most("P1", "opening 4 KiB / raw, medians", whole.median_us / bare.median_us, LIMIT),
        report("P1", f"the aim is {AIM}; medians of fifths", f"{least:.2f} to {greatest:.2f} x"),
        report("P1", "opening 4 KiB / raw, least", f"{whole.least_us / bare.least_us:.2f} x"),
        report("P1", "opening 4 KiB, look included", f"{whole.median_us:.1f} us"),
        report("P1", "HMAC + AES-GCM + Ed25519, raw", f"{bare.median_us:.1f} us"),
        *(
            report(
                "P1",
                f"  {part} (raw {samples[name].median_us:.1f} us)",
                f"{samples[part].median_us:.1f} us",
            )
            for part, name in zip(
                parts[:3], ("raw HMAC", "raw AES-GCM", "raw Ed25519"), strict=True
            )
        ),
        report("P1", "  reading the body", f"{samples['body'].median_us:.1f} us"),
        report("P1", "  Once.look", f"{samples['look'].median_us:.1f} us"),
        report("P1", "  Freshness and the chain itself", f"{rest_us:.1f} us"),
    ]
