"""What a configuration may contain, as both files say it: ``[policy]`` of a service, and a policy.

Rules this module keeps:

1. Directories for logs are absolute, because they are granted to others. They are resolved once,
   when the service starts; beneath them no link is followed.
2. Of each rule it is known which key decides it, and where that stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sealwire.policy import Destination
from sealwire.settings.tables import Table, list_of, text_of, whole
from sealwire.settings.values import PolicySettings


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


def _directory(value: object) -> str:
    if not Path(text_of(value)).is_absolute():
        raise ValueError("holds a relative path; write the whole path")
    return text_of(value)


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
    "externals": list_of(text_of),
    "destinations": list_of(_destination),
    "extra_fields": list_of(text_of),
    "max_handlers": whole,
    "max_loggers": whole,
}

_DECIDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "handler-class": ("handler_classes",),
    "formatter-class": ("formatter_classes",),
    "external": ("externals",),
    "file-path": ("directories",),
    "destination": ("destinations",),
    "format-string": ("extra_fields",),
    "count": ("max_handlers", "max_loggers"),
}
