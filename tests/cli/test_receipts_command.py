"""Receipts: which key is trusted, what a squatter gets, and what can be verified afterwards."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import AUDIENCE, Ended, both_parts

from sealwire.cli.service_part import host_name
from sealwire.clock import wall_clock_ms
from sealwire.keyfiles import load_verify_key, new_signing_key, write_key_file
from sealwire.receipts import Asked, Mode, Outcome, Receipt, Shown, TrailPoint, seal_receipt
from sealwire.sent import look_at_sent
from sealwire.trail.merkle import consistency_proof, leaf_hash, root_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.cli.conftest import Service, Shell

    from sealwire.keys import SigningKey
    from sealwire.sent import Sent


def settings_of(shell: Shell) -> Path:
    """Give the operator's settings."""
    return Path(shell.environ["SEALWIRE_CONFIG"])


def kept(shell: Shell) -> list[Path]:
    """Give the files in which receipts are kept."""
    folder = settings_of(shell).parent / "receipts"
    return sorted(each for each in folder.glob("*.json") if each.name != "trails.json")


def answered(
    shell: Shell,
    bare: socket.socket,
    answer: Callable[[Asked], bytes],
    *command: str,
) -> Ended:
    """Run a command whose request is answered by ``answer``."""
    return exchanged(shell, bare, lambda sent: answer(sent.asked), *command)


def exchanged(
    shell: Shell,
    bare: socket.socket,
    answer: Callable[[Sent], bytes],
    *command: str,
) -> Ended:
    """Do as `answered`, with all that the request says."""
    process = shell.start(*command)
    connection, _ = bare.accept()
    with connection, connection.makefile("rb") as file:
        (length,) = struct.unpack(">L", file.read(4))
        sent = look_at_sent(file.read(length))
        assert sent is not None
        data = answer(sent)
        connection.sendall(struct.pack(">L", len(data)) + data)
    stdout, stderr = process.communicate(timeout=30)
    return Ended(process.returncode, stdout.decode(), stderr.decode())


def trusting(shell: Shell, key: SigningKey) -> None:
    """Let the operator trust a key of this test's, as the host's."""
    file = shell.folder / "mine.pub"
    write_key_file(file, key.verify_key)
    shell.done("trust", AUDIENCE, "--key", str(file), "--fingerprint", key.fingerprint)


APPLIED = Receipt(Outcome.APPLIED, Mode.WAIT_OUT, 1_800_000_000_000)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _asked: b"\xa1\x01\x01", id="unsigned"),
        pytest.param(
            lambda asked: seal_receipt(APPLIED, asked, new_signing_key("host")), id="another-key"
        ),
    ],
)
def test_a_squatter_is_named_as_one(
    shell: Shell, bare_service: socket.socket, answer: Callable[[Asked], bytes]
) -> None:
    """Whatever it says, nothing is certain, and the message is kept to be sent again."""
    trusting(shell, new_signing_key("host"))
    ended = answered(shell, bare_service, answer, "send", "debug.json")
    assert 4 == ended.status
    assert "a squatter may sit on the address" in ended.error
    assert "nothing is certain" in ended.error
    assert "applied, as" not in ended.stdout
    assert 1 == len(list((settings_of(shell).parent / "unanswered").iterdir()))
    assert "sealwire send " in ended.hint


def test_the_same_bytes_are_sent_again(shell: Shell, bare_service: socket.socket) -> None:
    """Whatever a squatter said: the host's receipt for them ends it."""
    key = new_signing_key("host")
    trusting(shell, key)
    asked: list[Asked] = []

    def squat(which: Asked) -> bytes:
        asked.append(which)
        return b"\xa1\x01\x01"

    def host(which: Asked) -> bytes:
        asked.append(which)
        return seal_receipt(replace(APPLIED, repeated=True, at_ms=wall_clock_ms()), which, key)

    none = shell.run("send", "--again")
    assert 3 == none.status
    assert 4 == answered(shell, bare_service, squat, "send", "debug.json").status
    assert 2 == shell.run("send", "--again", "debug.json").status
    again = answered(shell, bare_service, host, "send", "--again")
    assert 0 == again.status
    assert "had been applied before" in again.stdout
    assert asked[0] == asked[1]
    assert [] == list((settings_of(shell).parent / "unanswered").iterdir())
    # An old receipt, which a squatter may have kept, answers no second copy.
    assert 4 == answered(shell, bare_service, squat, "send", "debug.json").status
    late = replace(APPLIED, at_ms=wall_clock_ms() - 400_000)
    old = answered(
        shell, bare_service, lambda which: seal_receipt(late, which, key), "send", "--again"
    )
    assert 4 == old.status
    assert "old receipt" in old.error


def test_a_receipt_for_another_request_is_no_answer(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Also if the host itself has signed it."""
    key = new_signing_key("host")
    trusting(shell, key)
    ended = answered(
        shell,
        bare_service,
        lambda asked: seal_receipt(APPLIED, asked._replace(id=bytes(16)), key),
        *("lease", "payments.db=DEBUG"),
    )
    assert 4 == ended.status
    assert "receipt-mismatch" in ended.error


@pytest.mark.parametrize("outcome", [b"\xa1\x01\x02", b"\xa1\x01\x03"], ids=["refused", "failed"])
@pytest.mark.parametrize("command", ["lease", "send", "carried"])
def test_what_nobody_has_signed_ends_nothing(
    shell: Shell, bare_service: socket.socket, outcome: bytes, command: str
) -> None:
    """A squatter may say "refused" as well as the service to somebody it does not know."""
    trusting(shell, new_signing_key("host"))
    commands = {"lease": ("lease", "payments.db=DEBUG"), "send": ("send", "debug.json")}
    if command == "carried":
        shell.done("seal", "debug.json", "-o", "debug.sealed")
    typed = commands.get(command, ("send", "debug.sealed"))
    ended = answered(shell, bare_service, lambda _: outcome, *typed)
    assert 4 == ended.status
    assert "that nobody has signed" in ended.error
    assert "nothing is certain" in ended.error
    assert ("nobody knows who answered" in ended.error) is (outcome == b"\xa1\x01\x02")
    assert "send the same message again" in ended.hint
    told = json.loads(shell.done("why", "--json"))
    assert told["outcome"] == {2: "unsigned-refusal", 3: "no-answer"}[outcome[-1]]
    assert told["causes"]


LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]
FORKED = [*LEAVES[:4], *(leaf_hash(b"other %d" % number) for number in range(20))]


def test_a_trail_that_is_not_what_it_was_is_an_alarm(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Each request shows where it stood, and each receipt has to go on from there."""
    key = new_signing_key("host")
    trusting(shell, key)

    def ask(size: int, leaves: list[bytes], command: str = "lease payments.db=DEBUG") -> Ended:
        def answer(sent: Sent) -> bytes:
            shown = tuple(
                Shown(at, tuple(one.hex() for one in consistency_proof(at, leaves[:size])))
                for at, _ in sent.shown
                if at <= size
            )
            point = TrailPoint(size, root_of(leaves[:size]).hex())
            receipt = replace(APPLIED, at_ms=wall_clock_ms(), trail=point, shown=shown)
            return seal_receipt(receipt, sent.asked, key)

        return exchanged(shell, bare_service, answer, *command.split())

    def good(size: int, command: str = "lease payments.db=DEBUG --json") -> str:
        ended = ask(size, LEAVES, command)
        assert (0, "") == (ended.status, ended.stderr)
        return str(json.loads(ended.stdout)["trail"])

    assert "first" == good(7)
    assert "proved" == good(7)
    same = ask(7, FORKED)
    assert (1, True) == (same.status, "the trail of 7 entries is another one" in same.stderr)
    assert "in force, as" in same.stdout
    assert "sealwire trail verify COPY" in same.hint
    grown = ask(19, FORKED)
    assert (1, True) == (grown.status, "does not go on from the one of 7" in grown.stderr)
    assert "proved" == good(9)
    before = len(kept(shell))
    cut = ask(8, LEAVES, "status")
    assert (6, True) == (cut.status, "8 entries and had 9: cut" in cut.stderr)
    # The receipt of a read is evidence now.
    assert before + 1 == len(kept(shell))
    assert "later" == good(11, "send debug.json --json")
    assert "proved" == good(12)


def test_commands_at_once_raise_no_alarm(shell: Shell, local_service: Service) -> None:
    """Whichever receipt comes last; and the next request shows that all belong to one trail."""
    running = [shell.start("lease", f"payments.n{each}=DEBUG", "--json") for each in range(4)]
    for each in running:
        stdout, stderr = each.communicate(timeout=60)
        assert (0, b"") == (each.returncode, stderr)
        assert [] == json.loads(stdout)["alarms"]
    said = json.loads(shell.done("status", "--json"))
    assert ("proved", []) == (said["trail"], said["alarms"])
    (held,) = json.loads((settings_of(shell).parent / "receipts" / "trails.json").read_text())[
        "hosts"
    ].values()
    assert 1 == len(held)
    assert local_service.logs("still there")


def test_an_answer_is_unverified_until_its_key_is_trusted(
    shell: Shell, local_service: Service
) -> None:
    """It is shown as what it is, and trusting the key makes it the host's word."""
    shell.trust_nobody()
    said = shell.done("lease", "payments.db=DEBUG")
    key = load_verify_key(shell.folder / "made" / "receipt.key.pub")
    assert f"its receipt is unverified: it says that it is signed by {host_name()}" in said
    assert key.fingerprint in said
    file = "made/receipt.key.pub"
    shell.done("trust", AUDIENCE, "--key", file, "--fingerprint", key.fingerprint)
    assert "receipt verified" in shell.done("lease", "payments.db=DEBUG")


def test_a_key_is_trusted_because_somebody_says_so(shell: Shell, local_parts: str) -> None:
    """By its fingerprint, or by an answer; never because it was there first."""
    shell.trust_nobody()
    file = "made/receipt.key.pub"
    key = load_verify_key(shell.folder / file)
    none = shell.run("trust", AUDIENCE)
    assert 1 == none.status
    assert "cannot be verified" in none.error
    nobody = shell.run("trust", AUDIENCE, "--key", file)
    assert 3 == nobody.status
    assert f"--fingerprint {key.fingerprint}" in nobody.hint
    wrong = shell.run("trust", AUDIENCE, "--key", file, "--fingerprint", "00" * 8)
    assert 1 == wrong.status
    assert "receipt_key" not in settings_of(shell).read_text()
    settings_of(shell).write_text(f"# mine\n{settings_of(shell).read_text()}")
    shell.done("trust", AUDIENCE, "--key", file, "--fingerprint", key.thumbprint.hex())
    text = settings_of(shell).read_text()
    assert text.startswith("# mine\n")
    assert 'receipt_key = "payments@test-host.pub"' in text
    assert key.fingerprint in shell.done("trust", AUDIENCE)


def test_what_was_done_all_the_same_is_told_as_a_warning(
    shell: Shell, local_service: Service
) -> None:
    """The request ended well; that its receipt is not kept is no error of it."""
    settings_of(shell).with_name("receipts").write_text("no folder")
    ended = shell.run("lease", "payments.db=DEBUG")
    assert 0 == ended.status
    assert ended.stderr.startswith("sealwire: warning: the receipt could not be kept: ")
    assert local_service.process.poll() is None


def test_a_key_that_the_settings_name_may_be_yet_to_come(shell: Shell, local_parts: str) -> None:
    """Settings as init prints them name its file; trust is the command that brings it."""
    settings_of(shell).with_name("payments@test-host.pub").unlink()
    before = settings_of(shell).read_text()
    missing = shell.run("trust", AUDIENCE)
    assert 3 == missing.status
    assert f"sealwire trust {AUDIENCE} --key receipt.key.pub" in missing.hint
    file = "made/receipt.key.pub"
    key = load_verify_key(shell.folder / file)
    given = ("trust", AUDIENCE, "--key", file, "--fingerprint", key.fingerprint)
    after = shell.run(*given, "--next")
    assert 3 == after.status
    assert "so none follows it" in after.error
    shell.done(*given)
    assert key.fingerprint in shell.done("trust", AUDIENCE)
    assert sorted(before.splitlines()) == sorted(settings_of(shell).read_text().splitlines())


def test_a_trusted_key_is_not_replaced_unless_that_is_said(shell: Shell, local_parts: str) -> None:
    """A squatter's key would be the second."""
    other = new_signing_key("host")
    write_key_file(shell.folder / "other.pub", other.verify_key)
    given = ("trust", AUDIENCE, "--key", "other.pub", "--fingerprint", other.fingerprint)
    ended = shell.run(*given)
    assert 3 == ended.status
    assert "another receipt key" in ended.error
    shell.done(*given, "--force")
    assert other.fingerprint in shell.done("trust", AUDIENCE)
    assert 1 == settings_of(shell).read_text().count("receipt_key")


@pytest.mark.parametrize("chain", ["local", "network"])
def test_receipts_are_kept_and_verified_offline(
    shell: Shell, started: Callable[[str], Service], chain: str
) -> None:
    """With the service gone; and an altered one does not verify."""
    service = started(both_parts(shell, chain))
    told = json.loads(shell.done("lease", "payments.db=DEBUG", "--json"))
    assert (True, "verified", host_name()) == (told["signed"], told["trust"], told["host"])
    shell.done("status")
    refused = json.loads(shell.run("lease", "payments.db=DEBUG", "--for", "9d", "--json").stdout)
    service.end()
    (one, other) = json.loads(shell.done("receipts", "list", "--json"))["receipts"]
    assert [told["request_id"], refused["request_id"]] == [one["id"], other["id"]]
    assert (("applied", True), "refused") == ((one["outcome"], one["verified"]), other["outcome"])
    assert one["encrypted"] == (chain == "network")
    assert one["id"] in shell.done("receipts", "list")
    shown = json.loads(shell.done("receipts", "show", one["id"][:8], "--json"))
    assert told["report"] == shown["report"]
    assert told["report"]["until_ms"] == shown["lease_end_ms"]
    assert shown["verified"]
    assert "signed by" in shell.done("receipts", "show", one["id"][:8])
    assert shell.done("receipts", "verify", one["id"][:8]).startswith("verified: ")
    (file,) = [each for each in kept(shell) if each.stem == one["id"]]
    assert 0o600 == file.stat().st_mode & 0o777
    assert 0o700 == file.parent.stat().st_mode & 0o777
    assert shell.done("receipts", "verify", str(file)).startswith("verified: ")
    members = json.loads(file.read_text())
    altered = shell.folder / "altered.json"
    members["digest"] = "00" * 32
    altered.write_text(json.dumps(members))
    assert 1 == shell.run("receipts", "verify", str(altered)).status
    key = new_signing_key("host")
    write_key_file(shell.folder / "other.pub", key.verify_key)
    ended = shell.run("receipts", "verify", str(file), "--key", "other.pub")
    assert 1 == ended.status
    assert "does not verify" in ended.error


def test_without_a_key_nothing_is_verified(shell: Shell, local_service: Service) -> None:
    """It can be shown, and is called unverified."""
    shell.done("lease", "payments.db=DEBUG")
    shell.trust_nobody()
    (file,) = kept(shell)
    ended = shell.run("receipts", "verify", file.stem)
    assert 3 == ended.status
    assert "is not known" in ended.error
    assert "unverified" in shell.done("receipts", "show", file.stem)
    assert 3 == shell.run("receipts", "show", "ffff").status
    file.write_text("{}")
    assert 3 == shell.run("receipts", "show", str(file)).status


def test_a_service_may_want_its_challenge(shell: Shell, started: Callable[[str], Service]) -> None:
    """The client carries it unasked; a message that was sealed into a file cannot."""
    printed = both_parts(shell)
    settings = shell.folder / "made" / "service.toml"
    # Whoever remembers needs no challenge.
    settings.write_text(settings.read_text().replace('state = "state"', "challenge = true"))
    service = started(printed)
    said = json.loads(shell.done("lease", "payments.db=DEBUG", "--json"))
    assert "applied" == said["outcome"]
    assert "DEBUG payments.db at debug: meanwhile" in service.logs("meanwhile")
    assert "challenge" == json.loads(shell.done("status", "--json"))["report"]["mode"]
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    ended = shell.run("send", "debug.sealed")
    assert 1 == ended.status
    assert "challenge-required" in ended.error
    # Who does not know the key is told so, and follows nothing.
    shell.trust_nobody()
    ended = shell.run("lease", "payments.db=DEBUG")
    assert (1, True) == (ended.status, "challenge-required" in ended.error)
