"""``sealwire trail follow``, ``report`` and ``who-can``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.keyfiles import load_signing_key
from sealwire.trail.events import Accepted, Applied, Stopped
from sealwire.trail.seen import Changes, Who
from sealwire.trail.segments import TrailWriter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

    from sealwire.trail.events import Event

NOW_MS = 1_800_000_000_000

POLICY = """\
[roles.on-call]
issuers = ["alice", "carol"]
verbs = ["lease", "status"]
loggers = ["payments.*"]
max_lease = "30m"

[roles.config]
issuers = ["bob"]
threshold = { apply = 2 }
"""


@pytest.fixture
def made(shell: Shell, trail_events: tuple[Event, ...]) -> Path:
    """Make a key pair and a trail with every kind of event in small segments, signed."""
    shell.done("keys", "new", "--owner", "host")
    key = load_signing_key(shell.folder / "host.signing")
    folder = shell.folder / "trail"
    with TrailWriter.create(folder, "payments@prod", NOW_MS, max_segment_bytes=900) as trail:
        for number, event in enumerate(trail_events):
            trail.append(event, NOW_MS + number * 1000)
        (shell.folder / "held.checkpoint").write_bytes(trail.checkpoint(key).encode())
    return folder


def test_a_report_for_people(shell: Shell, made: Path) -> None:
    """Scope and verification first; every change with what was before and after; limits last."""
    printed = shell.done(
        "trail", "report", made, "--key", "host.pub", "--anchor", "held.checkpoint"
    )
    lines = printed.splitlines()
    assert "# Changes of logging" == lines[0]
    assert "- verified: **good**, 22 records in order" in lines
    assert "- checkpoints held elsewhere: for 22 records" in lines
    titles = [line for line in lines if line.startswith("## ")]
    assert ["## Records by kind", "## Gaps", "## Changes", "## Refusals"] == titles[:4]
    assert "## What this does not show" == titles[-1]
    assert "| logger payments.db | level | INFO | DEBUG |" in lines
    assert "| logger payments.db | propagate | yes | no |" in lines
    assert "| logger zahlungen.größe | itself | is not there | is there |" in lines
    assert "and 3 more, which the record does not list" in lines
    assert any(line.startswith("| 2027-01-15T08:00:13.000Z | 14 | drifted |") for line in lines)
    (key,) = [line for line in lines if "| config key " in line]
    assert key.endswith(" of alice | active | compromised |")
    (ring,) = [line for line in lines if "| keyring payments, signed by root, other |" in line]
    assert "| version 7, " in ring


def test_a_keyring_has_records_of_its_own_for_its_outcome(shell: Shell, made: Path) -> None:
    """It is not said that none is recorded; of a change without one it is."""
    who = Who("root", "a1" * 32, "keyring")
    with TrailWriter(made) as trail:
        for number, verb in ((14, "keyring"), (15, "apply")):
            request, moment = f"{number:02x}" * 16, NOW_MS + 30_000
            asked = Accepted(request, "d1" * 32, who, "", verb, "keys", number, moment, moment)
            trail.append(asked, moment)
    printed = shell.done("trail", "report", made)
    keyring, apply = (
        printed.partition(f"### {verb} {number}")[2]
        for verb, number in (("keyring", "0e" * 16), ("apply", "0f" * 16))
    )
    assert (
        "- outcome: what came into force is listed under: Keys, policy and versions"
        in (keyring.partition("###")[0])
    )
    assert "- outcome: no outcome is recorded in this time" in apply


def test_what_records_less_is_listed(shell: Shell, made: Path) -> None:
    """With its request and its places, beside the change itself."""
    who = Who("alice", "a1" * 32, "ed25519")
    with TrailWriter(made) as trail:
        less = Applied("0d" * 16, who, "", "d1" * 32, None, Changes((), (), 0), ("root.level",))
        trail.append(less, NOW_MS)
    lines = shell.done("trail", "report", made).splitlines()
    assert "- **records less**: root.level" in lines
    assert f"| {'0d' * 16} | alice (ed25519 {'a1' * 8}) | root.level |" in lines


def test_text_of_somebody_cannot_shape_the_report(shell: Shell, made: Path) -> None:
    """A reason that looks like Markdown, or drives a terminal, is shown as it is."""
    with TrailWriter(made) as trail:
        trail.append(Stopped("# no\x1b[2J", "<b>|`"), NOW_MS)
    printed = shell.run("trail", "report", made).stdout
    assert "\x1b" not in printed
    assert "<b>" not in printed


def test_a_report_of_a_time_as_json(shell: Shell, made: Path) -> None:
    """One object; what is before and after the time is not in it."""
    told = json.loads(
        shell.done(
            *("trail", "report", made, "--json"),
            *("--since", "2027-01-15T08:00:03Z", "--until", "2027-01-15T08:00:05Z"),
        )
    )
    assert {"refused": 2} == told["population"]
    assert ("good", 22) == (told["verification"]["outcome"], told["verification"]["records"])
    assert "" == told["unread"]
    assert [] == told["changes"]


def test_a_report_of_a_bad_trail_says_so_first(shell: Shell, made: Path) -> None:
    """With the status of verifying it; what can be read is reported all the same."""
    path = sorted(made.glob("*.jsonl"))[1]
    path.write_bytes(path.read_bytes().replace(b'"owner":"alice"', b'"owner":"mallo"'))
    ended = shell.run("trail", "report", made, "--key", "host.pub")
    assert 1 == ended.status
    assert "- verified: **tampered**" in ended.stdout
    assert "trail verify" in ended.hint
    assert 3 == shell.run("trail", "report", "nowhere").status


def test_records_as_they_come(shell: Shell, made: Path) -> None:
    """Those that are there if asked for, and those that are written meanwhile, over segments."""
    whole = shell.done("trail", "follow", made, "--from", "18", "--for", "1s")
    assert ["18", "19", "20", "21"] == [line.split()[0] for line in whole.splitlines()]
    following = subprocess.Popen(
        [sys.executable, "-m", "sealwire", "trail", "follow", str(made), "--json", "--for", "3s"],
        stdout=subprocess.PIPE,
        cwd=shell.folder,
    )
    assert following.stdout is not None
    with TrailWriter(made, max_segment_bytes=900) as trail:
        # As many as needed, because it is not known when it began to look.
        numbers: list[int] = []
        while not numbers:
            trail.append(Stopped("host/1", "asked"), NOW_MS)
            if following.poll() is not None:
                numbers = [json.loads(line)["seq"] for line in following.stdout]
                break
            try:
                following.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    following.stdout.close()
    assert 0 == following.returncode
    assert numbers
    assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers
    assert numbers[0] >= 21
    assert 3 == shell.run("trail", "follow", "nowhere").status


def test_who_can_do_what(shell: Shell) -> None:
    """By the keys that are trusted and the roles that name their owners."""
    for owner in ("alice", "bob", "dave"):
        shell.done("keys", "new", "--owner", owner)
    trust = [word for owner in ("alice", "bob", "dave") for word in ("--trust", f"{owner}.pub")]
    shell.done("init", "payments@prod", *trust, "--dir", "host")
    (shell.folder / "host" / "policy.toml").write_text(POLICY, encoding="utf-8")
    settings = shell.folder / "host" / "service.toml"
    text = settings.read_text(encoding="utf-8")
    begin = text.index("directories")
    end = text.index("\n", begin)
    settings.write_text(text[:begin] + 'file = "policy.toml"' + text[end:], encoding="utf-8")
    told = json.loads(shell.done("trail", "who-can", settings, "--json"))
    who = {each["owner"]: each for each in told["who"]}
    assert ["alice", "bob", "dave", "carol"] == list(who)
    assert ("on-call", 1) == (who["alice"]["role"], len(who["alice"]["keys"]))
    said = [each["text"] for each in who["alice"]["may"]]
    assert {"may lease, status", "for loggers: payments.*", "leases for 30m at most"} <= set(said)
    assert "policy.toml:3" in [each["source"] for each in who["alice"]["may"]]
    assert any("signatures of 2 owners" in each["text"] for each in who["bob"]["may"])
    assert ["may do nothing: no role is theirs"] == [each["text"] for each in who["dave"]["may"]]
    assert "has no key" in who["carol"]["may"][0]["text"]
    printed = shell.done("trail", "who-can", settings)
    assert "alice  on-call" in printed
    (shell.folder / "host" / "trusted" / "bob.pub").unlink()
    assert "not read: " in shell.done("trail", "who-can", settings)


def test_who_can_by_a_policy_alone(shell: Shell) -> None:
    """No keys are known; a lock is said first, and who has the role of everybody."""
    policy = shell.folder / "policy.toml"
    policy.write_text("lock = true\n", encoding="utf-8")
    printed = shell.done("trail", "who-can", policy)
    assert printed.startswith("lock: every change is refused")
    assert "everybody else with a trusted key  everybody" in printed
