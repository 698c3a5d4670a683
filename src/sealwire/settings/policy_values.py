"""What one value of a policy may be: our type or a ``ValueError``, as in `tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sealwire.documents import Argument
from sealwire.documents.formats import STYLES, Style
from sealwire.documents.reading import LEVELS, MAX_LEVEL, did_you_mean, is_dotted_name
from sealwire.errors import shorten
from sealwire.keys import check_name
from sealwire.policy import ANYBODY, Direction, Loggers
from sealwire.policy.loggers import check_name as check_logger
from sealwire.policy.loggers import check_pattern
from sealwire.requests import ASKED, Verb
from sealwire.settings.tables import duration_s, list_of, text_of, whole

_EVERYTHING: Final = "*"


def read_level(value: object) -> int:
    """Take ``value`` as a level, by name or number."""
    if isinstance(value, str):
        if value not in LEVELS:
            raise ValueError(f"is no level{did_you_mean(value, LEVELS)}")
        return LEVELS[value]
    if (level := whole(value)) > MAX_LEVEL:
        raise ValueError(f"is a level over {MAX_LEVEL}")
    return level


def read_pattern(value: object) -> str:
    """Take ``value`` as a pattern of loggers."""
    return check_pattern(text_of(value))


def read_logger(value: object) -> str:
    """Take ``value`` as the name of one logger."""
    return check_logger(text_of(value))


def read_verb(value: object) -> Verb:
    """Take ``value`` as what a request may ask for."""
    known = [verb.value for verb in Verb if verb in ASKED]
    if value not in known:
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        raise ValueError(f"holds {shorten(value)}, which is none of {', '.join(known)}{near}")
    return Verb(value)


def read_issuer(value: object) -> str:
    """Take ``value`` as the owner of a key, or as everybody else."""
    return ANYBODY if value == ANYBODY else check_name(text_of(value), "issuer")


def read_class(value: object) -> str:
    """Take ``value`` as the dotted name of a class."""
    if not is_dotted_name(text_of(value)):
        raise ValueError("is not the dotted name of a class")
    return text_of(value)


def read_style(value: object) -> Style:
    """Take ``value`` as the style of a format."""
    for style in STYLES:
        if value == style:
            return style
    raise ValueError(f"is none of {' '.join(STYLES)}")


def without_format(_: object) -> None:
    """Refuse what belongs to a format where there is none."""
    raise ValueError("says nothing without format; add a line: format = …")


def read_argument(value: object) -> Argument:
    """Take ``value`` as an argument of a handler."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return tuple(value)
    raise ValueError("is no text, number, true, false or list of these")


def read_direction(value: object) -> Direction:
    """Take ``value`` as where leases may go."""
    if value not in [each.value for each in Direction]:
        raise ValueError('is neither "louder" nor "both"')
    return Direction(value)


def read_through(value: object) -> frozenset[str] | None:
    """Take ``value`` as handlers that a lease may lower; ``None`` is all of them."""
    keys = list_of(text_of)(value)
    return None if _EVERYTHING in keys else frozenset(keys)


ROLE: Final[Mapping[str, tuple[str, Callable[[object], Any]]]] = {
    "issuers": ("issuers", lambda value: frozenset(list_of(read_issuer)(value))),
    "verbs": ("verbs", lambda value: frozenset(list_of(read_verb)(value))),
    "loggers": ("loggers", lambda value: Loggers(list_of(read_pattern)(value))),
    "levels": ("levels", lambda value: frozenset(list_of(read_level)(value))),
    "through": ("through", read_through),
    "max_lease": ("max_lease_s", duration_s),
    "direction": ("direction", read_direction),
    "require_why": ("require_why", lambda value: value),
    "threshold": ("threshold", lambda value: value),
}
"""The keys of a role: the attribute of `Role`, and what a value may be."""
