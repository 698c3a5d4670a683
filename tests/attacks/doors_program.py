"""Sends documents through one door of a process, and says what became of each and what ran.

The name of the door is the argument; standard input is JSON, a list of pairs of content type and
document in hex. What is printed is JSON: an outcome a document (a reason, or the name of the rule
that refused), and every event of Python's audit hooks that a refusal has no business to cause.
"""

from __future__ import annotations

import json
import logging.config
import secrets
import socket
import struct
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import sealwire
from sealwire import compat
from sealwire.requests import CONTENT_TYPE_INI, CONTENT_TYPE_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

AUDIENCE = "payments@test"
DIRECTORY = "/var/log/app"
PATIENCE_S = 20.0

# What none of the doors does when it refuses: run, load, start, write, connect elsewhere.
FORBIDDEN = (
    *("exec", "import", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("os.startfile", "os.system", "subprocess.Popen", "pty.spawn", "ctypes.dlopen"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link"),
    *("os.symlink", "os.truncate", "shutil.rmtree", "pickle.find_class", "code.__new__"),
    *("marshal.loads", "socket.getaddrinfo", "smtplib.connect", "urllib.Request"),
)


class Operator:
    """Seals documents that the doors of this process open."""

    def __init__(self) -> None:
        """Make a key; nobody else has it."""
        key = sealwire.SigningKey(secrets.token_bytes(32), owner="alice")
        self.parts: tuple[sealwire.Verifier | sealwire.Admission, ...] = (
            sealwire.Ed25519Verifier([key.verify_key]),
            sealwire.Freshness(),
            sealwire.Once(),
        )
        self._sealer = sealwire.Sealer(
            AUDIENCE,
            [sealwire.Ed25519Signer(key)],
            issuer="alice",
            state=sealwire.MemorySealerState(),
            clock=sealwire.wall_clock_ms,
        )

    def seal(self, kind: str, document: bytes) -> bytes:
        """Seal a document as what it says it is."""
        return self._sealer.seal(document, content_type=kind)


def outcome(reason: str, detail: str) -> str:
    """Give the reason, or the name of the rule where the policy refused."""
    return detail.partition(":")[0] if reason == "policy" else reason


def through_listen(address: str, operator: Operator) -> Callable[[str, bytes], str]:
    """Serve an address with our listener; give what sends through it."""
    listener = sealwire.listen(
        address,
        chain=operator.parts,
        audience=AUDIENCE,
        rules=sealwire.default_rules([DIRECTORY]),
    )

    def send(kind: str, document: bytes) -> str:
        answer = sealwire.deliver(str(listener.address), operator.seal(kind, document))
        return outcome(answer.reason, answer.detail) or answer.outcome.name.lower()

    return send


def hand_over(port: int, message: bytes) -> None:
    """Send a frame as the library's documentation shows, and wait for the end."""
    # Not create_connection(), which looks names up, as no refusal should.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", port))
        connection.sendall(struct.pack(">L", len(message)) + message)
        while connection.recv(4096):
            pass


def through_compat(operator: Operator) -> Callable[[str, bytes], str]:
    """Serve with the pair that has the library's shape, which takes what is signed by nobody."""
    thread = compat.listen(0, lambda received: received, rules=sealwire.default_rules([DIRECTORY]))
    thread.start()

    def send(_: str, document: bytes) -> str:
        before = thread.stats()
        hand_over(thread.port, document)
        after = thread.stats()
        if after.applied > before.applied:
            return "applied"
        return outcome(after.refusals[-1].reason, after.refusals[-1].detail)

    return send


def through_the_library(operator: Operator) -> Callable[[str, bytes], str]:
    """Serve with the library's own listener and our ``verify``."""
    decided: list[Any] = []
    verify = sealwire.as_verify(
        operator.parts,
        audience=AUDIENCE,
        rules=sealwire.default_rules([DIRECTORY]),
        on_event=decided.append,
    )
    thread: Any = logging.config.listen(0, verify)  # noqa: S612 - the library as it is
    thread.daemon = True
    thread.start()
    assert thread.ready.wait(PATIENCE_S)

    def send(kind: str, document: bytes) -> str:
        decided.clear()
        hand_over(thread.port, operator.seal(kind, document))
        (decision,) = decided
        if decision.reason is None:
            return str(decision.answer.outcome.name).lower()
        return outcome(decision.reason.value, decision.detail)

    return send


def main() -> None:
    """Send everything, and print what became of it."""
    door, documents = sys.argv[1], json.load(sys.stdin)
    operator = Operator()
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        doors = {
            "unix": lambda: through_listen(f"unix:{folder}/log.sock", operator),
            "tcp": lambda: through_listen("tcp:127.0.0.1:0", operator),
            "compat": lambda: through_compat(operator),
            "library": lambda: through_the_library(operator),
        }
        send = doors[door]()
        # A message of the millisecond in which a listener starts is from before its start.
        time.sleep(0.01)
        # What is loaded with the first document of a kind is not the gadget's doing.
        changes = b'{"version": 1, "incremental": true, "loggers": {"a": {"level": "DEBUG"}}}'
        honest = [send(CONTENT_TYPE_JSON, changes)]
        send(CONTENT_TYPE_INI, b"[loggers]\nkeys=root\n")
        send(CONTENT_TYPE_JSON, b'{"version": 1, "formatters": {"f": {"format": "%(x)s"}}}')

        ran: list[str] = []
        watching = True

        def watch(event: str, given: tuple[object, ...]) -> None:
            if watching and event.startswith(FORBIDDEN):
                ran.append(f"{event} {given!r:.200}")

        sys.addaudithook(watch)
        outcomes = [send(kind, bytes.fromhex(document)) for kind, document in documents]
        watching = False
        honest.append(send(CONTENT_TYPE_JSON, changes))
    print(json.dumps({"outcomes": outcomes, "ran": ran, "honest": honest}))


if __name__ == "__main__":
    main()
