"""``sealwire init``: what it makes works as it is, and nothing is overwritten by mistake."""

from __future__ import annotations

import base64
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.service_part import places_for
from sealwire.keyfiles import (
    load_aead_key,
    load_mac_key,
    load_verify_key,
    new_signing_key,
    ssh_blob,
)
from sealwire.listener import make_door
from sealwire.recommended import Recommended
from sealwire.settings import load_service_settings, parse_operator
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

AUDIENCE = "payments@test"


@pytest.fixture
def alice_pub(shell: Shell) -> str:
    """Give the file of alice's public key, whose signing key is elsewhere."""
    shell.done("keys", "new", "--owner", "alice")
    return "alice.pub"


def blocks(printed: str) -> list[str]:
    """Give what stands indented, block by block: what people are to copy."""
    found, block = [], ""
    for line in printed.splitlines():
        if line.startswith("    "):
            block += f"{line[4:]}\n"
        elif line:
            found.append(block)
            block = ""
        else:
            block += "\n" * bool(block)
    return [each.strip() + "\n" for each in (*found, block) if each]


def test_the_hosts_part(shell: Shell, alice_pub: str) -> None:
    """Settings, a copy of the public key, directories for logs and trail, and the trail's key."""
    shell.done("init", AUDIENCE, "--trust", alice_pub, "--dir", "host")
    host = shell.folder / "host"
    keys = {"trusted/alice.pub", "trusted", "receipt.key", "receipt.key.pub"}
    trail = {"trail", "trail.signing", "trail.pub"}
    state = {"state", *(f"state/{each}" for each in ("journal", "lock", "queue", "reserve"))}
    found = {str(path.relative_to(host)) for path in host.rglob("*")}
    assert {"service.toml", "logs", *keys, *trail, *state, "state/sealwire-state"} == found
    assert 0o600 == (host / "receipt.key").stat().st_mode & 0o777
    settings = load_service_settings(host / "service.toml")
    assert (AUDIENCE, Recommended.LOCAL) == (settings.audience, settings.kind)
    assert f"unix:{host}/run/log.sock" == settings.address
    assert (str(host / "logs"),) == settings.policy.directories
    make_door(settings.chain(), rules=settings.rules())
    assert 0o700 == (host / "logs").stat().st_mode & 0o777


def test_three_lines_to_paste(shell: Shell, alice_pub: str) -> None:
    """They name the settings by their whole path, and are Python."""
    printed = shell.done("init", AUDIENCE, "--trust", alice_pub, "--dir", 'ho"st')
    lines = blocks(printed)[0].splitlines()
    assert 3 == len(lines)
    assert "import sealwire" == lines[1]
    path = eval(lines[2].partition("listen_from")[2])  # noqa: S307 - our own line, which is to be Python
    assert shell.folder / 'ho"st' / "service.toml" == Path(path)


def test_what_to_send_to_an_operator_is_their_settings(shell: Shell, alice_pub: str) -> None:
    """The text that is printed for alice reads as operator's settings for this service."""
    printed = shell.done("init", AUDIENCE, "--trust", alice_pub, "--dir", "host")
    text = blocks(printed)[1]
    settings = parse_operator(shell.folder / "operator.toml", text)
    assert "alice" == settings.issuer
    assert shell.folder / "alice.signing" == settings.signing_key
    assert f"unix:{shell.folder}/host/run/log.sock" == settings.target(AUDIENCE).address
    tomllib.loads(text)


def test_who_signs_with_a_key_of_openssh_is_told_to_name_the_agent(shell: Shell) -> None:
    """There is no file of ours with the private half; the fingerprint is what ssh-add -l prints."""
    key = new_signing_key("alice").verify_key
    blob = ssh_blob(key)
    line = f"ssh-ed25519 {base64.b64encode(blob).decode()} alice@laptop\n"
    (shell.folder / "id_alice.pub").write_text(line)
    printed = shell.done("init", AUDIENCE, "--trust", "alice=id_alice.pub", "--dir", "host")
    settings = parse_operator(shell.folder / "operator.toml", blocks(printed)[1])
    assert f"agent:{PublicKey.parse(blob).fingerprint}" == str(settings.signing_key)


def test_the_secrets_of_a_network_chain(shell: Shell, alice_pub: str) -> None:
    """A pair for each owner, readable by us alone, and named to be sent."""
    shell.done("keys", "new", "--owner", "bob")
    printed = shell.done(
        "init", AUDIENCE, "--trust", alice_pub, "--trust", "bob.pub", "--chain", "network",
        "--dir", "host",
    )  # fmt: skip
    host = shell.folder / "host"
    for owner in ("alice", "bob"):
        gate, encryption = host / f"gate/{owner}.mac", host / f"encryption/{owner}.aead"
        assert (owner, AUDIENCE) == (load_mac_key(gate).owner, load_mac_key(gate).audience)
        assert owner == load_aead_key(encryption).owner
        assert f"{gate}  as  {AUDIENCE}.mac" in printed
        assert f"{encryption}  as  {AUDIENCE}.aead" in printed
        assert 0o600 == gate.stat().st_mode & 0o777
    # For each: the settings, the public receipt key, the secrets.
    receipt_key = load_verify_key(host / "receipt.key.pub")
    assert f"compares its fingerprint, {receipt_key.fingerprint}, by another way" in printed
    for text in (blocks(printed)[1], blocks(printed)[4]):
        settings = parse_operator(shell.folder / "operator.toml", text)
        assert shell.folder / f"{AUDIENCE}.mac" == settings.target().gate
        assert (shell.folder / f"{AUDIENCE}-host.pub",) == settings.target().receipt_keys
    make_door(load_service_settings(host / "service.toml").chain())


def test_trust_by_an_openssh_line(shell: Shell, alice_pub: str) -> None:
    """The owner is the name in front of the file, or the line's comment."""
    public = load_verify_key(shell.folder / alice_pub).public_bytes
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + public
    line = f"ssh-ed25519 {base64.b64encode(blob).decode()} Bob B\n"
    (shell.folder / "id.pub").write_text(line)
    assert 3 == shell.run("init", AUDIENCE, "--trust", "id.pub", "--dir", "host").status
    shell.done("init", AUDIENCE, "--trust", "bob=id.pub", "--dir", "host")
    (trusted,) = load_service_settings(shell.folder / "host" / "service.toml").trusted
    assert "bob.pub" == trusted.name
    assert trusted.read_text().startswith("sealwire-verify-key-1 bob ")


def test_a_file_whose_name_has_an_equals_sign(shell: Shell, alice_pub: str) -> None:
    """A file that is there is a file."""
    (shell.folder / alice_pub).rename(shell.folder / "a=b")
    shell.done("init", AUDIENCE, "--trust", "a=b", "--dir", "host")


def test_two_keys_of_one_owner(shell: Shell, alice_pub: str) -> None:
    """Both are trusted, in files of their own; the same one twice is one."""
    shell.done("keys", "new", "--owner", "alice", "--out", "laptop.signing")
    trust = ["--trust", alice_pub, "--trust", "laptop.pub", "--trust", alice_pub]
    shell.done("init", AUDIENCE, *trust, "--dir", "host", "--chain", "network")
    settings = load_service_settings(shell.folder / "host" / "service.toml")
    assert (2, 1) == (len(settings.trusted), len(settings.gate))


def test_one_key_of_two_owners(shell: Shell, alice_pub: str) -> None:
    """Who signed would be anybody's guess."""
    line = (shell.folder / alice_pub).read_text()
    (shell.folder / "bob.pub").write_text(line.replace(" alice ", " bob "))
    ended = shell.run("init", AUDIENCE, "--trust", alice_pub, "--trust", "bob.pub", "--dir", "host")
    assert 3 == ended.status
    assert "alice's and bob's" in ended.error
    assert not (shell.folder / "host").exists()


def test_nothing_is_overwritten_by_mistake(shell: Shell, alice_pub: str) -> None:
    """Without --force nothing at all is written; with it secrets are kept all the same."""
    arguments = ["init", AUDIENCE, "--trust", alice_pub, "--dir", "host", "--chain", "network"]
    shell.done(*arguments)
    settings = shell.folder / "host" / "service.toml"
    gate = shell.folder / "host" / "gate" / "alice.mac"
    settings.write_text(settings.read_text() + "# mine\n")
    before = gate.read_bytes()
    ended = shell.run(*arguments)
    assert 3 == ended.status
    assert f"{settings} is there already, and nothing was written" == ended.error
    assert "--force" in ended.hint
    assert "# mine" in settings.read_text()
    printed = shell.done(*arguments, "--force")
    assert "# mine" not in settings.read_text()
    assert before == gate.read_bytes()
    assert "kept  gate key shared with alice" in printed


def test_a_secret_of_somebody_else_is_not_taken_over(shell: Shell, alice_pub: str) -> None:
    """A key for another service under the same name is in the way, and told."""
    (shell.folder / "host" / "gate").mkdir(parents=True)
    shell.done(
        "keys", "new", "--owner", "alice", "--kind", "mac", "--audience", "orders@test",
        "--out", "host/gate/alice.mac",
    )  # fmt: skip
    ended = shell.run("init", AUDIENCE, "--trust", alice_pub, "--dir", "host", "--chain", "network")
    assert 3 == ended.status
    assert "holds a key of alice for orders@test" in ended.error
    assert not (shell.folder / "host" / "service.toml").exists()


def test_a_secret_key_cannot_be_trusted(shell: Shell, alice_pub: str) -> None:
    """Whoever names the wrong file is told which one is due."""
    ended = shell.run("init", AUDIENCE, "--trust", "alice.signing", "--dir", "host")
    assert 3 == ended.status
    assert "holds a signing key" in ended.error
    assert not (shell.folder / "host").exists()


def test_an_example_key_cannot_be_trusted(shell: Shell) -> None:
    """Everybody could change the logging."""
    example = Path(__file__).parents[2] / "keys-example" / "alice.pub"
    ended = shell.run("init", AUDIENCE, "--trust", example, "--dir", "host")
    assert 3 == ended.status
    assert "holds an example key" in ended.error


def test_both_parts_are_said_to_be_for_trying_out(shell: Shell) -> None:
    """And the last line is a command that works once the service runs."""
    printed = shell.done("init", AUDIENCE, "--both", "--owner", "alice", "--dir", "made")
    assert "both parts are on this machine, which is for trying out" in printed
    assert "sealwire keys new" in printed
    assert f"--config {shell.folder}/made/operator/operator.toml" in blocks(printed)[-1]
    assert "send this to" not in printed


def test_both_parts_beside_somebody_elses_key(shell: Shell, alice_pub: str) -> None:
    """Who else is trusted is told what they need."""
    printed = shell.done(
        "init", AUDIENCE, "--both", "--owner", "bob", "--trust", alice_pub, "--dir", "made"
    )
    assert "send this to alice" in printed
    assert "send this to bob" not in printed


def test_an_operator_gets_one_more_service(shell: Shell) -> None:
    """Name, key and targets stay; one service twice is refused, or replaced if asked."""
    shell.environ["SEALWIRE_CONFIG"] = str(shell.folder / "me" / "operator.toml")
    shell.done("init", "a@test", "--both", "--owner", "alice", "--dir", "a")
    key = (shell.folder / "me" / "alice.signing").read_bytes()
    printed = shell.done("init", "b@test", "--both", "--dir", "b")
    assert "kept  signing key of alice" in printed
    assert key == (shell.folder / "me" / "alice.signing").read_bytes()
    told = shell.done("config", "where")
    assert "a@test at unix:" in told
    assert "b@test at unix:" in told

    ended = shell.run("init", "b@test", "--both", "--dir", "c")
    assert 3 == ended.status
    assert "has the target b@test already" in ended.error
    assert not (shell.folder / "c").exists()
    shell.done("init", "b@test", "--both", "--dir", "c", "--force")
    assert f"b@test at unix:{shell.folder}/c/run/log.sock" in shell.done("config", "where")
    ended = shell.run("init", "d@test", "--both", "--owner", "bob", "--dir", "d")
    assert "belongs to alice" in ended.error


def test_a_signing_key_without_settings_is_used_again(shell: Shell) -> None:
    """A secret is never replaced, with --force neither."""
    (shell.folder / "me").mkdir()
    shell.done("keys", "new", "--owner", "alice", "--out", "me/alice.signing")
    before = (shell.folder / "me" / "alice.signing").read_bytes()
    config = ["--config", "me/operator.toml"]
    shell.done("init", AUDIENCE, "--both", "--owner", "alice", "--dir", "x", *config, "--force")
    assert before == (shell.folder / "me" / "alice.signing").read_bytes()


def test_without_owner_the_operator_is_this_user(shell: Shell) -> None:
    """The user's name if it can be one, else a name that can."""
    for user, issuer in (("Carol", "carol"), ("a b", "operator")):
        shell.environ |= {"LOGNAME": user}
        shell.done("init", AUDIENCE, "--both", "--dir", f"by-{issuer}")
        part = shell.folder / f"by-{issuer}" / "operator"
        assert (part / f"{issuer}.signing").exists()


def test_a_path_too_long_for_a_socket(shell: Shell, alice_pub: str) -> None:
    """Told before anything is made, with what to do."""
    ended = shell.run("init", AUDIENCE, "--trust", alice_pub, "--dir", "x" * 100)
    assert 3 == ended.status
    assert "103 bytes" in ended.error
    assert not (shell.folder / ("x" * 100)).exists()


def test_a_folder_that_cannot_be_made(shell: Shell, alice_pub: str) -> None:
    """A file in its place is named."""
    ended = shell.run("init", AUDIENCE, "--trust", alice_pub, "--dir", alice_pub)
    assert 3 == ended.status
    assert "alice.pub" in ended.error
    assert "--dir" in ended.hint


def test_where_things_go_by_default(tmp_path: Path) -> None:
    """Everything in one folder if it was named; else the system's places, or this user's."""
    settings = tmp_path / "service.toml"
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}

    def address(*, alone: bool, root: bool, environ: dict[str, str]) -> str:
        places = places_for("a/b@x", settings, environ, alone=alone, root=root, address=None)
        return places.address

    assert f"unix:{tmp_path}/run/log.sock" == address(alone=True, root=True, environ=runtime)
    assert f"unix:{tmp_path}/run/log.sock" == address(alone=False, root=False, environ={})
    assert f"unix:{tmp_path}/run/log.sock" == address(
        alone=False, root=False, environ={"XDG_RUNTIME_DIR": "relative"}
    )
    assert f"unix:{tmp_path}/sealwire/a+b@x/log.sock" == address(
        alone=False, root=False, environ=runtime
    )
    root = places_for("a/b@x", settings, {}, alone=False, root=True, address="unix:/x")
    assert ("unix:/x", Path("/var/log/sealwire/a+b@x")) == (root.address, root.logs)
    assert Path("/var/lib/sealwire/a+b@x/trail") == root.trail
