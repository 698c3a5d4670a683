"""The standard library's tests of its configuration pass against ours, but for a list of them.

A Python without ``test.test_logging`` fails here, and says so.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

PROGRAM: Final = Path(__file__).with_name("config_program.py")
LIST: Final = Path(__file__).with_name("config_exceptions.toml")
TIMEOUT_S: Final = 120


class Outcome(NamedTuple):
    """What became of one test; see ``config_program.py``."""

    outcome: str
    failure: str
    applied: int
    refused: list[str]


Outcomes = dict[str, Outcome]


@cache
def outcomes(how: str) -> Outcomes:
    """Run all tests, against ``sealwire`` or the ``library``, or with documents ``mended``."""
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), how],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    return {name: Outcome(**told) for name, told in json.loads(ran.stdout).items()}


@pytest.fixture
def exceptions() -> dict[str, Any]:
    """Give the list."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))


def named(outcome: str, told: Outcomes) -> set[str]:
    """Give the tests with this outcome."""
    return {name for name, each in told.items() if each.outcome == outcome}


def reasons(exceptions: dict[str, Any], key: str) -> dict[str, str]:
    """Give each listed test that this Python has, with what its failure shows."""
    return {
        name: reason["shows"]
        for reason in exceptions["reasons"].values()
        for name in reason.get(key, [])
        if name in outcomes("sealwire")
    }


def all_names(exceptions: dict[str, Any]) -> list[str]:
    """Give every test that the list names."""
    found = [*exceptions["refused"], *exceptions["untouched"]]
    for reason in exceptions["reasons"].values():
        found += [*reason["tests"], *reason.get("instead", [])]
    return found


def test_they_pass_against_the_library() -> None:
    """All of them, so that what fails against ours does so because of ours."""
    told = outcomes("library")
    assert {} == {name: told[name].failure for name in named("failed", told)}
    assert named("skipped", told) == named("skipped", outcomes("sealwire"))


def test_what_fails_is_listed_and_what_is_listed_fails(exceptions: dict[str, Any]) -> None:
    """Each with the words of its reason; so a listed one that starts to pass is noticed as well."""
    told, listed = outcomes("sealwire"), reasons(exceptions, "tests")
    failed = {name: told[name].failure for name in named("failed", told)}
    unlisted = {name: why for name, why in failed.items() if name not in listed}
    assert {} == unlisted, "these fail and are not listed"
    assert [] == sorted(listed.keys() - failed), "these are listed and pass"
    otherwise = {name: why for name, why in failed.items() if listed[name] not in why}
    assert {} == otherwise, "these fail for another reason than is listed"


def test_what_is_refused_is_refused_for_what_the_test_is_about(exceptions: dict[str, Any]) -> None:
    """A test that expects an error passes with any; each is known by its words."""
    told = outcomes("sealwire")
    wanted = exceptions["refused"] | reasons(exceptions, "instead")
    for name in named("passed", told):
        refused = told[name].refused
        assert bool(refused) == (name in wanted), (name, refused)
        assert all(wanted[name] in words for words in refused), (name, refused)


def test_the_others_have_applied_something(exceptions: dict[str, Any]) -> None:
    """A test that reaches neither function shows nothing about ours."""
    told = outcomes("sealwire")
    idle = {
        name for name in named("passed", told) if not told[name].applied and not told[name].refused
    }
    assert set(exceptions["untouched"]) == idle


def test_text_in_the_place_of_true_is_all_that_is_wrong_there(exceptions: dict[str, Any]) -> None:
    """With ``true`` in its place they pass, and what they configure is in force."""
    told = outcomes("mended")
    listed = [
        name
        for reason in exceptions["reasons"].values()
        if reason.get("mended")
        for name in reason["tests"]
        if name in told
    ]
    assert listed
    assert [] == [name for name in listed if told[name].outcome != "passed"]
    assert [] == [name for name in listed if not told[name].applied]


def test_the_counts_are_those_of_the_list(
    exceptions: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """On the Pythons that are counted there; another one may have more tests, or fewer."""
    told = outcomes("sealwire")
    counts = {
        "tests": len(told),
        "passed": len(named("passed", told)),
        "listed": len(reasons(exceptions, "tests")),
        "skipped": len(named("skipped", told)),
        # Misspelt names would be among these, and nowhere else.
        "absent": len(set(all_names(exceptions)) - told.keys()),
    }
    version = platform.python_version()
    with capsys.disabled():
        print(f"\nPython {version}, dictConfig and fileConfig: {counts}")
    assert counts["tests"] == counts["passed"] + counts["listed"] + counts["skipped"]
    assert counts == exceptions["counts"].get(version, counts)


def test_each_name_stands_on_the_list_once(exceptions: dict[str, Any]) -> None:
    """Also among the tests that pass: one name has one explanation."""
    names = all_names(exceptions)
    assert len(set(names)) == len(names)
