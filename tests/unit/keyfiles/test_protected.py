"""Signing keys under a passphrase: one spelling, caps before memory, no way out for a secret."""

from __future__ import annotations

import copy
import pickle
import random
import re
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nacl.bindings
import pytest

from sealwire.errors import ConfigurationError, KeyFileError, SealError
from sealwire.keyfiles import (
    DEFAULT_COST,
    UNSAFE_COST_FOR_TESTS_ALONE,
    Cost,
    LockedSigner,
    Passphrase,
    ProtectedKey,
    format_key,
    load_mac_key,
    load_public_half,
    load_signing_key,
    new_mac_key,
    parse_key,
    parse_protected,
    protect,
    read_key_file,
    write_key_file,
)
from sealwire.keyfiles.text import coded
from sealwire.keys import SigningKey, reveal_secret
from sealwire.settings.operator import OperatorSettings

FAST = UNSAFE_COST_FOR_TESTS_ALONE
SECRET = b"correct horse battery"
KEY = SigningKey(bytes(range(32)), owner="alice")
OTHER = SigningKey(bytes(range(1, 33)), owner="alice")


def given(secret: bytes = SECRET) -> Passphrase:
    """Give a passphrase."""
    return Passphrase(secret)


def asked(what: str) -> Passphrase:
    """Be somebody who knows it."""
    return given()


LINE = protect(KEY, given(), FAST).line().removesuffix("\n")


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the KeyFileError that ``step`` raises."""
    with pytest.raises(KeyFileError) as caught:
        step()
    return str(caught.value)


def with_field(at: int, value: str) -> str:
    """Give the line with another field."""
    fields = LINE.split(" ")
    fields[at] = value
    return " ".join(fields)


def test_what_is_written_opens(tmp_path: Path) -> None:
    """Through a file, mode 0600, and with the passphrase alone."""
    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    assert 0o600 == (tmp_path / "k").stat().st_mode & 0o777
    assert KEY == load_signing_key(tmp_path / "k", ask=asked)
    file = read_key_file(tmp_path / "k")
    assert isinstance(file.key, ProtectedKey)
    assert ("alice", KEY.verify_key, FAST) == (file.key.owner, file.key.public, file.key.cost)
    assert KEY.verify_key == load_public_half(tmp_path / "k")


def test_the_default_costs_what_is_said(tmp_path: Path) -> None:
    """256 MiB and three passes, in the file and in words."""
    held = protect(KEY, given())
    assert "argon2id 262144 3 1" == " ".join(held.line().split(" ")[3:7])
    assert "Argon2id 256 MiB, 3 passes" == str(DEFAULT_COST)
    assert "Argon2id 8 KiB, 1 pass" == str(FAST)
    assert KEY == held.open(given())


def test_the_form_is_what_the_documentation_says() -> None:
    """Ten fields: the last is the plain file, encrypted, and authenticates those before it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    fields = LINE.split(" ")
    salt, iv, sealed = (parse_bytes(each) for each in fields[7:])
    key = nacl.bindings.crypto_pwhash_alg(
        32, SECRET, salt, 1, 8 * 1024, nacl.bindings.crypto_pwhash_ALG_ARGON2ID13
    )
    plain = AESGCM(key).decrypt(iv, sealed, " ".join(fields[:9]).encode())
    assert format_key(KEY).encode() == plain
    assert ["sealwire-protected-key-1", "alice", coded(KEY.verify_key.public_bytes)] == fields[:3]
    assert ["argon2id", "8", "1", "1"] == fields[3:7]


def parse_bytes(text: str) -> bytes:
    """Read base64url without padding, by other means than ours."""
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_each_file_has_its_own_salt_and_iv() -> None:
    """So that nothing shows whether two have one passphrase."""
    lines = {protect(KEY, given(), FAST).line() for _ in range(20)}
    assert 20 == len({line.split(" ")[7] for line in lines})
    assert 20 == len({line.split(" ")[8] for line in lines})


def test_a_wrong_passphrase_and_a_changed_file_have_one_answer() -> None:
    """What is said does not tell which, nor how near."""
    said = set()
    for wrong in (SECRET[:-1], SECRET + b" ", b"x"):
        said.add(refusal(partial(parse_protected(LINE).open, given(wrong))))
    changed = (
        with_field(1, "bob"),
        with_field(2, coded(OTHER.verify_key.public_bytes)),
        with_field(4, "9"),
        with_field(5, "2"),
        with_field(7, coded(b"s" * 16)),
        with_field(8, coded(b"i" * 12)),
        with_field(9, coded(b"s" * 100)),
    )
    for line in changed:
        said.add(refusal(partial(parse_protected(line).open, given())))
    assert 1 == len(said)


@pytest.mark.parametrize("other", ["another-key", "another-owner", "no-key", "another-kind"])
def test_what_comes_out_has_to_be_what_stands_in_front(
    other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the passphrase cannot make a file that shows one key and holds another."""
    inside = {
        "another-key": format_key(OTHER),
        "another-owner": format_key(SigningKey(reveal_secret(KEY), owner="bob")),
        "no-key": "nothing\n",
        "another-kind": format_key(new_mac_key("alice", "payments@prod")),
    }[other]
    monkeypatch.setattr("sealwire.keyfiles.protected.format_key", lambda _: inside)
    held = protect(KEY, given(), FAST)
    monkeypatch.undo()
    assert "the passphrase is wrong, or the file was changed" in refusal(lambda: held.open(given()))


@pytest.mark.parametrize(
    "line",
    [
        LINE + " ",
        LINE + " x",
        LINE.replace(" ", "  ", 1),
        LINE.replace("argon2id", "argon2i"),
        LINE.replace("sealwire-protected-key-1", "sealwire-protected-key-2"),
        with_field(1, "Alice"),
        with_field(2, coded(b"\1" + bytes(31))),
        with_field(4, "08"),
        with_field(4, "+8"),
        with_field(4, "٨"),
        with_field(4, "0"),
        with_field(4, "7"),
        with_field(5, ""),
        with_field(6, "2"),
        with_field(7, LINE.split(" ")[7] + "="),
        with_field(7, coded(b"s" * 15)),
        with_field(8, coded(b"i" * 16)),
        with_field(9, ""),
        with_field(9, coded(b"t" * 16)),
        with_field(9, coded(b"t" * 513)),
        LINE[:-1] + ALPHABET[ALPHABET.index(LINE[-1]) ^ 1],
    ],
)
def test_a_line_has_one_spelling(line: str) -> None:
    """Whatever else is written is refused before anything is computed."""
    with pytest.raises(ConfigurationError):
        parse_protected(line)
    assert LINE + "\n" == parse_protected(LINE).line()


@pytest.mark.parametrize(
    ("at", "value"),
    [(4, "1048577"), (4, "999999999"), (5, "11"), (5, "999999999"), (6, "2"), (6, "16")],
)
def test_what_asks_for_too_much_gets_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, value: str
) -> None:
    """The caps are looked at when the file is read, before anybody is asked."""

    def never(*_: object) -> bytes:
        raise AssertionError("memory was taken")

    monkeypatch.setattr(nacl.bindings, "crypto_pwhash_alg", never)
    (tmp_path / "k").write_text(with_field(at, value) + "\n")
    (tmp_path / "k").chmod(0o600)
    text = refusal(lambda: load_signing_key(tmp_path / "k", ask=never))  # type: ignore[arg-type]
    assert "at most 1048576 KiB, 10 passes and 1 lane are given" in text


def test_the_caps_themselves_are_read() -> None:
    """A file may ask for exactly as much, and nothing is written that would not be read."""
    assert (
        Cost(1048576, 10)
        == parse_protected(with_field(4, "1048576").replace(" 1 1 ", " 10 1 ")).cost
    )
    for cost in (Cost(1048577, 1), Cost(8, 11), Cost(7, 1), Cost(8, 0)):
        with pytest.raises(KeyFileError):
            protect(KEY, given(), cost)


def test_memory_that_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told how much was wanted."""
    for failure in (MemoryError(), RuntimeError("Unexpected failure in key derivation")):

        def fail(*_: object, failure: Exception = failure) -> bytes:
            raise failure

        with monkeypatch.context() as patched:
            patched.setattr(nacl.bindings, "crypto_pwhash_alg", fail)
            text = refusal(lambda: parse_protected(LINE).open(given()))
        assert text.startswith("there are not 8 KiB of memory to open the key with")


def test_nobody_to_ask(tmp_path: Path) -> None:
    """As in a service: refused with the command that takes the passphrase off."""
    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    text = refusal(lambda: load_signing_key(tmp_path / "k"))
    assert f"{tmp_path / 'k'} is under a passphrase, and nobody is here to give it" in text
    assert f"sealwire keys passwd {tmp_path / 'k'} --unsafe-remove-passphrase" in text


def test_nobody_is_asked_in_vain(tmp_path: Path) -> None:
    """A key of another kind is refused first, by whoever takes one; so is a published example."""

    def never(what: str) -> Passphrase:
        raise AssertionError(what)

    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    assert "holds a signing key, and a MAC key is due" in refusal(
        lambda: load_mac_key(tmp_path / "k")
    )
    write_key_file(tmp_path / "m", new_mac_key("alice", "payments@prod"))
    assert "holds a MAC key, and a signing key is due" in refusal(
        lambda: load_signing_key(tmp_path / "m", ask=never)
    )
    assert "holds a MAC key, and a signing key is due" in refusal(
        lambda: load_public_half(tmp_path / "m")
    )
    assert "it says owner alice, and 'bob' was expected" in refusal(
        lambda: read_key_file(tmp_path / "k", "bob")
    )
    examples = Path(__file__).parents[3] / "keys-example"
    published = parse_key((examples / "alice.signing").read_bytes())
    assert isinstance(published, SigningKey)
    write_key_file(tmp_path / "e", protect(published, given(), FAST))
    assert "an example key" in refusal(lambda: load_signing_key(tmp_path / "e", ask=never))


def test_who_is_asked_is_told_what_for(tmp_path: Path) -> None:
    """The file, and whose key it is."""
    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    told: list[str] = []

    def ask(what: str) -> Passphrase:
        told.append(what)
        return given(b"wrong")

    text = refusal(lambda: load_signing_key(tmp_path / "k", ask=ask))
    assert [f"{tmp_path / 'k'}, the signing key of alice"] == told
    assert text.startswith(f"{tmp_path / 'k'}: the passphrase is wrong, or the file was changed")


def test_settings_without_the_private_half(tmp_path: Path) -> None:
    """Whoever only carries a message is not asked, and can seal nothing."""
    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    settings = OperatorSettings(tmp_path / "o.toml", "alice", tmp_path / "k", opens_key=False)
    signer = settings.load_signing_key()
    assert isinstance(signer, LockedSigner)
    assert (KEY.id, KEY.thumbprint, KEY.owner, KEY.fingerprint, KEY.algorithm) == (
        *(signer.id, signer.thumbprint, signer.owner, signer.fingerprint, signer.algorithm),
    )
    assert f"<LockedSigner {KEY.fingerprint} of alice>" == repr(signer)
    with pytest.raises(SealError, match="is under a passphrase, and not opened"):
        signer.sign(b"")


# ---- no way out -----------------------------------------------------------------------------


def hidden(text: str) -> bool:
    """Say whether neither the passphrase nor any secret byte of the key shows in a text."""
    seed = reveal_secret(KEY)
    shown = (SECRET.decode(), repr(SECRET)[2:-1], repr(seed)[2:-1], seed.hex(), coded(seed))
    return not any(each in text for each in shown)


def test_a_passphrase_does_not_print_nor_pickle() -> None:
    """Nor do settings that hold a way to one show it."""
    passphrase = given()
    assert "<Passphrase>" == repr(passphrase) == str(passphrase) == f"{passphrase}"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            leave(passphrase)
    settings = OperatorSettings(Path("o"), "alice", Path("k"), ask=lambda _: passphrase)
    assert "ask" not in repr(settings)
    held = protect(KEY, passphrase, FAST)
    assert hidden(repr(held))
    assert hidden(repr(KEY))


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        with_field(9, coded(b"s" * 100)),
        with_field(1, "bob"),
        with_field(4, "9"),
    ],
    ids=["wrong-passphrase", "sealed", "owner", "memory"],
)
def test_no_traceback_shows_a_secret(line: str) -> None:
    """Not even one that shows what every function held."""
    passphrase = given(SECRET if line != LINE else b"wrong passphrase")
    with pytest.raises(KeyFileError) as caught:
        parse_protected(line).open(passphrase)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert "open" in shown
    assert hidden(shown)
    assert "wrong passphrase" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


def test_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by what goes well nor by what does not."""
    caplog.set_level(1)
    write_key_file(tmp_path / "k", protect(KEY, given(), FAST))
    load_signing_key(tmp_path / "k", ask=asked)
    refusal(lambda: load_signing_key(tmp_path / "k", ask=lambda _: given(b"wrong passphrase")))
    assert [] == caplog.records


# ---- fuzz -----------------------------------------------------------------------------------


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Give some content with one to four changes."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            changed[at:at] = chance.randbytes(chance.randint(1, 3))
        elif kind == 1:
            del changed[at : at + chance.randint(1, 8)]
        elif kind == 2 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        else:
            changed[at:at] = chance.choice((b" ", b"\n", b"0", b"9999", b"-", b"=", b"\0"))
    return bytes(changed)


def test_nothing_but_a_refusal_comes_out() -> None:
    """10^4 changed lines; one that is read is written the same, and opens to the key or not."""
    chance = random.Random(20_261_127)
    content = (LINE + "\n").encode()
    read = 0
    for _ in range(10_000):
        given_bytes = mutated(content, chance)
        text = given_bytes.decode("utf-8", "replace").removesuffix("\n")
        try:
            held = parse_protected(text)
        except ConfigurationError:
            continue
        read += 1
        assert text == held.line().removesuffix("\n")
        if held.cost.memory_kib > 64:
            continue
        try:
            assert (KEY, LINE) == (held.open(given()), text)
        except KeyFileError:
            assert text != LINE
    assert read > 100


def test_a_protected_line_is_no_plain_key() -> None:
    """Who reads plain keys alone is told what it is."""
    assert "it is under a passphrase" in refusal(lambda: parse_key((LINE + "\n").encode()))
    assert re.search("sealwire keys show", refusal(lambda: parse_key((LINE + "\n").encode())))
