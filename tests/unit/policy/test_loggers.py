"""Patterns of loggers: what they cover, what they name, and what is none."""

from __future__ import annotations

import pytest

from sealwire.errors import ConfigurationError
from sealwire.policy import Loggers
from sealwire.policy.loggers import ALL_LOGGERS, check_name, check_pattern, is_beneath, written

NAMES = ["", "a", "a.b", "a.b.c", "ab", "root"]


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("a", ["a"]),
        ("a.b", ["a.b"]),
        ("a.*", ["a.b", "a.b.c"]),
        ("*", ["a", "a.b", "a.b.c", "ab", "root"]),
        ("root", [""]),
        ("z", []),
    ],
)
def test_a_pattern_covers_what_it_says(pattern: str, covered: list[str]) -> None:
    """And nothing of a like name."""
    assert pattern == check_pattern(pattern)
    assert covered == [name for name in NAMES if Loggers((pattern,)).covers(name)]


def test_all_loggers_are_two_patterns() -> None:
    """The root is not covered by the star."""
    assert ALL_LOGGERS.is_all
    assert all(ALL_LOGGERS.covers(name) for name in NAMES)
    assert not Loggers(("*",)).is_all
    assert "*, root" == str(ALL_LOGGERS)


@pytest.mark.parametrize("pattern", [".*", "a*", "*.a", "a..b", ".a", "a.", "**", "a.*.b", "a.*.*"])
def test_what_names_nothing_is_refused(pattern: str) -> None:
    """A pattern of another language would silently cover nothing."""
    with pytest.raises(ConfigurationError, match="names no loggers; write"):
        check_pattern(pattern)


@pytest.mark.parametrize("name", ["a.*", "*", "", "a..b", ".a", "a."])
def test_a_floor_is_for_one_logger_by_its_name(name: str) -> None:
    """A pattern in its place would protect nothing."""
    with pytest.raises(ConfigurationError, match="is not the name of one logger"):
        check_name(name)
    assert "a.b" == check_name("a.b")


@pytest.mark.parametrize(
    ("pattern", "name", "named"),
    [
        ("lib", "lib", True),
        ("lib", "lib.x", False),
        ("lib.*", "lib.x", True),
        ("lib.x", "lib.x", True),
        ("lib.x.*", "lib.x.y", True),
        ("*", "lib", False),
        ("root", "lib", False),
        ("library.*", "lib.x", False),
    ],
)
def test_only_its_own_pattern_names_a_logger(pattern: str, name: str, named: bool) -> None:
    """No wildcard from above does."""
    assert named is Loggers((pattern,)).names(name, "lib")


def test_a_wildcard_from_above_names_nothing() -> None:
    """Although it covers."""
    assert Loggers(("a.*",)).covers("a.lib")
    assert not Loggers(("a.*",)).names("a.lib", "a.lib")


def test_everything_is_beneath_the_root() -> None:
    """And each logger beneath itself."""
    assert is_beneath("a", "")
    assert is_beneath("", "")
    assert is_beneath("a", "a")
    assert is_beneath("a.b", "a")
    assert not is_beneath("ab", "a")
    assert not is_beneath("", "a")
    assert ["root", "a"] == [written(""), written("a")]
