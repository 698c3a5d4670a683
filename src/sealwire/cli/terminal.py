"""What the command line prints, and how.

Rules this module keeps:

1. Standard output is what was asked for; standard error is ``sealwire: error: …`` and
   ``sealwire: hint: …``, in lower case and without a full stop.
2. A character that could drive the terminal is written as its escape, wherever it came from: a
   peer, a file, an argument. That includes those that turn the direction of text, and those that
   show nothing: two names that look the same are not to be shown the same.
3. Colour repeats what the words say, and is for terminals alone: never with ``NO_COLOR``.
4. A line is never wrapped or cut here, so that what is copied from it is whole. What an answer
   reports is cut before it gets here; see `reported`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

from sealwire.cli.endings import CommandError, Exit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

JsonOutput: TypeAlias = "str | int | bool | Sequence[JsonOutput] | Mapping[str, JsonOutput] | None"
Part: TypeAlias = tuple[str, str]
"""Text, and its style in the words of rich; ``""`` for none."""

Said: TypeAlias = "tuple[TextIO, tuple[Part, ...]]"
"""A line, and where it goes."""

_held: ContextVar[list[Said] | None] = ContextVar("_held", default=None)


class OutputError(CommandError):
    """What is to be printed cannot be written."""


_LINE_CONTROLS: Final = frozenset("\n\t")


_BLANK: Final = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""What Python calls printable and no terminal shows: fillers, variation selectors, an empty braille
cell (Unicode, "Default_Ignorable_Code_Point")."""


def printable(text: object) -> str:
    """Give ``text`` with every character escaped that is not for reading (rule 2)."""
    return "".join(map(_escaped, str(text)))


def printable_lines(text: str) -> str:
    """Give ``text`` as `printable` does, but keep its line ends and tabs."""
    return "".join(each if each in _LINE_CONTROLS else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    if character.isprintable() and character not in _BLANK:
        return character
    return character.encode("unicode_escape").decode()


def prepare() -> None:
    """Make sure that no character can fail to be printed, whatever the locale's encoding is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*parts: Part) -> None:
    """Print one line on standard output; its text must be `printable` already."""
    _print(sys.stdout, parts)


def say_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print a name and its value on each line, the values in one column."""
    known = list(fields)
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        say((f"{name:<{width}}  ", "dim"), (printable(value), ""))


def say_json(value: Mapping[str, JsonOutput]) -> None:
    """Print one JSON object. Everything but ASCII is escaped, and so is DEL (rule 2)."""
    say((json.dumps(value, indent=2).replace("\x7f", "\\u007f"), ""))


def say_error(error: str, hint: str) -> None:
    """Print what went wrong and, if there is one, the next step."""
    _print(sys.stderr, [("sealwire: ", ""), ("error", "bold red"), (f": {printable(error)}", "")])
    say_hint(hint)


def say_warning(warning: str) -> None:
    """Print what is not as it should be, where what was asked for has been done all the same."""
    parts = [("sealwire: ", ""), ("warning", "bold yellow"), (f": {printable(warning)}", "")]
    _print(sys.stderr, parts)


def say_hint(hint: str) -> None:
    """Print the next step, if there is one, on standard error."""
    if hint:
        parts = [("sealwire: ", ""), ("hint", "bold cyan"), (f": {printable(hint)}", "")]
        _print(sys.stderr, parts)


def write_bytes(content: bytes) -> None:
    """Write ``content`` as it is to standard output.

    Raises:
        CommandError: that is a terminal, which would take bytes for commands.
        OutputError: they cannot be written.
    """
    if sys.stdout.isatty():
        raise CommandError(
            Exit.USAGE,
            "a sealed message is binary and is not written to a terminal",
            "name a file with: -o FILE",
        )
    with _writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def say_raw(line: bytes) -> None:
    """Write one line as it is, its newline included; to a terminal, as `printable` makes it.

    Raises:
        OutputError: it cannot be written.
    """
    if sys.stdout.isatty():
        say((printable(line.decode("utf-8", "backslashreplace").removesuffix("\n")), ""))
        return
    with _writing():
        sys.stdout.buffer.write(line)


@contextlib.contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that something is waited for, where somebody looks; on a terminal alone."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(file=sys.stderr, highlight=False, markup=False).status(printable(text)):
        yield


@contextlib.contextmanager
def holding() -> Iterator[list[Said]]:
    """Hold back the lines that are said in this block; `say_again` says them."""
    said: list[Said] = []
    before = _held.set(said)
    try:
        yield said
    finally:
        _held.reset(before)


def say_again(said: Iterable[Said]) -> None:
    """Say lines that were held back."""
    for stream, parts in said:
        _print(stream, parts)


def flush() -> None:
    """Hand over what was printed.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OutputError: it cannot be written.
    """
    with _writing():
        sys.stdout.flush()
        sys.stderr.flush()


def discard() -> None:
    """Let what is still to be printed vanish, so that nothing fails over it when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        # A stream that a caller replaced may have no descriptor; it needs no saving either.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _print(stream: TextIO, parts: Iterable[Part]) -> None:
    if (held := _held.get()) is not None:
        held.append((stream, tuple(parts)))
        return
    with _writing():
        if not stream.isatty():
            stream.write("".join(text for text, _ in parts) + "\n")
            return
        # Late, because it takes longer to load than most commands take to run.
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, highlight=False, markup=False, emoji=False)
        console.print(Text.assemble(*parts), soft_wrap=True)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as failure:
        raise OutputError(
            Exit.LOCAL_FAILURE,
            f"the output cannot be written: {failure.strerror}",
            "send it elsewhere; what was asked for may have been done",
        ) from None
