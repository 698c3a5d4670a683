"""``sealwire seal`` and ``sealwire open``: a message as a file, and what a service would say."""

from __future__ import annotations

import json
import os
import pty
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

SERVICE = ("--service", "made/service.toml")


def test_what_was_sealed_opens(shell: Shell, made: str) -> None:
    """Claims, evidence and document, through each chain."""
    told = shell.done("seal", "debug.json", "-o", "debug.sealed")
    sealed = shell.folder / "debug.sealed"
    assert f"sealed by alice for payments@test, {sealed.stat().st_size} bytes\n" == told
    assert 0o600 == sealed.stat().st_mode & 0o777
    lines = shell.done("open", sealed, *SERVICE).splitlines()
    assert lines[0].startswith("verified as of 20")
    assert ["issuer", "alice"] in [line.split() for line in lines]
    assert any("Ed25519Verifier" in line and line.endswith("of alice") for line in lines)
    assert (shell.folder / "debug.json").read_text() == lines[-1]


def test_opened_as_json(shell: Shell, made: str) -> None:
    """The same as one object; what only a running service judges is not said to be shown."""
    sealed = shell.start("seal", "debug.json").communicate(timeout=30)[0]
    told = json.loads(shell.run("open", "-", *SERVICE, "--json", given=sealed).stdout)
    network = "gate" in made
    assert told["verified"] is True
    assert ("alice", "payments@test", "base") == tuple(
        told["claims"][name] for name in ("iss", "aud", "stream")
    )
    assert 300 == told["claims"]["exp"] - told["claims"]["iat"]
    assert ["alice"] * (3 if network else 1) == [each["owner"] for each in told["evidence"]]
    assert ["attributable", "authentic", *["confidential"] * network, "fresh"] == told["shown"]
    assert (shell.folder / "debug.json").read_text() == told["document"]


def test_a_message_is_judged_as_of_any_time(shell: Shell, local_parts: str) -> None:
    """Too old by today's clock, fresh by that of its own day; and before it was issued."""
    sealed = shell.start("seal", "debug.json", "--lifetime", "1h").communicate(timeout=30)[0]
    claims = json.loads(shell.done("inspect", "-", "--json", given=sealed))["claims"]
    assert 3600 == claims["exp"] - claims["iat"]
    for at, reason in (("2001-01-01T00:00:00Z", "not-yet-valid"), ("2099-01-01T00:00Z", "expired")):
        ended = shell.run("open", "-", *SERVICE, "--at", at, given=sealed)
        assert 1 == ended.status
        assert ended.error.startswith(f"refused: {reason}: ")
        assert "seal anew" in ended.hint
        assert "" == ended.stdout


def test_a_changed_message_does_not_open(shell: Shell, made: str) -> None:
    """Here the reason is told: whoever runs this has the service's keys."""
    sealed = shell.start("seal", "debug.json").communicate(timeout=30)[0]
    ended = shell.run("open", "-", *SERVICE, given=sealed[:-1] + bytes([sealed[-1] ^ 1]))
    reason = "mac-invalid" if "gate" in made else "signature-invalid"
    assert (1, "") == (ended.status, ended.stdout)
    assert ended.error.startswith(f"refused: {reason}: ")
    assert "changed on its way" in ended.hint


def test_a_document_cannot_drive_the_terminal(shell: Shell, local_parts: str) -> None:
    """Its lines stay lines; everything else that is not for reading is written as its escape."""
    document = b'{"version": 1,\n\t"x": "\x1b[2J\xe2\x80\xae\xff"}\r\n'
    sealed = shell.folder / "x.sealed"
    shell.done("seal", "-", "-o", sealed, "--unchecked", given=document)
    printed = shell.done("open", sealed, *SERVICE)
    assert printed.endswith('\n{"version": 1,\n\t"x": "\\x1b[2J\\u202e\\xff"}\\r\n')


def test_a_slip_is_told_before_sealing(shell: Shell, local_parts: str) -> None:
    """No file is written, no version is used; --unchecked does it all the same."""
    (shell.folder / "bad.json").write_text('{"version": 1, "handlrs": {}}')
    ended = shell.run("seal", "bad.json", "-o", "bad.sealed")
    assert 3 == ended.status
    assert "bad.json would be refused, and was not sealed: document-invalid" in ended.error
    assert not (shell.folder / "bad.sealed").exists()
    assert not (shell.folder / "made" / "operator" / "operator-state.json").exists()
    shell.done("seal", "bad.json", "-o", "bad.sealed", "--unchecked")


def test_sealing_twice_is_a_mistake(shell: Shell, local_parts: str) -> None:
    """A message inside a message is nothing that a service reads."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    ended = shell.run("seal", "debug.sealed", "--unchecked")
    assert 3 == ended.status
    assert "debug.sealed is sealed already" == ended.error
    assert "send it as it is: sealwire send debug.sealed" == ended.hint


def test_a_sealed_file_is_replaced_only_if_asked(shell: Shell, local_parts: str) -> None:
    """As with every file that is written."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    before = (shell.folder / "debug.sealed").read_bytes()
    ended = shell.run("seal", "debug.json", "-o", "debug.sealed")
    assert 3 == ended.status
    assert "--force" in ended.hint
    assert before == (shell.folder / "debug.sealed").read_bytes()
    shell.done("seal", "debug.json", "-o", "debug.sealed", "--force")
    assert before != (shell.folder / "debug.sealed").read_bytes()


def test_no_message_is_written_to_a_terminal(shell: Shell, local_parts: str) -> None:
    """A message is binary, and what it holds could be commands."""
    ours, theirs = pty.openpty()
    process = shell.start("seal", "debug.json", stdout=theirs)
    os.close(theirs)
    _, stderr = process.communicate(timeout=30)
    os.close(ours)
    assert 2 == process.returncode
    assert b"-o FILE" in stderr


@pytest.mark.parametrize("command", ["seal", "send"])
def test_settings_and_key_problems(shell: Shell, local_parts: str, command: str) -> None:
    """Status 3, the file, and what mends it; each of these is found in front of the next."""
    key = shell.folder / "made" / "operator" / "alice.signing"
    key.chmod(0o640)
    ended = shell.run(command, "debug.json")
    assert (3, f"run: chmod 600 {key}") == (ended.status, ended.hint)
    key.unlink()
    hint = shell.run(command, "debug.json").hint
    assert f"move it beside operator.toml: mv alice.signing {key.parent}/" in hint
    assert hint.endswith(f"make one: sealwire keys new --owner alice --out {key}")
    ended = shell.run(command, "debug.json", "--to", "payment@test")
    assert 3 == ended.status
    command_line = f"sealwire {command} debug.json --to payments@test"
    assert f"did you mean: {command_line}" == ended.hint
    settings = shell.folder / "made" / "operator" / "operator.toml"
    settings.write_text('issuer = "alice"\nsining_key = "x"\n')
    ended = shell.run(command, "debug.json")
    assert 3 == ended.status
    assert "operator.toml:2: sining_key is not known here" in ended.error
    settings.chmod(0o666)
    assert f"run: chmod go-w {settings}" == shell.run(command, "debug.json").hint
    settings.unlink()
    ended = shell.run(command, "debug.json")
    assert (3, f"{settings} is not there") == (ended.status, ended.error)
    assert "--config" in ended.hint


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_document_that_cannot_be_read(shell: Shell, local_parts: str, name: str) -> None:
    """Named, with status 3."""
    ended = shell.run("seal", name)
    assert 3 == ended.status
    assert ended.error.startswith(f"{name} cannot be read: ")


def test_a_document_that_is_too_long(shell: Shell, local_parts: str) -> None:
    """No more is read than can be sealed."""
    ended = shell.run("seal", "/dev/zero")
    assert 3 == ended.status
    assert "more than 262144 bytes" in ended.error


def test_the_operators_settings_cannot_open(shell: Shell, local_parts: str) -> None:
    """The file of the other side is told to be none of a service."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    ended = shell.run("open", "debug.sealed", "--service", "made/operator/operator.toml")
    assert 3 == ended.status
    assert "operator.toml" in ended.error


def test_what_is_to_stand_for_long_is_said_so(shell: Shell, local_parts: str) -> None:
    """A lifetime that every service refuses is not sealed by a slip."""
    (shell.folder / "stands.json").write_bytes(b'{"version": 1}')
    ended = shell.run("seal", "stands.json", "-o", "a.sealed", "--lifetime", "8d")
    assert 2 == ended.status
    assert "write --standing" in ended.hint
    shell.done("seal", "stands.json", "-o", "a.sealed", "--standing", "90d")
    service = shell.folder / "made" / "service.toml"
    refused = shell.run("open", "a.sealed", "--service", service)
    assert "lifetime-too-long" in refused.error
    text = service.read_text()
    service.write_text(text.replace("[keys]", 'standing = "90d"\n\n[keys]', 1))
    shell.done("open", "a.sealed", "--service", service)
