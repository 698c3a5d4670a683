"""VersionFloor: messages of a stream in order; see `sealwire.versions` for the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire.algebra import Guarantee
from sealwire.versions import Standing, judge_version, taken_after

if TYPE_CHECKING:
    from sealwire.stages import Context, Opened
    from sealwire.state import AdmissionState


class VersionFloor:
    """Takes a message only if it is newer than what was taken before in its stream."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC})
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.ORDERED})

    def look(self, opened: Opened, context: Context, state: AdmissionState) -> Standing:
        """Say NEW, or SAME for the message that holds the floor.

        Raises:
            VerificationError: superseded, ahead of the clock, equivocation, or sealed before this
                memory began.
        """
        claims = opened.claims
        state.check_sealed_after_start(claims, context.skew_ms)
        before = state.floors.get(claims.stream)
        return judge_version(before, opened, context.now_ms, context.skew_ms)

    def take(self, opened: Opened, context: Context, state: AdmissionState) -> None:
        """Raise the stream's floor to this message.

        Raises:
            VerificationError: as `look`.
        """
        if self.look(opened, context, state) is Standing.NEW:
            claims = opened.claims
            state.floors[claims.stream] = taken_after(
                state.floors.get(claims.stream),
                claims.version,
                opened.digest,
                claims.iss,
                context.now_ms,
            )
