"""``sealwire trail``: verify a trail offline, show it, prove a record, export it; all read only."""

from __future__ import annotations

import base64
import shlex
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.parameters import in_words, read_input
from sealwire.cli.terminal import printable, say, say_fields, say_json, say_raw
from sealwire.cli.trail_words import finding_as_json, finding_in_words, record_in_words
from sealwire.cli.wording import counted
from sealwire.errors import StateError
from sealwire.keyfiles import load_verify_key
from sealwire.trail.checkpoint import Note
from sealwire.trail.export import syslog_line
from sealwire.trail.findings import Outcome
from sealwire.trail.layout import (
    MAX_CHECKPOINTS_BYTES,
    last_note,
    leaves_of,
    segments_of,
    split_notes,
)
from sealwire.trail.merkle import inclusion_proof, leaf_hash, root_of
from sealwire.trail.records import RecordError, parse_record
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.trail.records import Record

EXITS: Final = {
    Outcome.GOOD: Exit.OK,
    Outcome.TAMPERED: Exit.REFUSED,
    Outcome.TRUNCATED: Exit.TRUNCATED,
    Outcome.UNREADABLE: Exit.LOCAL_FAILURE,
}
_KEEP: Final = "keep the folder as it is, and compare with what was exported or held elsewhere"
_HINTS: Final = {Outcome.TAMPERED: _KEEP, Outcome.TRUNCATED: _KEEP}

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(no_args_is_help=False)
def trail() -> None:
    """Verify a trail offline, show it, prove a record, export it."""


@trail.command(
    short_help="Say whether a trail is as it was written.",
    epilog="""\b
Examples:
  sealwire trail verify /var/lib/payments/trail --key host.pub
  sealwire trail verify copy-of-trail --key host.pub --anchor held-elsewhere.checkpoint

\b
Exit status: 0 good, 1 tampered with, 3 cannot be read, 6 truncated: records that a checkpoint or
an anchor counts are not there.
""",
)
@_folder
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE",
    help="The host's public key; may be given again, for keys it had before.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="FILE",
    help="Checkpoints that were held elsewhere, or - for standard input; may be given again.",
)
@_json
def verify(folder: Path, keys: tuple[str, ...], anchors: tuple[str, ...], *, as_json: bool) -> Exit:
    """Say whether the trail in DIR is as it was written, and which record is the first bad one.

    Its checkpoints, signed by the host's key, show that nobody without that key changed what they
    cover. That the host itself did not, anchors alone show. What lies behind the last of both
    can have been changed or cut off.
    """
    known = [load_verify_key(each) for each in keys]
    held = [note for each in anchors for note in anchors_in(each)]
    found = verify_trail(folder, known, held)
    if as_json:
        say_json(finding_as_json(found, keys=bool(keys)))
    elif found.outcome is not Outcome.UNREADABLE:
        style = "bold green" if found.outcome is Outcome.GOOD else "bold red"
        say((found.outcome.value, style))
        say_fields(finding_in_words(found, keys=bool(keys), anchors=bool(held)))
    if found.outcome is not Outcome.GOOD:
        what, _, remedy = found.problem.partition("; ")
        raise CommandError(EXITS[found.outcome], what, remedy or _HINTS[found.outcome])
    return Exit.OK


@trail.command(
    short_help="Print what stands in a trail; verify nothing.",
    epilog="""\b
Examples:
  sealwire trail show /var/lib/payments/trail --last 20
  sealwire trail show copy-of-trail --json
""",
)
@_folder
@click.option(
    "--last", type=click.IntRange(1), metavar="NUMBER", help="Only so many, from the end."
)
@_json
def show(folder: Path, last: int | None, *, as_json: bool) -> Exit:
    """Print the records of the trail in DIR, oldest first; nothing is verified.

    Names and levels stand in clear. Other strings are hashes that begin with hmac-sha256.
    """
    records = deque(_records(folder), maxlen=last)
    if as_json:
        entries: list[JsonOutput] = [_json_of(each) for each in records]
        say_json({"verified": False, "records": entries})
        return Exit.OK
    say(("not verified", "bold yellow"))
    for record in records:
        for line in record_in_words(record):
            say((printable(line), ""))
    return Exit.OK


@trail.command(
    short_help="Prove that a record stands in a trail.",
    epilog="""\b
Examples:
  sealwire trail prove /var/lib/payments/trail 17
  sealwire trail prove copy-of-trail 17 --json > proof.json
""",
)
@_folder
@click.argument("index", type=click.IntRange(0))
@_json
def prove(folder: Path, index: int, *, as_json: bool) -> Exit:
    """Prove that record INDEX stands in the trail in DIR, without the other records.

    The proof (RFC 9162, section 2.1.3) leads from the record to the root in the last checkpoint.
    Who has the checkpoint and the host's key can check it with any implementation of that.
    """
    leaves = list(_leaves(folder))
    note = last_note(folder, len(leaves))
    size = len(leaves) if note is None else note.checkpoint.size
    hashes = [leaf_hash(each) for each in leaves[:size]]
    if index >= size:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"no record {index} is in the {counted(size, 'record')} that can be proved",
            f"see what there is: sealwire trail show {shlex.quote(str(folder))}",
        )
    root = root_of(hashes)
    if note is not None and root != note.checkpoint.root:
        raise _damaged(folder, "the records have not the root that their checkpoint says")
    proof = [base64.b64encode(each).decode() for each in inclusion_proof(index, hashes)]
    fields: list[tuple[str, JsonOutput]] = [
        ("index", index),
        ("size", size),
        ("root", base64.b64encode(root).decode()),
        ("leaf_hash", base64.b64encode(hashes[index]).decode()),
        ("proof", proof),
        ("record", leaves[index].decode("utf-8", "backslashreplace")),
        ("checkpoint", None if note is None else note.encode().decode()),
    ]
    if as_json:
        say_json(dict(fields))
        return Exit.OK
    for name, value in fields[:-1]:
        if isinstance(value, list):
            say_fields((f"{name} {place}", each) for place, each in enumerate(value))
        else:
            say_fields([(name, value)])
    if note is None:
        say(("there is no checkpoint, so nobody signed that root", "yellow"))
    else:
        say(("checkpoint:", "bold"))
        for line in note.encode().decode().splitlines():
            say((printable(line), ""))
    return Exit.OK


@trail.command(
    short_help="Write a trail for other tools.",
    epilog="""\b
Examples:
  sealwire trail export /var/lib/payments/trail > trail.jsonl
  sealwire trail export copy-of-trail --format rfc5424 | nc -U /run/collector.sock
""",
)
@_folder
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "rfc5424"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, to the byte as they are hashed; or syslog.",
)
def export(folder: Path, form: str) -> Exit:
    """Write the records of the trail in DIR to standard output, one a line; nothing is verified."""
    for record in _records(folder):
        say_raw((record.encode() if form == "jsonl" else syslog_line(record)) + b"\n")
    return Exit.OK


def anchors_in(name: str) -> Iterator[Note]:
    """Give the checkpoints of a file.

    Raises:
        CommandError: it holds none, or something else.
    """
    notes, rest = split_notes(read_input(name, MAX_CHECKPOINTS_BYTES))
    for note in notes:
        if not isinstance(note, Note):
            raise CommandError(
                Exit.LOCAL_FAILURE, f"{in_words(name)}: {note}", "name a file of checkpoints"
            )
        yield note
    if rest or not notes:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} holds no checkpoint, or not the whole of one",
            "name a file of checkpoints, as they stand beside a trail",
        )


def no_trail(folder: Path) -> StateError:
    """Give the error of a folder in which there is no trail."""
    return StateError(f"{folder} holds no trail; name the folder of a trail")


def _leaves(folder: Path) -> Iterator[bytes]:
    if not segments_of(folder):
        raise no_trail(folder)
    yield from leaves_of(folder)


def _records(folder: Path) -> Iterator[Record]:
    for index, leaf in enumerate(_leaves(folder)):
        try:
            yield parse_record(leaf)
        except RecordError as error:
            raise _damaged(folder, f"record {index} cannot be read: {error}") from None


def readable_records(folder: Path) -> tuple[list[Record], str]:
    """Give the records as far as they can be read, and why not further; ``""`` if all can."""
    found: list[Record] = []
    try:
        found.extend(_records(folder))
    except CommandError as error:
        return found, error.error
    return found, ""


def _damaged(folder: Path, what: str) -> CommandError:
    name = shlex.quote(str(folder))
    return CommandError(
        Exit.REFUSED, what, f"see what is wrong with it: sealwire trail verify {name}"
    )


def _json_of(record: Record) -> JsonOutput:
    import json

    entries: JsonOutput = json.loads(record.encode())
    return entries
