"""``sealwire keys`` of a team's keyring: made, changed and looked at, as people type it.

The commands run in this process, because there are hundreds of them; `Shell` starts its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import Ended, Shell

from sealwire.cli.app import run
from sealwire.keyfiles import load_key
from sealwire.keyring import Role, State, peek_keyring, read_history

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "payments@prod"


@dataclass(slots=True)
class Here(Shell):
    """Somebody at a terminal, whose commands run in this process."""

    raw: bytes = b""

    def run(self, *arguments: object, given: bytes = b"") -> Ended:
        """Run ``sealwire`` with these arguments to its end."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.chdir(self.folder)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(given.decode()))
            status = run([*map(str, arguments)])
        for each in (out, err):
            each.flush()
        self.raw = out.buffer.getvalue()
        said = err.buffer.getvalue().decode()
        return Ended(status, self.raw.decode(errors="replace"), said)


@pytest.fixture
def shell() -> Iterator[Here]:
    """Give somebody with an empty home."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    yield Here(folder, {"HOME": str(folder)})
    shutil.rmtree(folder)


@pytest.fixture
def place(shell: Here) -> Path:
    """Give the folder of the operator's settings, where a keyring lies by default."""
    folder = shell.folder / "op"
    shell.environ["SEALWIRE_CONFIG"] = str(folder / "operator.toml")
    return folder


@pytest.fixture
def team(shell: Here, place: Path) -> Path:
    """Make a keyring with alice, who configures with a network key, and bob, who is on call."""
    shell.done("keys", "init", "team", "--root-owner", "root")
    for name in ("alice", "bob"):
        shell.done("keys", "new", "--owner", name)
    network = ("--audience", AUDIENCE, "--network")
    shell.done("keys", "enroll", "alice", "--role", "config", "--key", "alice.pub", *network)
    shell.done("keys", "enroll", "bob", "--role", "lease", "--key", "bob.pub")
    return place


def listed(shell: Here) -> dict[str, Any]:
    """Give what ``keys list --json`` says."""
    found: dict[str, Any] = json.loads(shell.done("keys", "list", "--json"))
    return found


def key_of(shell: Here, owner: str, role: str) -> dict[str, Any]:
    """Give the one key that an owner has with a role."""
    keys: list[dict[str, Any]] = listed(shell)["keys"]
    (key,) = [key for key in keys if (key["owner"], key["role"]) == (owner, role)]
    return key


def mode(path: Path) -> int:
    """Give a file's permission bits."""
    return path.stat().st_mode & 0o777


# ---- init, enroll, list ------------------------------------------------------------------------


def test_a_keyring_is_made(shell: Here, place: Path) -> None:
    """A public history, its first version alone, and a root key for its owner alone."""
    printed = shell.done("keys", "init", "team", "--root-owner", "root", "--lifetime", "90d")
    history, first, root = (
        place / name for name in ("team.keyring", "team-1.keyring", "root-root.signing")
    )
    assert (0o644, 0o644, 0o600, 0o700) == tuple(map(mode, (history, first, root, place)))
    assert history.read_bytes() == first.read_bytes()
    keyring = peek_keyring(first.read_bytes())
    assert ("team", 1, 90 * 86_400) == (
        keyring.name,
        keyring.version,
        keyring.expires - keyring.issued,
    )
    assert load_key(root).thumbprint == keyring.roots()[0].thumbprint
    assert str(first) in printed


def test_a_keyring_is_not_made_over_another(shell: Here, team: Path) -> None:
    """Nothing is replaced; there is no --force."""
    before = (team / "team.keyring").read_bytes()
    ended = shell.run("keys", "init", "team", "--root-owner", "root")
    assert 3 == ended.status
    assert "is there already, and nothing was written" in ended.error
    assert "sealwire keys list" in ended.hint
    assert "--force" not in ended.hint
    assert before == (team / "team.keyring").read_bytes()


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (("init", "No Name"), 2, "is no name"),
        (("init", "t", "--threshold", "2"), 3, "2 root signatures are asked for"),
        (("list",), 3, "no keyring is in"),
        (("list", "--ring", "nowhere"), 3, "nowhere is not there"),
    ],
)
def test_where_there_is_none(
    shell: Here, place: Path, words: tuple[str, ...], status: int, error: str
) -> None:
    """The refusal says what is wrong, and nothing is written."""
    ended = shell.run("keys", *words)
    assert status == ended.status
    assert error in ended.error
    assert not list(place.glob("*"))


def test_people_are_let_in(shell: Here, team: Path) -> None:
    """Public keys stand in the keyring; secrets are files, for their owner and for hosts."""
    keys = {(key["owner"], key["role"]): key for key in listed(shell)["keys"]}
    roles = {("root", "root"), ("alice", "config"), ("bob", "lease")}
    assert keys.keys() == roles | {("alice", "gate"), ("alice", "encrypt")}
    assert all(key["state"] == "active" and key["primary"] for key in keys.values())
    assert [AUDIENCE] == keys["alice", "config"]["audiences"]
    assert [] == keys["bob", "lease"]["audiences"]
    secrets = sorted((team / "secrets" / AUDIENCE).iterdir())
    assert ["alice.aead", "alice.mac"] == [path.name for path in secrets]
    assert {0o600} == {mode(path) for path in secrets}


def test_who_gets_which_file_is_said_and_no_secret(shell: Here, place: Path) -> None:
    """What the person has to do, and what hosts need."""
    shell.done("keys", "init", "team", "--root-owner", "root")
    shell.done("keys", "new", "--owner", "alice")
    ended = shell.run(
        *("keys", "enroll", "alice", "--role", "lease", "--key", "alice.pub"),
        *("--audience", AUDIENCE, "--audience", "billing@prod", "--network"),
    )
    secrets = sorted((place / "secrets").rglob("alice.*"))
    assert 4 == len(secrets)
    for path in secrets:
        assert str(path) in ended.stdout
        assert path.read_text().split()[-1] not in ended.stdout + ended.stderr
    assert "keyring.secrets of every host" in ended.stdout
    assert "sealwire keys push" in ended.hint


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (("enroll", "alice", "--role", "lease", "--key", "alice.pub"), 3, "is in the keyring"),
        (("enroll", "carol", "--role", "lease", "--key", "alice.pub"), 3, "says owner alice"),
        (("enroll", "bob", "--role", "lease", "--key", "bob.pub", "--network"), 2, "one service"),
        (("enroll", "bob", "--role", "gate", "--key", "bob.pub"), 2, "is not one of"),
        (("leave", "carol"), 3, "carol has no key in service"),
        (("leave", "root"), 3, "root signatures are asked for"),
        (("revoke", "00" * 8), 2, "is not said whether"),
        (("revoke", "00" * 8, "--left"), 3, "no key '0000000000000000' is in the keyring"),
        (("suspend", "00" * 8, "--for", "73h"), 3, "no key '0000000000000000'"),
        (("promote", "00" * 8), 3, "no key '0000000000000000'"),
        (("destroy", "00" * 8), 3, "no key '0000000000000000'"),
        (("rotate",), 2, "which key?"),
        (("rotate", "--owner", "carol", "--role", "lease"), 3, "carol has no lease key"),
        (("rehearse",), 2, "its file is needed"),
        (("push",), 3, "operator.toml is not there"),
        (("sign", "nowhere"), 3, "nowhere is not there"),
    ],
)
def test_what_cannot_be_done(
    shell: Here, team: Path, words: tuple[str, ...], status: int, error: str
) -> None:
    """The refusal says why, and the keyring stays as it is."""
    before = (team / "team.keyring").read_bytes()
    ended = shell.run("keys", *words)
    assert (status, True) == (ended.status, error in ended.error), ended.stderr
    assert before == (team / "team.keyring").read_bytes()


def test_the_list_is_a_table(shell: Here, team: Path) -> None:
    """Owner, role, id, state, primary, since, until, audiences."""
    lines = shell.done("keys", "list").splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("owner"))
    assert ["owner", "role", "id", "state", "primary", "since", "valid", "until", "audiences"] == (
        lines[head].split()
    )
    bob = next(line for line in lines if line.startswith("bob"))
    assert ["bob", "lease", "active", "primary", "all"] == [
        *bob.split()[:2],
        *bob.split()[3:5],
        bob.split()[-1],
    ]
    assert any(line.split() == ["keyring", "team", "3"] for line in lines)


def test_operators_are_told_that_a_service_wants_several_signatures(
    shell: Here, team: Path
) -> None:
    """The target that is printed for them says it, with a keyring as with a list of keys."""
    given = ("--keyring", team / "team.keyring", "--dir", "host", "--signatures", "several")
    printed = shell.done("init", AUDIENCE, *given)
    assert '    signatures = "several"' in printed.splitlines()


def test_a_person_in_the_place_of_a_key(shell: Here, team: Path) -> None:
    """At three in the morning: whoever names bob is told which keys of his there are."""
    (bob,) = (key for key in listed(shell)["keys"] if key["owner"] == "bob")
    ended = shell.run("keys", "suspend", "bob")
    assert 3 == ended.status
    assert f"name one of bob's keys by its id: {bob['id'][:16]} (lease, active)" == ended.hint
    assert "copy its id from: sealwire keys list" == shell.run("keys", "suspend", "carol").hint


def test_a_key_that_nobody_let_in_is_not_rehearsed(shell: Here, team: Path) -> None:
    """Its name is said as it is everywhere else, and how it gets in."""
    shell.done("keys", "new", "--owner", "alice", "--out", "alice-2.signing")
    key = load_key(shell.folder / "alice-2.signing")
    ended = shell.run("keys", "rehearse", "--key", "alice-2.signing")
    assert 3 == ended.status
    assert f"key {key.fingerprint} of alice-2.signing is not in the keyring team 3" == ended.error
    assert "sealwire keys rotate --owner alice" in ended.hint


def test_the_first_version_is_given_for_pinning(shell: Here, team: Path) -> None:
    """The very bytes that were signed."""
    shell.done("keys", "list", "--first")
    assert (team / "team-1.keyring").read_bytes() == shell.raw


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xd8\x62\x84\x40\xa0"])
def test_what_is_no_keyring_is_refused(shell: Here, team: Path, content: bytes) -> None:
    """And the file is named."""
    (team / "team.keyring").write_bytes(content)
    ended = shell.run("keys", "list")
    assert 3 == ended.status
    assert str(team / "team.keyring") in ended.error


def test_a_version_that_somebody_else_signed_is_refused(shell: Here, team: Path) -> None:
    """Whoever can write the file cannot let anybody in."""
    other = shell.folder / "other"
    other.mkdir()
    shell.done("keys", "init", "team", "--root-owner", "root", "--ring", "other/team.keyring")
    shell.done("keys", "renew", "--ring", "other/team.keyring")
    forged = read_history((other / "team.keyring").read_bytes())[1]
    mine = read_history((team / "team.keyring").read_bytes())[0]
    (team / "team.keyring").write_bytes(mine + forged)
    assert 3 == shell.run("keys", "list").status


@pytest.mark.parametrize("named", ["file", "id"])
def test_a_keyring_and_a_key_of_it_are_shown(shell: Here, team: Path, named: str) -> None:
    """By the file of the keyring, or by the id of a key."""
    if named == "file":
        assert "root signatures" in shell.done("keys", "show", team / "team.keyring")
        shown = json.loads(shell.done("keys", "show", team / "team.keyring", "--json"))
        assert ("team", 3) == (shown["name"], shown["version"])
        return
    bob = key_of(shell, "bob", "lease")
    assert "lease: it leases" in shell.done("keys", "show", bob["id"])
    assert bob == json.loads(shell.done("keys", "show", bob["thumbprint"], "--json"))


def test_several_keyrings_have_to_be_told_apart(shell: Here, team: Path) -> None:
    """By --ring; the first version of one is no other keyring."""
    shell.done("keys", "init", "other", "--root-owner", "eve")
    ended = shell.run("keys", "list")
    assert 3 == ended.status
    assert "several keyrings: other.keyring, team.keyring" in ended.error
    shell.done("keys", "list", "--ring", team / "team.keyring")


# ---- states ------------------------------------------------------------------------------------


def test_states_of_a_key(shell: Here, team: Path) -> None:
    """Suspended, back, revoked, destroyed; each is a version of its own, in words."""
    bob = key_of(shell, "bob", "lease")["id"]
    said = shell.done("keys", "suspend", bob, "--for", "24h", "--no-push")
    assert f"key {bob} of bob (lease) becomes suspended until" in said
    assert State.SUSPENDED.value == key_of(shell, "bob", "lease")["state"]
    shell.done("keys", "promote", bob)
    assert ("active", True) == tuple(
        key_of(shell, "bob", "lease")[at] for at in ("state", "primary")
    )
    assert 3 == shell.run("keys", "destroy", bob).status
    shell.done("keys", "revoke", bob, "--compromised", "--no-push")
    shell.done("keys", "destroy", bob)
    assert State.DESTROYED.value == key_of(shell, "bob", "lease")["state"]
    ended = shell.run("keys", "promote", bob)
    assert 3 == ended.status
    assert "was destroyed, and cannot become active" in ended.error


@pytest.mark.parametrize(
    ("more", "state"), [((), "deactivated"), (("--compromised",), "compromised")]
)
def test_who_leaves_takes_every_key_along(
    shell: Here, team: Path, more: tuple[str, ...], state: str
) -> None:
    """Whatever it was for; and its files are named."""
    said = shell.done("keys", "leave", "alice", "--no-push", *more)
    keys = [key for key in listed(shell)["keys"] if key["owner"] == "alice"]
    assert ({state}, 3) == ({key["state"] for key in keys}, len(keys))
    assert 2 == said.count("its file can be removed")


def test_leaving_without_a_service_to_tell(shell: Here, team: Path) -> None:
    """It is signed, and who has to be told is said."""
    ended = shell.run("keys", "leave", "bob")
    assert 5 == ended.status
    assert "it is signed, and no service was told" in ended.error
    assert "deactivated" == key_of(shell, "bob", "lease")["state"]


def test_a_keyring_is_renewed(shell: Here, team: Path) -> None:
    """It expires later, and that is said."""
    before = listed(shell)
    said = shell.done("keys", "renew", "--lifetime", "800d")
    assert "the keyring expires " in said
    assert listed(shell)["expires"] > before["expires"]


# ---- several roots -----------------------------------------------------------------------------


@pytest.fixture
def roots(shell: Here, place: Path) -> Path:
    """Make a keyring that two of three have to sign; here lies the key of one alone."""
    owners = [word for name in ("ann", "ben", "cat") for word in ("--root-owner", name)]
    shell.done("keys", "init", "team", *owners, "--threshold", "2")
    for name in ("ben", "cat"):
        (place / f"{name}-root.signing").rename(shell.folder / f"{name}.signing")
    shell.done("keys", "new", "--owner", "bob")
    return place


def enroll_bob(shell: Here) -> None:
    """Let bob in; one root key alone is at hand."""
    ended = shell.run("keys", "enroll", "bob", "--role", "lease", "--key", "bob.pub")
    assert 5 == ended.status
    assert "1 of 2 root keys" in ended.error


def test_two_have_to_sign(shell: Here, roots: Path) -> None:
    """One proposes; the other reads what it changes, and signs; then it is in force here."""
    enroll_bob(shell)
    proposed = roots / "team-2.proposed"
    assert 1 == listed(shell)["version"]
    blocked = shell.run("keys", "renew")
    assert (3, True) == (blocked.status, "waits for signatures" in blocked.error)
    asked = shell.run("keys", "sign", proposed, "--root", "ben.signing")
    assert (3, True) == (asked.status, "nobody can be asked" in asked.error)
    assert "of bob (lease) is new" in asked.stdout
    assert "has the signatures of: ann" in asked.stdout
    said = shell.done("keys", "sign", proposed, "--root", "ben.signing", "--yes")
    assert "signed by enough" in said
    assert (2, False) == (listed(shell)["version"], proposed.exists())


def test_a_signature_may_come_from_elsewhere(shell: Here, roots: Path) -> None:
    """Whoever has only a copy signs that, and gives the file back."""
    enroll_bob(shell)
    copy = shell.folder / "copy"
    copy.mkdir()
    for name in ("team.keyring", "team-2.proposed"):
        (copy / name).write_bytes((roots / name).read_bytes())
    (copy / "kept").write_bytes((copy / "team-2.proposed").read_bytes())
    shell.done(
        *("keys", "sign", "copy/team-2.proposed", "--root", "cat.signing", "--yes"),
        *("--ring", "copy/team.keyring"),
    )
    assert 2 == json.loads(shell.done("keys", "show", "copy/team.keyring", "--json"))["version"]
    assert 1 == listed(shell)["version"]


def test_the_same_root_does_not_sign_twice(shell: Here, roots: Path) -> None:
    """Nor does a stranger."""
    enroll_bob(shell)
    ended = shell.run("keys", "sign", roots / "team-2.proposed", "--yes")
    assert (3, True) == (ended.status, "no root key is at hand" in ended.error)
    stranger = shell.run(
        "keys", "sign", roots / "team-2.proposed", "--yes", "--root", "bob.signing"
    )
    assert (3, True) == (stranger.status, "no root key is at hand" in stranger.error)


def test_a_proposal_that_was_changed_is_not_signed(shell: Here, roots: Path) -> None:
    """Its first signature does not fit any more."""
    enroll_bob(shell)
    proposed = roots / "team-2.proposed"
    content = bytearray(proposed.read_bytes())
    at = content.index(b'"lease"')
    content[at : at + 7] = b'"gates"'
    proposed.write_bytes(bytes(content))
    ended = shell.run("keys", "sign", proposed, "--root", "ben.signing", "--yes")
    assert 1 == ended.status
    assert 1 == listed(shell)["version"]


def test_a_forged_proposal_is_not_signed(shell: Here, roots: Path) -> None:
    """What it says may be read, and who says so has to be one of the roots."""
    enroll_bob(shell)
    proposed = roots / "team-2.proposed"
    content = bytearray(proposed.read_bytes())
    content[-1] ^= 1
    proposed.write_bytes(bytes(content))
    ended = shell.run("keys", "sign", proposed, "--root", "ben.signing", "--yes")
    assert 1 == ended.status
    assert "does not verify: signature-invalid" in ended.error


def test_one_root_is_enough_to_suspend(shell: Here, roots: Path) -> None:
    """So that whoever is awake at night takes a key away until the others are there."""
    enroll_bob(shell)
    shell.done("keys", "sign", roots / "team-2.proposed", "--root", "ben.signing", "--yes")
    bob = key_of(shell, "bob", "lease")["id"]
    shell.done("keys", "suspend", bob, "--no-push")
    assert "suspended" == key_of(shell, "bob", "lease")["state"]
    ended = shell.run("keys", "suspend", bob, "--no-push", "--for", "100h")
    assert 3 == ended.status


def test_without_a_root_key_nothing_is_changed(shell: Here, roots: Path) -> None:
    """The refusal says whose keys could."""
    (roots / "ann-root.signing").rename(shell.folder / "ann.signing")
    ended = shell.run("keys", "renew")
    assert (3, True) == (ended.status, "no root key in force is at hand" in ended.error)
    assert "ann, ben, cat" in ended.error


# ---- looking -----------------------------------------------------------------------------------


def test_a_keyring_without_a_fault(shell: Here, team: Path) -> None:
    """Nothing to mend is status 0."""
    assert shell.done("keys", "check").startswith("ok")
    assert json.loads(shell.done("keys", "check", "--json"))["ok"]


def test_what_is_to_be_mended_is_found(shell: Here, team: Path) -> None:
    """Expiry, a person with two rights, permissions, a proposal, a private key of no use."""
    shell.done("keys", "new", "--owner", "root")
    shell.done("keys", "enroll", "root", "--role", "config", "--key", "root.pub")
    shell.done("keys", "renew", "--lifetime", "6d")
    shell.done("keys", "revoke", key_of(shell, "alice", "gate")["id"], "--left", "--no-push")
    (team / "secrets" / AUDIENCE / "alice.aead").chmod(0o644)
    # In a folder that is not even sticky nothing is read at all.
    team.chmod(0o1777)
    (team / "team-7.proposed").write_bytes(b"")
    version = listed(shell)["version"]
    (team / "team-7.proposed").rename(team / f"team-{version + 1}.proposed")
    ended = shell.run("keys", "check", "--json")
    assert 1 == ended.status
    found = json.loads(ended.stdout)
    assert not found["ok"]
    said = {(each["name"], each["text"]) for each in found["checks"] if each["mark"] != "ok"}
    for name, text in (
        ("expiry", "within 7 d"),
        ("roles", "root signs keyrings (root) and asks for changes (config)"),
        ("file", "has mode 0644"),
        ("file", "which is deactivated"),
        ("folder", "has mode 1777"),
        ("proposal", "waits for signatures"),
    ):
        assert any(name == each and text in words for each, words in said), (name, said)
    assert 1 == shell.run("keys", "check").status
    team.chmod(0o777)
    ended = shell.run("keys", "check")
    assert (3, f"run: chmod go-w {team}") == (ended.status, ended.hint)


def test_a_review_says_who_may_do_what(shell: Here, team: Path) -> None:
    """In Markdown and in JSON, with every change and what it cannot show."""
    text = shell.done("keys", "review")
    assert "# Who may do what: team 3" in text
    assert "| alice | config, encrypt, gate | payments@prod |" in text
    assert "- version 3, " in text
    told = json.loads(shell.done("keys", "review", "--json"))
    assert ["alice", "bob", "root"] == [right["owner"] for right in told["rights"]]
    assert [1, 2, 3] == [change["version"] for change in told["changes"]]
    assert ["root"] == told["changes"][2]["by"]
    assert 3 == len(told["limits"])
    assert {role.value for role in Role} >= {
        name for each in told["rights"] for name in each["roles"]
    }


# ---- services ----------------------------------------------------------------------------------


def test_a_service_begins_with_a_keyring(shell: Here, team: Path) -> None:
    """The first is pinned, the others are beside it; its secrets are brought."""
    printed = shell.done(
        *("init", AUDIENCE, "--keyring", team / "team.keyring"),
        *("--dir", "made", "--chain", "network"),
    )
    made = shell.folder / "made"
    assert (team / "team-1.keyring").read_bytes() == (made / "team-1.keyring").read_bytes()
    assert (team / "team.keyring").read_bytes() == (made / "team.keyring").read_bytes()
    assert 0o700 == mode(made / "secrets")
    assert 'pinned = "team-1.keyring"' in (made / "service.toml").read_text()
    assert "sealwire keys enroll" in printed
    ended = shell.run("doctor", "--service", made / "service.toml")
    assert "0 of 2 secrets held" in ended.stdout
    assert "the file of gate key" in ended.stdout
    for path in (team / "secrets" / AUDIENCE).iterdir():
        (made / "secrets" / path.name).write_bytes(path.read_bytes())
        (made / "secrets" / path.name).chmod(0o600)
    assert "2 of 2 secrets held" in shell.done("doctor", "--service", made / "service.toml")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (("--trust", "bob.pub"), "settles who is trusted"),
        (("--both",), "settles who is trusted"),
    ],
)
def test_a_keyring_and_listed_keys_exclude_each_other(
    shell: Here, team: Path, more: tuple[str, ...], error: str
) -> None:
    """One of the two settles who is trusted."""
    ended = shell.run("init", AUDIENCE, "--keyring", team / "team.keyring", *more)
    assert (2, True) == (ended.status, error in ended.error)


def test_a_keyring_file_without_a_keyring(shell: Here) -> None:
    """Says where versions come to, and not which."""
    ended = shell.run("init", AUDIENCE, "--trust", "x", "--keyring-file", "f")
    assert (2, True) == (ended.status, "--keyring-file" in ended.error)


def test_a_keyring_that_does_not_verify_begins_no_service(shell: Here, team: Path) -> None:
    """Nothing is written."""
    (team / "team.keyring").write_bytes(b"nonsense")
    ended = shell.run("init", AUDIENCE, "--keyring", team / "team.keyring", "--dir", "made")
    assert 3 == ended.status
    assert not (shell.folder / "made").exists()
