"""How leases lie over a base: while one runs, while another base is put beneath, when one ends.

Rules this module keeps:

1. Pure: what to set is said, and set by whoever holds logging's lock. So no change of somebody
   else's comes between looking and setting, and floors are judged on what is really there.
2. A base is put beneath leases in three steps: `Laying.before` gives back the levels that leases
   hold, the base is put in place, `Laying.after` lays the leases over it. If any of them fails,
   whoever holds the lock puts everything back.
3. A level that somebody else has changed meanwhile stays theirs, unless the new base sets it.
4. Leases end one by one, so each is judged alone over the base as well as with the others. One that
   a new base does not bear ends: it must not keep a base away.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from sealwire.documents.tree import HandlerState, Levels, LoggerState, Tree
from sealwire.drifting import without_leases
from sealwire.errors import PolicyError
from sealwire.leases import Drift, Held, LiveLease, Overlay, Step, step

Judge: TypeAlias = Callable[[Tree, Tree], None]
JudgeLease: TypeAlias = Callable[[Tree, Tree, LiveLease | None], None]


def freely(before: Tree, after: Tree) -> None:
    """Let everything be, as going back does."""


def freely_leased(before: Tree, after: Tree, lease: LiveLease | None) -> None:
    """Let every lease be."""


class Laying:
    """Puts a base beneath the leases that are running.

    Attributes:
        base: the base that was, once `before` was asked.
        overlay: the leases that run, and what they hold, once `after` was asked.
        ended: the leases that the new base does not bear.
    """

    def __init__(
        self, overlay: Overlay, judge: Judge = freely, judge_lease: JudgeLease = freely_leased
    ) -> None:
        """Begin with what is in force.

        Args:
            overlay: the leases, and what they hold.
            judge: is given the base that was and the one that is to be, and raises where that may
                not be; by default everything may.
            judge_lease: the same for the base that is to be, and that with one lease over it, or
                with ``None`` for all of them.
        """
        self._judge, self._judge_lease = judge, judge_lease
        self._live = Tree()
        self.base = Tree()
        self.overlay = overlay
        self.ended: tuple[LiveLease, ...] = ()

    def before(self, live: Tree) -> Levels:
        """Say what gives the base that is."""
        self._live, self.base = live, without_leases(live, self.overlay)
        return differences(live, self.base)

    def after(self, base: Tree) -> Levels:
        """Say what lays the leases over the base that is to be.

        Raises:
            RefusedError: as ``judge`` says.
        """
        self._judge(self.base, base)
        running = self.overlay.leases
        leases = tuple(each for each in running if self._bears(base, (each,), each))
        if not self._bears(base, leases, None):
            leases = ()
        self.ended = self.overlay.without(*leases)
        taken = over(base, leases)
        live, held = self._live, self.overlay
        loggers = _others(held.loggers, _levels(live.loggers), _levels(base.loggers))
        handlers = _others(held.handlers, _levels(live.handlers), _levels(base.handlers))
        self.overlay = taken.overlay
        return Levels(_but(taken.loggers, loggers), _but(taken.handlers, handlers))

    def _bears(self, base: Tree, leases: tuple[LiveLease, ...], one: LiveLease | None) -> bool:
        try:
            self._judge_lease(base, laid(base, leases), one)
        except PolicyError:
            return False
        return True


class Relaying:
    """Exchanges leases for others, over one base.

    Attributes:
        overlay: the leases that run then.
        drift: what somebody else had changed.
        live: the tree as it was, once `levels` was asked.
    """

    def __init__(
        self, overlay: Overlay, leases: tuple[LiveLease, ...], judge: Judge = freely
    ) -> None:
        """Begin with what is in force, and what is to be; ``judge`` as for `Laying`."""
        self._before = overlay
        self._leases = leases
        self._judge = judge
        self.overlay = overlay
        self.drift: tuple[Drift, ...] = ()
        self.live = Tree()

    def levels(self, live: Tree) -> Levels:
        """Say what to set.

        Raises:
            RefusedError: as ``judge`` says.
        """
        self.live = live
        taken = step(
            self._before,
            tuple(map(self._without_strangers, self._leases)),
            {logger.name: logger.level for logger in live.loggers},
            {handler.key: handler.level for handler in live.handlers},
        )
        levels = Levels(taken.loggers, taken.handlers)
        base = without_leases(live, self._before)
        for new in self._leases[len(self._before.leases) :]:
            self._judge(base, laid(base, (new,)))
        self._judge(base, live.leveled(*levels))
        self.overlay = replace(taken.overlay, leases=self._leases)
        self.drift = taken.drift
        return levels

    def _without_strangers(self, lease: LiveLease) -> LiveLease:
        """Leave out handlers that went away beneath the lease: another may have the name since."""
        if lease not in self._before.leases:
            return lease
        held = self._before.handlers
        return lease._replace(handlers=tuple(each for each in lease.handlers if each[0] in held))


def over(base: Tree, leases: tuple[LiveLease, ...]) -> Step:
    """Lay leases over a base that holds none; handlers that it has not are left out."""
    taken = step(
        Overlay(),
        leases,
        {logger.name: logger.level for logger in base.loggers},
        {handler.key: handler.level for handler in base.handlers},
    )
    held = {key: each for key, each in taken.overlay.handlers.items() if key in taken.handlers}
    return taken._replace(overlay=Overlay(leases, taken.overlay.loggers, held))


def laid(base: Tree, leases: tuple[LiveLease, ...]) -> Tree:
    """Give a base that holds no leases with these over it."""
    taken = over(base, leases)
    return base.leveled(taken.loggers, taken.handlers)


def _others(held: Mapping[str, Held], was: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """Name the levels that somebody else has set over a lease, and the new base leaves."""
    return {
        name
        for name, each in held.items()
        if name in was and each.put != was[name] == now.get(name)
    }


def _but(levels: Mapping[str, int], others: Container[str]) -> dict[str, int]:
    return {name: level for name, level in levels.items() if name not in others}


def _levels(states: Iterable[LoggerState] | Iterable[HandlerState]) -> dict[str, int]:
    return {each[0]: each.level for each in states}  # by the name or the key


def differences(live: Tree, wanted: Tree) -> Levels:
    """Give the levels of ``wanted`` that are others in ``live``; both have the same members."""
    loggers, handlers = live.by_name(), live.by_key()
    return Levels(
        {
            logger.name: logger.level
            for logger in wanted.loggers
            if logger.level != loggers[logger.name].level
        },
        {
            handler.key: handler.level
            for handler in wanted.handlers
            if handler.level != handlers[handler.key].level
        },
    )
