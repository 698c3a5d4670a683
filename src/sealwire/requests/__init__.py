"""Requests: what an authenticated message asks for, typed."""

from sealwire.requests.reading import (
    CONTENT_TYPE_INI,
    CONTENT_TYPE_JSON,
    CONTENT_TYPE_REQUEST,
    points_in,
    read_request,
)
from sealwire.requests.types import (
    ASKED,
    DEFAULT_LEASE_S,
    Apply,
    Confirm,
    DryRun,
    KeyringUpdate,
    Lease,
    Planned,
    Request,
    Revert,
    Status,
    Verb,
)
from sealwire.requests.writing import write_request

__all__ = [
    "ASKED",
    "CONTENT_TYPE_INI",
    "CONTENT_TYPE_JSON",
    "CONTENT_TYPE_REQUEST",
    "DEFAULT_LEASE_S",
    "Apply",
    "Confirm",
    "DryRun",
    "KeyringUpdate",
    "Lease",
    "Planned",
    "Request",
    "Revert",
    "Status",
    "Verb",
    "points_in",
    "read_request",
    "write_request",
]
