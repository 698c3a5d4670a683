"""``cfg://``: a place of a document that says "the same as at that other place".

Rules this module keeps:

1. What is pointed to is put in its place before anything else is read, so that a plan holds no
   pointer, and policy judges what is really there. Only keys and indices of the document are
   followed; the library would go on into attributes of objects.
2. A pointer is the whole value of a key. In a list, or as a key, the library resolves it at some
   places and not at others; there it stays, and is refused as text that would be resolved.
3. What is pointed to is text, a number, true, false, null or a list. Two parts that share one
   object are not taken; the target of a memory handler is meant by its name, and is.
4. A pointer that leads to a pointer is followed a few times, and never in a circle. What is copied
   is bounded in all: a short document could otherwise become one of gigabytes.
"""

from __future__ import annotations

import re
from typing import Final

from sealwire.documents.handler_schema import MEMORY_HANDLER
from sealwire.documents.reading import did_you_mean, place, refuse
from sealwire.documents.strict_json import JsonValue, canonical_json

POINTER_PREFIX: Final = "cfg://"

MAX_STEPS: Final = 8
"""Pointers on one way. Nobody needs two."""

MAX_COPIED_CHARS: Final = 16 * 1024
"""Of all that is pointed to, as JSON: fifty recipients in ten handlers are a third of it."""

_MAX_POINTER_CHARS: Final = 512
_MAX_INDEX_DIGITS: Final = 6
_FIRST: Final = re.compile(r"[A-Za-z0-9_]+")
_NEXT: Final = re.compile(r"\.([A-Za-z0-9_]+)|\[([^\[\]]+)\]")


def follow(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Give the document with what each pointer points to in its place.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``: a pointer leads nowhere, in a circle, to an
            object, or to too much. The detail starts with the place; no pointer is quoted.
    """
    return _Follower(document).section(document, ())


class _Follower:
    """One document, and how much of it may still be copied."""

    def __init__(self, document: dict[str, JsonValue]) -> None:
        self._document = document
        self._left = MAX_COPIED_CHARS

    def section(self, section: dict[str, JsonValue], at: tuple[str, ...]) -> dict[str, JsonValue]:
        memory = at[:1] == ("handlers",) and section.get("class") == MEMORY_HANDLER
        return {
            key: self._value(value, (*at, key), named=memory and (at[2:], key) == ((), "target"))
            for key, value in section.items()
        }

    def _value(self, value: JsonValue, at: tuple[str, ...], *, named: bool) -> JsonValue:
        if isinstance(value, dict):
            return self.section(value, at)
        if not (isinstance(value, str) and value.startswith(POINTER_PREFIX)):
            return value
        where = place(*at)
        seen: list[str] = []
        steps: list[str] = []
        found: JsonValue = value
        while isinstance(found, str) and found.startswith(POINTER_PREFIX):
            if found in seen:
                refuse(where, "points to itself, by way of what it points to")
            if len(seen) == MAX_STEPS:
                refuse(where, f"leads through more than {MAX_STEPS} pointers")
            seen.append(found)
            found, steps = self._find(found.removeprefix(POINTER_PREFIX), where)
        if isinstance(found, dict):
            if named and steps[:-1] == ["handlers"]:
                return steps[-1]
            refuse(where, "points to an object, which would be shared; write it out here")
        self._left -= len(canonical_json(found))
        if self._left < 0:
            refuse(where, f"all that is pointed to is over {MAX_COPIED_CHARS} characters")
        return found

    def _find(self, pointer: str, where: str) -> tuple[JsonValue, list[str]]:
        """Give what is at a place of the document, and the steps to it."""
        steps = _steps(pointer)
        if not steps:
            refuse(where, "is no pointer such as cfg://handlers.console.level")
        found: JsonValue = self._document
        for named, step in steps:
            if isinstance(found, dict) and step in found and (named or not step.isdigit()):
                found = found[step]
            elif isinstance(found, list) and not named and _index(step) < len(found):
                found = found[_index(step)]
            else:
                hint = did_you_mean(step, found) if isinstance(found, dict) else ""
                refuse(where, f"points to nothing in this document{hint}")
        return found, [step for _, step in steps]


def _steps(pointer: str) -> list[tuple[bool, str]]:
    """Give the steps of a pointer, each with whether it follows a dot; none if it is no pointer."""
    first = _FIRST.match(pointer)
    if first is None or len(pointer) > _MAX_POINTER_CHARS:
        return []
    steps, at = [(True, first[0])], first.end()
    while at < len(pointer):
        match = _NEXT.match(pointer, at)
        if match is None:
            return []
        steps.append((match[1] is not None, match[1] or match[2]))
        at = match.end()
    return steps


def _index(step: str) -> int:
    """Give the number that ``step`` is, or one beyond every list."""
    plain = step.isascii() and step.isdigit() and len(step) <= _MAX_INDEX_DIGITS
    return int(step) if plain else 10**_MAX_INDEX_DIGITS
