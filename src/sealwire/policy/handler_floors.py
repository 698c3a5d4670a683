"""Protected handlers: what they are, where and how they write, and that nobody else writes there.

Rules this module keeps:

1. What the host writes down about a handler is what it has to be. What it does not write down has
   to stay as it was.
2. A request may define a protected handler anew only where the host says of which class it is,
   where it writes, and with which arguments. Otherwise it leaves it out, and it stays.
3. A handler that a logger had, and that no logger has any more, is gone, wherever it may still be.
4. A file that a protected handler writes has one writer: a second handler on it, or on what
   rotation makes of its name, could rename and delete what was kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sealwire.documents.plan import Argument, HandlerPlan
from sealwire.documents.reading import place
from sealwire.documents.tree import NOTSET, FormatterState, HandlerState
from sealwire.errors import shorten
from sealwire.policy.destinations import SYSLOG_HANDLER
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.seen import Seen

# Arguments that say where a handler writes: these show in the tree, and are judged there. A mode
# can only be "a" (see `HandlerArguments`), and a delay ends with the first record.
_SHOWN = frozenset({"address", "delay", "filename", "mode", "stream"})

RULE = "floor-handler"


@dataclass(frozen=True, slots=True)
class HandlerFloor:
    """A protected handler; what is ``None`` has to stay as it was.

    Attributes:
        key: its name, or what status prints for one without a name.
        class_name: the dotted name of its class.
        target: where it writes, as status prints it.
        level: the highest level that it may have.
        formatter: how it writes.
        arguments: besides its target, those that a request has to give it where it defines it anew.
        aliases: other ways to write the path of ``target``.
        sources: where each of these is written.
    """

    key: str
    class_name: str | None = None
    target: str | None = None
    level: int | None = None
    formatter: FormatterState | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    sources: Sources = field(default_factory=dict)

    def defined(self, plan: HandlerPlan) -> Iterator[Objection]:
        """Object to a definition in a request that is not the one the host has written down."""
        if self.class_name is None or self.target is None:
            detail = "is protected, and the policy does not say how to define it; leave it out"
            yield self._objection("", detail, "")
            return
        if plan.class_name != self.class_name:
            found = plan.class_name or f"made by {plan.factory}"
            detail = f"is {shorten(found)}, and has to be {self.class_name}"
            yield self._objection("class", detail, "class")
        # Neither shows in a tree, and no policy can write down what they have to be.
        if plan.queue is not None:
            yield self._objection("queue", "a protected handler has no queue in between", "class")
        for name, _ in plan.attributes:
            yield self._objection(name, "no attribute of a protected handler is set", "")
        given = {key: value for key, value in plan.arguments if key not in _SHOWN}
        for key in sorted(given.keys() | self.arguments.keys()):
            if key not in given:
                yield self._objection(key, "is missing; the policy asks for it", "arguments")
            elif key not in self.arguments:
                detail = "is no argument that the policy lists for this protected handler"
                yield self._objection(key, detail, "arguments")
            elif not _same(given[key], self.arguments[key]):
                yield self._objection(key, "is not what the policy asks for", "arguments")

    def judge(self, was: Seen, now: Seen) -> Iterator[Objection]:
        """Object to a handler that is gone, or that keeps less than it did and has to."""
        before, after = was.handlers.get(self.key), now.handlers.get(self.key)
        if after is None:
            if before is not None:
                yield self._objection("", "is protected, and would be gone", "")
            return
        if self.key in was.attached and self.key not in now.attached:
            yield self._objection("", "is protected, and no logger would have it any more", "")
        if before is None:
            if self.class_name is None or self.target is None:
                yield self._objection("", "is protected, and was not there to compare with", "")
                return
            # What there is nothing to compare with has to be what is written down.
            before = HandlerState(
                self.key,
                self.class_name,
                target=self.target,
                formatter=self.formatter or after.formatter,
            )
        yield from self._changes(before, after)

    def _changes(self, before: HandlerState, after: HandlerState) -> Iterator[Objection]:
        highest = max(before.level, NOTSET if self.level is None else self.level)
        if after.level > highest:
            where = place("handlers", self.key, "level")
            detail = f"would be {after.level}; {highest} is the highest allowed"
            yield Objection("floor-level", where, detail, source_of(self.sources, "level"))
        if after.filters != before.filters:
            where = place("handlers", self.key, "filters")
            detail = "the filters of a protected handler stay as they are"
            yield Objection("floor-filters", where, detail, source_of(self.sources, ""))
        if after.class_name not in {before.class_name, self.class_name}:
            yield self._objection("class", f"would be {after.class_name}", "class")
        if after.target not in {before.target, self.target}:
            yield self._objection("target", f"would write to {shorten(after.target)}", "target")
        # None is a formatter too: the one of logging, which writes the bare message.
        wanted = before.formatter if self.formatter is None else self.formatter
        if after.formatter not in {before.formatter, wanted}:
            yield self._objection("formatter", "would write records in another way", "format")
        if (after.named, after.foreign) != (before.named, before.foreign):
            yield self._objection("", "would be another handler under this name", "")

    def neighbours(self, was: Seen, now: Seen) -> Iterator[Objection]:
        """Object to another handler that writes, renames or deletes this one's file."""
        own = now.handlers.get(self.key)
        files = {self.target, *self.aliases, own.target if own else None} - {None, ""}
        for key, other in now.handlers.items():
            old = was.handlers.get(key)
            there = old is not None and (old.class_name, old.target) == (
                other.class_name,
                other.target,
            )
            # Many may send to one socket of syslog.
            if key == self.key or there or other.class_name == SYSLOG_HANDLER:
                continue
            if any(share_file(other.target, str(file)) for file in files):
                where = place("handlers", key)
                detail = f"would write to the file of the protected handler {shorten(self.key)}"
                yield Objection("floor-file", where, detail, source_of(self.sources, "target"))

    def _objection(self, step: str, detail: str, key: str) -> Objection:
        where = place("handlers", self.key, *((step,) if step else ()))
        return Objection(RULE, where, detail, source_of(self.sources, key))


def _same(one: Argument, other: Argument) -> bool:
    return type(one) is type(other) and one == other


def share_file(one: str, other: str) -> bool:
    """Whether two targets are one file, or one is what rotation makes of the other's name."""
    if "/" not in one and "\\" not in one:
        return False
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
