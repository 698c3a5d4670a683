"""Passphrases: where they come from, and that they go nowhere else.

Rules this module keeps:

1. A passphrase has no way out but `reveal_passphrase`: it does not print, does not pickle, and no
   error carries it.
2. It is the bytes that were given, and one line: nothing is trimmed but the newline at the end, and
   nothing is normalized.
3. A file of one is read as a secret key's file is; a program that tells one is started without a
   shell, and may write and take only so much.

Not guaranteed: that its bytes leave the memory of the process when the object is deleted.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sealwire.errors import KeyFileError
from sealwire.keyfiles.checked import REACHED_BY_OTHERS, StrPath, read_checked

MAX_PASSPHRASE_BYTES: Final = 1024
"""As OpenSSH and OpenSSL: more is a file that was named by mistake."""

MIN_NEW_BYTES: Final = 8
"""NIST SP 800-63B, 3.1.1: the least that a person may choose."""

COMMAND_TIMEOUT_S: Final = 120.0
"""A person finds a window and types; a program that waits longer waits for nobody."""

_NEWLINE_BYTES: Final = 2


class Passphrase:
    """A passphrase that must not leave the process by accident."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take the bytes of one.

        Raises:
            KeyFileError: it is empty, too long, or more than a line.
        """
        if problem := _problem_of(secret):
            del secret  # a traceback may be shown with what its functions held
            raise KeyFileError(f"the passphrase {problem}; write one line of text")
        self._secret = secret

    def __repr__(self) -> str:
        """Say what it is, and nothing of it."""
        return "<Passphrase>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled or copied."""
        raise TypeError("a Passphrase does not pickle; ask for it again")


Ask: TypeAlias = Callable[[str], Passphrase]
"""Gives the passphrase of what its argument names, or raises a `SealwireError`."""


def reveal_passphrase(passphrase: Passphrase) -> bytes:
    """Give the bytes of a passphrase; the one place where they leave their object."""
    return passphrase._secret  # noqa: SLF001 - this function is the door


def check_new(passphrase: Passphrase) -> Passphrase:
    """Give a passphrase back if a new key file may have it.

    Raises:
        KeyFileError: it is too short.
    """
    if len(reveal_passphrase(passphrase)) < MIN_NEW_BYTES:
        raise KeyFileError(
            f"the new passphrase has fewer than {MIN_NEW_BYTES} bytes, and is found by trying; "
            "choose a longer one, such as five words"
        )
    return passphrase


@dataclass(frozen=True, slots=True)
class PassphraseFile:
    """Reads a passphrase from a file, by the rules for a secret key's file, when it is asked.

    Attributes:
        path: the file, whose first and only line it is.
    """

    path: StrPath

    def __call__(self, what: str) -> Passphrase:
        """Read it; see `Ask`."""
        checked = read_checked(
            self.path,
            max_bytes=MAX_PASSPHRASE_BYTES + _NEWLINE_BYTES,
            error=KeyFileError,
            missing="write the passphrase there: (umask 077; cat > FILE)",
            forbidden=REACHED_BY_OTHERS,
        )
        return _passphrase_of(checked.content, checked.path)


@dataclass(frozen=True, slots=True)
class PassphraseCommand:
    """Asks a program, which writes the passphrase on its standard output.

    Attributes:
        arguments: the program and its arguments; no shell reads them.
        timeout_s: how long it may take, seconds.
    """

    arguments: tuple[str, ...]
    timeout_s: float = COMMAND_TIMEOUT_S

    def __call__(self, what: str) -> Passphrase:
        """Run it; see `Ask`."""
        # Without its arguments, which may say more than is meant for an error.
        name = f"the program {shlex.quote(self.arguments[0])}"
        return _passphrase_of(_output_of(self.arguments, name, self.timeout_s), name)


def split_command(text: str) -> tuple[str, ...]:
    """Split one line into a program and its arguments, by a shell's rules for quotes.

    Raises:
        ValueError: there is no program, or a quote is not closed.
    """
    command = tuple(shlex.split(text))
    if not command or not command[0]:
        raise ValueError("no program is named")
    return command


def _problem_of(secret: bytes) -> str:
    if not secret:
        return "is empty"
    if len(secret) > MAX_PASSPHRASE_BYTES:
        return f"has more than {MAX_PASSPHRASE_BYTES} bytes"
    if any(each in secret for each in (b"\n", b"\r", b"\0")):
        return "is more than one line, or holds a NUL"
    return ""


def _passphrase_of(content: bytes, source: str) -> Passphrase:
    secret = content.removesuffix(b"\n").removesuffix(b"\r")
    problem = _problem_of(secret)
    if not problem:
        return Passphrase(secret)
    del content, secret  # as above
    raise KeyFileError(f"the passphrase from {source} {problem}; it has to be one line of text")


def _output_of(command: tuple[str, ...], name: str, timeout_s: float) -> bytes:
    """Run a program to its end; give what it wrote."""
    import subprocess  # noqa: PLC0415 - late, because most processes start no program

    limit = MAX_PASSPHRASE_BYTES + _NEWLINE_BYTES
    reading, writing = os.pipe()
    try:
        # In our session, because it may want the terminal; what it tells a person is to be seen.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing)  # noqa: S603
    except (OSError, ValueError) as failure:
        os.close(reading)
        reason = (isinstance(failure, OSError) and failure.strerror) or str(failure)
        raise KeyFileError(
            f"{name} cannot be started to tell the passphrase: {reason}; name one by its path"
        ) from None
    finally:
        os.close(writing)
    parts: list[bytes] = []
    # In a thread, because a pipe cannot be waited for with a time limit on every system.
    reader = threading.Thread(target=_read, args=(reading, limit, parts), daemon=True)
    reader.start()
    try:
        reader.join(timeout_s)
        ended = not reader.is_alive()
        too_much = ended and sum(map(len, parts)) > limit
        if ended and not too_much:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout_s)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    status = process.returncode
    if too_much or not ended or status != 0:
        parts.clear()
        why = f"ended with status {status}" if ended else f"took over {timeout_s:.0f} s"
        if too_much:
            why = f"wrote more than {MAX_PASSPHRASE_BYTES} bytes"
        raise KeyFileError(f"{name} told no passphrase: it {why}; try it in a terminal")
    return b"".join(parts)


def _read(descriptor: int, limit: int, parts: list[bytes]) -> None:
    """Read to the end, or one byte more than ``limit``."""
    left = limit + 1
    try:
        while left > 0 and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
