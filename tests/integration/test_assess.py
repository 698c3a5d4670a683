"""The live tests for assessors: the page lists them all, and one that does not hold is told."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the program."""
    found = importlib.util.spec_from_file_location(
        "assess", ROOT / "tests" / "assess" / "assess.py"
    )
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Where dataclasses look for what an annotation names.
    monkeypatch.setitem(sys.modules, "assess", module)
    found.loader.exec_module(module)
    return module


def test_every_live_test_is_on_the_page(program: ModuleType) -> None:
    """With its number and its words; and those that controls refer to are there."""
    page = (ROOT / "docs" / "how-to" / "for-an-assessor.md").read_text(encoding="utf-8")
    titles = [each.__doc__.strip() for each in program.TESTS]
    assert titles == re.findall(r"^\| \d+ \| (.*?) \| ", page, re.MULTILINE)
    controls = (ROOT / "docs" / "reference" / "controls.md").read_text(encoding="utf-8")
    cells = re.findall(r"\| ([\d, ]*) \|$", controls, re.MULTILINE)
    named = {int(number) for cell in cells for number in cell.replace(",", " ").split()}
    assert named == set(range(1, len(titles) + 1))


def test_one_that_holds_and_one_that_does_not(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was seen is printed, and a test that fails makes the exit status 1."""

    def never_holds(host: object) -> None:
        """Something that is not so."""
        program.Host.check(host, "the moon", held=False)

    monkeypatch.setattr(program, "TESTS", (program.a_stranger_is_refused_and_recorded, never_holds))
    assert 1 == program.assess([])
    printed = capsys.readouterr().out
    assert "   saw: the reason: a key that is not trusted\n" in printed
    assert "   FAILED: did not see: the moon\n1 did not hold\n" in printed
    assert 0 == program.assess([1])
