"""Whatever valid configuration: it reads, comes back from its canonical form, and applies."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.documents import LoggingPlan, read_plan
from sealwire.documents.reading import LEVELS
from sealwire.policy import default_rules, judge
from sealwire.requests import Apply
from sealwire.stages import Opened

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pytest
    from tests.conftest import Operator

Entries = dict[str, object]

# Stands in paths for a directory that each test has of its own.
DIRECTORY = "/a/directory"

RESERVED = {"", "root", "()", "."}
QUEUES = sys.version_info >= (3, 12)
NAMES = (
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)
    | st.sampled_from(["console", "payments.db", "a b", "__main__", "class", "a:b", "ext:/"])
).filter(lambda name: name not in RESERVED and not name.startswith(("ext://", "cfg://")))
LEVEL_VALUES = st.sampled_from(sorted(LEVELS)) | st.integers(0, 60) | st.none()

FORMATS = {
    "%": ["%(message)s", "%(asctime)s %(levelname)-8s %(message)s 100%%", "%(created).3f\n"],
    "{": ["{message}", "{asctime:>30} {{}} {lineno:05d} {message!r}"],
    "$": ["$message", "${asctime} $$ $levelname"],
}


def optional(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Entries]:
    """Give objects of these entries, each of which may be missing."""
    return st.fixed_dictionaries({}, optional=entries)


@st.composite
def formatters(draw: st.DrawFn) -> Entries:
    """Give a formatter that formats."""
    style = draw(st.sampled_from(sorted(FORMATS)))
    entries = draw(
        optional(
            format=st.sampled_from(FORMATS[style]),
            datefmt=st.sampled_from(["%Y-%m-%d", "%H:%M:%S %%"]) | st.none(),
            validate=st.booleans(),
            **{"class": st.sampled_from([None, "logging.Formatter"])},
        )
    )
    # Before Python 3.12 the library ignores them, and what applies a plan refuses it.
    if sys.version_info >= (3, 12) and draw(st.booleans()):
        entries["defaults"] = {"user": "-", "age": 1}
    return {"style": style, **entries}


FILE_ENTRIES = optional(
    mode=st.just("a"), encoding=st.sampled_from(["utf-8", None]), delay=st.booleans()
)
ARGUMENTS: dict[str, st.SearchStrategy[Entries]] = {
    "logging.NullHandler": st.just({}),
    "logging.StreamHandler": optional(
        stream=st.sampled_from(["ext://sys.stdout", "ext://sys.stderr"])
    ),
    "logging.FileHandler": FILE_ENTRIES,
    "logging.handlers.WatchedFileHandler": FILE_ENTRIES,
    "logging.handlers.RotatingFileHandler": optional(
        maxBytes=st.sampled_from([0, 65536, 10**9]), backupCount=st.integers(0, 1000)
    ),
    "logging.handlers.TimedRotatingFileHandler": optional(
        when=st.sampled_from(["m", "M", "h", "D", "W0", "midnight"]),
        interval=st.integers(1, 1000),
        utc=st.booleans(),
    ),
    "logging.handlers.SysLogHandler": optional(
        facility=st.sampled_from(["user", "local7"]) | st.integers(0, 23)
    ),
}


# Of the library, so that it can make them; no policy allows these, and that is not asked here.
MADE_FORMATTERS = optional(
    fmt=st.sampled_from(["%(message)s", None]), datefmt=st.just("%H"), validate=st.booleans()
).map(lambda entries: {"()": "logging.Formatter", **entries, ".": {"default_msec_format": None}})
MADE_FILTERS = optional(name=NAMES, **{".": optional(tag=st.booleans() | st.integers(0, 9))}).map(
    lambda entries: {"()": "logging.Filter", **entries}
)
MADE_HANDLERS: st.SearchStrategy[Entries] = st.sampled_from(
    [
        {"()": "logging.NullHandler"},
        {"()": "logging.StreamHandler", "stream": "ext://sys.stdout"},
        {"()": "logging.StreamHandler", ".": {"terminator": "\r\n", "more": None}},
        {"class": "logging.StreamHandler", "stream": None, ".": {"terminator": ""}},
    ]
)
QUEUED = optional(
    queue=st.sampled_from(
        [
            None,
            "queue.Queue",
            "queue.LifoQueue",
            {"()": "queue.Queue", "maxsize": 5},
            {"()": "queue.PriorityQueue"},
        ]
    ),
    listener=st.sampled_from([None, "logging.handlers.QueueListener"]),
    respect_handler_level=st.booleans() | st.none(),
)


@st.composite
def customized(draw: st.DrawFn, handler: Entries, others: list[str]) -> Entries:
    """Give another handler in its place, or one whose level is that of another one."""
    if draw(st.booleans()):
        handler = {"level": handler["level"], **draw(MADE_HANDLERS)}
    # Some names cannot stand in a pointer, or look like an index of a list.
    named = [name for name in others if not set("[]") & set(name) and not name.isdigit()]
    pointing: bool = draw(st.booleans())
    if named and pointing:
        handler["level"] = f"cfg://handlers[{draw(st.sampled_from(named))}].level"
    return handler


@st.composite
def queued(draw: st.DrawFn, handlers: dict[str, Entries]) -> Entries:
    """Give a queue handler in front of some of these, where this Python has any."""
    behind = [each for each in handlers if "target" not in handlers[each]]
    several = draw(st.lists(st.sampled_from(behind), min_size=1, unique=True))
    return {"class": "logging.handlers.QueueHandler", "handlers": several, **draw(QUEUED)}


@st.composite
def configurations(draw: st.DrawFn, *, custom: bool = False) -> Entries:
    """Give a configuration, with files beneath `DIRECTORY`.

    The default policy allows it, unless it is ``custom``: then parts are made by factories, have
    attributes, stand behind queues or point to each other.
    """
    some_formatters = formatters() | MADE_FORMATTERS if custom else formatters()
    plain = optional(name=NAMES | st.just(""))
    some_filters = plain | MADE_FILTERS if custom else plain
    formatter_entries = draw(st.dictionaries(NAMES, some_formatters, max_size=3))
    filter_entries = draw(st.dictionaries(NAMES, some_filters, max_size=3))

    def some(names: list[str]) -> st.SearchStrategy[list[str]]:
        return st.lists(st.sampled_from(names), unique=True) if names else st.just([])

    handlers: dict[str, Entries] = {}
    for number, name in enumerate(draw(st.lists(NAMES, max_size=4, unique=True))):
        class_name = draw(st.sampled_from(sorted(ARGUMENTS)))
        handler: Entries = {"class": class_name, "level": draw(LEVEL_VALUES)}
        handler |= draw(ARGUMENTS[class_name])
        if "File" in class_name:
            handler["filename"] = f"{DIRECTORY}/{number}.log"
        if class_name.endswith("SysLogHandler"):
            handler["address"] = "/dev/log"
        if formatter_entries:
            handler["formatter"] = draw(st.sampled_from([None, *formatter_entries]))
        handler["filters"] = draw(some(list(filter_entries)))
        handlers[name] = draw(customized(handler, list(handlers))) if custom else handler
    buffered: bool = draw(st.booleans())
    if handlers and buffered:
        memory: Entries = draw(
            optional(flushLevel=st.sampled_from(["ERROR", 30]), flushOnClose=st.booleans())
        )
        target = draw(st.sampled_from(sorted(handlers)))
        name = draw(NAMES.filter(lambda name: name not in handlers))
        memory |= {"class": "logging.handlers.MemoryHandler", "capacity": 7, "target": target}
        handlers[name] = memory

    if custom and handlers and QUEUES:
        handlers["a queue in front"] = draw(queued(handlers))

    logger = optional(
        level=LEVEL_VALUES, handlers=some(list(handlers)), filters=some(list(filter_entries))
    )
    loggers = draw(st.dictionaries(NAMES, logger, max_size=4))
    for entries in loggers.values():
        entries.update(draw(optional(propagate=st.booleans())))
    # The library keeps weak references alone, and a handler without a logger is gone at once.
    loggers["every handler"] = {"handlers": list(handlers)}
    sections: Entries = {
        "formatters": formatter_entries,
        "filters": filter_entries,
        "handlers": handlers,
        "loggers": loggers,
    }
    if draw(st.booleans()):
        root = draw(logger)
        key = draw(st.sampled_from(["root", ""]))
        if key:
            sections["root"] = root
        else:
            loggers[""] = root
    sections |= draw(optional(disable_existing_loggers=st.booleans()))
    return {"version": 1, **sections}


def read(configuration: Entries, directory: str = DIRECTORY) -> LoggingPlan:
    """Read a configuration, its files beneath ``directory``."""
    text = json.dumps(configuration).replace(DIRECTORY, directory)
    return read_plan(text.encode())


@given(configurations() | configurations(custom=True))
def test_a_plan_comes_back_from_its_canonical_form(configuration: Entries) -> None:
    """Nothing is lost or changed on the way to the dictionary and back."""
    plan = read(configuration)
    again = read_plan(plan.canonical())
    assert plan == again
    assert plan.digest() == again.digest()
    assert hash(plan) == hash(again)


@given(
    configurations() | configurations(custom=True),
    st.randoms(use_true_random=False),
)
def test_the_order_of_a_document_means_nothing(
    configuration: Entries, chance: random.Random
) -> None:
    """The same entries in another order are the same plan, with the same digest."""

    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            keys = list(value)
            chance.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return value

    other = shuffled(configuration)
    assert isinstance(other, dict)
    assert read(configuration).digest() == read(other).digest()


@given(configurations())
def test_the_default_policy_allows_it(alice: Operator, configuration: Entries) -> None:
    """What ordinary handlers are used with is within the default limits."""
    opened = Opened(b"", alice.claims(), "application/json", b"", evidence=())
    judge(default_rules([DIRECTORY]), Apply(opened, read(configuration)))


@settings(max_examples=300)
@given(configuration=configurations() | configurations(custom=True))
def test_the_library_takes_it(
    tmp_path_factory: pytest.TempPathFactory,
    own_tree: Callable[[], AbstractContextManager[None]],
    configuration: Entries,
) -> None:
    """The real ``dictConfig`` takes the dictionary and the canonical form, and does as they say."""
    plan = read(configuration, str(tmp_path_factory.getbasetemp()))
    for dictionary in (plan.to_dict(), json.loads(plan.canonical())):
        with own_tree():
            existing = logging.getLogger("an existing logger")
            logging.config.dictConfig(dictionary)
            built = vars(logging)["_handlers"]
            assert {handler.name for handler in plan.handlers} == set(built)
            for handler in plan.handlers:
                assert (handler.level or 0) == built[handler.name].level
                assert len(handler.filters) == len(built[handler.name].filters)
            for logger in [*plan.loggers, *([plan.root] if plan.root else [])]:
                live = logging.getLogger(logger.name)
                assert list(logger.handlers) == [handler.name for handler in live.handlers]
                assert logger.level is None or logger.level == live.level
                assert live.propagate is (logger.propagate is not False)
            assert plan.disable_existing_loggers is existing.disabled
