"""Lengths and ends in words, and the command that was typed."""

from __future__ import annotations

import click
import pytest

from sealwire.cli.typed import about, mended, typed, which_service
from sealwire.cli.wording import end_in_words, length_in_words


@pytest.mark.parametrize(
    ("length_ms", "words"),
    [
        (0, "0 s"),
        (400, "0 s"),
        (1_000, "1 s"),
        (59_600, "60 s"),
        (61_000, "61 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (899_100, "15 min"),
        (3_599_285, "1 h"),
        (7_500_000, "2 h 5 min"),
        (86_400_000, "1 d"),
        (86_700_000, "1 d"),
        (93_600_000, "1 d 2 h"),
    ],
)
def test_a_length_has_two_units_at_most(length_ms: int, words: str) -> None:
    """What was asked for 15 minutes a moment ago ends in 15."""
    assert words == length_in_words(length_ms)


def test_an_end_says_how_far_it_is() -> None:
    """Before it and behind it; a number where no calendar goes."""
    assert "1970-01-01T00:15:00.000Z, in 15 min" == end_in_words(900_000, 0)
    assert "1970-01-01T00:00:00.000Z, 30 s ago" == end_in_words(0, 30_000)
    assert end_in_words(2**53, 0).startswith("9007199254740992 ms after 1970, in ")


def context(*given: str, **params: str) -> click.Context:
    """Give the context of a command that was typed."""
    made = click.Context(click.Command("lease"), obj=given)
    made.params = dict(params)
    return made


def test_what_was_typed_comes_back() -> None:
    """Quoted, with more in front of what can only be arguments, and with values replaced."""
    assert "sealwire" == typed()
    with context("lease", "a=DEBUG", "--why", "INC 1", "--to=a", "--", "b=INFO"):
        assert "sealwire lease a=DEBUG --why 'INC 1' --to=a --through x -- b=INFO" == (
            typed("--through", "x")
        )
        assert "--to=b --" in typed(instead={"a": "b"})
    with context("lease", "--through", "consol"):
        said = "through: there is no handler consol; there are: console, file"
        assert "did you mean console? sealwire lease --through console" == mended(said)
        assert mended("through: there is no handler zzz; there are: none").startswith("name one")
        assert "" == mended("something else")


def test_commands_of_a_hint_ask_the_same_service() -> None:
    """Each with the options that it takes."""
    with context("lease", "a=DEBUG", to="p@x", config="o p.toml"):
        assert " --to p@x --config 'o p.toml'" == which_service()
        said = about("look: sealwire status, sealwire why, sealwire doctor", "the request")
        assert said == (
            "look: sealwire status --to p@x --config 'o p.toml', sealwire why --config 'o p.toml', "
            "sealwire doctor --to p@x --config 'o p.toml'"
        )
        again = about("mend the configuration, then: sealwire send CONFIG", "the request")
        assert "mend the request, then: sealwire lease a=DEBUG" == again
        shorter = "seal anew: sealwire send CONFIG --lifetime 5m"
        assert "seal anew: sealwire lease a=DEBUG" == about(shorter, "the request")
        assert about(shorter, "the configuration").endswith("a=DEBUG --lifetime 5m")
        assert shorter == about(shorter, "the sealed message")
