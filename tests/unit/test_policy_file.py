"""A policy's file: read strictly, refused with the line, and each part knows where it stands."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import Argument, FormatterState
from sealwire.errors import ConfigurationError
from sealwire.policy import (
    MAX_NEW_LOGGERS,
    Ceiling,
    Direction,
    FilePaths,
    Floors,
    HandlerFloor,
    LoggerFloor,
    Loggers,
    Policy,
    Role,
    default_rules,
)
from sealwire.policy.secretive import SECRETIVE
from sealwire.requests import Verb
from sealwire.settings import (
    STARTING_POLICY,
    PolicySettings,
    load_policy_file,
    load_service_settings,
    parse_policy,
    parse_service,
    render_service,
    write_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("/etc/sealwire/policy.toml")

TEXT = """\
lock = true

[allow]
directories = ["/var/log/app"]
extra_fields = ["request_id"]

[lease]
longest = "90s"
secretive = ["app.vault"]

[floors.loggers."app.audit"]
level = "INFO"
handlers = ["audit", "StreamHandler(stderr)"]
propagate = false

[floors.loggers.root]
level = 35
handlers = ["audit"]

[floors.handlers.audit]
class = "logging.FileHandler"
target = "/var/log/app/audit.log"
level = "INFO"
format = "{message}"
datefmt = "%Y"
style = "{"
formatter_class = "app.Formatter"
arguments = { encoding = "utf-8", n = 3, flag = true, list = ["a", 1] }

[ceilings]
root = "INFO"
"app.*" = 5

[roles.on-call]
issuers = ["alice", "bob@example.org"]
verbs = ["lease", "status"]
loggers = ["app", "app.*"]
levels = ["DEBUG", 5]
through = ["audit"]
max_lease = "30m"
direction = "both"
require_why = { lease = ["INC-"], apply = [] }
threshold = { apply = 2 }

[roles.rest]
issuers = ["*"]
through = ["*"]
"""

FORMATTER = FormatterState("app.Formatter", "{message}", "%Y", "{")
ARGUMENTS: dict[str, Argument] = {"encoding": "utf-8", "n": 3, "flag": True, "list": ("a", 1)}


def without_sources(policy: Policy) -> Policy:
    """Give a policy that does not know where it stands."""
    floors = policy.floors
    return replace(
        policy,
        sources={},
        floors=Floors(
            tuple(replace(each, sources={}) for each in floors.loggers),
            tuple(replace(each, sources={}) for each in floors.handlers),
        ),
        ceilings=tuple(replace(each, sources={}) for each in policy.ceilings),
        roles=tuple(replace(each, sources={}) for each in policy.roles),
        leases=replace(policy.leases, sources={}),
    )


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the ConfigurationError that ``step`` raises."""
    with pytest.raises(ConfigurationError) as caught:
        step()
    return str(caught.value)


# ---- reading -----------------------------------------------------------------------------------


def test_the_most_new_loggers_stand_at_the_top() -> None:
    """With the line, for the refusal; without one the default holds."""
    assert MAX_NEW_LOGGERS == parse_policy(FILE, "").policy.max_new_loggers
    policy = parse_policy(FILE, "lock = false\nmax_new_loggers = 0\n").policy
    assert 0 == policy.max_new_loggers
    assert policy.sources["max_new_loggers"].endswith(":2")
    with pytest.raises(ConfigurationError, match="max_new_loggers"):
        parse_policy(FILE, "max_new_loggers = -1\n")


def test_a_policy_is_read() -> None:
    """Everything that can be said."""
    read = parse_policy(FILE, TEXT)
    policy = without_sources(read.policy)
    assert PolicySettings(directories=("/var/log/app",), extra_fields=("request_id",)) == read.allow
    assert policy.lock
    assert 90 == policy.leases.max_s
    assert {**SECRETIVE, "app.vault": 20} == policy.leases.secretive
    assert (
        LoggerFloor("app.audit", 20, ("audit", "StreamHandler(stderr)"), propagate=False),
        LoggerFloor("", 35, ("audit",)),
    ) == policy.floors.loggers
    assert (
        HandlerFloor(
            "audit", "logging.FileHandler", "/var/log/app/audit.log", 20, FORMATTER, ARGUMENTS
        ),
    ) == policy.floors.handlers
    assert (Ceiling("root", 20), Ceiling("app.*", 5)) == policy.ceilings
    assert (
        Role(
            "on-call",
            frozenset({"alice", "bob@example.org"}),
            frozenset({Verb.LEASE, Verb.STATUS}),
            Loggers(("app", "app.*")),
            frozenset({10, 5}),
            frozenset({"audit"}),
            1800,
            Direction.BOTH,
            {Verb.LEASE: ("INC-",), Verb.APPLY: ()},
            {Verb.APPLY: 2},
        ),
        Role("rest", frozenset({"*"}), through=None),
    ) == policy.roles


@pytest.mark.parametrize("text", ["", STARTING_POLICY], ids=["empty", "starting"])
def test_what_says_nothing_is_the_default(text: str) -> None:
    """And so is what ``policy init`` writes."""
    policy = parse_policy(FILE, text).make_policy()
    assert [repr(rule).partition(" object")[0] for rule in default_rules()] == [
        repr(rule).partition(" object")[0] for rule in policy.rules
    ]
    assert replace(Policy(()), rules=policy.rules) == without_sources(policy)


def test_what_the_starting_policy_shows_can_be_said() -> None:
    """Without the marks of comments it is a policy as well."""
    lines = STARTING_POLICY.splitlines()
    shown = [line.removeprefix("# ") for line in lines if " = " in line or "[" in line[:4]]
    text = "\n".join(line for line in shown if line.count("said") == 0 and "NAME.*" not in line)
    policy = parse_policy(FILE, text).make_policy(resolve=False)
    assert ["app.audit"] == [floor.logger for floor in policy.floors.loggers]
    assert ["audit"] == [floor.key for floor in policy.floors.handlers]
    assert ["on-call", "config"] == [role.name for role in policy.roles]
    assert ["root"] == [ceiling.pattern for ceiling in policy.ceilings]


def line(text: str) -> str:
    """Give the place of a line of `TEXT`."""
    return f"policy.toml:{TEXT.splitlines().index(text) + 1}"


def test_every_part_knows_its_line() -> None:
    """So that a refusal can say it."""
    policy = parse_policy(FILE, TEXT).policy
    assert line("lock = true") == policy.sources["lock"]
    assert line('directories = ["/var/log/app"]') == policy.sources["file-path"]
    missing = "policy.toml [allow], which does not say handler_classes"
    assert missing == policy.sources["handler-class"]
    audit, root = policy.floors.loggers
    assert line('level = "INFO"') == audit.sources["level"]
    assert line('[floors.loggers."app.audit"]') == audit.sources[""]
    assert line("level = 35") == root.sources["level"]
    handler = policy.floors.handlers[0]
    assert line("[floors.handlers.audit]") == handler.sources[""]
    assert line('target = "/var/log/app/audit.log"') == handler.sources["target"]
    assert [line('root = "INFO"'), line('"app.*" = 5')] == [x.sources[""] for x in policy.ceilings]
    assert line('max_lease = "30m"') == policy.roles[0].sources["max_lease"]
    assert line('longest = "90s"') == policy.leases.sources["longest"]
    limits = parse_policy(FILE, "[allow]\nmax_handlers = 1\nmax_loggers = 2\n").policy.sources
    assert "policy.toml:2 and policy.toml:3" == limits["count"]


EXTRA = 'extra_fields = ["request_id"]'
WRONG = {
    "table": ("[lease]", "[leases]", 7, "leases is not known here; did you mean lease?"),
    "key": ('longest = "90s"', 'longst = "90s"', 8, "lease.longst is not known here; did you mean"),
    "allow": ("extra_fields", "extra_field", 5, "allow.extra_field is not known here"),
    "factory": (EXTRA, 'factories = ["os.system"]', 5, "allow.factories 'os.system' cannot be a"),
    "factories": (EXTRA, 'factories = ["app.*"]', 5, "'app.*' is no factory; write the whole"),
    "attribute": (EXTRA, 'attributes = ["a"]', 5, "'a' is no attribute of a class; write"),
    "floor": ("propagate", "propagat", 14, "propagat is not known here; did you mean propagate?"),
    "lock": ("lock = true", 'lock = "yes"', 1, "lock is neither true nor false"),
    "time": ('"90s"', '"1.5h"', 8, "lease.longest is not a length of time; write"),
    "time-number": ('"90s"', "90", 8, "lease.longest is not a length of time; write"),
    "level": ('level = "INFO"', 'level = "INFP"', 12, "is no level; did you mean INFO?"),
    "level-number": ("level = 35", "level = 1000001", 17, "is a level over 1000000"),
    "level-flag": ("level = 35", "level = true", 17, "is not a whole number of 0 or more"),
    "no-level": ("level = 35\n", "", 16, "floors.loggers.root.level is missing"),
    "handlers": ('handlers = ["audit"]', "handlers = []", 16, "a floor without handlers keeps"),
    "no-handlers": ('handlers = ["audit"]\n', "", 16, "root.handlers is missing"),
    "class": ('class = "logging.FileHandler"', 'class = "a b"', 21, "is not the dotted name"),
    "style": ('style = "{"', 'style = "?"', 26, "is none of % { $"),
    "no-format": ('format = "{message}"\n', "", 24, "datefmt says nothing without format"),
    "logger": ('"app.audit"]', '"app.*"]', 11, "'app.*' is not the name of one logger; write"),
    "no-logger": ('"app.audit"]', '""]', None, "is not a text"),
    "secretive": ('["app.vault"]', '["app.*"]', 9, "'app.*' is not the name of one logger; write"),
    "argument": ("n = 3", "n = 1.5", 28, "arguments.n is no text, number"),
    "arguments": ('["a", 1]', "[[]]", 28, "arguments.list is no text, number"),
    "pattern": ('"app.*" = 5', '"app*" = 5', 32, "names no loggers; write a logger's name"),
    "no-issuers": ('issuers = ["*"]\n', "", 45, "roles.rest.issuers is missing"),
    "issuers": ('issuers = ["*"]', "issuers = []", 45, "nobody has this role"),
    "issuer": ('["*"]\nthrough', '["A B"]\nthrough', 46, "'A B' is not a name"),
    "issuer-twice": ('["*"]\nthrough', '["alice"]\nthrough', None, "alice has two roles"),
    "verb": ('"status"]', '"statos"]', 36, "none of apply, plan, lease, revert, confirm, status; "),
    "verb-number": ('"status"]', "1]", 36, "holds 1, which is none of"),
    "loggers": ('["app", "app.*"]', '["app", "*.app"]', 37, "names no loggers"),
    "direction": ('"both"', '"quieter"', 41, 'is neither "louder" nor "both"'),
    "direction-loggers": ('loggers = ["app", "app.*"]\n', "", 34, 'direction = "both" lets leases'),
    "why-verb": ("{ lease =", "{ leese =", 42, "holds 'leese', which is none of"),
    "why": ("apply = []", "apply = 1", 42, "require_why.apply is not a list"),
    "why-table": ('{ lease = ["INC-"], apply = [] }', "1", 42, "require_why is no table"),
    "threshold": ("apply = 2", "apply = 0", 34, "a threshold is not from 1 to 8"),
    "threshold-text": ("apply = 2", 'apply = "2"', 43, "threshold.apply is not a whole number"),
    "role": ("[roles.rest]\n", "[roles]\nrest = 1\n[other]\n", 47, "other is not known here"),
    "no-role": ("[roles.rest]\nissuers", "[roles]\nrest = 1\nissuers", 46, "rest is no table"),
    "ceilings": ('[ceilings]\nroot = "INFO"', "[ceilings]\nroot = []", 31, "whole number of 0 or"),
    "toml": ("[ceilings]", "[ceilings", None, "is not TOML: "),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "number", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_policy_is_refused_with_its_line(
    old: str, new: str, number: int | None, said: str
) -> None:
    """File, line where known, what is wrong, and a remedy where it helps."""
    assert old in TEXT
    text = refusal(lambda: parse_policy(FILE, TEXT.replace(old, new, 1)))
    assert said in text
    assert text.startswith(f"{FILE}:{number}: " if number else f"{FILE}")


# ---- files -------------------------------------------------------------------------------------


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """They would decide what messages may do."""
    path = tmp_path / "policy.toml"
    said = refusal(lambda: load_policy_file(path))
    assert "is not there; write one with: sealwire policy init" in said
    write_settings(path, STARTING_POLICY)
    assert path == load_policy_file(path).path
    path.chmod(0o664)
    assert "so others can change it" in refusal(lambda: load_policy_file(path))


def test_directories_are_resolved_once(tmp_path: Path) -> None:
    """When the policy is made; a protected file is known by the path behind links too."""
    (tmp_path / "real").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "real")
    text = (
        f'[allow]\ndirectories = ["{tmp_path}/logs"]\n[floors.handlers.audit]\n'
        f'target = "{tmp_path}/logs/audit.log"\n[floors.handlers.other]\ntarget = "stderr"\n'
    )
    real = tmp_path.resolve() / "real"
    read = parse_policy(FILE, text)
    policy = read.make_policy()
    assert FilePaths((str(real),)) in policy.rules
    audit, other = policy.floors.handlers
    assert ((str(real / "audit.log"),), ()) == (audit.aliases, other.aliases)
    (tmp_path / "logs").unlink()
    said = refusal(read.make_policy)
    assert f"{FILE}: allow.directories: {tmp_path}/logs is not a directory; make it" in said
    assert FilePaths((f"{tmp_path}/logs",)) in read.make_policy(resolve=False).rules


def test_links_in_a_ring_are_no_other_path(tmp_path: Path) -> None:
    """Nobody can write there."""
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    text = f'[floors.handlers.audit]\ntarget = "{tmp_path}/ring/audit.log"\n'
    (audit,) = parse_policy(FILE, text).make_policy().floors.handlers
    assert set() == set(audit.aliases) - {str(tmp_path.resolve() / "ring" / "audit.log")}


# ---- with the settings of a service ------------------------------------------------------------

SERVICE = """\
audience = "payments@prod"
address = "unix:/run/payments/log.sock"
chain = "local"

[keys]
trusted = ["alice.pub"]

[policy]
"""


def test_a_service_names_its_policy(tmp_path: Path) -> None:
    """Relative to its settings; what is written reads back equal."""
    write_settings(tmp_path / "service.toml", f'{SERVICE}file = "policy.toml"\n')
    settings = load_service_settings(tmp_path / "service.toml")
    assert tmp_path / "policy.toml" == settings.policy_file
    assert settings == parse_service(settings.path, render_service(settings))
    assert "is not there; write one with" in refusal(settings.make_policy)
    text = '[ceilings]\nroot = "INFO"\n[allow]\nmax_loggers = 1\n'
    write_settings(tmp_path / "policy.toml", text)
    policy = settings.make_policy()
    assert (Ceiling("root", 20, {"": "policy.toml:2"}),) == policy.ceilings
    assert "policy.toml:4" == policy.sources["count"]
    assert policy.rules[:5] == settings.rules()[:5]
    (tmp_path / "policy.toml").write_text("loock = true\n")
    assert "policy.toml:1: loock is not known here; did you mean lock?" in refusal(settings.rules)


def test_the_lists_of_a_service_are_a_policy_too() -> None:
    """As before there were files for it; a refusal names the line."""
    settings = parse_service(Path("/there/service.toml"), f"{SERVICE}max_loggers = 1\n")
    policy = settings.make_policy()
    assert "service.toml:9" == policy.sources["count"]
    missing = "service.toml [policy], which does not say directories"
    assert missing == policy.sources["file-path"]
    assert ((), (), False) == (policy.roles, policy.ceilings, policy.lock)


def test_a_policy_stands_in_one_place() -> None:
    """With a file, the lists are there."""
    text = f'{SERVICE}file = "policy.toml"\nmax_loggers = 1\n'
    said = refusal(lambda: parse_service(Path("/there/service.toml"), text))
    assert "policy.file names a file, and [policy] has lists as well; move these" in said


def test_a_policy_is_read_as_it_is_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the process was started."""
    write_settings(tmp_path / "policy.toml", STARTING_POLICY)
    monkeypatch.chdir(tmp_path)
    assert Path(os.fspath(tmp_path)) / "policy.toml" == load_policy_file("policy.toml").path
