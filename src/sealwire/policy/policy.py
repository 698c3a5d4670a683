"""The policy: everything that a host has decided about requests, as one value.

Rules this module keeps:

1. A policy is read once, when the service starts. No request changes it, and nothing here reads a
   clock, a file or a logging tree: what is judged is an argument.
2. Each judgement adds to the others and none makes another lenient. The first objection refuses.
3. Every objection names the rule and, where the policy came from a file, the line.
4. Going back is not refused: a `Revert` passes what judges content, floors and trees. Who may ask
   for it is judged, as for every verb.

Without a file a policy is `Policy(default_rules())`. Content is denied unless listed; whoever the
chain trusts may use every verb; there are no floors, because only the host knows which of its
loggers matter; leases go louder, for four hours at most, and not to loggers that write secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sealwire.documents.tree import Tree
from sealwire.errors import ConfigurationError
from sealwire.policy.ceilings import Ceiling
from sealwire.policy.floors import NO_FLOORS, Floors
from sealwire.policy.leases import LeaseLimits
from sealwire.policy.loggers import Loggers
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.quorum import Quorum
from sealwire.policy.roles import ANYBODY, EVERYBODY, Role
from sealwire.policy.rule import NO_RULES, Rule
from sealwire.policy.seen import Seen
from sealwire.policy.thresholds import too_few
from sealwire.requests import Apply, DryRun, Lease, Request, Verb

# Confirming keeps what would otherwise go away by itself, so a lock refuses that as well.
LOCKED = frozenset({Verb.APPLY, Verb.LEASE, Verb.CONFIRM})
"""What a lock refuses: every change, and nothing that goes back or only looks."""

MAX_NEW_LOGGERS = 1_000
"""As many as one configuration may name; they take about a megabyte."""

_JUDGED_ON_TREES = (Apply, DryRun, Lease)


@dataclass(frozen=True, slots=True)
class Policy:
    """What requests may ask for.

    Attributes:
        rules: what a configuration may contain. None at all allow no configuration.
        floors: what no message may lower.
        ceilings: how loud loggers may become.
        roles: who may ask for what; none is everybody for everything.
        leases: what every lease has to keep to.
        lock: refuse every change; see `LOCKED`.
        announce: say every change on the logger ``sealwire.changes``.
        max_new_loggers: how many loggers requests may make in a process, names above them
            included: none of them is ever freed.
        quorum: of a service of several processes, how many have to make a change for it to stay.
        sources: where ``lock``, ``max_new_loggers``, the part ``roles`` and, under its name, each
            rule are written.

    Raises:
        ConfigurationError: an issuer has two roles, or two roles or two ceilings have one name.
    """

    rules: tuple[Rule, ...]
    floors: Floors = NO_FLOORS
    ceilings: tuple[Ceiling, ...] = ()
    roles: tuple[Role, ...] = ()
    leases: LeaseLimits = field(default_factory=LeaseLimits)
    lock: bool = False
    announce: bool = True
    max_new_loggers: int = MAX_NEW_LOGGERS
    quorum: Quorum = Quorum.ALL
    sources: Sources = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what roles and ceilings have to do with each other."""
        _check_once([role.name for role in self.roles], "two roles are called {}")
        _check_once([each.pattern for each in self.ceilings], "two ceilings are for {}")
        _check_once(
            [issuer for role in self.roles for issuer in sorted(role.issuers)],
            "{} has two roles, and an issuer has one",
        )

    def judge(self, request: Request) -> None:
        """Refuse a request that must not be made, whatever the logging tree looks like.

        Args:
            request: what is asked for, with the evidence of who asks.

        Raises:
            PolicyError: with the first objection, in the order of `objections`.
        """
        for objection in self.objections(request):
            raise objection.error()

    def looks_at_trees(self, request: Request) -> bool:
        """Whether `judge_tree` could refuse ``request``, so that its trees have to be known."""
        if not isinstance(request, _JUDGED_ON_TREES):
            return False
        return (
            isinstance(request, Lease)
            or self.floors != NO_FLOORS
            or bool(self.ceilings)
            or bool(self.roles)
        )

    def judge_tree(self, request: Request | None, before: Tree, after: Tree) -> None:
        """Refuse a change for what the logging would be afterwards.

        Pure and without side effects, so it can be asked again under logging's lock.

        Args:
            request: what is asked for; ``None`` judges floors and ceilings alone. A `Revert`, a
                `Confirm` and a `Status` pass: nothing about them is judged on a tree.
            before: the base: the tree as it is without leases. It is what "unchanged", "louder"
                and "already broken by the application" are measured against, so a lease that is
                running must not be in it.
            after: the tree as it would be: the new base for an `Apply`, the base with the lease for
                a `Lease`. Leases end one by one, so ask for each alone as well as for all.

        Raises:
            PolicyError: with the first objection, in the order of `tree_objections`.
        """
        for objection in self.tree_objections(request, before, after):
            raise objection.error()

    def judge_new_loggers(
        self, request: Request, count_new: Callable[[Iterable[str]], tuple[int, int]]
    ) -> None:
        """Refuse a request for the loggers that it would make in this process.

        Args:
            request: what is asked for.
            count_new: gives, of loggers by name, how many were made for requests by now, and how
                many more these would be.

        Raises:
            PolicyError: it would be too many.
        """
        if isinstance(request, Lease):
            where, names = "levels", [name for name, _ in request.levels]
        elif isinstance(request, (Apply, DryRun)):
            where, names = "loggers", [each.name for each in request.plan.loggers]
        else:
            return
        made, new = count_new(names)
        if new and made + new > self.max_new_loggers:
            detail = (
                f"{new} new ones, and {made} were made for requests since this process began; "
                f"{self.max_new_loggers} are the most"
            )
            source = source_of(self.sources, "max_new_loggers")
            raise Objection("new-loggers", where, detail, source).error()

    def objections(self, request: Request) -> Iterator[Objection]:
        """Give everything that speaks against a request: lock, role, lease, signatures, content.

        A rule of a third party may raise whatever it likes; that comes out as it is.
        """
        if self.lock and request.verb in LOCKED:
            detail = (
                f"this service is locked until it starts again, and takes no {request.verb.value}"
            )
            yield Objection("lock", "verb", detail, source_of(self.sources, "lock"))
        issuer = request.opened.claims.iss
        role = self.role_of(issuer)
        if role is None:
            detail = f"{issuer} has no role here, and so may ask for nothing"
            yield Objection("no-role", "verb", detail, source_of(self.sources, "roles"))
            return
        yield from role.scope(request)
        yield from role.reason(request)
        if isinstance(request, Lease):
            yield from self.leases.request(request, role)
        # Behind what speaks against the issuer alone: nobody is sent for signatures in vain.
        yield from too_few(
            request, role, self.roles, self.role_of, lambda own: self._lets_ask(own, request)
        )
        if isinstance(request, (Apply, DryRun)):
            yield from self._content(request)
            yield from self.floors.plan(request.plan)

    def tree_objections(
        self, request: Request | None, before: Tree, after: Tree
    ) -> Iterator[Objection]:
        """Give everything that speaks against a change; arguments as for `judge_tree`."""
        if request is not None and not isinstance(request, _JUDGED_ON_TREES):
            return
        yield from self.floors.tree(before, after)
        role = None if request is None else self.role_of(request.opened.claims.iss)
        if self.ceilings or isinstance(request, Lease):
            was, now = Seen(before), Seen(after)
            for ceiling in self.ceilings:
                yield from ceiling.judge(was, now)
        if request is None or role is None:
            return

        def against(own: Role) -> Iterator[Objection]:
            if isinstance(request, Lease):
                yield from self.leases.tree(request, own, was, now)
            yield from own.tree(request, before, after)

        yield from against(role)
        yield from too_few(
            request,
            role,
            self.roles,
            self.role_of,
            lambda own: self._lets_ask(own, request) and not any(against(own)),
        )

    @property
    def wants_several(self) -> bool:
        """Whether some verb of some role needs more than one signature."""
        return any(number > 1 for role in self.roles for number in role.threshold.values())

    def lease_limit_s(self, request: Request) -> int:
        """Give the longest lease that the issuer of ``request`` may have, seconds; 0 is none."""
        return self.leases.limit_s(self.role_of(request.opened.claims.iss))

    def role_of(self, issuer: str) -> Role | None:
        """Give the role of an issuer, ``None`` where there are roles and none is theirs."""
        if not self.roles:
            return EVERYBODY
        for role in self.roles:
            if issuer in role.issuers:
                return role
        return next((role for role in self.roles if ANYBODY in role.issuers), None)

    def loggers_of(self, issuer: str) -> Loggers:
        """Give the loggers that an issuer may name."""
        role = self.role_of(issuer)
        return Loggers(()) if role is None else role.loggers

    def _lets_ask(self, role: Role, request: Request) -> bool:
        """Whether a role's owners could ask for ``request``, as far as that shows without a tree.

        The reason that a role needs is the issuer's to give.
        """
        return not any(role.scope(request)) and not (
            isinstance(request, Lease) and any(self.leases.request(request, role))
        )

    def _content(self, request: Apply | DryRun) -> Iterator[Objection]:
        if not self.rules:
            yield Objection(NO_RULES, "", "the policy has no rules, and allows nothing")
        for rule in self.rules:
            for violation in rule.judge(request):
                yield Objection(rule.name, *violation, source_of(self.sources, rule.name))


def _check_once(names: Iterable[str], problem: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"{problem.format(name)}; write one")
        seen.add(name)
