"""A FIDO authenticator and an ssh-agent, as far as tests need one: both made of software.

What the authenticator signs is written here from OpenSSH's ``PROTOCOL.u2f`` and
``PROTOCOL.sshsig``, with no part of sealwire, so that a mistake on both sides would show.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import struct
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nacl.signing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ED25519 = b"ssh-ed25519"
SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
NAMESPACE = b"request@sealwire/1"
PRESENT = 0x01
VERIFIED = 0x04


def ssh(*strings: bytes) -> bytes:
    """Write strings as SSH does (RFC 4251, section 5)."""
    return b"".join(struct.pack(">L", len(each)) + each for each in strings)


def covered(message: bytes, namespace: bytes = NAMESPACE, hashed: bytes = b"sha512") -> bytes:
    """Give what an SSHSIG over ``message`` signs."""
    digest = hashlib.new(hashed.decode(), message).digest()
    return b"SSHSIG" + ssh(namespace, b"", hashed, digest)


def sshsig(
    blob: bytes,
    signature: bytes,
    *,
    namespace: bytes = NAMESPACE,
    hashed: bytes = b"sha512",
    version: int = 1,
    reserved: bytes = b"",
) -> bytes:
    """Write an SSHSIG blob, with whatever is asked for in it."""
    front = b"SSHSIG" + struct.pack(">L", version)
    return front + ssh(blob, namespace, reserved, hashed, signature)


@dataclass(frozen=True)
class SoftKey:
    """A key of which a test has both halves; with an application it is one in an authenticator."""

    seed: bytes
    application: bytes = b""
    flags: int = PRESENT
    counter: int = 7

    @property
    def public(self) -> bytes:
        """The 32 public bytes."""
        return bytes(nacl.signing.SigningKey(self.seed).verify_key)

    @property
    def kind(self) -> bytes:
        """The kind of key, in SSH's words."""
        return SK_ED25519 if self.application else ED25519

    @property
    def blob(self) -> bytes:
        """The public key as SSH writes it."""
        return ssh(self.kind, self.public, *([self.application] if self.application else []))

    def sign(self, data: bytes) -> bytes:
        """Sign as an agent does: give SSH's signature blob."""
        key = nacl.signing.SigningKey(self.seed)
        if not self.application:
            return ssh(ED25519, key.sign(data).signature)
        tail = bytes((self.flags,)) + struct.pack(">L", self.counter)
        signed = hashlib.sha256(self.application).digest() + tail + hashlib.sha256(data).digest()
        return ssh(SK_ED25519, key.sign(signed).signature) + tail

    def sshsig(self, message: bytes, namespace: bytes = NAMESPACE) -> bytes:
        """Give the SSHSIG blob over ``message``."""
        return sshsig(self.blob, self.sign(covered(message, namespace)), namespace=namespace)


PLAIN = SoftKey(hashlib.sha256(b"plain").digest())
FIDO = SoftKey(hashlib.sha256(b"fido").digest(), b"ssh:")


def failing(_request: bytes) -> bytes:
    """Answer as an agent that will not."""
    return b"\x05"


@dataclass
class SoftAgent:
    """An ssh-agent on a socket, which answers in a thread of its own."""

    path: str
    keys: dict[SoftKey, bytes]
    answer: Callable[[bytes], bytes] | None = None
    asked: list[bytes] = field(default_factory=list)

    def respond(self, request: bytes) -> bytes:
        """Answer one request."""
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        if request == b"\x0b":
            listed = b"".join(ssh(key.blob, comment) for key, comment in self.keys.items())
            return b"\x0c" + struct.pack(">L", len(self.keys)) + listed
        length = struct.unpack(">L", request[1:5])[0]
        blob, rest = request[5 : 5 + length], request[5 + length :]
        data = rest[4 : 4 + struct.unpack(">L", rest[:4])[0]]
        key = next((each for each in self.keys if each.blob == blob), None)
        return failing(request) if key is None else b"\x0e" + ssh(key.sign(data))


def _serve(listening: socket.socket, agent: SoftAgent) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            # Somebody who goes before the answer is no concern of an agent's.
            with connection, contextlib.suppress(OSError):
                length = struct.unpack(">L", connection.recv(4, socket.MSG_WAITALL))[0]
                request = connection.recv(length, socket.MSG_WAITALL)
                connection.sendall(ssh(agent.respond(request)))


@contextlib.contextmanager
def running_agent(keys: dict[SoftKey, bytes]) -> Iterator[SoftAgent]:
    """Run an agent with these keys and comments, at a path short enough for a socket."""
    folder = tempfile.mkdtemp(prefix="sw-")
    path = str(Path(folder) / "agent")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        listening.listen()
        agent = SoftAgent(path, keys)
        thread = threading.Thread(target=_serve, args=(listening, agent))
        thread.start()
        try:
            yield agent
        finally:
            # Closing alone does not end an accept() that waits.
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)
    finally:
        listening.close()
        shutil.rmtree(folder)
