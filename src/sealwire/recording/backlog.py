"""What is to be recorded and is not yet: notes, in their order, and the events that they make.

Rules this module keeps:

1. Nothing is lost that there is room for; what there is none for is counted.
2. A note that cannot be made, or an event that no trail can hold, is a bug of ours, and
   stops no other.
3. What was written of a note is not written again when the next use goes on.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.eventlog import log_bug
from sealwire.recording.notes import Note
from sealwire.recording.sinks import line_of
from sealwire.trail.records import RecordError
from sealwire.trail.seen import Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.recording.keeper import Keeper
    from sealwire.recording.sinks import Line
    from sealwire.trail.events import Event

MAX_WAITING: Final = 1_000
"""Notes kept while the trail cannot be written. Changes are refused then, so they are few."""

MAX_WAITING_BYTES: Final = 8 * 1024 * 1024
"""Of the messages with them; a record names its message by the digest in any case."""


class Backlog:
    """The notes that wait.

    Attributes:
        lost: how many there was no room for, or could not be held by a trail.
        lazy_since_s: since when something that was written may wait for the disk, on the monotonic
            clock; ``None`` where nothing does.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._notes: deque[Note] = deque()
        self.lost = 0
        self.lazy_since_s: float | None = None

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._notes)

    def add(self, note: Note) -> None:
        """Let a note wait, behind all others."""
        if len(self._notes) < MAX_WAITING:
            sealed = note.sealed if self._has_room(note) else None
            self._notes.append(replace(note, ticket=None, sealed=sealed))
        else:
            self.lost += 1

    def add_event(self, event: Event, at: int) -> None:
        """Let an event wait, for which there is room in any case."""
        self._notes.append(Note(giving((event,)), at))

    def _has_room(self, note: Note) -> bool:
        """Whether the message of a note may wait as well."""
        waiting = (each.sealed for each in (note, *self._notes) if each.sealed is not None)
        return sum(len(sealed) for _, sealed in waiting) <= MAX_WAITING_BYTES

    def drain(self, keeper: Keeper, lines: list[Line]) -> bool:
        """Write what waits, as far as the keeper takes it.

        Args:
            keeper: writes a trail.
            lines: what was written is added to them.

        Returns:
            Whether any of it is to be on the disk at once.

        Raises:
            StateError: it cannot be written; what is left waits.
        """
        prompt = False
        while self._notes:
            note = self._notes[0]
            if note.sealed is not None:
                keeper.keep_sealed(*note.sealed)
                note = self._notes[0] = replace(note, sealed=None)
            events = _made(note, keeper.writer.salt)
            for place, event in enumerate(events):
                rest = tuple(events[place:])
                self._notes[0] = replace(note, make=giving(rest))
                if (line := self._append(keeper, event, note.at)) is not None:
                    lines.append(line)
            self._notes.popleft()
            prompt = prompt or note.prompt
            if not note.prompt and self.lazy_since_s is None:
                self.lazy_since_s = time.monotonic()
        return prompt

    def _append(self, keeper: Keeper, event: Event, at: int) -> Line | None:
        try:
            return line_of(keeper.append(event, at))
        except RecordError as error:
            if (brief := _in_brief(event)) is not None:
                return self._append(keeper, brief, at)
            log_bug("an event is none that a trail can hold", error)
            self.lost += 1
            return None


def _made(note: Note, salt: bytes) -> tuple[Event, ...]:
    """Make the events of a note; one that cannot be made is a bug of ours, and stops no other."""
    try:
        return tuple(note.make(salt))
    except Exception as bug:  # noqa: BLE001 - the trail goes on
        log_bug("a record could not be made", bug)
        return ()


def giving(events: tuple[Event, ...]) -> Callable[[bytes], Iterable[Event]]:
    """Give what makes these events, whatever the salt."""
    return lambda _: events


def _in_brief(event: Event) -> Event | None:
    """Give an event without its list of changes, which may be too long; ``None`` if it has none."""
    changes = getattr(event, "changes", None)
    if not isinstance(changes, Changes) or not (changes.loggers or changes.handlers):
        return None
    count = len(changes.loggers) + len(changes.handlers) + changes.left_out
    return replace(event, changes=Changes((), (), count))  # type: ignore[arg-type] # it has
