"""From an INI (``fileConfig``) document to a `LoggingPlan`, by the way of a dictionary.

Rules this module keeps (the library's "Configuration file format"):

1. Nothing is imported, resolved or evaluated here; `read_schema` checks what `_translate` gives, as
   it checks every JSON document.
2. Whatever the library would ignore is refused: other sections and options, a section that no
   ``keys=`` lists, ``validate=`` with another value than the one it always has.
3. Where the library interpolates, ``%%`` is a percent sign and any other ``%`` is refused, so that
   the text means the same in both. What it reads raw is read raw: formats, dates, styles, defaults.
4. Where the library has a default of its own it is written into the plan: ``propagate`` is true.
   One default is another: loggers that exist go on, as they do with every remote change.

A class is named as in the library: ``StreamHandler`` is ``logging.StreamHandler``,
``handlers.SysLogHandler`` is ``logging.handlers.SysLogHandler``, and any other name with a dot
stands for itself. A formatter's class always stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sealwire.documents.dict_schema import SCHEMA_VERSION, read_schema
from sealwire.documents.handler_schema import MEMORY_HANDLER
from sealwire.documents.ini_literals import read_pairs, read_values
from sealwire.documents.ini_parameters import bind
from sealwire.documents.ini_sections import read_sections
from sealwire.documents.plan import LoggingPlan
from sealwire.documents.reading import did_you_mean, place, read_dotted_name, refuse
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.utf8 import refuse_form
from sealwire.errors import shorten

_LISTS = ("loggers", "handlers", "formatters")
_ROOT = "root"

_LOGGER_OPTIONS = ("level", "handlers", "propagate", "qualname")
_HANDLER_OPTIONS = ("class", "level", "formatter", "args", "kwargs")
_FORMATTER_OPTIONS = ("format", "datefmt", "style", "class", "defaults", "validate")
_FLAGS = {"0": False, "1": True}

_Entries = dict[str, JsonValue]


class _Section(NamedTuple):
    """A section whose options are all known.

    Attributes:
        title: what stands between its brackets.
        options: values by name, as they stand in the document.
    """

    title: str
    options: Mapping[str, str]

    def get(self, option: str) -> str | None:
        """Give a value as the library's parser would, ``None`` if the option is not there."""
        raw = self.options.get(option)
        if raw is not None and "%" in raw.replace("%%", ""):
            refuse(
                self.place(option),
                "holds a % that the library would interpolate; not done here, and %% is a percent"
                " sign",
            )
        return None if raw is None else raw.replace("%%", "%")

    def need(self, option: str) -> str:
        """Give a value that has to be there."""
        value = self.get(option)
        if value is None:
            refuse(self.place(option), "is missing")
        return value

    def place(self, option: str) -> str:
        """Give the place of an option, for refusals."""
        return place(self.title, option)


def read_ini_plan(document: bytes) -> LoggingPlan:
    """Read an ``application/vnd.sealwire.ini`` document.

    Args:
        document: the document as sealed, at most 32 KiB.

    Returns:
        The plan; see `sealwire.documents.read_plan`. It is what ``fileConfig`` would make of the
        text with ``disable_existing_loggers=False``.

    Raises:
        MalformedError: with ``DOCUMENT_MALFORMED`` for what is not INI, with ``DOCUMENT_INVALID``
            for what is no configuration, or would have to be evaluated. The detail starts with the
            place, such as ``handler_console.args`` or ``handlers.console.level``.
    """
    sections = read_sections(document)
    if not sections:
        refuse_form("holds no section at all")
    return read_schema(_translate(sections))


def _translate(sections: Mapping[str, Mapping[str, str]]) -> _Entries:
    names = {title: _names(sections, title) for title in _LISTS}
    if _ROOT not in names["loggers"]:
        refuse("loggers.keys", f"{_ROOT} is missing; its section is [logger_{_ROOT}]")
    _check_titles(sections, names)

    def chosen(kind: str, options: Iterable[str]) -> dict[str, _Section]:
        return {name: _section(sections, f"{kind}_{name}", options) for name in names[f"{kind}s"]}

    formatters = chosen("formatter", _FORMATTER_OPTIONS)
    handlers = chosen("handler", (*_HANDLER_OPTIONS, "target"))
    loggers = chosen("logger", _LOGGER_OPTIONS)
    root = loggers.pop(_ROOT)
    return {
        "version": SCHEMA_VERSION,
        "formatters": {name: _formatter(section) for name, section in formatters.items()},
        "handlers": {name: _handler(section) for name, section in handlers.items()},
        "loggers": _loggers(loggers.values()),
        "root": _root(root),
    }


def _names(sections: Mapping[str, Mapping[str, str]], title: str) -> list[str]:
    names = _listed(_section(sections, title, ("keys",)).need("keys"))
    where = place(title, "keys")
    seen: set[str] = set()
    for name in names:
        if f"{title[:-1]}_{name}" not in sections:
            refuse(where, f"{shorten(name)} has no section of its own")
        if name in seen:
            refuse(where, f"names {shorten(name)} twice")
        seen.add(name)
    return names


def _listed(value: str) -> list[str]:
    return [name.strip() for name in value.split(",")] if value else []


def _check_titles(
    sections: Mapping[str, Mapping[str, str]], names: Mapping[str, Iterable[str]]
) -> None:
    """Refuse the first section that the library would not look at."""
    known = {*names, *(f"{title[:-1]}_{name}" for title in names for name in names[title])}
    for title in sections:
        if title == "DEFAULT":
            refuse(title, "its options would stand in every other section; not taken")
        if title not in known:
            kind, mark, _ = title.partition("_")
            unlisted = f"; the keys of [{kind}s] do not list it" if f"{kind}s" in names else ""
            hint = (mark and unlisted) or did_you_mean(title, known)
            refuse(place(title), f"is not a section here{hint}")


def _section(
    sections: Mapping[str, Mapping[str, str]], title: str, options: Iterable[str]
) -> _Section:
    if title not in sections:
        refuse(place(title), "the section is missing")
    known = tuple(options)
    for option in sections[title]:
        if option not in known:
            hint = did_you_mean(option, known)
            refuse(place(title), f"{shorten(option)} is not an option here{hint}")
    return _Section(title, sections[title])


def _formatter(section: _Section) -> _Entries:
    # The library reads all but the class raw; the percent signs are the formatter's.
    raw = section.options
    entries: _Entries = {option: raw[option] for option in ("format", "style") if option in raw}
    # The documentation shows an empty date format, and means the class's own.
    if raw.get("datefmt"):
        entries["datefmt"] = raw["datefmt"]
    if class_name := section.get("class"):
        entries["class"] = class_name
    if "defaults" in raw:
        entries["defaults"] = {**read_pairs(raw["defaults"], section.place("defaults"))}
    if raw.get("validate", "True") != "True":
        refuse(section.place("validate"), "is not True; in this language every format is checked")
    return entries


def _handler(section: _Section) -> _Entries:
    class_name = _handler_class(section)
    entries: _Entries = {"class": class_name}
    level = section.get("level")
    if level is not None:
        entries["level"] = level
    if formatter := section.get("formatter"):
        entries["formatter"] = formatter
    values, pairs = section.get("args"), section.get("kwargs")
    entries |= bind(
        class_name,
        [] if values is None else read_values(values, section.place("args")),
        {} if pairs is None else read_pairs(pairs, section.place("kwargs")),
        section.title,
    )
    target = section.get("target")
    if target is not None and class_name != MEMORY_HANDLER:
        refuse(section.place("target"), f"only a handler of class {MEMORY_HANDLER} has one")
    if target:
        entries["target"] = target
    return entries


def _handler_class(section: _Section) -> str:
    """Give the dotted name of what the library finds, looking first into its own ``logging``."""
    name = read_dotted_name(section.need("class"), section.place("class"))
    own = "." not in name or name.startswith("handlers.")
    return f"logging.{name}" if own else name


def _loggers(sections: Iterable[_Section]) -> _Entries:
    loggers: _Entries = {}
    for section in sections:
        name = section.need("qualname")
        if name in {"", _ROOT}:
            refuse(section.place("qualname"), f"is the root logger, which has [logger_{_ROOT}]")
        if name in loggers:
            refuse(section.place("qualname"), f"{shorten(name)} has a section already")
        loggers[name] = {"propagate": True, **_logger(section)}
    return loggers


def _root(section: _Section) -> _Entries:
    # The library does not look, and many files say it.
    if section.get("qualname") not in {None, "", _ROOT}:
        refuse(section.place("qualname"), "the root logger has no other name")
    return _logger(section)


def _logger(section: _Section) -> _Entries:
    entries: _Entries = {"handlers": [*_listed(section.need("handlers"))]}
    level = section.get("level")
    if level is not None:
        entries["level"] = level
    propagate = section.get("propagate")
    if propagate is not None:
        if propagate not in _FLAGS:
            refuse(section.place("propagate"), f"is {shorten(propagate)}, neither 0 nor 1")
        entries["propagate"] = _FLAGS[propagate]
    return entries
