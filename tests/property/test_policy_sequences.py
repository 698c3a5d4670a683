"""No sequence of requests lowers a floor, whatever each of them asks for.

Configurations and leases are drawn from small sets of names, so that they meet. What policy allows
becomes the base, or is a lease for the next steps; what it refuses changes nothing. After each
step `Tree.emission`, which is what ``logging`` does, says whether protected records are written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.errors import PolicyError
from sealwire.policy import (
    Ceiling,
    Direction,
    Floors,
    HandlerFloor,
    LoggerFloor,
    Loggers,
    Policy,
    Role,
    default_rules,
)
from sealwire.policy.supposed import supposed_result
from sealwire.requests import Apply, Lease, read_request
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.requests import Request

LOGGERS = ["root", "a", "a.b", "a.b.c", "a.b.d", "x"]
PATHS = ["/log/kept", "/log/kept.1", "/log/other"]
LEVELS = [0, 10, 20, 21, 30, 50]

FLOORS = Floors(
    (LoggerFloor("a.b", 20, ("kept",)), LoggerFloor("x", 30, ("console",))),
    (
        HandlerFloor(
            "kept", "logging.FileHandler", "/log/kept", formatter=FormatterState(format="%(name)s")
        ),
    ),
)
POLICY = Policy(
    default_rules(["/log"]),
    FLOORS,
    (Ceiling("root", 20),),
    roles=(
        Role("both", frozenset({"alice"}), loggers=Loggers(("*",)), direction=Direction.BOTH),
        Role("all", frozenset({"*"}), through=None),
    ),
)
BASE = Tree(
    (
        LoggerState("", 30, ("console",)),
        LoggerState("a", 20),
        LoggerState("a.b", 0, ("kept",)),
        LoggerState("a.b.c"),
    ),
    (
        HandlerState("console", "logging.StreamHandler", target="stderr"),
        HandlerState(
            "kept",
            "logging.FileHandler",
            target="/log/kept",
            formatter=FormatterState(format="%(name)s"),
        ),
    ),
)

names = st.sampled_from(LOGGERS)
levels = st.sampled_from(LEVELS)
keys = st.sampled_from(["kept", "console", "new"])
handlers = st.one_of(
    st.just({"class": "logging.NullHandler"}),
    st.just({"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}),
    st.fixed_dictionaries(
        {"class": st.just("logging.FileHandler"), "filename": st.sampled_from(PATHS)},
        optional={
            "level": levels,
            "formatter": st.sampled_from(["f", "g"]),
            "filters": st.just(["none"]),
        },
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a configuration; most are harmful, some are not."""
    loggers = st.fixed_dictionaries({}, optional={"level": levels, "propagate": st.booleans()})
    if draw(st.booleans()):
        return {
            "incremental": True,
            "loggers": draw(st.dictionaries(names, loggers, max_size=3)),
            "handlers": draw(
                st.dictionaries(keys, st.fixed_dictionaries({"level": levels}), max_size=1)
            ),
        }
    made = draw(st.dictionaries(keys, handlers, max_size=3))
    attached = st.lists(st.sampled_from(sorted(made)), unique=True) if made else st.just([])
    whole = st.fixed_dictionaries(
        {"handlers": attached},
        optional={"level": levels, "propagate": st.booleans(), "filters": st.just(["none"])},
    )
    return {
        "formatters": {"f": {"format": "%(name)s"}, "g": {"format": "%(message)s"}},
        "filters": {"none": {"name": "no.such"}},
        "handlers": made,
        "loggers": draw(st.dictionaries(names, whole, max_size=3)),
        "disable_existing_loggers": draw(st.sampled_from([False, False, True])),
    }


leases = st.fixed_dictionaries(
    {
        "verb": st.just("lease"),
        "levels": st.dictionaries(names, st.sampled_from(LEVELS[1:]), min_size=1, max_size=3),
    },
    optional={"through": st.lists(st.sampled_from(["kept", "console"]), unique=True)},
)
steps = st.lists(
    st.tuples(st.sampled_from(["alice", "bob"]), st.one_of(documents(), leases)), max_size=12
)


def request_of(alice: Operator, issuer: str, document: dict[str, Any]) -> Request:
    """Give what a signed message of this document asks for."""
    leased = "verb" in document
    data = json.dumps(document if leased else {"version": 1, **document}).encode()
    kind = "application/vnd.sealwire.request+json" if leased else "application/json"
    claims = alice.claims(iss=issuer, stream=Stream.LEASE if leased else Stream.BASE)
    return read_request(Opened(data, claims, kind, data, evidence=()))


def with_leases(base: Tree, running: list[Lease]) -> Tree:
    """Give the base with all leases; the newest counts."""
    loggers, known = base.by_name(), base.by_key()
    for lease in running:
        for name, level in lease.levels:
            loggers[name] = loggers.get(name, LoggerState(name))._replace(level=level)
        for key in lease.through:
            lowest = min(level for _, level in lease.levels)
            known[key] = known[key]._replace(level=min(known[key].level, lowest))
    return Tree(
        tuple(loggers[name] for name in sorted(loggers)),
        tuple(known[key] for key in sorted(known)),
    )


def check(tree: Tree) -> None:
    """Check what the floors promise, by what ``logging`` does with a record."""
    for name in ("a.b", "a.b.c", "a.b.d", "a.b.c.e"):
        assert "kept" in tree.emission(name, 20).emitting
    assert "console" in tree.emission("x", 30).emitting
    kept = tree.by_key()["kept"]
    assert kept._replace(level=0) == BASE.by_key()["kept"]
    assert tree.by_key()["console"].class_name == "logging.StreamHandler"
    assert ["kept"] == [each.key for each in tree.handlers if each.target.startswith("/log/kept")]
    assert tree.effective_level("") >= 20


@given(asked=steps)
@hypothesis_settings(max_examples=300)
def test_no_sequence_lowers_a_floor(
    alice: Operator, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    """Base and base with leases keep what is promised after each step."""
    base, running = BASE, list[Lease]()
    for issuer, document in asked:
        request = request_of(alice, issuer, document)
        try:
            POLICY.judge(request)
            if isinstance(request, Apply):
                after = supposed_result(base, request.plan)
                POLICY.judge_tree(request, base, after)
                POLICY.judge_tree(None, after, with_leases(after, running))
                base = after
            else:
                assert isinstance(request, Lease)
                POLICY.judge_tree(request, base, with_leases(base, [*running, request]))
                running.append(request)
        except PolicyError:
            pass
        check(base)
        check(with_leases(base, running))


def test_some_steps_are_allowed(alice: Operator) -> None:
    """A policy that refuses everything would keep its promise as well."""
    for document in (
        {"loggers": {"x": {"handlers": [], "level": 20}}},
        {"incremental": True, "loggers": {"a.b.c": {"level": 10}}},
        {"handlers": {"new": {"class": "logging.FileHandler", "filename": "/log/other"}}},
    ):
        request = request_of(alice, "bob", document)
        assert isinstance(request, Apply)
        POLICY.judge(request)
        POLICY.judge_tree(request, BASE, supposed_result(BASE, request.plan))
