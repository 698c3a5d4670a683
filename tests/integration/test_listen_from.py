"""A listener from a settings file: what the file says is what the listener does."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire import AeadKey, ConfigurationError, MacKey, SigningKey, keyfiles
from sealwire.engine import engine_of_process
from sealwire.transports.addresses import TcpAddress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AUDIENCE = "payments@test"


@pytest.fixture
def settings(folder: Path) -> Callable[[str, str], Path]:
    """Give what writes settings for the chain of networks, and the keys they name."""
    signing = SigningKey(secrets.token_bytes(32), owner="alice")
    keyfiles.write_key_file(folder / "alice.pub", signing.verify_key)
    for kind, name in ((MacKey, "alice.mac"), (AeadKey, "alice.aead")):
        key = kind(secrets.token_bytes(32), owner="alice", audience=AUDIENCE)
        keyfiles.write_key_file(folder / name, key)

    def write(address: str, socket: str) -> Path:
        path = folder / "service.toml"
        path.write_text(
            f'audience = "{AUDIENCE}"\naddress = "{address}"\nchain = "network"\n'
            '[keys]\ntrusted = ["alice.pub"]\ngate = ["alice.mac"]\nencryption = ["alice.aead"]\n'
            f"[socket]\n{socket}\n",
            encoding="utf-8",
        )
        return path

    return write


def test_an_address_beyond_loopback_is_not_opened_by_itself(
    settings: Callable[[str, str], Path],
) -> None:
    """The file has to say so in words as well; the refusal names them."""
    with pytest.raises(ConfigurationError, match=r"under \[socket\]: beyond_loopback = true"):
        sealwire.listen_from(settings("tcp:0.0.0.0:0", ""))


def test_an_address_beyond_loopback_is_opened_when_asked_for(
    settings: Callable[[str, str], Path],
) -> None:
    """With the chain of networks, and with the difference of clocks that the file allows."""
    path = settings("tcp:0.0.0.0:0", "beyond_loopback = true\nskew_s = 3")
    with sealwire.listen_from(path) as listener:
        address = listener.address
        assert isinstance(address, TcpAddress)
        assert not address.is_loopback
        assert 3000 == vars(listener)["_service"].door.skew_ms


def test_names_of_processes_begin_as_the_file_says(settings: Callable[[str, str], Path]) -> None:
    """And go on with the number of the process, where it is alone; in a child of a fork as well."""
    path = settings("tcp:127.0.0.1:0", "")
    path.write_text(f'instance = "web-1"\n{path.read_text("utf-8")}', encoding="utf-8")
    engine = engine_of_process()
    with sealwire.listen_from(path):
        assert f"web-1/{os.getpid()}" == engine.in_force.instance
    engine.abandon()
    assert f"web-1/{os.getpid()}" == engine.in_force.instance
