"""What a policy allows, in words: one line each, with the line of the file that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.documents.reading import LEVELS
from sealwire.policy.loggers import written
from sealwire.policy.objection import source_of
from sealwire.policy.roles import ANYBODY, EVERYBODY
from sealwire.requests import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealwire.policy import HandlerFloor, LoggerFloor, Role
    from sealwire.settings import PolicyFile

_NAMES: Final = {number: name for name, number in LEVELS.items() if name not in {"FATAL", "WARN"}}


class Line(NamedTuple):
    """One thing that a policy says: which part says it, what, and where."""

    part: str
    text: str
    source: str = ""


def explain_policy(read: PolicyFile) -> Iterator[Line]:
    """Give everything that a policy says, whether it is written there or the default."""
    policy = read.policy
    if policy.lock:
        text = "every change is refused until the service starts again"
        yield Line("lock", text, source_of(policy.sources, "lock"))
    yield from _allowed(read)
    text = f"{policy.max_new_loggers} loggers made for requests at most, while the process runs"
    yield Line("allow", text, policy.sources.get("max_new_loggers", ""))
    for floor in policy.floors.loggers:
        yield _logger_floor(floor)
    for handler in policy.floors.kept().values():
        yield _handler_floor(handler)
    for ceiling in policy.ceilings:
        text = f"{ceiling.pattern} is never below {_level(ceiling.level)}"
        yield Line("ceiling", text, source_of(ceiling.sources, ""))
    limits = policy.leases
    yield Line("lease", f"for {_time(limits.max_s)} at most", limits.sources.get("longest", ""))
    yield Line(
        "lease",
        f"not to a level at which secrets are written: {_list(limits.secretive)}",
        limits.sources.get("secretive", ""),
    )
    for role in policy.roles or (EVERYBODY,):
        for text, key in _role(role):
            yield Line(f"role {role.name}", text, source_of(role.sources, key))


def role_in_words(role: Role, longest_s: int) -> Iterator[Line]:
    """Say what one role may do, and where that is written; ``longest_s`` is its longest lease."""
    for text, key in _role(role):
        if key != "issuers":
            yield Line(role.name, text, source_of(role.sources, key))
    if Verb.LEASE in role.verbs and role.max_lease_s is None:
        yield Line(role.name, f"leases for {_time(longest_s)} at most")


def _allowed(read: PolicyFile) -> Iterator[Line]:
    allow, sources = read.allow, read.policy.sources
    destinations = [
        each if isinstance(each, str) else ":".join(map(str, each)) for each in allow.destinations
    ]
    for rule, what, names in (
        ("file-path", "files beneath", allow.directories),
        ("handler-class", "handlers", allow.handler_classes),
        ("formatter-class", "formatters besides logging.Formatter", allow.formatter_classes),
        ("factory", "factories, with any arguments", allow.factories),
        ("attribute", "attributes set", allow.attributes),
        ("external", "ext://", allow.externals),
        ("destination", "records sent to", destinations),
        ("format-string", "fields besides those of every record", allow.extra_fields),
    ):
        yield Line("allow", f"{what}: {_list(names)}", sources.get(rule, ""))
    text = f"{allow.max_handlers} handlers and {allow.max_loggers} loggers at most"
    yield Line("allow", text, sources.get("count", ""))


def _logger_floor(floor: LoggerFloor) -> Line:
    stays = "stays as it is" if floor.propagate is None else f"is {str(floor.propagate).lower()}"
    text = (
        f"{written(floor.logger)} and what is beneath it: records from {_level(floor.level)} on "
        f"reach {_list(floor.handlers)}; propagate {stays}"
    )
    return Line("floor", text, source_of(floor.sources, ""))


def _handler_floor(floor: HandlerFloor) -> Line:
    known = [
        f"is {floor.class_name}" if floor.class_name else "",
        f"writes to {floor.target}" if floor.target else "",
        "" if floor.level is None else f"has level {_level(floor.level)} at most",
        f"formats with {floor.formatter.format!r}" if floor.formatter else "",
    ]
    told = ", ".join(each for each in known if each)
    rest = "the rest stays as it is" if told else "stays as it is"
    return Line(
        "floor",
        f"handler {floor.key} {told}{'; ' * bool(told)}{rest}",
        source_of(floor.sources, ""),
    )


def _role(role: Role) -> Iterator[tuple[str, str]]:
    who = "everybody else" if ANYBODY in role.issuers else _list(role.issuers)
    yield f"is that of {'everybody' if role is EVERYBODY else who}", "issuers"
    yield f"may {_list(verb.value for verb in role.verbs)}", "verbs"
    yield f"for loggers: {role.loggers}", "loggers"
    if role.levels is not None:
        yield f"to levels: {', '.join(map(_level, sorted(role.levels)))}", "levels"
    if Verb.LEASE in role.verbs:
        louder = "louder than the base alone" if role.direction.value == "louder" else "both ways"
        yield f"leases {louder}", "direction"
        lowers = "any handler" if role.through is None else _list(role.through)
        yield f"leases lower: {lowers}", "through"
        if role.max_lease_s is not None:
            yield f"leases for {_time(role.max_lease_s)} at most", "max_lease"
    for verb, prefixes in sorted(role.require_why.items(), key=lambda each: each[0].value):
        begins = f" that begins with {' or '.join(prefixes)}" if prefixes else ""
        yield f"{verb.value} with a reason{begins}", "require_why"
    for verb, number in sorted(role.threshold.items(), key=lambda each: each[0].value):
        yield f"{verb.value} with the signatures of {number} owners", "threshold"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _level(level: int) -> str:
    return _NAMES.get(level, str(level))


def _time(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
