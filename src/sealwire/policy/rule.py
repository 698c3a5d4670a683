"""What a rule is, and how a request is judged by several.

Rules this module keeps:

1. A request is allowed when no rule objects; one objection is enough, and the first one found is
   the one that is told. Rules can only take away: no rule makes another one lenient.
2. No rule at all allows nothing. An empty policy is a mistake, and this one fails closed.
3. A rule judges the plan and the evidence, never the text, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from sealwire.errors import PolicyError
from sealwire.requests import Apply, DryRun, Planned, Request

NO_RULES = "no-rules"
"""The name that `judge` gives where there is no rule to name."""


VERB = "verb"
"""The name that `judge` gives where what is asked for holds no configuration to judge."""


class Violation(NamedTuple):
    """One objection.

    Attributes:
        where: the place in the request, such as ``handlers.console.class``.
        detail: the value against the limit, in words; quotes are shortened, and no argument that
            may be a secret is quoted.
    """

    where: str
    detail: str


class Rule(Protocol):
    """One reason for which a request may be refused."""

    @property
    def name(self) -> str:
        """The rule's name, for answers, logs and audit."""

    def judge(self, request: Planned) -> Iterable[Violation]:
        """Give every objection to ``request``; nothing where there is none.

        May be lazy: the caller takes as many as it needs. Must not change anything, and must give
        the same objections whenever it is asked.
        """


def judge(rules: Iterable[Rule], request: Request) -> None:
    """Refuse ``request`` if any rule objects to it, or if it is none that rules can judge.

    Whatever else a third party's rule raises is not caught here: it comes out as it is, and whoever
    calls has to refuse the request for it, as the receiver does with ``INTERNAL``.

    Args:
        rules: asked in their order.
        request: what is to be done, and who asks.

    Raises:
        PolicyError: with the first objection, or because there are no rules.
    """
    if not isinstance(request, (Apply, DryRun)):
        raise PolicyError(VERB, "verb", f"rules allow no {request.verb.value}")
    asked = False
    for rule in rules:
        asked = True
        for violation in rule.judge(request):
            raise PolicyError(rule.name, violation.where, violation.detail)
    if not asked:
        raise PolicyError(NO_RULES, "", "the policy has no rules, and allows nothing")
