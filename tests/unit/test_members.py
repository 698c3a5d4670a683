"""The places of a service's processes, who leads, and what they say to each other."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire import ConfigurationError, StateError
from sealwire import members as members_module
from sealwire.clock import monotonic_ms
from sealwire.members import FOLDER, Members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_MS = 20_000


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Callable[[], Members]]:
    """Give what takes a place; all are given back."""
    made: list[Members] = []

    def make() -> Members:
        made.append(Members(tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


def heard(who: Members) -> list[object]:
    """Wait until something is said to somebody; give what is."""
    assert who.wait_to_hear(monotonic_ms() + PATIENCE_MS)
    return list(who.hear())


# ---- places --------------------------------------------------------------------------------------


def test_each_has_a_place_of_its_own(member: Callable[[], Members], tmp_path: Path) -> None:
    """The first that is free, and again once it has been given back."""
    first, second = member(), member()
    assert (0, 1) == (first.number, second.number)
    first.close()
    first.close()
    assert 0 == member().number
    assert 0o700 == (tmp_path / FOLDER).stat().st_mode & 0o777
    assert {0o600} == {each.stat().st_mode & 0o777 for each in (tmp_path / FOLDER).iterdir()}


def test_the_place_of_one_that_was_killed_is_free(
    member: Callable[[], Members], tmp_path: Path
) -> None:
    """Its socket is still there, and somebody else has it then."""
    first = member()
    first.abandon()
    assert (tmp_path / FOLDER / "0.sock").exists()
    second = member()
    assert 0 == second.number
    third = member()
    assert third.tell(0, {"what": "x"})
    assert [(1, {"what": "x"})] == heard(second)


def test_there_are_so_many_places_and_no_more(
    member: Callable[[], Members], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do."""
    monkeypatch.setattr(members_module, "MAX_WORKERS", 2)
    member()
    member()
    with pytest.raises(ConfigurationError, match="2 processes have a place"):
        member()


def test_a_folder_of_somebody_else_is_refused(
    member: Callable[[], Members], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its owner, and by its mode."""
    member().close()
    owner = os.geteuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: owner + 1)
        with pytest.raises(ConfigurationError, match=r"is not a folder of this user alone"):
            member()
    (tmp_path / FOLDER).chmod(0o750)
    with pytest.raises(ConfigurationError, match=r"rm -r "):
        member()
    # As below a volume of Kubernetes with an `fsGroup`.
    (tmp_path / FOLDER).chmod(0o2700)
    member()


def test_a_folder_that_is_none_is_refused(member: Callable[[], Members], tmp_path: Path) -> None:
    """A link is not followed, and a lock that does not work is said."""
    (tmp_path / FOLDER).symlink_to(tmp_path)
    with pytest.raises(StateError, match="cannot be used"):
        member()


def test_locks_that_do_not_work_are_said(
    member: Callable[[], Members], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some file systems."""

    def refuse(_: int, __: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StateError, match="cannot be used: No locks available"):
        member()


def test_the_path_of_a_socket_is_short_on_linux_alone(
    member: Callable[[], Members], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere there is no way around the path of the folder."""
    one = member()
    assert one._way_to(3).startswith("/proc/self/fd/")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert str(tmp_path / FOLDER / "3.sock") == one._way_to(3)


# ---- who leads -----------------------------------------------------------------------------------


def test_what_is_no_place_is_asked_for_nothing(
    member: Callable[[], Members], tmp_path: Path
) -> None:
    """Whoever fills the folder does not have the others ask thousands."""
    first, second = member(), member()
    for name in ("256.sock", "01.sock", "-1.sock", "\u0663.sock", "3.lock", "x.sock"):
        (tmp_path / FOLDER / name).touch()
    assert ([1], [0]) == (first.others(), second.others())


def test_one_leads(member: Callable[[], Members]) -> None:
    """Until it is closed, or lets another one."""
    first, second = member(), member()
    assert first.try_to_lead()
    assert first.try_to_lead()
    assert not second.try_to_lead()
    first.lead_no_more()
    first.lead_no_more()
    assert second.try_to_lead()
    assert (False, True) == (first.leads, second.leads)
    second.close()
    assert first.try_to_lead()


def test_a_child_of_a_fork_frees_nothing(member: Callable[[], Members]) -> None:
    """What it closes stays its parent's."""
    first = member()
    assert first.try_to_lead()
    inherited = os.dup(first._leading), os.dup(first._lock)
    for each in inherited:
        os.close(each)
    assert not member().try_to_lead()


# ---- what is said --------------------------------------------------------------------------------


def test_what_is_said_is_heard(member: Callable[[], Members]) -> None:
    """With who has said it; and nobody waits longer than he says."""
    first, second = member(), member()
    assert [1] == first.others()
    assert first.tell(1, {"what": "ask"})
    assert first.tell(1, {"what": "again"})
    assert [(0, {"what": "ask"}), (0, {"what": "again"})] == heard(second)
    assert not second.wait_to_hear(monotonic_ms())
    assert not first.tell(7, {"what": "ask"})


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b"{}", b'{"from": "0"}', b"\xff", b"[" * 50_000]
)
def test_what_is_no_message_says_nothing(member: Callable[[], Members], junk: bytes) -> None:
    """And keeps nobody from hearing what comes behind it."""
    first, second = member(), member()
    first.socket.sendto(junk, first._way_to(1))
    first.tell(1, {"what": "ask"})
    assert [(0, {"what": "ask"})] == heard(second)


def test_what_never_ends_is_heard_in_parts(
    member: Callable[[], Members], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hears has something else to do as well."""
    monkeypatch.setattr(members_module, "MAX_HEARD", 2)
    first, second = member(), member()
    for _ in range(3):
        assert first.tell(1, {"what": "ask"})
    assert [2, 1] == [len(heard(second)), len(heard(second))]


def test_a_socket_that_is_closed_says_nothing(member: Callable[[], Members]) -> None:
    """Whoever stops may be hearing."""
    first = member()
    first.close()
    assert [] == list(first.hear())


def fill(first: Members, number: int) -> int:
    """Say so much that the queue is full; give how much it was."""
    count = 0
    data = b'{"from": 0}'
    while True:
        try:
            first.socket.sendto(data, first._way_to(number))
        except BlockingIOError:
            return count
        count += 1


def test_one_that_does_not_listen_is_there(member: Callable[[], Members]) -> None:
    """What does not fit in its queue is not said, at once or after as long as it is tried."""
    first, second = member(), member()
    count = fill(first, 1)
    assert first.is_there(1)
    assert first.tell(1, {"what": "ask"})
    assert first.tell(1, {"what": "ask"}, patience_ms=20)
    assert count == len(heard(second))


def test_an_answer_waits_for_room(member: Callable[[], Members]) -> None:
    """A queue holds ten datagrams on some systems, and all workers answer at once."""
    first, second = member(), member()
    fill(first, 1)
    answering = threading.Thread(
        target=first.tell, args=(1, {"what": "answer"}), kwargs={"patience_ms": PATIENCE_MS}
    )
    answering.start()
    said: list[object] = []
    while (0, {"what": "answer"}) not in said:
        said += heard(second)
    answering.join(20)
    assert not answering.is_alive()


def test_a_socket_that_fails_otherwise_is_somebody(
    member: Callable[[], Members], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for gone, and not tried again."""

    class Failing:
        def sendto(self, data: bytes, way: str) -> int:
            raise OSError(errno.EPERM, "no")

        def close(self) -> None:
            return

    one = member()
    kept: socket.socket = one.socket
    one.socket = Failing()  # type: ignore[assignment]
    assert one.tell(1, {}, patience_ms=20)
    one.socket = kept
