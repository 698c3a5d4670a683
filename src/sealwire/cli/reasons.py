"""Every reason in words: what it is, its usual cause, and the next step.

What and cause are read from the page of messages, which is in the wheel, so they are written down
once. The next step is `hints`.
"""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path
from typing import Final, NamedTuple

from sealwire.cli.hints import HINTS
from sealwire.errors import Reason

_PAGE: Final = "messages.md"


class Explained(NamedTuple):
    """A reason in words; each is a sentence or more, the last is a step."""

    what: str
    cause: str
    next: str


def explain(reason: Reason) -> Explained:
    """Say what a reason means, where it usually comes from, and what to do."""
    section = _section(_page(), reason.value)
    return Explained(_entry(section, "What"), _entry(section, "Cause"), HINTS[reason])


def _page() -> str:
    packed = importlib.resources.files("sealwire.cli") / _PAGE
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    # In a checkout that is not installed the page is where it is written.
    return (Path(__file__).parents[3] / "docs" / "reference" / _PAGE).read_text(encoding="utf-8")


def _section(page: str, name: str) -> str:
    """Give what stands below the heading of a reason, up to the next heading."""
    _, found, rest = page.partition(f"\n### `{name}`\n")
    if not found:
        raise RuntimeError(f"sealwire.cli.reasons: {name} is not on the page of messages")
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
