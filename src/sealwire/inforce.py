"""What is in force in a process: whose configuration stands, and which leases run over it.

Rules this module keeps:

1. Pure data: whoever owns it changes it with the gate held, together with the logging tree.
2. What a request cannot do here is refused before anything is taken: a floor moves for what is
   done, not for what was impossible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from sealwire.durations import in_words
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, shorten
from sealwire.leases import Drift, Overlay
from sealwire.requests import Apply, Confirm, Lease, Request, Revert
from sealwire.stages import Evidence, Stream

APPLICATION: Final = "application"
"""Who set up the base that no message did."""


class Base(NamedTuple):
    """The configuration that stays.

    Attributes:
        digest: the hex digest of the plan; ``""`` for what the application set up itself.
        issuer: who sent it, or `APPLICATION`.
        id: the request that brought it; ``""`` for the application's.
        since_ms: since when, milliseconds since the epoch.
        signers: all who signed it, where several did; empty where it was the issuer alone.
        keys: the thumbprints of the keys that have signed it, or sealed it otherwise.
    """

    digest: str = ""
    issuer: str = APPLICATION
    id: str = ""
    since_ms: int = 0
    signers: tuple[Evidence, ...] = ()
    keys: tuple[bytes, ...] = ()


_APPLICATIONS: Final = Base()

_INSTANCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""So that it needs no quotes, and is no pattern of ``--only``."""


class Trial(NamedTuple):
    """A configuration that goes by itself unless it is confirmed.

    Attributes:
        id: the request that brought it.
        issuer: who sent that.
        ends_ms: when it goes, on the clock of `sealwire.clock.boot_ms`.
        ends_wall_ms: the same in milliseconds since the epoch, for people to read.
    """

    id: str
    issuer: str
    ends_ms: int
    ends_wall_ms: int


def _nobody(_: str) -> bool:
    return False


def _nothing(_: Revert) -> bool:
    return False


def _makes_none(_: Iterable[str]) -> tuple[int, int]:
    return 0, 0


@dataclass(slots=True)
class InForce:
    """What is in force.

    Attributes:
        instance: what this process is called, as `Request.only` speaks of it.
        base: the configuration that stays.
        overlay: the leases.
        trial: set while the base is on trial.
        drift: what somebody else has changed, as it was seen last.
        mode: how this process remembers what it has taken.
        trouble: why changes are refused for now, and what mends that; ``""`` where they are not.
        unwritten: why what goes back now cannot be written yet; ``""`` where it is.
        set_aside: what stood before the start, and does not any more, with the reason of each.
        count_new: gives, of loggers by name, how many were made for requests by now, and how many
            more these would be, with the names above them.
        is_anybody: whether a pattern of `Request.only` fits another process of the service.
        is_elsewhere: whether what a request ends is in force in others and not in this one.
    """

    instance: str = ""
    base: Base = _APPLICATIONS
    overlay: Overlay = field(default_factory=Overlay)
    trial: Trial | None = None
    drift: tuple[Drift, ...] = ()
    mode: str = "wait-out"
    trouble: str = ""
    unwritten: str = ""
    set_aside: tuple[str, ...] = ()
    count_new: Callable[[Iterable[str]], tuple[int, int]] = _makes_none
    is_anybody: Callable[[str], bool] = _nobody
    is_elsewhere: Callable[[Revert], bool] = _nothing

    def is_addressed(self, request: Request) -> bool:
        """Whether a request is for this process."""
        return not request.only or fnmatchcase(self.instance, request.only)

    def check(self, request: Request, now_ms: int) -> None:
        """Refuse what cannot be done here and now.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.

        Raises:
            RefusedError: with ``NOT_ADDRESSED``, ``REPLAYED``, ``BASE_MISMATCH``,
                ``CONFIRMATION_DUE``, ``NOT_IN_FORCE`` or ``LEASE_OVER``.
        """
        if not self.is_addressed(request):
            if not self.is_anybody(request.only):
                raise _refusal(Reason.NOT_ADDRESSED, f"this instance is {self.instance}")
            if request.opened.claims.stream is Stream.READ:
                # What would be told is how things are here.
                detail = f"{self.instance} answers for all, and tells of its own logging alone"
                raise _refusal(Reason.NOT_ADDRESSED, detail)
            # What can be done there is for that process to say.
            return
        if isinstance(request, (Apply, Lease)) and self._has(request.id):
            # Whoever seals draws it, and what is in force is reverted and kept by it.
            detail = f"{request.id} is in force already; an id is for one request"
            raise _refusal(Reason.REPLAYED, detail)
        if isinstance(request, Apply):
            self._check_apply(request)
        elif isinstance(request, Confirm):
            if self.trial is None or self.trial.id != request.what:
                found = "nothing is" if self.trial is None else f"{self.trial.id} is"
                detail = f"{request.what} is not on trial; {found}"
                raise _refusal(Reason.NOT_IN_FORCE, detail)
        elif isinstance(request, Revert):
            self._check_revert(request)
        elif isinstance(request, Lease) and lease_end_ms(request) <= now_ms:
            length, late = in_words(request.for_s * 1000), in_words(now_ms - lease_end_ms(request))
            raise _refusal(Reason.LEASE_OVER, f"its {length} were over {late} ago")

    def _has(self, request_id: str) -> bool:
        return request_id in {self.base.id, *(lease.id for lease in self.overlay.leases)}

    def _check_apply(self, request: Apply) -> None:
        if request.replaces and request.replaces != self.base.digest:
            found = self.base.digest or "the application's own"
            raise _refusal(Reason.BASE_MISMATCH, f"the base in force is {found}")
        if self.trial is not None:
            detail = f"{self.trial.id} of {self.trial.issuer} is on trial; confirm or revert it"
            raise _refusal(Reason.CONFIRMATION_DUE, detail)

    def _check_revert(self, request: Revert) -> None:
        if not request.what or self.is_elsewhere(request):
            return
        if request.opened.claims.stream is Stream.BASE:
            if request.what != self.base.id:
                found = self.base.id or "the application's own"
                raise _refusal(Reason.NOT_IN_FORCE, f"the base in force is {found}")
        elif all(lease.id != request.what for lease in self.overlay.leases):
            raise _refusal(Reason.NOT_IN_FORCE, f"no lease {request.what} is running")


def check_instance(name: str) -> str:
    """Give back what the names of a host's processes are to begin with, if they can.

    Raises:
        ConfigurationError: they cannot; the text says what may stand there.
    """
    if not _INSTANCE.fullmatch(name):
        raise ConfigurationError(
            f"instance {shorten(name)} is not what names of processes can begin with; write 1 to "
            "64 of A-Z a-z 0-9 . _ - and begin with a letter or a digit"
        )
    return name


def lease_end_ms(request: Lease) -> int:
    """Give when a lease ends: its length counts from ``iat``, whenever it arrives."""
    return (request.opened.claims.iat + request.for_s) * 1000


def _refusal(reason: Reason, detail: str) -> RefusedError:
    return RefusedError(reason, Stage.STANDING, detail)
