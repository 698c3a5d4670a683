"""Waiting for the lock, with an end.

The system's own queue has no end to wait for, other than a signal, which belongs to the host. So
everybody asks again and again; whoever has waited longer asks more often, so that nobody waits for
ever while others come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealwire.journal.disk import Disk

_FIRST_S: Final = 0.002
_LEAST_S: Final = 0.0002
_HALVED_EVERY_S: Final = 0.02


def wait_for_lock(disk: Disk, descriptor: int, *, alone: bool, wait_s: float) -> bool:
    """Take a lock; give whether it was had in time.

    Raises:
        OSError: the lock does not work here.
    """
    if disk.try_lock(descriptor, alone=alone):
        return True
    began_s = disk.monotonic_s()
    while (waited_s := disk.monotonic_s() - began_s) < wait_s:
        disk.pause(max(_LEAST_S, _FIRST_S * 0.5 ** (waited_s / _HALVED_EVERY_S)))
        if disk.try_lock(descriptor, alone=alone):
            return True
    return False
