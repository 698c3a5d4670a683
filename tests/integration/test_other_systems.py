"""A Python that lacks what Unix has: what works there, and what is refused by name.

Each program runs in a process of its own in which names are hidden before sealwire is loaded. That
is not Windows; it shows that nothing needs the names before it says so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HIDE = """
import os, socket, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {"fcntl", "grp", "pwd", "termios"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in ("fcntl", "grp", "pwd", "termios"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
for name in ("AF_UNIX", "SO_PEERCRED"):
    vars(socket).pop(name, None)
gone = ("fork", "forkpty", "register_at_fork", "geteuid", "getuid", "chown", "fchmod", "fchown")
for name in gone:
    vars(os).pop(name, None)

def socketpair():
    # Where there are no Unix sockets, Python's own makes a pair over loopback, as this does.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = socket.create_connection(listening.getsockname())
        return one, listening.accept()[0]

socket.socketpair = socketpair
"""

WINDOWS = """
import types
# What standard modules decide by the platform they have decided before it is changed here.
import dataclasses, enum, inspect, ipaddress, json, logging.handlers, pathlib, random, re, secrets
import selectors, stat, string, subprocess, tempfile, threading, typing
import click, rich.console, cryptography.hazmat.primitives.ciphers.aead, nacl.signing
os.O_BINARY = os.O_NOINHERIT = 0
socket.SO_EXCLUSIVEADDRUSE = socket.SO_REUSEADDR
sys.modules["msvcrt"] = types.SimpleNamespace(
    LK_NBLCK=1, LK_UNLCK=2, locking=lambda descriptor, how, size: None
)
sys.platform = "win32"
"""

PROGRAM = """
import json, logging, secrets, time
import sealwire

key = sealwire.SigningKey(secrets.token_bytes(32), owner="alice")
parts = [sealwire.Ed25519Verifier([key.verify_key]), sealwire.Freshness(), sealwire.Once()]
try:
    sealwire.listen("unix:/tmp/x.sock", chain=parts, audience="payments@test")
except sealwire.ConfigurationError as error:
    print(error)
try:
    sealwire.deliver("unix:/tmp/x.sock", b"x")
except sealwire.ConfigurationError as error:
    print(error)
sealer = sealwire.Sealer(
    "payments@test",
    [sealwire.Ed25519Signer(key)],
    issuer="alice",
    state=sealwire.MemorySealerState(),
    clock=sealwire.wall_clock_ms,
)
sealed = sealer.seal_at(b"{}", now_ms=sealwire.wall_clock_ms())
print(sealwire.Chain("payments@test", parts).open(sealed, now_ms=sealwire.wall_clock_ms()).document)
with sealwire.listen("tcp:127.0.0.1:0", chain=parts, audience="payments@test") as listener:
    time.sleep(0.01)
    document = {"version": 1, "incremental": True, "loggers": {"a": {"level": "DEBUG"}}}
    answer = sealwire.deliver(str(listener.address), sealer.seal(json.dumps(document).encode()))
print(answer.outcome.name, logging.getLogger("a").level)
"""

REFUSED = "unix:/tmp/x.sock: this system has no Unix sockets"
SAID = [
    f"{REFUSED}; listen on tcp:127.0.0.1:9030",
    REFUSED,
    "b'{}'",
    "APPLIED 10",
]

INSPECT = """
import pathlib, runpy, secrets, sys
import sealwire

key = sealwire.SigningKey(secrets.token_bytes(32), owner="alice")
sealer = sealwire.Sealer(
    "payments@test",
    [sealwire.Ed25519Signer(key)],
    issuer="alice",
    state=sealwire.MemorySealerState(),
    clock=sealwire.wall_clock_ms,
)
path = pathlib.Path(sys.argv[1]) / "message.sealed"
path.write_bytes(sealer.seal(b"{}"))
sys.argv[1:] = ["inspect", str(path), "--json"]
runpy.run_module("sealwire", run_name="__main__")
"""

NO_LOCKS = """
import sealwire
from sealwire.sealerstate import FileSealerState

try:
    FileSealerState("state.json")
except sealwire.ConfigurationError as error:
    print(error)
"""

JOURNAL = """
import sealwire
from sealwire.journal import StateDirectory, init

for refused in (
    lambda: init("/tmp/sealwire-x", "payments@test", min_version=0, now_ms=0),
    lambda: StateDirectory.open("/tmp/sealwire-x", "payments@test"),
):
    try:
        refused()
    except sealwire.ConfigurationError as error:
        print(error)
"""

STATE = """
import pathlib, sys
from sealwire.sealerstate import FileSealerState
from sealwire.stages import Stream

state = FileSealerState(pathlib.Path(sys.argv[1]) / "state.json")
print(state.claim("payments@test", Stream.BASE, 5), state.claim("payments@test", Stream.BASE, 5))
"""


@pytest.mark.parametrize("hidden", [HIDE, HIDE + WINDOWS], ids=["names hidden", "as on Windows"])
def test_client_sealer_and_service_on_loopback(
    run_program: Callable[..., str], hidden: str
) -> None:
    """Import, seal, open, deliver and serve on TCP work; a Unix socket is refused by name."""
    assert SAID == run_program(hidden + PROGRAM).splitlines()


@pytest.mark.parametrize("hidden", [HIDE, HIDE + WINDOWS], ids=["names hidden", "as on Windows"])
def test_a_message_can_be_looked_at(
    run_program: Callable[..., str], folder: object, hidden: str
) -> None:
    """The command shows what a message looks like from outside."""
    shown = json.loads(run_program(hidden + INSPECT, folder))
    assert "payments@test" == shown["claims"]["aud"]


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (HIDE, "this system has no locks for files (fcntl); serve with a state in memory"),
        (HIDE + WINDOWS, "on Windows no state is kept on the disk; serve with a state in memory"),
    ],
    ids=["names hidden", "as on Windows"],
)
def test_a_state_directory_is_refused_by_name(
    run_program: Callable[..., str], hidden: str, said: str
) -> None:
    """Before anything is made."""
    assert f"/tmp/sealwire-x: {said}\n" * 2 == run_program(hidden + JOURNAL)


def test_the_sealers_state_needs_no_fcntl_on_windows(
    run_program: Callable[..., str], folder: object
) -> None:
    """Versions are kept in a file there, under the lock that Windows has."""
    assert "5 6\n" == run_program(HIDE + WINDOWS + STATE, folder)


def test_without_locks_the_sealers_state_is_refused_by_name(
    run_program: Callable[..., str],
) -> None:
    """At construction, and not when the first version is taken."""
    assert "'state.json': this system has no locks for files (fcntl)" in run_program(
        HIDE + NO_LOCKS
    )
