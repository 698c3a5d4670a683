"""What a configuration may contain, as both files say it: ``[policy]`` of a service, and a policy.

Rules this module keeps:

1. Directories for logs are absolute, because they are granted to others. They are resolved once,
   when the service starts; beneath them no link is followed.
2. Of each rule it is known which key decides it, and where that stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from sealwire.errors import ConfigurationError
from sealwire.policy import HANDLER_ARGUMENTS, Destination, Rule, default_rules
from sealwire.policy.counts import MAX_HANDLERS, MAX_LOGGERS
from sealwire.policy.defaults import STANDARD_DESTINATIONS, STANDARD_EXTERNALS
from sealwire.policy.factories import check_attribute, check_factory
from sealwire.settings.tables import Table, list_of, text_of, whole


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What a configuration may contain; `default_rules` says what each of these means."""

    directories: tuple[str, ...] = ()
    handler_classes: tuple[str, ...] = tuple(HANDLER_ARGUMENTS)
    formatter_classes: tuple[str, ...] = ()
    factories: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    externals: tuple[str, ...] = STANDARD_EXTERNALS
    destinations: tuple[Destination, ...] = STANDARD_DESTINATIONS
    extra_fields: tuple[str, ...] = ()
    max_handlers: int = MAX_HANDLERS
    max_loggers: int = MAX_LOGGERS

    def rules(self, path: Path, table: str, *, resolve: bool = True) -> tuple[Rule, ...]:
        """Resolve the directories and make the rules.

        Args:
            path: the file that this stands in.
            table: the table that it stands in.
            resolve: whether directories have to be there, and are resolved.

        Raises:
            ConfigurationError: a directory is not there or cannot be allowed.
        """
        lists = {each.name: getattr(self, each.name) for each in fields(self)}
        if resolve:
            lists["directories"] = [_resolved(each, path, table) for each in self.directories]
        return default_rules(**lists)


NOTHING_SAID = PolicySettings()
"""What is allowed where a file says nothing: the lists of `default_rules`."""


def read_allowed(table: Table) -> PolicySettings:
    """Read the keys of ``table`` that say what a configuration may contain."""
    return PolicySettings(
        **{key: table.need(key, read) for key, read in ALLOWED.items() if key in table.values}
    )


def sources_of(table: Table) -> dict[str, str]:
    """Say for each rule, under its name, where the key that decides it stands."""
    found = {}
    for rule, keys in _DECIDED_BY.items():
        given = [table.source(key) for key in keys if key in table.values]
        found[rule] = " and ".join(given) or f"{table.label}, which does not say {keys[0]}"
    return found


def _resolved(directory: str, path: Path, table: str) -> str:
    try:
        resolved = Path(directory).resolve()
    except (OSError, RuntimeError):
        resolved = None
    if resolved is None or not resolved.is_dir():
        raise ConfigurationError(
            f"{path}: {table}.directories: {directory} is not a directory; make it, or remove it "
            "from the list"
        )
    return str(resolved)


def _directory(value: object) -> str:
    if not Path(text_of(value)).is_absolute():
        raise ValueError("holds a relative path; write the whole path")
    return text_of(value)


def _factory(value: object) -> str:
    return check_factory(text_of(value))


def _attribute(value: object) -> str:
    return check_attribute(text_of(value))


def _destination(value: object) -> Destination:
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list) and [type(part) for part in value] == [str, int]:
        return text_of(value[0]), whole(value[1])
    raise ValueError('holds neither "/path/of/a/socket" nor ["host", port]')


ALLOWED: Final[Mapping[str, Callable[[object], Any]]] = {
    "directories": list_of(_directory),
    "handler_classes": list_of(text_of),
    "formatter_classes": list_of(text_of),
    "factories": list_of(_factory),
    "attributes": list_of(_attribute),
    "externals": list_of(text_of),
    "destinations": list_of(_destination),
    "extra_fields": list_of(text_of),
    "max_handlers": whole,
    "max_loggers": whole,
}

_DECIDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "handler-class": ("handler_classes",),
    "formatter-class": ("formatter_classes",),
    "factory": ("factories",),
    "attribute": ("attributes",),
    "external": ("externals",),
    "file-path": ("directories",),
    "destination": ("destinations",),
    "format-string": ("extra_fields",),
    "count": ("max_handlers", "max_loggers"),
}
