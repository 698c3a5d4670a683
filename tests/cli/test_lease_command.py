"""``sealwire lease``, ``revert`` and ``status``: what people see, and exit statuses."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from sealwire.answers import encode_answer
from sealwire.documents import Tree
from sealwire.inforce import InForce
from sealwire.leases import LiveLease, Overlay
from sealwire.stages import Answer, Outcome
from sealwire.telling import status_report

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Ended, Service, Shell

ENCRYPTED = "the answer says no more, because requests to this service are encrypted"


def test_a_lease_is_told_and_can_be_ended(shell: Shell, local_service: Service) -> None:
    """Debug lines for as long as it stands; the command that ends it is on the screen."""
    said = shell.done("lease", "payments.db=debug", "--for", "15m", "--why", "INC-4711")
    lines = said.splitlines()
    assert "in force, as the service says; the answer is unsigned" == lines[0]
    assert lines[1].startswith("until ")
    assert "payments.db is DEBUG, was INFO" == lines[3]
    assert "  will write: StreamHandler(stdout)" == lines[4]
    assert "DEBUG payments.db at debug: meanwhile" in local_service.logs("meanwhile")

    status = shell.done("status")
    assert "payments.db=DEBUG until " in status
    assert "by alice: INC-4711" in status
    rows = [line.split(None, 3) for line in status.splitlines()]
    assert ["logger", "configured", "effective"] in rows
    (row,) = [row for row in rows if row[:1] == ["payments.db"]]
    assert ["payments.db", "-", "DEBUG"] == row[:3]
    assert row[3].startswith("leased until ")
    assert row[3].endswith(" by alice")

    program, *arguments = lines[2].split()
    assert "sealwire" == program
    assert shell.done(*arguments).endswith("1 lease ended\n")
    assert "DEBUG payments.db at debug: later" not in local_service.logs("later")
    assert "leases    none" in shell.done("status")


def test_through_an_encrypting_chain_the_outcome_alone_comes_back(
    shell: Shell, service: Service
) -> None:
    """An answer is unsigned and in the clear: where requests are hidden, it hides as well."""
    told = shell.done("lease", "payments.db=DEBUG", "--for", "10m")
    assert "DEBUG payments.db at debug: meanwhile" in service.logs("meanwhile")
    if "trusted/aead" in (shell.folder / "made" / "service.toml").read_text() or ENCRYPTED in told:
        assert ENCRYPTED in told
    else:
        assert "sealwire revert " in told
    shell.done("revert")
    assert "DEBUG payments.db at debug: later" not in service.logs("later")


def test_as_json(shell: Shell, local_service: Service) -> None:
    """One object a command, with the report inside."""
    told = json.loads(shell.done("lease", "payments.db=10", "--json"))
    assert ("applied", False) == (told["outcome"], told["signed"])
    (level,) = told["report"]["levels"]
    assert ("payments.db", 10, 20) == (level["logger"], level["now"], level["before"])
    status = json.loads(shell.done("status", "--json"))["report"]
    assert [told["report"]["id"]] == [lease["id"] for lease in status["leases"]]
    ended = json.loads(shell.done("revert", told["report"]["id"], "--json"))["report"]
    assert [told["report"]["id"]] == ended["ended"]
    assert local_service.logs("still there")


def test_a_handler_that_hides_the_records_is_named(shell: Shell, local_service: Service) -> None:
    """A level alone often changes nothing; the next command is told."""
    content = b"""{"version": 1, "disable_existing_loggers": false,
        "handlers": {"quiet": {"class": "logging.StreamHandler", "level": "ERROR"}},
        "loggers": {"payments": {"handlers": ["quiet"], "propagate": false}}}"""
    shell.done("send", "-", given=content)
    ended = shell.run("lease", "payments.db=DEBUG")
    assert 0 == ended.status
    assert "  will not: quiet: " in ended.stdout
    assert "sealwire lease payments.db=DEBUG --through quiet" in ended.stderr
    shell.done("lease", "payments.db=DEBUG", "--through", "quiet")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["lease", "nope"], "'nope' is not LOGGER=LEVEL", "write payments.db=DEBUG"),
        (["lease", "payments=DEBUG", "--for", "0s"], "0s", ""),
    ],
)
def test_a_slip_is_told_before_anything_is_sent(
    shell: Shell, bare_service: socket.socket, arguments: list[str], error: str, hint: str
) -> None:
    """What cannot be meant is not sealed."""
    ended = shell.run(*arguments)
    assert ended.status in {2, 3}
    assert error in ended.error
    assert hint in ended.hint
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["lease", "payments=LOUD"], "document-invalid"),
        (["revert", "0" * 32], "not-in-force"),
        (["lease", "payments=DEBUG", "--for", "5d"], "policy"),
        (["lease", "payments=DEBUG", "--only", "elsewhere/*"], "not-addressed"),
    ],
)
def test_a_refusal_ends_with_1_and_a_next_step(
    shell: Shell, local_service: Service, arguments: list[str], reason: str
) -> None:
    """The service says why, and nothing has changed."""
    ended = shell.run(*arguments)
    assert 1 == ended.status
    assert ended.error.startswith(f"refused: {reason}")
    assert ended.hint
    assert "sealwire send" not in ended.hint
    assert "mend the configuration" not in ended.hint
    assert "DEBUG payments.db at debug: after" not in local_service.logs("after")


@pytest.mark.parametrize("command", [["lease", "payments=DEBUG"], ["revert"], ["status"]])
@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"levels": ' + b"[" * 100_000,
        b'{"levels": 5, "leases": {"a": 1}, "ended": 7}',
        b'{"until_ms": "soon", "id": "\\u001b[31m", "levels": [{}]}',
        b'{"instance": "\\u001b[2J", "base": {"issuer": 1, "since_ms": []}, "leases": [[]]}',
    ],
)
def test_a_report_of_a_squatter_ends_nothing(
    shell: Shell, bare_service: socket.socket, command: list[str], report: bytes
) -> None:
    """Whoever sits on the address may answer anything: no traceback, and no control characters."""
    process = shell.start(*command)
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        answer = encode_answer(Answer(Outcome.APPLIED, "", "", report=report))
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        stdout, stderr = process.communicate(timeout=30)
    assert 0 == process.returncode, stderr
    assert b"Traceback" not in stderr
    assert b"\x1b" not in stdout + stderr


def test_a_status_says_what_was_left_out(shell: Shell, bare_service: socket.socket) -> None:
    """Of the levels of a lease, and of the rows."""
    levels = tuple((f"{number:03}{'x' * 250}", 10) for number in range(100))
    leases = tuple(LiveLease(f"{each:032x}", "alice", "", levels, (), 1, 2) for each in range(64))
    report = status_report(Tree(), InForce(overlay=Overlay(leases)), 1)
    process = shell.start("status")
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        answer = encode_answer(Answer(Outcome.APPLIED, "", "", report=report))
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        stdout, _ = process.communicate(timeout=30)
    assert 64 == stdout.count(b"=DEBUG and 97 more until ")


def test_no_service_means_nothing_was_sent(shell: Shell, local_parts: str) -> None:
    """As with ``send``."""
    ended: Ended = shell.run("lease", "payments.db=DEBUG")
    assert 3 == ended.status
    assert ended.error.endswith("nothing was sent")
