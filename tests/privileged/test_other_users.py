"""Who may connect, and what belongs to whom, with real users of the system."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from sealwire import Answer, ConfigurationError, Outcome, TransportError, deliver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Child, Gate

    from sealwire.listener import Listener

    Fork = Callable[[Callable[[], object]], Child]
    Become = Callable[..., None]

# Numbers that no account of a system has.
ALICE, BOB, SERVICE, GROUP = 60_101, 60_102, 60_103, 60_201


def test_others_cannot_even_connect(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    become: Become,
    path: Path,
) -> None:
    """The socket is its owner's, though everybody can look into its directory."""
    path.parent.chmod(0o755)
    listener = serve()
    sealed = seal()

    def program() -> None:
        become(ALICE)
        with pytest.raises(TransportError, match="no connection: Permission denied"):
            deliver(listener.address, sealed)

    child(program).check()
    assert 0 == listener.stats().refused


def test_the_owner_and_root_may_connect(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
    become: Become,
    path: Path,
) -> None:
    """And nobody else, even if somebody has opened the socket to all."""
    ready, over = gate(), gate()
    path.parent.chmod(0o1777)

    def service() -> None:
        become(SERVICE)
        listener = serve()
        ready.open()
        over.wait()
        assert (2, 1) == (listener.stats().applied, listener.stats().refused)
        (refusal,) = listener.stats().refusals
        assert "peer-not-allowed" == refusal.reason
        assert refusal.peer.startswith(f"uid {ALICE}, pid ")
        listener.stop()

    def asking(expected: Answer, uid: int = 0) -> Callable[[], None]:
        sealed = seal()

        def ask() -> None:
            if uid:
                become(uid)
            assert expected == deliver(f"unix:{path}", sealed)

        return ask

    serving = child(service)
    ready.wait()
    assert SERVICE == path.stat().st_uid
    path.chmod(0o666)
    child(asking(Answer(Outcome.APPLIED))).check()
    child(asking(Answer(Outcome.APPLIED), SERVICE)).check()
    child(asking(Answer(Outcome.REFUSED), ALICE)).check()
    over.open()
    serving.check()


def test_a_groups_members_may_connect(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    become: Become,
    folder: Path,
) -> None:
    """Through a directory that was made for them; who is no member does not get that far."""
    folder.chmod(0o755)
    path = folder / "run" / "log.sock"
    listener = serve(f"unix:{path}", group=GROUP)
    assert (0o750, GROUP) == (stat.S_IMODE(path.parent.stat().st_mode), path.parent.stat().st_gid)
    assert (0o660, GROUP) == (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid)
    sealed = seal()

    def member() -> None:
        become(ALICE, GROUP)
        assert Answer(Outcome.APPLIED) == deliver(listener.address, sealed)

    def stranger() -> None:
        become(BOB)
        with pytest.raises(TransportError, match="no connection: Permission denied"):
            deliver(listener.address, sealed)

    child(member).check()
    child(stranger).check()
    assert (1, 0) == (listener.stats().applied, listener.stats().refused)


def test_of_a_group_only_some_may_be_meant(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    become: Become,
    folder: Path,
) -> None:
    """The others are told what every stranger is, before a byte of theirs is read."""
    folder.chmod(0o755)
    listener = serve(f"unix:{folder}/run/log.sock", group=GROUP, allow_uids=[ALICE])
    sealed = seal()

    def asking(uid: int, expected: Answer) -> Callable[[], None]:
        def ask() -> None:
            become(uid, GROUP)
            assert expected == deliver(listener.address, sealed)

        return ask

    child(asking(BOB, Answer(Outcome.REFUSED))).check()
    child(asking(ALICE, Answer(Outcome.APPLIED))).check()
    assert Answer(Outcome.REFUSED) == deliver(listener.address, sealed)
    assert ["peer-not-allowed"] * 2 == [each.reason for each in listener.stats().refusals]


def test_a_socket_of_another_user_is_left_alone(
    serve: Callable[..., Listener], child: Fork, become: Become, path: Path
) -> None:
    """Even by root, and even if nobody serves it."""
    path.parent.chmod(0o1777)

    def squat() -> None:
        become(ALICE)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as squatter:
            squatter.bind(str(path))

    child(squat).check()
    with pytest.raises(ConfigurationError) as caught:
        serve()
    expected = f"{path} is a socket of uid {ALICE}; remove it, or choose another path"
    assert expected == str(caught.value)
    assert ALICE == path.stat().st_uid


def test_a_directory_of_another_user_is_refused(
    serve: Callable[..., Listener], folder: Path
) -> None:
    """Its owner could replace the socket at any time."""
    directory = folder / "hers"
    directory.mkdir(mode=0o755)
    os.chown(directory, ALICE, ALICE)
    with pytest.raises(ConfigurationError) as caught:
        serve(f"unix:{directory}/log.sock")
    assert str(caught.value).startswith(f"{directory} belongs to uid {ALICE}, who could replace")
    assert [] == list(directory.iterdir())


def test_a_directory_of_root_will_do(
    serve: Callable[..., Listener], child: Fork, become: Become, folder: Path
) -> None:
    """Root could replace the socket anyway."""
    folder.chmod(0o1777)

    def service() -> None:
        become(SERVICE)
        with serve(f"unix:{folder}/log.sock") as listener:
            assert Answer(Outcome.REFUSED) == deliver(listener.address, b"junk")

    child(service).check()
    assert [] == list(folder.iterdir())


def test_a_directory_that_cannot_be_entered(
    serve: Callable[..., Listener], child: Fork, become: Become, folder: Path
) -> None:
    """Told as an error of the set-up, with the path."""
    folder.chmod(0o700)

    def service() -> None:
        become(SERVICE)
        for below in ("log.sock", "run/log.sock"):
            with pytest.raises(ConfigurationError, match="Permission denied"):
                serve(f"unix:{folder}/{below}")

    child(service).check()
