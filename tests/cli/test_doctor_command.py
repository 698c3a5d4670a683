"""``sealwire doctor``: a line for each thing that has to be right; the first problem's status."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import AUDIENCE, both_parts

import sealwire
from sealwire.answers import encode_answer
from sealwire.cli import servicecheck
from sealwire.cli.findings import Mark
from sealwire.cli.reports import drift_in_words, leases_in_words, time_in
from sealwire.cli.servicecheck import look_at_service
from sealwire.clock import wall_clock_ms
from sealwire.keyfiles import load_verify_key
from sealwire.results import read_report
from sealwire.stages import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended, Service, Shell

ROOT = Path(__file__).parents[2]


def looked(shell: Shell, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Let it look; give the status, and what was found by name, the worst of each."""
    ended = shell.run("doctor", *arguments, "--json")
    told = json.loads(ended.stdout)
    marks = ["ok", "warning", "problem"]
    found: dict[str, dict[str, Any]] = {}
    for each in told["checks"]:
        before = found.get(each["name"], each)
        if marks.index(each["mark"]) >= marks.index(before["mark"]):
            found[each["name"]] = each
    assert told["ok"] == (ended.status == 0)
    assert told["ok"] == all(each["mark"] != "problem" for each in found.values())
    return ended.status, found


def answered(shell: Shell, bare: socket.socket, told: bytes | dict[str, Any] | Answer) -> Ended:
    """Run it against a bare socket that answers with this report, or with this answer."""
    report = json.dumps(told).encode() if isinstance(told, dict) else told
    answer = encode_answer(
        report if isinstance(report, Answer) else Answer(Outcome.APPLIED, report=report)
    )

    def serve() -> None:
        connection, _ = bare.accept()
        with connection, connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
            connection.sendall(struct.pack(">L", len(answer)) + answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return shell.run("doctor", "--json")
    finally:
        thread.join(30)


def check_of(ended: Ended, name: str) -> dict[str, Any]:
    """Give what was found of this name."""
    (found,) = [each for each in json.loads(ended.stdout)["checks"] if each["name"] == name]
    return dict(found)


# ---- the operator's side -------------------------------------------------------------------------


def test_all_is_well(shell: Shell, service: Service) -> None:
    """A line each, status 0, and nothing has changed; why is not about the doctor's question."""
    ended = shell.run("doctor")
    assert (0, "") == (ended.status, ended.stderr)
    names = [line.split("  ")[0].strip() for line in ended.stdout.splitlines()]
    assert {"ok"} <= set(names) <= {"ok", "warning"}
    status, found = looked(shell)
    assert 0 == status
    assert {"settings", "signing key", "address", "answer", "clock"} <= set(found)
    assert "because of $SEALWIRE_CONFIG" in found["settings"]["text"]
    assert "of alice, mode 0600" in found["signing key"]["text"]
    assert "payments@test" == found["answer"]["service"]
    assert "none" == found["leases"]["text"]
    encrypts = "network" in (shell.folder / "made" / "service.toml").read_text()
    # A receipt tells in full, also where requests are encrypted.
    assert {"leases"} <= set(found)
    assert encrypts == ("gate key" in found)
    assert "receipt" not in found
    shell.trust_nobody()
    status, found = looked(shell)
    assert (0, "warning") == (status, found["receipt"]["mark"])
    assert "sealwire trust payments@test" in found["receipt"]["next"]
    assert "sealwire applied" not in "".join(
        line for line in service.logs("after") if "told its status" not in line
    )
    assert 3 == shell.run("why").status


def test_an_answer_that_the_host_has_not_signed_is_none(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Where its key is known; a squatter is named, and its report is not shown."""
    settings = Path(shell.environ["SEALWIRE_CONFIG"])
    trusting = 'receipt_key = "payments@test-host.pub"'
    settings.write_text(f"{settings.read_text()}{trusting}\n")
    ended = answered(shell, bare_service, {"instance": "forged"})
    assert 4 == ended.status
    found = check_of(ended, "answer")
    assert "a squatter may sit on the address" in found["text"]
    assert "sealwire trust payments@test --key FILE" in found["next"]
    assert "forged" not in ended.stdout


def test_an_unsigned_answer(shell: Shell, made: str, started: Callable[[str], Service]) -> None:
    """Where the service has no receipt key; through an encrypting chain it says no more."""
    shell.sign_nothing()
    service = started(made)
    status, found = looked(shell)
    assert (0, False) == (status, "receipt" in found)
    encrypts = "network" in (shell.folder / "made" / "service.toml").read_text()
    assert encrypts == ("requests to it are encrypted" in found["answer"]["text"])
    assert encrypts == ("leases" not in found)
    assert service.logs("still there")


def test_leases_that_run_are_told(shell: Shell, local_service: Service) -> None:
    """Which, until when, by whom."""
    shell.done("lease", "payments.db=DEBUG")
    _, found = looked(shell)
    assert found["leases"]["text"].startswith("1 running: payments.db=DEBUG until 2")
    assert found["leases"]["text"].endswith(" by alice")
    assert found["answer"]["text"].startswith("instance ")
    assert f"sealwire {sealwire.__version__}, Python 3." in found["answer"]["text"]
    assert "ok" == found["answer"]["mark"]
    assert local_service.logs("still there")


def test_settings_that_are_not_there(shell: Shell) -> None:
    """The first of all problems, and there is nothing more to look at."""
    status, found = looked(shell)
    assert (3, ["settings"]) == (status, list(found))
    assert "is not there" in found["settings"]["text"]
    ended = shell.run("doctor")
    assert "1 problem, the first of them: settings" == ended.error
    assert ended.hint.startswith("try things out with: sealwire init AUDIENCE --both, or write")


def test_a_service_that_is_not_known(shell: Shell, local_parts: str) -> None:
    """A slip in --to is told with the nearest."""
    status, found = looked(shell, "--to", "payment@test")
    assert 3 == status
    assert "none of: payments@test" in found["settings"]["text"]


@pytest.mark.parametrize(
    ("spoil", "text", "step"),
    [
        (lambda key: key.chmod(0o644), "has mode 0644", "run: chmod 600 "),
        (lambda key: key.unlink(), "is not there", "make a key with: sealwire keys new"),
        (lambda key: key.write_text("junk\n"), "does not begin with", "make a key with"),
    ],
)
def test_a_key_that_cannot_be_used(
    shell: Shell,
    local_service: Service,
    spoil: Callable[[Path], object],
    text: str,
    step: str,
) -> None:
    """It is told with what mends it, and nobody is asked in its name."""
    spoil(shell.folder / "made" / "operator" / "alice.signing")
    status, found = looked(shell)
    assert (3, "problem") == (status, found["signing key"]["mark"])
    assert text in found["signing key"]["text"]
    assert step in found["signing key"]["next"]
    assert "answer" not in found
    assert "ok" == found["address"]["mark"]
    assert local_service.logs("still there")


def test_an_example_key_is_a_warning_where_it_is_allowed(shell: Shell, local_parts: str) -> None:
    """And a problem where it is not."""
    settings = shell.folder / "made" / "operator" / "operator.toml"
    example = ROOT / "keys-example" / "alice.signing"
    key = settings.with_name("alice.signing")
    shutil.copy(example, key)
    key.chmod(0o600)
    _, found = looked(shell)
    assert "problem" == found["signing key"]["mark"]
    settings.write_text("allow_example_keys = true\n" + settings.read_text())
    _, found = looked(shell)
    assert "warning" == found["signing key"]["mark"]
    assert "an example that everybody has" in found["signing key"]["text"]


def test_a_shared_key_of_another_service(shell: Shell) -> None:
    """The chain "network" shares keys; each is for one audience."""
    made = ("--both", "--owner", "alice", "--dir", "made", "--chain", "network")
    shell.done("init", "payments@test", *made)
    shell.environ["SEALWIRE_CONFIG"] = str(shell.folder / "made" / "operator" / "operator.toml")
    gate = shell.folder / "made" / "gate" / "alice.mac"
    shell.done(
        *("keys", "new", "--owner", "alice", "--kind", "mac", "--audience", "orders@test"),
        *("--out", gate, "--force"),
    )
    status, found = looked(shell)
    assert (3, "problem") == (status, found["gate key"]["mark"])
    assert "is for orders@test, and the target is payments@test" in found["gate key"]["text"]
    assert "ok" == found["encryption key"]["mark"]


def test_no_socket_and_one_nobody_listens_on(
    shell: Shell, local_parts: str, started: Callable[[str], Service]
) -> None:
    """The first is seen without asking, the second by asking: nothing was sent, status 3."""
    status, found = looked(shell)
    assert (3, "problem") == (status, found["address"]["mark"])
    assert "answer" not in found
    started(local_parts).end()
    status, found = looked(shell)
    assert (3, "problem", False) == (status, found["address"]["mark"], "answer" in found)
    assert "which is us, mode 0600; nobody listens there" in found["address"]["text"]
    assert "start the service" == found["address"]["next"]


def test_a_clock_that_was_ahead_once(shell: Shell, local_service: Service) -> None:
    """What was sealed then locks the operator out; the command that is named is the way out."""
    state = shell.folder / "made" / "operator" / "operator-state.json"
    shell.done("lease", "a=DEBUG")
    ahead = {"base": 0, "lease": wall_clock_ms() + 3_599_000, "read": 0}
    written = json.dumps(
        {"format": "sealwire-sealer-state-1", "last": {"payments@test": ahead}},
        separators=(",", ":"),
        sort_keys=True,
    )
    state.write_text(f"{written}\n")
    ended = shell.run("lease", "a=DEBUG")
    assert (3, "the clock is 59 min behind the last message to payments@test") == (
        ended.status,
        ended.error,
    )
    way_out = f"mv {state} {state}.ahead"
    assert ended.hint.startswith("set the clock if it is wrong (date -u), or wait until it has")
    assert ended.hint.endswith(f"delivered once its time has come: {way_out}")
    # The status is another kind of request, and is answered; the doctor sees it all the same.
    status, found = looked(shell)
    assert (3, "problem", "ok") == (status, found["state"]["mark"], found["answer"]["mark"])
    assert found["state"]["next"] == ended.hint
    subprocess.run(shlex.split(way_out), check=True)
    shell.done("lease", "a=DEBUG")
    assert "state" not in looked(shell)[1]
    assert local_service.logs("still there")

    state.write_text("junk\n")
    status, found = looked(shell)
    assert (3, "problem") == (status, found["state"]["mark"])
    assert "is not a sealer's state" in found["state"]["text"]


def test_a_silent_refusal_has_status_4_and_names_what_is_left(
    shell: Shell, local_service: Service
) -> None:
    """The service does not say why, so each cause has its command."""
    key = shell.folder / "made" / "operator" / "alice.signing"
    shell.done("keys", "new", "--owner", "alice", "--out", key, "--force")
    status, found = looked(shell)
    assert 4 == status
    assert "nobody knows who answered" in found["answer"]["text"]
    assert "listener.stats()" in found["answer"]["next"]
    assert "perhaps" in found
    causes = shell.run("doctor").stdout
    assert "its settings or keys have changed since it was started" in causes
    assert "compare audience and chain, on the host: sealwire doctor --service FILE" in causes
    assert local_service.logs("still there")


def test_a_refusal_with_a_reason(shell: Shell, bare_service: socket.socket) -> None:
    """The hint is ours, and what the service says is shown."""
    ended = answered(shell, bare_service, Answer(Outcome.REFUSED, "expired", "\x1b[2J"))
    found = check_of(ended, "answer")
    assert 1 == ended.status
    assert "refused: expired: \x1b[2J" == found["text"]
    assert "\x1b" not in ended.stdout
    assert found["next"].startswith("seal anew")


def test_a_squatter_is_named(shell: Shell, bare_service: socket.socket) -> None:
    """Where the host's receipt key is known, what it has not signed is not its word."""
    key = load_verify_key(shell.folder / "made" / "receipt.key.pub")
    file = "made/receipt.key.pub"
    shell.done("trust", AUDIENCE, "--key", file, "--fingerprint", key.fingerprint)
    ended = answered(shell, bare_service, {"instance": "i"})
    found = check_of(ended, "answer")
    assert (4, "problem") == (ended.status, found["mark"])
    assert "a squatter may sit on the address" in found["text"]
    assert "sealwire trust" in found["next"]


def test_unsigned_through_an_encrypting_chain_the_outcome_alone_comes_back(
    shell: Shell, started: Callable[[str], Service]
) -> None:
    """All is well, and the report stays there."""
    printed = both_parts(shell, "network")
    shell.sign_nothing()
    service = started(printed)
    status, found = looked(shell)
    assert 0 == status
    assert "requests to it are encrypted" in found["answer"]["text"]
    assert "leases" not in found
    assert service.logs("still there")


def test_sent_and_not_answered_has_status_4(shell: Shell, bare_service: socket.socket) -> None:
    """The socket takes the message, and is silent."""
    ended = shell.run("doctor", "--timeout", "1s")
    assert 4 == ended.status
    assert "the first of them: answer" in ended.error


def test_messages_that_wait_for_an_answer(shell: Shell, bare_service: socket.socket) -> None:
    """A warning, with the command that tells."""
    assert 4 == shell.run("lease", "a=DEBUG", "--timeout", "1s").status
    _, found = looked(shell, "--timeout", "1s")
    assert found["unanswered"]["text"].startswith("1 message without an answer")
    assert "sealwire send " in found["unanswered"]["next"]
    # The doctor's own question is not one of them: it changes nothing.
    _, again = looked(shell, "--timeout", "1s")
    assert again["unanswered"]["text"] == found["unanswered"]["text"]


def test_a_clock_that_is_off_and_another_version(shell: Shell, bare_service: socket.socket) -> None:
    """Both are warnings: the service took the message."""
    report = {"now_ms": 1_000, "version": "0.0.9", "python": "3.10.1", "mode": "m", "instance": "i"}
    ended = answered(shell, bare_service, report)
    assert 0 == ended.status
    clock, answer = check_of(ended, "clock"), check_of(ended, "answer")
    assert "warning" == clock["mark"]
    assert "behind ours" in clock["text"]
    assert "warning" == answer["mark"]
    assert "instance i, mode m, sealwire 0.0.9, Python 3.10.1; here it is" in answer["text"]
    assert f"sealwire {sealwire.__version__}" in answer["text"]


def test_the_same_version_is_well(shell: Shell, bare_service: socket.socket) -> None:
    """No warning, and drift is one."""
    report = {
        "version": sealwire.__version__,
        "leases": [],
        "drift": [{"where": "loggers.a.level"}],
    }
    ended = answered(shell, bare_service, report)
    assert "ok" == check_of(ended, "answer")["mark"]
    assert "none" == check_of(ended, "leases")["text"]
    drift = check_of(ended, "drift")
    assert "1 place not as sealwire has set them: loggers.a.level" == drift["text"]
    assert "sealwire status" in drift["next"]


def test_a_configuration_on_trial_is_told(shell: Shell, local_service: Service) -> None:
    """It goes back by itself, so whoever looks has to know."""
    shell.done("apply", "debug.json", "--confirm-within", "10m")
    status, found = looked(shell)
    assert (0, "warning") == (status, found["trial"]["mark"])
    assert "goes back at 2" in found["trial"]["text"]
    assert "sealwire status --to payments@test" in found["trial"]["next"]
    assert local_service.logs("still there")


@pytest.mark.parametrize(
    "report",
    [
        b"not JSON",
        b"[]",
        b'{"now_ms": 1' + b"0" * 4000 + b"}",
        b'{"now_ms": -1, "version": [], "python": 5, "instance": {}, "mode": null}',
        b'{"leases": [5, {}, {"levels": 5, "until_ms": "x"}, {"levels": {"a": "b"}}], "drift": 5}',
        b'{"leases": [{"levels": {"": 10}, "until_ms": 1' + b"0" * 400 + b"}]}",
        b'{"leases": {"a": 1}, "drift": [1, null], "instance": "\\u001b[2J\\u202e"}',
        b'{"instance": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_a_report_of_a_squatter_ends_nothing(
    shell: Shell, bare_service: socket.socket, report: bytes
) -> None:
    """Whoever sits on the address may answer anything."""
    ended = answered(shell, bare_service, report)
    assert "Traceback" not in ended.stderr
    assert 0 == ended.status
    assert not set(ended.stdout) & set("\x1b\u202e")
    assert len(ended.stdout) < 10_000


def test_several_services_are_told_apart(shell: Shell, local_service: Service) -> None:
    """All of them are asked, or the one that is named."""
    shell.done("init", "orders@test", "--both", "--dir", "other")
    ended = shell.run("doctor")
    assert 3 == ended.status
    assert "problem  orders@test: address" in ended.stdout
    assert "ok       payments@test: answer" in ended.stdout
    assert 0 == shell.run("doctor", "--to", "payments@test").status
    assert local_service.logs("still there")


# ---- what a report says --------------------------------------------------------------------------


def test_many_leases_are_not_all_told() -> None:
    """The count is; a line holds a few."""
    leases = [{"levels": {f"a{n}": 10}, "until_ms": 0, "issuer": "bob"} for n in range(9)]
    text = leases_in_words({"leases": leases})
    assert text.startswith("9 running: a0=DEBUG until 1970-01-01T00:00:00.000Z by bob; ")
    assert text.endswith("; …")
    assert "a5" not in text
    assert "not told" == leases_in_words({})


def test_drift_without_places() -> None:
    """However a service writes it."""
    assert "" == drift_in_words({}) == drift_in_words({"drift": []})
    assert "2 places not as sealwire has set them" == drift_in_words({"drift": ["a", "b"]})


def test_a_time_that_can_be_none() -> None:
    """True is no time, and neither is a number that no calendar has."""
    assert 5 == time_in(read_report(b'{"now_ms": 5}'), "now_ms")
    for said in (b"true", b"-1", b"1e3", b"9007199254740992", b"null"):
        assert time_in(read_report(b'{"now_ms": %b}' % said), "now_ms") is None


# ---- the service's side --------------------------------------------------------------------------


def test_a_service_that_would_listen(shell: Shell, made: str) -> None:
    """Settings, each key, policy, chain, address, and the operator beside it."""
    status, found = looked(shell, "--service", "made/service.toml")
    assert 0 == status
    assert {"settings", "trusted key", "policy", "chain", "trail", "address"} <= set(found)
    assert "receipt.key: signing key " in found["receipt key"]["text"]
    assert found["state"]["text"].endswith("/made/state: 0 configurations, 0 leases")
    assert "warning" == found["address"]["mark"]
    assert "is trusted" in found["operator"]["text"]
    assert not (shell.folder / "made" / "run").exists()


def test_a_state_that_is_lost_or_damaged_is_a_warning(shell: Shell, local_parts: str) -> None:
    """A service starts with it, and refuses changes; the next step makes another."""
    state = shell.folder / "made" / "state"
    listens = "import sealwire; sealwire.listen_from('made/service.toml').stop()"
    (state / "journal").write_bytes(b"junk" * 100)
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "warning") == (status, found["state"]["mark"])
    assert 0 == shell.python(listens).status
    state.rename(state.with_name("elsewhere"))
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "warning") == (status, found["state"]["mark"])
    assert 0 == shell.python(listens).status
    assert "is not there" in found["state"]["text"]
    assert "sealwire state init" in found["state"]["next"]
    assert "paste these lines" in local_parts


def test_a_service_without_receipts_and_state(shell: Shell, local_parts: str) -> None:
    """Both are said, and are no problem."""
    shell.sign_nothing()
    settings = shell.folder / "made" / "service.toml"
    settings.write_text(settings.read_text().replace("state =", "# state ="))
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "ok", "ok") == (status, found["state"]["mark"], found["receipt key"]["mark"])
    assert "answers are unsigned" in found["receipt key"]["text"]
    assert "end with the process" in found["state"]["text"]
    assert "paste these lines" in local_parts


def test_a_service_that_listens(shell: Shell, service: Service) -> None:
    """Its socket is there and ours, and the service sees nothing of it."""
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "ok", False) == (status, found["address"]["mark"], "running" in found)
    assert ["INFO payments.db at info: quiet"] == service.logs("quiet")


def test_a_socket_that_a_killed_service_left(shell: Shell, local_service: Service) -> None:
    """The next start takes its place, so it is a warning, with what is next."""
    local_service.end()
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "warning") == (status, found["address"]["mark"])
    assert found["address"]["text"].endswith("; nobody listens there")
    assert "start the service" == found["address"]["next"]


@pytest.mark.parametrize("name", ["service.toml", "trusted/alice.pub"])
def test_what_has_changed_since_the_listener_was_started(
    shell: Shell, local_service: Service, name: str
) -> None:
    """It goes on with what it has read, also where a file was moved into its place."""
    path = shell.folder / "made" / name
    new = path.with_name("new")
    shutil.copy2(path, new)
    new.replace(path)
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "warning") == (status, found["running"]["mark"])
    assert found["running"]["text"].endswith(f"goes on with the old ones: {path}")
    assert "start the service again" == found["running"]["next"]
    assert local_service.logs("still there")


def spoil_settings(old: str, new: str) -> Callable[[Path], object]:
    """Give what changes a service's settings."""

    def spoil(folder: Path) -> None:
        path = folder / "service.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return spoil


def open_folder(folder: Path) -> None:
    """Let everybody write where the socket is to be."""
    (folder / "run").mkdir()
    (folder / "run").chmod(0o777)


def file_at_the_address(folder: Path) -> None:
    """Put a file where the socket is to be."""
    (folder / "run").mkdir()
    (folder / "run" / "log.sock").touch()


@pytest.mark.parametrize(
    ("spoil", "name", "text"),
    [
        (spoil_settings("chain =", "chian ="), "settings", "service.toml:"),
        (lambda folder: (folder / "service.toml").chmod(0o666), "settings", "has mode 0666"),
        (lambda folder: (folder / "service.toml").unlink(), "settings", "is not there"),
        (spoil_settings("[socket]", "[socket]\nskew_s = -1"), "settings", "skew_s"),
        (
            lambda folder: (folder / "trusted" / "alice.pub").chmod(0o666),
            "trusted key",
            "mode 0666",
        ),
        (lambda folder: (folder / "trusted" / "alice.pub").unlink(), "chain", "is not there"),
        (lambda folder: (folder / "logs").rmdir(), "policy", "logs"),
        (spoil_settings("directories = [", 'file = "no.toml"\n#'), "policy", "is not there"),
        (spoil_settings("[socket]", '[socket]\ngroup = "nobody-has-it"'), "address", "no group"),
        (spoil_settings("[socket]", "[socket]\nallow_uids = [7]"), "address", "lets none of them"),
        (lambda folder: (folder / "receipt.key").unlink(), "receipt key", "is not there"),
        (lambda folder: (folder / "state").chmod(0o755), "state", "state"),
        (lambda folder: (folder / "trail.signing").unlink(), "trail", "is not there"),
        (lambda folder: (folder / "trail").chmod(0o755), "trail", "for its service alone"),
        (open_folder, "address", "others could replace the socket"),
        (file_at_the_address, "address", "is no socket"),
    ],
)
def test_what_would_keep_a_service_from_listening(
    shell: Shell, local_parts: str, spoil: Callable[[Path], object], name: str, text: str
) -> None:
    """Each is a problem of that name with a next step; and the service does not start either."""
    spoil(shell.folder / "made")
    status, found = looked(shell, "--service", "made/service.toml")
    assert 3 == status
    assert "problem" == found[name]["mark"]
    assert text in found[name]["text"]
    program = "import sealwire; sealwire.listen_from('made/service.toml').stop()"
    assert shell.python(program).status, "it listens all the same"


@pytest.mark.parametrize(
    ("address", "name", "text"),
    [
        ("tcp:0.0.0.0:9030", "chain", "can be reached from other machines"),
        ("tcp:127.0.0.1:9030", "operator", "has address unix:"),
    ],
)
def test_an_address_on_tcp(
    shell: Shell, local_parts: str, address: str, name: str, text: str
) -> None:
    """One that others reach needs more; one that the operator does not know stops no service."""
    path = shell.folder / "made" / "service.toml"
    old = f"unix:{shell.folder}/made/run/log.sock"
    path.write_text(path.read_text().replace(old, address))
    status, found = looked(shell, "--service", "made/service.toml")
    expected = (3, "problem") if name == "chain" else (0, "warning")
    assert expected == (status, found[name]["mark"])
    assert text in found[name]["text"]


def test_beyond_loopback_needs_a_chain_that_hides(shell: Shell, local_parts: str) -> None:
    """As when it listens."""
    path = shell.folder / "made" / "service.toml"
    old = f"unix:{shell.folder}/made/run/log.sock"
    text = path.read_text().replace(old, "tcp:0.0.0.0:9030")
    path.write_text(text.replace("[socket]", "[socket]\nbeyond_loopback = true"))
    _, found = looked(shell, "--service", "made/service.toml")
    assert "problem" == found["chain"]["mark"]


def test_a_key_that_the_service_does_not_trust(shell: Shell, local_parts: str) -> None:
    """Found where both parts are on one machine; the service would start all the same."""
    key = shell.folder / "made" / "operator" / "alice.signing"
    shell.done("keys", "new", "--owner", "alice", "--out", key, "--force")
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, "warning") == (status, found["operator"]["mark"])
    assert "does not trust the key" in found["operator"]["text"]
    assert "keys.trusted in" in found["operator"]["next"]


def test_without_an_operator_on_the_host(shell: Shell, local_parts: str) -> None:
    """As in earnest: there is nothing to compare with, and that is no problem."""
    del shell.environ["SEALWIRE_CONFIG"]
    status, found = looked(shell, "--service", "made/service.toml")
    assert (0, False) == (status, "operator" in found)


def test_a_policy_of_its_own_is_counted(shell: Shell, local_parts: str) -> None:
    """File, rules and roles."""
    folder = shell.folder / "made"
    spoil_settings("directories = [", 'file = "policy.toml"\n#')(folder)
    (folder / "policy.toml").write_text('[roles.on-call]\nissuers = ["alice"]\n')
    (folder / "policy.toml").chmod(0o644)
    _, found = looked(shell, "--service", "made/service.toml")
    assert "policy.toml: " in found["policy"]["text"]
    assert "1 roles" not in found["policy"]["text"]
    assert "1 role" in found["policy"]["text"]


def test_a_socket_of_another_user_is_a_problem(
    shell: Shell, bare_service: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service cannot replace it."""
    settings = str(shell.folder / "made" / "service.toml")
    assert not [each for each in look_at_service(settings, {}) if each.mark is Mark.PROBLEM]
    monkeypatch.setattr(servicecheck, "is_us", lambda _: False)
    (problem,) = [each for each in look_at_service(settings, {}) if each.mark is Mark.PROBLEM]
    assert "this user's service cannot take its place" in problem.text


def test_a_folder_that_this_user_cannot_write_is_a_problem(
    shell: Shell, local_parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service would make its socket there, or the folder for it."""
    settings = str(shell.folder / "made" / "service.toml")
    for folder in (shell.folder / "made", shell.folder / "made" / "run"):
        folder.mkdir(exist_ok=True)
        assert not [each for each in look_at_service(settings, {}) if each.mark is Mark.PROBLEM]
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda *_: False)
            (problem,) = [
                each for each in look_at_service(settings, {}) if each.mark is Mark.PROBLEM
            ]
        assert problem.text.startswith(f"{folder} cannot be written by this user")


def test_the_two_sides_are_not_mixed(shell: Shell, local_parts: str) -> None:
    """What is for the operator's side says nothing on the host."""
    ended = shell.run("doctor", "--service", "made/service.toml", "--to", "payments@test")
    assert 2 == ended.status
    assert "--service is for the host" in ended.error
