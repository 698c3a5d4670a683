"""The layers of a sealed message: a module each, with the half that seals and the other one."""

from sealwire.layers.aes_gcm import AesGcmOpener, AesGcmSealer
from sealwire.layers.ed25519 import Ed25519Signer, Ed25519Verifier
from sealwire.layers.hmac_sha256 import HmacTagger, HmacVerifier
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
from sealwire.layers.threshold import MultiSigner, ThresholdVerifier

__all__ = [
    "AesGcmOpener",
    "AesGcmSealer",
    "Ed25519Signer",
    "Ed25519Verifier",
    "HmacTagger",
    "HmacVerifier",
    "MultiSigner",
    "SshsigSigner",
    "SshsigVerifier",
    "ThresholdVerifier",
]
