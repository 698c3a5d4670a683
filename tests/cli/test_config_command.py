"""``sealwire config where``: which settings are used, and why these."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Shell


def where(shell: Shell, *arguments: str) -> tuple[str, str]:
    """Give the file that is used, and why."""
    told = json.loads(shell.done("config", "where", "--json", *arguments))
    return told["settings"], told["why"]


def test_the_first_of_three_decides(shell: Shell) -> None:
    """An option, then a variable, then the user's folder."""
    home = shell.folder
    assert (f"{home}/.config/sealwire/operator.toml", "the default") == where(shell)
    shell.environ["XDG_CONFIG_HOME"] = f"{home}/xdg"
    assert (f"{home}/xdg/sealwire/operator.toml", "$XDG_CONFIG_HOME") == where(shell)
    shell.environ["SEALWIRE_CONFIG"] = "mine.toml"
    assert (f"{home}/mine.toml", "$SEALWIRE_CONFIG") == where(shell)
    assert (f"{home}/other.toml", "--config") == where(shell, "--config", "other.toml")


def test_settings_that_are_not_there(shell: Shell) -> None:
    """Where they would be is an answer all the same, with a hint how to begin."""
    ended = shell.run("config", "where")
    assert 0 == ended.status
    assert ".config/sealwire/operator.toml" in ended.stdout
    assert "sealwire init AUDIENCE --both" in ended.hint
    assert json.loads(shell.done("config", "where", "--json"))["exists"] is False


def test_what_they_say(shell: Shell, made: str) -> None:
    """Who, which key, which services; paths whole."""
    operator = shell.folder / "made" / "operator"
    told = json.loads(shell.done("config", "where", "--json"))
    network = "gate" in made
    gate, encryption = (
        str(shell.folder / "made" / name) if network else None
        for name in ("gate/alice.mac", "encryption/alice.aead")
    )
    assert told == {
        "settings": str(operator / "operator.toml"),
        "why": "$SEALWIRE_CONFIG",
        "exists": True,
        "issuer": "alice",
        "signing_key": str(operator / "alice.signing"),
        "state": str(operator / "operator-state.json"),
        "allow_example_keys": False,
        "targets": [
            {
                "audience": "payments@test",
                "addresses": [f"unix:{shell.folder}/made/run/log.sock"],
                "chain": "network" if network else "local",
                "signatures": "one",
                "gate": gate,
                "encryption": encryption,
                "receipt_keys": [str(operator / "payments@test-host.pub")],
            }
        ],
    }
    words = shell.done("config", "where")
    for value in (told["settings"], "$SEALWIRE_CONFIG", "alice", told["signing_key"], gate or ""):
        assert value in words
    assert str(operator / "payments@test-host.pub") in words


@pytest.mark.parametrize("text", ["issuer =", 'issuer = "alice"\n', "\xff"])
def test_settings_that_cannot_be_read(shell: Shell, text: str) -> None:
    """The file is named, with status 3."""
    (shell.folder / "broken.toml").write_text(text, encoding="latin-1")
    ended = shell.run("config", "where", "--config", "broken.toml")
    assert 3 == ended.status
    assert "broken.toml" in ended.error
    assert "" == ended.stdout
