"""What a journal says, one frozen type a record; no logic.

The first record is `Started`. A change is an `Intent` and then what became of it, `Settled`; what
ends by itself is a `Now`. `Floor` and `Carried` stand only where a journal was written anew, for
what earlier records said.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from sealwire.stages import Digest, Outcome, Stream
from sealwire.versions import Taken

MAX_BASES: Final = 2
"""The configuration in force, and the one that going back from it leads to."""

MAX_LEASES: Final = 64
"""As many as one array of `sealwire.cbor` has entries."""

MAX_AHEAD: Final = 64 * 64
"""Issuers whose clocks are ahead at one time; there are no more than keys. Two lists deep."""

MAX_MESSAGE_BYTES: Final = 260 * 1024
"""A frame's limit; what is kept of a message is never longer than the message."""


class Kept(NamedTuple):
    """A message that was accepted, so that it can be opened again after a restart.

    Attributes:
        id: the request's id, 32 lower-case hex digits.
        stream: its order class.
        version: its version.
        digest: its request digest.
        issuer: who signed it.
        verb: what it asks for.
        message: its bytes from layer ``from_layer`` on, the outer ones removed.
        from_layer: with which layer opening it again begins.
        accepted_ms: when it was accepted, milliseconds since the epoch.
        setup: the digest of what the application had set up beneath it, or ``b""``.
    """

    id: str
    stream: Stream
    version: int
    digest: Digest
    issuer: str
    verb: str
    message: bytes
    from_layer: int
    accepted_ms: int
    setup: bytes = b""


class StoredBase(NamedTuple):
    """A configuration that stays.

    Attributes:
        id: the message that brought it.
        since_ms: since when, milliseconds since the epoch.
        confirmed_by: the message that confirmed it; ``""`` where it was never on trial, or is.
    """

    id: str
    since_ms: int
    confirmed_by: str = ""


class StoredLease(NamedTuple):
    """A lease that runs.

    Attributes:
        id: the message that began it.
        boot_id: the boot of the machine that ``ends_boot_ms`` belongs to.
        ends_boot_ms: its end on the clock of `sealwire.clock.boot_ms`.
        ends_wall_ms: its end, milliseconds since the epoch.
        left_ms: what was left of it when this was written; after a reboot it gets no more.
    """

    id: str
    boot_id: str
    ends_boot_ms: int
    ends_wall_ms: int
    left_ms: int


class StoredTrial(NamedTuple):
    """A configuration that goes unless it is confirmed.

    Attributes:
        id: the message that brought it.
        boot_id: as in `StoredLease`.
        ends_boot_ms: when it goes, on the clock of `sealwire.clock.boot_ms`.
        ends_wall_ms: when it goes, milliseconds since the epoch.
    """

    id: str
    boot_id: str
    ends_boot_ms: int
    ends_wall_ms: int


class Stored(NamedTuple):
    """What is in force.

    Attributes:
        bases: the configurations one on the other, the one in force last; none for what the
            application set up itself. At most `MAX_BASES`.
        leases: what runs over it, oldest first. At most `MAX_LEASES`.
        trial: set while the last base is on trial.
    """

    bases: tuple[StoredBase, ...] = ()
    leases: tuple[StoredLease, ...] = ()
    trial: StoredTrial | None = None

    @property
    def ids(self) -> frozenset[str]:
        """The messages that it rests on."""
        trial = () if self.trial is None else (self.trial.id,)
        confirmed = (base.confirmed_by for base in self.bases if base.confirmed_by)
        bases = (base.id for base in self.bases)
        return frozenset((*bases, *confirmed, *(lease.id for lease in self.leases), *trial))


NOTHING: Final = Stored()
"""What the application has set up, and nothing else."""


class Started(NamedTuple):
    """The first record: whose journal this is.

    Attributes:
        audience: the service.
        state_id: 16 random bytes, the same as in the directory's marker.
        min_version: no message with a lower version is accepted.
    """

    audience: str
    state_id: bytes
    min_version: int


class Intent(NamedTuple):
    """A message is accepted, and its floor moves: from here on it is done, or undone."""

    kept: Kept


class Settled(NamedTuple):
    """What became of the open intent.

    Attributes:
        digest: its request digest.
        stream: its order class.
        outcome: what became of it; all but ``APPLIED`` leave nothing of it in force.
        in_force: what is in force now; ``None`` where that did not change.
    """

    digest: Digest
    stream: Stream
    outcome: Outcome
    in_force: Stored | None = None


class Now(NamedTuple):
    """Something ended by itself, or was reverted on the host: this is what is left in force."""

    in_force: Stored


class Clock(NamedTuple):
    """The greatest wall time seen, milliseconds since the epoch."""

    wall_ms: int


class Floor(NamedTuple):
    """The last message taken in a stream, where that message itself is not kept any more."""

    stream: Stream
    taken: Taken


class Carried(NamedTuple):
    """A message that is in force, from an earlier journal."""

    kept: Kept


Record: TypeAlias = Started | Intent | Settled | Now | Clock | Floor | Carried
