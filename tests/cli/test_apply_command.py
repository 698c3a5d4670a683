"""``sealwire apply``: a configuration with a reason, and what it would change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Service, Shell


def test_a_dry_run_shows_what_would_change(shell: Shell, local_service: Service) -> None:
    """Place by place, and nothing happens."""
    assert shell.done("apply", "debug.json", "--dry-run").splitlines() == [
        shell.says("allowed"),
        "  root.level: INFO → DEBUG",
    ]
    assert "DEBUG payments.db at debug: after" not in local_service.logs("after")


def test_a_dry_run_of_what_is_there(shell: Shell, local_service: Service) -> None:
    """Said in words, because an empty screen says nothing."""
    same = b'{"version": 1, "incremental": true, "root": {"level": "INFO"}}'
    assert shell.done("apply", "-", "--dry-run", given=same).endswith("nothing would change\n")
    told = json.loads(shell.done("apply", "-", "--dry-run", "--json", given=same))
    assert told["would_change"] is False
    assert local_service.logs("still there")


def test_a_reason_goes_with_it(shell: Shell, service: Service) -> None:
    """Applied through both chains, as with ``send``."""
    said = shell.done("apply", "debug.json", "--why", "CHG-1200")
    assert said.startswith(f"{shell.says('applied')}\n")
    assert "DEBUG payments.db at debug: after" in service.logs("after")


def test_as_json(shell: Shell, local_service: Service) -> None:
    """Whether something changed is a member of its own."""
    told = json.loads(shell.done("apply", "debug.json", "--dry-run", "--json"))
    (change,) = told["report"]["changes"]
    assert {"where": "root.level", "before": "20", "after": "10"} == change
    assert told["would_change"] is True
    assert json.loads(shell.done("apply", "debug.json", "--json"))["changed"] is True
    assert json.loads(shell.done("apply", "debug.json", "--json"))["changed"] is False
    assert "nothing has changed by it" in shell.done("apply", "debug.json").splitlines()
    assert "DEBUG payments.db at debug: after" in local_service.logs("after")


def test_over_another_base_it_is_refused(shell: Shell, local_service: Service) -> None:
    """Whoever looked before somebody else changed it is told."""
    ended = shell.run("apply", "debug.json", "--replaces", "ab" * 32)
    assert 1 == ended.status
    assert shell.refused("base-mismatch: the base in force is the application's own") == ended.error
    shell.done("apply", "debug.json")
    base = json.loads(shell.done("status", "--json"))["report"]["base"]
    assert "alice" == base["issuer"]
    shell.done("apply", "debug.json", "--replaces", base["digest"])
    assert local_service.logs("still there")


def test_ini_is_applied_and_tried_as_well(shell: Shell, local_service: Service) -> None:
    """The text goes as it is; the service reads it."""
    (shell.folder / "a.ini").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=out\n[formatters]\nkeys=\n"
        "[logger_root]\nlevel=DEBUG\nhandlers=out\n"
        "[handler_out]\nclass=StreamHandler\nargs=(sys.stdout,)\n"
    )
    assert "  root.level: INFO → DEBUG\n" in shell.done("apply", "a.ini", "--dry-run")
    assert "  root.level: INFO → DEBUG\n" in shell.done("apply", "a.ini", "--why", "CHG-1200")
    assert "at debug: after" in local_service.logs("after")


def test_a_slip_is_told_before_anything_is_sent(shell: Shell, bare_service: socket.socket) -> None:
    """As with ``send``."""
    ended = shell.run("apply", "-", given=b'{"version": 2}')
    assert 3 == ended.status
    assert ended.error.startswith("standard input would be refused, and was not sealed: ")
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()
