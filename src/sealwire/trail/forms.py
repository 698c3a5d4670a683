"""How the values of a record are written in JSON and read back, each in one way.

Rules this module keeps:

1. A form writes what it would read, and reads what it would have written; anything else is a
   `ValueError`, on the way in as on the way out. So nothing gets into a trail that nobody can read.
2. Every text, every list and every number has a limit.
3. Times are RFC 3339 in UTC with milliseconds. Two spellings of one time are two records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_type_hints

from sealwire.documents import JsonValue

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable

T = TypeVar("T")
E = TypeVar("E", bound="enum.Enum")

MAX_TEXT_CHARS: Final = 512
"""The longest name or sentence. A logger of a hundred characters has a long name."""

MAX_ENTRIES: Final = 256
"""How many loggers, handlers or names one record lists; `left_out` counts the others."""

_MAX_NUMBER: Final = 2**53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MOMENT_MS: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\.([0-9]{3})Z", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Form:
    """How one value is written, and how it is read.

    Where ``may_lack``, an empty value is not written, and what is not there is read as one.
    """

    write: Callable[[Any], JsonValue]
    read: Callable[[JsonValue], Any]
    may_lack: bool = False


_known: Final[dict[type[Any], tuple[tuple[str, Form], ...]]] = {}


def forms_of(kind: type[Any]) -> tuple[tuple[str, Form], ...]:
    """Give the fields of a class in their order, each with the form its annotation names."""
    if kind not in _known:
        hints = get_type_hints(kind, include_extras=True)
        _known[kind] = tuple((each.name, hints[each.name].__metadata__[0]) for each in fields(kind))
    return _known[kind]


def write_fields(value: object) -> dict[str, JsonValue]:
    """Write an object as the entries of one in JSON; every field is there, if only as null.

    But for those that came to the format later: they are there where they say something.
    """
    written = {name: form.write(getattr(value, name)) for name, form in forms_of(type(value))}
    for name, form in forms_of(type(value)):
        if form.may_lack and not written[name]:
            del written[name]
    return written


def read_fields(kind: type[T], entries: JsonValue) -> T:
    """Read what `write_fields` wrote."""
    forms = forms_of(kind)
    there = entries.keys() if isinstance(entries, dict) else set()
    lacking = {name for name, form in forms if form.may_lack and name not in there}
    if not isinstance(entries, dict) or there != {name for name, _ in forms} - lacking:
        raise ValueError(f"not the entries of {kind.__name__}")
    return kind(**{name: form.read(entries[name]) for name, form in forms if name not in lacking})


def _same(check: Callable[[Any], JsonValue]) -> Form:
    """Give the form of what is the same in JSON; ``check`` gives it back, or raises."""
    return Form(check, check)


def text(limit: int = MAX_TEXT_CHARS) -> Form:
    """Any text up to a length in characters."""

    def check(value: JsonValue) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise ValueError(f"not a text of at most {limit} characters")
        return value

    return _same(check)


def pattern(expression: str) -> Form:
    """A text of one shape."""
    compiled = re.compile(expression, re.ASCII)

    def check(value: JsonValue) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise ValueError(f"not a text of the form {expression}")
        return value

    return _same(check)


def number(least: int = 0, greatest: int = _MAX_NUMBER) -> Form:
    """A whole number within limits."""

    def check(value: JsonValue) -> int:
        if type(value) is not int or not least <= value <= greatest:
            raise ValueError(f"not a number from {least} to {greatest}")
        return value

    return _same(check)


def _check_flag(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004 - one kind of error (rule 1)
    return value


def write_moment(moment_ms: object) -> str:
    """Write a time, given in milliseconds since the epoch (rule 3)."""
    if not isinstance(moment_ms, int) or not 0 <= moment_ms <= _MAX_MOMENT_MS:
        raise ValueError("not a time from 1970 to 9999, in milliseconds")
    seconds, rest_ms = divmod(moment_ms, 1000)
    return f"{_second(seconds)}.{rest_ms:03}Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    # Many records are written within one second, and a request's times are those of its lease.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def read_moment(value: JsonValue) -> int:
    """Read a time; give milliseconds since the epoch."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a time in RFC 3339, in UTC with milliseconds")
    since = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - _EPOCH
    moment_ms = (since.days * 86_400 + since.seconds) * 1000 + int(found[2])
    write_moment(moment_ms)
    return moment_ms


MOMENT: Final = Form(write_moment, read_moment)
"""A time; milliseconds since the epoch in Python, RFC 3339 in JSON."""


def optional(form: Form) -> Form:
    """A value or null."""
    return Form(
        lambda value: None if value is None else form.write(value),
        lambda value: None if value is None else form.read(value),
    )


def many(form: Form, limit: int = MAX_ENTRIES) -> Form:
    """A tuple, which is a list in JSON."""

    def write(value: object) -> JsonValue:
        if not isinstance(value, tuple) or len(value) > limit:
            raise ValueError(f"not a tuple of at most {limit}")
        return [form.write(each) for each in value]

    def read(value: JsonValue) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > limit:
            raise ValueError(f"not a list of at most {limit}")
        return tuple(form.read(each) for each in value)

    return Form(write, read)


def left_out_if_empty(form: Form) -> Form:
    """A list of ``form`` that is not written where it is empty (`write_fields`)."""

    def read(value: JsonValue) -> object:
        found = form.read(value)
        if not found:
            raise ValueError("an empty list is left out")
        return found

    return Form(form.write, read, may_lack=True)


def member(members: type[E]) -> Form:
    """A member of a closed set, by its value."""

    def write(value: object) -> JsonValue:
        if not isinstance(value, members):
            raise ValueError(f"not a {members.__name__}")  # noqa: TRY004 - one kind of error (rule 1)
        return str(value.value)

    return Form(write, members)


def nested(kind: type[Any]) -> Form:
    """An object of a class whose fields have forms themselves."""

    def write(value: object) -> JsonValue:
        if type(value) is not kind:
            raise ValueError(f"not a {kind.__name__}")
        return write_fields(value)

    return Form(write, lambda entries: read_fields(kind, entries))


# ---- the usual ones -------------------------------------------------------------------------

_REQUEST: Final = pattern(r"[0-9a-f]{32}")
_DIGEST: Final = pattern(r"[0-9a-f]{64}")
_SALTED: Final = optional(pattern(r"hmac-sha256:[0-9a-f]{64}"))

Text: TypeAlias = Annotated[str, text()]
Names: TypeAlias = Annotated[tuple[str, ...], many(text())]
Flag: TypeAlias = Annotated[bool, _same(_check_flag)]
Count: TypeAlias = Annotated[int, number()]
Moment: TypeAlias = Annotated[int, MOMENT]
MaybeMoment: TypeAlias = Annotated[int | None, optional(MOMENT)]
RequestId: TypeAlias = Annotated[str, _REQUEST]
MaybeRequestId: TypeAlias = Annotated[str | None, optional(_REQUEST)]
Digest: TypeAlias = Annotated[str, _DIGEST]
MaybeDigest: TypeAlias = Annotated[str | None, optional(_DIGEST)]
MaybeSalted: TypeAlias = Annotated[str | None, _SALTED]
