"""A disk that fails: changes are refused, what is live stays, leases end, and it resumes by itself.

strace lets the system calls of a running service fail, on the files of its state and nowhere else.
``SEALWIRE_CRASH_SHORT`` leaves most of the combinations out.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

import pytest
from tests.crash.following import BASE, LEASED
from tests.crash.tracing import Tracer, failing
from tests.crash.waiting import wait_for_level
from tests.crash.world import INFO, Ask, Kind

from sealwire import RequestError, RequestRefusedError, UntrustedAnswerError, deliver
from sealwire.results import Result
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.following import Follower
    from tests.crash.running import Service

PATIENCE_S: Final = 20.0
SHORT: Final = "SEALWIRE_CRASH_SHORT" in os.environ

FILES: Final = ("", "journal", "journal.new", "reserve", "lock", "present")
ERRORS: Final = ("EIO", "ENOSPC", "EROFS", "EDQUOT")
CALLS: Final = ("write", "fdatasync", "ftruncate", "fsync", "openat", "flock", "newfstatat")
ALL: Final = "write,fdatasync,ftruncate,fsync,openat,renameat"

ONCE: Final = [(name, number) for number in (1, 2, 3) for name in CALLS]

LIMITED: Final = """
import resource, time
most, held = resource.getrlimit(resource.RLIMIT_NOFILE), []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most[1]))
for _ in range(2):
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        # What was just answered is closed by then.
        time.sleep(0.2)
for _ in range({}):
    os.close(held.pop())
"""
UNLIMITED: Final = """
for each in held:
    os.close(each)
resource.setrlimit(resource.RLIMIT_NOFILE, most)
"""


LISTENING_THREAD: Final = """
import threading
(told,) = [each.native_id for each in threading.enumerate() if each.name == "sealwire-listener"]
"""


def listener_of(service: Service) -> int:
    """Give the thread that listens."""
    return int(service.do(LISTENING_THREAD))


def spoiled(follower: Follower, folder: Path, names: str, error: str, when: str) -> Tracer:
    """Let calls on the files of the state fail."""
    paths = [part for name in FILES for part in ("-P", str(follower.state / name).rstrip("/"))]
    thread = listener_of(follower.service)
    return Tracer(thread, folder / "calls", *paths, *failing(names, error, when))


def try_to_apply(follower: Follower) -> tuple[Ask, bytes] | None:
    """Ask for a change; give the answer's result if it was refused for the state's sake."""
    ask = follower.new(Kind.APPLY)
    try:
        result = follower.send(ask)
    except RequestRefusedError as error:
        reason = error.reason
    else:
        follower.follow(ask, result, time.time())
        return None
    assert "state-unavailable" == reason
    return ask, follower.sent


def resumes(follower: Follower) -> None:
    """See to it that changes are taken, in this process and after it."""
    process = follower.service
    assert follower.ask(follower.new(Kind.APPLY)) is None
    follower.check()
    assert process is follower.service
    follower.service.kill()
    follower.recover(None)


@pytest.mark.parametrize("error", ERRORS[:1] if SHORT else ERRORS)
@pytest.mark.parametrize(("name", "number"), ONCE[:2] if SHORT else ONCE)
def test_a_call_that_fails_once(
    follower: Follower, folder: Path, name: str, number: int, error: str
) -> None:
    """The change is made or it is not, as the answer says; the next one is made."""
    assert follower.ask(follower.new(Kind.APPLY)) is None
    with spoiled(follower, folder, name, error, str(number)):
        refused = try_to_apply(follower)
        stands = follower.world.bases[-1]
        assert stands.level == follower.service.level(BASE)
        assert stands.id == follower.client.status().report["base"]["id"]
    if refused is not None:
        # It was not taken, and now it is, once.
        ask, sent = refused
        answer = deliver(follower.client.address, sent)
        assert (Outcome.APPLIED, False) == (answer.outcome, answer.repeated)
        id_now = follower.client.status().report["base"]["id"]
        follower.follow(ask, Result(answer, id_now), time.time())
    resumes(follower)


@pytest.mark.parametrize("error", ERRORS[:2] if SHORT else ERRORS)
@pytest.mark.parametrize("names", [ALL] if SHORT else [ALL, *CALLS])
def test_calls_that_go_on_failing(follower: Follower, folder: Path, names: str, error: str) -> None:
    """Nothing new is taken, a lease ends in time, and changes are taken again without a start."""
    assert follower.ask(follower.new(Kind.APPLY)) is None
    assert follower.ask(Ask(Kind.LEASE, level=10, for_s=2)) is None
    with spoiled(follower, folder, names, error, "1+"):
        refused = try_to_apply(follower)
        stands = follower.world.bases[-1]
        assert stands.level == follower.service.level(BASE)
        if refused:
            assert "" != follower.client.status().report["trouble"]
        wait_for_level(follower.service, LEASED, INFO)
        assert [] == follower.client.status().report["leases"]
        assert refused or names not in {ALL, "write", "fdatasync"}
    follower.world = follower.world.without_leases()
    resumes(follower)


def test_no_descriptor_is_left(follower: Follower) -> None:
    """A change fails or is refused, a lease ends, and that is all."""
    assert follower.ask(follower.new(Kind.APPLY)) is None
    stands = follower.world.bases[-1]
    for more in (1, 0):
        assert follower.ask(Ask(Kind.LEASE, level=10, for_s=2)) is None
        follower.service.do(LIMITED.format(more))
        if more:
            # One is for the connection; none is left for what a receipt takes.
            with pytest.raises((RequestError, UntrustedAnswerError)):
                follower.send(follower.new(Kind.APPLY))
        assert stands.level == follower.service.level(BASE)
        wait_for_level(follower.service, LEASED, INFO)
        follower.service.do(UNLIMITED)
        follower.world = follower.world.without_leases()
    resumes(follower)


def test_going_back_waits_for_no_disk(follower: Follower, folder: Path) -> None:
    """Leases can be ended while nothing can be written; it may be they that filled the disk."""
    assert follower.ask(Ask(Kind.LEASE, level=10, for_s=600)) is None
    with spoiled(follower, folder, ALL, "ENOSPC", "1+"):
        assert 10 == follower.service.level(LEASED)
        follower.client.revert(of=Stream.LEASE)
        assert INFO == follower.service.level(LEASED)
    follower.world = follower.world.without_leases()
    resumes(follower)


@pytest.mark.parametrize("named", [True] if SHORT else [True, False])
@pytest.mark.parametrize("kind", [Kind.TRIAL] if SHORT else [Kind.TRIAL, Kind.APPLY])
@pytest.mark.parametrize("error", ERRORS[:1] if SHORT else ERRORS)
def test_a_configuration_is_taken_back_on_a_disk_that_fails(
    follower: Follower, folder: Path, error: str, kind: Kind, *, named: bool
) -> None:
    """At once, and once; what could not be written is, before anything else is taken."""
    assert follower.ask(follower.new(Kind.APPLY)) is None
    assert follower.ask(follower.new(kind)) is None
    below, last = follower.world.bases
    revert = Ask(Kind.REVERT)
    with spoiled(follower, folder, ALL, error, "1+"):
        # The first one finds out, and what is known by then is known.
        refused = try_to_apply(follower) if kind is Kind.APPLY else None
        assert last.level == follower.service.level(BASE)
        result = follower.client.revert(last.id if named else "", of=Stream.BASE)
        sent = follower.sent
        assert below.level == follower.service.level(BASE)
        assert below.id == follower.client.status().report["base"]["id"]
        assert result.report["unwritten"] != ""
        assert try_to_apply(follower) is not None
        assert refused or kind is Kind.TRIAL
    follower.follow(revert, result, time.time())
    wait_for_no_trouble(follower)
    follower.check()
    follower.service.kill()
    follower.recover(None)
    answer = deliver(follower.client.address, sent)
    assert (Outcome.APPLIED, True) == (answer.outcome, answer.repeated)
    resumes(follower)


def wait_for_no_trouble(follower: Follower) -> None:
    """Wait until the service has noticed that its disk works again."""
    ends = time.monotonic() + PATIENCE_S
    while follower.client.status().report["trouble"]:
        assert time.monotonic() < ends
        time.sleep(0.1)
