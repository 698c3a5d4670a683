"""What is sealed for several hosts, and what the settings of several refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import AUDIENCE

from sealwire import Client, ConfigurationError
from sealwire.cli.several import OneOfSeveral, clients_of
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.requests import CONTENT_TYPE_JSON
from sealwire.resealing import Lacks
from sealwire.sealer import MAX_WAIT_MS
from sealwire.settings import load_operator_settings
from sealwire.stages import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

ADDRESSES = "unix:/run/a.sock", "unix:/run/b.sock"


def made(shell: Shell) -> Path:
    """Let the operator's settings name two addresses."""
    path = shell.folder / "made" / "operator" / "operator.toml"
    lines = path.read_text().splitlines()
    lines = [f"address = {list(ADDRESSES)}" if "address" in line else line for line in lines]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def clients(shell: Shell, local_parts: str) -> list[OneOfSeveral]:
    """Give a client of each of two hosts."""
    assert local_parts
    settings = load_operator_settings(made(shell))
    return clients_of(settings, settings.target(), ADDRESSES, 1)


@pytest.mark.parametrize("lacked", [Lacks(), Lacks(bytes(16)), Lacks(b"", 1)])
def test_a_change_is_sealed_once_and_what_it_lacks_for_one_host(
    clients: list[OneOfSeveral], lacked: Lacks
) -> None:
    """Also where it lacks nothing but a later version."""
    first, second = clients
    change = b"{}", CONTENT_TYPE_JSON, Stream.BASE
    together = first._seal(*change, None)
    assert together == second._seal(*change, None)
    own = second._seal(*change, lacked)
    assert own[0] != together[0]
    assert own[1].version > together[1].version
    assert together == first._seal(*change, None)


def test_a_read_is_sealed_for_each(clients: list[OneOfSeveral]) -> None:
    """It shows each host its own trail."""
    first, second = clients
    read = b"{}", CONTENT_TYPE_JSON, Stream.READ
    assert first._seal(*read, None) != second._seal(*read, None)


def test_one_hosts_time_is_not_followed_far(clients: list[OneOfSeveral]) -> None:
    """It would count for all of them."""
    assert {MAX_WAIT_MS} == {each._lead_ms for each in clients}


def test_a_client_is_of_one_address(shell: Shell, local_parts: str) -> None:
    """Which, whoever makes it says."""
    assert local_parts
    path = made(shell)
    with pytest.raises(ConfigurationError, match="give the address of one host"):
        Client.from_settings(path)
    assert ADDRESSES[1] == Client.from_settings(path, address=ADDRESSES[1]).address


def test_more_keys_without_the_first_are_refused(clients: list[OneOfSeveral]) -> None:
    """Whoever gives one means that it counts."""
    key = new_signing_key("host-b").verify_key
    with pytest.raises(ConfigurationError, match="needs a receipt_key"):
        Client(ADDRESSES[0], clients[0].sealer, more_receipt_keys=[key])


def test_which_hosts_key_goes_has_to_be_clear(shell: Shell, local_parts: str) -> None:
    """A key that is not said to be another host's takes the place of one, or of none."""
    assert local_parts
    files = {}
    for name, owner in (("b", "host-b"), ("b2", "host-b"), ("c", "host-c")):
        key = new_signing_key(owner)
        write_key_file(shell.folder / f"{name}.pub", key.verify_key)
        given = "--key", f"{name}.pub", "--fingerprint", key.fingerprint
        files[name] = "trust", AUDIENCE, *given
    shell.done(*files["b"], "--another")
    again = shell.run(*files["b2"], "--another")
    assert (3, True) == (again.status, "a key of host-b is trusted already" in again.error)
    assert "--force" in again.hint
    nobody = shell.run(*files["c"])
    assert (3, True) == (nobody.status, "host-c is none of them" in nobody.error)
    both = shell.run(*files["c"], "--another", "--next")
    assert (2, True) == (both.status, "--next or --another" in both.stderr)
    shell.done(*files["b2"], "--force")
    said = shell.done("trust", AUDIENCE)
    assert 2 == said.count("fingerprint")


@pytest.mark.parametrize("other", [("--dry-run",), ("--partial", "x.partial")])
def test_what_applies_nothing_takes_nothing_back(
    shell: Shell, local_parts: str, other: tuple[str, ...]
) -> None:
    """So that nobody believes that it does."""
    assert local_parts
    ended = shell.run("apply", "debug.json", "--keep-partial", *other)
    assert (2, True) == (ended.status, "leave --keep-partial out" in ended.stderr)
