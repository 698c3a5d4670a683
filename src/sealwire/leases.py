"""Leases: levels for a time, laid over a base that they never edit. Pure data, no clock.

Rules this module keeps:

1. Of several leases of one logger the newest is in force; when it ends the newest of the others is,
   and after the last one the level that was found when the first began.
2. A level is written back only where the live one is still what a lease set. Whoever changed it
   meanwhile meant it; it is left as it is and told as drift.
3. A lease ends on a clock that nobody can set. Its wall-clock end is for people to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sealwire.requests import Lease
    from sealwire.stages import Evidence


class LiveLease(NamedTuple):
    """A lease that is running.

    Attributes:
        id: the request that began it.
        issuer: who asked.
        why: the reason, or ``""``.
        loggers: levels by logger name, sorted.
        handlers: levels of the handlers it goes through, by their key in the tree, sorted.
        ends_ms: its end on the clock of `sealwire.clock.boot_ms`.
        ends_wall_ms: its end, milliseconds since the epoch, as the request's claims say it.
        request: what was asked for, to be judged again when the base changes beneath it.
        signers: all who signed it, where several did; empty where it was the issuer alone.
    """

    id: str
    issuer: str
    why: str
    loggers: tuple[tuple[str, int], ...]
    handlers: tuple[tuple[str, int], ...]
    ends_ms: int
    ends_wall_ms: int
    request: Lease | None = None
    signers: tuple[Evidence, ...] = ()


class Held(NamedTuple):
    """A level that leases hold: what it was, and what they set."""

    found: int
    put: int


class Drift(NamedTuple):
    """Something that is not as a change of ours left it.

    Attributes:
        where: the place, such as ``loggers.payments.db.level``.
        expected: what we left there.
        found: what is there.
    """

    where: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """The leases of a process and the levels they hold.

    Attributes:
        leases: those that are running, oldest first.
        loggers: what they hold, by logger name.
        handlers: what they hold, by the handler's key.
    """

    leases: tuple[LiveLease, ...] = ()
    loggers: Mapping[str, Held] = field(default_factory=dict)
    handlers: Mapping[str, Held] = field(default_factory=dict)

    def ended(self, now_ms: int) -> tuple[LiveLease, ...]:
        """Give the leases whose time is over at ``now_ms`` on the clock of their ends."""
        return tuple(lease for lease in self.leases if lease.ends_ms <= now_ms)

    def next_end_ms(self) -> int | None:
        """Give when the next lease ends, ``None`` where there is none."""
        return min((lease.ends_ms for lease in self.leases), default=None)

    def without(self, *ended: LiveLease) -> tuple[LiveLease, ...]:
        """Give the leases that are left when ``ended`` are over."""
        return tuple(lease for lease in self.leases if lease not in ended)


class Step(NamedTuple):
    """How to get from one overlay to another.

    Attributes:
        overlay: what is in force then.
        loggers: levels to set, by logger name.
        handlers: levels to set, by the handler's key.
        drift: what somebody else had changed.
    """

    overlay: Overlay
    loggers: dict[str, int]
    handlers: dict[str, int]
    drift: tuple[Drift, ...]


def step(
    overlay: Overlay,
    leases: tuple[LiveLease, ...],
    live_loggers: Mapping[str, int],
    live_handlers: Mapping[str, int],
) -> Step:
    """Say what to set so that ``leases`` are in force instead of those of ``overlay``.

    Args:
        overlay: what is in force.
        leases: the leases that are to be, oldest first.
        live_loggers: the levels that loggers have now; one that is not there has 0.
        live_handlers: the levels that handlers have now; one that is not there is gone.
    """
    wanted_loggers: dict[str, int] = {}
    wanted_handlers: dict[str, int] = {}
    for lease in leases:
        wanted_loggers.update(lease.loggers)
        for key, level in lease.handlers:
            # A handler serves many loggers, so it passes what the loudest lease needs.
            wanted_handlers[key] = min(level, wanted_handlers.get(key, level))
    for key, level in wanted_handlers.items():
        held = overlay.handlers.get(key)
        # A base that came beneath may have it lower by itself, and a lease raises no handler.
        found = live_handlers.get(key, level) if held is None else held.found
        wanted_handlers[key] = min(level, found)
    gone = {key: 0 for key in overlay.handlers if key not in live_handlers}
    loggers = _part("loggers", overlay.loggers, wanted_loggers, live_loggers)
    handlers = _part("handlers", overlay.handlers, wanted_handlers, {**live_handlers, **gone})
    there = {key: level for key, level in handlers.levels.items() if key in live_handlers}
    return Step(
        Overlay(leases, loggers.held, handlers.held),
        loggers.levels,
        there,
        (*loggers.drift, *handlers.drift),
    )


class _Part(NamedTuple):
    held: dict[str, Held]
    levels: dict[str, int]
    drift: tuple[Drift, ...]


def _part(
    section: str, held: Mapping[str, Held], wanted: Mapping[str, int], live: Mapping[str, int]
) -> _Part:
    after: dict[str, Held] = {}
    levels: dict[str, int] = {}
    drift: list[Drift] = []
    for name in sorted({*held, *wanted}):
        level = live.get(name, 0)
        before = held.get(name)
        if before is not None and level != before.put:
            place = f"{section}.{name or 'root'}.level"
            drift.append(Drift(place, str(before.put), str(level)))
        if name in wanted:
            found = level if before is None else before.found
            # What somebody else changed stays, until a lease asks for another level.
            changed = before is None or before.put != wanted[name]
            after[name] = Held(found, wanted[name])
            if changed:
                levels[name] = wanted[name]
        elif before is not None and level == before.put:
            levels[name] = before.found
    return _Part(after, levels, tuple(drift))
