"""``sealwire local``: what whoever owns a service's process sees and ends without a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Service, Shell

SERVICE = ("--service", "made/service.toml")


def test_status_without_a_key(shell: Shell, local_service: Service) -> None:
    """The same as with one; the command that ends a lease is that without a key as well."""
    shell.done("lease", "payments.db=DEBUG", "--for", "15m")
    (shell.folder / "made" / "operator").rename(shell.folder / "gone")
    printed = shell.done("local", "status", *SERVICE)
    assert "payments.db=DEBUG until " in printed
    assert "sealwire local revert " in printed
    report = json.loads(shell.done("local", "status", *SERVICE, "--json"))["report"]
    assert "alice" == report["leases"][0]["issuer"]
    assert "of local/uid-" in "\n".join(local_service.logs("asked"))


def test_leases_are_ended_without_a_key(shell: Shell, local_service: Service) -> None:
    """By the id, or all; who it was stands in the log."""
    shell.done("lease", "payments.db=DEBUG", "--for", "15m")
    shell.done("lease", "payments.api=DEBUG", "--for", "15m")
    leases = json.loads(shell.done("local", "status", *SERVICE, "--json"))["report"]["leases"]
    ended = shell.done("local", "revert", leases[0]["id"], *SERVICE, "--why", "INC-1")
    assert ended.endswith("1 lease ended\n")
    assert shell.done("local", "revert", *SERVICE).endswith("1 lease ended\n")
    assert "reverted by local/uid-" in "\n".join(local_service.logs("ended"))
    assert "leases    none" in shell.done("local", "status", *SERVICE)


@pytest.mark.usefixtures("local_service")
def test_what_is_not_in_force_is_refused(shell: Shell) -> None:
    """As with a key; the reason is told."""
    ended = shell.run("local", "revert", "0" * 32, *SERVICE)
    assert 1 == ended.status
    assert "not-in-force" in ended.error


@pytest.mark.parametrize("given", [(), (*SERVICE, "--address", "unix:/run/x.sock")])
def test_one_service_is_named(shell: Shell, given: tuple[str, ...]) -> None:
    """By its settings or by its address."""
    ended = shell.run("local", "status", *given)
    assert 2 == ended.status
    assert "say which service" in ended.error


def test_nobody_is_there(shell: Shell) -> None:
    """It is told as ever."""
    ended = shell.run("local", "status", "--address", f"unix:{shell.folder}/none.sock")
    assert 3 == ended.status
    assert "nothing was sent" in ended.error
