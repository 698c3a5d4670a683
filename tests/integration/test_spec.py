"""The specification: every requirement has tests, and its example is what the program prints."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGE = DOCS / "spec" / "sealwire-1.md"
REQUIREMENT = re.compile(r"\*\*\[([A-Z])-(\d+)\]\*\*")
SAYS = re.compile(r"\b(MUST|SHOULD)\b")
LEAST = 50


def requirements() -> list[str]:
    """Give the numbers of all requirements, in their order."""
    found = REQUIREMENT.finditer(PAGE.read_text(encoding="utf-8"))
    return [f"{match[1]}-{match[2]}" for match in found]


def mapped() -> dict[str, list[str]]:
    """Give the tests of every requirement in the map."""
    tables = tomllib.loads((TESTS / "spec_map.toml").read_text(encoding="utf-8"))
    return {
        f"{letter}-{number}": tests
        for letter, table in tables.items()
        for number, tests in table.items()
    }


def test_there_are_requirements_each_with_one_number() -> None:
    """Numbers within a section count up from 1."""
    found = requirements()
    assert LEAST <= len(found) == len(set(found))
    for letter in {each[0] for each in found}:
        numbers = [int(each[2:]) for each in found if each[0] == letter]
        assert list(range(1, len(numbers) + 1)) == numbers


def test_what_must_be_has_a_number() -> None:
    """A MUST or SHOULD outside a numbered paragraph would have no test."""
    text = PAGE.read_text(encoding="utf-8")
    body = text.partition("## 2.")[2].partition("## 11.")[0]
    # A paragraph or list entry, up to the next one or to an empty line.
    parts = re.split(r"\n\n|\n- ", re.sub(r"\n\n  ", "\n  ", body))
    assert [] == [part for part in parts if SAYS.search(part) and not REQUIREMENT.search(part)]


def test_every_requirement_has_a_test_and_every_test_is_there() -> None:
    """What is not in the map is not shown, and what is not in the page is not required."""
    tests = mapped()
    assert set(requirements()) == set(tests)
    known: dict[str, set[str]] = {}
    for name in {test for each in tests.values() for test in each}:
        file, _, function = name.partition("::")
        if file not in known:
            tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
            known[file] = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
        assert function in known[file], name
    assert all(tests.values())


def test_the_example_is_what_the_program_prints() -> None:
    """Nobody edits it by hand, and a change of the format shows here."""
    found = importlib.util.spec_from_file_location("example", DOCS / "make_spec_example.py")
    assert found is not None
    assert found.loader is not None
    program = importlib.util.module_from_spec(found)
    found.loader.exec_module(program)
    text = PAGE.read_text(encoding="utf-8")
    assert program.page(text) == text
