"""Judging a request by several rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import PolicyError, Reason, Stage
from sealwire.policy import Violation, judge
from sealwire.requests import CONTENT_TYPE_REQUEST, read_request
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Operator
    from tests.unit.policy.conftest import Ask

    from sealwire.requests import Planned


class Objector:
    """A rule that objects to these places, in this order."""

    def __init__(self, name: str, *places: str) -> None:
        self.name = name
        self.places = places
        self.taken = 0

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object, and count how many objections were taken."""
        for place in self.places:
            self.taken += 1
            yield Violation(place, f"no {place}")


class Broken:
    """A rule with a mistake, which shows only when its answer is used."""

    name = "broken"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Fail at the first objection."""
        raise LookupError("a mistake")
        yield Violation("", "")


def test_a_request_is_allowed_when_no_rule_objects(ask: Ask) -> None:
    """Every rule has been asked, and none objected."""
    judge([Objector("a"), Objector("b")], ask())


def test_the_first_objection_is_told(ask: Ask) -> None:
    """The error names the rule, the place and the detail, and no further rule is asked."""
    rules = Objector("a"), Objector("b", "x", "y"), Objector("c", "z")
    with pytest.raises(PolicyError) as caught:
        judge(rules, ask())
    assert ("b", "x", "no x") == (caught.value.rule, caught.value.where, caught.value.detail)
    assert Reason.POLICY is caught.value.reason
    assert Stage.POLICY is caught.value.stage
    assert [0, 1, 0] == [rule.taken for rule in rules]


def test_no_rules_allow_nothing(ask: Ask) -> None:
    """An empty policy is a mistake of the host, and it fails closed."""
    with pytest.raises(PolicyError) as caught:
        judge((), ask())
    assert "no-rules" == caught.value.rule


def test_rules_judge_configurations_alone(alice: Operator) -> None:
    """What holds none is not theirs to allow."""
    document = b'{"verb": "status"}'
    claims = alice.claims(stream=Stream.READ)
    request = read_request(Opened(document, claims, CONTENT_TYPE_REQUEST, document, ()))
    with pytest.raises(PolicyError) as caught:
        judge([Objector("a")], request)
    assert ("verb", "rules allow no status") == (caught.value.rule, caught.value.detail)


def test_a_mistake_in_a_rule_is_not_permission(ask: Ask) -> None:
    """Whatever a rule raises comes out, also from a lazy one; it never counts as no objection."""
    with pytest.raises(LookupError):
        judge([Objector("a"), Broken()], ask())
