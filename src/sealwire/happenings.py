"""What happens to the logging of this process, for whoever keeps a record of it.

Rules this module keeps:

1. A happening is told once it has happened, with no lock of ``logging`` held. Nobody who is told
   can refuse it, and what they raise is logged and passed over.
2. It holds trees and requests, and says nothing of how they are written down.
3. Whoever is told returns at once: going back must not wait for a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from sealwire.eventlog import log_bug

if TYPE_CHECKING:
    from sealwire.documents import Tree
    from sealwire.inforce import Base
    from sealwire.keyring import Keyring
    from sealwire.leases import LiveLease
    from sealwire.requests import Apply, Confirm, Lease, Request
    from sealwire.trail.causes import Cause


class Ending(NamedTuple):
    """Why something ended.

    Attributes:
        cause: the kind of cause.
        why: the same in words.
        request: who asked for that, if anybody did.
    """

    cause: Cause
    why: str
    request: Request | None = None


class BaseBegan(NamedTuple):
    """A configuration was applied; ``confirm_by_ms`` where it is on trial until then."""

    request: Apply
    plan: bytes
    before: Tree
    after: Tree
    confirm_by_ms: int | None


class BaseConfirmed(NamedTuple):
    """What was on trial stays."""

    request: Confirm


class BaseEnded(NamedTuple):
    """A configuration was taken back."""

    base: Base
    ending: Ending
    before: Tree
    after: Tree


class LeaseBegan(NamedTuple):
    """A lease began."""

    request: Lease
    lease: LiveLease
    before: Tree
    after: Tree


class LeasesEnded(NamedTuple):
    """Leases ended, all at once."""

    leases: tuple[LiveLease, ...]
    ending: Ending
    before: Tree
    after: Tree


class DriftBegan(NamedTuple):
    """Somebody else changed logging: what it should be, and what it is."""

    expected: Tree
    found: Tree


class DriftEnded(NamedTuple):
    """Places are again what they should be."""

    places: tuple[str, ...]


class FloorAlert(NamedTuple):
    """What a floor protects is protected less, or not there; in words."""

    what: str


class KeyringChanged(NamedTuple):
    """Another keyring is in force; ``digest`` is its text's in hex, ``signers`` are its roots."""

    before: Keyring
    after: Keyring
    digest: str
    signers: tuple[str, ...]


class FilesClosed(NamedTuple):
    """Somebody else in this process has closed files that are ours; in words."""

    what: str


Happening: TypeAlias = (
    BaseBegan
    | BaseConfirmed
    | BaseEnded
    | LeaseBegan
    | LeasesEnded
    | DriftBegan
    | DriftEnded
    | FloorAlert
    | KeyringChanged
    | FilesClosed
)


class Observer(Protocol):
    """Is told what happened, and returns at once."""

    def happened(self, happening: Happening) -> None:
        """Take note; see the rules of this module."""
        ...


class Observers:
    """All who are told, as one; there may be none."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._all: tuple[Observer, ...] = ()

    def add(self, one: Observer) -> None:
        """Tell ``one`` from now on."""
        self._all = (*self._all, one)

    def remove(self, one: Observer) -> None:
        """Tell ``one`` no more."""
        self._all = tuple(each for each in self._all if each is not one)

    def clear(self) -> None:
        """Tell nobody, as in a forked child: those who were told are the parent's."""
        self._all = ()

    def happened(self, happening: Happening) -> None:
        """Tell all of them."""
        for each in self._all:
            try:
                each.happened(happening)
            except Exception as bug:  # noqa: BLE001 - nobody who is told may undo what happened
                log_bug("a happening could not be recorded", bug)
