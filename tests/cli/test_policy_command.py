"""``sealwire policy``: a file to begin with, a policy in words, a configuration tried on one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.policy_words import explain_policy
from sealwire.settings import STARTING_POLICY, parse_policy

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "policy-web-service.toml"

POLICY = """\
[allow]
directories = ["/nowhere/logs"]

[floors.loggers.audit]
level = "INFO"
handlers = ["audit"]

[roles.on-call]
issuers = ["alice"]
loggers = ["audit", "app.*"]
require_why = { apply = ["CHG-"] }
threshold = { apply = 2 }
"""

FLOOR = "floor audit and what is beneath it: records from INFO on reach audit"
QUIET = b'{"version": 1, "incremental": true, "loggers": {"audit": {"level": "ERROR"}}}'
LOUD = b'{"version": 1, "incremental": true, "loggers": {"audit": {"level": "DEBUG"}}}'
INI = b"[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n"


@pytest.fixture
def policy(shell: Shell) -> Path:
    """Give the policy above, as a file."""
    path = shell.folder / "policy.toml"
    path.write_text(POLICY)
    path.chmod(0o644)
    return path


# ---- init -------------------------------------------------------------------------------------


def test_a_policy_to_begin_with_is_written(shell: Shell) -> None:
    """Once; a file that is there stays, unless it is to be replaced."""
    made = shell.run("policy", "init", "policy.toml")
    assert (0, "made  policy  policy.toml\n") == (made.status, made.stdout)
    assert 'file = "policy.toml"' in made.hint
    assert STARTING_POLICY == (shell.folder / "policy.toml").read_text()
    again = shell.run("policy", "init", "policy.toml")
    assert 3 == again.status
    assert "policy.toml is there already" in again.error
    shell.done("policy", "init", "policy.toml", "--force")


def test_what_was_written_can_be_used(shell: Shell) -> None:
    """Explained, and as the policy of a check."""
    shell.done("policy", "init", "policy.toml")
    assert "role everybody" in shell.done("policy", "explain", "policy.toml")
    assert "allowed\n" == shell.done("policy", "check", "policy.toml", "-", given=QUIET)


# ---- explain ----------------------------------------------------------------------------------


def test_a_policy_is_explained_with_its_lines(shell: Shell, policy: Path) -> None:
    """What is written and what is the default."""
    lines = shell.done("policy", "explain", policy).splitlines()
    told = [" ".join(line.split()) for line in lines]
    for line in (
        "allow files beneath: /nowhere/logs (policy.toml:2)",
        "allow ext://: sys.stderr, sys.stdout (policy.toml [allow], which does not say externals)",
        f"{FLOOR}; propagate stays as it is (policy.toml:4)",
        "floor handler audit has level INFO at most; the rest stays as it is (policy.toml:6)",
        "lease for 4h at most",
        "role on-call is that of alice (policy.toml:9)",
        "role on-call apply with a reason that begins with CHG- (policy.toml:11)",
        "role on-call apply with the signatures of 2 owners (policy.toml:12)",
    ):
        assert line in told


def test_no_name_in_a_policy_drives_the_terminal(shell: Shell, policy: Path) -> None:
    """Of a role, a logger, a handler, a prefix: a file may come from somebody else."""
    odd = r"\u001b[2J\u202e\nfake"
    policy.write_text(
        f"""
[floors.loggers."{odd}"]
level = "INFO"
handlers = ["{odd}"]
[floors.handlers."{odd}x"]
format = "{odd}"
[roles."{odd}"]
issuers = ["alice"]
loggers = ["*", "root"]
require_why = {{ lease = ["{odd}"] }}
"""
    )
    told = shell.done("policy", "explain", policy)
    assert all(each.isprintable() for each in told.splitlines())
    assert not any(line.startswith("fake") for line in told.splitlines())
    assert 6 <= told.count(r"\x1b[2J\u202e\nfake")


def test_a_policy_is_explained_for_programs(shell: Shell, policy: Path) -> None:
    """One object, with the same lines."""
    told = json.loads(shell.done("policy", "explain", policy, "--json"))
    assert str(policy) == told["policy"]
    lines = [list(line) for line in explain_policy(parse_policy(policy, POLICY))]
    assert lines == [[line["part"], line["text"], line["source"]] for line in told["says"]]


def test_everything_that_can_be_said_can_be_explained() -> None:
    """Nothing is left out because it is rare."""
    text = """
lock = true
[allow]
destinations = [["h", 514]]
factories = ["app.make"]
attributes = ["app.make.tag"]
[lease]
longest = "90s"
[floors.loggers.root]
level = 35
handlers = ["h"]
propagate = true
[floors.handlers.h]
class = "x.H"
target = "/x"
format = "%(message)s"
[floors.handlers.i]
[ceilings]
"a.*" = "INFO"
[roles.r]
issuers = ["*"]
levels = ["DEBUG", 5]
loggers = ["a"]
direction = "both"
through = ["*"]
max_lease = "2d"
require_why = { revert = [], status = ["A", "B"] }
[roles.s]
issuers = ["bob"]
verbs = ["status"]
"""
    told = "\n".join(line.text for line in explain_policy(parse_policy(Path("/p.toml"), text)))
    for words in (
        "every change is refused",
        "records sent to: h:514",
        "factories, with any arguments: app.make",
        "attributes set: app.make.tag",
        "for 90s at most",
        "root and what is beneath it: records from 35 on reach h; propagate is true",
        "handler h is x.H, writes to /x, has level 35 at most, formats with '%(message)s'; the",
        "handler i stays as it is",
        "a.* is never below INFO",
        "is that of everybody else",
        "to levels: 5, DEBUG",
        "leases both ways",
        "leases lower: any handler",
        "leases for 2d at most",
        "revert with a reason\n",
        "status with a reason that begins with A or B",
        "may status",
    ):
        assert words in told
    assert "leases louder" not in told


def test_a_policy_with_a_mistake_is_not_explained(shell: Shell, policy: Path) -> None:
    """The line and what was meant are said."""
    policy.write_text(POLICY.replace("handlers =", "handler ="))
    for command in (["explain", policy], ["check", policy, "-"]):
        ended = shell.run("policy", *command, given=LOUD)
        assert 3 == ended.status
        assert f"{policy}:6: floors.loggers.audit.handler is not known here" in ended.stderr


# ---- check ------------------------------------------------------------------------------------


def test_what_is_allowed_is_told(shell: Shell, policy: Path) -> None:
    """With what only a sealed message could show."""
    assert (
        "allowed\nnote     no role was judged; name somebody with --as\n"
        == shell.done("policy", "check", policy, "-", given=LOUD)
    )  # fmt: skip
    told = shell.done("policy", "check", policy, "-", "--as", "alice", given=LOUD).splitlines()
    assert "allowed" == told[0]
    assert told[1].startswith("note     role-why: why: apply needs a reason that begins with CHG-")
    assert told[1].endswith("(policy.toml:11)")
    assert told[2].startswith("note     threshold: verb: apply needs the signatures of 2 owners")
    assert 3 == len(told)


def test_what_is_refused_is_told_with_its_line(shell: Shell, policy: Path) -> None:
    """All of it, on standard output; the exit status says so as well."""
    (shell.folder / "quiet.json").write_bytes(QUIET)
    ended = shell.run("policy", "check", policy, "quiet.json", "--as", "alice")
    assert 1 == ended.status
    assert ended.stdout.startswith(
        "refused  floor-level: loggers.audit.level: the level in force would be 40; 20 is the "
        "highest allowed (policy.toml:5)\n"
    )
    assert f"quiet.json would be refused by {policy}" == ended.error
    assert ended.hint.endswith(f"sealwire policy explain {policy}")


def test_a_role_is_judged_where_somebody_is_named(shell: Shell, policy: Path) -> None:
    """Who has none may do nothing; who has one is held to it."""
    ended = shell.run("policy", "check", policy, "-", "--as", "mallory", given=LOUD)
    assert ended.stdout.startswith("refused  no-role: verb: mallory has no role here")
    ended = shell.run("policy", "check", policy, "-", "--as", "alice", given=INI)
    assert 1 == ended.status
    assert "refused  role-loggers: root: 'root' is none of the loggers" in ended.stdout


def test_a_check_for_programs(shell: Shell, policy: Path) -> None:
    """The same as one object, with the same exit status."""
    ended = shell.run("policy", "check", policy, "-", "--json", given=QUIET)
    assert 1 == ended.status
    told = json.loads(ended.stdout)
    assert not told["allowed"]
    assert ["floor-level"] == [each["rule"] for each in told["objections"]]
    assert "policy.toml:5" == told["objections"][0]["source"]
    told = json.loads(shell.done("policy", "check", policy, "-", "--json", given=LOUD))
    assert told["allowed"]


def test_what_is_no_configuration_is_told(shell: Shell, policy: Path) -> None:
    """As sending it would."""
    ended = shell.run("policy", "check", policy, "-", given=b'{"version": 2}')
    assert 1 == ended.status
    assert "refused: document-invalid: version: is 2" in ended.stderr
    assert 3 == shell.run("policy", "check", policy, "missing.json").status


SERVICE = """\
audience = "shop@test"
address = "unix:/run/shop.sock"
chain = "local"
[keys]
trusted = ["alice.pub"]
[policy]
"""


def test_the_settings_of_a_service_have_a_policy(shell: Shell, policy: Path) -> None:
    """The one they name, or their own lists; hints speak of either."""
    settings = shell.folder / "service.toml"
    settings.write_text(f'{SERVICE}file = "policy.toml"\n')
    settings.chmod(0o644)
    ended = shell.run("policy", "check", settings, "-", given=QUIET)
    assert "(policy.toml:5)" in ended.stdout
    settings.write_text(f"{SERVICE}max_loggers = 0\n")
    ended = shell.run("policy", "check", settings, "-", given=QUIET)
    assert (
        "refused  count: loggers: 1 of them, over the limit of 0 (service.toml:7)\n" == ended.stdout
    )
    assert "0 loggers at most" in shell.done("policy", "explain", settings)


# ---- the example ------------------------------------------------------------------------------

EXAMPLES: dict[str, tuple[str, dict[str, object], str]] = {
    "on-call-config": ("alice", {"incremental": True}, "role-verbs"),
    "audit-quiet": ("carol", {"incremental": True, "loggers": {"shop.audit": {"level": "ERROR"}}},
                    "floor-level"),
    "audit-detached": ("carol", {"loggers": {"shop.audit": {"level": "INFO"}}}, "floor-reach"),
    "audit-file": ("carol", {"handlers": {"x": {"class": "logging.FileHandler",
                                                "filename": "/var/log/shop/audit.log.1"}}},
                   "floor-file"),
    "all-disabled": ("carol", {"disable_existing_loggers": True}, "floor-disabled"),
    "errors-quiet": ("carol", {"incremental": True, "root": {"level": "CRITICAL"}}, "floor-level"),
    "root-loud": ("carol", {"incremental": True, "root": {"level": "DEBUG"}}, "ceiling"),
    "cards": ("carol", {"incremental": True, "loggers": {"shop.cards": {"level": "INFO"}}},
              "ceiling"),
    "another-file": ("carol", {"handlers": {"x": {"class": "logging.FileHandler",
                                                  "filename": "/var/log/x"}}}, "file-path"),
    "stranger": ("mallory", {"incremental": True}, "no-role"),
}  # fmt: skip


@pytest.fixture
def example(shell: Shell) -> Path:
    """Give the example where only its owner may write it, as it would be used."""
    path = shell.folder / "example.toml"
    shutil.copyfile(EXAMPLE, path)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(("who", "document", "rule"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_example_refuses(
    shell: Shell, example: Path, who: str, document: dict[str, object], rule: str
) -> None:
    """What its comments promise."""
    given = json.dumps({"version": 1, **document}).encode()
    ended = shell.run("policy", "check", example, "-", "--as", who, "--json", given=given)
    assert 1 == ended.status
    assert rule in [each["rule"] for each in json.loads(ended.stdout)["objections"]]


def test_the_example_allows_what_the_platform_needs(shell: Shell, example: Path) -> None:
    """A whole configuration with the audit log as it has to be."""
    document = {
        "version": 1,
        "formatters": {"audit": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
        "handlers": {
            "audit": {
                "class": "logging.handlers.WatchedFileHandler",
                "filename": "/var/log/shop/audit.log",
                "encoding": "utf-8",
                "formatter": "audit",
            },
            "app": {"class": "logging.FileHandler", "filename": "/var/log/shop/app.log"},
        },
        "loggers": {
            "shop.audit": {"level": "INFO", "handlers": ["audit"]},
            "shop.orders": {"level": "DEBUG", "handlers": ["app"]},
        },
    }
    given = json.dumps(document).encode()
    told = shell.done("policy", "check", example, "-", "--as", "carol", given=given)
    assert told.startswith("allowed\nnote     role-why")
