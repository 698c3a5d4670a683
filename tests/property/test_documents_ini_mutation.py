"""A hundred thousand and more mutated INI documents: a refusal is all that ever comes out.

Most are changed as bytes, and mostly end in the reader of sections. The others are changed line by
line, with words that mean something, and get through to arguments and to the rules of the policy.
"""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING

from sealwire.documents import read_plan
from sealwire.errors import MalformedError, PolicyError, Reason
from sealwire.policy import default_rules, judge
from sealwire.requests import CONTENT_TYPE_INI, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator

BYTE_CHANGES = 100_000
LINE_CHANGES = 30_000

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
defaults={'user': '-\\n', 'n': -1}
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


def what_happens(operator: Operator, document: bytes) -> str:
    """Read and judge a document; any exception that is no refusal comes out."""
    opened = Opened(document, operator.claims(), CONTENT_TYPE_INI, document, evidence=())
    try:
        request = read_request(opened)
        again = request.plan.canonical()
        judge(RULES, request)
    except MalformedError as error:
        return error.reason.value
    except PolicyError as error:
        return error.rule
    assert request.plan == read_plan(again)
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
        lines = chance.choice(SEEDS).split("\n")
        for _ in range(chance.choice((1, 1, 2, 3))):
            lines = changed(chance, lines)
        outcome = what_happens(alice, "\n".join(lines).encode())
        seen[outcome] = seen.get(outcome, 0) + 1
    assert LINE_CHANGES == sum(seen.values())
    # The language names no object but those that are allowed, and no change makes 65 handlers.
    assert {rule.name for rule in RULES} - {"count", "external"} <= set(seen)
    assert {Reason.DOCUMENT_MALFORMED.value, Reason.DOCUMENT_INVALID.value, "allowed"} <= set(seen)


def test_the_seeds_are_read(alice: Operator) -> None:
    """Every change is one to a document that the policy allows."""
    assert {"allowed"} == {what_happens(alice, seed.encode()) for seed in SEEDS}
