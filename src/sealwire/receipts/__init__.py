"""Receipts: what a host says about one request, signed, so that a squatter cannot say it."""

from sealwire.receipts.sealing import open_receipt, peek_receipt, seal_receipt
from sealwire.receipts.types import (
    ANSWER_LIFETIME_S,
    CONTENT_TYPE_RECEIPT,
    Asked,
    Instance,
    KeyringPoint,
    Mode,
    Outcome,
    Peeked,
    Receipt,
    Shown,
    SignedBy,
    TrailPoint,
    Unproved,
)

__all__ = [
    "ANSWER_LIFETIME_S",
    "CONTENT_TYPE_RECEIPT",
    "Asked",
    "Instance",
    "KeyringPoint",
    "Mode",
    "Outcome",
    "Peeked",
    "Receipt",
    "Shown",
    "SignedBy",
    "TrailPoint",
    "Unproved",
    "open_receipt",
    "peek_receipt",
    "seal_receipt",
]
