"""ReplayWindow: every message once, by its nonce; see `sealwire.replay` for the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire.algebra import Guarantee
from sealwire.versions import Standing

if TYPE_CHECKING:
    from sealwire.stages import Context, Opened
    from sealwire.state import AdmissionState


class ReplayWindow:
    """Takes a message once while it lives, and only messages that live for at most 300 s.

    It gives no order: of two messages that live, the older may be taken after the newer.
    """

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC, Guarantee.FRESH})
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.ONCE})

    def look(self, opened: Opened, context: Context, state: AdmissionState) -> Standing:
        """Say NEW; a nonce has no outcome to repeat, so there is no SAME.

        Raises:
            VerificationError: taken before, sealed before this memory began, or window full.
        """
        claims = opened.claims
        state.check_sealed_after_start(claims, context.skew_ms)
        state.window.look(_key(opened, context), claims.cti, claims.exp, context.now_ms)
        return Standing.NEW

    def take(self, opened: Opened, context: Context, state: AdmissionState) -> None:
        """Remember the nonce until the message expires.

        Raises:
            VerificationError: as `look`.
        """
        claims = opened.claims
        state.window.take(_key(opened, context), claims.cti, claims.exp, context.now_ms)


def _key(opened: Opened, context: Context) -> bytes:
    """Give the innermost layer's key; what checks have added behind it is no layer's."""
    return opened.evidence[context.position - 1].thumbprint
