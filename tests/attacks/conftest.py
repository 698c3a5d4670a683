"""A service with loggers that matter, and a policy that says so: what evasions are tried on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.policy.supposed import supposed_result
from sealwire.requests import Apply, Lease, Request, read_request, write_request
from sealwire.requests.types import Verb
from sealwire.settings import parse_policy
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.policy import Policy

AUDIT_FILE = "/var/log/app/audit.log"
FORMAT = "%(asctime)s %(name)s %(message)s"

POLICY = f"""\
[allow]
directories = ["/var/log/app"]

[floors.loggers."payments.audit"]
level = "INFO"
handlers = ["audit"]

[floors.loggers.security]
level = "WARNING"
handlers = ["console"]

[floors.handlers.audit]
class = "logging.FileHandler"
target = "{AUDIT_FILE}"
format = "{FORMAT}"
arguments = {{ encoding = "utf-8" }}

[ceilings]
root = "INFO"
"vault" = "WARNING"
"vault.*" = "WARNING"

[lease]
longest = "1h"

[roles.config]
issuers = ["alice"]
loggers = ["*", "root"]
through = ["*"]

[roles.on-call]
issuers = ["olivia"]
verbs = ["lease", "revert", "status", "apply"]
loggers = ["payments", "payments.*", "root"]
levels = ["DEBUG", "INFO", "NOTSET"]
max_lease = "30m"
through = ["console"]
require_why = {{ lease = ["INC-"] }}

[roles.both]
issuers = ["quentin"]
loggers = ["payments.*", "security", "botocore"]
direction = "both"

[roles.pair]
issuers = ["peter", "paula"]
threshold = {{ apply = 2, lease = 2 }}

[roles.look]
issuers = ["lookout"]
verbs = ["status"]
"""

BASE = Tree(
    (
        LoggerState("", 30, ("console",)),
        LoggerState("botocore"),
        LoggerState("botocore.auth"),
        LoggerState("payments", 20),
        LoggerState("payments.audit", 20, ("audit",)),
        LoggerState("payments.audit.login"),
        LoggerState("payments.db"),
        LoggerState("security"),
        LoggerState("vault"),
    ),
    (
        HandlerState(
            "audit",
            "logging.FileHandler",
            target=AUDIT_FILE,
            formatter=FormatterState(format=FORMAT),
        ),
        HandlerState("console", "logging.StreamHandler", target="stderr"),
    ),
)


@dataclass(frozen=True, slots=True)
class Court:
    """A policy and the people who are judged by it."""

    policy: Policy
    alice: Operator

    def apply(self, document: dict[str, object], issuer: str = "alice") -> Request:
        """Give a configuration as the request of ``issuer``."""
        data = json.dumps({"version": 1, **document}).encode()
        return self._read(data, "application/json", issuer, Stream.BASE)

    def lease(self, issuer: str = "alice", **members: object) -> Request:
        """Give a lease as the request of ``issuer``."""
        data = write_request(Verb.LEASE, **members)  # type: ignore[arg-type]
        return self._read(data, "application/vnd.sealwire.request+json", issuer, Stream.LEASE)

    def refusals(self, request: Request, base: Tree = BASE) -> list[str]:
        """Give the rules that object to the request, or to what it would make of ``base``."""
        after = result(base, request)
        found = [
            *self.policy.objections(request),
            *self.policy.tree_objections(request, base, after),
        ]
        for each in found:
            assert each.detail
            assert each.error().rule == each.rule
        return [each.rule for each in found]

    def judge(self, request: Request, base: Tree = BASE) -> None:
        """Refuse as a service does: the request first, then what it would make of ``base``."""
        self.policy.judge(request)
        self.policy.judge_tree(request, base, result(base, request))

    def _read(self, data: bytes, content_type: str, issuer: str, stream: Stream) -> Request:
        claims = self.alice.claims(iss=issuer, stream=stream)
        return read_request(Opened(data, claims, content_type, data, evidence=()))


def result(base: Tree, request: Request) -> Tree:
    """Give the tree that a request would make of ``base``."""
    if isinstance(request, Apply):
        return supposed_result(base, request.plan)
    assert isinstance(request, Lease)
    lowest, known = min(level for _, level in request.levels), base.by_key()
    through = {key: min(known[key].level, lowest) for key in request.through}
    return base.leveled(dict(request.levels), through)


@pytest.fixture(scope="session")
def court(alice: Operator) -> Court:
    """Give the policy above, with directories as they stand there."""
    return Court(parse_policy(Path("/etc/policy.toml"), POLICY).make_policy(resolve=False), alice)
