"""``sealwire send`` against real services: every end is told apart, in words and by exit status."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from sealwire.cli import delivering as sending
from sealwire.cli.service_part import host_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Service, Shell


def applied(shell: Shell) -> str:
    """Give what is said where it was done."""
    return f"{shell.says('applied')}\n"


def repeated(shell: Shell) -> str:
    """Give what is said of a second copy."""
    said = shell.says("had been applied before")
    return said.replace(" says; ", " says; nothing was done now; ") + "\n"


def unanswered(shell: Shell) -> list[Path]:
    """Give the messages that are kept because no answer came."""
    return sorted((shell.folder / "made" / "operator" / "unanswered").iterdir())


def read_frame(connection: socket.socket) -> bytes:
    """Read the one frame a client sends."""
    with connection.makefile("rb") as file:
        (length,) = struct.unpack(">L", file.read(4))
        return file.read(length)


def answer_with(connection: socket.socket, answer: bytes) -> None:
    """Answer like a service, with any bytes."""
    connection.sendall(struct.pack(">L", len(answer)) + answer)


def test_a_configuration_changes_what_a_running_service_logs(
    shell: Shell, service: Service
) -> None:
    """The whole way, through both chains: no DEBUG line before, DEBUG lines after."""
    assert ["INFO payments.db at info: before"] == service.logs("before")
    assert shell.done("send", "debug.json") == applied(shell)
    assert "DEBUG payments.db at debug: after" in service.logs("after")
    assert [] == unanswered(shell)


def test_from_standard_input(shell: Shell, local_service: Service) -> None:
    """What a pipe brings is sealed and sent as well."""
    content = (shell.folder / "debug.json").read_bytes()
    assert shell.done("send", "-", given=content) == applied(shell)
    assert "DEBUG payments.db at debug: after" in local_service.logs("after")


def test_the_same_sealed_message_again_does_nothing(shell: Shell, service: Service) -> None:
    """The second copy is told to be one, and ends well: what was asked for is in force."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    assert shell.done("send", "debug.sealed") == applied(shell)
    assert shell.done("send", "debug.sealed") == repeated(shell)
    assert 1 == sum("sealwire applied" in line for line in service.logs("after"))


def test_a_sealed_message_needs_no_settings_but_an_address(
    shell: Shell, local_service: Service
) -> None:
    """Whoever carries a message to the host has no operator's part there."""
    sealed = shell.folder / "debug.sealed"
    shell.done("seal", "debug.json", "-o", sealed)
    del shell.environ["SEALWIRE_CONFIG"]
    address = f"unix:{shell.folder}/made/run/log.sock"
    said = shell.done("send", "-", "--address", address, given=sealed.read_bytes())
    assert said.startswith(shell.says("applied", "its receipt is unverified: "))
    assert local_service.logs("after")


def test_the_answer_as_json(shell: Shell, local_service: Service) -> None:
    """Everything the answer says, and who has signed it."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    first = json.loads(shell.done("send", "debug.sealed", "--json"))
    again = json.loads(shell.done("send", "debug.sealed", "--json"))
    assert first == {
        "outcome": "applied",
        "repeated": False,
        "reason": "",
        "detail": "",
        "audience": "payments@test",
        "address": f"unix:{shell.folder}/made/run/log.sock",
        "signed": True,
        "trust": "verified",
        "host": host_name(),
        "trail": "first",
        "alarms": [],
        "instances": [{"name": first["instances"][0]["name"], "outcome": "applied", "detail": ""}],
    }
    assert first["instances"][0]["name"].startswith(f"{socket.gethostname()}/")
    # The same bytes show nothing of the trail, so the next request asks whether it goes on.
    assert again["trail"] in {"proved", "later"}
    assert again == first | {"repeated": True, "trail": again["trail"]}
    assert local_service.logs("after")


def test_a_refusal_gives_reason_place_and_next_step(shell: Shell, local_service: Service) -> None:
    """Where the service knows who asks and hides nothing, it says why."""
    document = b'{"version": 1, "handlers": {"x": {"class": "os.system"}}}'
    ended = shell.run("send", "-", given=document)
    assert 1 == ended.status
    assert ended.error.startswith(shell.refused("policy: "))
    assert "handlers.x.class" in ended.error
    assert "sealwire policy check" in ended.hint
    assert "" == ended.stdout
    assert [] == unanswered(shell)
    assert "refused" in local_service.until("policy")[-1]


def test_a_refusal_as_json_is_still_one(shell: Shell, local_service: Service) -> None:
    """The answer is on standard output, the error on standard error, the status is 1."""
    document = b'{"version": 1, "handlers": {"x": {"class": "a.B", ".": 1}}}'
    ended = shell.run("send", "-", "--unchecked", "--json", given=document)
    assert 1 == ended.status
    assert ended.error.startswith(shell.refused("document-invalid: "))
    told = json.loads(ended.stdout)
    assert ("refused", "document-invalid") == (told["outcome"], told["reason"])
    assert local_service.logs("after")


def test_a_refusal_without_a_reason_points_to_the_log(shell: Shell, service: Service) -> None:
    """A message that does not authenticate is refused without a word, and the hint says where."""
    sealed = shell.folder / "debug.sealed"
    shell.done("seal", "debug.json", "-o", sealed)
    content = sealed.read_bytes()
    ended = shell.run("send", "-", given=content[:-1] + bytes([content[-1] ^ 1]))
    assert 4 == ended.status
    assert "'refused' that nobody has signed, so nobody knows who answered" in ended.error
    assert "its log says why: sealwire why" in ended.hint
    assert "WARNING sealwire refused" in service.until("refused")[-1]


def test_a_slip_is_told_before_anything_is_sent(shell: Shell, bare_service: socket.socket) -> None:
    """A document that every service would refuse is not even sealed."""
    ended = shell.run(
        "send", "-", given=b'{"version": 1, "handlers": {"x": {"()": "a.b", "class": "c.D"}}}'
    )
    assert 3 == ended.status
    assert ended.error.startswith(
        "standard input would be refused, and was not sealed: document-invalid: handlers.x"
    )
    assert "--unchecked" in ended.hint
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()


def test_no_service_means_nothing_was_sent(shell: Shell, made: str) -> None:
    """Without a connection the status is 3, and nothing is kept."""
    ended = shell.run("send", "debug.json")
    assert 3 == ended.status
    assert "no connection" in ended.error
    assert ended.error.endswith("nothing was sent")
    assert "is the service running" in ended.hint
    assert [] == unanswered(shell)


def test_a_dead_service_means_nothing_was_sent(shell: Shell, local_service: Service) -> None:
    """A socket that a killed process left behind leads to nobody."""
    local_service.end()
    ended = shell.run("send", "debug.json")
    assert 3 == ended.status
    assert "nothing answers at this socket; start the service again" == ended.hint


def test_a_socket_for_another_user(
    monkeypatch: pytest.MonkeyPatch, bare_service: socket.socket
) -> None:
    """Where the socket is there and not for us, the next step is another one."""
    address = f"unix:{bare_service.getsockname()}"
    assert "start the service again" in sending.way_to(address)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "the socket is for the service's user" in sending.way_to(address)


def test_sent_but_not_answered_keeps_the_message(shell: Shell, bare_service: socket.socket) -> None:
    """The status is 4, and the hint is a command that sends the same bytes again."""
    process = shell.start("send", "debug.json")
    connection, _ = bare_service.accept()
    sent = read_frame(connection)
    connection.close()
    _, stderr = process.communicate(timeout=30)
    error, hint = stderr.decode().splitlines()
    assert 4 == process.returncode
    assert error.endswith("it may have been applied")
    (kept,) = unanswered(shell)
    assert sent == kept.read_bytes()
    assert 0o600 == kept.stat().st_mode & 0o777
    assert "is safe and tells" in hint
    program, *arguments = shlex.split(hint.partition("tells: ")[2])
    assert "sealwire" == program

    again = shell.start(*arguments)
    connection, _ = bare_service.accept()
    assert sent == read_frame(connection)
    answer_with(connection, bytes.fromhex("a2010104f5"))
    connection.close()
    stdout, _ = again.communicate(timeout=30)
    said = f"{shell.says('had been applied before', 'nothing was done now')}\n"
    assert (0, said) == (again.returncode, stdout.decode())


def test_a_service_that_is_silent_is_not_waited_for_longer_than_asked(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Time running out is an end without an answer, too."""
    ended = shell.run("send", "debug.json", "--timeout", "1s")
    assert 4 == ended.status
    assert "no answer" in ended.error


def test_ctrl_c_while_waiting_says_what_is_open(shell: Shell, bare_service: socket.socket) -> None:
    """The message is out, so the end is like the one without an answer, but for the status."""
    process = shell.start("send", "debug.json")
    connection, _ = bare_service.accept()
    sent = read_frame(connection)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    connection.close()
    assert 130 == process.returncode
    assert "interrupted; it may have been applied" in stderr.decode()
    assert "Traceback" not in stderr.decode()
    assert [sent] == [path.read_bytes() for path in unanswered(shell)]


@pytest.mark.parametrize("answer", [b"\xff", b"\xa1\x01\x09", b"\x00" * 5000])
def test_an_answer_that_cannot_be_read_is_none(
    shell: Shell, bare_service: socket.socket, answer: bytes
) -> None:
    """Whoever sits on the address may send anything."""
    process = shell.start("send", "debug.json")
    connection, _ = bare_service.accept()
    read_frame(connection)
    answer_with(connection, answer)
    connection.close()
    _, stderr = process.communicate(timeout=30)
    assert 4 == process.returncode
    assert stderr.startswith(b"sealwire: error: ")


def test_what_an_answer_says_cannot_drive_the_terminal(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Escapes, a bell, a line end and a turn of direction are written as what they are."""
    process = shell.start("send", "debug.json", "--json")
    connection, _ = bare_service.accept()
    read_frame(connection)
    text = "\x1b]0;mine\x07\nsealwire: all is well \u202e\x7f".encode()
    answer_with(connection, b"\xa3\x01\x02\x02\x61x\x03\x78" + bytes([len(text)]) + text)
    connection.close()
    stdout, stderr = process.communicate(timeout=30)
    assert 1 == process.returncode
    written = shell.refused(r"x: \x1b]0;mine\x07\nsealwire: all is well \u202e\x7f")
    assert f"sealwire: error: {written}" == stderr.decode().splitlines()[0]
    assert not set(stdout.decode()) & set("\x1b\x07\u202e\x7f")
    assert text.decode() == json.loads(stdout)["detail"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("a10103", "failed"),
        ("a2010304f5", "failed before"),
        ("a201030362" + b"no".hex(), "says: no"),
    ],
)
def test_a_failure_is_none_of_the_other_ends(
    shell: Shell, bare_service: socket.socket, answer: str, error: str
) -> None:
    """Accepted, and logging could not be changed: status 1, in other words than a refusal."""
    process = shell.start("send", "debug.json")
    connection, _ = bare_service.accept()
    read_frame(connection)
    answer_with(connection, bytes.fromhex(answer))
    connection.close()
    _, stderr = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert error in stderr.decode().splitlines()[0]
    assert "refused" not in stderr.decode()


def test_expired_messages_are_not_kept(shell: Shell, bare_service: socket.socket) -> None:
    """What no service would take any more is removed by the next send; other files are left."""
    folder = shell.folder / "made" / "operator" / "unanswered"
    folder.mkdir()
    (folder / "payments@test.1000.00000000.sealed").write_bytes(b"old")
    (folder / "mine.sealed").write_bytes(b"not ours to remove")
    shell.run("send", "debug.json", "--timeout", "1s")
    assert not (folder / "payments@test.1000.00000000.sealed").exists()
    assert 2 == len(unanswered(shell))


def test_several_services_have_to_be_told_apart(shell: Shell, local_service: Service) -> None:
    """Without --to the known ones are listed; with it the right one gets the message."""
    shell.done("init", "orders@test", "--both", "--dir", "other")
    ended = shell.run("send", "debug.json")
    assert 3 == ended.status
    assert "orders@test, payments@test" in ended.stderr or "payments@test, orders@test" in (
        ended.stderr
    )
    assert shell.done("send", "debug.json", "--to", "payments@test") == applied(shell)
    assert local_service.logs("after")


def test_a_message_for_another_service_is_refused(shell: Shell, local_service: Service) -> None:
    """The audience is bound: the same key, but the other service's message."""
    shell.done("init", "orders@test", "--both", "--dir", "other")
    address = f"unix:{shell.folder}/made/run/log.sock"
    ended = shell.run("send", "debug.json", "--to", "orders@test", "--address", address)
    assert 4 == ended.status
    assert "signature-invalid" in local_service.until("refused")[-1]
