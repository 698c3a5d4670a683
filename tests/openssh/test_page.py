"""The page "Sign with ssh-agent or a FIDO key": typed as it stands, with an agent of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.test_docs_examples import DOCS, examples, somebody

if TYPE_CHECKING:
    import pytest
    from tests.openssh.conftest import RunningAgent

PAGE = DOCS / "how-to" / "ssh-agent.md"


def test_the_page_does_what_it_says(running: RunningAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are written, its commands typed, and what it shows is what is printed."""
    monkeypatch.setenv("SSH_AUTH_SOCK", running.path)
    page = examples(PAGE)
    assert {"sh", "toml", "python", "json", "text"} == {block.kind for block in page}
    with somebody() as reader:
        reader.follow(page)
