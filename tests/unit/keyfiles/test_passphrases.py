"""Where a passphrase comes from: a file, a program, the settings; and what is none."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import (
    UNSAFE_COST_FOR_TESTS_ALONE,
    Passphrase,
    PassphraseCommand,
    PassphraseFile,
    check_new,
    new_signing_key,
    protect,
    split_command,
    write_key_file,
)
from sealwire.keyfiles.passphrases import reveal_passphrase
from sealwire.sealer import MemorySealerState
from sealwire.settings import load_operator_settings
from sealwire.settings.reading import parse_operator
from sealwire.settings.writing import render_operator

SECRET = b"correct horse battery"
PLACE = "a place"


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the KeyFileError that ``step`` raises, and see that no secret shows."""
    with pytest.raises(KeyFileError) as caught:
        step()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    for shown in ("horse", "hunter2"):
        held = [
            str(frame.locals)
            for frame in told.stack
            # The test's own frames hold what they gave.
            if "sealwire/keyfiles" in frame.filename
        ]
        assert held
        assert shown not in "".join(held)
        assert shown not in str(caught.value)
    return str(caught.value)


def python(program: str) -> tuple[str, ...]:
    """Give the command that runs a Python program."""
    return (sys.executable, "-c", program)


def written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a file of exactly this mode."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_the_first_line_of_a_file(tmp_path: Path, ending: bytes) -> None:
    """Without its newline, and with its spaces."""
    for secret in (SECRET, b" x ", "pässwörd 🐴".encode(), b"\xff\xfe", b"x" * 1024):
        path = written(tmp_path / "p", secret + ending)
        assert secret == reveal_passphrase(PassphraseFile(path)(PLACE))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\n\n", "is more than one line"),
        (b"hunter2\nhorse\n", "is more than one line"),
        (b"hunter2\0", "or holds a NUL"),
        (b"hunter2" * 146 + b"hor", "has more than 1024 bytes"),
        (b"h" * 2000, "has more than 1026 bytes"),
    ],
)
def test_a_file_that_holds_none(tmp_path: Path, content: bytes, said: str) -> None:
    """It is named, and nothing of it is quoted."""
    path = written(tmp_path / "p", content)
    text = refusal(lambda: PassphraseFile(path)(PLACE))
    assert said in text
    assert str(path) in text


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    """It is looked at as a key file is, and so is the way to it."""
    path = written(tmp_path / "p", SECRET, 0o640)
    assert f"run: chmod 600 {path}" in refusal(lambda: PassphraseFile(path)(PLACE))
    assert "is not there" in refusal(lambda: PassphraseFile(tmp_path / "none")(PLACE))
    path.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert "is a symbolic link" in refusal(lambda: PassphraseFile(link)(PLACE))
    tmp_path.chmod(0o777)
    assert f"chmod go-w {tmp_path}" in refusal(lambda: PassphraseFile(path)(PLACE))


def test_what_a_program_writes() -> None:
    """One line, and no shell has read the command."""
    command = python("import sys; print(sys.argv[1])")
    asked = PassphraseCommand((*command, "$HOME; `id` 'x'"))
    assert b"$HOME; `id` 'x'" == reveal_passphrase(asked(PLACE))
    reads = python("import sys; print(len(sys.stdin.read()))")
    assert b"0" == reveal_passphrase(PassphraseCommand(reads)(PLACE))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("", "is empty"),
        ("print('hun' 'ter2'); print()", "is more than one line"),
        ("print('hun' 'ter2'); raise SystemExit(3)", "it ended with status 3"),
        ("print('hun' 'ter2' * 1000)", "it wrote more than 1024 bytes"),
        ("while True: print('hun' 'ter2')", "it wrote more than 1024 bytes"),
    ],
)
def test_a_program_that_tells_none(program: str, said: str) -> None:
    """It is named without its arguments, and is ended if it does not end."""
    text = refusal(lambda: PassphraseCommand(python(program))(PLACE))
    assert said in text
    assert f"the program {sys.executable}" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("first", ["", "import os; os.close(1); "], ids=["open", "closed"])
def test_a_program_that_takes_too_long(first: str) -> None:
    """It is killed, also if it closed its output and went on."""
    program = python(first + "import time; time.sleep(600)")
    text = refusal(lambda: PassphraseCommand(program, timeout_s=0.5)(PLACE))
    assert "told no passphrase" in text


def test_a_program_that_is_none() -> None:
    """What cannot be started is named."""
    text = refusal(lambda: PassphraseCommand(("/nonexistent/pinentry",))(PLACE))
    assert "the program /nonexistent/pinentry cannot be started to tell the passphrase" in text
    assert "cannot be started" in refusal(lambda: PassphraseCommand(("a\0b",))(PLACE))


def test_no_descriptor_is_left_open() -> None:
    """Neither by programs that tell nor by those that do not."""
    before = len(list(Path("/dev/fd").iterdir()))
    PassphraseCommand(python("print('x')"))(PLACE)
    refusal(lambda: PassphraseCommand(("/nonexistent/pinentry",))(PLACE))
    refusal(lambda: PassphraseCommand(python("print('x' * 5000)"))(PLACE))
    assert before == len(list(Path("/dev/fd").iterdir()))


def test_a_command_in_one_line() -> None:
    """Split as a shell would, and not run by one."""
    assert ("pass", "show", "my key") == split_command("pass show 'my key'")
    for wrong in ("", "  ", "''", "pass 'show"):
        with pytest.raises(ValueError, match=r"no program|quotation"):
            split_command(wrong)


def test_a_new_one_is_not_short() -> None:
    """Eight bytes at least; an old one may be shorter."""
    passphrase = Passphrase(b"12345678")
    assert passphrase is check_new(passphrase)
    assert "fewer than 8 bytes" in refusal(lambda: check_new(Passphrase(b"1234567")))
    assert "the passphrase is empty" in refusal(lambda: Passphrase(b""))


# ---- in an operator's settings ---------------------------------------------------------------


def operator(folder: Path, more: str) -> Path:
    """Write settings with a key under a passphrase."""
    key = new_signing_key("alice")
    held = protect(key, Passphrase(SECRET), UNSAFE_COST_FOR_TESTS_ALONE)
    write_key_file(folder / "alice.signing", held)
    text = f'issuer = "alice"\nsigning_key = "alice.signing"\n{more}\n'
    text += '[targets."payments@prod"]\naddress = "unix:/run/p.sock"\nchain = "local"\n'
    return written(folder / "operator.toml", text.encode())


def test_settings_name_a_program(tmp_path: Path) -> None:
    """It is run when something is to be sealed, and survives being written and read."""
    program = f"print({SECRET.decode()!r})"
    settings = load_operator_settings(
        operator(tmp_path, f"passphrase_command = ['{sys.executable}', '-c', \"{program}\"]")
    )
    assert (sys.executable, "-c", program) == settings.passphrase_command
    assert settings == parse_operator(settings.path, render_operator(settings))
    sealer = settings.sealer(settings.target(), MemorySealerState(), lambda: 1_800_000_000_000)
    assert sealer.seal(b"{}")


def test_settings_without_one(tmp_path: Path) -> None:
    """A library asks nobody, and says what would help."""
    settings = load_operator_settings(operator(tmp_path, ""))
    text = refusal(lambda: settings.sealer(settings.target(), MemorySealerState(), lambda: 1))
    assert "(passphrase_command)" in text


@pytest.mark.parametrize("value", ['"pass show alice"', "[]", "[1]", '[""]'])
def test_settings_that_name_none(tmp_path: Path, value: str) -> None:
    """A list of texts, so that no shell has to split it."""
    path = operator(tmp_path, f"passphrase_command = {value}")
    with pytest.raises(ConfigurationError, match=r"operator.toml:3: passphrase_command "):
        load_operator_settings(path)
