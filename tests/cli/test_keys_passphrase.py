"""Passphrases and other programs' keys on the command line, and sealing with such keys."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from sealwire.cli.app import app
from sealwire.keyfiles import (
    UNSAFE_COST_FOR_TESTS_ALONE,
    Passphrase,
    load_signing_key,
    load_verify_key,
    protect,
    write_key_file,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Ended, Service, Shell

FOREIGN = Path(__file__).parents[1] / "unit" / "keyfiles" / "files"
SECRET = "correct horse battery"


def asked(what: str) -> Passphrase:
    """Be somebody who knows it."""
    return Passphrase(SECRET.encode())


def secret_file(shell: Shell, name: str = "p", text: str = SECRET) -> Path:
    """Write a passphrase for its owner alone."""
    path = shell.folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def protect_quickly(path: Path) -> None:
    """Put a key under the passphrase at the least cost."""
    held = protect(load_signing_key(path), asked(""), UNSAFE_COST_FOR_TESTS_ALONE)
    write_key_file(path, held, force=True)


AT_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def at_a_terminal(shell: Shell, *arguments: str, typed: list[str]) -> tuple[int, str]:
    """Run a command at a terminal of its own, and type a line each time something is asked."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, "-m", "sealwire", *arguments],
        cwd=shell.folder,
        env=shell.environ,
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    shown, left = b"", list(typed)
    # The end of a terminal is an error on Linux.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1024):
            shown += part
            if shown.endswith(b": ") and left:
                os.write(terminal, left.pop(0).encode() + b"\n")
                shown += b"<typed>"
    os.close(terminal)
    return process.wait(), shown.decode()


def test_a_new_key_under_a_passphrase(shell: Shell) -> None:
    """It costs what the default says, and its public half is shown to whoever has no passphrase."""
    secret_file(shell)
    printed = shell.done("keys", "new", "--owner", "alice", "--passphrase-file", "p")
    assert "passphrase   yes, Argon2id 256 MiB, 3 passes" in printed
    path = shell.folder / "alice.signing"
    assert 0o600 == path.stat().st_mode & 0o777
    key = load_signing_key(path, ask=asked)
    assert key.verify_key == load_verify_key(shell.folder / "alice.pub")
    words, told = shell.done("keys", "show", path), shell.done("keys", "show", path, "--json")
    assert "passphrase   yes, Argon2id 256 MiB, 3 passes" in words
    shown = json.loads(told)
    assert {"function": "argon2id", "memory_kib": 262144, "passes": 3} == shown["passphrase"]
    assert ("signing", "alice", key.fingerprint) == (
        *(shown["kind"], shown["owner"], shown["fingerprint"]),
    )


def test_a_person_is_asked_twice_without_echo(shell: Shell) -> None:
    """What is typed does not show, and two that differ make no key."""
    status, shown = at_a_terminal(
        shell, "keys", "new", "--owner", "alice", "--passphrase", typed=[SECRET, SECRET]
    )
    assert 0 == status, shown
    assert "new passphrase of alice.signing, the signing key of alice: " in shown
    assert "the same once more: " in shown
    assert SECRET not in shown
    assert "alice" == load_signing_key(shell.folder / "alice.signing", ask=asked).owner
    status, shown = at_a_terminal(
        shell, "keys", "new", "--owner", "bob", "--passphrase", typed=[SECRET, SECRET + "!"]
    )
    assert 3 == status
    assert "the two passphrases differ, and nothing was written" in shown
    assert not (shell.folder / "bob.signing").exists()
    status, shown = at_a_terminal(
        shell, "keys", "new", "--owner", "bob", "--passphrase", typed=["short"]
    )
    assert 3 == status
    assert "fewer than 8 bytes" in shown


def without_a_terminal(shell: Shell, *arguments: str) -> Ended:
    """Run a command in a session that has none."""
    program = (
        "import os, sys; os.setsid(); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    return shell.python(program, "-m", "sealwire", *arguments)


def test_nobody_can_be_asked_without_a_terminal(shell: Shell) -> None:
    """The two other ways are told."""
    ended = without_a_terminal(shell, "keys", "new", "--owner", "alice", "--passphrase")
    assert 3 == ended.status
    assert "there is no terminal to ask for it" in ended.error
    assert "--passphrase-file" in ended.hint
    assert "--passphrase-command" in ended.hint
    assert [] == list(shell.folder.glob("alice*"))


def test_a_program_is_asked(shell: Shell) -> None:
    """With arguments, and without a shell; one that fails is named."""
    command = f'{sys.executable} -c \'print("correct horse " + "battery")\''
    shell.done("keys", "new", "--owner", "alice", "--passphrase-command", command)
    assert "alice" == load_signing_key(shell.folder / "alice.signing", ask=asked).owner
    ended = shell.run("keys", "new", "--owner", "bob", "--passphrase-command", "false")
    assert 3 == ended.status
    assert "the program false told no passphrase: it ended with status 1" == ended.error


def test_usage(shell: Shell) -> None:
    """What contradicts itself is refused, and quotes nothing that may be a secret."""
    for arguments, error in (
        (("--passphrase-file", "p", "--passphrase-command", "c"), "say the same"),
        (("--passphrase-command", "echo 'hunter2"), "is no command"),
    ):
        ended = shell.run("keys", "new", "--owner", "alice", *arguments)
        assert 2 == ended.status
        assert error in ended.error
        assert "hunter2" not in ended.stderr
    ended = shell.run(
        *("keys", "passwd", "k", "--unsafe-remove-passphrase", "--new-passphrase-file", "p")
    )
    assert 2 == ended.status
    assert "contradict each other" in ended.error


def test_changing_a_passphrase(shell: Shell) -> None:
    """On, to another one, and off by an option that looks dangerous; the key stays the same."""
    shell.done("keys", "new", "--owner", "alice")
    path = shell.folder / "alice.signing"
    key = load_signing_key(path)
    old, new = secret_file(shell, "old"), secret_file(shell, "new", SECRET + " 2")
    printed = shell.done("keys", "passwd", path, "--new-passphrase-file", old)
    assert "yes, Argon2id 256 MiB, 3 passes" in printed
    assert key == load_signing_key(path, ask=asked)
    before = path.read_bytes()
    ended = shell.run(
        *("keys", "passwd", path, "--passphrase-file", new, "--new-passphrase-file", new)
    )
    assert 3 == ended.status
    assert "the passphrase is wrong, or the file was changed" in ended.error
    assert before == path.read_bytes()
    shell.done("keys", "passwd", path, "--passphrase-file", old, "--new-passphrase-file", new)
    ended = shell.run(
        *("keys", "passwd", path, "--passphrase-file", old, "--unsafe-remove-passphrase")
    )
    assert 3 == ended.status
    shell.done("keys", "passwd", path, "--passphrase-file", new, "--unsafe-remove-passphrase")
    assert key == load_signing_key(path)
    assert 0o600 == path.stat().st_mode & 0o777
    shell.done("keys", "new", "--owner", "alice", "--kind", "mac", "--audience", "a", "--out", "m")
    assert "holds no signing key" in shell.run("keys", "passwd", "m").error


# ---- keys of other programs ---------------------------------------------------------------------


def copied(shell: Shell, name: str) -> Path:
    """Copy a file that another program wrote, for its owner alone."""
    path = shell.folder / f"foreign-{name}"
    path.write_bytes((FOREIGN / name).read_bytes())
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("name", ["k.pem", "k.der", "openssh"])
def test_importing_a_private_key(shell: Shell, name: str) -> None:
    """Both halves are written, under a passphrase if one is named; the file stays."""
    path = copied(shell, name)
    before = path.read_bytes()
    shell.done("keys", "import", path, "--owner", "alice")
    key = load_signing_key(shell.folder / "alice.signing")
    assert bytes(range(32)) == bytes(key._signing_key)
    assert key.verify_key == load_verify_key(shell.folder / "alice.pub")
    assert before == path.read_bytes()
    ended = shell.run("keys", "import", path, "--owner", "alice")
    assert "alice.signing is there already, and nothing was written" == ended.error
    secret_file(shell)
    shell.done("keys", "import", path, "--owner", "alice", "--out", "k", "--passphrase-file", "p")
    assert key == load_signing_key(shell.folder / "k", ask=asked)


@pytest.mark.parametrize("name", ["pbkdf2.pem", "openssh-encrypted"])
def test_importing_an_encrypted_key(shell: Shell, name: str) -> None:
    """It is under the same passphrase here, unless somebody says otherwise."""
    path = copied(shell, name)
    secret_file(shell)
    given = ("keys", "import", path, "--owner", "alice", "--passphrase-file", "p")
    shell.done(*given)
    assert "alice" == load_signing_key(shell.folder / "alice.signing", ask=asked).owner
    shell.done(*given, "--unsafe-without-passphrase", "--force")
    assert "alice" == load_signing_key(shell.folder / "alice.signing").owner
    ended = without_a_terminal(shell, "keys", "import", str(path), "--owner", "bob")
    assert "there is no terminal to ask for it" in ended.error


def test_importing_and_exporting_public_keys(shell: Shell) -> None:
    """Each form comes back byte for byte, of each kind of file."""
    for name, form in (("kpub.pem", "spki"), ("openssh.pub", "ssh")):
        shell.done("keys", "import", copied(shell, name), "--owner", "alice", "--force")
        exported = shell.done("keys", "export", "alice.pub", "--format", form)
        assert (FOREIGN / name).read_text() == exported
    jwk = shell.done("keys", "export", "alice.pub", "--format", "jwk")
    (shell.folder / "k.jwk").write_text(jwk)
    shell.done("keys", "import", "k.jwk", "--owner", "bob")
    assert "bob" == load_verify_key(shell.folder / "bob.pub").owner
    shell.done("keys", "import", copied(shell, "k.pem"), "--owner", "alice", "--force")
    assert jwk == shell.done("keys", "export", "alice.signing", "--format", "jwk")
    protect_quickly(shell.folder / "alice.signing")
    assert jwk == shell.done("keys", "export", "alice.signing", "--format", "jwk")


def test_a_shared_secret_is_not_exported(shell: Shell) -> None:
    """It has no public half."""
    shell.done("keys", "new", "--owner", "alice", "--kind", "mac", "--audience", "a", "--out", "m")
    ended = shell.run("keys", "export", "m", "--format", "jwk")
    assert 3 == ended.status
    assert "holds a shared secret, which has no public half" in ended.error


# ---- sealing with such a key -------------------------------------------------------------------


def under_a_passphrase(shell: Shell) -> Path:
    """Put the operator's key of `both_parts` under a passphrase."""
    path = shell.folder / "made" / "operator" / "alice.signing"
    protect_quickly(path)
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["lease", "payments.db=DEBUG", "--for", "1m"],
        ["apply", "debug.json"],
        ["send", "debug.json"],
        ["status"],
        ["revert"],
    ],
    ids=lambda command: command[0],
)
def test_whatever_seals_asks(shell: Shell, local_service: Service, command: list[str]) -> None:
    """With a file it goes through; without a way to the passphrase nothing is sent."""
    path = under_a_passphrase(shell)
    ended = without_a_terminal(shell, *command)
    assert 3 == ended.status
    assert "there is no terminal to ask for it" in ended.error
    shell.done(*command, "--passphrase-file", secret_file(shell))
    wrong = secret_file(shell, "w", "another passphrase")
    ended = shell.run(*command, "--passphrase-file", wrong)
    assert 3 == ended.status
    assert f"{path}: the passphrase is wrong, or the file was changed" == ended.error


def test_sealing_into_a_file(shell: Shell, local_service: Service) -> None:
    """Sealing asks; whoever sends what is sealed is not asked, and verifies the answer."""
    under_a_passphrase(shell)
    secret_file(shell)
    shell.done("seal", "debug.json", "-o", "s", "--passphrase-file", "p")
    ended = without_a_terminal(shell, "send", "s")
    assert 0 == ended.status, ended.stderr
    assert "receipt verified" in ended.stdout


def test_a_person_is_asked_once(shell: Shell, local_service: Service) -> None:
    """At the terminal, without echo, before anything is sealed."""
    under_a_passphrase(shell)
    status, shown = at_a_terminal(shell, "status", typed=[SECRET])
    assert 0 == status, shown
    assert 1 == shown.count("passphrase of ")
    assert SECRET not in shown


def test_settings_name_a_program(shell: Shell, local_service: Service) -> None:
    """Then nobody is asked, and the doctor says what protects the key."""
    under_a_passphrase(shell)
    settings = Path(shell.environ["SEALWIRE_CONFIG"])
    secret_file(shell)
    line = f'passphrase_command = ["cat", "{shell.folder / "p"}"]\n'
    settings.write_text(line + settings.read_text())
    assert 0 == without_a_terminal(shell, "status").status
    ended = without_a_terminal(shell, "doctor")
    assert 0 == ended.status, ended.stdout + ended.stderr
    assert "of alice, under a passphrase (Argon2id 8 KiB, 1 pass), mode 0600" in ended.stdout


def test_the_doctor_asks_nobody_for_what_it_can_see(shell: Shell, local_parts: str) -> None:
    """Where no service answers, the key is described without its passphrase."""
    under_a_passphrase(shell)
    ended = without_a_terminal(shell, "doctor", "--json")
    found = {each["name"]: each for each in json.loads(ended.stdout)["checks"]}
    assert "under a passphrase (Argon2id 8 KiB, 1 pass)" in found["signing key"]["text"]


def test_init_keeps_a_key_that_is_under_a_passphrase(shell: Shell, local_parts: str) -> None:
    """A second service gets the same operator, who is not asked."""
    path = under_a_passphrase(shell)
    before = path.read_bytes()
    ended = without_a_terminal(
        *(shell, "init", "payments@other", "--both", "--dir", "more", "--config"),
        shell.environ["SEALWIRE_CONFIG"],
    )
    assert 0 == ended.status, ended.stderr
    assert before == path.read_bytes()


def test_a_service_cannot_ask(shell: Shell, local_parts: str) -> None:
    """A receipt key under a passphrase is refused with the command that takes it off."""
    path = shell.folder / "made" / "receipt.key"
    protect_quickly(path)
    ended = shell.python(
        "import sealwire, sys\n"
        "try: sealwire.listen_from(sys.argv[1])\n"
        "except sealwire.ConfigurationError as error: print(error)",
        str(shell.folder / "made" / "service.toml"),
    )
    assert "nobody is here to give it" in ended.stdout
    command = f"keys passwd {path} --unsafe-remove-passphrase"
    assert command in ended.stdout
    shell.done(*command.split(" "), "--passphrase-file", secret_file(shell))
    assert load_signing_key(path).verify_key == load_verify_key(f"{path}.pub")


def test_no_secret_is_told(shell: Shell, local_service: Service) -> None:
    """Neither by what commands print, nor by what they leave behind."""
    under_a_passphrase(shell)
    secret_file(shell)
    printed = [
        shell.run(*command, "--passphrase-file", "p")
        for command in (["status"], ["lease", "a=DEBUG"], ["seal", "debug.json", "-o", "s"])
    ]
    printed.append(shell.run("status", "--passphrase-file", secret_file(shell, "w", SECRET[:-1])))
    for each in printed:
        assert SECRET not in each.stdout + each.stderr
    kept = [each for each in (shell.folder / "made").rglob("*") if each.is_file()]
    assert kept
    for file in kept:
        assert SECRET.encode() not in file.read_bytes()


def every_option() -> list[tuple[str, click.Option]]:
    """Give every option of every command."""
    found = []
    waiting: list[tuple[str, click.Command]] = [("sealwire", app)]
    while waiting:
        name, command = waiting.pop()
        inner = getattr(command, "commands", {})
        waiting += [(f"{name} {each}", below) for each, below in inner.items()]
        found += [(name, each) for each in command.params if isinstance(each, click.Option)]
    return found


def test_no_option_takes_a_passphrase() -> None:
    """Each that is about one is a flag, or names a file or a program."""
    about = [
        (f"{name} {option.opts[-1]}", option)
        for name, option in every_option()
        if "passphrase" in option.opts[-1]
    ]
    assert len(about) > 20
    for name, option in about:
        assert option.is_flag or name.endswith(("-file", "-command")), name


def test_a_credential_is_not_written(shell: Shell) -> None:
    """What systemd gives cannot be changed, and no file of that name is made in its place."""
    folder = shell.folder / "credentials"
    folder.mkdir(0o700)
    shell.environ["CREDENTIALS_DIRECTORY"] = str(folder)
    shell.done("keys", "new", "--owner", "alice", "--out", "credentials/k")
    assert "alice" in shell.done("keys", "show", "credential:k")
    before = (folder / "k").read_bytes()
    ended = shell.run("keys", "passwd", "credential:k", "--new-passphrase-file", secret_file(shell))
    assert 3 == ended.status
    assert "credential:k is a credential of systemd's, which can only be read" == ended.error
    assert before == (folder / "k").read_bytes()
    assert not (shell.folder / "credential:k").exists()
