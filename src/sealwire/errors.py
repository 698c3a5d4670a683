"""What can go wrong, as types: local misuse and a peer's misbehaviour are different branches.

Rules this module keeps:

1. ``str()`` of a refusal is the same text for every cause, so that no message to a peer and no
   traceback of a careless caller can tell an attacker which check failed. The cause is in
   ``reason`` and ``detail``, for the log and the audit trail of the receiving side alone.
2. Every cryptographic, freshness and replay failure is one class, `VerificationError`, on purpose.
3. Every error survives ``pickle``, because services hand exceptions between processes.
"""

from __future__ import annotations

import enum
from typing import Any


class Stage(enum.Enum):
    """Where on its way a message was refused; everything up to `LAYER` is before authentication."""

    FRAME = "frame"
    LAYER = "layer"
    BODY = "body"
    CHECK = "check"
    ADMISSION = "admission"
    DOCUMENT = "document"
    STANDING = "standing"
    POLICY = "policy"

    @property
    def authenticated(self) -> bool:
        """Whether the sender had proved to hold a key when the message was refused here."""
        return self not in {Stage.FRAME, Stage.LAYER}


class Reason(enum.Enum):
    """Why a message was refused; ``docs/reference/messages.md`` explains every one."""

    FRAME_TOO_LARGE = "frame-too-large"
    FRAME_TRUNCATED = "frame-truncated"
    FRAME_TIMEOUT = "frame-timeout"
    CROWDED_OUT = "crowded-out"
    PEER_NOT_ALLOWED = "peer-not-allowed"
    VERIFY_DECLINED = "verify-declined"
    ENVELOPE_MALFORMED = "envelope-malformed"
    KEY_UNKNOWN = "key-unknown"
    KEY_CHECK_FAILED = "key-check-failed"
    MAC_INVALID = "mac-invalid"
    DECRYPTION_FAILED = "decryption-failed"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNATURES_MISSING = "signatures-missing"
    KEYRING_OUT_OF_ORDER = "keyring-out-of-order"
    BODY_MALFORMED = "body-malformed"
    AUDIENCE_MISMATCH = "audience-mismatch"
    ISSUER_MISMATCH = "issuer-mismatch"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    LIFETIME_TOO_LONG = "lifetime-too-long"
    KEY_NOT_IN_FORCE = "key-not-in-force"
    VERSION_BEFORE_START = "version-before-start"
    CHALLENGE_REQUIRED = "challenge-required"
    VERSION_AHEAD = "version-ahead"
    VERSION_SUPERSEDED = "version-superseded"
    EQUIVOCATION = "equivocation"
    REPLAYED = "replayed"
    REPLAY_WINDOW_FULL = "replay-window-full"
    STATE_UNAVAILABLE = "state-unavailable"
    RECEIPT_MISMATCH = "receipt-mismatch"
    CONTENT_TYPE_UNKNOWN = "content-type-unknown"
    STREAM_MISMATCH = "stream-mismatch"
    KEY_ROLE = "key-role"
    KEYRING_EXPIRED = "keyring-expired"
    DOCUMENT_MALFORMED = "document-malformed"
    DOCUMENT_INVALID = "document-invalid"
    VERB_NOT_SERVED = "verb-not-served"
    NOT_ADDRESSED = "not-addressed"
    BASE_MISMATCH = "base-mismatch"
    NOT_IN_FORCE = "not-in-force"
    CONFIRMATION_DUE = "confirmation-due"
    LEASE_OVER = "lease-over"
    TRAIL_UNAVAILABLE = "trail-unavailable"
    POLICY = "policy"
    INTERNAL = "internal"


class SealwireError(Exception):
    """The root of everything sealwire raises on purpose; any other exception is a bug of ours."""


class ConfigurationError(SealwireError, ValueError):
    """Our own set-up is wrong: chain, policy, address, settings. Raised at construction."""


class KeyFileError(ConfigurationError):
    """A key file is missing, malformed, readable by others, or one of the published examples."""


class SealError(SealwireError):
    """The client could not seal."""


class RefusedError(SealwireError):
    """The peer's message is refused. ``str()`` is constant; the cause is in the attributes.

    Attributes:
        reason: the cause, for logs and audit.
        stage: where on the way the message was.
        detail: the value against the limit, in words, for our own log; ``""`` where there is
            nothing to add. It may quote the peer, shortened and escaped.
        known: a ``Known`` of ``stages``, which message it was, where every layer had opened; set by
            the chain, so that the refusal can be answered. It does not pickle.
    """

    known: object = None

    def __init__(self, reason: Reason, stage: Stage, detail: str = "") -> None:
        """Make a refusal for ``reason`` at ``stage``."""
        self.reason = reason
        self.stage = stage
        self.detail = detail

    def __str__(self) -> str:
        """Give the same text for every cause (rule 1)."""
        return "the message was refused"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments."""
        return type(self), (self.reason, self.stage, self.detail)


class MalformedError(RefusedError):
    """Framing, parsing, canonical form."""


class VerificationError(RefusedError):
    """Every cryptographic, freshness and replay failure: one class, on purpose."""


class PolicyError(RefusedError):
    """Authentic, but not allowed here.

    Attributes:
        rule: the name of the rule that refused.
        where: the place in the request, such as ``handlers.console.class``.
        source: where the host says so, such as ``policy.toml:12``; ``""`` where no file does.
    """

    def __init__(self, rule: str, where: str, detail: str, source: str = "") -> None:
        """Make a refusal by ``rule`` of what stands at ``where``."""
        super().__init__(Reason.POLICY, Stage.POLICY, detail)
        self.rule = rule
        self.where = where
        self.source = source

    @property
    def explained(self) -> str:
        """Rule, place, value against limit and source as one line, for logs and answers."""
        parts = [part for part in (self.rule, self.where, self.detail) if part]
        return ": ".join(parts) + (f" ({self.source})" if self.source else "")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments."""
        return type(self), (self.rule, self.where, self.detail, self.source)


class ApplyError(SealwireError):
    """The request was accepted, and logging could not be changed as it asked."""


class StateError(SealwireError):
    """Durable or shared state cannot be trusted, read or written."""


class TransportError(SealwireError, OSError):
    """The client could not reach a listener or get its answer.

    Attributes:
        errno: the system's number for why there is no connection, where it gave one.
    """


class NoAnswerError(TransportError):
    """The message was handed over, and no answer came: it may or may not have been applied.

    Attributes:
        sealed: the message, where a `Client` sent it: the same bytes again are safe, and tell.
        request_id: its id in hex, where a `Client` sealed it.
    """

    sealed: bytes = b""
    request_id: str = ""


class UntrustedAnswerError(NoAnswerError):
    """What came back is not the service's word: for all that is known there is no answer.

    Attributes:
        claimed: what it says became of the request; ``""`` where it cannot be read.
    """

    claimed: str = ""

    def __init__(self, text: str, *, claimed: str = "") -> None:
        """Say why it is not believed."""
        super().__init__(text)
        self.claimed = claimed


def shorten(text: object, limit: int = 80) -> str:
    """Give ``repr(text)``, cut to ``limit`` characters: for quoting a peer in a log line."""
    quoted = repr(text)
    return quoted if len(quoted) <= limit else quoted[: limit - 1] + "…"


def counted(number: int, what: str) -> str:
    """Give a number and what is counted, which has an ``s`` unless it is one: ``2 loggers``."""
    return f"{number} {what}{'' if number == 1 else 's'}"
