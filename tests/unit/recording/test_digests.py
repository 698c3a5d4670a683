"""Digests of a policy and of keys: the same in every process, and another for what decides else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire import Chain, Ed25519Verifier, Freshness, Once, clock
from sealwire.documents.tree import LoggerState
from sealwire.keys import SigningKey
from sealwire.policy import Ceiling, Floors, LoggerFloor, Policy, Role, default_rules
from sealwire.recording import digests
from sealwire.recording.digests import keys_digest, policy_digest
from sealwire.requests import Verb

if TYPE_CHECKING:
    import pytest

_PROGRAM = """
from sealwire.policy import Policy, default_rules
from sealwire.recording.digests import policy_digest
print(policy_digest(Policy(default_rules())))
"""


class Mine:
    """A rule of somebody's."""

    name = "mine"


def test_a_policy_has_one_digest_in_every_process() -> None:
    """Whatever order a set has there."""
    found = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in "123"
    }
    assert {policy_digest(Policy(default_rules())) + "\n"} == found


def test_what_decides_something_else_has_another_digest() -> None:
    """Each part counts; where it is written does not."""
    plain = Policy(default_rules())
    others = (
        replace(plain, lock=True),
        replace(plain, ceilings=(Ceiling("app", 10),)),
        replace(plain, floors=Floors((LoggerFloor("app", 20, ("audit",)),))),
        replace(plain, roles=(Role("ops", frozenset({"alice"}), frozenset({Verb.APPLY})),)),
        replace(plain, rules=(*plain.rules, Mine())),  # type: ignore[arg-type] # not asked here
    )
    assert len(others) + 1 == len({policy_digest(each) for each in (plain, *others)})
    assert policy_digest(plain) == policy_digest(replace(plain, sources={"lock": "a.toml:1"}))


def test_values_of_every_kind_have_a_plain_form() -> None:
    """Paths, sets, tables and named tuples as well."""
    value = (Path("/a"), frozenset({2, 1}), {"k": 1.5}, LoggerState("x"), None)
    plain = digests._plain(value)
    assert isinstance(plain, list)
    assert ["/a", ["1", "2"], {"k": 1.5}] == plain[:3]
    assert "LoggerState" == plain[3][""]


def test_keys_have_a_digest() -> None:
    """Another one with another key; none where nothing has keys."""
    keys = [SigningKey(bytes([number]) * 32, owner="alice").verify_key for number in (1, 2)]

    def chain(count: int) -> Chain:
        return Chain("payments@prod", [Ed25519Verifier(keys[:count]), Freshness(), Once()])

    assert keys_digest(chain(1)) not in {None, keys_digest(chain(2))}
    assert keys_digest(chain(2)) == keys_digest(chain(2))
    assert None is keys_digest(object())


def test_the_boot_of_a_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the system says it; nothing where it says nothing."""
    (tmp_path / "boot").write_text("5f3c6a1e-0d58-4c0e-9a55-2f4f6f0f9e11\n", encoding="ascii")
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "boot")
    assert "5f3c6a1e-0d58-4c0e-9a55-2f4f6f0f9e11" == clock.boot_id()
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "none")
    assert "" == clock.boot_id()
