"""The sealer's memory in a file: which versions were used, for every process that seals.

Rules this module keeps:

1. Of all processes and threads that claim one version, one gets it: reading, comparing and writing
   happen under one lock. It is taken anew for every claim, freed before its file is closed, and
   ends with the process that holds it.
2. What was claimed is on the disk when the claim returns: after a crash it is not handed out again.
3. The file is replaced in one step, so it is the old one or the new one, never half of one. The
   lock is a file of its own (``….lock``), because one that is replaced cannot carry it.
4. A file that is not exactly what this module writes is refused. It is never begun anew by itself:
   versions that were used before would be used again.

The file is one line of canonical JSON:
``{"format":"sealwire-sealer-state-1","last":{"payments@prod":{"base":1790000000000}}}``. Where a
service has shown a floor ahead of our clock there is a member ``floors``, of the form of ``last``.

Not guaranteed: anything on network file systems whose locks do not hold between hosts; and if the
file is removed, the clock must have moved on since the last message, or messages that were sealed
ahead of it can land after those that follow. On Windows the lock is
``msvcrt.locking``, and only the file itself is brought to the disk, not the folder's entry.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import sys
import time
from typing import TYPE_CHECKING, Final

from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.errors import ConfigurationError, MalformedError, SealError
from sealwire.keyfiles import StrPath, read_checked, write_checked
from sealwire.keys import NAME_PATTERN
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAN_LOCK = True
if sys.platform == "win32":
    import msvcrt
else:
    # A system with neither can still open and look at what others sealed.
    try:
        import fcntl
    except ImportError:
        _CAN_LOCK = False

FORMAT: Final = "sealwire-sealer-state-1"

MAX_STATE_BYTES: Final = 256 * 1024
"""What `read_json` reads; more than a thousand audiences, and an operator has a few."""

MAX_LOCK_WAIT_S: Final = 10
"""A claim holds the lock for about a millisecond; whoever holds it for so long is stopped."""

_STEP_S: Final = 0.005
_STREAMS: Final = {stream.value for stream in Stream}

_Last = dict[str, dict[str, int]]


class FileSealerState:
    """A `SealerState` that all processes of one user share, and that outlives them."""

    def __init__(self, path: StrPath) -> None:
        """Keep the state in ``path``, in a folder that is there.

        Neither the file nor its lock is made or opened before the first claim.

        Raises:
            ConfigurationError: this system has no locks for files.
        """
        if not _CAN_LOCK:
            raise ConfigurationError(
                f"{os.fspath(path)!r}: this system has no locks for files (fcntl), without which "
                "two processes could use one version; seal on another"
            )
        self.path = os.fspath(path)

    def __repr__(self) -> str:
        """Say where the state is."""
        return f"<FileSealerState {self.path}>"

    @property
    def begin_anew(self) -> str:
        """The command that puts the state aside, for whoever has had a clock that was ahead."""
        return f"mv {shlex.quote(self.path)} {shlex.quote(self.path + '.ahead')}"

    def last_used(self, audience: str) -> int:
        """Give the last version used for an audience in any stream; -1 where there is none.

        Raises:
            SealError: the state cannot be read, or is not a state.
        """
        return max(self._read()[0].get(audience, {}).values(), default=-1)

    def claim(self, audience: str, stream: Stream, version: int) -> int:
        """Take ``version`` if it is above the last one used, in one atomic step.

        Returns:
            ``version`` if it was taken, else one above it: the last one used, or the next where
            ``version`` is the last one used.

        Raises:
            SealError: the state cannot be locked, read or written, or is not a state; the text
                names the file and what to do.
        """
        with locked(self.path + ".lock"):
            last, floors = self._read()
            used = last.setdefault(audience, {}).get(stream.value, -1)
            if version <= used:
                # Were the same number given back, two callers would take it for theirs.
                return max(used, version + 1)
            last[audience][stream.value] = version
            self._write(last, floors)
            return version

    def learn(self, audience: str, stream: Stream, floor: int) -> None:
        """Remember a floor that a service has shown, if it is above the one that is known.

        Raises:
            SealError: as `claim`.
        """
        with locked(self.path + ".lock"):
            last, floors = self._read()
            if floor > floors.get(audience, {}).get(stream.value, -1):
                floors.setdefault(audience, {})[stream.value] = floor
                self._write(last, floors)

    def learned(self, audience: str, stream: Stream) -> int:
        """Give the floor that was shown last, or -1.

        Raises:
            SealError: the state cannot be read, or is not a state.
        """
        return self._read()[1].get(audience, {}).get(stream.value, -1)

    def _read(self) -> tuple[_Last, _Last]:
        if not os.path.lexists(self.path):
            return {}, {}
        content = read_checked(
            self.path, max_bytes=MAX_STATE_BYTES, error=SealError, missing="seal again"
        ).content
        with contextlib.suppress(MalformedError):
            state = _state_of(read_json(content))
            if state is not None and content == _written(*state):
                return state
        moved = f"mv {shlex.quote(self.path)} {shlex.quote(self.path + '.damaged')}"
        raise SealError(
            f"{self.path} is not a sealer's state; put its last copy back or, if this clock is "
            f"past every message that was sealed, begin anew: {moved}"
        )

    def _write(self, last: _Last, floors: _Last) -> None:
        content = _written(last, floors)
        if len(content) > MAX_STATE_BYTES:
            raise SealError(
                f"{self.path} would have more than {MAX_STATE_BYTES} bytes; it holds "
                f"{len(last)} audiences, so keep some of them in another state"
            )
        write_checked(self.path, content, mode=0o600, force=True, error=SealError)


def _written(last: _Last, floors: _Last) -> bytes:
    state: dict[str, JsonValue] = {"format": FORMAT, "last": _streams(last)}
    if floors:
        state["floors"] = _streams(floors)
    return canonical_json(state) + b"\n"


def _streams(versions: _Last) -> JsonValue:
    return {audience: dict(each) for audience, each in versions.items()}


def _state_of(document: dict[str, JsonValue]) -> tuple[_Last, _Last] | None:
    """Take a document as a state, or give ``None``."""
    if document.keys() | {"floors"} != {"format", "last", "floors"}:
        return None
    last, floors = _versions_of(document["last"]), _versions_of(document.get("floors", {}))
    if document["format"] != FORMAT or last is None or floors is None:
        return None
    return last, floors


def _versions_of(entries: JsonValue) -> _Last | None:
    if not isinstance(entries, dict):
        return None
    last: _Last = {}
    for audience, streams in entries.items():
        if not NAME_PATTERN.fullmatch(audience) or not isinstance(streams, dict):
            return None
        last[audience] = {}
        for stream, version in streams.items():
            if stream not in _STREAMS or type(version) is not int or version < 0:
                return None
            last[audience][stream] = version
    return last


# ---- the lock -------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock file ``path``, which is made if it is not there.

    Raises:
        SealError: it cannot be opened, is no regular file, or was held by another for too long.
    """
    try:
        descriptor = os.open(path, _LOCK_FLAGS, 0o600)
    except (OSError, ValueError) as failure:
        raise SealError(
            f"the lock {path} cannot be opened: {failure}; its folder has to be there and ours"
        ) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SealError(f"the lock {path} is no regular file; remove it")
        try:
            _wait_for_lock(descriptor, path)
        except OSError as failure:
            raise SealError(
                f"the lock {path} does not work here: {failure.strerror}; keep the state on a "
                "local disk"
            ) from None
        try:
            yield
        finally:
            # Closing is not enough: a child that another thread forks now has the lock open too.
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: str) -> None:
    end_s = time.monotonic() + MAX_LOCK_WAIT_S
    while not _try_lock(descriptor):
        if time.monotonic() > end_s:
            raise SealError(
                f"another process has held the lock {path} for {MAX_LOCK_WAIT_S} s; find it with: "
                f"fuser {shlex.quote(path)}"
            )
        time.sleep(_STEP_S)


if sys.platform == "win32":
    _LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_BINARY | os.O_NOINHERIT

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as failure:
            if failure.errno in {errno.EACCES, errno.EDEADLK}:
                return False
            raise
        return True

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    _LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
