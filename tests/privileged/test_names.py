"""A host's name with several addresses, as the system's own resolver gives them.

The name stands in a file that lies over ``/etc/hosts``, in a mount namespace of the command's own.
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.keyfiles import new_signing_key, write_key_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "pods.example"
HOSTS = ("127.0.0.2", "127.0.0.3")
PATIENCE_S = 30

_PROGRAM = """
import sys
from sealwire import listen
from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.recommended import local
folder, address = sys.argv[1:]
listen(
    address,
    chain=local("payments@test", [load_verify_key(f"{folder}/alice.pub")]),
    receipt_key=load_signing_key(f"{folder}/receipt.key"),
)
print("ready", flush=True)
sys.stdin.read()
"""


def free_port() -> int:
    """Give a port that is free at each of the addresses, as far as can be said."""
    with socket.socket() as first:
        first.bind((HOSTS[0], 0))
        port: int = first.getsockname()[1]
        with socket.socket() as second:
            second.bind((HOSTS[1], port))
    return port


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """Start a service at each address of the name, and write an operator's settings."""
    alice, host = new_signing_key("alice"), new_signing_key("payments@test")
    write_key_file(folder / "alice.signing", alice)
    write_key_file(folder / "alice.pub", alice.verify_key)
    write_key_file(folder / "receipt.key", host)
    write_key_file(folder / "host.pub", host.verify_key)
    port = free_port()
    (folder / "operator.toml").write_text(
        'issuer = "alice"\nsigning_key = "alice.signing"\n[targets."payments@test"]\n'
        f'address = "tcp:{NAME}:{port}"\nchain = "local"\nreceipt_key = "host.pub"\n'
    )
    running = []
    try:
        for each in HOSTS:
            words = [sys.executable, "-c", _PROGRAM, str(folder), f"tcp:{each}:{port}"]
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            running.append(process)
            assert process.stdout is not None
            assert b"ready\n" == process.stdout.readline()
        yield port
    finally:
        for process in running:
            process.communicate(b"", PATIENCE_S)


def typed(folder: Path, *words: str, hosts: str) -> subprocess.CompletedProcess[str]:
    """Run ``sealwire`` where ``/etc/hosts`` says this."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    command = shlex.join([sys.executable, "-m", "sealwire", *words])
    mounted = f"mount --bind {shlex.quote(f'{folder}/hosts')} /etc/hosts && exec {command}"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


BOTH = "".join(f"{each} {NAME}\n" for each in HOSTS)


def test_every_address_of_a_name_is_asked(folder: Path, port: int) -> None:
    """Each is a host of the service; the receipts of both are kept."""
    config = f"--config={folder}/operator.toml"
    done = typed(folder, "lease", "payments=DEBUG", "--expect", "2", config, hosts=BOTH)
    assert 0 == done.returncode, done.stderr
    assert "in force at 2 of 2 hosts" == done.stdout.splitlines()[-1]
    for each in HOSTS:
        assert (
            f"in force, as payments@test at tcp:{each}:{port} says; receipt verified" in done.stdout
        )
    status = typed(folder, "status", "--json", config, hosts=BOTH)
    leases = [row["report"]["leases"] for row in json.loads(status.stdout)["hosts"]]
    assert [1, 1] == [len(each) for each in leases]


def test_a_name_that_has_lost_an_address(folder: Path, port: int) -> None:
    """No change is sent where that is not what somebody expects; status tells what there is."""
    config, one = f"--config={folder}/operator.toml", f"{HOSTS[1]} {NAME}\n"
    done = typed(folder, "lease", "payments=DEBUG", "--expect", "2", config, hosts=one)
    assert 3 == done.returncode
    assert f"1 host, and 2 expected: tcp:{HOSTS[1]}:{port}; nothing was sent" in done.stderr
    status = typed(folder, "status", "--expect", "2", config, hosts=one)
    assert 5 == status.returncode
    assert "leases    none" in status.stdout
    assert "answered at 1 of 1 host" == status.stdout.splitlines()[-1]


@pytest.mark.usefixtures("port")
def test_a_name_that_nobody_has(folder: Path) -> None:
    """Nothing is sent."""
    done = typed(folder, "status", f"--config={folder}/operator.toml", hosts="")
    assert 3 == done.returncode
    assert "no address" in done.stderr
