"""Reading one value of a document at a time, each refusal naming the place.

Rules this module keeps:

1. A value has exactly the type asked for: true is no integer, ``"5"`` is none either.
2. No string that ``dictConfig`` would resolve gets through as text. It looks for ``ext://`` and
   ``cfg://`` at the start of any string it meets, so both are refused wherever text is read.
3. A refusal quotes keys, names and words of closed sets, shortened; never the text of a format or
   of an argument, which may hold a password.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import NoReturn

from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import ATTRIBUTES_KEY, FACTORY_KEY
from sealwire.errors import MalformedError, Reason, Stage, shorten

LEVELS: Mapping[str, int] = {
    "CRITICAL": 50,
    "FATAL": 50,
    "ERROR": 40,
    "WARNING": 30,
    "WARN": 30,
    "INFO": 20,
    "DEBUG": 10,
    "NOTSET": 0,
}
"""The names of levels that every Python process knows, with or without levels of its own."""

MAX_LEVEL = 10**6

# A logger's ancestors are all kept in memory for ever, each under its full name: one name with
# 100,000 dots would cost 10 GB. The longest module paths in use are well below both limits.
MAX_NAME_CHARS = 256
MAX_NAME_PARTS = 32

# Comparing is quadratic in the length and linear in the number of candidates.
_MAX_HINT_CHARS = 64
_MAX_HINT_CANDIDATES = 64
_MAX_NEAR = 200
_MAX_SLIPS = 2
_NEAR = 0.8  # two slips in ten characters

_PLAIN_STEP = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_DOTTED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_RESOLVED_PREFIXES = ("ext://", "cfg://")


def refuse(where: str, detail: str) -> NoReturn:
    """Refuse the document because of what stands at ``where``.

    Raises:
        MalformedError: always, with ``DOCUMENT_INVALID``.
    """
    text = f"{where}: {detail}" if where else detail
    raise MalformedError(Reason.DOCUMENT_INVALID, Stage.DOCUMENT, text) from None


def place(*steps: str) -> str:
    """Write a place as a dotted path; a step with unusual characters is quoted and shortened."""
    return ".".join(step if _PLAIN_STEP.fullmatch(step) else shorten(step) for step in steps)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give ``"; did you mean …?"`` for the nearest of ``known``, or ``""``."""
    candidates = {each.casefold(): each for each in known}
    if len(word) > _MAX_HINT_CHARS or len(candidates) > _MAX_HINT_CANDIDATES:
        return ""
    near = difflib.get_close_matches(word.casefold(), candidates, n=1)
    return f"; did you mean {candidates[near[0]]}?" if near else ""


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Give up to three of many names that are a slip or two from ``word``, the nearest first.

    Of what is about as long no more than the first 200 are compared, which takes milliseconds.
    """
    if len(word) > _MAX_HINT_CHARS:
        return []
    as_long = (each for each in known if abs(len(each) - len(word)) <= _MAX_SLIPS)
    return difflib.get_close_matches(word, list(islice(as_long, _MAX_NEAR)), cutoff=_NEAR)


def describe(value: object) -> str:
    """Say what kind of JSON value this is."""
    kinds = {bool: "true or false", int: "a number", str: "a string", list: "a list"}
    return "null" if value is None else kinds.get(type(value), "an object")


def read_section(
    value: JsonValue, where: str, keys: Iterable[str] | None, *, custom: bool = False
) -> dict[str, JsonValue]:
    """Take ``value`` as an object that has no other keys than ``keys``; ``None`` allows all.

    Args:
        value: what stands there.
        where: its place.
        keys: those that are known.
        custom: whether it may have a factory, ``()``, and attributes, ``.``, as well.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    if not isinstance(value, dict):
        refuse(where, f"is {describe(value)}, not an object")
    known = None if keys is None else frozenset(keys)
    for key in value:
        if key in (FACTORY_KEY, ATTRIBUTES_KEY):
            if custom:
                continue
            what = "names a factory" if key == FACTORY_KEY else "sets attributes"
            refuse(where, f"{what} with {key!r}, which is not taken here")
        if known is not None and key not in known:
            refuse(where, f"{shorten(key)} is not a key here{did_you_mean(key, known)}")
    return value


def read_text(value: JsonValue, where: str) -> str:
    """Take ``value`` as a string that nothing will resolve, without NUL."""
    if not isinstance(value, str):
        refuse(where, f"is {describe(value)}, not a string")
    if value.startswith(_RESOLVED_PREFIXES):
        refuse(where, f"text that starts with {value[:6]} is resolved to an object; not taken here")
    if "\0" in value:
        refuse(where, "holds a NUL character")
    return value


def read_name(value: JsonValue, where: str) -> str:
    """Take ``value`` as a name: one printable line of at most `MAX_NAME_CHARS`, not empty."""
    name = read_text(value, where)
    if not name:
        refuse(where, "is an empty name")
    if len(name) > MAX_NAME_CHARS:
        refuse(where, f"a name of {len(name)} characters, over the limit of {MAX_NAME_CHARS}")
    if name.count(".") >= MAX_NAME_PARTS:
        refuse(where, f"a name of more than {MAX_NAME_PARTS} parts")
    if not name.isprintable():
        refuse(where, f"the name {shorten(name)} holds characters that do not print")
    return name


def read_dotted_name(value: JsonValue, where: str, what: str = "a class") -> str:
    """Take ``value`` as the dotted name of a Python object, in ASCII; ``what`` says of which."""
    name = read_text(value, where)
    if not is_dotted_name(name):
        refuse(where, f"{shorten(name)} is not the dotted name of {what}")
    return name


def is_dotted_name(text: str) -> bool:
    """Whether ``text`` is made of ASCII identifiers with dots between them."""
    return _DOTTED_NAME.fullmatch(text) is not None


def read_flag(value: JsonValue, where: str) -> bool:
    """Take ``value`` as true or false."""
    if not isinstance(value, bool):
        refuse(where, f"is {describe(value)}, not true or false")
    return value


def read_level(value: JsonValue, where: str) -> int:
    """Take ``value`` as a level: one of `LEVELS`, or a number from 0 to `MAX_LEVEL`."""
    if isinstance(value, str):
        if value not in LEVELS:
            refuse(where, f"{shorten(value)} is not a level{did_you_mean(value, LEVELS)}")
        return LEVELS[value]
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(where, f"is {describe(value)}, not a level")
    if not 0 <= value <= MAX_LEVEL:
        refuse(where, f"the level {value} is not between 0 and {MAX_LEVEL}")
    return value


def read_references(value: JsonValue, where: str, known: Collection[str]) -> tuple[str, ...]:
    """Take ``value`` as a list of names that stand in ``known``, each once, in their order."""
    if not isinstance(value, list):
        refuse(where, f"is {describe(value)}, not a list of names")
    names: dict[str, None] = {}
    for item in value:
        name = read_reference(item, where, known)
        if name in names:
            refuse(where, f"names {shorten(name)} twice")
        names[name] = None
    return tuple(names)


def read_reference(value: JsonValue, where: str, known: Collection[str]) -> str:
    """Take ``value`` as a name that stands in ``known``."""
    name = read_name(value, where)
    if name not in known:
        refuse(where, f"{shorten(name)} is not defined{did_you_mean(name, known)}")
    return name
