"""The sealer's memory in a file: each version once, for every process, and nothing half written."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest

from sealwire import sealerstate
from sealwire.errors import SealError
from sealwire.keys import SigningKey
from sealwire.layers import Ed25519Signer
from sealwire.sealer import Sealer
from sealwire.sealerstate import FileSealerState
from sealwire.stages import Stream

NOW_MS = 1_790_000_000_000
AUDIENCE = "payments@prod"
GOOD = b'{"format":"sealwire-sealer-state-1","last":{"payments@prod":{"base":1790000000000}}}\n'

# Takes the next version above the last one until it has enough, and prints what it got.
COUNTING = """
import sys
from sealwire.sealerstate import FileSealerState
from sealwire.stages import Stream
state = FileSealerState(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
won, last = [], 0
while len(won) < int(sys.argv[2]):
    wanted = last + 1
    last = state.claim("payments@prod", Stream.BASE, wanted)
    if last == wanted:
        won.append(wanted)
print(*won)
"""


def test_a_version_is_taken_once(tmp_path: Path) -> None:
    """The version comes back if it was taken, and one above it if it was not."""
    state = FileSealerState(tmp_path / "state.json")
    for stream in (Stream.BASE, Stream.LEASE):
        for audience in (AUDIENCE, "other"):
            assert 5 == state.claim(audience, stream, 5)
            assert 6 == state.claim(audience, stream, 5)
            assert 5 == state.claim(audience, stream, 4)
            assert 7 == state.claim(audience, stream, 7)
            assert 7 == state.claim(audience, stream, 6)
            assert 8 == state.claim(audience, stream, 7)


def test_it_outlives_the_process(tmp_path: Path) -> None:
    """Another object on the same file goes on where the first one was."""
    path = tmp_path / "state.json"
    assert NOW_MS == FileSealerState(path).claim(AUDIENCE, Stream.BASE, NOW_MS)
    assert NOW_MS == FileSealerState(str(path)).claim(AUDIENCE, Stream.BASE, NOW_MS - 1)
    assert NOW_MS != FileSealerState(path).claim(AUDIENCE, Stream.BASE, NOW_MS)
    assert GOOD == path.read_bytes()
    assert str(path) in repr(FileSealerState(path))


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """State and lock are 0600, whatever the umask is, and nothing else is left."""
    path = tmp_path / "state.json"
    before = os.umask(0)
    try:
        FileSealerState(path).claim(AUDIENCE, Stream.BASE, 1)
    finally:
        os.umask(before)
    lock = path.with_name("state.json.lock")
    assert [path, lock] == sorted(tmp_path.iterdir())
    assert [0o600, 0o600] == [stat.S_IMODE(each.stat().st_mode) for each in (path, lock)]


def test_a_sealer_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A clock that stands still seals no second message; this is told in words."""
    signer = Ed25519Signer(SigningKey(bytes(32), owner="alice"))
    for expected in (None, "was used for payments@prod before"):
        state = FileSealerState(tmp_path / "state.json")
        sealer = Sealer(AUDIENCE, [signer], issuer="alice", state=state, clock=lambda: NOW_MS)
        if expected is None:
            sealer.seal_at(b"{}", now_ms=NOW_MS)
        else:
            with pytest.raises(SealError, match=expected):
                sealer.seal_at(b"{}", now_ms=NOW_MS)


MALFORMED = {
    "empty": b"",
    "cut": GOOD[:-20],
    "no-newline": GOOD[:-1],
    "trailing": GOOD + b"\n",
    "spaces": GOOD.replace(b":", b": "),
    "not-json": b"seal",
    "list": b"[]\n",
    "other-format": GOOD.replace(b"state-1", b"state-2"),
    "no-format": b'{"last":{}}\n',
    "more": GOOD.replace(b'"last"', b'"first":1,"last"'),
    "last-is-a-list": b'{"format":"sealwire-sealer-state-1","last":[]}\n',
    "streams-are-a-list": b'{"format":"sealwire-sealer-state-1","last":{"a":[]}}\n',
    "no-such-stream": GOOD.replace(b'"base"', b'"bass"'),
    "no-such-audience": GOOD.replace(b"payments", b"Payments"),
    "audience-twice": GOOD.replace(b"}}}", b'},"payments@prod":{"base":1}}}'),
    "text": GOOD.replace(b"1790000000000", b'"1790000000000"'),
    "flag": GOOD.replace(b"1790000000000", b"true"),
    "negative": GOOD.replace(b"1790000000000", b"-1"),
    "fraction": GOOD.replace(b"1790000000000", b"1790000000000.5"),
    "null": GOOD.replace(b"1790000000000", b"null"),
    "not-utf-8": GOOD.replace(b"prod", b"pr\xf6d"),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing is sealed and nothing written; the command in the refusal begins anew."""
    path = tmp_path / "the state.json"
    path.write_bytes(content)
    path.chmod(0o600)
    state = FileSealerState(path)
    with pytest.raises(SealError) as caught:
        state.claim(AUDIENCE, Stream.BASE, NOW_MS)
    assert f"{path} is not a sealer's state" in str(caught.value)
    assert content == path.read_bytes()
    command = str(caught.value).partition("begin anew: ")[2]
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - is what a user does
    assert NOW_MS == state.claim(AUDIENCE, Stream.BASE, NOW_MS)


def test_a_state_that_others_could_have_written_is_refused(tmp_path: Path) -> None:
    """They could push versions into the future, or make them repeat."""
    path = tmp_path / "state.json"
    path.write_bytes(GOOD)
    path.chmod(0o666)
    with pytest.raises(SealError, match="has mode 0666"):
        FileSealerState(path).claim(AUDIENCE, Stream.BASE, NOW_MS + 1)


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Neither to a state nor to a lock; what they point to stays as it is."""
    real = tmp_path / "real"
    real.write_bytes(GOOD)
    real.chmod(0o600)
    for name, said in (
        ("state.json", "is a symbolic link"),
        ("state.json.lock", "cannot be opened"),
    ):
        link = tmp_path / name
        link.symlink_to(real)
        with pytest.raises(SealError, match=said):
            FileSealerState(tmp_path / "state.json").claim(AUDIENCE, Stream.BASE, NOW_MS + 1)
        link.rename(tmp_path / "moved")
        (tmp_path / "state.json.lock").unlink(missing_ok=True)
    assert GOOD == real.read_bytes()


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A missing folder, a NUL, and a FIFO in the lock's place."""
    for path in (tmp_path / "missing" / "s", tmp_path / "a\0b"):
        with pytest.raises(SealError, match="its folder has to be there and ours"):
            FileSealerState(path).claim(AUDIENCE, Stream.BASE, 1)
    os.mkfifo(tmp_path / "s.lock")
    with pytest.raises(SealError, match="is no regular file; remove it"):
        FileSealerState(tmp_path / "s").claim(AUDIENCE, Stream.BASE, 1)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim fails, and the old state is there."""
    path = tmp_path / "state.json"
    state = FileSealerState(path)
    state.claim(AUDIENCE, Stream.BASE, NOW_MS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SealError, match="No space left on device"):
            state.claim(AUDIENCE, Stream.BASE, NOW_MS + 1)
    assert GOOD == path.read_bytes()
    assert NOW_MS + 1 == state.claim(AUDIENCE, Stream.BASE, NOW_MS + 1)


def test_a_state_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the cap the claim is refused, and what was there stays usable."""
    monkeypatch.setattr(sealerstate, "MAX_STATE_BYTES", len(GOOD) + 10)
    path = tmp_path / "state.json"
    state = FileSealerState(path)
    state.claim(AUDIENCE, Stream.BASE, NOW_MS)
    with pytest.raises(SealError, match="it holds 2 audiences"):
        state.claim("another", Stream.BASE, NOW_MS)
    assert NOW_MS + 1 == state.claim(AUDIENCE, Stream.BASE, NOW_MS + 1)


def test_a_lock_that_is_never_freed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits gives up with the lock's name; afterwards the claim goes on."""
    monkeypatch.setattr(sealerstate, "MAX_LOCK_WAIT_S", 0.02)
    path = tmp_path / "state.json"
    state = FileSealerState(path)
    with sealerstate.locked(f"{path}.lock"), pytest.raises(SealError, match=r"state\.json\.lock"):
        state.claim(AUDIENCE, Stream.BASE, 1)
    assert 1 == state.claim(AUDIENCE, Stream.BASE, 1)


def test_a_child_that_inherits_the_lock_does_not_keep_it(tmp_path: Path) -> None:
    """Another thread may fork while a claim is under way; the child lives on without the lock."""
    # In a process of its own, because a fork is no good beside the threads of other tests.
    program = """
import os, signal, sys
from sealwire import sealerstate
from sealwire.stages import Stream
with sealerstate.locked(sys.argv[1] + ".lock"):
    child = os.fork()
    if child == 0:
        signal.pause()
try:
    print(sealerstate.FileSealerState(sys.argv[1]).claim("payments@prod", Stream.BASE, 1))
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "state.json")]
    assert "1\n" == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for a lock that somebody else holds."""

    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(SealError, match="does not work here: No locks available"):
        FileSealerState(tmp_path / "state.json").claim(AUDIENCE, Stream.BASE, 1)


def test_a_process_that_dies_frees_the_lock(tmp_path: Path) -> None:
    """SIGKILL in the middle of a claim; the next one goes on from the old state."""
    path = tmp_path / "state.json"
    FileSealerState(path).claim(AUDIENCE, Stream.BASE, 3)
    program = (
        "import sys, time; from sealwire import sealerstate\n"
        "with sealerstate.locked(sys.argv[1] + '.lock'): print('held', flush=True); time.sleep(99)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        holder.kill()
        holder.wait()
    assert 3 == FileSealerState(path).claim(AUDIENCE, Stream.BASE, 2)
    assert 4 == FileSealerState(path).claim(AUDIENCE, Stream.BASE, 4)


def test_processes_never_get_one_version_twice(tmp_path: Path) -> None:
    """Four processes count up together, and no number is won by two of them."""
    each, path = 50, str(tmp_path / "state.json")
    command = [sys.executable, "-c", COUNTING, path, str(each)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [list(map(int, process.communicate()[0].split())) for process in processes]
    assert [0] * len(processes) == [process.returncode for process in processes]
    assert [each] * len(processes) == [len(versions) for versions in won]
    assert each * len(processes) == len(set(chain.from_iterable(won)))


def test_threads_never_get_one_version_twice(tmp_path: Path) -> None:
    """One object, eight threads: of eight claims to a version, one is answered with it."""
    state = FileSealerState(tmp_path / "state.json")
    together = threading.Barrier(8)

    def claim_all(_: int) -> list[bool]:
        won = []
        for version in range(1, 11):
            together.wait()
            won.append(version == state.claim(AUDIENCE, Stream.BASE, version))
        return won

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim_all, range(8)))
    assert [1] * 10 == [sum(of_version) for of_version in zip(*won, strict=True)]


def test_floors_that_were_shown_are_kept_beside_the_versions(tmp_path: Path) -> None:
    """They grow, and outlive the process; a state without any has none in its file."""
    path = tmp_path / "state.json"
    state = FileSealerState(path)
    assert -1 == state.learned("payments@prod", Stream.BASE)
    state.claim("payments@prod", Stream.BASE, 5)
    assert b"floors" not in path.read_bytes()
    for floor, expected in ((7, 7), (6, 7), (9, 9)):
        state.learn("payments@prod", Stream.BASE, floor)
        assert expected == FileSealerState(path).learned("payments@prod", Stream.BASE)
    assert -1 == state.learned("payments@prod", Stream.LEASE)
    assert 8 == state.claim("payments@prod", Stream.BASE, 8)
    assert 9 == FileSealerState(path).learned("payments@prod", Stream.BASE)
    assert 8 == state.last_used("payments@prod")
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"floors":{', b'"floors":{"x":1,'))
    with pytest.raises(SealError, match="is not a sealer's state"):
        state.learned("payments@prod", Stream.BASE)
