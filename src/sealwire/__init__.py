"""Change the logging of running Python processes from outside, with signed messages.

A service calls `listen` (or `listen_from` with a settings file); an operator seals a configuration
with a `Sealer`, or with the command ``sealwire send``.
"""

from sealwire.algebra import Admission, Guarantee, Layer, Verifier
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once, ReplayWindow, VersionFloor
from sealwire.clock import wall_clock_ms
from sealwire.errors import (
    ApplyError,
    ConfigurationError,
    KeyFileError,
    MalformedError,
    NoAnswerError,
    PolicyError,
    Reason,
    RefusedError,
    SealError,
    SealwireError,
    Stage,
    StateError,
    TransportError,
    VerificationError,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.keysource import KeySource
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.listener import Listener, listen, listen_from
from sealwire.policy import Rule, default_rules
from sealwire.sealer import MemorySealerState, Sealer, SealerState
from sealwire.stages import (
    Answer,
    Claims,
    Context,
    Evidence,
    Message,
    Opened,
    Outcome,
    Sealed,
    Stream,
)
from sealwire.transports.client import deliver
from sealwire.verify_callable import as_verify

__version__ = "0.1.0"

__all__ = [
    "Admission",
    "AeadKey",
    "AesGcmOpener",
    "AesGcmSealer",
    "Answer",
    "AnyOf",
    "ApplyError",
    "Chain",
    "Claims",
    "ConfigurationError",
    "Context",
    "Ed25519Signer",
    "Ed25519Verifier",
    "Evidence",
    "Freshness",
    "Guarantee",
    "HmacTagger",
    "HmacVerifier",
    "KeyFileError",
    "KeySource",
    "Layer",
    "Listener",
    "MacKey",
    "MalformedError",
    "MemorySealerState",
    "Message",
    "NoAnswerError",
    "Once",
    "Opened",
    "Outcome",
    "PolicyError",
    "Reason",
    "RefusedError",
    "ReplayWindow",
    "Rule",
    "SealError",
    "Sealed",
    "Sealer",
    "SealerState",
    "SealwireError",
    "SigningKey",
    "Stage",
    "StateError",
    "Stream",
    "TransportError",
    "VerificationError",
    "Verifier",
    "VerifyKey",
    "VersionFloor",
    "__version__",
    "as_verify",
    "default_rules",
    "deliver",
    "listen",
    "listen_from",
    "wall_clock_ms",
]
