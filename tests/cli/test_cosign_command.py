"""Two people for one change: ``cosign``, ``--partial`` and ``send``, with a real service."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import AUDIENCE, PATIENCE_S, Service, pasted

from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.unfinished import read_unfinished, write_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended, Shell

POLICY = """
[allow]
directories = []

[roles.change]
issuers = ["alice", "bob", "carol"]
threshold = { lease = 2, apply = 2 }

[roles.orders]
issuers = ["dave"]
loggers = ["orders.*"]
"""
PEOPLE = ("alice", "bob", "carol", "dave")


@pytest.fixture(params=["local", "network"])
def team(request: pytest.FixtureRequest, shell: Shell) -> Iterator[Service]:
    """Give a running service that wants two signatures, and four people with settings for it."""
    for name in PEOPLE[1:]:
        shell.done("keys", "new", "--owner", name, "--out", f"{name}.signing")
    printed = shell.done(
        *("init", AUDIENCE, "--both", "--owner", "alice", "--dir", "made"),
        *("--chain", request.param, "--signatures", "several"),
        *(f"--trust={name}.pub" for name in PEOPLE[1:]),
    )
    made = shell.folder / "made"
    (made / "policy.toml").write_text(POLICY)
    settings = made / "service.toml"
    # The short form of the policy gives way to its file.
    text = settings.read_text().split("[policy]")
    trail = "[trail]" + text[1].split("[trail]")[1]
    settings.write_text(f'{text[0]}[policy]\nfile = "policy.toml"\n\n{trail}')
    for name in PEOPLE[1:]:
        (shell.folder / f"{name}.toml").write_text(
            f'issuer = "{name}"\nsigning_key = "{name}.signing"\n'
        )
    shell.environ["SEALWIRE_CONFIG"] = str(made / "operator" / "operator.toml")
    running = Service(shell, pasted(printed))
    yield running
    if running.process.poll() is None:
        running.end()


def as_person(shell: Shell, name: str, *arguments: object) -> Ended:
    """Run a command with the settings of one person."""
    return shell.run(*arguments, "--config", f"{name}.toml")


def lease(shell: Shell, *more: str, out: str = "debug.partial") -> Path:
    """Let alice ask for debug lines, and leave it unfinished."""
    shell.done("lease", "payments.db=DEBUG", "--partial", out, "--why", "INC-4711", *more)
    return shell.folder / out


def test_two_people_make_one_change(shell: Shell, team: Service) -> None:
    """One asks, another sees what it is and signs, and the first one sends it."""
    alone = shell.run("lease", "payments.db=DEBUG")
    assert alone.status == 1
    assert "lease needs the signatures of 2 owners" in alone.error
    assert "it has those of alice; 1 more of: bob, carol" in alone.error
    assert alone.hint == (
        "let others sign it as well: sealwire lease payments.db=DEBUG --partial FILE; then they: "
        "sealwire cosign FILE"
    )
    step = json.loads(shell.done("why", "--json"))["next"]
    assert step == (
        "let others sign it as well: sealwire cosign FILE; FILE is what is made by: sealwire lease "
        "payments.db=DEBUG --partial FILE"
    )
    said = shell.done("lease", "payments.db=DEBUG", "--partial", "a.partial", "--why", "INC-4711")
    assert "sealwire cosign a.partial" in said
    early = shell.run("send", "a.partial")
    assert early.status == 1
    assert "1 more of: bob, carol" in early.error
    step = json.loads(shell.done("why", "--json"))["next"]
    assert step.startswith("let others sign it as well: sealwire cosign FILE; ")
    assert early.hint == (
        "let others sign it as well: sealwire cosign a.partial; then: sealwire send a.partial"
    )
    shown = as_person(shell, "bob", "cosign", "a.partial", "--show").stdout
    for each in ("alice", AUDIENCE, "lease", "payments.db = DEBUG", "15 min", "INC-4711"):
        assert each in shown
    assert "not verified here" in shown
    signed = as_person(shell, "bob", "cosign", "a.partial", "--yes")
    assert signed.status == 0, signed.stderr
    assert shell.done("send", "a.partial").startswith("applied, as ")
    assert "at debug: now" in "\n".join(team.logs("now"))
    status = shell.done("status")
    assert "by alice (" in status
    assert ") with bob (" in status


def test_every_signer_is_named_in_receipt_and_trail(shell: Shell, team: Service) -> None:
    """By owner and key, and not the issuer alone."""
    lease(shell)
    assert as_person(shell, "carol", "cosign", "debug.partial", "--yes").status == 0
    shell.done("send", "debug.partial")
    carol = load_verify_key(shell.folder / "carol.pub").thumbprint.hex()
    (receipt,) = json.loads(shell.done("receipts", "list", "--json"))["receipts"]
    shown = json.loads(shell.done("receipts", "show", receipt["id"], "--json"))
    assert [each["owner"] for each in shown["signers"]] == ["alice", "carol"]
    assert shown["signers"][1]["key"] == carol
    assert f"carol, key {carol}" in shell.done("receipts", "show", receipt["id"])
    shown = shell.done("trail", "show", shell.folder / "made" / "trail")
    begun = next(line for line in shown.splitlines() if "lease-begun" in line)
    assert "who alice (ed25519 " in begun
    assert f" with carol (ed25519 {carol[:16]})" in begun
    (change,) = json.loads(
        shell.done("trail", "report", shell.folder / "made" / "trail", "--json")
    )["changes"]
    assert change["who"]["cosigners"] == [{"owner": "carol", "key": carol, "signer": "ed25519"}]
    assert "carol (ed25519" in shell.done("trail", "report", shell.folder / "made" / "trail")
    assert team.process.poll() is None


def test_what_two_signed_outlives_the_process(shell: Shell, team: Service) -> None:
    """With both names: what is kept of a message has all its signatures, and is judged again."""
    (shell.folder / "c.json").write_text(
        '{"version": 1, "incremental": true, "loggers": {"payments": {"level": "ERROR"}}}'
    )
    shell.done("apply", "c.json", "--partial", "c.partial")
    lease(shell)
    for file in ("c.partial", "debug.partial"):
        assert as_person(shell, "bob", "cosign", file, "--yes").status == 0
        assert shell.done("send", file).startswith("applied, as ")
    team.end()
    where = json.dumps(str(shell.folder / "made" / "service.toml"))
    again = Service(shell, f"import sealwire\nlistener = sealwire.listen_from({where})")
    try:
        status = json.loads(shell.done("status", "--json"))["report"]
        assert "at debug: still" in "\n".join(again.logs("still"))
    finally:
        again.end()
    for row in (status["base"], *status["leases"]):
        assert ["alice", "bob"] == [each["owner"] for each in row["signers"]]
    assert [] == status["set_aside"]


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_signatures_are_collected_in_parallel(shell: Shell, team: Service) -> None:
    """Two sign copies at the same time; put together in either order they are the same bytes."""
    first = lease(shell)
    copy = shell.folder / "copy.partial"
    copy.write_bytes(first.read_bytes())
    assert as_person(shell, "bob", "cosign", first, "--yes").status == 0
    assert as_person(shell, "carol", "cosign", copy, "--yes").status == 0
    one, other = first.read_bytes(), copy.read_bytes()
    assert "has 3 signatures" in shell.done("cosign", first, "--merge", copy)
    merged = first.read_bytes()
    first.write_bytes(other)
    copy.write_bytes(one)
    shell.done("cosign", first, "--merge", copy)
    assert merged == first.read_bytes()
    assert shell.done("send", first).startswith("applied, as ")
    lease(shell, out="another.partial")
    foreign = shell.run("cosign", first, "--merge", "another.partial")
    assert foreign.status == 1
    assert "this is another message" in foreign.error
    assert team.process.poll() is None


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_who_may_not_sign_or_send(shell: Shell, team: Service) -> None:
    """Not the issuer or one person twice, nobody else for the issuer, and not beyond a role."""
    file = lease(shell)
    own = shell.run("cosign", file, "--yes")
    assert own.status == 3
    assert "alice has asked for this already, and counts once" in own.error
    # Dave's role does not have this logger: his signature is right, and counts for nothing.
    assert as_person(shell, "dave", "cosign", file, "--yes").status == 0
    refused = shell.run("send", file)
    assert refused.status == 1
    assert "it has those of alice, and dave may not ask for this; 1 more of: bob" in refused.error
    assert as_person(shell, "bob", "cosign", file, "--yes").status == 0
    again = as_person(shell, "bob", "cosign", file, "--yes")
    assert again.status == 3
    assert "bob has signed this already" in again.error
    bob = shell.folder / "bob.toml"
    early = shell.run("send", file, "--config", bob)
    assert "give it back to alice, to be sent" in early.hint, "bob only signs, and knows no service"
    made = (shell.folder / "made" / "operator" / "operator.toml").read_text()
    target = made[made.index("[targets") : made.index("receipt_key")]
    bob.write_text(f"{bob.read_text()}\n{target}")
    theirs = shell.run("send", file, "--config", bob)
    assert theirs.status == 3
    assert "this message is alice's" in theirs.error
    assert "give it back to alice, to be sent" in theirs.hint
    assert shell.done("send", file).startswith("applied, as ")
    assert team.process.poll() is None


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_what_is_altered_is_not_signed_and_not_taken(shell: Shell, team: Service) -> None:
    """Another level in the body, somebody else's signature in my name, a file cut short."""
    file = lease(shell)
    genuine = file.read_bytes()
    assert as_person(shell, "bob", "cosign", file, "--yes").status == 0
    file.write_bytes(file.read_bytes().replace(b"payments.db", b"payments.dc"))
    refused = shell.run("send", file)
    assert refused.status == 1
    assert "at debug: x" not in "\n".join(team.logs("x"))
    alice = shell.folder / "made" / "operator" / "alice.pub"
    assert "NOT by alice" in shell.done("cosign", file, "--show", "--key", alice)
    file.write_bytes(genuine)
    assert "alice, key" in shell.done("cosign", file, "--show", "--key", alice)
    # Whoever puts rubbish in bob's name into the file keeps him from signing that one, and he sees.
    unfinished = read_unfinished(genuine)
    key = load_signing_key(shell.folder / "bob.signing")
    signed = unfinished.cosign(key)
    first, his = signed.signatures
    spoilt = signed.signed._replace(signatures=(first, his._replace(value=bytes(64))))
    file.write_bytes(write_unfinished(signed._replace(signed=spoilt)))
    his_own = as_person(shell, "bob", "cosign", file, "--yes")
    assert his_own.status == 1
    assert "names your key" in his_own.error
    file.write_bytes(genuine[:-1])
    cut = shell.run("cosign", file, "--show")
    assert cut.status == 1
    assert "was altered, or cut off" in cut.error


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_the_service_takes_several_or_one_and_not_both(shell: Shell, team: Service) -> None:
    """A message with one plain signature is refused where several are due, and the log says it."""
    operator = shell.folder / "made" / "operator" / "operator.toml"
    text = operator.read_text()
    operator.write_text(text.replace('signatures = "several"\n', ""))
    refused = shell.run("lease", "payments.db=DEBUG")
    assert refused.status == 1
    assert "another chain or signatures" in refused.hint
    assert "expected Sign (tag 98), found Sign1 (tag 18)" in "\n".join(team.logs("then"))
    unable = shell.run("lease", "payments.db=DEBUG", "--partial", "x.partial")
    assert unable.status == 3
    assert 'signatures = "several"' in unable.hint
    checked = shell.done("doctor", "--service", "made/service.toml")
    assert "has signatures one for" in checked


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_configurations_reverts_and_confirmations_too(shell: Shell, team: Service) -> None:
    """Each command that changes something can wait for others; a configuration is shown whole."""
    (shell.folder / "c.json").write_text(
        '{"version": 1, "incremental": true, "loggers": {"payments": {"level": "ERROR"}}}'
    )
    shell.done("apply", "c.json", "--partial", "c.partial", "--confirm-within", "10m")
    shown = as_person(shell, "bob", "cosign", "c.partial", "--show").stdout
    assert "1 logger, 0 handlers, shown below" in shown
    assert "on trial for  " in shown
    assert '"payments": {' in shown
    as_json = json.loads(as_person(shell, "bob", "cosign", "c.partial", "--show", "--json").stdout)
    assert as_json["verb"] == "apply"
    assert [each["verified"] for each in as_json["signatures"]] == [False]
    assert as_person(shell, "bob", "cosign", "c.partial", "--yes").status == 0
    said = shell.done("send", "c.partial")
    assert said.startswith("applied, as ")
    request = json.loads(shell.done("status", "--json"))["report"]["base"]["id"]
    shell.done("confirm", request, "--partial", "k.partial")
    assert f"the configuration {request}" in shell.done("cosign", "k.partial", "--show")
    assert shell.done("send", "k.partial").startswith("applied, as ")
    shell.done("revert", "--base", "--partial", "r.partial")
    assert "the last one" in shell.done("cosign", "r.partial", "--show")
    shell.done("revert", request, "--partial", "i.partial")
    assert f"the lease {request}" in shell.done("cosign", "i.partial", "--show")
    shell.done("seal", "c.json", "--partial", "-o", "s.partial", "--force")
    assert "configuration" in shell.done("cosign", "s.partial", "--show")
    assert shell.run("seal", "c.json", "--partial").status == 2
    assert shell.run("apply", "c.json", "--partial", "d.partial", "--dry-run").status == 2
    assert team.process.poll() is None


@pytest.mark.parametrize("team", ["local"], indirect=True)
def test_files_of_other_kinds_are_told_apart(shell: Shell, team: Service) -> None:
    """Each has its next step; what is not there to be asked is told as well."""
    (shell.folder / "debug.json").write_text('{"version": 1}')
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    sealed = shell.run("cosign", "debug.sealed")
    assert sealed.status == 3
    assert "is sealed already" in sealed.error
    other = shell.run("cosign", "debug.json")
    assert "is no unfinished message" in other.error
    file = lease(shell)
    asked = as_person(shell, "bob", "cosign", file)
    assert asked.status == 3
    assert "nobody can be asked" in asked.error
    assert asked.hint.endswith("--yes")
    wrong = as_person(shell, "bob", "cosign", file, "--show", "--yes")
    assert wrong.status == 2
    unnamed = shell.run("cosign", "-", "--yes", given=file.read_bytes())
    assert unnamed.status == 2
    seen = shell.run("inspect", file)
    assert seen.status == 1
    assert "cosign" in seen.hint
    assert team.process.poll() is None


@pytest.mark.parametrize("team", ["local"], indirect=True)
@pytest.mark.parametrize(("answer", "status", "count"), [(b"y\n", 0, 2), (b"\n", 1, 1)])
def test_somebody_at_a_terminal_is_asked(
    shell: Shell, team: Service, answer: bytes, status: int, count: int
) -> None:
    """Only yes signs."""
    file = lease(shell)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sealwire", "cosign", str(file), "--config", "bob.toml"],
        cwd=shell.folder,
        env=shell.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while b"sign this?" not in said and select.select([ours], [], [], PATIENCE_S)[0]:
            said += os.read(ours, 4096)
        os.write(ours, answer)
        while select.select([ours], [], [], PATIENCE_S)[0]:
            try:
                said += os.read(ours, 4096)
            except OSError:
                break
        assert process.wait(PATIENCE_S) == status, said
    os.close(ours)
    assert count == len(read_unfinished(file.read_bytes()).signatures)
    assert team.process.poll() is None
