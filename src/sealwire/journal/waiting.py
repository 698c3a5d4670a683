"""Waiting for the lock: first come, first served, and with an end.

The system's own queue for `flock` has no end to wait for other than a signal, which belongs to the
host; and who comes back at once overtakes those that wait there. So everybody who has to wait takes
a *place* in a file beside the lock: one byte, locked, at the offset that the monotonic clock gives.
Whoever finds no byte before its own locked is the first, and asks for the lock.

Rules this module keeps:

1. A place is a record lock (`fcntl.lockf`): it ends with its process, and a child does not inherit
   it. So nobody waits for one that is dead.
2. Places say who is next, and nothing else: what must not happen twice is prevented by the lock. If
   they do not work, as between containers whose clocks differ, others may overtake; after half a
   second everybody asks for the lock, whoever is the first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealwire.journal.disk import Disk

FIRST_S: Final = 0.0003
"""How often the first one asks: a change takes about a millisecond, most of it to sync."""

OTHERS_S: Final = 0.002
"""How often the others ask whether they are the first."""

PATIENCE_S: Final = 0.5
"""How long places are heeded."""

_IMPATIENT_S: Final = 0.02


def wait_for_lock(disk: Disk, lock: int, queue: int, *, alone: bool, wait_s: float) -> bool:
    """Take a lock; give whether it was had in time.

    Args:
        disk: the system calls.
        lock: the lock's descriptor.
        queue: that of the file with the places.
        alone: alone, or with others that read.
        wait_s: how long to wait, seconds; 0 waits for nobody, and overtakes.

    Raises:
        OSError: locks do not work here.
    """
    if (wait_s <= 0 or disk.is_first(queue, None)) and disk.try_lock(lock, alone=alone):
        return True
    if wait_s <= 0:
        return False
    began_s = disk.monotonic_s()
    place = disk.take_place(queue)
    try:
        while (waited_s := disk.monotonic_s() - began_s) < wait_s:
            first = disk.is_first(queue, place)
            if (first or waited_s > PATIENCE_S) and disk.try_lock(lock, alone=alone):
                return True
            patient = OTHERS_S if waited_s <= PATIENCE_S else _IMPATIENT_S
            disk.pause(FIRST_S if first else patient)
        return False
    finally:
        # It ends with the file at the latest, and a lock that was had is not to be lost by it.
        with contextlib.suppress(OSError):
            disk.leave_place(queue, place)
