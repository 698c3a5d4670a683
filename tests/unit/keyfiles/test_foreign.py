"""Keys of OpenSSH, of OpenSSL, and JWKs: one spelling each, caps, and nothing but refusals."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import (
    FORMS,
    Passphrase,
    export_key,
    load_foreign_key,
    openssh,
    parse_foreign,
    pkcs8,
)
from sealwire.keys import SigningKey, VerifyKey

FILES = Path(__file__).parent / "files"
SECRET = b"correct horse battery"
KEY = SigningKey(bytes(range(32)), owner="alice")
PUBLIC = KEY.verify_key
JWK = b'{"kty":"OKP","crv":"Ed25519","x":"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"}'

PLAIN = ["k.pem", "k.der", "openssh"]
ENCRYPTED = ["pbkdf2.pem", "sha512.pem", "scrypt.pem", "openssh-encrypted"]
PUBLICS = ["kpub.pem", "kpub.der", "openssh.pub"]
REFUSED = ["des3.pem", "pbe.pem", "ec.pem", "ecpub.pem", "ecssh"]


def asked(what: str) -> Passphrase:
    """Be somebody who knows it."""
    return Passphrase(SECRET)


def never(what: str) -> Passphrase:
    """Be somebody who must not be asked."""
    raise AssertionError(what)


def content_of(name: str) -> bytes:
    """Read one of the files."""
    return (FILES / name).read_bytes()


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the KeyFileError that ``step`` raises."""
    with pytest.raises(KeyFileError) as caught:
        step()
    return str(caught.value)


def test_every_file_is_tried() -> None:
    """A new one has its place in a list."""
    known = {*PLAIN, *ENCRYPTED, *PUBLICS, *REFUSED, "README.md"}
    assert known == {path.name for path in FILES.iterdir()}


@pytest.mark.parametrize("name", [*PLAIN, *ENCRYPTED])
def test_private_keys(name: str) -> None:
    """Each is the same key, and is asked for where it has to be."""
    found = parse_foreign(content_of(name), "alice", asked if name in ENCRYPTED else never)
    assert KEY == found.key
    assert (name in ENCRYPTED) == (found.passphrase is not None)


@pytest.mark.parametrize("name", PUBLICS)
def test_public_keys(name: str) -> None:
    """Each is the same key, of whoever it is said to be."""
    assert PUBLIC == parse_foreign(content_of(name), "alice", never).key
    assert "bob" == parse_foreign(content_of(name), "bob", never).key.owner


@pytest.mark.parametrize("name", ENCRYPTED)
def test_a_wrong_passphrase(name: str) -> None:
    """It is said, and nothing beyond it shows, whatever a traceback prints."""
    with pytest.raises(KeyFileError) as caught:
        parse_foreign(content_of(name), "alice", lambda _: Passphrase(b"Correct horse battery"))
    assert "the passphrase is wrong, or the file was changed" in str(caught.value)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    # The test's own frames hold what they gave.
    held = [str(each.locals) for each in told.stack if "sealwire/keyfiles" in each.filename]
    assert len(held) > 1
    assert "orse battery" not in "".join(held)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ENCRYPTED)
def test_nobody_to_ask(name: str) -> None:
    """Refused with the option that helps."""
    text = refusal(lambda: parse_foreign(content_of(name), "alice", None))
    assert "give that by --passphrase-file FILE" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("des3.pem", "it is not encrypted with AES in CBC mode; write it anew: openssl pkcs8"),
        ("pbe.pem", "openssl"),
        ("ec.pem", "it holds no Ed25519 private key in the one form of RFC 8410"),
        ("ecpub.pem", "it holds no Ed25519 public key in the one form of RFC 8410"),
        ("ecssh", "it holds no Ed25519 key"),
    ],
)
def test_other_kinds_and_old_ways(name: str, said: str) -> None:
    """Refused before anybody is asked, with what to do."""
    assert said in refusal(lambda: parse_foreign(content_of(name), "alice", never))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is none of these; bring an OpenSSH private key, PKCS#8"),
        (b"nonsense", "it is none of these"),
        (b"sealwire-signing-key-1 alice x\n", "it is a key of ours already"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "another kind"),
        (b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "no Ed25519 public key"),
        (b"-----BEGIN ", "not PEM in its one spelling"),
        (b"\x30\x00", "no encrypted key in PKCS#8 (cut short)"),
        (b"ssh-ed25519 AAAA alice\n", "the ssh-ed25519 line is damaged"),
        (b"ssh-rsa AAAA alice\n", "it is none of these"),
    ],
)
def test_what_is_no_key(content: bytes, said: str) -> None:
    """It is said what is taken."""
    assert said in refusal(lambda: parse_foreign(content, "alice", never))


def pem_spellings() -> list[bytes]:
    """Give other spellings of one PEM file, which other readers take."""
    good = content_of("kpub.pem")
    body = good.split(b"\n")[1]
    return [
        good.rstrip(b"\n"),
        good + b"\n",
        b"\n" + good,
        good.replace(b"\n", b"\r\n"),
        good.replace(body, body[:20] + b"\n" + body[20:]),
        good.replace(body, body + b" "),
        good.replace(body, b"# comment\n" + body),
        good.replace(b"END PUBLIC", b"END PRIVATE"),
        good.replace(b"BEGIN PUBLIC KEY-----", b"BEGIN PUBLIC KEY----- "),
        good.replace(b"Vz", b"V z"),
        # The padding bits that nobody reads: DER of another length makes some.
        good.replace(b"uA==", b"uB=="),
    ]


def test_pem_has_one_spelling() -> None:
    """What would be written with lines of some length, and nothing else."""
    good = content_of("kpub.pem")
    tried = 0
    for content in pem_spellings():
        if content == good:
            continue
        tried += 1
        with pytest.raises(KeyFileError):
            parse_foreign(content, "alice", never)
    assert tried > 8


def test_padding_bits_are_looked_at() -> None:
    """Base64 whose last character says more than it holds is another spelling."""
    text = content_of("k.pem").decode()
    body = text.split("\n")[1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert not body.endswith("=")
    der = base64.b64decode(body) + b"\0"
    wrapped = base64.b64encode(der).decode()
    other = wrapped[:-3] + alphabet[alphabet.index(wrapped[-3]) + 1] + wrapped[-2:]
    assert base64.b64decode(wrapped) == base64.b64decode(other)
    assert "one form" in refusal(lambda: parse_foreign(pem(wrapped), "alice", never))
    assert "one spelling" in refusal(lambda: parse_foreign(pem(other), "alice", never))


def pem(body: str) -> bytes:
    """Wrap a text in PEM as a private key."""
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n".encode()


@pytest.mark.parametrize("name", ["k.der", "kpub.der"])
def test_der_has_one_spelling(name: str) -> None:
    """Any other byte in front of the key, one more and one less are refused."""
    good = content_of(name)
    for at in range(len(good) - 32):
        changed = bytearray(good)
        changed[at] ^= 1
        with pytest.raises(KeyFileError):
            parse_foreign(bytes(changed), "alice", never)
    for content in (good + b"\0", good[:-1]):
        with pytest.raises(KeyFileError):
            parse_foreign(content, "alice", never)


def test_a_weak_public_key() -> None:
    """A point of small order is refused in every form."""
    weak = b"\1" + bytes(31)
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + weak
    x = base64.urlsafe_b64encode(weak).decode().rstrip("=")
    for content in (
        pkcs8.write_public(weak),
        b"ssh-ed25519 " + base64.b64encode(blob) + b" alice\n",
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x}).encode(),
    ):
        with pytest.raises(ConfigurationError, match="small order"):
            parse_foreign(content, "alice", never)


# ---- what a file may ask for ------------------------------------------------------------------


def encrypted_der(name: str) -> bytes:
    """Give an encrypted PKCS#8 file as DER."""
    return base64.b64decode("".join(content_of(name).decode().split("\n")[1:-2]))


def test_iterations_are_capped() -> None:
    """Before anybody is asked, and before anything is computed."""
    good = encrypted_der("pbkdf2.pem")
    assert b"\x02\x02\x08\x00" in good  # 2,048
    content = good.replace(b"\x02\x02\x08\x00", b"\x02\x02\x7f\xff")
    assert parse_foreign_fails_for_its_passphrase(content)
    for wrong in (b"\x02\x02\x00\x00", b"\x02\x02\x00\x7f", b"\x02\x02\xff\xff"):
        with pytest.raises(KeyFileError):
            parse_foreign(good.replace(b"\x02\x02\x08\x00", wrong), "alice", never)
    text = refusal(lambda: parse_foreign(with_iterations(good, 10_000_001), "alice", never))
    assert "10000001 iterations of PBKDF2, and 10000000 is the most" in text


def parse_foreign_fails_for_its_passphrase(content: bytes) -> bool:
    """Say whether a file is read, and what it then lacks is the right passphrase."""
    return "the passphrase is wrong" in refusal(lambda: parse_foreign(content, "alice", asked))


def with_iterations(good: bytes, count: int) -> bytes:
    """Give the same file with another count, and every length around it mended."""
    number = count.to_bytes(count.bit_length() // 8 + 1)
    grown = len(number) - 2
    changed = bytearray(good.replace(b"\x02\x02\x08\x00", bytes((2, len(number))) + number))
    # The lengths of the five sequences around it; the outermost has two bytes.
    changed[2] += grown
    for at in (4, 17, 19, 32):
        assert 0x30 == changed[at - 1]
        changed[at] += grown
    return bytes(changed)


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (b"\x02\x02\x04\x01", "N=1025"),  # no power of two
        (b"\x02\x02\x00\x01", "shortest form"),
    ],
)
def test_scrypt_is_capped(cost: bytes, said: str) -> None:
    """What is no cost at all is refused as well."""
    good = encrypted_der("scrypt.pem")
    assert b"\x02\x02\x04\x00\x02\x01\x08" in good  # N = 1,024, r = 8
    content = good.replace(b"\x02\x02\x04\x00", cost)
    assert said in refusal(lambda: parse_foreign(content, "alice", never))
    for cost_of, lanes in ((1 << 21, 1), (1024, 17), (1024, 0)):
        with pytest.raises(KeyFileError, match="it asks scrypt for"):
            pkcs8._check_scrypt(cost_of, 8, lanes)
    pkcs8._check_scrypt(1 << 20, 8, 16)


def test_rounds_of_bcrypt_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that asks for a thousand hours is refused."""
    good = base64.b64decode("".join(content_of("openssh-encrypted").decode().split("\n")[1:-2]))
    at = good.index(b"\0\0\0\x01\0\0\0\x01\0\0\0\x33")

    def with_rounds(count: int) -> bytes:
        return good[:at] + count.to_bytes(4) + good[at + 4 :]

    def no_time(*_: object, **__: object) -> bytes:
        return bytes(48)

    monkeypatch.setattr(bcrypt, "kdf", no_time)
    assert openssh.parse_private(with_rounds(1000)).needs_passphrase
    for count in (0, 1001, 2**32 - 1):
        text = refusal(lambda count=count: openssh.parse_private(with_rounds(count)))  # type: ignore[misc]
        assert f"it asks for {count} rounds of bcrypt" in text


def test_without_the_package_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encrypted file of OpenSSH's names the extra; a plain one needs none."""
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    text = refusal(lambda: parse_foreign(content_of("openssh-encrypted"), "alice", asked))
    assert 'pip install "sealwire[openssh]"' in text
    assert KEY == parse_foreign(content_of("openssh"), "alice", never).key


def test_openssh_files_are_whole() -> None:
    """Any bit of a plain one changed is refused, but for its comment and its check number."""
    good = base64.b64decode("".join(content_of("openssh").decode().split("\n")[1:-2]))
    taken = 0
    for at in range(len(good) * 8):
        changed = bytearray(good)
        changed[at // 8] ^= 1 << at % 8
        try:
            seed = openssh.parse_private(bytes(changed))(None)
        except KeyFileError:
            continue
        taken += 1
        assert bytes(range(32)) == seed
    assert 0 == taken
    for content in (good + b"\0", good[:-1], good[:50], b""):
        with pytest.raises(KeyFileError):
            openssh.parse_private(content)(None)


# ---- JWK --------------------------------------------------------------------------------------


def test_a_jwk() -> None:
    """The three members of the key, and what says what it is for."""
    assert PUBLIC == parse_foreign(JWK, "alice", never).key
    more = {"use": "sig", "alg": "EdDSA", "kid": "any", "key_ops": ["verify"]}
    content = json.dumps({**json.loads(JWK), **more}).encode()
    assert PUBLIC == parse_foreign(content, "alice", never).key


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"d": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}, "a private JWK"),
        ({"kty": "EC"}, 'no "kty": "OKP"'),
        ({"crv": "X25519"}, 'no "crv": "Ed25519"'),
        ({"use": "enc"}, "says use 'enc'"),
        ({"alg": "HS256"}, "says alg 'HS256'"),
        ({"key_ops": ["sign"]}, "says key_ops"),
        ({"x5c": []}, "has a member 'x5c'"),
        ({"x": 3}, 'has no "x"'),
        ({"x": json.loads(JWK)["x"] + "="}, "canonical base64url"),
        ({"x": json.loads(JWK)["x"][:-1] + "h"}, "canonical base64url"),
        ({"x": "AAAA"}, "canonical base64url"),
    ],
)
def test_a_jwk_that_is_none(members: dict[str, object], said: str) -> None:
    """It is said which member."""
    content = json.dumps({**json.loads(JWK), **members}).encode()
    text = refusal(lambda: parse_foreign(content, "alice", never))
    assert said in text
    assert "AAECAwQ" not in text


@pytest.mark.parametrize(
    "content",
    [
        JWK[:-1] + b',"x":"AAAA"}',
        JWK + b"{}",
        b"{",
        b'{"a":' * 900,
        b'{"a":' + b"9" * 5000 + b"}",
        JWK.replace(b"OKP", b"\xff"),
    ],
)
def test_json_is_read_strictly(content: bytes) -> None:
    """Each member once, and nothing behind."""
    assert "one JSON object with each member once" in refusal(
        lambda: parse_foreign(content, "alice", never)
    )


# ---- and back ---------------------------------------------------------------------------------


def test_what_is_exported() -> None:
    """What OpenSSL and OpenSSH write of the same key, byte for byte; RFC 8037 for the third."""
    assert content_of("kpub.pem").decode() == export_key(PUBLIC, "spki")
    assert content_of("openssh.pub").decode() == export_key(PUBLIC, "ssh")
    assert {"crv": "Ed25519", "kty": "OKP", "x": json.loads(JWK)["x"]} == json.loads(
        export_key(PUBLIC, "jwk")
    )
    for form in FORMS:
        assert PUBLIC == parse_foreign(export_key(PUBLIC, form).encode(), "alice", never).key
    with pytest.raises(ConfigurationError, match="name one of: spki, ssh, jwk"):
        export_key(PUBLIC, "pgp")


def test_the_key_of_rfc_8037() -> None:
    """Appendix A.2, and its thumbprint of appendix A.3 over what is written here."""
    content = b'{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    key = parse_foreign(content, "alice", never).key
    assert isinstance(key, VerifyKey)
    digest = hashlib.sha256(export_key(key, "jwk").rstrip("\n").encode()).digest()
    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" == (
        base64.urlsafe_b64encode(digest).decode().rstrip("=")
    )


# ---- files ------------------------------------------------------------------------------------


def test_a_file_is_looked_at_as_ours_are(tmp_path: Path) -> None:
    """Secrets for their owner alone; what is public may be read by all."""
    for name, mode in (("k.pem", 0o640), ("openssh", 0o644), ("kpub.pem", 0o664)):
        path = tmp_path / name
        path.write_bytes(content_of(name))
        path.chmod(mode)
        assert "run: chmod" in refusal(lambda path=path: load_foreign_key(path, "alice", never))  # type: ignore[misc]
        path.chmod(0o600)
        found = load_foreign_key(path, "alice", never)
        assert (PUBLIC.thumbprint, ()) == (found.key.thumbprint, found.notes)
    (tmp_path / "bad").write_bytes(b"bad")
    (tmp_path / "bad").chmod(0o600)
    assert f"{tmp_path / 'bad'}: it is none of these" in refusal(
        lambda: load_foreign_key(tmp_path / "bad", "alice", never)
    )


# ---- fuzz -------------------------------------------------------------------------------------


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file cost more than its own maker asked for."""
    monkeypatch.setattr(pkcs8, "MAX_ITERATIONS", 4096)
    monkeypatch.setattr(pkcs8, "MAX_MEMORY_BYTES", 4 << 20)
    monkeypatch.setattr(bcrypt, "kdf", lambda *given, **_: hashlib.sha384(given[0]).digest())


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Give some content with one to four changes, half of the time inside its base64."""
    if content.startswith(b"-----") and chance.random() < 0.5:
        lines = content.decode().split("\n")
        inner = changed(base64.b64decode("".join(lines[1:-2])), chance)
        text = base64.b64encode(inner).decode()
        width = len(lines[1])
        body = "\n".join(text[at : at + width] for at in range(0, len(text), width))
        return f"{lines[0]}\n{body}\n{lines[-2]}\n".encode()
    return changed(content, chance)


def changed(content: bytes, chance: random.Random) -> bytes:
    """Insert, delete and flip."""
    result = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(result) + 1)
        kind = chance.randrange(3)
        if kind == 0:
            result[at:at] = chance.randbytes(chance.randint(1, 3))
        elif kind == 1:
            del result[at : at + chance.randint(1, 8)]
        elif at < len(result):
            result[at] ^= 1 << chance.randrange(8)
    return bytes(result)


@pytest.mark.parametrize("name", [*PLAIN, *ENCRYPTED, *PUBLICS, *REFUSED, "jwk"])
def test_nothing_but_a_refusal_comes_out(name: str, cheap: None) -> None:
    """10^4 changed files of all kinds: a key comes out, or a refusal of ours."""
    chance = random.Random(name)
    content = JWK if name == "jwk" else content_of(name)
    refused = 0
    for _ in range(800):
        try:
            parse_foreign(mutated(content, chance), "alice", asked)
        except ConfigurationError:
            refused += 1
    assert refused > 500
