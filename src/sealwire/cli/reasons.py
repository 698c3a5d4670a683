"""Every reason and every rule of a policy in words: what it is, and the next step.

What and cause of a reason are read from the page of messages, and what a rule refuses from that of
policies; both are in the wheel, so they are written down once. A reason's next step is `hints`.
"""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path
from typing import Final, NamedTuple

from sealwire.cli.hints import HINTS
from sealwire.errors import Reason

_MESSAGES: Final = "messages.md"
_POLICIES: Final = "policy.md"
_RULE_NEXT: Final = (
    "change the place named, or, on the host, the line of the policy that a refusal names; what it "
    "allows, in words: sealwire policy explain POLICY"
)


class Explained(NamedTuple):
    """A reason in words; each is a sentence or more, the last is a step."""

    what: str
    cause: str
    next: str


def explain(reason: Reason) -> Explained:
    """Say what a reason means, where it usually comes from, and what to do."""
    section = _section(_page(_MESSAGES), f"### `{reason.value}`")
    return Explained(_entry(section, "What"), _entry(section, "Cause"), HINTS[reason])


class ExplainedRule(NamedTuple):
    """A rule of a policy in words."""

    refuses: str
    next: str


def explain_rules() -> dict[str, ExplainedRule]:
    """Say what each rule of a policy refuses, by its name."""
    section = _section(_page(_POLICIES), "## Rules by name")
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|$", section, flags=re.MULTILINE)
    rules = {
        name: ExplainedRule(plain(text), _RULE_NEXT)
        for names, text in rows
        for name in plain(names).split(", ")
    }
    if not rules:
        raise RuntimeError("sealwire.cli.reasons: no rules on the page of policies")
    return rules


def _page(name: str) -> str:
    packed = importlib.resources.files("sealwire.cli") / name
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    # In a checkout that is not installed the page is where it is written.
    return (Path(__file__).parents[3] / "docs" / "reference" / name).read_text(encoding="utf-8")


def _section(page: str, heading: str) -> str:
    """Give what stands below a heading, up to the next one."""
    _, found, rest = page.partition(f"\n{heading}\n")
    if not found:
        raise RuntimeError(f"sealwire.cli.reasons: there is no {heading} on its page")
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def _entry(section: str, name: str) -> str:
    found = re.search(rf"^- \*\*{name}\*\*: (.*(?:\n  .*)*)", section, flags=re.MULTILINE)
    if found is None:
        raise RuntimeError(f"sealwire.cli.reasons: a section without {name}")
    return plain(found[1])


def plain(markdown: str) -> str:
    """Give text on one line, without the marks of code and of links."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(markdown.split()))
    return text.replace("`", "")
