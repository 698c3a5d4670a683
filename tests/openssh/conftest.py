"""OpenSSH itself: ``ssh-keygen`` signs and verifies, ``ssh-agent`` holds keys; `make openssh`.

Nothing here stands in for a program that is missing: without OpenSSH every test fails.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import SoftKey

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 30
NAMESPACE = "request@sealwire/1"


@dataclass(frozen=True)
class OpenSsh:
    """OpenSSH's programs, in a folder with keys that ``ssh-keygen`` made."""

    folder: Path

    def run(self, *arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run one of them to its end."""
        return subprocess.run(
            [str(each) for each in arguments],
            input=given,
            capture_output=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "TZ": "UTC"},
            timeout=PATIENCE_S,
            check=False,
        )

    def done(self, *arguments: object, given: bytes = b"") -> bytes:
        """Run one that has to end well; give what it printed."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def public(self, name: str) -> bytes:
        """Give the blob of one of the keys."""
        return base64.b64decode((self.folder / f"{name}.pub").read_text().split()[1])

    def sign(
        self,
        name: str,
        message: bytes,
        *,
        namespace: str = NAMESPACE,
        options: tuple[str, ...] = (),
    ) -> bytes:
        """Have ``ssh-keygen -Y sign`` sign; give the SSHSIG blob."""
        more = [part for option in options for part in ("-O", option)]
        signed = ("ssh-keygen", "-Y", "sign", "-q", "-f", name, "-n", namespace, *more)
        armoured = self.done(*signed, given=message).decode().split("\n")
        assert "-----BEGIN SSH SIGNATURE-----" == armoured[0]
        return base64.b64decode("".join(armoured[1:-2]))

    def verifies(
        self,
        blob: bytes,
        message: bytes,
        signers: str,
        *,
        owner: str = "alice",
        namespace: str = NAMESPACE,
        at: str | None = None,
        revoked: str | None = None,
    ) -> bool:
        """Whether ``ssh-keygen -Y verify`` takes an SSHSIG blob, by an allowed_signers file."""
        coded = base64.b64encode(blob).decode()
        lines = [coded[at : at + 70] for at in range(0, len(coded), 70)]
        armour = "-----{} SSH SIGNATURE-----"
        text = "\n".join((armour.format("BEGIN"), *lines, armour.format("END"), ""))
        (self.folder / "signature").write_text(text)
        (self.folder / "signers").write_text(signers)
        options: list[object] = []
        if at is not None:
            options += ["-O", f"verify-time={at}"]
        if revoked is not None:
            (self.folder / "revoked").write_text(revoked)
            options += ["-r", "revoked"]
        asked = ("-f", "signers", "-I", owner, "-n", namespace, "-s", "signature")
        ended = self.run("ssh-keygen", "-Y", "verify", *asked, *options, given=message)
        assert ended.returncode in {0, 255}, ended.stderr
        return ended.returncode == 0


@pytest.fixture(scope="session")
def openssh() -> Iterator[OpenSsh]:
    """Give a folder with keys that ``ssh-keygen`` has made."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    try:
        programs = OpenSsh(folder)
        for name in ("alice", "mallory"):
            made = ("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
            programs.done("ssh-keygen", *made)
        programs.done("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-C", "rsa", "-f", "rsa")
        yield programs
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True)
class RunningAgent:
    """An ``ssh-agent`` of our own, and where it listens."""

    openssh: OpenSsh
    path: str

    def add(self, *arguments: str, expected: int = 0, **environ: str) -> str:
        """Run ``ssh-add``; give what it printed."""
        ended = subprocess.run(
            ["ssh-add", *arguments],
            cwd=self.openssh.folder,
            env={**os.environ, "SSH_AUTH_SOCK": self.path, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert expected == ended.returncode, ended.stderr
        return ended.stdout.decode()


@pytest.fixture
def running(openssh: OpenSsh) -> Iterator[RunningAgent]:
    """Run an ``ssh-agent`` until the test is over; it is ended by its process."""
    folder = tempfile.mkdtemp(prefix="sw-")
    path = str(Path(folder) / "agent")
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _listens(path):
            assert process.poll() is None, "ssh-agent ended"
            assert time.monotonic() < deadline, "ssh-agent does not listen"
            time.sleep(0.01)
        yield RunningAgent(openssh, path)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _listens(path: str) -> bool:
    # It binds before it listens, so that the path alone says too little.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


def line_of(key: SoftKey) -> str:
    """Write a public key as its ``.pub`` file has it, without a comment."""
    return f"{key.kind.decode()} {base64.b64encode(key.blob).decode()}"
