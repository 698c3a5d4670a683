"""Change the logging of running Python processes from outside, with signed messages.

A service calls `listen` (or `listen_from` with a settings file); an operator seals a configuration
with a `Sealer`, asks with a `Client`, or does both with the command ``sealwire``.

What listens, judges, seals and sends is loaded when it is first asked for, so that a program pays
for the side it is on.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sealwire.algebra import Admission, Guarantee, Layer, Verifier
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once, ReplayWindow, VersionFloor
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
    UntrustedAnswerError,
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
    MultiSigner,
    ThresholdVerifier,
)
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

if TYPE_CHECKING:
    from sealwire.adopting import OnNewSetup
    from sealwire.client import Client
    from sealwire.clock import wall_clock_ms
    from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
    from sealwire.listener import Listener, listen, listen_from
    from sealwire.policy import Policy, Rule, default_rules
    from sealwire.recording import OnFailure, Trail
    from sealwire.results import RequestError, RequestFailedError, RequestRefusedError, Result
    from sealwire.sealer import MemorySealerState, Sealer, SealerState
    from sealwire.sshkeys import SshVerifyKey
    from sealwire.transports.client import deliver
    from sealwire.transports.lookup import look_up
    from sealwire.verify_callable import as_verify

__version__ = "0.1.0"

_LATE = {
    "wall_clock_ms": "sealwire.clock",
    "Client": "sealwire.client",
    "Listener": "sealwire.listener",
    "MemorySealerState": "sealwire.sealer",
    "Policy": "sealwire.policy",
    "RequestError": "sealwire.results",
    "RequestFailedError": "sealwire.results",
    "RequestRefusedError": "sealwire.results",
    "Result": "sealwire.results",
    "OnFailure": "sealwire.recording",
    "OnNewSetup": "sealwire.adopting",
    "Rule": "sealwire.policy",
    "Sealer": "sealwire.sealer",
    "SealerState": "sealwire.sealer",
    "SshVerifyKey": "sealwire.sshkeys",
    "SshsigSigner": "sealwire.layers.sshsig",
    "SshsigVerifier": "sealwire.layers.sshsig",
    "Trail": "sealwire.recording",
    "as_verify": "sealwire.verify_callable",
    "default_rules": "sealwire.policy",
    "deliver": "sealwire.transports.client",
    "listen": "sealwire.listener",
    "listen_from": "sealwire.listener",
    "look_up": "sealwire.transports.lookup",
}

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
    "Client",
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
    "MultiSigner",
    "NoAnswerError",
    "OnFailure",
    "OnNewSetup",
    "Once",
    "Opened",
    "Outcome",
    "Policy",
    "PolicyError",
    "Reason",
    "RefusedError",
    "ReplayWindow",
    "RequestError",
    "RequestFailedError",
    "RequestRefusedError",
    "Result",
    "Rule",
    "SealError",
    "Sealed",
    "Sealer",
    "SealerState",
    "SealwireError",
    "SigningKey",
    "SshVerifyKey",
    "SshsigSigner",
    "SshsigVerifier",
    "Stage",
    "StateError",
    "Stream",
    "ThresholdVerifier",
    "Trail",
    "TransportError",
    "UntrustedAnswerError",
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
    "look_up",
    "wall_clock_ms",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load what is used late (PEP 562); the second time it is there."""
    if name not in _LATE:
        raise AttributeError(f"module 'sealwire' has no attribute {name!r}")
    found = getattr(import_module(_LATE[name]), name)
    globals()[name] = found
    return found
