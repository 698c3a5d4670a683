"""Once: changes in order, reads by their nonce: the admission that a listener uses.

1. Streams ``base`` and ``lease`` have a version floor each. They do not look at the nonce, so a
   resent change is answered with its outcome instead of being refused.
2. Stream ``read`` has the replay window: reads may overtake each other, and answers are not kept.
3. Stream ``keyring`` is not admitted: its order is the keyring's own version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire.algebra import Guarantee
from sealwire.checks.replay_window import ReplayWindow
from sealwire.checks.version_floor import VersionFloor
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.stages import Stream

if TYPE_CHECKING:
    from sealwire.algebra import Admission
    from sealwire.stages import Context, Opened
    from sealwire.state import AdmissionState
    from sealwire.versions import Standing


class Once:
    """Takes every message once, and every change in order."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC, Guarantee.FRESH})
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.ONCE, Guarantee.ORDERED})

    def __init__(self) -> None:
        """Make the admission; what it remembers is in the state it is given."""
        floor = VersionFloor()
        self._by_stream: dict[Stream, Admission] = {
            Stream.BASE: floor,
            Stream.LEASE: floor,
            Stream.READ: ReplayWindow(),
        }

    def look(self, opened: Opened, context: Context, state: AdmissionState) -> Standing:
        """Say NEW or SAME.

        Raises:
            VerificationError: as `VersionFloor.look` or `ReplayWindow.look`.
        """
        return self._admission(opened).look(opened, context, state)

    def take(self, opened: Opened, context: Context, state: AdmissionState) -> None:
        """Remember the message.

        Raises:
            VerificationError: as `look`.
        """
        self._admission(opened).take(opened, context, state)

    def _admission(self, opened: Opened) -> Admission:
        stream = opened.claims.stream
        admission = self._by_stream.get(stream)
        if admission is None:
            raise VerificationError(
                Reason.STREAM_MISMATCH, Stage.ADMISSION, f"stream {stream.value} is not served"
            )
        return admission
