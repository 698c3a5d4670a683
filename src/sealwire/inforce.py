"""What is in force in a process: whose configuration stands, and which leases run over it.

Rules this module keeps:

1. Pure data: whoever owns it changes it with the gate held, together with the logging tree.
2. What a request cannot do here is refused before anything is taken: a floor moves for what is
   done, not for what was impossible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from sealwire.errors import Reason, RefusedError, Stage
from sealwire.leases import Overlay
from sealwire.requests import Apply, Lease, Request, Revert

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


_APPLICATIONS: Final = Base()


@dataclass(slots=True)
class InForce:
    """What is in force.

    Attributes:
        instance: what this process is called, as `Request.only` speaks of it.
        base: the configuration that stays.
        overlay: the leases.
    """

    instance: str = ""
    base: Base = _APPLICATIONS
    overlay: Overlay = field(default_factory=Overlay)

    def check(self, request: Request, now_ms: int) -> None:
        """Refuse what cannot be done here and now.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.

        Raises:
            RefusedError: with ``NOT_ADDRESSED``, ``BASE_MISMATCH``, ``NOT_IN_FORCE`` or
                ``LEASE_OVER``.
        """
        if request.only and not fnmatchcase(self.instance, request.only):
            raise _refusal(Reason.NOT_ADDRESSED, f"this instance is {self.instance}")
        if isinstance(request, Apply):
            if request.replaces and request.replaces != self.base.digest:
                found = self.base.digest or "the application's own"
                raise _refusal(Reason.BASE_MISMATCH, f"the base in force is {found}")
        elif isinstance(request, Revert):
            if request.what and all(lease.id != request.what for lease in self.overlay.leases):
                raise _refusal(Reason.NOT_IN_FORCE, f"no lease {request.what} is running")
        elif isinstance(request, Lease) and lease_end_ms(request) <= now_ms:
            late_ms = now_ms - lease_end_ms(request)
            raise _refusal(Reason.LEASE_OVER, f"its {request.for_s} s were over {late_ms} ms ago")


def lease_end_ms(request: Lease) -> int:
    """Give when a lease ends: its length counts from ``iat``, whenever it arrives."""
    return (request.opened.claims.iat + request.for_s) * 1000


def _refusal(reason: Reason, detail: str) -> RefusedError:
    return RefusedError(reason, Stage.STANDING, detail)
