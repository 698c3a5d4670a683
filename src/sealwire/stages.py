"""The values on a message's way, one frozen type a stage; no logic.

    bytes → Frame → Sealed → Opened → Request → LoggingPlan → Applied → Answer → bytes

A function takes only the type to its left, so a step cannot be skipped without the type checker
saying so. They are named tuples: making one costs a quarter of a frozen dataclass, and importing
this module does not load ``dataclasses``, which takes longer to load than all of sealwire.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, NewType

Sealed = NewType("Sealed", bytes)
"""A sealed message as it travels: nested COSE objects, nothing verified."""

KeyId = NewType("KeyId", bytes)
"""Eight bytes that say which key to try. A hint from an unauthenticated peer, never trusted."""

Digest = NewType("Digest", bytes)
"""A SHA-256 digest, 32 bytes."""

DOMAIN = "sealwire/1"
"""The name and version of the protocol, bound into every authentication."""

CONTENT_TYPE_KEYRING = "application/vnd.sealwire.keyring"
"""A list of signed keyrings, which stands in the place of the last layer and has no body."""


class Use(enum.Enum):
    """What a sealed object is for; bound into every layer, so none can stand in for another."""

    REQUEST = "request"
    RECEIPT = "receipt"
    KEYRING = "keyring"
    START = "start"


class Stream(enum.Enum):
    """The order class of a message: each stream has a version floor of its own."""

    BASE = "base"
    LEASE = "lease"
    READ = "read"
    KEYRING = "keyring"

    # Streams key the tables that every message is looked up in, and there is one object for each;
    # what Enum has instead is a function that hashes the name anew.
    __hash__ = object.__hash__


class Mode(enum.Enum):
    """How a receiver remembers what it has taken, or does without remembering."""

    DURABLE = "durable"
    CHALLENGE = "challenge"
    WAIT_OUT = "wait-out"


MAX_POINTS: Final = 4
"""Points of a host's record in one request, and what is said to them in its receipt."""


class TrailPoint(NamedTuple):
    """Where a host's record stands: how many entries, and the root over them in hex."""

    size: int
    root: str


class Frame(NamedTuple):
    """One frame's payload, within the size limit and otherwise unread."""

    payload: bytes


class Claims(NamedTuple):
    """What a sealed body says about itself (RFC 8392 names; times in seconds, version in ms).

    Attributes:
        iss: issuer, the owner of the signing key.
        aud: audience, the service the message is for.
        exp: expiry, seconds since the epoch; valid while ``now <= exp``.
        iat: issued at, seconds since the epoch.
        cti: the request's id, 16 random bytes.
        version: milliseconds of the sealer's clock; grows with every message of a stream.
        stream: the order class.
        nonce: the receiver's challenge, in ``challenge`` mode only.
    """

    iss: str
    aud: str
    exp: int
    iat: int
    cti: bytes
    version: int
    stream: Stream
    nonce: bytes | None = None


class Evidence(NamedTuple):
    """What one verifier showed: which key, whose, and which algorithm (COSE number).

    Attributes:
        verifier: the verifier's class name.
        algorithm: the COSE algorithm, fixed by the key.
        thumbprint: 32 bytes that name the key in full; the key id is its first eight.
        owner: who holds the key.
        cosigners: what was shown of the others who signed with the owner, where one layer holds the
            signatures of several; none of them has others of its own.
    """

    verifier: str
    algorithm: int
    thumbprint: bytes
    owner: str
    cosigners: tuple[Evidence, ...] = ()


class Message(NamedTuple):
    """What a verifier takes and gives: the bytes still inside, and what is known so far.

    Attributes:
        data: the bytes inside the layers removed so far.
        claims: ``None`` until the last layer is open.
        evidence: one entry for every layer passed, outermost first.
    """

    data: bytes
    claims: Claims | None = None
    evidence: tuple[Evidence, ...] = ()


class Context(NamedTuple):
    """What a verifier may know about the receiver: nothing here comes from the message.

    Attributes:
        audience: the service this receiver is.
        now_ms: wall-clock time, milliseconds since the epoch.
        skew_ms: how far ahead of ``now_ms`` a sender's clock may be.
        position: which layer this is, outermost 0; for checks, the number of layers.
        algorithms: COSE algorithms of all layers, outermost first.
        external_aad: what is bound into this layer's authentication (RFC 9052, section 4.3), as a
            CBOR byte string; empty for checks.
    """

    audience: str
    now_ms: int
    skew_ms: int
    position: int
    algorithms: tuple[int, ...]
    external_aad: bytes


class Known(NamedTuple):
    """Which message it is, once every layer has opened: enough to answer it, and no document.

    Attributes:
        claims: the claims.
        digest: the request's digest.
        evidence: who showed what, outermost first.
    """

    claims: Claims
    digest: Digest
    evidence: tuple[Evidence, ...]

    @property
    def signers(self) -> tuple[Evidence, ...]:
        """All who signed where several did, the issuer first; empty where it was one."""
        return signers_of(self.evidence)


class Opened(NamedTuple):
    """An authenticated message, every layer removed; the document inside is still unread.

    Attributes:
        body: the innermost bytes, as signed.
        claims: the claims.
        content_type: how to read the document.
        document: the document's bytes.
        evidence: who showed what, outermost first.
        signed: what shows who sent it, without the layers around: what is kept of a message.
        from_layer: the layer that ``signed`` begins with; see `sealwire.Chain.open`.
    """

    body: bytes
    claims: Claims
    content_type: str
    document: bytes
    evidence: tuple[Evidence, ...]
    signed: bytes = b""
    from_layer: int = 0

    @property
    def digest(self) -> Digest:
        """The request's digest, SHA-256 of ``body``; the same however it was wrapped."""
        return digest_of(self.body)

    @property
    def signers(self) -> tuple[Evidence, ...]:
        """All who signed where several did, the issuer first; empty where it was one."""
        return signers_of(self.evidence)

    @property
    def signed_by(self) -> str:
        """Whose message it is, in words: the issuer, and with whom, if others signed."""
        others = [each.owner for each in self.signers[1:]]
        return f"{self.claims.iss} with {', '.join(others)}" if others else self.claims.iss

    @property
    def known(self) -> Known:
        """Which message it is."""
        return Known(self.claims, self.digest, self.evidence)


def signers_of(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Give what was shown of all who signed in one layer; empty where it holds one signature."""
    found = next((each for each in evidence if each.cosigners), None)
    return () if found is None else (found, *found.cosigners)


def everybody(evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    """Give what evidence shows of every key, those of cosigners included."""
    for each in evidence:
        yield each
        yield from each.cosigners


def thumbprints_of(evidence: Iterable[Evidence]) -> tuple[bytes, ...]:
    """Give the keys that evidence names, those of cosigners included."""
    return tuple(each.thumbprint for each in everybody(evidence))


def digest_of(body: bytes) -> Digest:
    """Give the digest that names a request: SHA-256 of its body."""
    return Digest(hashlib.sha256(body).digest())


class Outcome(enum.IntEnum):
    """What became of a request, as the answer's number on the wire."""

    APPLIED = 1
    REFUSED = 2
    FAILED = 3


class Applied(NamedTuple):
    """The logging tree has been changed as one request asked.

    Attributes:
        plan_digest: SHA-256 of the canonical form of the plan that is now in force.
        loggers: how many loggers the plan names, root included.
        handlers: how many handlers the plan defines.
    """

    plan_digest: Digest
    loggers: int
    handlers: int


class Answer(NamedTuple):
    """What a listener says about one request; by itself it is unsigned.

    Attributes:
        outcome: applied, refused or failed.
        reason: why, once the sender was authenticated; ``""`` before that.
        detail: rule, place and value; ``""`` where the chain encrypts, because an answer does not.
        repeated: the same message had been decided before, and nothing was done now.
        report: what was asked for, as canonical JSON; ``b""`` where nothing was, or where the
            chain encrypts.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    repeated: bool = False
    report: bytes = b""
