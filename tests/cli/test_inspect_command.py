"""``sealwire inspect``: says first that nothing is verified, and crashes on nothing."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealwire.cli import inspection
from sealwire.cli.anatomy import MAX_LAYERS, look_at, looks_sealed
from sealwire.cli.wording import time_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.cli.conftest import Shell
    from tests.conftest import Operator, Way

MUTATED = 20_000


def test_a_message_in_the_clear(local: Way) -> None:
    """Layers and claims, as the message has them."""
    sealed = local.seal()
    seen = look_at(sealed)
    assert len(sealed) == seen.size_bytes
    assert ["Sign1"] == [layer.shape.name for layer in seen.layers]
    assert [bytes(local.operator.signing.id)] == [layer.key_id for layer in seen.layers]
    assert local.operator.claims() == seen.claims
    assert ("", 0) == (seen.problem, seen.hidden_bytes)


def test_a_message_that_hides_its_content(network: Way) -> None:
    """What is encrypted is a number of bytes; what is around it is shown."""
    seen = look_at(network.seal())
    assert ["Mac0", "Encrypt0"] == [layer.shape.name for layer in seen.layers]
    assert [bytes(network.operator.mac.id), bytes(network.operator.aead.id)] == [
        layer.key_id for layer in seen.layers
    ]
    assert seen.claims is None
    assert seen.hidden_bytes > 0


def test_as_people_see_it(shell: Shell, local: Way) -> None:
    """The first line says that nothing is verified."""
    lines = shell.done("inspect", "-", given=local.seal()).splitlines()
    assert "not verified" == lines[0]
    assert any(line.split() == ["issuer", "alice"] for line in lines)
    assert any(local.operator.signing.fingerprint in line for line in lines)


def test_as_json(shell: Shell, network: Way) -> None:
    """The same as one object, which begins with the same word."""
    sealed = network.seal()
    printed = shell.done("inspect", "-", "--json", given=sealed)
    told = json.loads(printed)
    assert "verified" == next(iter(told))
    assert told["verified"] is False
    assert [("Mac0", 5), ("Encrypt0", 3)] == [
        (layer["kind"], layer["algorithm"]) for layer in told["layers"]
    ]
    assert len(sealed) == told["bytes"]
    assert told["claims"] is None


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "no sealed message: nothing"),
        (b'{"version": 1}', "no sealed message: no COSE object"),
        (b"\xd2\x84", "Sign1 has other headers or another length"),
        (b"\xd8\x62\x84", "no sealed message: Sign (tag 98)"),
    ],
)
def test_what_is_no_message(shell: Shell, content: bytes, error: str) -> None:
    """Still "not verified" first; then an error, and the status of what was tampered with."""
    ended = shell.run("inspect", "-", given=content)
    assert 1 == ended.status
    assert "not verified" == ended.stdout.splitlines()[0]
    assert error in ended.error


def test_a_file_that_is_too_large_is_not_read(shell: Shell) -> None:
    """No more is read than could have been sent."""
    ended = shell.run("inspect", "/dev/zero")
    assert 3 == ended.status
    assert "more than 266240 bytes" in ended.error


def test_a_folder_is_no_message(shell: Shell) -> None:
    """What cannot be read is a local failure, in words."""
    ended = shell.run("inspect", shell.folder)
    assert 3 == ended.status
    assert ended.error.endswith("cannot be read: is a directory")


def test_layers_without_end(alice: Operator) -> None:
    """A message may hold thousands of layers; the first few are shown."""
    deep = alice.wrap(alice.body(), [alice.signer()] * (MAX_LAYERS + 3))
    seen = look_at(deep)
    assert MAX_LAYERS == len(seen.layers)
    assert f"more than {MAX_LAYERS} layers" == seen.problem


@given(st.binary(max_size=400))
@example(b"\xd1")
@example(b"\xd0\x83")
def test_any_bytes_can_be_looked_at(content: bytes) -> None:
    """An anatomy comes out of everything, and a problem out of what is no message."""
    assert look_at(content).problem


def test_mutated_messages_can_be_looked_at(
    capsys: pytest.CaptureFixture[str],
    local: Way,
    network: Way,
    mutate: Callable[[random.Random, Sequence[bytes]], bytes],
) -> None:
    """Close to real messages nothing crashes either, and all that is printed can be printed."""
    chance = random.Random(7)
    seeds = (local.seal(), network.seal(), local.seal(local.operator.body(b"{}", iss="bob")))
    readable = 0
    for _ in range(MUTATED):
        seen = look_at(mutate(chance, seeds))
        inspection._say(seen)
        json.dumps(inspection._as_json(seen))
        readable += seen.claims is not None
    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert 0 < readable < MUTATED


def test_hostile_times_are_numbers() -> None:
    """A message may claim to be from a year that no calendar has."""
    assert "2027-01-15T08:00:00.000Z" == time_in_words(1_800_000_000_000)
    assert "18446744073709551615 ms after 1970" == time_in_words(2**64 - 1)


@pytest.mark.parametrize("text", [b"", b"{}", b" {", b"\xef\xbb\xbf{}", b"[", "\u20ac".encode()])
def test_no_text_looks_sealed(text: bytes) -> None:
    """One byte tells a configuration from a message."""
    assert not looks_sealed(text)


def test_messages_look_sealed(way: Way) -> None:
    """Both chains' messages begin with a tag."""
    assert looks_sealed(way.seal())
