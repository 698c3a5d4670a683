"""What can be asked for: one frozen type a verb.

Rules this module keeps:

1. A request holds the message it came in, so whoever judges it sees who asks, with what evidence.
2. Every verb has the streams it may be ordered in (`Verb.streams`). A change that came as a read
   would slip past the version floor of changes.
3. Times are lengths in seconds; when they begin is in the message's claims.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias

from sealwire.documents import LoggingPlan
from sealwire.stages import Opened, Stream, TrailPoint

DEFAULT_LEASE_S: Final = 15 * 60
"""How long a lease lasts where nothing else is said: long enough to look, and soon over."""


class Verb(enum.Enum):
    """What a request does."""

    APPLY = "apply"
    PLAN = "plan"
    LEASE = "lease"
    REVERT = "revert"
    CONFIRM = "confirm"
    STATUS = "status"
    KEYRING = "keyring"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams in which a message with this verb may come."""
        return _STREAMS[self]


_STREAMS: Final = {
    Verb.APPLY: (Stream.BASE,),
    Verb.CONFIRM: (Stream.BASE,),
    Verb.LEASE: (Stream.LEASE,),
    # Of a configuration, or of leases: each is ordered with what it takes back.
    Verb.REVERT: (Stream.BASE, Stream.LEASE),
    Verb.PLAN: (Stream.READ,),
    Verb.STATUS: (Stream.READ,),
    Verb.KEYRING: (Stream.KEYRING,),
}
ASKED: Final = frozenset(Verb) - {Verb.KEYRING}
"""The verbs of requests; a keyring comes under the signatures of its roots, and not as a request
of somebody whom it trusts."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every request has.

    Attributes:
        opened: the message: who asks, and with what evidence.
        why: the sender's reason, one line; ``""`` where none was given. Signed and kept.
        only: a glob over instances; the others answer that they are not addressed. ``""`` is all.
        trail: points of the host's record that its receipts have shown to the sender, the shortest
            first: the receipt says whether they still belong to it.
    """

    verb: ClassVar[Verb]

    opened: Opened
    why: str = field(default="", kw_only=True)
    only: str = field(default="", kw_only=True)
    trail: tuple[TrailPoint, ...] = field(default=(), kw_only=True)

    @property
    def id(self) -> str:
        """The request's id, as `Revert` and `Confirm` name it: the claim ``cti`` in hex."""
        return self.opened.claims.cti.hex()


@dataclass(frozen=True, slots=True)
class Apply(Request):
    """Make ``plan`` the base: the configuration that stays.

    Attributes:
        plan: what is to be applied; nothing else of the document is.
        confirm_within_s: revert by itself unless confirmed within so many seconds; 0 stays.
        replaces: the hex digest of the base this is meant to replace, or ``""`` for any.
    """

    verb = Verb.APPLY

    plan: LoggingPlan
    confirm_within_s: int = field(default=0, kw_only=True)
    replaces: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class DryRun(Request):
    """Say what applying ``plan`` would change and what policy says; change nothing."""

    verb = Verb.PLAN

    plan: LoggingPlan


@dataclass(frozen=True, slots=True)
class Lease(Request):
    """Set levels for a time, over an untouched base.

    Attributes:
        levels: logger names and levels, sorted by name; ``""`` is the root.
        for_s: how long, seconds from the message's ``iat``.
        through: handlers that may be lowered as well, by name or as status prints them.
    """

    verb = Verb.LEASE

    levels: tuple[tuple[str, int], ...]
    for_s: int = field(default=DEFAULT_LEASE_S, kw_only=True)
    through: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Revert(Request):
    """End what an earlier request began; in stream ``base`` a configuration, else leases.

    Attributes:
        what: the id of that request; ``""`` for every lease, or for the last configuration.
    """

    verb = Verb.REVERT

    what: str = ""


@dataclass(frozen=True, slots=True)
class Confirm(Request):
    """Keep the configuration that request ``what`` applied on condition of being confirmed."""

    verb = Verb.CONFIRM

    what: str


@dataclass(frozen=True, slots=True)
class Status(Request):
    """Say what is in force; change nothing."""

    verb = Verb.STATUS


@dataclass(frozen=True, slots=True)
class KeyringUpdate(Request):
    """Follow the keyrings that the message holds."""

    verb = Verb.KEYRING


Planned: TypeAlias = Apply | DryRun
"""The requests that hold a configuration, which is judged alike whether it is meant or tried."""
