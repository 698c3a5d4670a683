"""The next command in a hint works as it is printed, and slips are told before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from sealwire.cli.app import app
from sealwire.cli.hints import hint_for
from sealwire.cli.typed import about

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Service, Shell

CUT_OFF = "bb59afe5a80e"


@pytest.mark.parametrize("command", ["revert", "confirm"])
def test_an_id_that_was_cut_off_ends_nothing(
    shell: Shell, bare_service: socket.socket, command: str
) -> None:
    """It is told here, and the next command shows the whole id; it never ends everything."""
    address = f"unix:{shell.folder}/made/run/log.sock"
    ended = shell.run(command, CUT_OFF, "--address", address)
    assert 2 == ended.status
    assert f"'{CUT_OFF}' is not a whole id, which has 32 hex digits; nothing was sent" == (
        ended.error
    )
    assert ended.hint.endswith(f"sealwire status --address {address}")
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()


@pytest.mark.parametrize(
    ("arguments", "units"),
    [
        (["lease", "payments=DEBUG", "--for", "15"], "write 15s, 15m or 15h"),
        (["apply", "debug.json", "--confirm-within", "10"], "write 10s, 10m or 10h"),
    ],
)
def test_a_length_without_a_unit_is_refused(
    shell: Shell, local_parts: str, arguments: list[str], units: str
) -> None:
    """Fifteen seconds were hardly meant."""
    ended = shell.run(*arguments)
    assert 2 == ended.status
    assert ended.error.endswith("has no unit")
    assert ended.hint.startswith(units)


def test_of_several_services_the_hint_names_one(shell: Shell, local_parts: str) -> None:
    """The command that was typed, with the service that may have been meant."""
    settings = shell.folder / "made" / "operator" / "operator.toml"
    text = settings.read_text()
    again = text[text.index("[targets") :].replace("payments@test", "billing@test")
    settings.write_text(f"{text}\n{again}")
    for typed in (["revert", "--all"], ["send", "debug.json"], ["seal", "debug.json"]):
        ended = shell.run(*typed)
        assert (3, True) == (ended.status, "knows several services" in ended.error)
        words = " ".join(typed)
        assert f"say which: sealwire {words} --to payments@test" == ended.hint
    slip = shell.run("status", "--to", "billing@tset")
    assert "does not know 'billing@tset', but: payments@test, billing@test" in slip.error
    assert "did you mean: sealwire status --to billing@test" == slip.hint


@pytest.mark.parametrize(
    "typed", [["status"], ["lease", "a=DEBUG"], ["send", "-"], ["seal", "-"], ["doctor"]]
)
def test_two_services_are_not_asked_as_if_they_were_one(
    shell: Shell, local_parts: str, typed: list[str]
) -> None:
    """The last one alone would be asked, and whoever typed both would not know."""
    ended = shell.run(*typed, "--to", "payments@test", "--to=billing@test", given=b"{}")
    assert 2 == ended.status
    assert "one service at a time, not payments@test, billing@test" in ended.error
    assert ended.hint.startswith("ask each")


@pytest.mark.parametrize("command", [["status"], ["lease", "a=DEBUG"], ["send", "debug.json"]])
def test_without_settings_the_hint_says_how_to_make_them(shell: Shell, command: list[str]) -> None:
    """Whoever has none cannot name another file."""
    (shell.folder / "debug.json").write_bytes(b'{"version": 1}')
    ended = shell.run(*command)
    assert 3 == ended.status
    assert ended.error.endswith("operator.toml is not there")
    assert ended.hint.startswith("try things out with: sealwire init AUDIENCE --both, or write")


def test_a_refusal_names_the_same_service_again(shell: Shell, local_service: Service) -> None:
    """With the options that were typed, and never a command that ends everything."""
    options = f"--to payments@test --config {shell.folder}/made/operator/operator.toml"
    ended = shell.run("revert", "0" * 32, *options.split())
    assert ended.error.startswith(shell.refused("not-in-force"))
    assert ended.hint.endswith(f"see what is running: sealwire status {options}")
    lease = ["lease", "payments=DEBUG", "--for", "5d", *options.split()]
    refused = shell.run(*lease)
    assert refused.error.startswith(shell.refused("policy"))
    assert "policy check" not in refused.hint
    assert "sealwire policy explain POLICY" in refused.hint
    assert local_service.logs("still there")


def test_in_the_place_of_a_configuration_a_lease_is_proposed() -> None:
    """To whoever may only lease; the command that was refused is not proposed once more."""
    given = ("apply", "debug.json", "--to", "payments@test")
    with click.Context(app, obj=given) as context:
        context.params = {"to": "payments@test"}
        hint = about(hint_for("key-role"), "the configuration")
    assert "sealwire lease LOGGER=DEBUG --for 15m --to payments@test;" in hint
    assert "apply" not in hint
