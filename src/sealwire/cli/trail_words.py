"""A record of a trail, and what was found of a whole one, in words."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from sealwire.cli.wording import counted
from sealwire.trail.forms import write_fields, write_moment
from sealwire.trail.seen import Changes, Cosigner, Who

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.documents import JsonValue
    from sealwire.trail.findings import Finding
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
            signers: tuple[Who | Cosigner, ...] = (value, *value.cosigners)
            words = (f"{each.owner} ({each.signer} {each.key[:_SHOWN_CHARS]})" for each in signers)
            said.append(f"{name} {' with '.join(words)}")
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


def finding_in_words(found: Finding, *, keys: bool, anchors: bool) -> Iterator[tuple[str, object]]:
    """Give what was found as names and values, for people."""
    yield "trail", found.origin or "not known"
    yield "records", found.records
    if found.root:
        yield "root", base64.b64encode(found.root).decode()
    signed = counted(found.signed, "record")
    yield (
        "checkpoints",
        (f"signed, for {signed}" if keys else f"for {signed}, but not verified; name --key FILE"),
    )
    yield "anchors", f"for {counted(found.anchored, 'record')}" if anchors else "none"
    if found.torn_bytes:
        yield "torn", f"{counted(found.torn_bytes, 'byte')} behind the last record, by a crash"
    if found.first_bad is not None and found.before is not None:
        certain = found.before == found.first_bad + 1
        between = f"{found.first_bad}, or another before {found.before}"
        yield "first bad", found.first_bad if certain else between


def finding_as_json(found: Finding, *, keys: bool) -> dict[str, JsonOutput]:
    """Give what was found as an object."""
    return {
        "outcome": found.outcome.value,
        "origin": found.origin,
        "records": found.records,
        "root": base64.b64encode(found.root).decode(),
        "keys_given": keys,
        "signed": found.signed,
        "anchored": found.anchored,
        "first_bad": found.first_bad,
        "before": found.before,
        "problem": found.problem,
        "torn_bytes": found.torn_bytes,
    }
