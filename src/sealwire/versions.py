"""The version floor: which message of a stream was the last to be taken. Pure data.

Rules this module keeps:

1. A message is new if its version is above the floor of its stream, whoever signed it: an old,
   undelivered message of one signer must not land after a newer one of another.
2. The floor's version with the floor's digest is the same message again: its outcome is answered
   and nothing is done. With another digest it is refused, and if the issuer is the same, loudly.
3. A version ahead of the clock is refused, so nobody can push a floor into the future.
4. Looking changes nothing; a refused message moves no floor.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from sealwire.durations import in_words
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.stages import Digest, Opened, Outcome


class Standing(enum.Enum):
    """Where an authenticated message stands against what was taken before."""

    NEW = "new"
    SAME = "same"


class Taken(NamedTuple):
    """The last message taken in one stream.

    Attributes:
        version: its version, milliseconds of its sealer's clock.
        digest: its request digest.
        issuer: who signed it.
        outcome: what became of it; ``None`` while that is being decided.
    """

    version: int
    digest: Digest
    issuer: str
    outcome: Outcome | None = None


def judge_version(floor: Taken | None, opened: Opened, now_ms: int, skew_ms: int) -> Standing:
    """Say whether a message is new in its stream, or the same again.

    Args:
        floor: the last message taken in this stream, or ``None``.
        opened: the message.
        now_ms: the time, milliseconds since the epoch.
        skew_ms: how far ahead of it a sealer's clock may be.

    Raises:
        VerificationError: superseded, ahead of the clock, or another message of the same version.
    """
    claims = opened.claims
    version = claims.version
    if version > now_ms + skew_ms:
        ahead, allowed = in_words(version - now_ms), in_words(skew_ms)
        raise _refusal(
            Reason.VERSION_AHEAD, f"version {version} is {ahead} ahead; {allowed} are allowed"
        )
    if floor is None or version > floor.version:
        return Standing.NEW
    stream = claims.stream.value
    if version < floor.version:
        raise _refusal(
            Reason.VERSION_SUPERSEDED,
            f"version {version} of stream {stream} is older than {floor.version}, taken before",
        )
    if opened.digest == floor.digest:
        return Standing.SAME
    if claims.iss == floor.issuer:
        raise _refusal(
            Reason.EQUIVOCATION,
            f"{claims.iss} signed two different messages of version {version} in stream {stream}",
        )
    raise _refusal(
        Reason.VERSION_SUPERSEDED,
        f"version {version} of stream {stream} was taken from {floor.issuer} before",
    )


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.ADMISSION, detail)
