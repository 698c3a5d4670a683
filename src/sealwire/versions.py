"""The version floor: which message of a stream was the last to be taken. Pure data.

Rules this module keeps:

1. A message is new if its version is above the floor of its stream, whoever signed it, and above
   every version that was taken of its issuer: an old, undelivered message of one signer must not
   land after a newer one of another.
2. The floor is the version that was taken last or, where that is ahead of the clock, the time at
   which it was taken. So a key whose clock is ahead, within the skew, keeps out its own owner and
   nobody whose clock is right: what somebody else seals later has a later time. And what is refused
   of others by a floor is no more than was sealed before the taking.
3. The last message taken is the same message again, known by its digest: its outcome is answered
   and nothing is done. Another message of its version is refused, and of its issuer, loudly.
4. A version beyond the clock and the skew is refused, so nobody can push a floor into the future.
5. Looking changes nothing; a refused message moves no floor.

What is kept of versions ahead of the clock is one entry an issuer, until the floor has passed it.
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


class Ahead(NamedTuple):
    """A version above the floor that was taken of an issuer, before what was taken last.

    Attributes:
        issuer: who signed it.
        version: the greatest of this issuer.
        digest: the digest of that message.
    """

    issuer: str
    version: int
    digest: Digest


class Taken(NamedTuple):
    """The last message taken in one stream, and what it leaves to be kept to.

    Attributes:
        version: its version, milliseconds of its sealer's clock.
        digest: its request digest.
        issuer: who signed it.
        outcome: what became of it; ``None`` while that is being decided.
        taken_ms: the time at which it was taken; ``None`` where that is not known, and the floor
            is its version.
        ahead: what else was taken above the floor, of other issuers.
    """

    version: int
    digest: Digest
    issuer: str
    outcome: Outcome | None = None
    taken_ms: int | None = None
    ahead: tuple[Ahead, ...] = ()

    @property
    def floor(self) -> int:
        """What the version of every issuer has to be above."""
        return self.version if self.taken_ms is None else min(self.version, self.taken_ms)

    @property
    def newest(self) -> tuple[Ahead, ...]:
        """The newest of each issuer, as far as it is kept; the last one taken at the end."""
        return (*self.ahead, Ahead(self.issuer, self.version, self.digest))

    def floor_of(self, issuer: str) -> int:
        """Give what the version of this issuer has to be above."""
        own = tuple(each.version for each in self.newest if each.issuer == issuer)
        return max((self.floor, *own))


def taken_after(
    before: Taken | None, version: int, digest: Digest, issuer: str, now_ms: int
) -> Taken:
    """Give what a stream keeps once a new message is taken.

    Args:
        before: what it kept, or ``None``.
        version: the message's version.
        digest: its request digest.
        issuer: who signed it.
        now_ms: the time, milliseconds since the epoch; never less than it was for ``before``.
    """
    if before is None:
        return Taken(version, digest, issuer, taken_ms=now_ms)
    # No floor goes back, whatever the caller takes for the time.
    taken = Taken(version, digest, issuer, taken_ms=max(now_ms, before.floor))
    others = (each for each in before.newest if each.issuer != issuer)
    return taken._replace(ahead=tuple(each for each in others if each.version > taken.floor))


def both(one: Taken | None, other: Taken) -> Taken:
    """Give what a stream keeps where two have taken its messages, as a process and its journal.

    Args:
        one: what one of them keeps, or ``None``.
        other: what the other does; it is the last one taken where both have the same floor.
    """
    if one is None:
        return other
    before, last = (other, one) if one.floor > other.floor else (one, other)
    ahead = {each.issuer: each for each in last.ahead}
    for each in before.newest:
        if each.version > last.floor_of(each.issuer):
            ahead[each.issuer] = each
    return last._replace(ahead=tuple(ahead.values()))


def judge_version(before: Taken | None, opened: Opened, now_ms: int, skew_ms: int) -> Standing:
    """Say whether a message is new in its stream, or the same again.

    Args:
        before: what the stream keeps of what was taken, or ``None``.
        opened: the message.
        now_ms: the time, milliseconds since the epoch.
        skew_ms: how far ahead of it a sealer's clock may be.

    Raises:
        VerificationError: superseded, ahead of the clock, or another message of the same version.
    """
    claims = opened.claims
    version, stream = claims.version, claims.stream.value
    if version > now_ms + skew_ms:
        ahead, allowed = in_words(version - now_ms), in_words(skew_ms)
        raise _refusal(
            Reason.VERSION_AHEAD, f"version {version} is {ahead} ahead; {allowed} are allowed"
        )
    if before is None:
        return Standing.NEW
    if opened.digest == before.digest:
        return Standing.SAME
    for each in before.newest:
        if (each.issuer, each.version) != (claims.iss, version):
            continue
        if each.digest != opened.digest:
            raise _refusal(
                Reason.EQUIVOCATION,
                f"{claims.iss} signed two different messages of version {version} in stream "
                f"{stream}",
            )
        raise _refusal(
            Reason.VERSION_SUPERSEDED,
            f"version {version} of stream {stream} was taken before, and one of {before.issuer} "
            "since",
        )
    floor = before.floor_of(claims.iss)
    if version > floor:
        return Standing.NEW
    if version < floor:
        raise _refusal(
            Reason.VERSION_SUPERSEDED,
            f"version {version} of stream {stream} is older than {floor}, taken before",
        )
    raise _refusal(
        Reason.VERSION_SUPERSEDED,
        f"version {version} of stream {stream} was taken from {before.issuer} before",
    )


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.ADMISSION, detail)
