"""A hundred thousand and more mutated INI documents: a refusal is all that ever comes out.

Most are changed as bytes, and mostly end in the reader of sections. The others are changed line by
line, with words that mean something, and get through to arguments and to the rules of the policy.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import MalformedError, PolicyError, Reason, RefusedError
from sealwire.policy import Rule, default_rules, judge
from sealwire.requests import CONTENT_TYPE_INI, Apply, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.conftest import Operator

BYTE_CHANGES = 100_000
LINE_CHANGES = 30_000
ALLOWED_CHANGES = 2_000

RULES = default_rules(["/var/log/app"])

SMALLEST = """\
[loggers]
keys=root
[handlers]
keys=
[formatters]
keys=
[logger_root]
handlers="""

SEEDS = [
    SMALLEST,
    """\
[loggers]
keys=root,x
[handlers]
keys=h
[formatters]
keys=f
[logger_root]
level=WARNING
handlers=h
[logger_x]
qualname=a.b
propagate=0
handlers=h
[handler_h]
class=StreamHandler
formatter=f
args=(sys.stdout,)
[formatter_f]
format={message:>10}
style={
datefmt=%H:%M""",
    """\
# A comment.
[loggers]
keys : root
[handlers]
keys : file, memory , syslog
[formatters]
keys :
[logger_root]
handlers = file,
  memory, syslog
[handler_file]
class = handlers.RotatingFileHandler
args = ('/var/log/app/x%%.log', 'a', 1000000,
    # Another one.
    3)
kwargs = {'encoding': "utf-8", 'delay': True}
[handler_memory]
class = handlers.MemoryHandler
target = file
args = [10, ERROR, None]
[handler_syslog]
class = handlers.SysLogHandler
args = ('/dev/log', handlers.SysLogHandler.LOG_USER)""",
    """\
[loggers]
keys=root
[handlers]
keys=h
[formatters]
keys=f
[logger_root]
handlers=h
[handler_h]
class=FileHandler
kwargs={'filename': r'/var/log/app/\u00e4'} # raw
[formatter_f]
format=%(message)s %(user)-10s
defaults={'user': '-\\t', 'n': -1}
validate=True""",
]

TELLING = (
    *("", "root", "h", "h,h", "h,", "x", "0", "1", "2", "DEBUG", "debug", "%", "%%", "%(class)s"),
    *("[DEFAULT]", "[handler_h]", "[x]", "keys=h", "class=os.system", "args=(open('x'),)", "  x"),
    *("NullHandler", "FileHandler", "handlers.SocketHandler", "os.system", "ext://sys.stdout"),
    *("()", "[]", "{}", "(", "((((((((", "(1,)", "(-1,)", "(sys.stderr,)", "(sys.exit,)", "(f'',)"),
    *("('/var/log/app/y',)", "('/etc/passwd',)", "('/var/log/app/y', 'w')", "('a' 'b',)", "(1.5,)"),
    *(
        "('ext://os.abort',)",
        "('cfg://x',)",
        "(('198.51.100.7', 514),)",
        "({},)",
        "(1 if 2 else 3,)",
    ),
    *(
        "{'filename': '/var/log/app/z'}",
        "{'filename': '/etc/x'}",
        "{'()': 'x'}",
        "{1: 2}",
        "{'a': {}}",
    ),
    *("%(message)d", "%(args)s", "{args[0]}", "$message", "%s", "%1000000000Y", "os.Formatter"),
    *("9" * 30, "(" * 3_000, "x" * 3_000, "x" + " " * 100 + "y", "\0", "\r", "\u2028", "\ufeff"),
)


def changed(chance: random.Random, lines: list[str]) -> list[str]:
    """Give ``lines`` with about one of them replaced, added or taken out, or with another value."""
    at = chance.randrange(len(lines))
    kind = chance.randrange(6)
    line = lines[at]
    if kind == 0:
        return lines[:at] + lines[at + 1 :]
    if kind == 1:
        return [*lines[:at], chance.choice(lines), *lines[at:]]
    if kind == 2:
        return [*lines[:at], chance.choice(TELLING), *lines[at:]]
    mark = next((mark for mark in "=:" if mark in line), "=")
    option, _, value = line.partition(mark)
    if kind == 3:
        option = chance.choice([option.upper(), chance.choice(lines).partition(mark)[0], "level"])
    else:
        value = chance.choice(TELLING)
    return [*lines[:at], f"{option}{mark}{value}", *lines[at + 1 :]]


def several_changes(chance: random.Random, seeds: Sequence[str] = SEEDS) -> str:
    """Give one of the seeds with one to three changes."""
    lines = chance.choice(seeds).split("\n")
    for _ in range(chance.choice((1, 1, 2, 3))):
        lines = changed(chance, lines)
    return "\n".join(lines)


def read(operator: Operator, document: bytes, rules: Iterable[Rule] = RULES) -> LoggingPlan:
    """Read and judge a document; any exception that is no refusal is a failure."""
    opened = Opened(document, operator.claims(), CONTENT_TYPE_INI, document, evidence=())
    request = read_request(opened)
    judge(rules, request)
    assert isinstance(request, Apply)
    return request.plan


def what_happens(operator: Operator, document: bytes) -> str:
    """Give the reason or the rule for which a document is refused, or say that it is allowed."""
    try:
        plan = read(operator, document)
    except MalformedError as error:
        return error.reason.value
    except PolicyError as error:
        return error.rule
    assert plan == read_plan(plan.canonical())
    return "allowed"


def test_changed_bytes_are_refused_or_read(
    alice: Operator, mutate: Callable[[random.Random, Sequence[bytes]], bytes]
) -> None:
    """Changes to the bytes: nothing but a refusal comes out, and some documents still read."""
    chance = random.Random(20261125)
    seeds = [seed.encode() for seed in SEEDS]
    seen: dict[str, int] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(BYTE_CHANGES):
            outcome = what_happens(alice, mutate(chance, seeds))
            seen[outcome] = seen.get(outcome, 0) + 1
    assert [] == caught
    assert BYTE_CHANGES == sum(seen.values())
    malformed, invalid = Reason.DOCUMENT_MALFORMED.value, Reason.DOCUMENT_INVALID.value
    assert {malformed, invalid, "allowed", "handler-class"} <= set(seen)


def test_changed_lines_are_refused_or_read(alice: Operator) -> None:
    """Changes to the lines: every rule of the default policy gets to refuse some of them."""
    chance = random.Random(20261126)
    seen: dict[str, int] = {}
    for _ in range(LINE_CHANGES):
        outcome = what_happens(alice, several_changes(chance).encode())
        seen[outcome] = seen.get(outcome, 0) + 1
    assert LINE_CHANGES == sum(seen.values())
    # The language names no object but those that are allowed, calls and sets nothing, and no change
    # makes 65 handlers.
    never = {"count", "external", "factory", "attribute"}
    assert {rule.name for rule in RULES} - never <= set(seen)
    assert not never & set(seen)
    assert {Reason.DOCUMENT_MALFORMED.value, Reason.DOCUMENT_INVALID.value, "allowed"} <= set(seen)


def test_the_seeds_are_read(alice: Operator) -> None:
    """Every change is one to a document that the policy allows."""
    assert {"allowed"} == {what_happens(alice, seed.encode()) for seed in SEEDS}


# Configures logging with each text and with its plan, and says for which the trees differ.
PROGRAM = """
import io, json, logging, logging.config, sys

def describe(thing):
    if isinstance(thing, (list, tuple)):
        return [describe(each) for each in thing]
    if isinstance(thing, (logging.Handler, logging.Formatter, logging.PercentStyle)):
        parts = {key: describe(value) for key, value in vars(thing).items() if value != ""}
        # The time at which it is to begin a new file moves on; no format of a date is an empty one.
        left_out = {key for key in ("rolloverAt", "datefmt") if not parts.get(key) or key[0] == "r"}
        return type(thing).__qualname__, {key: parts[key] for key in parts.keys() - left_out}
    if thing is None or isinstance(thing, (str, int, dict)):
        return thing
    return type(thing).__qualname__, getattr(thing, "name", None)

def tree(configure):
    logging.shutdown()
    for everything in (logging._handlers, logging._handlerList, logging.root.manager.loggerDict):
        everything.clear()
    logging.root.handlers.clear()
    logging.root.setLevel(42)
    for name in ("a", "a.b", "a.b.c", "other"):
        logger = logging.getLogger(name)
        logger.setLevel(7)
        logger.propagate = logger.disabled = name == "other"
    configure()
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    return {
        name: [each.level, bool(each.propagate), bool(each.disabled), describe(each.handlers)]
        for name, each in loggers.items()
        if isinstance(each, logging.Logger)
    }

def differs(text, plan):
    by_library = tree(lambda: logging.config.fileConfig(
        io.StringIO(text), disable_existing_loggers=False
    ))
    return by_library != tree(lambda: logging.config.dictConfig(json.loads(plan)))

print(json.dumps([text for text, plan in json.load(sys.stdin) if differs(text, plan)]))
"""


def test_what_is_allowed_means_the_same_to_the_library(alice: Operator, tmp_path: Path) -> None:
    """``fileConfig`` takes each of these texts as well, and makes the same logging tree of it."""
    chance = random.Random(20261127)
    rules = default_rules([str(tmp_path)])
    documents: dict[str, str] = {}
    tried: set[str] = set()
    while len(documents) < ALLOWED_CHANGES:
        # What was allowed is changed again, so that changes add up that are seldom allowed at once.
        seeds = list(documents) if documents and chance.random() < 0.5 else SEEDS
        text = several_changes(chance, seeds).replace("/var/log/app", str(tmp_path))
        if text in tried:
            continue
        tried.add(text)
        try:
            documents[text] = read(alice, text.encode(), rules).canonical().decode()
        except RefusedError:
            continue
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input=json.dumps(list(documents.items())),
        capture_output=True,
        check=True,
        text=True,
    )
    assert [] == json.loads(done.stdout.splitlines()[-1])
