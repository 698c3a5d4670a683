"""A service that is killed at any system call of a request, or of its start, keeps the rules.

What is killed at is found by watching one undisturbed run. ``SEALWIRE_CRASH_CALLS`` says at how
many of a request's calls: at all of them if it is not set. With fewer, those that touch the state,
the socket, or what the application builds come first.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.crash.running import PATIENCE_S
from tests.crash.tracing import Call, Tracer, killing
from tests.crash.world import Ask, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.following import Follower
    from tests.crash.running import Service

TELLING = ("write", "fdatasync", "fsync", "rename", "renameat", "flock", "sendto", "ftruncate")
"""Between two others nothing outside of the process changes."""

ANEW_AT_ONCE = "sealwire.journal.Journal.open.__func__.__kwdefaults__['compact_bytes'] = 1"
"""A journal is written anew as soon as that makes it shorter."""

OF_MEMORY = ("brk", "futex", "madvise", "mmap", "mprotect", "munmap")
"""Are not the same in each run, and change nothing outside of the process."""

LATE_S = 0.5
"""What a service does behind its answer, it does soon."""

MOST = 0.9
"""Of the calls are made in each run; some are made only where bytes come late."""

LEFT_IN_THE_MIDDLE = "engine.Engine.perform = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"


def chosen(calls: list[Call]) -> list[Call]:
    """Give the calls to be killed at."""
    most = int(os.environ.get("SEALWIRE_CRASH_CALLS", str(len(calls))))
    first = [each for each in calls if each.name in TELLING]
    others = [each for each in calls if each.name not in TELLING]
    step = max(1, -(-len(others) // max(1, most - len(first))))
    taken = (first + others[::step])[:most]
    return [each for each in calls if each in taken]


def up_to_answer(tracer: Tracer) -> list[Call]:
    """Give the calls of the first request that was watched, up to where the next one begins."""
    calls = [each for each in tracer.calls() if each.name not in OF_MEMORY]
    first, second = (
        at for at, each in enumerate(calls) if "{sa_family" in each.said and each.name == "accept4"
    )
    return [each for each in calls[first:second] if each.name != "epoll_wait"]


LISTENING_THREAD = """
import threading
(told,) = [each.native_id for each in threading.enumerate() if each.name == "sealwire-listener"]
"""


def listener_of(service: Service) -> int:
    """Give the thread that listens."""
    return int(service.do(LISTENING_THREAD))


def prepare(follower: Follower, kind: Kind) -> None:
    """See to it that a request of this kind is done when it comes."""
    world = follower.world
    if kind is Kind.CONFIRM:
        if not world.trial:
            assert follower.ask(follower.new(Kind.TRIAL)) is None
        return
    if world.trial:
        assert follower.ask(follower.new(Kind.CONFIRM)) is None
    while kind is Kind.REVERT and len(follower.world.bases) < len("ab"):
        assert follower.ask(follower.new(Kind.APPLY)) is None
    if kind is Kind.LEASE and len(world.leases) > 4:
        assert follower.ask(Ask(Kind.UNLEASE)) is None
    if kind is Kind.UNLEASE and not world.leases:
        assert follower.ask(follower.new(Kind.LEASE)._replace(for_s=600)) is None


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_killed_at_each_call_of_a_request(follower: Follower, kind: Kind, folder: Path) -> None:
    """From the first byte to the last one of the answer, and behind it."""
    # What only a first request does is not in every run, so a second one is watched.
    prepare(follower, kind)
    assert follower.ask(follower.new(kind)) is None
    prepare(follower, kind)
    with Tracer(listener_of(follower.service), folder / "calls") as tracer:
        assert follower.ask(follower.new(kind)) is None
        follower.client.status()
    calls = up_to_answer(tracer)
    assert {"write", "fdatasync", "flock", "sendto"} <= {each.name for each in calls}
    met = 0
    for call in chosen(calls):
        prepare(follower, kind)
        thread = listener_of(follower.service)
        with Tracer(thread, folder / "calls", *killing(call)):
            left = follower.ask(follower.new(kind))
            died = follower.service.is_dead(PATIENCE_S if left else LATE_S)
        met += died
        if died:
            follower.recover(left)
    print(kind.value, len(calls), met)
    assert met >= MOST * len(chosen(calls))


def test_killed_at_each_call_of_what_is_built(follower: Follower, folder: Path) -> None:
    """A handler that may wait is built in a thread of its own, which is killed here."""
    for name in ("openat", "write", "close"):
        thread, calls = listener_of(follower.service), folder / "calls"
        watched = ("-P", str(follower.counts), *killing(Call(name, 1, "")))
        with Tracer(thread, calls, *watched, follow=True):
            left = follower.ask(follower.new(Kind.APPLY))
            assert follower.service.is_dead(PATIENCE_S)
        assert left is not None
        follower.recover(left)
    assert len(("openat", "write", "close")) == follower.repeats


def test_killed_at_each_call_of_writing_anew(follower: Follower, folder: Path) -> None:
    """A journal that has become long gives way to a new one, or stays."""
    follower.first = ANEW_AT_ONCE
    follower.service.kill()
    follower.recover(None)
    calls: list[Call] = []
    restore = follower.save()
    while not any(each.name.startswith("rename") for each in calls):
        restore = follower.save()
        with Tracer(listener_of(follower.service), folder / "calls") as tracer:
            assert follower.ask(follower.new(Kind.APPLY)) is None
            follower.client.status()
        calls = up_to_answer(tracer)
    behind = ['"journal.new"' in each.said for each in calls].index(True)
    met = 0
    for call in chosen(calls[behind:]):
        restore()
        follower.start()
        with Tracer(listener_of(follower.service), folder / "calls", *killing(call)):
            left = follower.ask(follower.new(Kind.APPLY))
            died = follower.service.is_dead(PATIENCE_S if left else LATE_S)
        met += died
        follower.recover(left)
    print("anew", len(calls[behind:]), met)
    assert met >= MOST * len(chosen(calls[behind:]))


@pytest.mark.parametrize("kind", [Kind.APPLY, Kind.REVERT, Kind.LEASE], ids=lambda kind: kind.value)
def test_killed_at_each_call_of_a_start(follower: Follower, kind: Kind, folder: Path) -> None:
    """A start that finds a change left in the middle makes it, though it is killed in that too."""
    prepare(follower, Kind.UNLEASE)
    prepare(follower, kind)
    follower.service.do(LEFT_IN_THE_MIDDLE)
    left = follower.ask(follower.new(kind)._replace(for_s=600))
    assert left is not None
    assert follower.service.is_dead(PATIENCE_S)
    restore, calls = follower.save(), folder / "calls"
    with Tracer(follower.prepare().pid, calls) as tracer:
        assert follower.service.listen()
    there = [each for each in tracer.calls() if each.name not in OF_MEMORY]
    state = str(follower.state)
    begins = [state in each.said for each in there].index(True)
    met = 0
    for call in chosen(there[begins:]):
        restore()
        with Tracer(follower.prepare().pid, calls, *killing(call)):
            follower.service.listen()
            died = follower.service.is_dead(LATE_S)
        met += died
        follower.service.kill()
        follower.recover(left)
    print("start", kind.value, len(there[begins:]), met)
    assert met >= MOST * len(chosen(there[begins:]))
