"""The whole policy: roles, signatures, leases, ceilings, lock, and how objections are told."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sealwire import cose
from sealwire.documents import HandlerState, LoggerState, Tree
from sealwire.errors import ConfigurationError, PolicyError
from sealwire.policy import (
    MAX_LEASE_S,
    Ceiling,
    Direction,
    Floors,
    LeaseLimits,
    LoggerFloor,
    Loggers,
    Policy,
    Role,
    default_rules,
)
from sealwire.policy.policy import LOCKED
from sealwire.policy.secretive import SECRETIVE
from sealwire.policy.thresholds import SIGNATURES, signers
from sealwire.requests import ASKED, Request, Verb, read_request
from sealwire.stages import Evidence, Opened, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Operator

DEFAULT = Policy(default_rules())
ASKED_IN_ORDER = [verb for verb in Verb if verb in ASKED]
ID = "0" * 32
CONFIG = {"version": 1, "incremental": True, "loggers": {"a": {"level": "DEBUG"}}}
DOCUMENTS: dict[Verb, dict[str, Any]] = {
    Verb.APPLY: {"config": CONFIG},
    Verb.PLAN: {"config": CONFIG},
    Verb.LEASE: {"levels": {"a": "DEBUG"}},
    Verb.REVERT: {"id": ID},
    Verb.CONFIRM: {"id": ID},
    Verb.STATUS: {},
}
BASE = Tree(
    (LoggerState("", 30, ("console",)), LoggerState("a", 20), LoggerState("b")),
    (HandlerState("console", "logging.StreamHandler", 20, "stderr"),),
)


class Asking(Protocol):
    """Makes a request."""

    def __call__(
        self,
        verb: Verb,
        issuer: str = "alice",
        /,
        *,
        signed: tuple[Evidence, ...] = (),
        **members: object,
    ) -> Request:
        """Give the request of ``issuer``; what is not said is what the verb needs."""


@pytest.fixture
def asked(alice: Operator) -> Asking:
    """Give a function from a verb to a request."""

    def asked(
        verb: Verb,
        issuer: str = "alice",
        /,
        *,
        signed: tuple[Evidence, ...] = (),
        **members: object,
    ) -> Request:
        data = json.dumps({"verb": verb.value, **DOCUMENTS[verb], **members}).encode()
        claims = alice.claims(iss=issuer, stream=verb.streams[0])
        kind = "application/vnd.sealwire.request+json"
        return read_request(Opened(data, claims, kind, data, signed))

    return asked


def signature(owner: str, key: str = "", algorithm: int = cose.ED25519) -> Evidence:
    """Give what a verifier would show."""
    return Evidence("Ed25519Verifier", algorithm, (key or owner).encode(), owner)


def told(policy: Policy, request: Request) -> list[str]:
    """Give rule and source of each objection to a request."""
    return [f"{each.rule} {each.source}".strip() for each in policy.objections(request)]


def told_of(policy: Policy, request: Request | None, after: Tree, before: Tree = BASE) -> list[str]:
    """Give rule and source of each objection to a tree."""
    return [
        f"{each.rule} {each.source}".strip()
        for each in policy.tree_objections(request, before, after)
    ]


def leased(**levels: int) -> Tree:
    """Give the base with these levels."""
    known = {**BASE.by_name()}
    for name, level in levels.items():
        key = "" if name == "root" else name.replace("__", ".")
        known[key] = known.get(key, LoggerState(key))._replace(level=level)
    return BASE._replace(loggers=tuple(known[name] for name in sorted(known)))


# ---- without a file ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ASKED_IN_ORDER)
def test_everybody_may_do_everything_by_default(asked: Asking, verb: Verb) -> None:
    """As before there were roles; content, leases and secrets have limits all the same."""
    DEFAULT.judge(asked(verb))
    DEFAULT.judge_tree(asked(verb), BASE, leased(a=10))
    DEFAULT.judge_tree(None, BASE, Tree())


def test_content_is_judged_by_the_rules(asked: Asking) -> None:
    """Also for a plan, and with the source of the rule."""
    config = {"version": 1, "handlers": {"h": {"class": "os.system"}}}
    policy = Policy(default_rules(), sources={"handler-class": "p:1"})
    for verb in (Verb.APPLY, Verb.PLAN):
        request = asked(verb, config=config)
        assert ["handler-class p:1", "handler-argument"] == told(policy, request)
        with pytest.raises(PolicyError) as refused:
            policy.judge(request)
        assert ("handler-class", "handlers.h.class", "p:1") == (
            refused.value.rule,
            refused.value.where,
            refused.value.source,
        )


def test_no_rules_allow_no_configuration(asked: Asking) -> None:
    """Such a policy allows levels for a time, and nothing that stays."""
    assert ["no-rules"] == told(Policy(()), asked(Verb.APPLY))
    assert [] == told(Policy(()), asked(Verb.LEASE))


def test_a_policy_does_not_change() -> None:
    """It is a value."""
    with pytest.raises(FrozenInstanceError):
        DEFAULT.lock = True  # type: ignore[misc]


# ---- lock -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ASKED_IN_ORDER)
def test_a_lock_refuses_changes(asked: Asking, verb: Verb) -> None:
    """And neither going back nor looking."""
    locked = replace(DEFAULT, lock=True, sources={"lock": "p:1"})
    assert (["lock p:1"] if verb in LOCKED else []) == told(locked, asked(verb))
    assert {Verb.REVERT, Verb.STATUS, Verb.PLAN} == ASKED - LOCKED


# ---- roles ------------------------------------------------------------------------------------


def role(**changes: Any) -> Role:  # noqa: ANN401 - fields of a role
    """Give a role of alice, with a source for each key."""
    keys = ("verbs", "loggers", "levels", "through", "direction", "require_why", "threshold")
    sources = {"": "p:0", **{key: f"p:{key}" for key in keys}}
    return Role("r", frozenset({"alice"}), **{"sources": sources, **changes})


def with_roles(*roles: Role, **changes: Any) -> Policy:  # noqa: ANN401 - fields of a policy
    """Give the default policy with these roles."""
    return replace(DEFAULT, roles=roles, sources={"roles": "p:roles"}, **changes)


@pytest.mark.parametrize("verb", ASKED_IN_ORDER)
def test_who_has_no_role_may_do_nothing(asked: Asking, verb: Verb) -> None:
    """Where there are roles."""
    policy = with_roles(role())
    request = asked(verb, "mallory")
    assert ["no-role p:roles"] == told(policy, request)
    assert 0 == policy.lease_limit_s(request)
    assert [] == told_of(policy, request, BASE)


def test_everybody_else_can_have_a_role(asked: Asking) -> None:
    """Besides those who have one."""
    policy = with_roles(Role("others", frozenset({"*"}), verbs=frozenset({Verb.STATUS})), role())
    assert [] == told(policy, asked(Verb.STATUS, "mallory"))
    assert ["role-verbs"] == told(policy, asked(Verb.LEASE, "mallory"))
    assert [] == told(policy, asked(Verb.LEASE))


@pytest.mark.parametrize("verb", ASKED_IN_ORDER)
def test_a_role_has_verbs(asked: Asking, verb: Verb) -> None:
    """Each is refused where it has others."""
    assert [] == told(with_roles(role(verbs=frozenset({verb}))), asked(verb))
    assert ["role-verbs p:verbs"] == told(with_roles(role(verbs=ASKED - {verb})), asked(verb))
    assert ["role-verbs p:verbs"] == told(with_roles(role(verbs=frozenset())), asked(verb))


def test_a_role_has_loggers(asked: Asking) -> None:
    """Of leases and of configurations."""
    policy = with_roles(role(loggers=Loggers(("b.*",))))
    for verb in (Verb.APPLY, Verb.PLAN, Verb.LEASE):
        assert ["role-loggers p:loggers"] == told(policy, asked(verb))
    config = {"version": 1, "root": {"level": "INFO"}}
    found = list(policy.objections(asked(Verb.APPLY, config=config)))
    assert [("role-loggers", "root")] == [(each.rule, each.where) for each in found]
    config = {"version": 1, "disable_existing_loggers": True}
    found = list(policy.objections(asked(Verb.APPLY, config=config)))
    assert [("role-loggers", "disable_existing_loggers")] == [(x.rule, x.where) for x in found]
    assert [] == told(with_roles(role()), asked(Verb.APPLY, config=config))


def test_a_role_changes_its_own_loggers_alone(asked: Asking) -> None:
    """Neither those of others nor their handlers."""
    policy = with_roles(role(loggers=Loggers(("b", "c"))))
    request = asked(Verb.APPLY, config={"version": 1})
    assert [] == told_of(policy, request, leased(b=10, c=10))
    assert ["role-loggers p:loggers"] == told_of(policy, request, leased(a=10))
    assert ["role-loggers p:loggers"] == told_of(policy, request, leased(d=10))
    console = BASE._replace(handlers=(BASE.handlers[0]._replace(level=30),))
    assert ["role-loggers p:loggers"] == told_of(policy, request, console)
    assert [] == told_of(policy, asked(Verb.LEASE), leased(a=10))
    assert [] == told_of(with_roles(role()), request, leased(a=10))


def test_a_role_defines_no_handler_of_others(asked: Asking) -> None:
    """Even if nothing of it would change, and with the place and the line."""
    policy = with_roles(role(loggers=Loggers(("b",))))
    null = {"class": "logging.NullHandler"}
    request = asked(Verb.APPLY, config={"version": 1, "handlers": {"console": null}})
    (found,) = policy.tree_objections(request, BASE, BASE)
    assert ("role-loggers", "handlers.console", "p:loggers") == (
        found.rule,
        found.where,
        found.source,
    )
    assert found.detail.endswith("; the role r has b alone")


def test_what_is_behind_a_handler_of_others_stays(asked: Asking) -> None:
    """It is theirs as much as the one in front of it."""
    policy = with_roles(role(loggers=Loggers(("b",))))
    behind = HandlerState("behind", "logging.FileHandler", target="/a")
    before = Tree(BASE.loggers, (behind, BASE.handlers[0]._replace(behind=("behind",))))
    after = before._replace(handlers=(behind._replace(level=50), before.handlers[1]))
    request = asked(Verb.APPLY, config={"version": 1})
    assert ["role-loggers p:loggers"] == told_of(policy, request, after, before)
    assert [] == told_of(policy, request, before, before)


def test_a_role_has_levels(asked: Asking) -> None:
    """Of loggers and of handlers; what says nothing about a level sets none."""
    policy = with_roles(role(levels=frozenset({20})))
    for verb in (Verb.APPLY, Verb.PLAN, Verb.LEASE):
        assert ["role-levels p:levels"] == told(policy, asked(verb))
    assert [] == told(policy, asked(Verb.LEASE, levels={"a": "INFO"}))
    handlers = {"h": {"class": "logging.NullHandler"}, "i": {"class": "logging.NullHandler"}}
    config: dict[str, Any] = {"version": 1, "handlers": handlers, "loggers": {"a": {}}}
    assert [] == told(policy, asked(Verb.APPLY, config=config))
    config["handlers"]["i"]["level"] = "ERROR"
    assert ["role-levels p:levels"] == told(policy, asked(Verb.APPLY, config=config))
    config["root"] = {"level": "ERROR"}
    assert 2 == len(told(policy, asked(Verb.APPLY, config=config)))


def test_a_role_has_handlers_to_lower(asked: Asking) -> None:
    """None by default, those named, or all."""
    request = asked(Verb.LEASE, through=["console"])
    assert ["role-through p:through"] == told(with_roles(role()), request)
    assert [] == told(with_roles(role(through=frozenset({"console"}))), request)
    assert [] == told(with_roles(role(through=None)), request)
    assert [] == told(DEFAULT, request)


@pytest.mark.parametrize(
    ("prefixes", "why", "allowed"),
    [
        ((), "", False),
        ((), "because", True),
        (("INC-", "CHG-"), "", False),
        (("INC-", "CHG-"), "because", False),
        (("INC-", "CHG-"), "CHG-12", True),
    ],
)
def test_a_role_wants_reasons(
    asked: Asking, prefixes: tuple[str, ...], why: str, allowed: bool
) -> None:
    """For the verbs that are named."""
    policy = with_roles(role(require_why={Verb.LEASE: prefixes}))
    expected = [] if allowed else ["role-why p:require_why"]
    assert expected == told(policy, asked(Verb.LEASE, why=why))
    assert [] == told(policy, asked(Verb.APPLY, why=why))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuers": frozenset()}, "nobody has this role"),
        ({"direction": Direction.BOTH}, "lets leases silence loggers"),
        ({"threshold": {Verb.APPLY: 0}}, "a threshold is below 1"),
    ],
)
def test_a_role_that_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    """When the service starts, and not when somebody needs it."""
    with pytest.raises(ConfigurationError, match=said):
        replace(role(), **changes)


def test_nothing_stands_twice() -> None:
    """Nobody would know which counts."""
    for roles, said in (
        ((role(), role()), "two roles are called r; write one"),
        ((role(), replace(role(), name="s")), "alice has two roles"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            with_roles(*roles)
    with pytest.raises(ConfigurationError, match="two ceilings are for a"):
        replace(DEFAULT, ceilings=(Ceiling("a", 10), Ceiling("a", 20)))


# ---- signatures -------------------------------------------------------------------------------


def test_what_signs_is_what_the_layers_say() -> None:
    """The numbers are those of the layer that signs, and of no other."""
    assert {cose.ED25519} == SIGNATURES
    assert not {cose.HMAC_256, cose.A256GCM} & SIGNATURES


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ((), []),
        ((signature("alice"), signature("bob")), ["alice", "bob"]),
        ((signature("alice"), signature("alice", "second")), ["alice"]),
        ((signature("alice", "one"), signature("bob", "one")), ["alice"]),
        ((signature("alice"), signature("bob", "", cose.HMAC_256)), ["alice"]),
        ((signature("alice", "", cose.A256GCM), signature("bob")), ["bob"]),
    ],
)
def test_owners_count_once(signed: tuple[Evidence, ...], expected: list[str]) -> None:
    """By keys of their own, that sign."""
    assert expected == signers(signed)


@pytest.mark.parametrize(
    ("others", "allowed"),
    [
        ([], False),
        ([signature("bob")], True),
        ([signature("carol")], False),
        ([signature("dave")], False),
        ([signature("erin")], False),
        ([signature("mallory")], False),
        ([signature("alice", "second")], False),
        ([signature("bob", "alice")], False),
        ([signature("bob", "", cose.HMAC_256)], False),
        ([signature("carol"), signature("bob")], True),
    ],
)
def test_a_threshold_needs_owners_who_may_all_ask(
    asked: Asking, others: list[Evidence], allowed: bool
) -> None:
    """Bob may; carol has no such verb, dave not this logger, erin not this level."""
    policy = with_roles(
        role(threshold={Verb.LEASE: 2}),
        Role("bobs", frozenset({"bob"})),
        Role("carols", frozenset({"carol"}), verbs=frozenset({Verb.STATUS})),
        Role("daves", frozenset({"dave"}), loggers=Loggers(("b",))),
        Role("erins", frozenset({"erin"}), levels=frozenset({20})),
    )
    expected = [] if allowed else ["threshold p:threshold"]
    assert expected == told(policy, asked(Verb.LEASE, signed=(signature("alice"), *others)))
    assert [] == told(policy, asked(Verb.APPLY))


# ---- leases -----------------------------------------------------------------------------------


def test_a_lease_has_a_longest_time(asked: Asking) -> None:
    """The policy's, or that of the role where it is shorter."""
    request = asked(Verb.LEASE, for_s=MAX_LEASE_S + 1)
    assert ["lease-length"] == told(DEFAULT, request)
    assert [] == told(DEFAULT, asked(Verb.LEASE, for_s=MAX_LEASE_S))
    assert MAX_LEASE_S == DEFAULT.lease_limit_s(request)
    limits = LeaseLimits(max_s=60, sources={"longest": "p:longest"})
    short = replace(role(max_lease_s=30), sources={"max_lease": "p:max_lease"})
    long = role(max_lease_s=90)
    assert 30 == with_roles(short, leases=limits).lease_limit_s(request)
    assert 60 == with_roles(long, leases=limits).lease_limit_s(request)
    assert 60 == with_roles(role(), leases=limits).lease_limit_s(request)
    request = asked(Verb.LEASE, for_s=61)
    assert ["lease-length p:max_lease"] == told(with_roles(short, leases=limits), request)
    assert ["lease-length p:longest"] == told(with_roles(long, leases=limits), request)


def test_a_lease_is_louder_than_the_base(asked: Asking) -> None:
    """Than the level in force there, whether it is the logger's own."""
    policy = with_roles(role())
    for levels, after in ((20, leased(a=20)), (10, leased(a=10))):
        assert [] == told_of(policy, asked(Verb.LEASE, levels={"a": levels}), after)
    quiet = asked(Verb.LEASE, levels={"a": 21, "b": 31, "root": 30})
    expected = ["lease-direction p:direction"] * 2
    assert expected == told_of(policy, quiet, leased(a=21, b=31))
    both = with_roles(role(direction=Direction.BOTH, loggers=Loggers(("a", "b", "root"))))
    assert [] == told_of(both, quiet, leased(a=21, b=31))


def test_a_lease_raises_no_handler(asked: Asking) -> None:
    """Not even where it may be quieter; a handler that is not there is nobody's affair here."""
    request = asked(Verb.LEASE, through=["console", "gone"])
    lower = BASE._replace(handlers=(BASE.handlers[0]._replace(level=10),))
    higher = BASE._replace(handlers=(BASE.handlers[0]._replace(level=30),))
    assert [] == told_of(DEFAULT, request, lower)
    assert ["lease-direction"] == told_of(DEFAULT, request, higher)
    assert [] == told_of(DEFAULT, request, BASE._replace(handlers=()))


@pytest.mark.parametrize("name", SECRETIVE)
def test_what_writes_secrets_is_not_leased_there(asked: Asking, name: str) -> None:
    """Unless it is named; a wildcard from above does not do."""
    harmless = SECRETIVE[name]
    for level, beneath in ((harmless - 10, name), (harmless - 1, f"{name}.part")):
        request = asked(Verb.LEASE, levels={beneath: level})
        assert ["lease-secrets"] == told(DEFAULT, request)
        wildcard = with_roles(role(loggers=Loggers(("*", f"{name.partition('.')[0]}", "root"))))
        expected = name == name.partition(".")[0] and beneath == name
        assert ([] if expected else ["lease-secrets"]) == told(wildcard, request)
        named = with_roles(role(loggers=Loggers((name, f"{name}.*"))))
        assert [] == told(named, request)
    assert [] == told(DEFAULT, asked(Verb.LEASE, levels={name: harmless}))


def test_what_writes_secrets_does_not_inherit_a_lease(asked: Asking) -> None:
    """Only what is there can be seen; what the lease holds back, or names, is not carried along."""
    base = Tree(
        (LoggerState("", 30), LoggerState("botocore"), LoggerState("botocore.auth", 10),
         *(LoggerState(f"urllib3.{number}") for number in range(7)))
    )  # fmt: skip
    request = asked(Verb.LEASE, levels={"root": "DEBUG"})

    def carried(policy: Policy, **levels: int) -> list[str]:
        request = asked(Verb.LEASE, levels=levels)
        names = {**base.by_name()}
        for name, level in levels.items():
            key = "" if name == "root" else name
            names[key] = names.get(key, LoggerState(key))._replace(level=level)
        after = Tree(tuple(names[key] for key in sorted(names)))
        return [each.detail for each in policy.tree_objections(request, base, after)]

    (detail,) = carried(DEFAULT, root=10)
    assert (
        "'botocore', 'urllib3.0', 'urllib3.1', 'urllib3.2', 'urllib3.3' and 3 more would" in detail
    )
    assert detail.endswith("such as botocore=20")
    (detail,) = carried(DEFAULT, root=10, botocore=20)
    assert detail.startswith("'urllib3.0'")
    assert [] == carried(DEFAULT, root=10, botocore=20, urllib3=20)
    assert [] == carried(DEFAULT, root=20)
    assert [] == told_of(DEFAULT, request, base, base)
    named = with_roles(role(loggers=Loggers(("root", "botocore", "urllib3.*"))))
    assert [] == carried(named, root=10)
    own = with_roles(role(loggers=Loggers(("botocore", "urllib3"))))
    assert [] == carried(own, botocore=10, urllib3=10)


def test_a_host_has_secretive_loggers_of_its_own(asked: Asking) -> None:
    """They are judged as the known ones are."""
    limits = LeaseLimits(secretive={"a": 20}, sources={"secretive": "p:1"})
    policy = replace(DEFAULT, leases=limits)
    assert ["lease-secrets p:1"] == told(policy, asked(Verb.LEASE))
    assert [] == told(policy, asked(Verb.LEASE, levels={"botocore": "DEBUG"}))


# ---- trees ------------------------------------------------------------------------------------


def test_ceilings_hold_for_every_change(asked: Asking) -> None:
    """For the logger, for what inherits from it, and for what nobody has made yet."""
    sources = {"": "p:1"}
    policy = replace(DEFAULT, ceilings=(Ceiling("b.*", 20, sources), Ceiling("root", 20, sources)))
    for request in (asked(Verb.APPLY), asked(Verb.PLAN), asked(Verb.LEASE), None):
        assert [] == told_of(policy, request, leased(b=20, root=20))
        assert ["ceiling p:1"] == told_of(policy, request, leased(b__c=10))
        assert ["ceiling p:1"] == told_of(policy, request, leased(b=10))
        assert ["ceiling p:1"] * 2 == told_of(policy, request, leased(root=10))
        assert [] == told_of(policy, request, leased(root=10, b=30), leased(root=10, b=30))
        assert ["ceiling p:1"] == told_of(
            policy, request, leased(root=5, b=30), leased(root=10, b=30)
        )


@pytest.mark.parametrize("verb", [Verb.REVERT, Verb.CONFIRM, Verb.STATUS])
def test_going_back_is_not_judged_on_a_tree(asked: Asking, verb: Verb) -> None:
    """Nor is what changes nothing."""
    policy = replace(DEFAULT, floors=Floors((LoggerFloor("a", 20, ("console",)),)))
    assert [] == told_of(policy, asked(verb), Tree())
    with pytest.raises(PolicyError) as refused:
        policy.judge_tree(asked(Verb.APPLY), BASE, leased(a=30))
    assert "floor-level" == refused.value.rule


def test_a_tree_is_looked_at_where_it_could_refuse(asked: Asking) -> None:
    """Looking costs a walk over every logger, so it is done for leases, and where a part asks."""
    bare = Policy(())
    wanting = [
        replace(bare, ceilings=(Ceiling("payments", 20),)),
        replace(bare, roles=(role(),)),
        replace(bare, floors=Floors((LoggerFloor("a", 20, ("console",)),))),
    ]
    looks = {verb: bare.looks_at_trees(asked(verb)) for verb in ASKED}
    assert {Verb.LEASE} == {verb for verb, looked in looks.items() if looked}
    for policy in wanting:
        assert policy.looks_at_trees(asked(Verb.APPLY))
        assert not policy.looks_at_trees(asked(Verb.STATUS))


@pytest.mark.parametrize(
    ("verb", "most", "made", "new", "refused"),
    [
        (Verb.LEASE, 10, 9, 1, False),
        (Verb.LEASE, 10, 10, 1, True),
        (Verb.APPLY, 10, 9, 2, True),
        (Verb.PLAN, 10, 9, 2, True),
        # What is there already may be named, whatever was made before.
        (Verb.LEASE, 10, 50, 0, False),
        (Verb.LEASE, 0, 0, 1, True),
        (Verb.REVERT, 0, 5, 5, False),
        (Verb.STATUS, 0, 5, 5, False),
    ],
)
def test_loggers_are_made_up_to_a_limit(
    asked: Asking, verb: Verb, most: int, made: int, new: int, refused: bool
) -> None:
    """The process counts; a refusal says how many, and which line has the limit."""
    policy = Policy((), max_new_loggers=most, sources={"max_new_loggers": "p:3"})
    named: list[str] = []

    def count_new(names: Iterable[str]) -> tuple[int, int]:
        named.extend(names)
        return made, new

    if not refused:
        policy.judge_new_loggers(asked(verb), count_new)
        return
    with pytest.raises(PolicyError) as caught:
        policy.judge_new_loggers(asked(verb), count_new)
    assert ("new-loggers", "p:3") == (caught.value.rule, caught.value.source)
    assert caught.value.where == ("levels" if verb is Verb.LEASE else "loggers")
    assert f"{new} new ones, and {made} were made for requests" in caught.value.detail


def test_the_loggers_that_are_counted_are_those_a_request_names(asked: Asking) -> None:
    """Of a lease and of a configuration alike."""
    policy, named = Policy(()), []

    def count_new(names: Iterable[str]) -> tuple[int, int]:
        named.append(sorted(names))
        return 0, 0

    policy.judge_new_loggers(asked(Verb.LEASE, levels={"a.b": 10, "c": 20}), count_new)
    config = {"version": 1, "loggers": {"d": {"level": 10}, "e.f": {"level": 10}}}
    policy.judge_new_loggers(asked(Verb.APPLY, config=config), count_new)
    assert [["a.b", "c"], ["d", "e.f"]] == named


def test_which_loggers_somebody_may_name(asked: Asking) -> None:
    """Everything where there are no roles, and nothing where none is theirs."""
    assert Policy(()).loggers_of("alice").covers("anything")
    policy = with_roles(role(loggers=Loggers(("payments.*",))))
    assert [True, False] == [
        policy.loggers_of("alice").covers(name) for name in ("payments.db", "shop")
    ]
    assert not policy.loggers_of("stranger").covers("payments.db")


def test_claims_are_who_asks(alice: Operator) -> None:
    """The issuer of the message is the owner of the role."""
    opened = alice.opened(stream=Stream.BASE)
    assert [] == told(with_roles(role()), read_request(opened))
