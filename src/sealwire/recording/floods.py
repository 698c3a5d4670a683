"""Refusals of one peer for one reason: the first at once, the others of its minute as one record.

Rules this module keeps:

1. The first one is a record of its own, so that a single refusal stands there at once and a process
   that is killed takes no more than a minute's count with it.
2. A peer is whoever connected, without process and port, which are others each time. What was
   sealed with another key is of another kind, so that junk hides nothing that was tried with one.
3. There are at most `MAX_KINDS` at a time; what is beyond is one kind of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from sealwire.recording.turning import kind_of_peer, who_of

if TYPE_CHECKING:
    from sealwire.errors import Reason
    from sealwire.events import Decision

MINUTE_MS: Final = 60_000
MAX_KINDS: Final = 256
"""Kinds of refusals that are told apart within a minute; each costs two records a minute."""

OTHERS: Final = "others"

_Kind: TypeAlias = "tuple[str, str | None, Reason | None]"


@dataclass(frozen=True, slots=True)
class Flood:
    """Refusals alike.

    Attributes:
        decision: the first of them.
        peer: who, as `kind_of_peer` gives it.
        first: when the first was, milliseconds since the epoch.
        last: when the last was.
        count: how many.
    """

    decision: Decision
    peer: str
    first: int
    last: int
    count: int = 1


class Floods:
    """Counts refusals, and gives what is due to be recorded."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ends_ms: dict[_Kind, int] = {}
        self._waiting: dict[_Kind, Flood] = {}

    @property
    def owes(self) -> bool:
        """Whether there is something that `due` has to give within the minute."""
        return bool(self._waiting)

    def take(self, decision: Decision, peer: str, at: int, mono_ms: int) -> Flood | None:
        """Take one refusal; give it if it is to be recorded now.

        Args:
            decision: the refusal.
            peer: who was connected.
            at: the time, milliseconds since the epoch.
            mono_ms: monotonic time.
        """
        who = None if decision.opened is None else who_of(decision.opened)
        key: _Kind = (kind_of_peer(peer), None if who is None else who.key, decision.reason)
        if key not in self._ends_ms and len(self._ends_ms) >= MAX_KINDS:
            key = (OTHERS, None, decision.reason)
        if key not in self._ends_ms:
            self._ends_ms[key] = mono_ms + MINUTE_MS
            return Flood(decision, key[0], at, at)
        known = self._waiting.get(key)
        if known is None:
            self._waiting[key] = Flood(decision, key[0], at, at)
        else:
            self._waiting[key] = replace(known, last=at, count=known.count + 1)
        return None

    def due(self, mono_ms: int, *, everything: bool = False) -> tuple[Flood, ...]:
        """Give the refusals whose minute is over, or all of them."""
        over = [key for key, ends_ms in self._ends_ms.items() if everything or ends_ms <= mono_ms]
        for key in over:
            del self._ends_ms[key]
        return tuple(self._waiting.pop(key) for key in over if key in self._waiting)
