"""What is in force in a process: the base, what waits for a confirmation, the leases.

Rules this module keeps:

1. Pure data: whoever owns it changes it with the gate held, together with the logging tree.
2. What a request cannot do here is refused before anything is taken: a floor moves for what is
   done, not for what was impossible.
3. One configuration waits for its confirmation at a time; another one meanwhile is refused, because
   two could not both be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from sealwire.errors import Reason, RefusedError, Stage
from sealwire.leases import Overlay
from sealwire.requests import Apply, Confirm, Lease, Request, Revert
from sealwire.stages import Stream

APPLICATION: Final = "application"
"""Who set up the base that no message did."""


class Base(NamedTuple):
    """The configuration that stays.

    Attributes:
        digest: the hex digest of the plan; ``""`` for what the application set up itself.
        issuer: who sent it, or `APPLICATION`.
        id: the request that brought it; ``""`` for the application's.
        since_ms: since when, milliseconds since the epoch.
    """

    digest: str = ""
    issuer: str = APPLICATION
    id: str = ""
    since_ms: int = 0


class Pending(NamedTuple):
    """A configuration that goes again unless it is confirmed.

    Attributes:
        id: the request that brought it.
        ends_ms: until when, on the clock of `sealwire.clock.boot_ms`.
        ends_wall_ms: the same, milliseconds since the epoch.
    """

    id: str
    ends_ms: int
    ends_wall_ms: int


@dataclass(slots=True)
class InForce:
    """What is in force.

    Attributes:
        instance: what this process is called, as `Request.only` speaks of it.
        base: the configuration that stays.
        before: the base that `Revert` goes back to, or ``None`` where there is none.
        pending: what waits for its confirmation, or ``None``.
        overlay: the leases.
    """

    instance: str = ""
    base: Base = Base()
    before: Base | None = None
    pending: Pending | None = None
    overlay: Overlay = field(default_factory=Overlay)

    def check(self, request: Request, now_ms: int) -> None:
        """Refuse what cannot be done here and now.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.

        Raises:
            RefusedError: with ``NOT_ADDRESSED``, ``BASE_MISMATCH``, ``CONFIRM_PENDING``,
                ``NOTHING_PENDING``, ``NOT_IN_FORCE`` or ``LEASE_OVER``.
        """
        if request.only and not fnmatchcase(self.instance, request.only):
            raise _refusal(Reason.NOT_ADDRESSED, f"this instance is {self.instance}")
        if isinstance(request, Apply):
            self._check_apply(request)
        elif isinstance(request, Confirm):
            self._check_confirm(request)
        elif isinstance(request, Revert):
            self._check_revert(request)
        elif isinstance(request, Lease) and lease_end_ms(request) <= now_ms:
            raise _refusal(
                Reason.LEASE_OVER,
                f"its {request.for_s} s were over {now_ms - lease_end_ms(request)} ms ago",
            )

    def _check_apply(self, request: Apply) -> None:
        if self.pending is not None:
            raise _refusal(
                Reason.CONFIRM_PENDING, f"request {self.pending.id} waits for its confirmation"
            )
        if request.replaces and request.replaces != self.base.digest:
            found = self.base.digest or "the application's own"
            raise _refusal(Reason.BASE_MISMATCH, f"the base in force is {found}")

    def _check_confirm(self, request: Confirm) -> None:
        if self.pending is None:
            raise _refusal(Reason.NOTHING_PENDING, "no configuration waits for a confirmation")
        if self.pending.id != request.what:
            raise _refusal(
                Reason.NOTHING_PENDING, f"it is request {self.pending.id} that waits for it"
            )

    def _check_revert(self, request: Revert) -> None:
        if request.opened.claims.stream is Stream.BASE:
            if self.before is None:
                raise _refusal(Reason.NOT_IN_FORCE, "the base is the application's own set-up")
            if request.what and request.what != self.base.id:
                raise _refusal(Reason.NOT_IN_FORCE, f"the base in force is of {self.base.id}")
        elif request.what and all(lease.id != request.what for lease in self.overlay.leases):
            raise _refusal(Reason.NOT_IN_FORCE, f"no lease {request.what} is running")


def lease_end_ms(request: Lease) -> int:
    """Give when a lease ends: its length counts from ``iat``, whenever it arrives."""
    return (request.opened.claims.iat + request.for_s) * 1000


def _refusal(reason: Reason, detail: str) -> RefusedError:
    return RefusedError(reason, Stage.STANDING, detail)
