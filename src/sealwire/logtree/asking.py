"""Asking somebody else's objects: whatever they are, and whatever that raises.

Handlers, streams, filters and formatters of an application are often only like those of the
library: they lack attributes, compare oddly, or raise where they are looked at.

Rules this module keeps:

1. What cannot be told is left empty. Nothing that an object raises comes out, ``SystemExit``
   included: whoever looks at logging has nothing to do with it. Only ``KeyboardInterrupt`` in the
   main thread is let through, because there it is the person at the terminal.
2. Objects are compared by identity alone, and what they are is what ``type`` says.
3. Text can be written as UTF-8: half of a surrogate pair, which stands for a byte of a file name
   that is no text, becomes its escape.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sealwire.documents.strict_json import MAX_INTEGER, MIN_INTEGER
from sealwire.documents.tree import NOTSET

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def asked(thing: object, name: str) -> Any:  # noqa: ANN401 - it may be anything
    """Give an attribute, ``None`` where it cannot be had."""
    try:
        return getattr(thing, name, None)
    except BaseException as error:  # noqa: BLE001 - rule 1
        _let_through(error)
        return None


def called(function: Callable[..., T], *arguments: object, otherwise: T) -> T:
    """Give what ``function`` gives, or ``otherwise`` where that cannot be had."""
    try:
        return function(*arguments)
    except BaseException as error:  # noqa: BLE001 - rule 1
        _let_through(error)
        return otherwise


def is_text(value: object) -> bool:
    """Whether it is a string; an object may only say so."""
    return issubclass(type(value), str)


def text(value: object) -> str:
    """Give a string as one that can be written (rule 3), ``""`` for anything else."""
    if type(value) is str and value.isascii():
        return value
    if not is_text(value):
        return ""
    return str.encode(cast("str", value), "utf-8", "backslashreplace").decode()


def words(value: object) -> str:
    """Give what an object says of itself, ``""`` where that cannot be had."""
    return text(called(str, value, otherwise=""))


def level(value: object) -> int:
    """Give a level as a number that JSON can hold; 0 for what is none."""
    if type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER:
        return value
    if not issubclass(type(value), int):
        return NOTSET
    return min(max(int.__index__(cast("int", value)), MIN_INTEGER), MAX_INTEGER)


def truth(value: object, *, otherwise: bool) -> bool:
    """Give whether an object counts as true."""
    # Not isinstance, which asks the object for its class.
    return value if type(value) is bool else called(bool, value, otherwise=otherwise)


def members(value: Any) -> list[Any]:  # noqa: ANN401 - it may be anything
    """Give a list's members, none where they cannot be had."""
    return value[:] if type(value) is list else called(list, value, otherwise=[])


def _let_through(error: BaseException) -> None:
    main = threading.main_thread().ident == threading.get_ident()
    if main and isinstance(error, KeyboardInterrupt):
        raise error
