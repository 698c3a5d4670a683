"""From INI documents to plans: what is taken, and with which words the rest is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import (
    External,
    FormatterPlan,
    HandlerPlan,
    LoggerPlan,
    LoggingPlan,
    read_ini_plan,
)
from sealwire.errors import MalformedError, Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

Sections = dict[str, dict[str, str]]

SECTIONS: Sections = {
    "loggers": {"keys": "root,db"},
    "handlers": {"keys": "h,m"},
    "formatters": {"keys": "f"},
    "logger_root": {"level": "WARNING", "handlers": "h"},
    "logger_db": {"qualname": "payments.db", "level": "DEBUG", "handlers": "h,m"},
    "handler_h": {"class": "StreamHandler", "args": "(sys.stdout,)"},
    "handler_m": {"class": "handlers.MemoryHandler", "args": "(10, ERROR)", "target": "h"},
    "formatter_f": {"format": "%(message)s"},
}


def text(sections: Mapping[str, Mapping[str, str]]) -> bytes:
    """Write sections down."""
    lines: list[str] = []
    for title, options in sections.items():
        lines += [f"[{title}]", *(f"{name}={value}" for name, value in options.items())]
    return "\n".join(lines).encode()


def changed(title: str, **options: str | None) -> bytes:
    """Write `SECTIONS` down with other options in one of them; ``None`` takes an option out."""
    section = SECTIONS.get(title, {}) | options
    kept = {name: value for name, value in section.items() if value is not None}
    return text(SECTIONS | {title: kept})


def refusal(document: bytes) -> str:
    """Give the detail with which a document is refused."""
    with pytest.raises(MalformedError) as caught:
        read_ini_plan(document)
    assert Reason.DOCUMENT_INVALID is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    return caught.value.detail


def handler(**options: str | None) -> HandlerPlan:
    """Read `SECTIONS` with other options of the handler ``h``, and give its plan."""
    return read_ini_plan(changed("handler_h", **options)).handlers[0]


def formatter(**options: str | None) -> FormatterPlan:
    """Read `SECTIONS` with other options of the formatter, and give its plan."""
    return read_ini_plan(changed("formatter_f", **options)).formatters[0]


def test_a_document_is_read() -> None:
    """Every section has its place in the plan, and the options of a handler are its arguments."""
    expected = LoggingPlan(
        formatters=(FormatterPlan("f", format="%(message)s"),),
        handlers=(
            HandlerPlan(
                "h", "logging.StreamHandler", arguments=(("stream", External("sys.stdout")),)
            ),
            HandlerPlan(
                "m",
                "logging.handlers.MemoryHandler",
                arguments=(("capacity", 10), ("flushLevel", 40), ("target", "h")),
            ),
        ),
        loggers=(LoggerPlan("payments.db", 10, ("h", "m"), propagate=True),),
        root=LoggerPlan("", 30, ("h",)),
    )
    assert expected == read_ini_plan(text(SECTIONS))


def test_the_smallest_document_is_read() -> None:
    """The three lists and the root logger have to be there, and nothing else."""
    document = (
        b"[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers="
    )
    assert LoggingPlan(root=LoggerPlan("")) == read_ini_plan(document)


def test_loggers_that_exist_go_on() -> None:
    """The library's own default would disable them; no option says so, so none can."""
    assert not read_ini_plan(text(SECTIONS)).disable_existing_loggers


def test_the_order_of_sections_means_nothing() -> None:
    """And neither does the order in lists of keys, or in a section."""
    reversed_sections = {
        title: dict(reversed(options.items())) for title, options in reversed(SECTIONS.items())
    }
    reversed_sections["loggers"] = {"keys": "db,root"}
    reversed_sections["handlers"] = {"keys": "m,h"}
    expected = read_ini_plan(text(SECTIONS)).digest()
    assert expected == read_ini_plan(text(reversed_sections)).digest()


def test_blanks_around_names_are_none_of_theirs() -> None:
    """In lists of keys and of handlers, as in the library; within a name they stay."""
    sections = SECTIONS | {
        "loggers": {"keys": " root ,\tdb"},
        "handlers": {"keys": "\n  h , \n  m,a b"},
        "logger_root": {"handlers": "\th\t, a b ,m"},
        "handler_a b": {"class": "NullHandler"},
    }
    plan = read_ini_plan(text(sections))
    assert ["a b", "h", "m"] == [each.name for each in plan.handlers]
    assert LoggerPlan("", None, ("h", "a b", "m")) == plan.root


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("NullHandler", "logging.NullHandler"),
        ("logging.NullHandler", "logging.NullHandler"),
        ("handlers.SysLogHandler", "logging.handlers.SysLogHandler"),
        ("logging.handlers.SysLogHandler", "logging.handlers.SysLogHandler"),
        ("app.logging.Handler", "app.logging.Handler"),
        ("os.system", "os.system"),
        # There are no such things, and policy will say so.
        ("print", "logging.print"),
        ("handlers.os.system", "logging.handlers.os.system"),
        ("handlersX.Y", "handlersX.Y"),
    ],
)
def test_a_class_is_what_the_library_finds(written: str, expected: str) -> None:
    """A name without a dot, and one in ``handlers``, is looked for in its own package first."""
    assert expected == handler(**{"class": written, "args": None}).class_name


def test_a_class_of_a_formatter_is_a_whole_name() -> None:
    """The library imports it by its first part; logging's own formatter is no class at all."""
    assert "app.Formatter" == formatter(**{"class": "app.Formatter"}).class_name
    assert "Formatter" == formatter(**{"class": "Formatter"}).class_name
    assert formatter(**{"class": "logging.Formatter"}).class_name is None
    assert formatter(**{"class": ""}).class_name is None


def test_arguments_come_by_place_and_by_name() -> None:
    """From ``args=`` and ``kwargs=`` together."""
    expected = (
        ("backupCount", 3),
        ("encoding", "utf-8"),
        ("filename", "x.log"),
        ("maxBytes", 70_000),
        ("mode", "a"),
    )
    found = handler(
        **{"class": "handlers.RotatingFileHandler"},
        args="('x.log', 'a', 70000)",
        kwargs="{'encoding': 'utf-8', 'backupCount': 3}",
    )
    assert expected == found.arguments
    assert () == handler(args=None).arguments
    assert () == handler(args="()", kwargs="{}").arguments
    assert (("a", (1, "x")),) == handler(
        **{"class": "app.Handler"}, args=None, kwargs="{'a': (1, 'x')}"
    ).arguments


def test_what_a_formatter_is_made_of() -> None:
    """An empty date and the check that the documentation shows are the library's defaults."""
    found = formatter(
        format="{message} {user}",
        datefmt="%H:%M",
        style="{",
        validate="True",
        defaults="{'user': '-', 'n': 1}",
    )
    defaults = (("n", 1), ("user", "-"))
    assert FormatterPlan("f", "{message} {user}", "%H:%M", "{", defaults=defaults) == found
    assert FormatterPlan("f", "%(message)s") == formatter(datefmt="")
    assert FormatterPlan("f") == formatter(format=None)
    assert FormatterPlan("f", "%(message)s\n-") == formatter(format="%(message)s\n  -")


def test_an_option_of_no_words_is_the_default() -> None:
    """For a handler's formatter and target, and for a logger's handlers."""
    assert handler(formatter="").formatter is None
    assert "f" == handler(formatter="f").formatter
    memory = read_ini_plan(changed("handler_m", target="")).handlers[1]
    assert (("capacity", 10), ("flushLevel", 40)) == memory.arguments
    logger = read_ini_plan(changed("logger_db", handlers="")).loggers[0]
    assert () == logger.handlers


def test_propagate_is_a_digit() -> None:
    """0 or 1; nothing said means 1, which the plan says."""
    for written, expected in [("0", False), ("1", True), (None, True)]:
        plan = read_ini_plan(changed("logger_db", propagate=written))
        assert expected is plan.loggers[0].propagate


def test_levels_are_names() -> None:
    """The library knows no numbers here; without a level the logger keeps its own."""
    for written, expected in [("NOTSET", 0), ("WARN", 30), ("FATAL", 50), (None, None)]:
        assert expected == read_ini_plan(changed("logger_db", level=written)).loggers[0].level
        assert expected == handler(level=written).level


def test_the_root_logger_may_say_what_it_is() -> None:
    """Files in use give it a name, empty or its own, and a word on propagation."""
    expected = read_ini_plan(text(SECTIONS))
    for options in ({"qualname": ""}, {"qualname": "root"}, {"propagate": "1"}):
        assert expected == read_ini_plan(changed("logger_root", **options))


def test_names_of_options_have_no_case() -> None:
    """As the library reads them; two spellings are one option."""
    document = text(SECTIONS).replace(b"class=", b"CLASS : ").replace(b"args=", b"Args=")
    assert read_ini_plan(text(SECTIONS)) == read_ini_plan(document)


def test_a_doubled_percent_sign_is_one() -> None:
    """Where the library interpolates; where it reads raw, it is the formatter's."""
    file = {"class": "FileHandler", "args": "('100%%.log', 'a')"}
    assert (("filename", "100%.log"), ("mode", "a")) == handler(**file).arguments
    assert "100%% %(message)s" == formatter(format="100%% %(message)s").format
    found = formatter(format="%(user)s", defaults="{'user': '100%'}")
    assert (("user", "100%"),) == found.defaults


INTERPOLATED = [
    *(("loggers", "keys"), ("handlers", "keys"), ("formatters", "keys")),
    *(("logger_root", name) for name in ("level", "handlers", "qualname", "propagate")),
    *(("logger_db", name) for name in ("level", "handlers", "qualname", "propagate")),
    *(("handler_m", name) for name in ("class", "level", "formatter", "args", "kwargs", "target")),
    ("formatter_f", "class"),
]


@pytest.mark.parametrize(("title", "option"), INTERPOLATED)
@pytest.mark.parametrize("value", ["%(keys)s", "%", "%%%", "a%b", "%%%(x)s", "%s"])
def test_nothing_is_interpolated(title: str, option: str, value: str) -> None:
    """A percent sign that the library would take for a reference is refused wherever it would."""
    expected = (
        f"{title}.{option}: holds a % that the library would interpolate; not done here, and %% is"
        " a percent sign"
    )
    assert expected == refusal(changed(title, **{option: value}))


@pytest.mark.parametrize("document", [b"", b"\n\n", b"# nothing\n; at all\n"])
def test_a_text_without_a_section_is_no_ini(document: bytes) -> None:
    """It is refused for its form, as an empty text is where JSON is expected."""
    with pytest.raises(MalformedError) as caught:
        read_ini_plan(document)
    assert Reason.DOCUMENT_MALFORMED is caught.value.reason
    assert "holds no section at all" == caught.value.detail


@pytest.mark.parametrize("title", [title for title in SECTIONS if "_" not in title])
def test_the_lists_have_to_be_there(title: str) -> None:
    """All three, each with its keys, and with the root logger among them."""
    without = {other: options for other, options in SECTIONS.items() if other != title}
    assert f"{title}: the section is missing" == refusal(text(without))
    assert f"{title}.keys: is missing" == refusal(changed(title, keys=None))
    expected = f"{title}: 'key' is not an option here; did you mean keys?"
    assert expected == refusal(changed(title, key="x"))


@pytest.mark.parametrize(
    ("title", "options", "expected"),
    [
        # ---- sections -----------------------------------------------------------------------
        ("loggers", {"keys": "db"}, "loggers.keys: root is missing; its section is [logger_root]"),
        ("loggers", {"keys": ""}, "loggers.keys: root is missing; its section is [logger_root]"),
        ("loggers", {"keys": "root,db,db"}, "loggers.keys: names 'db' twice"),
        ("loggers", {"keys": "root,root,db"}, "loggers.keys: names 'root' twice"),
        ("loggers", {"keys": "root;db"}, "loggers.keys: 'root;db' has no section of its own"),
        ("handlers", {"keys": "h,m,n"}, "handlers.keys: 'n' has no section of its own"),
        ("handlers", {"keys": "h,m,"}, "handlers.keys: '' has no section of its own"),
        ("handlers", {"keys": "H,m"}, "handlers.keys: 'H' has no section of its own"),
        ("handlers", {"keys": "h"}, "handler_m: is not a section here; the keys of [handlers] do"),
        ("formatters", {"keys": ""}, "formatter_f: is not a section here; the keys of [format"),
        ("handler_n", {}, "handler_n: is not a section here; the keys of [handlers] do"),
        ("handler", {}, "handler: is not a section here; did you mean handlers?"),
        ("filters", {"keys": ""}, "filters: is not a section here"),
        ("filter_x", {}, "filter_x: is not a section here"),
        ("alembic", {}, "alembic: is not a section here"),
        ("Loggers", {}, "Loggers: is not a section here; did you mean loggers?"),
        ("default", {}, "default: is not a section here"),
        ("handler_h]", {}, "'handler_h]': is not a section here; the keys of [handlers] do not"),
        ("DEFAULT", {}, "DEFAULT: its options would stand in every other section; not taken"),
        ("DEFAULT", {"args": "()"}, "DEFAULT: its options would stand in every other section"),
        # ---- options ------------------------------------------------------------------------
        ("logger_db", {"propogate": "0"}, "logger_db: 'propogate' is not an option here; did you"),
        ("logger_db", {"filters": "x"}, "logger_db: 'filters' is not an option here"),
        ("logger_db", {"channel": "x"}, "logger_db: 'channel' is not an option here"),
        ("logger_root", {"formatter": "f"}, "logger_root: 'formatter' is not an option here"),
        ("handler_h", {"filename": "x"}, "handler_h: 'filename' is not an option here"),
        ("handler_h", {"stream": "x"}, "handler_h: 'stream' is not an option here"),
        ("handler_h", {"arg": "()"}, "handler_h: 'arg' is not an option here; did you mean args?"),
        ("handler_h", {"()": "os.system"}, "handler_h: '()' is not an option here"),
        ("formatter_f", {"fmt": "x"}, "formatter_f: 'fmt' is not an option here; did you mean"),
        # ---- loggers ------------------------------------------------------------------------
        ("logger_root", {"handlers": None}, "logger_root.handlers: is missing"),
        ("logger_root", {"handlers": "x"}, "root.handlers: 'x' is not defined"),
        ("logger_root", {"handlers": "h,"}, "root.handlers: is an empty name"),
        ("logger_root", {"handlers": "h,h"}, "root.handlers: names 'h' twice"),
        ("logger_root", {"handlers": "hh"}, "root.handlers: 'hh' is not defined; did you mean h?"),
        ("logger_root", {"level": ""}, "root.level: '' is not a level"),
        ("logger_root", {"level": "10"}, "root.level: '10' is not a level"),
        ("logger_root", {"level": "debug"}, "root.level: 'debug' is not a level; did you mean"),
        ("logger_root", {"level": "INFO ; x"}, "root.level: 'INFO ; x' is not a level"),
        ("logger_root", {"qualname": "x"}, "logger_root.qualname: the root logger has no other"),
        ("logger_root", {"propagate": "2"}, "logger_root.propagate: is '2', neither 0 nor 1"),
        ("logger_db", {"qualname": None}, "logger_db.qualname: is missing"),
        ("logger_db", {"qualname": ""}, "logger_db.qualname: is the root logger, which has"),
        ("logger_db", {"qualname": "root"}, "logger_db.qualname: is the root logger, which has"),
        ("logger_db", {"qualname": "a\n b"}, "loggers: the name 'a\\nb' holds characters that do"),
        ("logger_db", {"handlers": None}, "logger_db.handlers: is missing"),
        ("logger_db", {"propagate": "True"}, "logger_db.propagate: is 'True', neither 0 nor 1"),
        ("logger_db", {"propagate": ""}, "logger_db.propagate: is '', neither 0 nor 1"),
        ("logger_db", {"propagate": "01"}, "logger_db.propagate: is '01', neither 0 nor 1"),
        ("logger_db", {"propagate": "\u0660"}, "logger_db.propagate: is '\u0660', neither 0 nor 1"),
        # ---- handlers -----------------------------------------------------------------------
        ("handler_h", {"class": None}, "handler_h.class: is missing"),
        ("handler_h", {"class": ""}, "handler_h.class: '' is not the dotted name of a class"),
        ("handler_h", {"class": "a\n b"}, "handler_h.class: 'a\\nb' is not the dotted name"),
        ("handler_h", {"class": "a()"}, "handler_h.class: 'a()' is not the dotted name"),
        ("handler_h", {"class": "x.Y"}, "handler_h.args: the order of the arguments of 'x.Y' is"),
        ("handler_h", {"level": "LOUD"}, "handlers.h.level: 'LOUD' is not a level"),
        ("handler_h", {"formatter": "g"}, "handlers.h.formatter: 'g' is not defined"),
        ("handler_h", {"args": ""}, "handler_h.args: is not an expression of Python"),
        ("handler_h", {"args": "sys.stdout"}, "handler_h.args: is neither a tuple nor a list"),
        ("handler_h", {"args": "(os.environ,)"}, "handler_h.args: names an object that is not"),
        ("handler_h", {"args": "(sys.stdout, 1)"}, "handler_h.args: 2 values, and logging.Stream"),
        ("handler_h", {"args": "('cfg://x',)"}, "handlers.h.stream: text that starts with cfg://"),
        ("handler_h", {"args": "((sys.stdout,),)"}, "handlers.h.stream: text that starts with ext"),
        ("handler_h", {"args": "([[]],)"}, "handlers.h.stream: is a list that holds a list; not"),
        ("handler_h", {"kwargs": ""}, "handler_h.kwargs: is not an expression of Python"),
        ("handler_h", {"kwargs": "dict()"}, "handler_h.kwargs: is not a dictionary written out"),
        ("handler_h", {"kwargs": "{'stream': 1}"}, "handler_h.kwargs: 'stream' stands in args="),
        ("handler_h", {"kwargs": "{'class': 'x'}"}, "handler_h: class is no argument here; write"),
        ("handler_h", {"kwargs": "{'level': 10}"}, "handler_h: level is no argument here; write"),
        ("handler_h", {"kwargs": "{'()': 'x'}"}, "handler_h.kwargs: '()' is no argument here"),
        ("handler_h", {"kwargs": "{'.': 'x'}"}, "handler_h.kwargs: '.' is no argument here"),
        ("handler_h", {"kwargs": "{'a b': 1}"}, "handlers.h: 'a b' is not the name of an argument"),
        ("handler_h", {"kwargs": "{'queue': 'x'}"}, "handler_h.kwargs: 'queue' is no argument"),
        ("handler_h", {"target": "m"}, "handler_h.target: only a handler of class logging."),
        ("handler_h", {"target": ""}, "handler_h.target: only a handler of class logging."),
        ("handler_m", {"target": "x"}, "handlers.m.target: 'x' is not defined"),
        ("handler_m", {"target": "m"}, "handlers.m.target: 'm' is a memory handler too; chains"),
        ("handler_m", {"args": "(10, 40, 'h')"}, "handler_m: the target is no argument here; name"),
        # ---- formatters ---------------------------------------------------------------------
        ("formatter_f", {"format": ""}, "formatters.f.format: is empty"),
        ("formatter_f", {"format": "%(message"}, "formatters.f.format: is not a format of style %"),
        ("formatter_f", {"format": "no fields"}, "formatters.f.format: is not a format of style %"),
        ("formatter_f", {"style": ""}, "formatters.f.style: '' is not a style"),
        ("formatter_f", {"style": "%%"}, "formatters.f.style: '%%' is not a style"),
        ("formatter_f", {"class": "a b"}, "formatters.f.class: 'a b' is not the dotted name"),
        ("formatter_f", {"validate": "False"}, "formatter_f.validate: is not True; in this"),
        ("formatter_f", {"validate": ""}, "formatter_f.validate: is not True; in this"),
        ("formatter_f", {"defaults": "()"}, "formatter_f.defaults: is not a dictionary written"),
        ("formatter_f", {"defaults": "None"}, "formatter_f.defaults: is not a dictionary written"),
        ("formatter_f", {"defaults": "{'a': []}"}, "formatters.f.defaults.a: is a list; a default"),
        ("formatter_f", {"defaults": "{'a': sys.stdout}"}, "formatters.f.defaults.a: text that"),
        ("formatter_f", {"defaults": "{'a': open}"}, "formatter_f.defaults: names an object that"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(
    title: str, options: dict[str, str | None], expected: str
) -> None:
    """Each refusal starts with the place, and says what was expected there."""
    assert refusal(changed(title, **options)).startswith(expected)


def test_a_logger_has_one_section() -> None:
    """The library configures it twice, and the last one wins."""
    sections = SECTIONS | {
        "loggers": {"keys": "root,db,x"},
        "logger_x": {"qualname": "payments.db", "handlers": ""},
    }
    expected = "logger_x.qualname: 'payments.db' has a section already"
    assert expected == refusal(text(sections))


def test_no_secret_is_quoted() -> None:
    """A refusal names options, and does not repeat what the arguments hold."""
    secret = "hunter2"
    for value in (f"('{secret}' + 'x',)", f"({secret},)", f"'{secret}'", f"(1, '{secret}')"):
        assert secret not in refusal(changed("handler_h", args=value))
        assert secret not in refusal(changed("handler_h", kwargs=value))
    assert secret not in refusal(changed("handler_h", kwargs=f"{{'password': '{secret}%'}}"))


def test_the_parser_is_loaded_with_the_first_document() -> None:
    """Who imports sealwire and sends no INI does not pay for it."""
    program = (
        "import sys, sealwire.documents as d, sealwire.requests;"
        "before = 'configparser' in sys.modules;"
        "d.read_ini_plan(sys.stdin.buffer.read());"
        "print(before, 'configparser' in sys.modules, 'logging.handlers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=text(SECTIONS), capture_output=True, check=True
    )
    assert ["False", "True", "False"] == done.stdout.decode().split()
