"""The layers of a sealed message: a module each, with the half that seals and the other one.

`sshsig` is not among the names here: whoever has no key of SSH's does not load it.
"""

from sealwire.layers.aes_gcm import AesGcmOpener, AesGcmSealer
from sealwire.layers.ed25519 import Ed25519Signer, Ed25519Verifier
from sealwire.layers.hmac_sha256 import HmacTagger, HmacVerifier
from sealwire.layers.threshold import MultiSigner, ThresholdVerifier

__all__ = [
    "AesGcmOpener",
    "AesGcmSealer",
    "Ed25519Signer",
    "Ed25519Verifier",
    "HmacTagger",
    "HmacVerifier",
    "MultiSigner",
    "ThresholdVerifier",
]
