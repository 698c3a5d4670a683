"""An INI document means what its twin in JSON means, and what the library makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.documents import LoggingPlan, read_ini_plan, read_plan
from sealwire.documents.reading import LEVELS

if TYPE_CHECKING:
    from pathlib import Path


class Twins(NamedTuple):
    """One configuration in two languages."""

    name: str
    ini: str
    json: dict[str, object]

    def plans(self) -> tuple[LoggingPlan, LoggingPlan]:
        """Read both."""
        document = {"version": 1, **self.json}
        return read_ini_plan(dedent(self.ini).encode()), read_plan(json.dumps(document).encode())


# The example of the library's documentation, but for a time-out of 10.0 seconds, which is no
# integer, and for a handler that needs Windows.
DOCUMENTATION = Twins(
    "the documentation's example",
    """\
    [loggers]
    keys=root,log02,log03

    [handlers]
    keys=hand01,hand02,hand03,hand04,hand05,hand07,hand08,hand09

    [formatters]
    keys=form01,form02

    [logger_root]
    level=NOTSET
    handlers=hand01

    [logger_log02]
    level=DEBUG
    handlers=hand02, hand03
    propagate=1
    qualname=compiler.parser

    [logger_log03]
    level=NOTSET
    handlers=hand04,hand05,hand07,hand08,hand09
    propagate=0
    qualname=compiler

    [handler_hand01]
    class=StreamHandler
    level=NOTSET
    formatter=form01
    args=(sys.stdout,)

    [handler_hand02]
    class=FileHandler
    level=DEBUG
    formatter=form02
    args=('python.log', 'w')

    [handler_hand03]
    class=handlers.SocketHandler
    level=INFO
    formatter=form01
    args=('localhost', handlers.DEFAULT_TCP_LOGGING_PORT)

    [handler_hand04]
    class=handlers.DatagramHandler
    level=WARN
    formatter=
    args=('localhost', handlers.DEFAULT_UDP_LOGGING_PORT)

    [handler_hand05]
    class=handlers.SysLogHandler
    level=ERROR
    formatter=form02
    args=(('127.0.0.1', handlers.SYSLOG_UDP_PORT), handlers.SysLogHandler.LOG_USER)

    [handler_hand07]
    class=handlers.SMTPHandler
    level=WARN
    formatter=form02
    args=('localhost', 'from@abc', ['user1@abc', 'user2@xyz'], 'Logger Subject')
    kwargs={'timeout': 10}

    [handler_hand08]
    class=handlers.MemoryHandler
    level=NOTSET
    formatter=form02
    target=
    args=(10, ERROR)

    [handler_hand09]
    class=handlers.HTTPHandler
    level=NOTSET
    formatter=form02
    args=('localhost:9022', '/log', 'GET')
    kwargs={'secure': True}

    [formatter_form01]
    format=F1 %(asctime)s %(levelname)s %(message)s %(customfield)s
    datefmt=
    style=%
    validate=True
    defaults={'customfield': 'defaultvalue'}
    class=logging.Formatter

    [formatter_form02]
    format=F2 %(asctime)s %(message)s
    """,
    {
        "formatters": {
            "form01": {
                "format": "F1 %(asctime)s %(levelname)s %(message)s %(customfield)s",
                "defaults": {"customfield": "defaultvalue"},
            },
            "form02": {"format": "F2 %(asctime)s %(message)s"},
        },
        "handlers": {
            "hand01": {
                "class": "logging.StreamHandler",
                "level": "NOTSET",
                "formatter": "form01",
                "stream": "ext://sys.stdout",
            },
            "hand02": {
                "class": "logging.FileHandler",
                "level": "DEBUG",
                "formatter": "form02",
                "filename": "python.log",
                "mode": "w",
            },
            "hand03": {
                "class": "logging.handlers.SocketHandler",
                "level": "INFO",
                "formatter": "form01",
                "host": "localhost",
                "port": 9020,
            },
            "hand04": {
                "class": "logging.handlers.DatagramHandler",
                "level": "WARNING",
                "host": "localhost",
                "port": 9021,
            },
            "hand05": {
                "class": "logging.handlers.SysLogHandler",
                "level": "ERROR",
                "formatter": "form02",
                "address": ["127.0.0.1", 514],
                "facility": 1,
            },
            "hand07": {
                "class": "logging.handlers.SMTPHandler",
                "level": "WARNING",
                "formatter": "form02",
                "mailhost": "localhost",
                "fromaddr": "from@abc",
                "toaddrs": ["user1@abc", "user2@xyz"],
                "subject": "Logger Subject",
                "timeout": 10,
            },
            "hand08": {
                "class": "logging.handlers.MemoryHandler",
                "level": "NOTSET",
                "formatter": "form02",
                "capacity": 10,
                "flushLevel": "ERROR",
            },
            "hand09": {
                "class": "logging.handlers.HTTPHandler",
                "level": "NOTSET",
                "formatter": "form02",
                "host": "localhost:9022",
                "url": "/log",
                "method": "GET",
                "secure": True,
            },
        },
        "loggers": {
            "compiler.parser": {
                "level": "DEBUG",
                "handlers": ["hand02", "hand03"],
                "propagate": True,
            },
            "compiler": {
                "level": "NOTSET",
                "handlers": ["hand04", "hand05", "hand07", "hand08", "hand09"],
                "propagate": False,
            },
        },
        "root": {"level": "NOTSET", "handlers": ["hand01"]},
    },
)

FILES = Twins(
    "handlers of files",
    """\
    # Every way to write an argument.
    [loggers]
    keys = root
    [handlers]
    keys = file, watched, rotating, timed, memory, null
    [formatters]
    keys = short, long

    [logger_root]
    level: INFO
    handlers: file,watched,rotating,timed,memory,null
    qualname:
    propagate: 1

    [handler_file]
    class: logging.FileHandler
    args: ['a.log']
    kwargs: {'encoding': 'utf-8', 'delay': True}

    [handler_watched]
    CLASS = logging.handlers.WatchedFileHandler
    Args = ('b%%.log', 'a',
            # A comment within,

            'utf-8', True, "backslashreplace",
           )

    [handler_rotating]
    class = handlers.RotatingFileHandler
    formatter = short
    kwargs = {
        'filename': r'c.log', 'maxBytes': 1000000, # about a megabyte
        'backupCount': 3, 'delay': True,
        }

    [handler_timed]
    class = handlers.TimedRotatingFileHandler
    formatter = long
    args = ('d.log', 'midnight', 1, 7, None, True, True)

    [handler_memory]
    class = handlers.MemoryHandler
    args = (100, CRITICAL, None, False)
    target = file

    [handler_null]
    class = NullHandler
    level = CRITICAL

    [formatter_short]
    style = {
    format = {levelname} 100% {message}

    [formatter_long]
    style = $
    format = ${asctime}
        ${message}
    datefmt = %H:%M
    """,
    {
        "formatters": {
            "short": {"style": "{", "format": "{levelname} 100% {message}"},
            "long": {"style": "$", "format": "${asctime}\n${message}", "datefmt": "%H:%M"},
        },
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "filename": "a.log",
                "encoding": "utf-8",
                "delay": True,
            },
            "watched": {
                "class": "logging.handlers.WatchedFileHandler",
                "filename": "b%.log",
                "mode": "a",
                "encoding": "utf-8",
                "delay": True,
                "errors": "backslashreplace",
            },
            "rotating": {
                "class": "logging.handlers.RotatingFileHandler",
                "formatter": "short",
                "filename": "c.log",
                "maxBytes": 1_000_000,
                "backupCount": 3,
                "delay": True,
            },
            "timed": {
                "class": "logging.handlers.TimedRotatingFileHandler",
                "formatter": "long",
                "filename": "d.log",
                "when": "midnight",
                "interval": 1,
                "backupCount": 7,
                "encoding": None,
                "delay": True,
                "utc": True,
            },
            "memory": {
                "class": "logging.handlers.MemoryHandler",
                "capacity": 100,
                "flushLevel": 50,
                "target": "file",
                "flushOnClose": False,
            },
            "null": {"class": "logging.NullHandler", "level": "CRITICAL"},
        },
        "root": {
            "level": "INFO",
            "handlers": ["file", "watched", "rotating", "timed", "memory", "null"],
        },
    },
)

# What the loggers were before is in the program below.
EXISTING = Twins(
    "loggers that exist",
    """\
    [loggers]
    keys=root,a,b
    [handlers]
    keys=h
    [formatters]
    keys=
    [logger_root]
    handlers=
    [logger_a]
    qualname=compiler
    handlers=h
    [logger_b]
    qualname=quiet
    level=ERROR
    handlers=
    [handler_h]
    class=StreamHandler
    """,
    {
        "handlers": {"h": {"class": "logging.StreamHandler"}},
        "loggers": {
            "compiler": {"handlers": ["h"], "propagate": True},
            "quiet": {"level": "ERROR", "propagate": True},
        },
        "root": {"handlers": []},
    },
)

WINDOWS = Twins(
    "the documentation's handler for Windows",
    """\
    [loggers]
    keys=root
    [handlers]
    keys=hand06
    [formatters]
    keys=
    [logger_root]
    handlers=hand06
    [handler_hand06]
    class=handlers.NTEventLogHandler
    level=CRITICAL
    args=('Python Application', '', 'Application')
    """,
    {
        "handlers": {
            "hand06": {
                "class": "logging.handlers.NTEventLogHandler",
                "level": "CRITICAL",
                "appname": "Python Application",
                "dllname": "",
                "logtype": "Application",
            }
        },
        "root": {"handlers": ["hand06"]},
    },
)

# Configures a process whose logging was in use before, and describes everything it has then.
PROGRAM = """
import io, json, logging, logging.config, sys

for name, level in [("compiler", 5), ("compiler.parser.child", 5), ("quiet", 0), ("other", 15)]:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.addHandler(logging.NullHandler())
    logger.propagate = logger.disabled = name == "quiet"
logging.root.setLevel(42)
logging.root.addHandler(logging.NullHandler())

kind, text = json.load(sys.stdin)
if kind == "ini":
    logging.config.fileConfig(io.StringIO(text), disable_existing_loggers=False)
else:
    logging.config.dictConfig(json.loads(text))

def describe(thing):
    if isinstance(thing, logging.Handler):
        parts = {key: describe(value) for key, value in sorted(vars(thing).items())}
        # The time at which it is to begin a new file moves on.
        return [type(thing).__qualname__, thing.name, {**parts, "rolloverAt": 0}]
    if isinstance(thing, logging.Formatter):
        style = thing._style
        # The class looks no closer than this at the format of a date.
        date = thing.datefmt or None
        defaults = getattr(style, "_defaults", None)
        return [type(thing).__qualname__, thing._fmt, date, type(style).__name__, defaults]
    if isinstance(thing, (list, tuple)):
        return [describe(each) for each in thing]
    if thing is None or isinstance(thing, (str, int, float)):
        return thing
    # A stream by its name; other objects, such as locks and sockets, by their class.
    return [type(thing).__qualname__, getattr(thing, "name", None)]

loggers = {"": logging.root}
for name, logger in logging.root.manager.loggerDict.items():
    loggers[name] = logger
tree = {
    name: "placeholder" if isinstance(logger, logging.PlaceHolder) else [
        logger.level, bool(logger.propagate), bool(logger.disabled), describe(logger.handlers),
        describe(logger.filters),
    ]
    for name, logger in loggers.items()
}
known = sorted(logging._handlers)
print(json.dumps([tree, known], sort_keys=True))
"""


def tree(directory: Path, kind: str, text: str) -> str:
    """Give the description of the logging tree that a new process has with this configuration."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input=json.dumps([kind, text]),
        capture_output=True,
        check=True,
        cwd=directory,
        text=True,
    )
    return done.stdout


TWINS = [DOCUMENTATION, FILES, EXISTING, WINDOWS]


@pytest.mark.parametrize("twins", TWINS, ids=[twins.name for twins in TWINS])
def test_twins_are_one_plan(twins: Twins) -> None:
    """The same plan, with the same digest, whichever language it was written in."""
    ini, json = twins.plans()
    assert ini == json
    assert ini.digest() == json.digest()


@pytest.mark.parametrize("twins", TWINS[:3], ids=[twins.name for twins in TWINS[:3]])
def test_the_library_makes_the_same_of_it(tmp_path: Path, twins: Twins) -> None:
    """``fileConfig`` with the text, and ``dictConfig`` with the plan, leave the same tree."""
    plan, _ = twins.plans()
    by_library = tree(tmp_path, "ini", dedent(twins.ini))
    by_plan = tree(tmp_path, "dict", plan.canonical().decode())
    assert json.loads(by_library) == json.loads(by_plan)
    for handler in plan.handlers:
        assert f'"{handler.name}"' in by_library


# ---- whatever configuration ---------------------------------------------------------------------

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=",%[]"),
    min_size=1,
    max_size=6,
).filter(lambda name: name not in {"()", ".", "root"} and not name.startswith(("ext://", "cfg://")))
TEXTS = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=8).filter(
    lambda text: not text.startswith(("ext://", "cfg://"))
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS
LEVEL_NAMES = st.sampled_from(sorted(LEVELS))
ARGUMENTS = st.dictionaries(
    st.from_regex(r"[a-z][a-zA-Z_]{0,9}", fullmatch=True).filter(
        lambda name: name not in {"class", "level", "formatter", "filters", "queue", "listener"}
    ),
    SCALARS | st.lists(SCALARS, max_size=3),
    max_size=4,
)


def optional(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects of these entries, each of which may be missing."""
    return st.fixed_dictionaries({}, optional=entries)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Give a configuration that INI can express."""
    formatters = draw(
        st.dictionaries(
            NAMES,
            optional(
                format=st.sampled_from(["%(message)s", "100%% %(name)s\n%(message)-10s"]),
                datefmt=st.sampled_from(["%H:%M", "%%"]),
                defaults=st.dictionaries(NAMES, SCALARS, max_size=2),
                **{"class": st.sampled_from(["app.Formatter", "logging.Formatter"])},
            ),
            max_size=3,
        )
    )
    handlers: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        entries = draw(optional(level=LEVEL_NAMES))
        if formatters:
            entries |= draw(optional(formatter=st.sampled_from(sorted(formatters))))
        handlers[name] = {"class": "app.Handler", **entries, **draw(ARGUMENTS)}
    some = st.lists(st.sampled_from(sorted(handlers)), unique=True) if handlers else st.just([])
    logger = st.fixed_dictionaries({"handlers": some}, optional={"level": LEVEL_NAMES})
    return {
        "version": 1,
        "formatters": formatters,
        "handlers": handlers,
        "loggers": {
            name: {**draw(logger), "propagate": draw(st.booleans())}
            for name in draw(st.lists(NAMES, max_size=3, unique=True))
        },
        "root": draw(logger),
    }


def as_ini(configuration: dict[str, Any]) -> str:
    """Write a configuration as INI."""
    lists: dict[str, list[str]] = {"loggers": ["root"], "handlers": [], "formatters": []}
    sections: list[str] = []

    def section(kind: str, name: str, **options: object) -> None:
        if name not in lists[f"{kind}s"]:
            lists[f"{kind}s"].append(name)
        lines = [f"{key} = {value}" for key, value in options.items()]
        # A line feed in a value is an indented line.
        sections.append("\n".join([f"[{kind}_{name}]", *lines]).replace("\n-", "\n  -"))

    for name, entries in configuration["formatters"].items():
        written = {**entries}
        if "format" in entries:
            written["format"] = entries["format"].replace("\n", "\n  ")
        section("formatter", name, **written)
    for name, entries in configuration["handlers"].items():
        options = {
            key: entries.pop(key) for key in ("class", "level", "formatter") & entries.keys()
        }
        section("handler", name, **options, kwargs=repr(entries).replace("%", "%%"))
    loggers = {"root": configuration["root"]}
    for number, (name, entries) in enumerate(configuration["loggers"].items()):
        loggers[str(number)] = {**entries, "qualname": name}
    for name, entries in loggers.items():
        options = {**entries, "handlers": " , ".join(entries["handlers"])}
        if "propagate" in options:
            options["propagate"] = int(options["propagate"])
        section("logger", name, **options)
    heads = [f"[{title}]\nkeys = {','.join(names)}" for title, names in lists.items()]
    return "\n\n".join([*heads, *sections])


@given(configurations())
def test_any_configuration_has_a_twin(configuration: dict[str, Any]) -> None:
    """Written as INI, it is read as the same plan."""
    expected = read_plan(json.dumps(configuration).encode())
    assert expected == read_ini_plan(as_ini(configuration).encode())
