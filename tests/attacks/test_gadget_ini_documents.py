"""INI that would run code if anybody evaluated it, or that reads differently than it looks.

As in the table of JSON gadgets, every one of them is signed by somebody who may send
configurations: the reading of the document and the default policy are all that stands between it
and the process. Those that are said to run do so in the standard library, and a test shows it.
"""

from __future__ import annotations

import builtins
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sealwire.errors import MalformedError, PolicyError, Reason
from sealwire.policy import default_rules, judge
from sealwire.requests import CONTENT_TYPE_INI, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from tests.conftest import Operator

INVALID = Reason.DOCUMENT_INVALID
MALFORMED = Reason.DOCUMENT_MALFORMED

DIRECTORY = "/var/log/app"
LOG = f"{DIRECTORY}/x.log"
FILE = "FileHandler"
ROTATING = "handlers.RotatingFileHandler"
SYSLOG = "handlers.SysLogHandler"

# What an attack runs where it is evaluated: it leaves a trace in the program at the end.
RUN = "sys.modules['__main__'].ran.append(1)"

EVERYWHERE = (3, 11)
Version = tuple[int, int]


class Gadget(NamedTuple):
    """An attack, the document it comes in, what refuses it, and the first Python that runs it."""

    name: str
    document: bytes
    expected: Reason | str
    runs: Version | None = None


def document(
    *,
    handler: str = "class=NullHandler",
    formatter: str = "format=%(message)s",
    root: str = "handlers=h",
    more: str = "",
) -> str:
    """Write a document with one handler and one formatter."""
    return (
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n"
        f"[logger_root]\n{root}\n[formatter_f]\n{formatter}\n[handler_h]\n{handler}\n{more}"
    )


def whole(
    name: str, expected: Reason | str, text: str | bytes, runs: Version | None = None
) -> Gadget:
    """Give a gadget that is a whole document."""
    return Gadget(name, text if isinstance(text, bytes) else text.encode(), expected, runs)


def handler(name: str, expected: Reason | str, options: str, runs: Version | None = None) -> Gadget:
    """Give a gadget that is a handler."""
    return whole(name, expected, document(handler=options), runs)


def formatter(
    name: str, expected: Reason | str, options: str, runs: Version | None = None
) -> Gadget:
    """Give a gadget that is a formatter."""
    return whole(name, expected, document(formatter=options), runs)


def root(name: str, expected: Reason | str, options: str, runs: Version | None = None) -> Gadget:
    """Give a gadget that is the root logger."""
    return whole(name, expected, document(root=options), runs)


def code(name: str, args: str) -> Gadget:
    """Give a gadget that runs code in the arguments of a handler."""
    return handler(name, INVALID, f"class=NullHandler\nargs={args}", EVERYWHERE)


def args(
    name: str, text: str, expected: Reason | str = INVALID, of: str = "StreamHandler"
) -> Gadget:
    """Give a gadget in the arguments of a handler that runs nothing, or not always."""
    return handler(name, expected, f"class={of}\nargs={text}")


def kwargs(name: str, text: str, runs: Version | None = None) -> Gadget:
    """Give a gadget in the arguments that have names."""
    return handler(name, INVALID, f"class=FileHandler\nkwargs={text}", runs)


def logger(name: str, expected: Reason | str, options: str) -> Gadget:
    """Give a gadget that is a logger beside the root."""
    text = document(more=f"[logger_x]\n{options}\n")
    return whole(name, expected, text.replace("keys=root", "keys=root,x"))


def parted(name: str, separator: str) -> Gadget:
    """Give a gadget that is two options for one reader and one for another."""
    text = document(handler=f"class=NullHandler\nlevel=INFO{separator}args=({RUN},)")
    return whole(name, MALFORMED, text)


GADGETS = [
    # ---- code in args= ----------------------------------------------------------------------
    code("a call", f"({RUN},)"),
    code("a call in place of a tuple", f"{RUN} or ()"),
    code("a call without its tuple", RUN),
    code("an import", "(__import__('sys').modules['__main__'].ran.append(1),)"),
    code("a name looked up", "(getattr(sys, 'modules')['__main__'].ran.append(1),)"),
    code("a name looked up in a dictionary", "(vars(sys)['modules']['__main__'].ran.append(1),)"),
    code("an import by sys.modules", f"(sys.modules['builtins'].len([{RUN}]),)"),
    code("a chain of attributes", "([].__class__.append(sys.modules['__main__'].ran, 1),)"),
    code("code evaluated", f'(eval("{RUN}"),)'),
    code("code executed", f'(exec("{RUN}"),)'),
    code("code compiled", f'(eval(compile("{RUN}", "", "eval")),)'),
    code("a text with code in it", f'(f"{{{RUN}}}",)'),
    code("a raw text with code in it", f'(rf"{{{RUN}}}",)'),
    code("a text with code in a width", f'(f"{{1:{{{RUN}}}}}",)'),
    code("a text of three quotes with code in it", f'(f"""{{{RUN}}}""",)'),
    code("a function called", f"((lambda: {RUN})(),)"),
    code("a default of a function", f"(lambda x={RUN}: x,)"),
    code("a comprehension", f"[{RUN} for _ in (1,)]"),
    code("a condition of a comprehension", f"[1 for _ in (1,) if {RUN}]"),
    code("a generator with a star", f"(*({RUN} for _ in (1,)),)"),
    code("a list with a star", f"(*[{RUN}],)"),
    code("a walrus", f"((x := {RUN}),)"),
    code("a condition", f"({RUN} if 1 else 0,)"),
    code("an or", f"(None or {RUN},)"),
    code("a comparison", f"({RUN} is None,)"),
    code("a not", f"(not {RUN},)"),
    code("an addition", f"(1 + len([{RUN}]),)"),
    code("an index", f"([1, 2][len([{RUN}])],)"),
    code("a slice", f"([1, 2][{RUN}:],)"),
    code("a set", f"{{{RUN}}}"),
    code("a dictionary inside", f"({{1: {RUN}}},)"),
    code("an argument by name", f"(dict(x={RUN}),)"),
    code("letters that look alike", f"(\uff53\uff59\uff53{RUN[3:]},)"),
    code("blanks around a dot", f"({RUN.replace('.ran', ' . ran')},)"),
    code("a comment behind it", f"({RUN},) # a handler of nothing"),
    code("several lines", f"(\n  # nothing\n\n   {RUN},\n )"),
    code("a line that goes on", f"(\\\n  {RUN},)"),
    code("a first line that is empty", f"\n  ({RUN},)"),
    code("a doubled percent sign", f"('%%s' %% {RUN},)"),
    code("deep brackets", f"{'(' * 50}{RUN}{')' * 50}"),
    code("a long way to it", f"('{'x' * 4_000}', {RUN})"),
    # ---- code elsewhere ---------------------------------------------------------------------
    kwargs("a value with code", f"{{'filename': {RUN}}}", EVERYWHERE),
    kwargs("a key with code", f"{{{RUN}: 1}}", EVERYWHERE),
    kwargs("a dictionary unpacked", f"{{**{{'x': {RUN}}}}}", EVERYWHERE),
    kwargs("a dictionary merged", f"{{}} | {{'x': {RUN}}}", EVERYWHERE),
    kwargs("a dictionary made", f"dict(filename={RUN})", EVERYWHERE),
    kwargs("a dictionary comprehended", f"{{'x': {RUN} for _ in (1,)}}", EVERYWHERE),
    handler("a class with code", INVALID, f"class={RUN} or NullHandler", EVERYWHERE),
    handler("a class in a list with code", INVALID, f"class=[{RUN}, NullHandler][1]", EVERYWHERE),
    handler(
        "a class of several lines", INVALID, f"class=(\n  {RUN} or\n  NullHandler)", EVERYWHERE
    ),
    handler("a class that evaluates", "handler-class", f'class=eval\nkwargs={{"x": "{RUN}"}}'),
    handler("a class that is a function", INVALID, f"class=lambda: {RUN}", EVERYWHERE),
    handler(
        "a class that evaluates its text",
        INVALID,
        f'class=eval\nargs=("logging.{RUN}",)',
        EVERYWHERE,
    ),
    formatter("a default with code", INVALID, f"defaults={{'x': {RUN}}}", (3, 12)),
    formatter("defaults that are code", INVALID, f"defaults={RUN}", (3, 12)),
    handler("an option in capitals", INVALID, f"class=NullHandler\nArgs=({RUN},)", EVERYWHERE),
    handler("an option with a colon", INVALID, f"class=NullHandler\nargs:({RUN},)", EVERYWHERE),
    handler("an option far from its sign", INVALID, f"class=x\nargs \t : ({RUN},)"),
    handler(
        "an option with a strange letter",
        INVALID,
        f"class=NullHandler\n\u212awargs={{'x': {RUN}}}",
        EVERYWHERE,
    ),
    whole("a default section", INVALID, f"[DEFAULT]\nargs=({RUN},)\n{document()}", EVERYWHERE),
    whole("a late default section", INVALID, f"{document()}[DEFAULT]\nargs=({RUN},)", EVERYWHERE),
    whole(
        "a class by default",
        INVALID,
        f"[DEFAULT]\nclass={RUN} or NullHandler\n{document(handler='')}".replace("keys=f", "keys="),
        EVERYWHERE,
    ),
    whole("an empty default section", INVALID, f"[DEFAULT]\n{document()}"),
    whole(
        "defaults in two places",
        MALFORMED,
        f"[DEFAULT]\n{document()}[DEFAULT]\nargs=({RUN},)",
        EVERYWHERE,
    ),
    whole("a default section in small letters", INVALID, f"[default]\nargs=(x,)\n{document()}"),
    handler(
        "code put together by interpolation",
        INVALID,
        f"class=NullHandler\nargs=(%(formatter)s,)\nformatter={RUN}",
        EVERYWHERE,
    ),
    handler(
        "code in two halves",
        INVALID,
        "class=NullHandler\nargs=(%(target)s%(level)s,)\n"
        "target=sys.modules['__main__']\nlevel=.ran.append(1)",
        EVERYWHERE,
    ),
    handler(
        "a class put together",
        INVALID,
        f"class=%(target)sHandler\ntarget={RUN} or Null",
        EVERYWHERE,
    ),
    whole(
        "an option read raw",
        INVALID,
        document(handler="class=NullHandler\nargs=(%(args)s,)"),
    ),
    # ---- classes and what they are given ------------------------------------------------------
    handler("a class that is os.system", "handler-class", "class=os.system"),
    args("a class that is os.system, with a command", "('id',)", of="os.system"),
    handler("a class of the library's own os", "handler-class", "class=handlers.os.system"),
    handler("a class that is built in", "handler-class", "class=print"),
    handler("a class in the library's namespace", "handler-class", "class=shutdown"),
    handler("a class that reads INI", "handler-class", "class=logging.config.fileConfig"),
    handler("a listed class, roundabout", "handler-class", "class=handlers.logging.NullHandler"),
    handler("a class in letters that look alike", INVALID, "class=Null\u041dandler"),
    handler("a class that is an object", INVALID, "class=ext://os.system"),
    formatter("a formatter that executes", "formatter-class", "class=builtins.exec\nformat=id"),
    formatter("a formatter that starts a program", "formatter-class", "class=subprocess.Popen"),
    formatter("a formatter with code", INVALID, f"class={RUN}"),
    args("an object of secrets", "(os.environ,)"),
    args("an object beneath a known one", "(sys.stdout.buffer,)"),
    args("an object of an object", "(sys.stdout.__class__.__base__.__subclasses__,)"),
    args("an object in text", "('ext://os.environ',)"),
    args("a path through the plan in text", "('cfg://handlers.h.class',)"),
    args("an object in a list", "([sys.stdout],)"),
    args("an iterable that is read", "(sys.stdin)"),
    args("bytes", "(b'x',)", of=FILE),
    args("a text in two parts", "('/etc/' '/passwd',)", of=FILE),
    args("a text in two parts, added", "('/etc/' + '/passwd',)", of=FILE),
    args("a text in other spelling", r"('\x2fetc\x2fpasswd',)", of=FILE),
    args("a text cut short", r"('/var/log/app/x\0.log',)", of=FILE),
    args("half a character", r"('\ud800',)", of=FILE),
    kwargs("a class that is an argument", "{'class': 'os.system', 'filename': 'x'}"),
    kwargs("a factory", "{'()': 'os.system'}"),
    kwargs("an attribute set", "{'.': 'emit'}"),
    kwargs("a queue", "{'queue': 'os.abort'}"),
    kwargs("an argument with a line feed", r"{'filename\n': 'x'}"),
    kwargs("an argument twice", "{'filename': '/var/log/app/x', 'filename': '/etc/passwd'}"),
    handler(
        "an argument by place and by name",
        INVALID,
        f"class={FILE}\nargs=('{LOG}',)\nkwargs={{'filename': '/etc/passwd'}}",
    ),
    handler(
        "a level under another level",
        INVALID,
        "class=NullHandler\nlevel=INFO\nkwargs={'level': 50}",
    ),
    args("an order nobody knows", "('x',)", of="app.Handler"),
    args("a handler as a target", "(10, 40, 'h')", of="handlers.MemoryHandler"),
    handler("a target for another class", INVALID, "class=NullHandler\ntarget=h"),
    handler(
        "a buffer that feeds itself",
        INVALID,
        "class=handlers.MemoryHandler\nargs=(10,)\ntarget=h",
    ),
    # ---- numbers ----------------------------------------------------------------------------
    args("a number of 2,000 digits", f"('{LOG}', 'a', {'9' * 2_000})", of=ROTATING),
    args("a number beyond 64 bits", f"('{LOG}', 'a', {2**63})", of=ROTATING),
    args("a number with marks", f"('{LOG}', 'a', 1_000_000)", of=ROTATING),
    args("a number in other digits", f"('{LOG}', 'a', \u0661\u0660)", of=ROTATING),
    args("a number in base 16", f"('{LOG}', 'a', 0xFFFFF)", of=ROTATING),
    args("a number with an exponent", f"('{LOG}', 'a', 1e6)", of=ROTATING),
    args("a power", f"('{LOG}', 'a', 10**10**10)", of=ROTATING),
    args("a shift", f"('{LOG}', 'a', 1 << 10**9)", of=ROTATING),
    args("a text of a gigabyte", f"('{LOG}' * 10**9,)", of=FILE),
    # ---- depth and length -------------------------------------------------------------------
    args("2,000 brackets", "(" * 2_000),
    args("10,000 brackets", "[" * 10_000 + "]" * 10_000),
    args("2,000 signs", "-" * 2_000 + "1"),
    args("500 nots", "not " * 500 + "1"),
    args("290 functions", "lambda:" * 290 + "1"),
    args("1,000 attributes", "sys" + ".a" * 1_000),
    args("1,000 calls", "a" + "()" * 1_000),
    args("1,000 subtractions", "1" + "-1" * 1_000),
    args("texts in texts", "f'{" * 600),
    args("1,000 values", f"({'1,' * 1_000})"),
    # ---- what one line means ------------------------------------------------------------------
    whole("a byte order mark", MALFORMED, f"\ufeff{document()}"),
    whole("NUL", MALFORMED, document(handler="class=NullHandler\0")),
    whole("another encoding", MALFORMED, document().encode("utf-16")),
    whole("Latin-1", MALFORMED, document(formatter="format=\u00e4%(message)s").encode("latin-1")),
    whole("a slash of two bytes", MALFORMED, document().encode() + b"\xc0\xaf=1"),
    parted("a vertical tab", "\x0b"),
    parted("a form feed", "\x0c"),
    parted("a carriage return", "\r"),
    parted("a file separator", "\x1c"),
    parted("a record separator", "\x1e"),
    parted("a next line", "\x85"),
    parted("a line separator", "\u2028"),
    parted("a paragraph separator", "\u2029"),
    whole("a hard space", MALFORMED, document(handler="class=NullHandler\n\xa0level=INFO")),
    whole("text turned around", MALFORMED, document(handler="class=\u202ereldnaHlluN")),
    whole("a letter of no width", MALFORMED, document(handler="class=Null\u200bHandler")),
    whole("a section twice", MALFORMED, document(more=f"[handler_h]\nargs=({RUN},)")),
    whole(
        "an option twice", MALFORMED, document(handler=f"class=NullHandler\nargs=()\nargs=({RUN},)")
    ),
    whole(
        "an option twice, written otherwise",
        MALFORMED,
        document(handler="class=x\nargs=()\nARGS:()"),
    ),
    whole("a section in brackets", INVALID, document(more=f"[[handler_h]]\nargs=({RUN},)")),
    whole("a section with a bracket", INVALID, document(more=f"[handler_h]]\nargs=({RUN},)")),
    whole("a section with a blank", INVALID, document(more=f"[handler_h ]\nargs=({RUN},)")),
    whole("a section in capitals", INVALID, document(more=f"[HANDLER_h]\nargs=({RUN},)")),
    whole(
        "an option behind a section", INVALID, document(handler="class=NullHandler\n[x] args=()")
    ),
    whole("text behind a section", MALFORMED, document(more="[handler_h] of nothing")),
    whole("a section that nothing lists", INVALID, document(more=f"[handler_i]\nargs=({RUN},)")),
    whole("a section of the application", INVALID, document(more="[app]\nx=1")),
    whole("text before the first section", MALFORMED, f"x=1\n{document()}"),
    whole("a line that is no option", MALFORMED, document(more="nothing")),
    whole("an option without a name", MALFORMED, document(more="=nothing")),
    whole("JSON", MALFORMED, json.dumps({"version": 1})),
    whole("nothing", MALFORMED, ""),
    handler("a line that continues the class", INVALID, "class=NullHandler\n  args=()"),
    handler("an option in a comment", INVALID, "# class=NullHandler"),
    handler("a comment behind a value", INVALID, "class=NullHandler ; nothing"),
    handler("an option nobody reads", INVALID, "class=NullHandler\nfilename=/etc/passwd"),
    handler("an option misspelt", INVALID, "class=NullHandler\nlevle=ERROR"),
    # ---- loggers ----------------------------------------------------------------------------
    whole("no root", INVALID, document().replace("keys=root", "keys=")),
    root("root without handlers", INVALID, "level=INFO"),
    root("a handler twice", INVALID, "handlers=h,h"),
    root("a handler of no name", INVALID, "handlers=h,"),
    root("a handler of nowhere", INVALID, "handlers=i"),
    root("a level that is a number", INVALID, "level=10\nhandlers=h"),
    root("a level that is code", INVALID, f"level={RUN}\nhandlers=h"),
    root("a level in the library's namespace", INVALID, "level=logging.DEBUG\nhandlers=h"),
    root("a level that is an object", INVALID, "level=ext://sys.maxsize\nhandlers=h"),
    root("a root of another name", INVALID, "qualname=payments\nhandlers=h"),
    logger("a second root", INVALID, "qualname=root\nlevel=CRITICAL\nhandlers="),
    logger("a second root of no name", INVALID, "qualname=\nlevel=CRITICAL\nhandlers="),
    logger("a logger of no name at all", INVALID, "handlers="),
    logger("a logger of 100 parts", INVALID, f"qualname={'.'.join('a' * 100)}\nhandlers="),
    logger("a logger of two lines", INVALID, "qualname=a\n b\nhandlers="),
    logger("propagation by halves", INVALID, "qualname=a\npropagate=2\nhandlers="),
    logger("propagation in words", INVALID, "qualname=a\npropagate=off\nhandlers="),
    logger("propagation in other digits", INVALID, "qualname=a\npropagate=\u0660\nhandlers="),
    logger("propagation with marks", INVALID, "qualname=a\npropagate=0_0\nhandlers="),
    whole(
        "one logger in two sections",
        INVALID,
        document(
            more="[logger_x]\nqualname=a\nhandlers=h\n[logger_y]\nqualname=a\nhandlers="
        ).replace("keys=root", "keys=root,x,y"),
    ),
    whole("a list of two names in one", INVALID, document().replace("keys=h", "keys=h;i")),
    whole("a name twice in a list", INVALID, document().replace("keys=h", "keys=h,h")),
    # ---- what policy has to say -----------------------------------------------------------------
    args("a system file", "('/etc/passwd', 'a')", "file-path", FILE),
    args("a way out of the directory", f"('{DIRECTORY}/../x',)", "file-path", FILE),
    args("a file emptied", f"('{LOG}', 'w')", "handler-argument", FILE),
    args("a file that is a stream", "(sys.stdout,)", "handler-argument", FILE),
    args("a file that is a descriptor", "(2,)", "handler-argument", FILE),
    args("a file rotated away", f"('{LOG}', 'a', 1)", "handler-argument", ROTATING),
    args("a flag for a number", f"('{LOG}', 'a', True)", "handler-argument", ROTATING),
    args("a stream that is text", "('x',)", "handler-argument"),
    args("records by TCP", "('localhost', 1)", "handler-class", "handlers.SocketHandler"),
    args("records by HTTP", "('a', '/')", "handler-class", "handlers.HTTPHandler"),
    args("records by mail", "('a', 'b', ['c'], 'd')", "handler-class", "handlers.SMTPHandler"),
    args("records to another host", "(('198.51.100.7', 514),)", "destination", SYSLOG),
    args("records to a daemon", "('/var/run/docker.sock',)", "destination", SYSLOG),
    args("a buffer without a bound", "(1000000000,)", "handler-argument", "handlers.MemoryHandler"),
    formatter("secrets", "format-string", "style={\nformat={args[0].__init__.__globals__[KEY]}"),
    formatter("a width of a gigabyte", "format-string", "format=%(message)300000000s"),
    formatter("the whole record", INVALID, "format=%s %(message)s"),
    formatter("a year of a gigabyte", "date-format", "datefmt=%1000000000Y"),
    formatter("a check left out", INVALID, "format=%(message)s\nvalidate=False"),
    whole(
        "65 handlers",
        "count",
        document(more="".join(f"[handler_{n}]\nclass=NullHandler\n" for n in range(64))).replace(
            "keys=h", f"keys=h,{','.join(map(str, range(64)))}"
        ),
    ),
    # ---- wearing the process down -----------------------------------------------------------
    whole("blanks that take quadratic time", MALFORMED, document(more="x" + " " * 30_000 + "y=1")),
    whole("tabs that take quadratic time", MALFORMED, document(more="x" + "\t" * 30_000 + "y=1")),
    whole("lines that take quadratic time", MALFORMED, document(more="x\n" * 15_000)),
    whole("4,000 sections", MALFORMED, document(more="".join(f"[{n}]\n" for n in range(4_000)))),
    whole("an endless value", MALFORMED, document(more="\n" * 30_000)),
    whole("a megabyte", MALFORMED, document(more="#" * 2**20)),
    formatter("flags that take quadratic time", INVALID, f"format=%(message){'0' * 30_000}s"),
]


def refuse(operator: Operator, document: bytes) -> Reason | str:
    """Give the reason, or the name of the rule, for which a host with one directory refuses."""
    opened = Opened(document, operator.claims(), CONTENT_TYPE_INI, document, evidence=())
    try:
        judge(default_rules([DIRECTORY]), read_request(opened))
    except MalformedError as error:
        return error.reason
    except PolicyError as error:
        return error.rule
    pytest.fail("was allowed")


def test_the_table_is_of_some_length() -> None:
    """There are as many gadgets as there ought to be, each with a name of its own."""
    assert 40 <= len(GADGETS) == len({gadget.name for gadget in GADGETS})
    assert 40 <= sum(gadget.runs is not None for gadget in GADGETS)


@pytest.mark.parametrize("gadget", GADGETS, ids=[gadget.name for gadget in GADGETS])
def test_every_gadget_is_refused(
    alice: Operator, monkeypatch: pytest.MonkeyPatch, gadget: Gadget
) -> None:
    """Each by what the table says, evaluated by nobody, and without a trace in the process."""
    evaluated: list[object] = []
    # The parser is loaded with the first document; what it loads in turn is not the gadget's doing.
    refuse(alice, b"[loggers]\n")
    modules = set(sys.modules)
    loggers = set(logging.root.manager.loggerDict)
    for name in ("eval", "exec"):
        monkeypatch.setattr(builtins, name, lambda *given: evaluated.append(given))
    reason = refuse(alice, gadget.document)
    monkeypatch.undo()
    assert gadget.expected == reason
    assert [] == evaluated
    assert modules == set(sys.modules)
    assert loggers == set(logging.root.manager.loggerDict)


# Gives each document to the library, and says which of them ran code.
PROGRAM = """
import io, json, logging.config, sys

ran = []
which = []
for text in json.load(sys.stdin):
    ran.clear()
    try:
        logging.config.fileConfig(io.StringIO(text))
    except BaseException:
        pass
    which.append(bool(ran))
print(json.dumps(which))
"""


def test_the_library_runs_what_is_said_to_run() -> None:
    """What is refused here is code: the standard library's own reader executes all of it."""
    gadgets = [each for each in GADGETS if each.runs and sys.version_info >= each.runs]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input=json.dumps([gadget.document.decode() for gadget in gadgets]),
        capture_output=True,
        check=True,
        text=True,
    )
    which = json.loads(done.stdout.splitlines()[-1])
    assert len(gadgets) == len(which)
    assert [] == [gadget.name for gadget, ran in zip(gadgets, which, strict=True) if not ran]


def test_what_the_gadgets_are_made_of_is_allowed(alice: Operator) -> None:
    """The same sections, classes and arguments without the attack: what refuses is the attack."""
    document = f"""\
[loggers]
keys = root, payments
[handlers]
keys = null, stream, file, rotating, timed, memory, syslog
[formatters]
keys = f

[logger_root]
level = DEBUG
handlers = stream, memory
qualname = root

[logger_payments]
qualname = payments.db
propagate: 0
handlers = file

[handler_null]
class = NullHandler
[handler_stream]
class = logging.StreamHandler
formatter = f
args = (sys.stdout,) # where everybody looks
[handler_file]
class = FileHandler
Args: ("{LOG}",
    'a')
kwargs = {{'encoding': 'utf-8'}}
[handler_rotating]
class = handlers.RotatingFileHandler
args = ['{LOG}2', 'a', 1000000]
[handler_timed]
class = handlers.TimedRotatingFileHandler
kwargs = {{'filename': '{LOG}3', 'interval': 1, 'backupCount': 7}}
[handler_memory]
class = handlers.MemoryHandler
args = (10, ERROR)
target = file
[handler_syslog]
class = handlers.SysLogHandler
args = ('/dev/log', handlers.SysLogHandler.LOG_LOCAL0)

[formatter_f]
format = %(asctime)s %(message)20s
datefmt = %Y
style = %
validate = True
class = logging.Formatter
""".encode()
    opened = Opened(document, alice.claims(), CONTENT_TYPE_INI, document, evidence=())
    judge(default_rules([DIRECTORY]), read_request(opened))
