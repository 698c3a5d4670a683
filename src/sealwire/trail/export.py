"""A record as one line of syslog (RFC 5424), for the tools that take that.

Rules this module keeps:

1. The message is the record as JSON with everything but ASCII escaped. RFC 5424 wants a byte order
   mark in front of UTF-8, which readers of JSON do not want.
2. The facility is 13, log audit. What was refused, failed or changed by itself is a warning, and
   everything else a notice.
3. Time and kind of the record are those of the line. Nothing is cut: a receiver that takes short
   lines only has to say so itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sealwire.trail.events import (
    Alerted,
    AnchorMismatch,
    ClockStepped,
    Drifted,
    Failed,
    Refused,
    TrailFailed,
)
from sealwire.trail.forms import write_moment

if TYPE_CHECKING:
    from sealwire.trail.records import Record

_LOG_AUDIT: Final = 13
_WARNING: Final = 4
_NOTICE: Final = 5
_WARNINGS: Final = (Alerted, AnchorMismatch, ClockStepped, Drifted, Failed, Refused, TrailFailed)


def syslog_line(record: Record) -> bytes:
    """Give a record as one line, without a newline.

    Args:
        record: the record; a verified one, if the line is to be worth more than its source.
    """
    severity = _WARNING if isinstance(record.event, _WARNINGS) else _NOTICE
    head = (
        f"<{_LOG_AUDIT * 8 + severity}>1 {write_moment(record.at)} - sealwire - "
        f"{record.event.kind} - "
    )
    body = json.dumps(json.loads(record.encode()), separators=(",", ":"))
    # DEL is the one control character that JSON does not escape by itself.
    return (head + body.replace("\x7f", "\\u007f")).encode("ascii")
