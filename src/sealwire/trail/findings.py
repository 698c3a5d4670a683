"""What verifying a trail gives: the answer, how far it is shown, and the first bad record."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """What a trail was found to be."""

    GOOD = "good"
    TAMPERED = "tampered"
    TRUNCATED = "truncated"
    """Records that a checkpoint or an anchor counts are not there."""

    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and how far it is shown.

    Attributes:
        outcome: the answer.
        records: how many records were read and are in order.
        root: the root over these.
        origin: which trail its first record says it is; ``""`` where that is not known.
        signed: how many records the last good checkpoint speaks for; without keys, unsigned ones
            count too, which show no more than that the folder agrees with itself.
        anchored: how many records the last good anchor speaks for.
        first_bad: the number of the first record that is wrong or missing; ``None`` where no
            record is known to be.
        before: the first bad record is ``first_bad`` or another before this number. One more than
            ``first_bad`` where it is known for certain.
        problem: what is wrong, in words; ``""`` where nothing is.
        torn_bytes: what a crash left behind the last record; none of it is a record.
    """

    outcome: Outcome
    records: int = 0
    root: bytes = b""
    origin: str = ""
    signed: int = 0
    anchored: int = 0
    first_bad: int | None = None
    before: int | None = None
    problem: str = ""
    torn_bytes: int = 0
