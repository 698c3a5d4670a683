"""Answers: what a listener says about one request, as a bare CBOR map; unsigned.

Rules this module keeps:

1. Until the sender is authenticated the answer is `CONSTANT_REFUSAL`, the same bytes for every
   cause, so that a stranger learns nothing about keys, clocks or configuration.
2. Afterwards it carries the reason, and detail and report where the chain does not encrypt: an
   answer travels in the clear, and may not repeat what the request hid.
3. Nobody signs it, so whoever sits on the address can write one. Clients show it as unsigned, and
   read it as strictly as a message: each field has one type and one encoding, or is left out.
"""

from __future__ import annotations

from typing import Final

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, Stage
from sealwire.stages import Answer, Outcome

CONSTANT_REFUSAL: Final = bytes.fromhex("a10102")
"""``{1: 2}``."""

MAX_DETAIL_CHARS: Final = 500
"""A sentence or two for a terminal; the log has the whole."""

MAX_REPORT_BYTES: Final = 200 * 1024
"""The loggers and handlers of a large application, with room to spare."""

MAX_ANSWER_BYTES: Final = 204 * 1024
"""A report, a detail of four bytes a character, and room for the rest."""

_OUTCOME, _REASON, _DETAIL, _REPEATED, _REPORT = 1, 2, 3, 4, 5
_FIELDS: Final = frozenset({_OUTCOME, _REASON, _DETAIL, _REPEATED, _REPORT})


def encode_answer(answer: Answer) -> bytes:
    """Write an answer; an empty field is left out."""
    table: dict[int | str, cbor.CborValue] = {_OUTCOME: int(answer.outcome)}
    if answer.reason:
        table[_REASON] = answer.reason
    if answer.detail:
        printable = answer.detail.encode(errors="backslashreplace").decode()
        table[_DETAIL] = printable[:MAX_DETAIL_CHARS]
    if answer.repeated:
        table[_REPEATED] = True
    if answer.report:
        table[_REPORT] = answer.report
    return cbor.encode(table)


def decode_answer(data: bytes) -> Answer:
    """Read an answer; nothing in it is authenticated.

    Raises:
        MalformedError: anything but one well-formed answer; any other exception is a bug of ours.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise _malformed(f"over {MAX_ANSWER_BYTES} bytes")
    table = cbor.decode(data)
    if not isinstance(table, dict) or not table.keys() <= _FIELDS:
        raise _malformed("not a map of the listed fields")
    outcome = table.get(_OUTCOME)
    # By its exact type, because Python thinks true and 1 equal.
    if type(outcome) is not int or outcome not in set(Outcome):
        raise _malformed("no outcome")
    reason, detail = table.get(_REASON, ""), table.get(_DETAIL, "")
    if not isinstance(reason, str) or not isinstance(detail, str):
        raise _malformed("reason or detail is not text")
    report = table.get(_REPORT, b"")
    if not isinstance(report, bytes) or len(report) > MAX_REPORT_BYTES:
        raise _malformed("the report is no byte string within its limit")
    if "" in table.values() or b"" in table.values():
        raise _malformed("a field is empty, and not left out")
    if table.get(_REPEATED, True) is not True:
        raise _malformed("repeated is not true")
    return Answer(Outcome(outcome), reason, detail, repeated=_REPEATED in table, report=report)


def _malformed(what: str) -> MalformedError:
    return MalformedError(Reason.BODY_MALFORMED, Stage.BODY, f"answer: {what}")
