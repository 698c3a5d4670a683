"""Sealed messages that no answer came to, kept until they expire.

Rules this module keeps:

1. A message is kept before it is sent and forgotten when its answer is there, so that it outlives
   whatever happens between the two. Sending the same bytes again is what tells what became of them.
2. Expired ones are removed on the way: no service takes them any more.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sealwire.cli.endings import CommandError, Exit
from sealwire.clock import wall_clock_ms
from sealwire.errors import SealError
from sealwire.keyfiles import write_checked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = "unanswered"

_NAME: Final = re.compile(r".+\.([0-9]{1,15})\.[0-9a-f]{8}\.sealed", re.ASCII)


@contextmanager
def kept(beside: Path, audience: str, sealed: bytes, lifetime_s: int) -> Iterator[Path]:
    """Keep ``sealed`` in a folder beside the operator's settings while it is sent.

    It stays there if the block ends with anything that says that it may have been sent:
    `CommandError` with another status than `Exit.LOCAL_FAILURE`, or an exception of another kind.

    Yields:
        Its path.

    Raises:
        SealError: it cannot be kept; it should not be sent then.
    """
    now_s = wall_clock_ms() // 1000
    folder = beside.parent / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _remove_expired(folder, now_s)
    except OSError as failure:
        raise SealError(
            f"{folder} cannot be used: {failure.strerror}; it keeps messages until their answer "
            "is there, so give yourself the right to write it"
        ) from None
    # A message lives to the end of the second in which it expires.
    name = f"{audience.replace('/', '+')}.{now_s + lifetime_s + 1}.{secrets.token_hex(4)}.sealed"
    path = folder / name
    write_checked(path, sealed, mode=0o600, force=False, error=SealError)
    try:
        yield path
    except CommandError as ending:
        if ending.status is Exit.LOCAL_FAILURE:
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def waiting_messages(beside: Path) -> list[Path]:
    """Give the messages that no answer came to, and that a service would still take."""
    now_s = wall_clock_ms() // 1000
    try:
        found = sorted((beside.parent / FOLDER).iterdir())
    except OSError:
        return []
    matches = ((path, _NAME.fullmatch(path.name)) for path in found)
    return [path for path, match in matches if match and int(match[1]) >= now_s]


def last_waiting(beside: Path) -> Path | None:
    """Give the message that was kept last of those that no answer came to, if there is one."""
    waiting = waiting_messages(beside)
    return max(waiting, key=lambda path: path.stat().st_mtime_ns, default=None)


def forget(beside: Path, path: Path) -> None:
    """Forget a message that was sent once more and answered, if it is one of those kept here."""
    if _NAME.fullmatch(path.name) and path.parent.resolve() == (beside.parent / FOLDER).resolve():
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_expired(folder: Path, now_s: int) -> None:
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and int(match[1]) < now_s:
            path.unlink(missing_ok=True)
