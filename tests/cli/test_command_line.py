"""What holds for the command line as a whole: starting, usage errors, streams, signals, bugs."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire.cli import inspection
from sealwire.cli.app import app, run
from sealwire.cli.endings import Exit, ending_of
from sealwire.cli.sections import SectionedGroup
from sealwire.errors import (
    ApplyError,
    ConfigurationError,
    KeyFileError,
    MalformedError,
    NoAnswerError,
    PolicyError,
    Reason,
    RefusedError,
    SealError,
    SealwireError,
    Stage,
    StateError,
    TransportError,
    UntrustedAnswerError,
    VerificationError,
)
from sealwire.results import RequestError, RequestFailedError, RequestRefusedError, Result
from sealwire.stages import Answer, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

COMMANDS = [
    "apply",
    "completion",
    "config where",
    "confirm",
    "cosign",
    "demo",
    "doctor",
    "init",
    "inspect",
    "keys check",
    "keys destroy",
    "keys enroll",
    "keys export",
    "keys import",
    "keys init",
    "keys leave",
    "keys list",
    "keys new",
    "keys passwd",
    "keys promote",
    "keys push",
    "keys rehearse",
    "keys renew",
    "keys review",
    "keys revoke",
    "keys rotate",
    "keys show",
    "keys sign",
    "keys suspend",
    "lease",
    "local revert",
    "local status",
    "open",
    "policy init",
    "policy explain",
    "policy check",
    "receipts list",
    "receipts show",
    "receipts verify",
    "revert",
    "seal",
    "send",
    "state check",
    "state init",
    "state show",
    "status",
    "trail export",
    "trail follow",
    "trail prove",
    "trail report",
    "trail show",
    "trail verify",
    "trail who-can",
    "trust",
    "why",
]
GROUPS = ["keys", "config", "local", "policy", "receipts", "state", "trail"]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

WITHOUT = """
import sys
sys.modules["{name}"] = None
from sealwire.__main__ import main
sys.exit(main())
"""


def test_every_command_is_listed_where_it_belongs() -> None:
    """In one section of its group's help: one in none would be hidden, and nobody would find it."""
    for group in (app, app.commands["keys"]):
        assert isinstance(group, SectionedGroup)
        assert sorted(group.commands) == sorted(
            name for names in group.sections.values() for name in names
        )


def test_the_version(shell: Shell) -> None:
    """One line, with the version of the package."""
    assert f"sealwire {sealwire.__version__}\n" == shell.done("--version")


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_the_extra_it_says_so(shell: Shell, name: str) -> None:
    """Whichever half of the extra is missing: error, hint, status 3, and no traceback."""
    ended = shell.python(WITHOUT.format(name=name), "--version")
    assert 3 == ended.status
    assert 'the command line needs the extra "cli"' == ended.error
    assert 'pip install "sealwire[cli]"' == ended.hint
    assert "" == ended.stdout


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help(shell: Shell, command: str) -> None:
    """Every command explains itself; those that people type by hand give examples."""
    printed = shell.done(*command.split(), "--help")
    assert printed.startswith(f"Usage: sealwire{' ' * bool(command)}{command} ")
    assert "..." not in printed.replace("COMMAND [ARGS]...", "")
    assert ("Example" in printed) == (command not in {*GROUPS, "demo", "keys show"})


def test_every_command_is_listed_here() -> None:
    """A new command gets the tests that all of them get."""
    listed = []
    for name, command in app.commands.items():
        inner = getattr(command, "commands", {})
        listed += [f"{name} {each}" for each in inner] or [name]
    assert sorted(COMMANDS) == sorted(listed)


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ("", "missing command", "see: sealwire --help"),
        ("keys", "missing command", "see: sealwire keys --help"),
        ("snd", "no such command 'snd'", "see: sealwire --help"),
        ("send", "missing argument 'FILE'", "see: sealwire send --help"),
        ("send a b", "unexpected extra argument (b)", "see: sealwire send --help"),
        ("send a --tto b", "no such option", "see: sealwire send --help"),
        ("send a --lifetime 5y", "'5y' is not a duration", "write 90s, 5m, 2h or 7d; see: "),
        ("send a --lifetime 0s", "'0s' is not a duration", "write 90s, 5m, 2h or 7d; see: "),
        ("send a --address p.sock", "'p.sock' is not an address", "write unix:/path"),
        ("open a", "missing option '--service'", "see: sealwire open --help"),
        ("open a --service b --at noon", "'noon' is not a time", "write 2026-11-23T09:00:00Z"),
        ("open a --service b --at 2026-11-23T09:00:00", "is not a time", "write 2026-11"),
        ("open a --service b --at 0001-01-01T00:00:00+10:00", "is not a time", "write 2026-11"),
        ("init Payments --both", "audience 'Payments' is not a name", "a name is 1 to 128"),
        ("init payments@test", "nobody is trusted", "name public keys with --trust FILE"),
        ("init payments@test --trust f --owner me", "--owner and --config", "with --both"),
        ("keys new", "missing option '--owner'", "see: sealwire keys new --help"),
        ("keys new --owner Alice", "owner 'Alice' is not a name", "a name is 1 to 128"),
        ("keys new --owner me --kind mac", "belongs to one service", "--audience payments@prod"),
        (
            "keys new --owner me --kind mac --audience a --passphrase",
            "nobody could be asked",
            "out",
        ),
        ("keys new --owner me --audience a", "belongs to a person", "leave --audience out"),
        ("keys new --owner me --kind rsa", "'rsa' is not one of", "see: sealwire keys new --help"),
        ("send \x1b[2J\n --x", "no such option", "see: sealwire send --help"),
    ],
)
def test_usage_errors(shell: Shell, arguments: str, error: str, hint: str) -> None:
    """Status 2, error and hint in our form, nothing on standard output."""
    ended = shell.run(*arguments.split(" " if arguments else None))
    assert 2 == ended.status
    assert error in ended.error
    assert not ended.error.endswith(".")
    assert hint in ended.hint
    assert "" == ended.stdout


def test_what_a_user_wrote_cannot_drive_the_terminal(shell: Shell) -> None:
    """A name with an escape in it is written as what it is."""
    ended = shell.run("inspect", "\x1b]0;mine\x07")
    assert 3 == ended.status
    assert r"\x1b]0;mine\x07 cannot be read" in ended.error


def test_a_reader_that_has_gone_is_no_reason_to_complain(shell: Shell) -> None:
    """``sealwire … | head`` ends quietly, with the status shells know for it."""
    reading, writing = os.pipe()
    os.close(reading)
    process = shell.start("--help", stdout=writing)
    os.close(writing)
    _, stderr = process.communicate(timeout=30)
    assert (b"", 141) == (stderr, process.returncode)


def test_output_that_cannot_be_written_is_an_error(shell: Shell) -> None:
    """A full disk, as a limit of no bytes plays it, is told once and without a traceback."""
    limited = f'ulimit -f 0; exec "{sys.executable}" -m sealwire config where --json > out'
    ended = shell.python("import os, sys; os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])", limited)
    assert 3 == ended.status
    assert ended.error.startswith("the output cannot be written: ")


def test_ctrl_c_is_quiet(shell: Shell) -> None:
    """While a command waits for its input: status 130 and no word."""
    os.mkfifo(shell.folder / "fifo")
    process = shell.start("inspect", "fifo")
    # Opening to write returns when the command has opened to read.
    with (shell.folder / "fifo").open("wb"):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (b"", b"", 130) == (stdout, stderr, process.returncode)


def seen_on_a_terminal(shell: Shell, *arguments: str) -> str:
    """Run a command whose streams are a terminal, and give what that shows."""
    ours, theirs = pty.openpty()
    process = shell.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux's word for the end of a terminal
            part = b""
        if not part:
            break
        shown += part
    os.close(ours)
    process.wait(30)
    return shown.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_and_repeats_the_words(shell: Shell) -> None:
    """With colour and without, the text is the same; NO_COLOR takes the colour away."""
    shell.environ |= {"TERM": "xterm-256color"}
    shell.done("keys", "new", "--owner", "alice")
    for arguments in (("inspect", "alice.pub"), ("keys", "show", "alice.pub"), ("config", "where")):
        ended = shell.run(*arguments)
        assert "\x1b" not in ended.stdout + ended.stderr
        coloured = seen_on_a_terminal(shell, *arguments)
        assert ANSI.search(coloured)
        assert ended.stdout + ended.stderr == ANSI.sub("", coloured)
        shell.environ["NO_COLOR"] = "1"
        plain = seen_on_a_terminal(shell, *arguments)
        del shell.environ["NO_COLOR"]
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)
        assert ended.stdout + ended.stderr == ANSI.sub("", plain)


def test_any_encoding_can_show_everything(shell: Shell) -> None:
    """A locale without a character gets its escape, not a traceback."""
    shell.environ |= {"PYTHONIOENCODING": "ascii"}
    ended = shell.run("inspect", "caf\xe9\u2192")
    assert 3 == ended.status
    assert r"caf\xe9\u2192 cannot be read" in ended.error


REFUSED = Result(Answer(Outcome.REFUSED, "policy", "wrong"))
ERRORS: list[tuple[SealwireError, Exit]] = [
    (SealwireError("wrong"), Exit.LOCAL_FAILURE),
    (ConfigurationError("wrong; mend it"), Exit.LOCAL_FAILURE),
    (KeyFileError("wrong; mend it"), Exit.LOCAL_FAILURE),
    (SealError("wrong; mend it"), Exit.LOCAL_FAILURE),
    (RefusedError(Reason.INTERNAL, Stage.POLICY), Exit.REFUSED),
    (MalformedError(Reason.BODY_MALFORMED, Stage.BODY, "wrong"), Exit.REFUSED),
    (VerificationError(Reason.EXPIRED, Stage.CHECK, "wrong"), Exit.REFUSED),
    (PolicyError("rule", "where", "wrong"), Exit.REFUSED),
    (ApplyError("wrong"), Exit.LOCAL_FAILURE),
    (StateError("wrong"), Exit.LOCAL_FAILURE),
    (TransportError("wrong"), Exit.LOCAL_FAILURE),
    (NoAnswerError("wrong"), Exit.NO_ANSWER),
    (UntrustedAnswerError("wrong", claimed="applied"), Exit.NO_ANSWER),
    (RequestError(REFUSED), Exit.REFUSED),
    (RequestRefusedError(REFUSED), Exit.REFUSED),
    (RequestFailedError(REFUSED), Exit.REFUSED),
]


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda each: type(each).__name__)
def test_every_error_of_ours_has_an_end(error: SealwireError, status: Exit) -> None:
    """A status, an error, and a hint wherever the error knows what to do."""
    ending = ending_of(error)
    assert status == ending.status
    assert ending.error
    assert ";" not in ending.error
    if "; " in str(error):
        assert ("wrong", "mend it") == (ending.error, ending.hint)


def test_every_class_of_error_is_listed_here() -> None:
    """A new class gets an end, too."""

    def with_subclasses(kind: type[SealwireError]) -> set[type[SealwireError]]:
        return {kind}.union(*map(with_subclasses, kind.__subclasses__()))

    modules = {"sealwire.errors", "sealwire.results"}
    ours = {kind for kind in with_subclasses(SealwireError) if kind.__module__ in modules}
    assert ours == {type(error) for error, _ in ERRORS}


def test_a_bug_of_ours_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is none of our own errors comes out as it is, with its traceback."""
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setattr(inspection, "look_at", lambda content: content / 0)
    with pytest.raises(TypeError):
        run(["inspect", str(tmp_path / "file")])
