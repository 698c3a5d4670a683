"""Descriptors that stay ours: an application that closes them does not have us write elsewhere.

A program that turns itself into a daemon closes all it finds, and the next file that anybody opens
gets the number of one of ours. What is written by that number then goes into a file of somebody
else's, and what is closed by it is somebody else's as well.

Rules this module keeps:

1. A descriptor that is kept knows which file it was opened for. Before it is used that is compared
   with what the system says, which is one cheap call; where it differs nothing is done by it.
2. What is not ours any more is not closed. Its lock went when it was closed, so nothing is freed.

Not guaranteed: what another thread closes between the look and the use. The look is at every use.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Self


class Identity(NamedTuple):
    """Which file it is."""

    device: int
    number: int


def identity_of(status: os.stat_result) -> Identity:
    """Give which file has this status."""
    return Identity(status.st_dev, status.st_ino)


class Descriptor(int):
    """The number of an open file, and which file that is.

    Attributes:
        identity: the file that was opened.
    """

    identity: Identity

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """Remember what has just been opened; it is closed if that cannot be told.

        Raises:
            OSError: it cannot.
        """
        made = cls(descriptor)
        try:
            made.identity = identity_of(os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return made


def is_ours(descriptor: int) -> bool:
    """Whether a descriptor is still open, and of the file that it was opened for."""
    if not isinstance(descriptor, Descriptor):
        return True
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    # Each change comes by here some twenty times.
    return (status.st_dev, status.st_ino) == descriptor.identity


def check(descriptor: int) -> None:
    """Refuse to use what is not ours any more.

    Raises:
        OSError: it is not.
    """
    if not is_ours(descriptor):
        raise OSError(errno.EBADF, "somebody else in this process has closed our file")


def close(descriptor: int) -> None:
    """Close what is ours, and nothing else.

    Raises:
        OSError: the system says that it could not.
    """
    if is_ours(descriptor):
        os.close(descriptor)


def let_go(descriptor: int) -> None:
    """Close what is ours, whatever the system says of it."""
    with contextlib.suppress(OSError):
        close(descriptor)
