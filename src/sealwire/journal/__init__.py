"""The journal: what a service remembers on the disk, shared by all its processes on one host.

`init` makes a state directory, `StateDirectory.open` opens one, and `Journal` is what it holds.
`records` is what stands in it, `remembered` what that comes to; `examine` reads one that may be
damaged.
"""

from sealwire.journal.checking import Examined, examine
from sealwire.journal.directory import StateDirectory
from sealwire.journal.lock import BusyError
from sealwire.journal.making import init
from sealwire.journal.pending import Pending, Unwritten
from sealwire.journal.presence import Presence
from sealwire.journal.records import (
    MAX_BASES,
    MAX_LEASES,
    NOTHING,
    Clock,
    Kept,
    Now,
    Settled,
    Stored,
    StoredBase,
    StoredLease,
    StoredTrial,
)
from sealwire.journal.remembered import Remembered
from sealwire.journal.store import Held, Journal

__all__ = [
    "MAX_BASES",
    "MAX_LEASES",
    "NOTHING",
    "BusyError",
    "Clock",
    "Examined",
    "Held",
    "Journal",
    "Kept",
    "Now",
    "Pending",
    "Presence",
    "Remembered",
    "Settled",
    "StateDirectory",
    "Stored",
    "StoredBase",
    "StoredLease",
    "StoredTrial",
    "Unwritten",
    "examine",
    "init",
]
