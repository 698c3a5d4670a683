"""Roles: who may ask for what.

Rules this module keeps:

1. An issuer has one role. Where a policy has roles, whoever is in none may do nothing, not even ask
   for the status; where it has none, everybody whom the chain trusts may do everything.
2. A role can only take away from what the rest of the policy allows.
3. What a role does not name it has at its default, and defaults are narrow: leases go louder, and
   lower no handler. Quieter leases have to be written, with the loggers they are for.
4. A role that has some loggers configures and leases those alone. That is judged on the resulting
   tree as well, because a handler may be another logger's too (`role_handlers`).
5. Loggers limit neither going back nor looking. Who may revert may end what anybody has begun, as
   going back is never refused for its content; who may ask for the status sees everything in it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sealwire.documents.reading import place
from sealwire.documents.tree import LoggerState, Tree
from sealwire.errors import ConfigurationError, shorten
from sealwire.policy.loggers import ALL_LOGGERS, Loggers, written
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.role_handlers import handlers_of_others
from sealwire.requests import ASKED, Apply, DryRun, Lease, Request, Verb

ANYBODY = "*"
"""Stands among a role's issuers for everybody who is in no other role."""


MOST_SIGNERS = 8
"""As many signatures as one message can carry (`sealwire.cosesign`)."""


class Direction(enum.Enum):
    """Where a lease may take a level: ``louder`` than the base, or ``both`` ways."""

    LOUDER = "louder"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Role:
    """What some issuers may ask for.

    Attributes:
        name: what it is called.
        issuers: owners of keys, or `ANYBODY`.
        verbs: what they may ask for.
        loggers: which loggers a request may name.
        levels: which levels a request may set on loggers and handlers; ``None`` is all.
        through: handlers that a lease may lower; ``None`` is all.
        max_lease_s: the longest lease, seconds; ``None`` is the policy's own limit.
        direction: where leases may go.
        require_why: by verb, what a reason has to begin with; no prefix is any reason.
        threshold: by verb, how many owners have to have signed, each with this right.
        sources: where each of these is written.

    Raises:
        ConfigurationError: ``both`` without loggers, a threshold that is not from 1 to 8, or no
            issuer.
    """

    name: str
    issuers: frozenset[str]
    verbs: frozenset[Verb] = ASKED
    loggers: Loggers = ALL_LOGGERS
    levels: frozenset[int] | None = None
    through: frozenset[str] | None = frozenset()
    max_lease_s: int | None = None
    direction: Direction = Direction.LOUDER
    require_why: Mapping[Verb, tuple[str, ...]] = field(default_factory=dict)
    threshold: Mapping[Verb, int] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what makes no sense together."""
        if not self.issuers:
            raise ConfigurationError("nobody has this role; name issuers, or remove it")
        if self.direction is Direction.BOTH and self.loggers.is_all:
            raise ConfigurationError(
                'direction = "both" lets leases silence loggers; name these: loggers = ["a.*"]'
            )
        if any(not 1 <= number <= MOST_SIGNERS for number in self.threshold.values()):
            raise ConfigurationError(
                f"a threshold is not from 1 to {MOST_SIGNERS}; write how many have to sign"
            )

    def scope(self, request: Request) -> Iterator[Objection]:
        """Object to a verb, to loggers, levels and handlers that this role does not have."""
        if request.verb not in self.verbs:
            may = ", ".join(sorted(verb.value for verb in self.verbs)) or "nothing"
            yield self._objection(
                "role-verbs",
                "verb",
                f"the role {self.name} may not {request.verb.value}; it may: {may}",
                "verbs",
            )
        for where, name in _loggers(request):
            if not self.loggers.covers(name):
                yield self._outside(where, written(name))
        if (
            isinstance(request, (Apply, DryRun))
            and request.plan.disable_existing_loggers
            and not self.loggers.is_all
        ):
            yield self._outside("disable_existing_loggers", "every logger")
        for where, level in _levels(request):
            if self.levels is not None and level not in self.levels:
                may = ", ".join(map(str, sorted(self.levels)))
                detail = f"the role {self.name} may not set level {level}; it may set: {may}"
                yield self._objection("role-levels", where, detail, "levels")
        if isinstance(request, Lease) and self.through is not None:
            for key in request.through:
                if key not in self.through:
                    detail = f"the role {self.name} may not lower the handler {shorten(key)}"
                    yield self._objection("role-through", "through", detail, "through")

    def reason(self, request: Request) -> Iterator[Objection]:
        """Object to a request without the reason that it needs."""
        prefixes = self.require_why.get(request.verb)
        if prefixes is None or (request.why and (not prefixes or request.why.startswith(prefixes))):
            return
        wanted = " or ".join(prefixes)
        begins = f" that begins with {wanted}" if wanted else ""
        detail = f"{request.verb.value} needs a reason{begins}; give one with --why"
        yield self._objection("role-why", "why", detail, "require_why")

    def tree(self, request: Request, before: Tree, after: Tree) -> Iterator[Objection]:
        """Object to a configuration that changes loggers which this role does not have."""
        if self.loggers.is_all or not isinstance(request, (Apply, DryRun)):
            return
        was, now = before.by_name(), after.by_name()
        old, new = before.by_key(), after.by_key()
        for name, problem in handlers_of_others(request.plan, self.loggers, before, after):
            detail = f"{problem}; the role {self.name} has {self.loggers} alone"
            yield self._objection("role-loggers", place("handlers", name), detail, "loggers")
        for name in sorted(was.keys() | now.keys()):
            if self.loggers.covers(name):
                continue
            logger = was.get(name, LoggerState(name))
            same = logger == now.get(name, LoggerState(name))
            handlers = before.reached(logger.handlers)
            if not same or any(old.get(key) != new.get(key) for key in handlers):
                yield self._outside(place("loggers", written(name)), written(name))

    def _outside(self, where: str, name: str) -> Objection:
        detail = f"{shorten(name)} is none of the loggers of the role {self.name} ({self.loggers})"
        return self._objection("role-loggers", where, detail, "loggers")

    def _objection(self, rule: str, where: str, detail: str, key: str) -> Objection:
        return Objection(rule, where, detail, source_of(self.sources, key))


EVERYBODY = Role("everybody", frozenset({ANYBODY}), through=None)
"""The role of all issuers where a policy has no roles."""


def _loggers(request: Request) -> Iterator[tuple[str, str]]:
    """Give the loggers that a request names, each with its place."""
    if isinstance(request, Lease):
        for name, _ in request.levels:
            yield place("levels", written(name)), name
    elif isinstance(request, (Apply, DryRun)):
        plan = request.plan
        for logger in plan.loggers:
            yield place("loggers", logger.name), logger.name
        if plan.root is not None:
            yield "root", ""


def _levels(request: Request) -> Iterator[tuple[str, int]]:
    """Give the levels that a request sets, each with its place."""
    if isinstance(request, Lease):
        for name, level in request.levels:
            yield place("levels", written(name)), level
    elif isinstance(request, (Apply, DryRun)):
        plan = request.plan
        for handler in plan.handlers:
            if handler.level is not None:
                yield place("handlers", handler.name, "level"), handler.level
        for logger in (*plan.loggers, *(() if plan.root is None else (plan.root,))):
            if logger.level is not None:
                yield place("loggers", written(logger.name), "level"), logger.level
