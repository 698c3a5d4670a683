"""Reading a policy from its TOML file.

Rules this module keeps:

1. Whoever can write this file decides what messages may do, so it is read as key files are.
2. Exactly the keys listed here, of exactly these types. A floor with a misspelt key would protect
   nothing, and nobody would know until it is needed.
3. Of every part the policy knows the line, so that a refusal can name it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from sealwire.documents import FormatterState
from sealwire.documents.formats import STYLES
from sealwire.keyfiles import StrPath
from sealwire.policy import (
    MAX_LEASE_S,
    MAX_NEW_LOGGERS,
    MIN_FREE_PERCENT,
    Ceiling,
    Floors,
    HandlerFloor,
    LeaseLimits,
    LoggerFloor,
    Policy,
    Quorum,
    Role,
)
from sealwire.policy.loggers import ROOT_PATTERN
from sealwire.policy.secretive import INFO, SECRETIVE
from sealwire.settings.allow import ALLOWED, PolicySettings, read_allowed, sources_of
from sealwire.settings.policy_values import (
    ROLE,
    read_argument,
    read_class,
    read_level,
    read_logger,
    read_pattern,
    read_style,
    read_verb,
    without_format,
)
from sealwire.settings.reading import parse_service, read_settings
from sealwire.settings.tables import (
    Table,
    duration_s,
    flag,
    list_of,
    parse_toml,
    percent,
    text_of,
    whole,
)

T = TypeVar("T")

_TABLES: Final = (
    *("lock", "announce", "max_new_loggers", "quorum"),
    *("allow", "lease", "floors", "ceilings", "roles"),
)
_MISSING: Final = "write one with: sealwire policy init FILE"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy as its file says it; no directory has been looked at.

    Attributes:
        path: the file, absolute.
        allow: what a configuration may contain.
        policy: the rest, without rules.
        table: the table in which ``allow`` stands.
    """

    path: Path
    allow: PolicySettings
    policy: Policy
    table: str = "allow"

    def make_policy(self, *, resolve: bool = True) -> Policy:
        """Resolve the directories, and make the policy.

        Args:
            resolve: whether the directories have to be there; a service needs that, and whoever
                tries a policy on another machine cannot have it.

        Raises:
            ConfigurationError: a directory is not there or cannot be allowed.
        """
        floors = self.policy.floors
        resolved = tuple(replace(each, aliases=_aliases(each.target)) for each in floors.handlers)
        return replace(
            self.policy,
            rules=self.allow.rules(self.path, self.table, resolve=resolve),
            floors=replace(floors, handlers=resolved),
        )


def load_policy_file(path: StrPath) -> PolicyFile:
    """Read a policy.

    Raises:
        ConfigurationError: the file is missing, too open or another user's, or it is not exactly
            a policy; the text names file, line where known, and what to do.
    """
    return parse_policy(*read_settings(path, _MISSING))


def load_any_policy(path: StrPath) -> PolicyFile:
    """Read a policy, or the settings of a service for the policy that they say or name.

    Raises:
        ConfigurationError: as `load_policy_file` and `load_service_settings`.
    """
    absolute, text = read_settings(path, _MISSING)
    if "audience" not in parse_toml(absolute, text).values:
        return parse_policy(absolute, text)
    settings = parse_service(absolute, text)
    if settings.policy_file is not None:
        return load_policy_file(settings.policy_file)
    policy = Policy((), sources=settings.policy_sources)
    return PolicyFile(absolute, settings.policy, policy, "policy")


def parse_policy(path: Path, text: str) -> PolicyFile:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_policy_file`."""
    top = parse_toml(path, text).limited_to(*_TABLES)
    allow = top.table("allow").limited_to(*ALLOWED)
    floors = top.table("floors").limited_to("loggers", "handlers")
    ceilings = top.table("ceilings")
    policy = top.make(
        Policy,
        rules=(),
        floors=top.make(
            Floors,
            loggers=tuple(
                _logger_floor(name, floors.table("loggers", name))
                for name in floors.table("loggers").values
            ),
            handlers=tuple(
                _handler_floor(key, floors.table("handlers", key))
                for key in floors.table("handlers").values
            ),
        ),
        ceilings=tuple(
            Ceiling(
                _named(ceilings, key, read_pattern),
                ceilings.need(key, read_level),
                _at(ceilings, key),
            )
            for key in ceilings.values
        ),
        roles=tuple(_role(name, top.table("roles", name)) for name in top.table("roles").values),
        leases=_leases(top.table("lease")),
        lock=top.take("lock", flag, default=False),
        announce=top.take("announce", flag, default=True),
        max_new_loggers=top.take("max_new_loggers", whole, default=MAX_NEW_LOGGERS),
        quorum=top.take("quorum", _quorum, default=Quorum.ALL),
        sources={**top.sources(), **sources_of(allow)},
    )
    return PolicyFile(path, read_allowed(allow), policy)


def _quorum(value: object) -> Quorum:
    try:
        return Quorum(value)
    except ValueError:
        raise ValueError('is none of "all", "majority", "any"') from None


def _logger_floor(name: str, table: Table) -> LoggerFloor:
    table.limited_to("level", "handlers", "propagate")
    return table.make(
        LoggerFloor,
        logger="" if name == ROOT_PATTERN else _named(table, name, read_logger),
        level=table.need("level", read_level),
        handlers=table.need("handlers", list_of(text_of)),
        propagate=table.take("propagate", flag, default=None),
        sources=table.sources(),
    )


def _handler_floor(key: str, table: Table) -> HandlerFloor:
    table.limited_to(
        "class", "target", "level", "format", "datefmt", "style", "formatter_class", "arguments"
    )
    formatter = None
    if "format" in table.values:
        formatter = FormatterState(
            class_name=table.take("formatter_class", read_class, default="logging.Formatter"),
            format=table.need("format", text_of),
            datefmt=table.take("datefmt", text_of, default=None),
            style=table.take("style", read_style, default=STYLES[0]),
        )
    else:
        for part in ("datefmt", "style", "formatter_class"):
            table.take(part, without_format, default=None)
    arguments = table.table("arguments")
    return table.make(
        HandlerFloor,
        key=key,
        class_name=table.take("class", read_class, default=None),
        target=table.take("target", text_of, default=None),
        level=table.take("level", read_level, default=None),
        formatter=formatter,
        arguments={name: arguments.need(name, read_argument) for name in arguments.values},
        sources=table.sources(),
    )


def _role(name: str, table: Table) -> Role:
    table.limited_to(*ROLE)
    given = {ROLE[key][0]: table.need(key, ROLE[key][1]) for key in table.values if key in ROLE}
    for key, read in (("require_why", list_of(text_of)), ("threshold", whole)):
        values = table.table(key)
        given[key] = {
            _named(values, verb, read_verb): values.need(verb, read) for verb in values.values
        }
    if "issuers" not in given:
        table.need("issuers", text_of)
    return table.make(Role, name=name, **given, sources=table.sources())


def _leases(table: Table) -> LeaseLimits:
    table.limited_to("longest", "secretive", "min_free_percent")
    more = table.take("secretive", list_of(read_logger), default=())
    return LeaseLimits(
        max_s=table.take("longest", duration_s, default=MAX_LEASE_S),
        secretive={**SECRETIVE, **dict.fromkeys(more, INFO)},
        min_free_percent=table.take("min_free_percent", percent, default=MIN_FREE_PERCENT),
        sources=table.sources(),
    )


def _at(table: Table, key: str) -> dict[str, str]:
    return {"": table.source(key)}


def _named(table: Table, key: str, read: Callable[[object], T]) -> T:
    """Read a key itself, as ``read`` reads a value."""
    return table.holding({key: key}).need(key, read)


def _aliases(target: str | None) -> tuple[str, ...]:
    """Give the path of a file without the links on its way, if that is another one."""
    if target is None or not Path(target).is_absolute():
        return ()
    try:
        resolved = str(Path(target).parent.resolve() / Path(target).name)
    except (OSError, RuntimeError):
        return ()
    return (resolved,) if resolved != target else ()
