"""Receipts: what a host says about one request, signed, so that a squatter cannot say it."""

from sealwire.receipts.sealing import open_receipt, peek_receipt, seal_receipt
from sealwire.receipts.types import (
    ANSWER_LIFETIME_S,
    CONTENT_TYPE_RECEIPT,
    Asked,
    Instance,
    Mode,
    Outcome,
    Peeked,
    Receipt,
    SignedBy,
    TrailPoint,
)

__all__ = [
    "ANSWER_LIFETIME_S",
    "CONTENT_TYPE_RECEIPT",
    "Asked",
    "Instance",
    "Mode",
    "Outcome",
    "Peeked",
    "Receipt",
    "SignedBy",
    "TrailPoint",
    "open_receipt",
    "peek_receipt",
    "seal_receipt",
]
