"""The next command in a hint works as it is printed, and slips are told before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Shell

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
