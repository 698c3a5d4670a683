"""The sealer of `examples/javascript` sends to a real listener, through both recommended chains."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire import keyfiles
from sealwire.recommended import local, network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire import AeadKey, MacKey, SigningKey, VerifyKey

SEND = Path(__file__).parents[2] / "examples" / "javascript" / "send.mjs"
AUDIENCE = "payments@test"
APPLICATION = "sealwire-tests.javascript"
PATIENCE_S = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with keys in files, and with a configuration that holds more than ASCII."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        here = Path(path)
        signing = keyfiles.new_signing_key("alice")
        made: dict[str, SigningKey | VerifyKey | MacKey | AeadKey] = {
            "alice.signing": signing,
            "alice.pub": signing.verify_key,
            "alice.mac": keyfiles.new_mac_key("alice", AUDIENCE),
            "alice.aead": keyfiles.new_aead_key("alice", AUDIENCE),
        }
        for name, key in made.items():
            keyfiles.write_key_file(here / name, key)
        changes = {APPLICATION: {"level": "DEBUG"}, "zähler.größe": {"level": "INFO"}}
        document = {"version": 1, "incremental": True, "loggers": changes}
        (here / "debug.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        yield here


def send(folder: Path, audience: str, address: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the example."""
    node = shutil.which("node")
    assert node is not None, "install Node.js 18 or later: this test runs it"
    return subprocess.run(
        [node, SEND, "alice.signing", audience, "debug.json", address, *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("chain", ["local", "network"])
def test_it_changes_a_running_service(folder: Path, chain: str) -> None:
    """Over a Unix socket with a signature, over TCP with gate and encryption around it."""
    trusted = [keyfiles.load_verify_key(folder / "alice.pub")]
    more: tuple[str, ...]
    if chain == "local":
        address, verifiers, more = f"unix:{folder}/log.sock", local(AUDIENCE, trusted), ()
    else:
        gate = [keyfiles.load_mac_key(folder / "alice.mac")]
        encryption = [keyfiles.load_aead_key(folder / "alice.aead")]
        verifiers = network(AUDIENCE, gate=gate, encryption=encryption, trusted=trusted)
        address, more = "tcp:127.0.0.1:0", ("alice.mac", "alice.aead")
    logger = logging.getLogger(APPLICATION)
    logger.setLevel(logging.NOTSET)
    with sealwire.listen(address, chain=verifiers) as listener:
        done = send(folder, AUDIENCE, str(listener.address), *more)
        assert (0, "applied\n", "") == (done.returncode, done.stdout, done.stderr)
        assert logging.DEBUG == logger.level
        refused = send(folder, "billing@test", str(listener.address), *more)
        assert (1, "refused\n") == (refused.returncode, refused.stdout)
        assert (1, 1) == (listener.stats().applied, listener.stats().refused)


def test_it_is_about_a_hundred_lines() -> None:
    """So that somebody who ports it has little to read."""
    assert len(SEND.read_text("utf-8").splitlines()) <= 120
