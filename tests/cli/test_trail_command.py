"""``sealwire trail``: exit statuses, the bad record's number, and nothing that is written."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from sealwire.keyfiles import load_signing_key
from sealwire.trail.checkpoint import parse_note
from sealwire.trail.events import Stopped
from sealwire.trail.export import syslog_line
from sealwire.trail.layout import leaves_of
from sealwire.trail.merkle import leaf_hash, verify_inclusion
from sealwire.trail.records import Record, parse_record
from sealwire.trail.segments import TrailWriter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

    from sealwire.trail.events import Event

NOW_MS = 1_800_000_000_000


@pytest.fixture
def made(shell: Shell, trail_events: tuple[Event, ...]) -> Path:
    """Make a key pair and a trail with every kind of event, signed; its last checkpoint is held."""
    shell.done("keys", "new", "--owner", "host")
    key = load_signing_key(shell.folder / "host.signing")
    folder = shell.folder / "trail"
    with TrailWriter.create(folder, "payments@prod", NOW_MS) as trail:
        for number, event in enumerate(trail_events):
            trail.append(event, NOW_MS + number)
        (shell.folder / "held.checkpoint").write_bytes(trail.checkpoint(key).encode())
    return folder


def records_of(folder: Path) -> Path:
    """Give the file with all its records."""
    (found,) = folder.glob("*.jsonl")
    return found


def test_a_good_trail(shell: Shell, made: Path) -> None:
    """Status 0, and how far it is shown."""
    printed = shell.done(
        "trail", "verify", made, "--key", "host.pub", "--anchor", "held.checkpoint"
    )
    lines = printed.splitlines()
    assert "good" == lines[0]
    assert any(line.split() == ["records", "22"] for line in lines)
    assert "signed, for 22 records" in printed
    told = json.loads(shell.done("trail", "verify", made, "--json"))
    assert ("good", 22, False, 22, None) == (
        told["outcome"],
        told["records"],
        told["keys_given"],
        told["signed"],
        told["first_bad"],
    )


def test_without_a_key_it_says_so(shell: Shell, made: Path) -> None:
    """A folder that agrees with itself is good, and shows no more than that."""
    printed = shell.done("trail", "verify", made)
    assert "for 22 records, but not verified; name --key FILE" in printed


def test_an_edited_record(shell: Shell, made: Path) -> None:
    """Status 1 and its number, for people and in JSON."""
    path = records_of(made)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b'"owner":"alice"', b'"owner":"mallo"')
    path.write_bytes(b"".join(lines))
    ended = shell.run("trail", "verify", made, "--key", "host.pub")
    assert 1 == ended.status
    assert ["first", "bad", "9"] in [line.split() for line in ended.stdout.splitlines()]
    assert "the root over 22 records is not the one of the checkpoint" == ended.error
    assert ended.hint.startswith("keep the folder as it is")
    ended = shell.run("trail", "verify", made, "--json")
    told = json.loads(ended.stdout)
    assert (1, "tampered", 9, 10) == (
        ended.status,
        told["outcome"],
        told["first_bad"],
        told["before"],
    )


def test_a_cut_tail(shell: Shell, made: Path) -> None:
    """Status 6, by an anchor alone where the checkpoint was taken away too."""
    path = records_of(made)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rfind(b"\n", 0, -1) + 1])
    assert 6 == shell.run("trail", "verify", made, "--key", "host.pub").status
    path.with_suffix(".checkpoints").unlink()
    ended = shell.run("trail", "verify", made, "--key", "host.pub")
    assert 1 == ended.status
    assert ended.error.startswith("nothing is signed: ")
    ended = shell.run("trail", "verify", made, "--key", "host.pub", "--anchor", "held.checkpoint")
    assert 6 == ended.status
    assert "there are 21 records, and an anchor counts 22" == ended.error


def test_half_a_record_at_the_end(shell: Shell, made: Path) -> None:
    """It is told, and no reason for another status."""
    path = records_of(made)
    path.write_bytes(path.read_bytes() + b'{"at":')
    printed = shell.done("trail", "verify", made, "--key", "host.pub")
    assert "6 bytes behind the last record, by a crash" in printed


def test_which_record_it_is_where_that_is_not_certain(shell: Shell, made: Path) -> None:
    """Without the kept hashes: one between two roots."""
    path = records_of(made)
    path.with_suffix(".hashes").unlink()
    path.write_bytes(path.read_bytes().replace(b"INC-4711", b"INC-4712"))
    ended = shell.run("trail", "verify", made, "--key", "host.pub")
    assert 1 == ended.status
    assert "0, or another before 22" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("verify nowhere", "the trail nowhere cannot be read: No such file or directory"),
        ("verify empty", "empty holds no trail"),
        ("show empty", "empty holds no trail"),
        ("prove empty 0", "empty holds no trail"),
        ("export empty", "empty holds no trail"),
        ("verify trail --key nokey", "nokey is not there"),
        ("verify trail --anchor host.pub", "host.pub holds no checkpoint, or not the whole of one"),
        ("verify trail --anchor wrong", "wrong: a checkpoint is an origin, a size and a root"),
        (
            "verify trail --key other.pub --anchor held.checkpoint",
            "the checkpoint of 22 records is not signed by a key that was given",
        ),
        ("prove trail 22", "no record 22 is in the 22 records that can be proved"),
    ],
)
def test_what_cannot_be_done(shell: Shell, made: Path, arguments: str, error: str) -> None:
    """Status 3, with the next step."""
    (shell.folder / "empty").mkdir()
    (shell.folder / "wrong").write_bytes(b"some\n\nthing\n\n")
    shell.done("keys", "new", "--owner", "other")
    ended = shell.run("trail", *arguments.split())
    assert 3 == ended.status
    assert ended.error.startswith(error)
    assert ended.hint


def test_another_key(shell: Shell, made: Path) -> None:
    """A checkpoint that the key given did not sign is tampered with, or it is the wrong key."""
    shell.done("keys", "new", "--owner", "other")
    ended = shell.run("trail", "verify", made, "--key", "other.pub")
    assert 1 == ended.status
    assert "name the key that the host had then with --key" == ended.hint


def test_show(shell: Shell, made: Path) -> None:
    """Every record, what it changed, and first that nothing is verified."""
    lines = shell.done("trail", "show", made).splitlines()
    assert "not verified" == lines[0]
    assert lines[1].startswith(
        "0  2027-01-15T08:00:00.000Z  begun  format 1, audience payments@prod"
    )
    assert "    logger payments.db: level INFO -> DEBUG, propagate yes -> no" in lines
    assert "    logger zahlungen.größe is there now, level INFO" in lines
    assert "    handler console: format none -> hmac-sha256:" in "\n".join(lines)
    assert "    and 3 more, which the record does not list" in lines
    assert any("refused" in line and "reason policy" in line for line in lines)
    told = json.loads(shell.done("trail", "show", made, "--last", "2", "--json"))
    assert [20, 21] == [each["seq"] for each in told["records"]]


def test_a_record_cannot_drive_the_terminal(shell: Shell) -> None:
    """What somebody chose is shown as its escape, and exported as JSON has it."""
    folder = shell.folder / "trail"
    with TrailWriter.create(folder, "payments@prod", NOW_MS) as trail:
        trail.append(Stopped("host", "\x1b]0;mine\x07\x9b1m"), NOW_MS)
    shown = shell.done("trail", "show", folder)
    assert r"\x1b]0;mine\x07\x9b1m" in shown
    assert not {"\x1b", "\x9b"} & set(shown + shell.done("trail", "show", folder, "--json"))


def test_prove(shell: Shell, made: Path) -> None:
    """What is printed as JSON verifies by itself, and against a signature by the host's key."""
    key = load_signing_key(shell.folder / "host.signing").verify_key
    for index in (0, 8, 21):
        told = json.loads(shell.done("trail", "prove", made, str(index), "--json"))
        head = parse_note(told["checkpoint"].encode()).verify(key)
        assert base64.b64decode(told["root"]) == head.root
        proof = [base64.b64decode(each) for each in told["proof"]]
        verify_inclusion(index, head.size, leaf_hash(told["record"].encode()), proof, head.root)
    assert "checkpoint:" in shell.done("trail", "prove", made, "8")


def test_prove_without_a_checkpoint_and_with_a_wrong_one(shell: Shell, made: Path) -> None:
    """The one is said; the other is status 1."""
    path = records_of(made)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"INC-4711", b"INC-4712"))
    assert 1 == shell.run("trail", "prove", made, "8").status
    path.write_bytes(whole)
    path.with_suffix(".checkpoints").unlink()
    assert "there is no checkpoint, so nobody signed that root" in shell.done(
        "trail", "prove", made, "8"
    )


def test_export_as_lines_of_json(shell: Shell, made: Path) -> None:
    """To the byte as they are hashed."""
    process = shell.start("trail", "export", made)
    assert records_of(made).read_bytes() == process.communicate(timeout=30)[0]


def test_export_as_syslog(shell: Shell, made: Path) -> None:
    """RFC 5424 in ASCII, with the whole record as the message."""
    lines = shell.done("trail", "export", made, "--format", "rfc5424").splitlines()
    leaves = list(leaves_of(made))
    assert len(leaves) == len(lines)
    for line, leaf in zip(lines, leaves, strict=True):
        assert line.isascii()
        head, _, body = line.partition(" - {")
        priority, at, host, app, process, kind = head.split(" ")
        record = parse_record(leaf)
        assert json.loads(leaf) == json.loads("{" + body)
        assert (("-", "sealwire", "-"), record.event.kind) == ((host, app, process), kind)
        assert json.loads(leaf)["at"] == at
        assert priority in {"<108>1", "<109>1"}
    assert lines[4].startswith("<108>1 2027-01-15T08:00:00.003Z - sealwire - refused - {")
    assert lines[3].startswith("<109>1 2027-01-15T08:00:00.002Z - sealwire - applied - {")
    assert b"\\u007f" in syslog_line(Record(1, 0, "", Stopped("\x7f", "")))


def test_a_record_that_cannot_be_read(shell: Shell, made: Path) -> None:
    """Status 1 for whoever only reads, with the command that says more."""
    path = records_of(made)
    path.write_bytes(path.read_bytes().replace(b'"kind":"stopped"', b'"kind":"paused!"'))
    for arguments in (("show", made), ("export", made)):
        ended = shell.run("trail", *arguments)
        assert 1 == ended.status
        assert ended.error.startswith("record 21 cannot be read: ")
        assert ended.hint.endswith(f"sealwire trail verify {made}")
