"""``sealwire trail follow``: records as they come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import parameters
from sealwire.cli.endings import Exit
from sealwire.cli.terminal import flush, printable, say, say_raw
from sealwire.cli.trail import no_trail
from sealwire.cli.trail_words import record_in_words
from sealwire.errors import StateError
from sealwire.trail.layout import segments_of
from sealwire.trail.records import MAX_RECORD_BYTES, RecordError, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_S: Final = 0.2


@click.command(
    "follow",
    short_help="Print records as they come.",
    epilog="""\b
Examples:
  sealwire trail follow /var/lib/payments/trail
  sealwire trail follow /var/lib/payments/trail --from 0 --json | jq -r .kind
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "first",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="Begin with this record; by default with the next that comes.",
)
@click.option(
    "--for",
    "length_s",
    type=parameters.duration,
    metavar="LENGTH",
    help="End after this time, such as 10m; by default with Ctrl-C.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each record as one line of JSON.")
def follow(folder: Path, first: int | None, length_s: int | None, *, as_json: bool) -> Exit:
    """Print the records of the trail in DIR as they are written; nothing is verified.

    Whoever may read the folder can follow; the service notices nothing of it.
    """
    if not segments_of(folder):
        raise no_trail(folder)
    ends_s = None if length_s is None else time.monotonic() + length_s
    lines = _Lines(folder)
    if first is None:
        for _ in lines.more():
            pass
        first = 0
    while True:
        for number, line in lines.more():
            if number >= first:
                _say(number, line, as_json=as_json)
        flush()
        if ends_s is not None and time.monotonic() >= ends_s:
            return Exit.OK
        time.sleep(_LOOK_S)


class _Lines:
    """The records of a trail, each once, in their order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first = self._number = self._offset = 0

    def more(self) -> Iterator[tuple[int, bytes]]:
        """Give what has come since, each with its number and without its newline."""
        while True:
            segments = segments_of(self._folder)
            here = next((each for each in segments if each.first == self._first), None)
            if here is None:
                raise StateError(
                    f"the records from {self._first} on are not in {self._folder}; see what is "
                    "wrong with: sealwire trail verify"
                )
            with here.records.open("rb") as file:
                file.seek(self._offset)
                while (line := file.readline(MAX_RECORD_BYTES + 1)).endswith(b"\n"):
                    self._offset += len(line)
                    self._number += 1
                    yield self._number - 1, line[:-1]
            if all(each.first != self._number for each in segments) or self._offset == 0:
                return
            # The next segment is named by the number of its first record, so this one is closed.
            self._first, self._offset = self._number, 0


def _say(number: int, line: bytes, *, as_json: bool) -> None:
    if as_json:
        say_raw(line + b"\n")
        return
    try:
        for words in record_in_words(parse_record(line)):
            say((printable(words), ""))
    except RecordError as error:
        say((f"record {number} cannot be read: {printable(error)}", "bold red"))
