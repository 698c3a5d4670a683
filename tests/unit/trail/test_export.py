"""Lines of syslog: RFC 5424, in ASCII, with the whole record inside."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sealwire.trail.events import Stopped
from sealwire.trail.export import syslog_line
from sealwire.trail.records import Record

if TYPE_CHECKING:
    from sealwire.trail.events import Event

# RFC 5424, section 6, as far as this writes it: no host, no process, no structured data.
LINE = re.compile(
    rb"<(108|109)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) "
    rb"- sealwire - ([a-z-]{1,32}) - (\{[ -~]*\})"
)


def test_every_kind_is_a_line(trail_events: tuple[Event, ...]) -> None:
    """Nothing but what can be printed in ASCII, and the record comes out again."""
    warnings = set()
    for seq, event in enumerate(trail_events):
        record = Record(seq, 1_800_000_000_123, "", event)
        found = LINE.fullmatch(syslog_line(record))
        assert found is not None
        priority, at, kind, body = found.groups()
        assert (b"2027-01-15T08:00:00.123Z", event.kind.encode()) == (at, kind)
        assert json.loads(record.encode()) == json.loads(body)
        if priority == b"108":
            warnings.add(event.kind)
    of_note = {"refused", "failed", "drifted", "alerted", "clock-stepped", "trail-failed"}
    assert of_note | {"anchor-mismatch"} == warnings


def test_what_drives_a_terminal_is_escaped() -> None:
    """Controls of every kind, and those that turn the direction of text."""
    line = syslog_line(Record(0, 0, "", Stopped("\x00\x1b\x7f\x9b\u202e", "\n")))
    assert b'"instance":"\\u0000\\u001b\\u007f\\u009b\\u202e"' in line
    assert LINE.fullmatch(line)
