"""What the tests of policy share: a request made from a dictionary, and what a rule says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

import pytest

from sealwire.requests import Apply, Planned, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.policy import Rule


class Ask(Protocol):
    """Makes a request of the sections of a configuration."""

    def __call__(self, **sections: object) -> Planned:
        """Give the request."""


class Objections(Protocol):
    """Asks one rule about a configuration."""

    def __call__(self, rule: Rule, **sections: object) -> list[str]:
        """Give what the rule objects to, as ``where: detail``."""


@pytest.fixture
def ask(alice: Operator) -> Ask:
    """Give a function from sections to a request."""

    def ask(**sections: object) -> Planned:
        document = json.dumps({"version": 1, **sections}).encode()
        opened = Opened(document, alice.claims(), "application/json", document, evidence=())
        request = read_request(opened)
        assert isinstance(request, Apply)
        return request

    return ask


@pytest.fixture
def objections(ask: Ask) -> Objections:
    """Give a function from a rule and sections to what the rule objects to."""

    def objections(rule: Rule, **sections: object) -> list[str]:
        return [f"{where}: {detail}" for where, detail in rule.judge(ask(**sections))]

    return objections
