"""Who is at the other end of a connection, as far as the system says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A peer before it has sent a byte.

    Attributes:
        name: who it is, for a log line; evidence of nothing.
        may_connect: whether it is listened to at all.
        owner: its name in records, if the system says that it owns this process (`localdoor`).
    """

    name: str
    may_connect: bool
    owner: str = ""
