"""A record of a trail in words, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.trail.forms import write_fields, write_moment
from sealwire.trail.seen import Changes, Who

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents import JsonValue
    from sealwire.trail.records import Record
    from sealwire.trail.seen import HandlerChange, LoggerChange

_SHOWN_CHARS: Final = 16


def record_in_words(record: Record) -> Iterator[str]:
    """Give a record as a line, and what it changed as one line each below it."""
    event, said, changes = record.event, [], None
    for name, written in write_fields(event).items():
        value = getattr(event, name)
        if isinstance(value, Changes):
            changes = value
        elif isinstance(value, Who):
            said.append(f"{name} {value.owner} ({value.signer} {value.key[:_SHOWN_CHARS]})")
        elif isinstance(written, list):
            said += [f"{name} {each}" for each in written]
        elif written not in (None, ""):
            said.append(f"{name} {written}")
    yield f"{record.seq}  {write_moment(record.at)}  {event.kind}  {', '.join(said)}"
    if changes is not None:
        for logger in changes.loggers:
            yield f"    {_change('logger', logger)}"
        for handler in changes.handlers:
            yield f"    {_change('handler', handler)}"
        if changes.left_out:
            yield f"    and {changes.left_out} more, which the record does not list"


def _change(what: str, change: LoggerChange | HandlerChange) -> str:
    """Say what of a logger or handler is another than before."""
    if change.before is None or change.after is None:
        there = "is there now" if change.before is None else "is no longer there"
        seen = change.after or change.before
        level = "" if seen is None else f", level {seen.level}"
        return f"{what} {change.name} {there}{level}"
    before, after = write_fields(change.before), write_fields(change.after)
    differing = [
        f"{name.replace('_', ' ')} {_plain(before[name])} -> {_plain(after[name])}"
        for name in before
        if before[name] != after[name]
    ]
    return f"{what} {change.name}: {', '.join(differing) or 'as before'}"


def _plain(value: JsonValue) -> str:
    if isinstance(value, list):
        return "[" + " ".join(map(str, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)
