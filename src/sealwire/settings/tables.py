"""A table of a TOML file, read value by value, each refusal naming file, line and key.

Rules this module keeps:

1. A key that is not known and a value of another type are refused, with the line where it is known.
   A misspelt setting must not look like one that is in force.
2. A path is relative to the file it stands in, wherever the process was started.
3. No value is quoted that could be a secret at the wrong place.

``tomllib`` is loaded when a file is read, and not before: most processes never read one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from sealwire.documents.reading import did_you_mean, place
from sealwire.errors import ConfigurationError, shorten
from sealwire.keyfiles import check_credential, is_credential

T = TypeVar("T")
D = TypeVar("D")


def parse_toml(path: Path, text: str) -> Table:
    """Read a file's text as its outermost table.

    Raises:
        ConfigurationError: it is no TOML; with the place where the parser says it.
    """
    import tomllib

    try:
        return Table(path, text, (), tomllib.loads(text))
    # A thousand lists in each other and a number of 5,000 digits have errors of their own.
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not TOML: {shorten(str(error), 160)}; mend that place, and write text in "
            "quotes"
        ) from None


class Table:
    """One table of a file, and how to speak about what is wrong in it."""

    def __init__(
        self, file: Path, text: str, name: tuple[str, ...], values: dict[str, object]
    ) -> None:
        """Hold the ``values`` of the table ``name``; ``text`` is that of the whole file."""
        self._file, self._text, self._name = file, text, name
        self.values = values

    def limited_to(self, *known: str) -> Table:
        """Refuse keys that are not ``known``."""
        for key in self.values:
            if key not in known:
                near = did_you_mean(key, known)
                self._refuse(key, f"is not known here{near}; what is: {', '.join(known)}")
        return self

    def table(self, *steps: str) -> Table:
        """Give the table that ``steps`` lead to; it is empty where there is none."""
        table = self
        for step in steps:
            values = table.values.get(step, {})
            if not isinstance(values, dict):
                table._refuse(step, "is no table; write [table] on a line of its own")
            table = Table(self._file, self._text, (*table._name, step), values)
        return table

    def holding(self, values: dict[str, object]) -> Table:
        """Give this table with other values, to read what is not a value of it."""
        return Table(self._file, self._text, self._name, values)

    def need(self, key: str, read: Callable[[object], T]) -> T:
        """Give the value of ``key``, which has to be there."""
        if key not in self.values:
            self._refuse(key, f"is missing; add a line: {key} = …")
        try:
            return read(self.values[key])
        except ValueError as error:
            self._refuse(key, str(error).lstrip())

    def take(self, key: str, read: Callable[[object], T], *, default: D) -> T | D:
        """Give the value of ``key``, or ``default`` where there is none."""
        return self.need(key, read) if key in self.values else default

    def path(self, value: object) -> Path:
        """Read the path of a file, relative to the folder of this one."""
        text = text_of(value)
        if _KEY_ITSELF.match(text):
            raise ValueError("holds a key; write the path of the key's file in its place")
        return self._file.parent / text

    def key_path(self, value: object) -> Path:
        """Read the path of a key file, or ``credential:NAME``, which is no path until it is read.

        The folder of a service's credentials is known to that service alone, so whoever looks at
        its settings from elsewhere would be refused otherwise.
        """
        text = text_of(value)
        if not is_credential(text):
            return self.path(text)
        try:
            check_credential(text)
        except ConfigurationError as error:
            raise ValueError(f"cannot be that credential: {error}") from None
        return Path(text)

    @property
    def label(self) -> str:
        """The file's name and the table's, for whoever looks for a key that is not there."""
        return f"{self._file.name} [{place(*self._name)}]" if self._name else self._file.name

    def line(self, key: str) -> int | None:
        """Give the line of ``key``, counted from 1, as far as it can be found."""
        return _line_of(self._text, self._name, key)

    def source(self, key: str) -> str:
        """Say where ``key`` stands, for whoever is refused because of it: ``policy.toml:12``."""
        line = self.line(key)
        return f"{self._file.name}:{line}" if line else self._file.name

    def sources(self) -> dict[str, str]:
        """Say where each key of this table stands, and under ``""`` where the table does."""
        found = {key: self.source(key) for key in self.values}
        if self._name:
            line = _line_of(self._text, self._name[:-1], self._name[-1])
            found[""] = f"{self._file.name}:{line}" if line else self._file.name
        return found

    def make(self, make: Callable[..., T], **values: object) -> T:
        """Make a value, and name the place where it cannot be made."""
        try:
            return make(**values)
        except ConfigurationError as error:
            line = _line_of(self._text, self._name[:-1], self._name[-1]) if self._name else None
            where = f": {place(*self._name)}" if self._name else ""
            at = f":{line}" if line else ""
            raise ConfigurationError(f"{self._file}{at}{where}: {error}") from None

    def _refuse(self, key: str, problem: str) -> NoReturn:
        line = _line_of(self._text, self._name, key)
        where = f"{self._file}:{line}" if line else f"{self._file}"
        raise ConfigurationError(f"{where}: {place(*self._name, key)} {problem}") from None


def _line_of(text: str, table: tuple[str, ...], key: str) -> int | None:
    """Find the line of a key, counted from 1, or of its own table, or of the table it is in.

    Written for files as people and `render_service` write them; TOML has other ways to place a
    key, and for some of these no line is found.
    """
    current: tuple[str, ...] = ()
    found = None
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            current = _parts(header[1])
            if current[: len(table) + 1] == (*table, key):
                return number
            if current == table:
                found = number
        elif current == table and (match := _KEY.match(line)) and _parts(match[1])[:1] == (key,):
            return number
    # A table within one line, such as ``why = { lease = [] }``, stands where its name does.
    return found or (_line_of(text, table[:-1], table[-1]) if table else None)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


_HEADER: Final = re.compile(r"\s*\[{1,2}([^\]]+)\]")
_KEY: Final = re.compile(r"([^=#\[]+)=")
_DURATION: Final = re.compile(r"([1-9][0-9]{0,7})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART: Final = re.compile(r"\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+")

# The line of a key file, pasted where its path is due: it must not come out in an error.
_KEY_ITSELF: Final = re.compile(r"\s*(sealwire-[a-z]+-key-|ssh-ed25519 |-----BEGIN)")


# What one value may be. Each gives the value in our type or raises ValueError, and quotes nothing
# that could be a secret at the wrong place.


def text_of(value: object) -> str:
    """Take ``value`` as text, not empty and without NUL."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError('is not a text; write it in quotes: "…"')
    return value


def flag(value: object) -> bool:
    """Take ``value`` as true or false."""
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004 - a value, not a call, is wrong
    return value


def whole(value: object) -> int:
    """Take ``value`` as a whole number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("is not a whole number of 0 or more")
    return value


def percent(value: object) -> int:
    """Take ``value`` as a whole number from 0 to 100."""
    if whole(value) > 100:  # noqa: PLR2004 - what a hundred is called
        raise ValueError("is over 100")
    return whole(value)


def duration_s(value: object) -> int:
    """Take ``value`` as a length of time such as ``30m``; give whole seconds."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('is not a length of time; write "90s", "15m", "4h" or "7d"')
    return int(match[1]) * _SECONDS[match[2]]


def command(value: object) -> tuple[str, ...]:
    """Take ``value`` as a program and its arguments, each a text of its own."""
    arguments = list_of(text_of)(value)
    if not arguments:
        raise ValueError('names no program; write it with its arguments: ["pass", "show", "alice"]')
    return arguments


def list_of(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Give what takes a value as a list of what ``read`` takes."""

    def read_list(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError("is not a list; write it in brackets: […]")  # noqa: TRY004 - as above
        return tuple(read(item) for item in value)

    return read_list
