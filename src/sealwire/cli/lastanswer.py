"""What became of an operator's last request, kept beside the settings for ``sealwire why``.

Rules this module keeps:

1. One request is kept, of bounded size and with nothing secret: for which service, what it asked
   for, when, and what the answer said. The message itself is not in it.
2. What a service says is kept as the text that it is, cut to a length. It may be unsigned.
3. The file is replaced in one step and its owner alone can read it. Where it cannot be written the
   request is none the worse for it, so nothing is said.
4. A read that was answered takes no change's place: whoever looks at the status after a refusal
   still wants to know about the refusal.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from sealwire.cli.repeating import command_typed
from sealwire.clock import wall_clock_ms
from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.errors import ConfigurationError, MalformedError, SealwireError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.requests import Verb

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = "sealwire-last-answer-1"
MAX_BYTES: Final = 64 * 1024
"""What is below has at most 32 names of 200 characters, and few other texts."""

MAX_LOGGERS: Final = 32
MAX_NAME_CHARS: Final = 200
MAX_REASON_CHARS: Final = 64
MAX_PATH_CHARS: Final = 4096
MAX_TEXT_CHARS: Final = 600
"""More than `answers.MAX_DETAIL_CHARS`, which an honest service keeps to."""

SENT: Final = "send"
"""What is asked for by a message without a verb: a configuration, or one that was sealed before."""

NO_CONNECTION, NO_ANSWER, INTERRUPTED = "no-connection", "no-answer", "interrupted"
UNSIGNED: Final = "unsigned-refusal"
"""It was refused, nobody has signed that, and the service's key is known: by whom, nobody knows."""

NOT_SENT: Final = "not-sent"
"""It failed before it came to a connection: a key, the settings, the state."""

_READS: Final = {Verb.STATUS.value, Verb.PLAN.value}


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """A request, and what became of it.

    Attributes:
        verb: what was asked for; `SENT` for a configuration without a verb.
        audience: the service; ``""`` where the message does not show it.
        address: where it was sent.
        loggers: which loggers it named, as far as there is room.
        command: what was typed, without a reason; ``""`` where that is not known.
        again: the file with the message, for sending it again; ``""`` where there is none.
        length_s: for how long it was asked for, seconds: of a lease, or of a trial; 0 for good.
        at_ms: when it ended, milliseconds since the epoch.
        outcome: the answer's, or `NO_CONNECTION`, `NO_ANSWER`, `INTERRUPTED`, `UNSIGNED` or
            `NOT_SENT`.
        repeated: whether the answer was about an earlier copy.
        reason: the answer's; ``""`` where it gives none.
        detail: the answer's, or our own words where there is none.
        hint: our own hint where it was not sent.
        offset_ms: how far the service's clock was ahead of ours; ``None`` where it never said.
    """

    verb: str
    audience: str
    address: str
    loggers: tuple[str, ...] = ()
    command: str = ""
    again: str = ""
    length_s: int = 0
    at_ms: int = 0
    outcome: str = ""
    repeated: bool = False
    reason: str = ""
    detail: str = ""
    hint: str = ""
    offset_ms: int | None = None

    @property
    def answered(self) -> bool:
        """Whether there was an answer."""
        return self.outcome not in {NO_CONNECTION, NO_ANSWER, INTERRUPTED, UNSIGNED, NOT_SENT}

    @property
    def until_ms(self) -> int | None:
        """When it ends, or has ended, by itself; ``None`` where it does not, or none can say."""
        if not self.length_s or self.repeated:
            return None
        return self.at_ms + self.length_s * 1000


def path_of(settings: Path) -> Path:
    """Say where the last answer is kept, beside the operator's settings."""
    return settings.with_name(f"{settings.stem}-last.json")


def load_last(settings: Path) -> LastAnswer | None:
    """Give what became of the last request; ``None`` if there was none.

    Raises:
        ConfigurationError: the file cannot be read, others can write it, or it is not ours.
    """
    path = path_of(settings)
    if not os.path.lexists(path):
        return None
    content = read_checked(
        path, max_bytes=MAX_BYTES, error=ConfigurationError, missing="send a request"
    ).content
    with contextlib.suppress(MalformedError):
        last = _last_of(read_json(content))
        if last is not None:
            return last
    raise ConfigurationError(
        f"{path} is not what sealwire keeps there; remove it: rm {shlex.quote(str(path))}"
    )


def keep_last(settings: Path, last: LastAnswer) -> None:
    """Keep what became of a request that has just ended; see the rules 3 and 4."""
    last = replace(last, at_ms=wall_clock_ms(), command=short(command_typed(), MAX_PATH_CHARS))
    # Rule 3: what was asked for has ended already, well or not.
    with contextlib.suppress(SealwireError):
        before = None
        with contextlib.suppress(ConfigurationError):
            before = load_last(settings)
        if before is not None:
            last = _after(before, last)
        write_checked(
            path_of(settings), _written(last), mode=0o600, force=True, error=ConfigurationError
        )


def _after(before: LastAnswer, last: LastAnswer) -> LastAnswer:
    """Give what is to be kept: see rule 4; what is known of a service's clock stays known."""
    offset_ms = last.offset_ms
    if offset_ms is None and before.audience == last.audience:
        offset_ms = before.offset_ms
    if last.verb in _READS and last.outcome == "applied":
        if before.audience != last.audience:
            return before
        return replace(before, offset_ms=offset_ms)
    return replace(last, offset_ms=offset_ms)


def short(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Give a text that can be written, cut to a length."""
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _written(last: LastAnswer) -> bytes:
    members: dict[str, JsonValue] = {"format": FORMAT}
    for field in fields(last):
        value = getattr(last, field.name)
        members[field.name] = list(value) if isinstance(value, tuple) else value
    return canonical_json(members) + b"\n"


def _last_of(document: dict[str, JsonValue]) -> LastAnswer | None:
    """Take a document as what was kept, or give ``None``."""
    names = {field.name for field in fields(LastAnswer)}
    if document.pop("format", None) != FORMAT or document.keys() != names:
        return None
    loggers = document.pop("loggers")
    numbers = [document.pop(name) for name in ("at_ms", "length_s", "offset_ms", "repeated")]
    if not isinstance(loggers, list) or not all(isinstance(each, str) for each in loggers):
        return None
    if not all(isinstance(each, str) for each in document.values()):
        return None
    at_ms, length_s, offset_ms, repeated = numbers
    if type(at_ms) is not int or type(length_s) is not int or type(repeated) is not bool:
        return None
    if type(offset_ms) not in {int, type(None)}:
        return None
    texts = {name: str(value) for name, value in document.items()}
    return LastAnswer(
        **texts,
        loggers=tuple(map(str, loggers)),
        at_ms=at_ms,
        length_s=length_s,
        repeated=repeated,
        offset_ms=offset_ms if isinstance(offset_ms, int) else None,
    )
