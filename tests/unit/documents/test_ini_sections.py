"""INI taken apart, or refused for its form."""

from __future__ import annotations

import configparser

import pytest

from sealwire.documents.ini_sections import (
    MAX_GAP_CHARS,
    MAX_INI_BYTES,
    MAX_LINES,
    read_sections,
)
from sealwire.errors import MalformedError, Reason, Stage


def refusal(document: bytes | str) -> str:
    """Give the detail with which a document is refused for its form."""
    with pytest.raises(MalformedError) as caught:
        read_sections(document.encode() if isinstance(document, str) else document)
    assert Reason.DOCUMENT_MALFORMED is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    return caught.value.detail


READ_ALIKE = [
    "",
    "\n\n# nothing\n; at all\n",
    "[a]\n",
    "[a]\nx=1\n[b]\ny=2",
    "[a]\nx = 1\ny:2\nz : = 3\n",
    "[a]\nX=1\nyY=2\n",
    "[a]\nx=1 ; no comment\ny=2 # nor this\n",
    "[a]\nx=\n",
    "[a]\nx=1\n  2\n\n  3\n\t4\n\ny=5\n",
    "[a]\nx=1\n  # a comment within\n  2\n",
    "[a]\nx=1\n  [b]\n  y=2\n",
    "  [a]\n  x=1\n  y=2\n",
    "[a]] ]\nx=1\n",
    "[a b=c]\nx=1\n",
    "[a]\n x y =1\n",
    "[a]\nx=[b]\n",
    "[a]\nx=%%\ny=%(x)s\nz=${x}\n",
    "[a]\r\nx=1\r\n  2\r\n",
    "[a]\n\u00c4=\u20ac\n",
    "[default]\nx=1\n",
]


@pytest.mark.parametrize("text", READ_ALIKE)
def test_a_text_is_taken_apart_as_the_library_does(text: str) -> None:
    """Sections, options and values are those that the parser of ``fileConfig`` sees."""
    theirs = configparser.ConfigParser()
    theirs.read_string(text)
    expected = {title: dict(theirs.items(title, raw=True)) for title in theirs.sections()}
    assert expected == read_sections(text.encode())


def test_the_default_section_is_a_section() -> None:
    """Nothing is inherited from it, and it is there to be refused."""
    assert {"DEFAULT": {"x": "1"}, "a": {}} == read_sections(b"[DEFAULT]\nx=1\n[a]\n")
    assert {"DEFAULT": {}} == read_sections(b"[DEFAULT]\n")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"\xef\xbb\xbf[a]\n", "starts with a byte order mark; send UTF-8 without one"),
        (b"[a]\nx=\xff\n", "not UTF-8 at byte 6"),
        (b'{"version": 1}', "line 1: stands before the first [section]"),
        (b"# a\n x=1\n", "line 2: stands before the first [section]"),
        (b"[a]\nx=hunter2\n[b]\nhunter2\n", "line 4: neither [section] nor option=value"),
        (b"[a]\nhunter2\nhunter3\n", "line 2: neither [section] nor option=value"),
        (b"[a]\n=hunter2\n", "line 2: neither [section] nor option=value"),
        (b"[]\n[a]\n", "line 1: stands before the first [section]"),
        (b"[a] b\n[c]\n", "line 1: stands before the first [section]"),
        (b"[a]\n[b] ; c\n", "line 2: neither [section] nor option=value"),
        (b"[a]\n[]\n", "line 2: neither [section] nor option=value"),
        (b"[a]\n[b]\n[a]\n", "line 3: the section 'a' stands twice"),
        (b"[DEFAULT]\n[DEFAULT]\n", "line 2: the section 'DEFAULT' stands twice"),
        (b"[a]\nx=1\ny=1\nx=2\n", "line 4: 'x' stands twice in the section 'a'"),
        (b"[a]\nx=1\nX:2\n", "line 3: 'x' stands twice in the section 'a'"),
    ],
)
def test_what_is_no_ini_is_refused(document: bytes, expected: str) -> None:
    """The line is named, and values are not quoted."""
    assert expected == refusal(document)


# All that str.splitlines() and str.strip() take for a separator, bidirectional marks, and others.
UNPRINTABLE = [
    *("\0", "\x01", "\x08", "\x0b", "\x0c", "\r", "\x1b", "\x1c", "\x1d", "\x1e", "\x1f", "\x7f"),
    *("\x85", "\xa0", "\xad", "\u200b", "\u200e", "\u2028", "\u2029", "\u202e", "\u2066"),
    *("\u1680", "\u2003", "\u3000", "\ufeff", "\ue000", "\uffff", "\U000e0041"),
]


@pytest.mark.parametrize("character", UNPRINTABLE, ids=ascii)
@pytest.mark.parametrize("text", ["[a]\nx=1{}2\n", "[a]\n{}x=1\n", "[a{}]\nx=1\n", "[a]\n# {}.\n"])
def test_what_does_not_print_is_refused(text: str, character: str) -> None:
    """Wherever it stands, in a comment too, and with its line."""
    line = next(number for number, line in enumerate(text.split("\n"), 1) if "{}" in line)
    expected = f"line {line}: holds {character!a}, which does not print"
    assert expected == refusal(text.format(character))


def test_carriage_returns_belong_to_line_feeds() -> None:
    """Between lines of a file from Windows they mean nothing; alone they are refused."""
    expected = {"a": {"x": "1\n2", "y": ""}}
    assert expected == read_sections(b"[a]\r\nx=1\r\n  2\r\ny=\r\n")
    assert "line 2: holds '\\r', which does not print" == refusal(b"[a]\nx=1\ry=2\n")
    assert "line 2: holds '\\r', which does not print" == refusal(b"[a]\nx=1\r\r\n")


def test_the_size_is_bounded() -> None:
    """A document of the limit is read, one byte more is not."""
    document = b"[a]\nx=".ljust(MAX_INI_BYTES, b"y")
    assert MAX_INI_BYTES - 6 == len(read_sections(document)["a"]["x"])
    expected = f"{MAX_INI_BYTES + 1} bytes, over the limit of {MAX_INI_BYTES}"
    assert expected == refusal(document + b"y")


def test_the_number_of_lines_is_bounded() -> None:
    """A document of so many lines is read; one line feed more is one line more."""
    document = b"[a]\nx=" + b"\n" * (MAX_LINES - 2)
    assert {"a": {"x": ""}} == read_sections(document)
    assert f"{MAX_LINES + 1} lines, over the limit of {MAX_LINES}" == refusal(document + b"\n")


def test_gaps_are_bounded() -> None:
    """So many blanks in a row are read within a line; at its ends there may be more."""
    gap = " " * MAX_GAP_CHARS
    text = f"{gap * 3}[a]{gap * 3}\nx=1{gap}2{gap * 3}\n{gap * 3}\ny\t=3\n# {gap} {gap}#\n; {gap} ;"
    assert {"a": {"x": f"1{gap}2", "y": "3"}} == read_sections(text.encode())
    for blanks in (f"{gap} ", f"{gap}\t", "\t" * (MAX_GAP_CHARS + 1)):
        expected = f"line 2: more than {MAX_GAP_CHARS} blanks in a row"
        assert expected == refusal(f"[a]\nx{blanks}=1\n")
        assert expected == refusal(f"[a]\nx=1{blanks}#\n")
        assert expected == refusal(f"[a]\n x{blanks}y\n")


@pytest.mark.parametrize(
    "document",
    [
        b"[a]\nx" + b" " * 30_000 + b"y",
        b"[a]\nx" + b"\t " * 15_000 + b"=y",
        b"[a]\n" + b"x\n" * 15_000,
        b"".join(b"[%d]\n" % number for number in range(4_000)),
        b"[a]\nx=1" + b"\n" * 30_000,
        b"[a]\nx=" + b"y" * 40_000,
        b"[a]\nx=\0",
    ],
)
def test_the_parser_does_not_see_what_would_keep_it_busy(
    monkeypatch: pytest.MonkeyPatch, document: bytes
) -> None:
    """What takes quadratic time, or is too much, is refused before."""

    def read(*_: object) -> None:
        pytest.fail("the parser was asked")

    monkeypatch.setattr(configparser.RawConfigParser, "read_string", read)
    refusal(document)
