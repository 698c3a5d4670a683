"""An operator with keys, and what they send: for programs that measure, each run with new keys."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealwire import AeadKey, MacKey, MemorySealerState, Sealer, SigningKey, wall_clock_ms
from sealwire.cose import A256GCM, ED25519, HMAC_256, external_aad
from sealwire.keys import reveal_secret
from sealwire.recommended import local, local_layers, network, network_layers
from sealwire.stages import Use

if TYPE_CHECKING:
    from sealwire import Chain

AUDIENCE = "payments@prod"
OWNER = "alice"

NETWORK_ALGORITHMS = (HMAC_256, A256GCM, ED25519)
"""Of the recommended chain for networks, outermost first."""


def document(length: int) -> bytes:
    """Give a configuration of exactly ``length`` bytes that the default policy allows."""
    loggers: dict[str, dict[str, str]] = {}
    written = b""
    while True:
        loggers[f"payments.part{len(loggers):04d}"] = {"level": "INFO"}
        longer = json.dumps({"version": 1, "loggers": loggers}).encode()
        if len(longer) > length:
            break
        written = longer
    if not written:
        raise ValueError(f"no configuration has {length} bytes")
    return written.ljust(length)


@dataclass(frozen=True, slots=True)
class Operator:
    """Keys for one audience, and the two recommended ways of sealing with them."""

    signing: SigningKey = field(
        default_factory=lambda: SigningKey(secrets.token_bytes(32), owner=OWNER)
    )
    mac: MacKey = field(
        default_factory=lambda: MacKey(secrets.token_bytes(32), owner=OWNER, audience=AUDIENCE)
    )
    aead: AeadKey = field(
        default_factory=lambda: AeadKey(secrets.token_bytes(32), owner=OWNER, audience=AUDIENCE)
    )

    def network_chain(self) -> Chain:
        """Give the chain that opens what `network_sealer` seals."""
        return network(
            AUDIENCE,
            gate=[self.mac],
            encryption=[self.aead],
            trusted=[self.signing.verify_key],
        )

    def local_chain(self) -> Chain:
        """Give the chain that opens what `local_sealer` seals."""
        return local(AUDIENCE, [self.signing.verify_key])

    def network_sealer(self) -> Sealer:
        """Give a sealer for networks."""
        layers = network_layers(self.mac, self.aead, self.signing)
        return Sealer(
            AUDIENCE, layers, issuer=OWNER, state=MemorySealerState(), clock=wall_clock_ms
        )

    def local_sealer(self) -> Sealer:
        """Give a sealer for a Unix socket."""
        return Sealer(
            AUDIENCE,
            local_layers(self.signing),
            issuer=OWNER,
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )

    def described(self, *, network: bool) -> dict[str, str]:
        """Give the keys that a service needs, for its own process."""
        keys = {
            "audience": AUDIENCE,
            "owner": OWNER,
            "public": self.signing.verify_key.public_bytes.hex(),
        }
        if network:
            keys["mac"] = reveal_secret(self.mac).hex()
            keys["aead"] = reveal_secret(self.aead).hex()
        return keys


def bound(algorithms: tuple[int, ...] = NETWORK_ALGORITHMS) -> tuple[bytes, ...]:
    """Give what is bound into each layer of a message with these layers."""
    return tuple(
        external_aad(Use.REQUEST, AUDIENCE, index, algorithms) for index in range(len(algorithms))
    )
