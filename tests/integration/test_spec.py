"""The specification: every requirement has tests, and its example is what the program prints."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

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


def program(path: Path) -> Any:  # noqa: ANN401 - a module that no type checker sees
    """Load a program that is not installed."""
    found = importlib.util.spec_from_file_location(f"spec_{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_example_is_what_the_program_prints() -> None:
    """Nobody edits it by hand, and a change of the format shows here."""
    text = PAGE.read_text(encoding="utf-8")
    assert program(DOCS / "make_spec_example.py").page(text) == text


def shown(chapter: str, title: str) -> bytes:
    """Give the bytes of a block of the example."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n### {chapter}\n")[2]
    found = re.search(rf"{title} \((\d+) bytes\):\n\n```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    data = bytes.fromhex("".join(line[4:] for line in found[2].splitlines()))
    assert len(data) == int(found[1])
    return data


def test_the_example_is_written_alike_without_sealwire() -> None:
    """By what writes the vectors, from nothing but the text of the page."""
    by_hand = program(TESTS / "vectors" / "encoding.py")
    alice, host = by_hand.Signing(bytes(range(32))), by_hand.Signing(bytes(range(96, 128)))
    mac = by_hand.Secret("mac0", bytes(range(32, 64)))
    aead = by_hand.Secret("encrypt0", bytes(range(64, 96)))
    times = {4: 1_800_000_300, 6: 1_800_000_000, 7: bytes(range(16)), -70002: "base"}
    claims = {1: "alice", 3: "payments@prod", -70001: 1_800_000_000_123, **times}
    body = by_hand.enc([claims, "application/json", by_hand.DOCUMENT])
    assert body == shown("Body", "Body")
    assert by_hand.seal(body, (alice,)) == shown("Chain `local`", "The sealed message, Sign1")
    sealed = by_hand.seal(body, (mac, aead, alice))
    assert sealed == shown("Chain `network`", "The sealed message, Mac0")

    digest = hashlib.sha256(body).digest()
    document = (
        '{"floor_ms":1800000000123,"instances":[{"name":"host-1/worker-0","outcome":"applied"}],'
        f'"mode":"wait-out","outcome":"applied","request":"{digest.hex()}"}}'
    ).encode()
    claims = {1: "host-1", 3: "payments@prod", -70001: 1_800_000_000_579, **times}
    body = by_hand.enc([claims, "application/vnd.sealwire.receipt+json", document])
    assert body == shown("Receipt", "Body")
    receipt = by_hand.seal(body, (host,), use="receipt")
    assert receipt == shown("Receipt", "The receipt, Sign1")
    derived = by_hand.hkdf(aead.secret, "sealwire/1 receipt", 32, digest)
    keys = (by_hand.Secret("encrypt0", derived), host)
    assert by_hand.seal(body, keys, use="receipt") == shown("Receipt", "The receipt, Encrypt0")
