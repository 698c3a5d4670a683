"""The values of ``args=``, ``kwargs=`` and ``defaults=``, which are read and never evaluated."""

from __future__ import annotations

import logging
import logging.handlers
import operator
import sys
import warnings

import pytest

from sealwire.documents import JsonValue
from sealwire.documents.ini_literals import (
    MAX_LITERAL_CHARS,
    MAX_LITERAL_DEPTH,
    MAX_PIECES,
    NAMES,
    read_pairs,
    read_values,
)
from sealwire.errors import MalformedError, Reason, Stage

NOTHING = "nothing that is read here starts at character"
NO_PYTHON = "is not an expression of Python"
NO_TUPLE = "is neither a tuple nor a list; a tuple of one has a comma: (sys.stdout,)"
NO_DICTIONARY = "is not a dictionary written out"


def refusal(text: str, *, pairs: bool = False) -> str:
    """Give the detail with which a text is refused."""
    with pytest.raises(MalformedError) as caught:
        (read_pairs if pairs else read_values)(text, "h.args")
    assert Reason.DOCUMENT_INVALID is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    assert caught.value.__suppress_context__
    where, _, detail = caught.value.detail.partition(": ")
    assert "h.args" == where
    return detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("()", []),
        ("[]", []),
        ("(1,)", [1]),
        ("1, 2", [1, 2]),
        ("(0, -1, -0, 9223372036854775807, -9223372036854775808)", [0, -1, 0, 2**63 - 1, -(2**63)]),
        ("(True, False, None)", [True, False, None]),
        ("['a', \"b\", '', \"'\", '\"']", ["a", "b", "", "'", '"']),
        (r"('\\\'\"\n\r\t', '\\x41')", ["\\'\"\n\r\t", "\\x41"]),
        (r"(r'C:\new\1\'x', R'\\', r'')", ["C:\\new\\1\\'x", "\\\\", ""]),
        ("('\u00e4\u20ac\U0001f600#(',)", ["\u00e4\u20ac\U0001f600#("]),
        ("(sys.stdout,)", ["ext://sys.stdout"]),
        ("[sys . stderr]", ["ext://sys.stderr"]),
        ("(10, ERROR)", [10, 40]),
        (
            "(('localhost', handlers.SYSLOG_UDP_PORT), handlers.SysLogHandler.LOG_USER)",
            [["localhost", 514], 1],
        ),
        ("('h', ('u', 'p'), [['x'], ()])", ["h", ["u", "p"], [["x"], []]]),
        ("\n(\n'a',\n)", ["a"]),
        ("(1,) # one\n# and (no more\n", [1]),
        ("((((1)),))", [1]),
    ],
)
def test_values_are_read(text: str, expected: list[JsonValue]) -> None:
    """Tuples and lists of text, integers, flags, None and known names."""
    assert expected == read_values(text, "h.args")
    assert [*map(type, expected)] == [*map(type, read_values(text, "h.args"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {}),
        ("{'a': 1, \"b\": (1, 'x'),}", {"a": 1, "b": [1, "x"]}),
        ("{'stream': sys.stdout}", {"stream": "ext://sys.stdout"}),
        ("{'': None}", {"": None}),
    ],
)
def test_pairs_are_read(text: str, expected: dict[str, JsonValue]) -> None:
    """A dictionary whose keys are text."""
    assert expected == read_pairs(text, "h.kwargs")


def test_names_stand_for_what_they_are_in_the_library() -> None:
    """Evaluated where the library evaluates them, they have these values."""
    for name, value in NAMES.items():
        thing = operator.attrgetter(name)(logging)
        if isinstance(value, str):
            assert f"ext://{name}" == value
            assert thing in {sys.stdout, sys.stderr}
        else:
            assert value == thing


def test_every_facility_and_every_port_has_a_name() -> None:
    """Nothing is missing of the kinds that the documentation shows."""
    syslog = logging.handlers.SysLogHandler
    codes = set(syslog.facility_names.values())
    assert {f"handlers.SysLogHandler.LOG_{name}" for name in FACILITIES} <= set(NAMES)
    assert codes == {NAMES[f"handlers.SysLogHandler.LOG_{name}"] for name in FACILITIES}
    ports = {name for name in vars(logging.handlers) if name.endswith("_PORT")}
    assert {f"handlers.{name}" for name in ports} <= set(NAMES)


PRIORITIES = {"EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"}
FACILITIES = {
    name.removeprefix("LOG_")
    for name in vars(logging.handlers.SysLogHandler)
    if name.startswith("LOG_")
} - PRIORITIES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # ---- the form of the whole ----------------------------------------------------------
        ("", NO_PYTHON),
        ("# nothing", NO_PYTHON),
        ("(", NO_PYTHON),
        ("())", NO_PYTHON),
        ("(1 2)", NO_PYTHON),
        ("()\n()", NO_PYTHON),
        ("x: 1", NO_PYTHON),
        ("(sys.stdout)", NO_TUPLE),
        ("'abc'", NO_TUPLE),
        ("{'a': 1}", NO_TUPLE),
        ("{1}", NO_TUPLE),
        ("None", NO_TUPLE),
        # ---- numbers ------------------------------------------------------------------------
        ("(9223372036854775808,)", "holds an integer outside 64 bits"),
        ("(-9223372036854775809,)", "holds an integer outside 64 bits"),
        ("(12345678901234567890,)", f"{NOTHING} 2"),
        ("(1_000,)", f"{NOTHING} 2"),
        ("(0x1F,)", f"{NOTHING} 2"),
        ("(0o17,)", f"{NOTHING} 2"),
        ("(0b1,)", f"{NOTHING} 2"),
        ("(007,)", f"{NOTHING} 2"),
        ("(\u0661,)", f"{NOTHING} 2"),
        ("(1.5,)", f"{NOTHING} 2"),
        ("(1.,)", f"{NOTHING} 2"),
        ("(1e9,)", f"{NOTHING} 2"),
        ("(1j,)", f"{NOTHING} 2"),
        ("(1if 2else 3,)", f"{NOTHING} 2"),
        ("(.5,)", "holds a value of type float; not taken as an argument"),
        ("(+1,)", f"{NOTHING} 2"),
        ("(- 1,)", f"{NOTHING} 2"),
        ("(--1,)", f"{NOTHING} 2"),
        # ---- text ---------------------------------------------------------------------------
        ("('a' 'b',)", "no comma between two texts at character 6"),
        ("('a' # c'\n\t\"b\",)", "no comma between two texts at character 12"),
        ("('a''b',)", "no comma between two texts at character 5"),
        ("('''a''',)", "no comma between two texts at character 4"),
        ('("""a""",)', "no comma between two texts at character 4"),
        ("('a'r'b',)", "no comma between two texts at character 5"),
        ("(b'a',)", f"{NOTHING} 2"),
        ("(rb'a',)", f"{NOTHING} 2"),
        ("(u'a',)", f"{NOTHING} 2"),
        ("(f'a',)", f"{NOTHING} 2"),
        ("(f'{sys}',)", f"{NOTHING} 2"),
        ("(rf'{sys}',)", f"{NOTHING} 2"),
        ("('a,)", f"{NOTHING} 2"),
        ("('a\nb',)", f"{NOTHING} 2"),
        (r"('\x41',)", f"{NOTHING} 2"),
        (r"('\u0041',)", f"{NOTHING} 2"),
        (r"('\ud800',)", f"{NOTHING} 2"),
        (r"('\N{BULLET}',)", f"{NOTHING} 2"),
        (r"('\0',)", f"{NOTHING} 2"),
        (r"('\d',)", f"{NOTHING} 2"),
        (r"(r'\',)", f"{NOTHING} 2"),
        ("('a\\\nb',)", f"{NOTHING} 2"),
        ("('ext://sys.stdout',)", "holds text that starts with ext://; name the object itself"),
        ("(['ext://os.system'],)", "holds text that starts with ext://; name the object itself"),
        # ---- names --------------------------------------------------------------------------
        ("(sys.stdot,)", "names an object that is not read here; did you mean sys.stdout?"),
        ("(sys,)", "names an object that is not read here"),
        ("(hunter2,)", "names an object that is not read here"),
        ("(Error,)", "names an object that is not read here; did you mean ERROR?"),
        ("(logging.ERROR,)", "names an object that is not read here"),
        ("(sys.stdout.buffer,)", "names an object that is not read here; did you mean sys.stdout?"),
        ("(sys.stdout.__class__,)", "names an object that is not read here"),
        ("(().__class__,)", "names an object that is not read here"),
        ("('a'.x,)", "names an object that is not read here"),
        ("(1 .real,)", "names an object that is not read here"),
        ("(\uff53ys.stdout,)", f"{NOTHING} 2"),
        ("(...,)", "holds a value of type ellipsis; not taken as an argument"),
        # ---- what would have to be evaluated ------------------------------------------------
        ("(print(),)", "holds an expression of kind Call; nothing is evaluated here"),
        ("(sys.modules['os'],)", "holds an expression of kind Subscript; nothing is evaluated"),
        ("(1-1,)", "holds an expression of kind BinOp; nothing is evaluated here"),
        ("(-1 .real,)", "holds an expression of kind UnaryOp; nothing is evaluated here"),
        ("(not 1,)", "holds an expression of kind UnaryOp; nothing is evaluated here"),
        ("(1 or 2,)", "holds an expression of kind BoolOp; nothing is evaluated here"),
        ("(1 in 2,)", "holds an expression of kind Compare; nothing is evaluated here"),
        ("(1 if 2 else 3,)", "holds an expression of kind IfExp; nothing is evaluated here"),
        ("(lambda: 1,)", "holds an expression of kind Lambda; nothing is evaluated here"),
        ("([x for x in ()],)", "holds an expression of kind ListComp; nothing is evaluated here"),
        ("((x for x in ()),)", "holds an expression of kind GeneratorExp; nothing is evaluated"),
        ("((yield),)", "holds an expression of kind Yield; nothing is evaluated here"),
        ("({1},)", "holds an expression of kind Set; nothing is evaluated here"),
        ("({'a': 1},)", "holds an expression of kind Dict; nothing is evaluated here"),
        ("(*x,)", f"{NOTHING} 2"),
        ("((x := 1),)", f"{NOTHING} 6"),
        ("(1 + 1,)", f"{NOTHING} 4"),
        ("('a' % 1,)", f"{NOTHING} 6"),
        ("(~1,)", f"{NOTHING} 2"),
        ("(a @ b,)", f"{NOTHING} 4"),
        ("(1 == 1,)", f"{NOTHING} 4"),
        ("(1,); 2", f"{NOTHING} 5"),
        ("(1,\\\n2)", f"{NOTHING} 4"),
        ("(`1`,)", f"{NOTHING} 2"),
        ("(\x0c1,)", f"{NOTHING} 2"),
        ("(\xa01,)", f"{NOTHING} 2"),
    ],
)
def test_anything_else_is_refused(text: str, expected: str) -> None:
    """It says what is in the way, and does not repeat it."""
    detail = refusal(text)
    assert detail.startswith(expected)
    assert "hunter2" not in detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("()", NO_DICTIONARY),
        ("dict(a=1)", f"{NOTHING} 7"),
        ("dict()", NO_DICTIONARY),
        ("{'a'}", NO_DICTIONARY),
        ("{'a': 1 for x in ()}", NO_DICTIONARY),
        ("{1: 2}", "holds a key that is not text"),
        ("{None: 2}", "holds a key that is not text"),
        ("{sys.stdout: 2}", "holds a key that is not text"),
        ("{('a'): 1, (): 2}", "holds a key that is not text"),
        ("{'a': 1, **{}}", f"{NOTHING} 10"),
        ("{'a': 1, 'b': 2, 'a': 1}", "the key 'a' stands twice"),
        ("{'a': {'b': 1}}", "holds an expression of kind Dict; nothing is evaluated here"),
        ("{'a': print()}", "holds an expression of kind Call; nothing is evaluated here"),
        ("", NO_PYTHON),
    ],
)
def test_what_is_no_dictionary_of_arguments_is_refused(text: str, expected: str) -> None:
    """A dictionary that is written out, with text for keys, each once."""
    assert refusal(text, pairs=True).startswith(expected)


def test_the_length_is_bounded() -> None:
    """A text of the limit is read, one character more is not."""
    text = "('{}',)".format("x" * (MAX_LITERAL_CHARS - 5))
    assert ["x" * (MAX_LITERAL_CHARS - 5)] == read_values(text, "h.args")
    expected = f"{MAX_LITERAL_CHARS + 1} characters, over the limit of {MAX_LITERAL_CHARS}"
    assert expected == refusal(text + " ")


def test_the_number_of_pieces_is_bounded() -> None:
    """So many words, numbers, brackets, commas and blanks are read, and not one more."""
    text = "({})".format("1," * (MAX_PIECES // 2 - 1))
    assert [1] * (MAX_PIECES // 2 - 1) == read_values(text, "h.args")
    assert f"made of more than {MAX_PIECES} pieces" == refusal(text + " ")


def test_the_depth_is_bounded() -> None:
    """Brackets that change nothing count too; those in texts and comments do not."""
    deep = MAX_LITERAL_DEPTH
    assert [1] == read_values("(" * deep + "1," + ")" * deep, "h.args")
    assert ["((((((((["] == read_values("('(((((((([',) # ((((((((((((", "h.args")
    assert f"nested deeper than {deep}" == refusal("[" * deep + "(" + ")" + "]" * deep)
    assert f"nested deeper than {deep}" == refusal("{1:" * (deep + 1))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_048,
        "[" * 100_000,
        "-" * 2_048 + "1",
        "not " * 500 + "1",
        "lambda:" * 290 + "1",
        "()" + "()" * 1_000,
        "a" + ".a" * 1_000,
        "1" + "-1" * 1_000,
        "1 if 1 else " * 160 + "1",
        "9" * 2_048,
        "f'{" * 600,
        "'" * 2_048,
        '"""' + "\\" * 2_000 + '"""',
    ],
)
def test_the_parser_does_not_see_what_would_exhaust_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Depth, length and numbers are looked at before."""

    def parse(*_: object, **__: object) -> None:
        pytest.fail("the parser was asked")

    monkeypatch.setattr("sealwire.documents.ini_literals.ast.parse", parse)
    refusal(text)


@pytest.mark.parametrize("error", [SyntaxError, ValueError, RecursionError, MemoryError])
def test_the_parser_may_fail_as_it_likes(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """How it fails depends on the Python and on how deep the caller is; it is a refusal always."""

    def parse(*_: object, **__: object) -> None:
        raise error("hunter2")

    monkeypatch.setattr("sealwire.documents.ini_literals.ast.parse", parse)
    assert NO_PYTHON == refusal("()")


def test_nothing_is_printed_about_a_text() -> None:
    """Python's parser warns of strange escapes and numbers, on the host's stderr."""
    texts = [r"('\d',)", r"('\8',)", "(1if 1else 1,)", "(0x1for x in x,)", "(1()),", "(1 is 1,)"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for text in texts:
            refusal(text)
    assert [] == caught
