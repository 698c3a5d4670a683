"""Key files: one spelling, files that only their owner could touch, and refusals that mend."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import stat
import subprocess
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire import keyfiles
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import (
    EXAMPLE_KEYS,
    Key,
    SecretKey,
    checked,
    format_key,
    kind_of,
    load_aead_key,
    load_key,
    load_mac_key,
    load_signing_key,
    load_verify_key,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    parse_key,
    public_line,
    write_key_file,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey, reveal_secret

EXAMPLES = Path(__file__).parents[2] / "keys-example"

SEED = bytes(range(32))
SIGNING = SigningKey(SEED, owner="alice")
MAC = MacKey(SEED, owner="alice", audience="payments@prod")
AEAD = AeadKey(SEED, owner="alice", audience="payments@prod")
KEYS: list[Key] = [SIGNING, SIGNING.verify_key, MAC, AEAD]
SECRETS: list[SecretKey] = [SIGNING, MAC, AEAD]
CODED = base64.urlsafe_b64encode(SEED).decode().rstrip("=")

SSH_HEAD = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
SSH_BLOB = SSH_HEAD + SIGNING.verify_key.public_bytes
# What ssh-keygen wrote for a key of its own, without a comment: it leaves the space.
SSH_KEYGEN_LINE = (
    b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJCNxhlGceS0acKGYywIMe3m3vIQkx2M0GrXFV6iMAhF \n"
)

names = st.from_regex(r"[a-z0-9][a-z0-9._@/-]{0,127}", fullmatch=True)
secret_bytes = st.binary(min_size=32, max_size=32)


def ssh_line(blob: bytes = SSH_BLOB, comment: str = " alice") -> bytes:
    """Write a line as OpenSSH does."""
    return b"ssh-ed25519 " + base64.b64encode(blob) + comment.encode() + b"\n"


def written(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    """Write a file of exactly this mode."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the KeyFileError that ``step`` raises."""
    with pytest.raises(KeyFileError) as caught:
        step()
    return str(caught.value)


def command_in(text: str) -> str:
    """Give the command that a refusal names."""
    return text.partition("run: ")[2]


# ---- text -----------------------------------------------------------------------------------


@given(secret=secret_bytes, owner=names, audience=names)
def test_every_key_is_read_as_it_was_written(secret: bytes, owner: str, audience: str) -> None:
    """Parsing and writing are each other's mirror, byte for byte."""
    signing = SigningKey(secret, owner=owner)
    for key in (
        signing,
        signing.verify_key,
        MacKey(secret, owner=owner, audience=audience),
        AeadKey(secret, owner=owner, audience=audience),
    ):
        text = format_key(key)
        again = parse_key(text.encode())
        assert key == again
        assert type(key) is type(again)
        assert text == format_key(again)


def test_the_form_is_what_the_documentation_says() -> None:
    """The four kinds of lines, whole."""
    audience = "payments@prod"
    assert f"sealwire-signing-key-1 alice {CODED}\n" == format_key(SIGNING)
    assert f"sealwire-mac-key-1 alice {audience} {CODED}\n" == format_key(MAC)
    assert f"sealwire-aead-key-1 alice {audience} {CODED}\n" == format_key(AEAD)
    public = base64.urlsafe_b64encode(SIGNING.verify_key.public_bytes).decode().rstrip("=")
    assert f"sealwire-verify-key-1 alice {public}\n" == format_key(SIGNING.verify_key)


def test_the_public_line_holds_the_public_half_alone() -> None:
    """Of a signing key and of its public key alike, without the newline."""
    assert format_key(SIGNING.verify_key) == public_line(SIGNING) + "\n"
    assert public_line(SIGNING) == public_line(SIGNING.verify_key)
    assert CODED not in public_line(SIGNING)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_comments_stand_at_the_top(key: Key) -> None:
    """Comment lines in front of the key are read over; behind it they are refused."""
    line = format_key(key).encode()
    assert key == parse_key("# made today, für alice\n#\n".encode() + line)
    for wrong in (line + b"# afterwards\n", line.rstrip() + b" # beside\n", b"\n" + line):
        with pytest.raises(ConfigurationError):
            parse_key(wrong)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_a_key_has_one_spelling(key: Key) -> None:
    """Whatever one byte is changed to, put in or left out: refused, or written as it was read."""
    line = format_key(key).encode()
    tried = 0
    for at in range(len(line) + 1):
        for byte in (b"", b" ", b"\n", b"\r", b"\0", b"=", b"+", b"/", b"A", b"a", b"\xff", b"#"):
            for changed in (line[:at] + byte + line[at + 1 :], line[:at] + byte + line[at:]):
                tried += 1
                try:
                    again = parse_key(changed)
                except ConfigurationError:
                    continue
                body = changed.partition(b"\n")[2] if changed.startswith(b"#") else changed
                assert body == format_key(again).encode()
    assert tried > 1000


MALFORMED = {
    "empty": b"",
    "comments-only": b"# nothing\n",
    "no-newline": f"sealwire-signing-key-1 alice {CODED}".encode(),
    "two-newlines": f"sealwire-signing-key-1 alice {CODED}\n\n".encode(),
    "crlf": f"sealwire-signing-key-1 alice {CODED}\r\n".encode(),
    "two-keys": format_key(SIGNING).encode() * 2,
    "byte-order-mark": b"\xef\xbb\xbf" + format_key(SIGNING).encode(),
    "not-utf-8": b"# \xff\n" + format_key(SIGNING).encode(),
    "indented": b" " + format_key(SIGNING).encode(),
    "tab": format_key(SIGNING).replace(" ", "\t").encode(),
    "two-spaces": format_key(SIGNING).replace(" alice ", "  alice ").encode(),
    "trailing-space": format_key(SIGNING).replace("\n", " \n").encode(),
    "other-version": format_key(SIGNING).replace("key-1", "key-2").encode(),
    "upper-case-word": format_key(SIGNING).replace("sealwire", "Sealwire").encode(),
    "no-owner": f"sealwire-signing-key-1 {CODED}\n".encode(),
    "fields-swapped": f"sealwire-signing-key-1 {CODED} alice\n".encode(),
    "owner-twice": f"sealwire-signing-key-1 alice alice {CODED}\n".encode(),
    "owner-no-name": f"sealwire-signing-key-1 Alice {CODED}\n".encode(),
    "owner-too-long": f"sealwire-signing-key-1 {'a' * 129} {CODED}\n".encode(),
    "no-audience": f"sealwire-mac-key-1 alice {CODED}\n".encode(),
    "audience-no-name": f"sealwire-aead-key-1 alice -prod {CODED}\n".encode(),
    "padded": f"sealwire-signing-key-1 alice {CODED}=\n".encode(),
    "other-alphabet": b"sealwire-signing-key-1 alice " + b"+/" * 21 + b"8\n",
    "loose-bits": f"sealwire-signing-key-1 alice {CODED[:-1]}9\n".encode(),
    "31-bytes": f"sealwire-signing-key-1 alice {CODED[:-1]}\n".encode(),
    "33-bytes": f"sealwire-signing-key-1 alice {CODED[:-1]}8A\n".encode(),
    "hex": f"sealwire-signing-key-1 alice {SEED.hex()}\n".encode(),
    "nothing-coded": b"sealwire-signing-key-1 alice \n",
    "not-ascii": f"sealwire-signing-key-1 alice {CODED[:-1]}é\n".encode(),
    "small-order": f"sealwire-verify-key-1 alice {'A' * 43}\n".encode(),
    "pem": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + CODED.encode() + b"\n",
    "json": f'{{"alice": "{CODED}"}}\n'.encode(),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_files_are_refused_without_quoting_them(tmp_path: Path, content: bytes) -> None:
    """The refusal names the file; neither its text nor its traceback holds a piece of the key."""
    path = written(tmp_path / "alice.signing", content)
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    assert str(path) in str(caught.value)
    assert_nothing_leaks(caught.value)


def assert_nothing_leaks(error: BaseException) -> None:
    """Check text, arguments, traceback and every exception behind this one."""
    shown = "".join(traceback.format_exception(error)) + repr(error)
    while True:
        shown += str(error) + repr(error.__dict__) + repr(error.args)
        # A UnicodeDecodeError keeps what it could not decode.
        shown += repr(getattr(error, "object", ""))
        if error.__context__ is None:
            break
        error = error.__context__
    for secret in (CODED, SEED.hex()):
        pieces = {secret[at : at + 8] for at in range(len(secret) - 8)}
        assert not [piece for piece in pieces if piece in shown]


# ---- lines of OpenSSH -----------------------------------------------------------------------


def test_an_openssh_line_is_a_public_key() -> None:
    """The comment is the owner; the key is the one inside the blob."""
    key = parse_key(ssh_line())
    assert SIGNING.verify_key == key
    assert SIGNING.verify_key == parse_key(b"# from her laptop\n" + ssh_line())
    assert "alice@laptop" == parse_key(ssh_line(comment=" alice@laptop")).owner


@pytest.mark.parametrize("comment", ["", " ", " Alice Smith", " José@Laptop", " alice smith"])
def test_a_comment_that_is_no_owner(tmp_path: Path, comment: str) -> None:
    """It is refused with a hint; where the caller names the owner, the comment does not count."""
    path = written(tmp_path / "alice.pub", ssh_line(comment=comment), 0o644)
    text = refusal(lambda: load_verify_key(path))
    assert "end the line with the owner's name" in text
    assert "owner=" in text
    assert "alice" == load_verify_key(path, "alice").owner


def test_a_line_as_ssh_keygen_writes_it(tmp_path: Path) -> None:
    """A real line without a comment needs an owner, and then loads."""
    path = written(tmp_path / "bob.pub", SSH_KEYGEN_LINE, 0o644)
    assert "bob" == load_verify_key(path, owner="bob").owner


def test_the_owner_that_is_expected_must_be_the_one_in_the_file(tmp_path: Path) -> None:
    """In our own form the owner is in the file, and nobody can give it another."""
    path = written(tmp_path / "alice.pub", format_key(SIGNING.verify_key), 0o644)
    assert "alice" == load_verify_key(path, "alice").owner
    assert "it says owner alice, and 'bob' was expected" in refusal(
        lambda: load_verify_key(path, "bob")
    )


DAMAGED = {
    "empty-blob": ssh_line(b""),
    "truncated": ssh_line(SSH_BLOB[:-1]),
    "trailing": ssh_line(SSH_BLOB + b"\0"),
    "other-type-inside": ssh_line(SSH_BLOB.replace(b"ed25519", b"ed25518")),
    "type-length": ssh_line(b"\0\0\0\x0c" + SSH_BLOB[4:]),
    "key-length": ssh_line(SSH_BLOB.replace(b"\0\0\0\x20", b"\0\0\0\x21")),
    "33-bytes": ssh_line(SSH_BLOB[:15] + b"\0\0\0\x21" + SSH_BLOB[19:] + b"\0"),
    "all-zero-key": ssh_line(SSH_HEAD + bytes(32)),
    "low-order-key": ssh_line(SSH_HEAD + b"\x01" + bytes(31)),
    "not-canonical-key": ssh_line(SSH_HEAD + b"\xee" + b"\xff" * 30 + b"\x7f"),
    "base64-padding": ssh_line().replace(b" alice", b"= alice"),
    "base64-space": ssh_line().replace(b"AAAAC3", b"AAAA C3"),
    "base64url": ssh_line(SSH_HEAD + b"\xfb\xff" * 16).replace(b"+", b"-").replace(b"/", b"_"),
    "no-blob": b"ssh-ed25519\n",
    "options-first": b'command="x" ' + ssh_line(),
    "rsa": ssh_line().replace(b"ssh-ed25519 ", b"ssh-rsa "),
    "security-key": ssh_line().replace(b"ssh-ed25519 ", b"sk-ssh-ed25519@openssh.com "),
    "two-lines": ssh_line() * 2,
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_openssh_lines_are_refused(tmp_path: Path, line: bytes) -> None:
    """Exact lengths, one algorithm, canonical base64, and a key that is one."""
    path = written(tmp_path / "alice.pub", line, 0o644)
    assert str(path) in refusal(lambda: load_verify_key(path, "alice"))


def test_every_bit_of_the_blob_counts() -> None:
    """One flipped bit in the head of the blob is refused; one in the key is another key."""
    for bit in range(len(SSH_BLOB) * 8):
        flipped = bytearray(SSH_BLOB)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            key = parse_key(ssh_line(bytes(flipped)))
        except ConfigurationError:
            continue
        assert bit >= len(SSH_HEAD) * 8
        assert SIGNING.verify_key != key


# ---- files: type, owner, mode ---------------------------------------------------------------


@pytest.mark.parametrize("key", SECRETS, ids=repr)
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_secret_of_its_owner_alone_loads(tmp_path: Path, key: SecretKey, mode: int) -> None:
    """No bit for group and others."""
    assert key == load_key(written(tmp_path / "key", format_key(key), mode))


@pytest.mark.parametrize("key", SECRETS, ids=repr)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o610, 0o666])
def test_a_secret_open_to_others_is_refused(tmp_path: Path, key: SecretKey, mode: int) -> None:
    """The refusal names file and mode, and the command in it mends it."""
    path = written(tmp_path / "a key", format_key(key), mode)
    text = refusal(lambda: load_key(path))
    assert str(path) in text
    assert f"mode {mode:04o}" in text
    subprocess.run(command_in(text), shell=True, check=True)  # noqa: S602 - is what a user does
    assert key == load_key(path)


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o755])
def test_a_public_key_may_be_read_by_all(tmp_path: Path, mode: int) -> None:
    """Reading it takes nothing away."""
    path = written(tmp_path / "alice.pub", format_key(SIGNING.verify_key), mode)
    assert SIGNING.verify_key == load_verify_key(path)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o622])
def test_a_public_key_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever writes it decides who is trusted; the command in the refusal mends it."""
    path = written(tmp_path / "alice.pub", format_key(SIGNING.verify_key), mode)
    text = refusal(lambda: load_verify_key(path))
    assert f"mode {mode:04o}" in text
    subprocess.run(command_in(text), shell=True, check=True)  # noqa: S602 - is what a user does
    assert SIGNING.verify_key == load_verify_key(path)


def test_a_strangers_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ours nor root's: the refusal names the owner and the command."""
    path = written(tmp_path / "alice.pub", format_key(SIGNING.verify_key), 0o644)
    us, stranger = os.geteuid(), 54321
    if us == 0:
        os.chown(path, stranger, -1)
    else:
        # Only root can give a file away; anybody can be somebody else than its owner.
        stranger, us = us, us + 1
        monkeypatch.setattr(os, "geteuid", lambda: us)
    text = refusal(lambda: load_verify_key(path))
    assert f"belongs to uid {stranger} (mode 0644)" in text
    assert f"run: chown {us} {path}" in text


def test_a_file_of_root_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root could change everything anyway."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    status = os.stat_result((stat.S_IFREG | 0o644, 1, 1, 1, 0, 0, 0, 0, 0, 0))
    assert "" == checked._why_not_trusted(status, "alice.pub")


def test_a_file_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says whose it is and which mode it has."""
    path = written(tmp_path / "alice.signing", format_key(SIGNING))

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", denied)
        text = refusal(lambda: load_signing_key(path))
    assert f"{path} belongs to uid {os.geteuid()} with mode 0600" in text


def make_link(path: Path) -> None:
    """Put a symbolic link to a good key at ``path``."""
    path.symlink_to(written(path.with_name("real"), format_key(SIGNING)))


def make_socket(path: Path) -> None:
    """Put a Unix socket at ``path``."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (str, "is not there; make a key with: sealwire keys new --owner NAME"),
        (make_link, "is a symbolic link; name the file that this gives: readlink -f"),
        (Path.mkdir, "is no regular file (drwx"),
        (os.mkfifo, "is no regular file (prw-"),
        (make_socket, "cannot be opened: "),
    ],
    ids=["missing", "link", "folder", "fifo", "socket"],
)
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    """No link is followed, and no FIFO is waited for."""
    path = tmp_path / "k"
    make(path)
    assert f"{path} {said}" in refusal(lambda: load_signing_key(path))


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_devices_are_refused(path: str) -> None:
    """Nothing is read from them."""
    assert f"{path} is no regular file (c" in refusal(lambda: load_signing_key(path))


def test_a_path_that_no_file_can_have() -> None:
    """A NUL and a name that is too long end as refusals too."""
    assert "cannot be opened" in refusal(lambda: load_signing_key("a\0b"))
    assert "cannot be opened" in refusal(lambda: load_signing_key("a" * 5000))


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    """Exactly the cap loads, one byte more does not."""
    line = format_key(SIGNING)
    fill = "#" * (keyfiles.MAX_KEY_FILE_BYTES - len(line) - 1) + "\n"
    path = written(tmp_path / "k", fill + line)
    assert keyfiles.MAX_KEY_FILE_BYTES == path.stat().st_size
    assert SIGNING == load_signing_key(path)
    written(path, "#" + fill + line)
    assert "has more than 4096 bytes" in refusal(lambda: load_signing_key(path))


def test_what_was_checked_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file put in place of the one that was opened is not read."""
    path = written(tmp_path / "alice.signing", format_key(SIGNING))
    other = written(tmp_path / "other", format_key(new_signing_key("mallory")), 0o666)
    fstat = os.fstat

    def exchange(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            other.replace(path)
        return status

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", exchange)
        key = load_signing_key(path)
    assert SIGNING == key


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while reading is a refusal with the file's name."""
    path = written(tmp_path / "alice.signing", format_key(SIGNING))

    fstat = os.fstat

    def failing(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise OSError(5, "Input/output error")
        return status

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", failing)
        text = refusal(lambda: load_signing_key(path))
    assert f"{path} cannot be read: Input/output error" == text


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Neither by files that load nor by files that are refused."""
    good = written(tmp_path / "good", format_key(SIGNING))
    bad = written(tmp_path / "bad", "bad")
    open_files = Path("/dev/fd")
    before = len(list(open_files.iterdir()))
    for _ in range(20):
        load_signing_key(good)
        for path in (bad, tmp_path):
            refusal(partial(load_signing_key, path))
    assert before == len(list(open_files.iterdir()))


# ---- kinds ----------------------------------------------------------------------------------

LOADERS: dict[type[Key], Callable[[Path], Key]] = {
    SigningKey: load_signing_key,
    VerifyKey: load_verify_key,
    MacKey: load_mac_key,
    AeadKey: load_aead_key,
}


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_each_loader_takes_its_own_kind_alone(tmp_path: Path, key: Key) -> None:
    """A key of another kind is refused, and both kinds are named."""
    path = written(tmp_path / "k", format_key(key))
    for kind, load in LOADERS.items():
        if kind is type(key):
            assert key == load(path)
        else:
            text = refusal(partial(load, path))
            assert f"{path} holds a {kind_of(type(key))} key" in text
            assert f"a {kind_of(kind)} key is due here" in text


def test_new_keys_are_new() -> None:
    """No two of them are alike, and their names are checked."""
    assert new_signing_key("alice") != new_signing_key("alice")
    assert new_mac_key("alice", "a") != new_mac_key("alice", "a")
    assert new_aead_key("alice", "a") != new_aead_key("alice", "a")
    for make in (
        lambda: new_signing_key("Alice"),
        lambda: new_mac_key("alice", "A"),
        lambda: new_aead_key("", "a"),
    ):
        with pytest.raises(ConfigurationError):
            make()


# ---- writing --------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_what_is_written_loads(tmp_path: Path, key: Key, umask: int, force: bool) -> None:
    """Mode 0600 for a secret, at most 0644 for a public key, whatever the umask is."""
    path = tmp_path / "k"
    before = os.umask(umask)
    try:
        write_key_file(path, key, force=force)
    finally:
        os.umask(before)
    mode = 0o644 & ~umask if isinstance(key, VerifyKey) else 0o600
    assert mode == stat.S_IMODE(path.stat().st_mode)
    assert format_key(key).encode() == path.read_bytes()
    assert key == load_key(path)
    assert [path] == list(tmp_path.iterdir())


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    """A file that is there stays, and the refusal says how to replace it; ``force`` does."""
    path = written(tmp_path / "k", "precious", 0o644)
    text = refusal(lambda: write_key_file(path, SIGNING))
    assert f"{path} is there already, and nothing was written" in text
    assert "--force" in text
    assert "precious" == path.read_text()
    write_key_file(path, SIGNING, force=True)
    assert SIGNING == load_signing_key(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_no_link_is_written_through(tmp_path: Path) -> None:
    """A link is there already; with ``force`` it is the link that is replaced."""
    real, path = written(tmp_path / "real", "precious"), tmp_path / "k"
    path.symlink_to(real)
    refusal(lambda: write_key_file(path, SIGNING))
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    refusal(lambda: write_key_file(dangling, SIGNING))
    assert not (tmp_path / "nowhere").exists()
    write_key_file(path, SIGNING, force=True)
    assert "precious" == real.read_text()
    assert not path.is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    """No half of a secret stays behind, and an old file is as it was."""
    path = tmp_path / "k"
    if force:
        written(path, "precious")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(KeyFileError) as caught:
            write_key_file(path, SIGNING, force=force)
    assert f"{path} cannot be written: No space left on device" in str(caught.value)
    assert_nothing_leaks(caught.value)
    assert ([path] if force else []) == list(tmp_path.iterdir())
    assert not force or path.read_text() == "precious"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A missing folder, a folder in place of the file, and a NUL are refused by name."""
    for path in (tmp_path / "missing" / "k", tmp_path / "a\0b"):
        for force in (False, True):
            text = refusal(partial(write_key_file, path, SIGNING, force=force))
            assert f"{path} cannot be written" in text
    (tmp_path / "folder").mkdir()
    refusal(lambda: write_key_file(tmp_path / "folder", SIGNING, force=True))
    assert [tmp_path / "folder"] == list(tmp_path.iterdir())


# ---- the published keys ---------------------------------------------------------------------


def example_files() -> list[Path]:
    """Give the key files of ``keys-example/``."""
    files = sorted(path for path in EXAMPLES.iterdir() if path.name != "README.md")
    assert files
    return files


def test_the_list_is_the_folder() -> None:
    """Every key of ``keys-example/`` is on the list, and nothing else is."""
    found = {parse_key(path.read_bytes()).thumbprint.hex() for path in example_files()}
    assert EXAMPLE_KEYS == found


def test_every_kind_of_key_has_an_example() -> None:
    """And one is an OpenSSH line; every file says at its top what it is."""
    assert set(LOADERS) == {type(parse_key(path.read_bytes())) for path in example_files()}
    contents = [path.read_text() for path in example_files()]
    assert [True] == [True for text in contents if "\nssh-ed25519 " in text]
    for text in contents:
        assert text.startswith("# An example key of sealwire")


@pytest.mark.parametrize("example", example_files(), ids=lambda path: path.name)
def test_example_keys_are_refused_unless_allowed(tmp_path: Path, example: Path) -> None:
    """Under any name, with any owner; and they load where they are allowed."""
    path = tmp_path / "my-own-key"
    shutil.copy(example, path)
    path.chmod(0o600)
    text = refusal(lambda: load_key(path))
    assert f"{path} holds an example key" in text
    assert "sealwire keys new" in text
    key = load_key(path, allow_example_keys=True)
    assert key == LOADERS[type(key)](path, allow_example_keys=True)  # type: ignore[call-arg]
    renamed = format_key(key).replace(" alice ", " bob ")
    assert "example key" in refusal(lambda: load_key(written(path, renamed)))


def test_an_example_in_the_other_form_is_refused(tmp_path: Path) -> None:
    """The OpenSSH line of an example is that example."""
    key = parse_key((EXAMPLES / "alice.pub").read_bytes())
    assert isinstance(key, VerifyKey)
    path = written(tmp_path / "k", ssh_line(SSH_HEAD + key.public_bytes, " bob"))
    assert "example key" in refusal(lambda: load_verify_key(path))


def test_the_readme_of_the_examples(tmp_path: Path) -> None:
    """It names every file, and the commands in it make all of them loadable."""
    text = (EXAMPLES / "README.md").read_text()
    commands = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert commands
    for command in commands:
        here = command.replace("/tmp/keys", str(tmp_path / "keys"))
        subprocess.run(here, shell=True, check=True, cwd=EXAMPLES.parent)  # noqa: S602 - is ours
    for path in example_files():
        assert f"| `{path.name}` |" in text
        load_key(tmp_path / "keys" / path.name, allow_example_keys=True)


def test_the_secret_of_a_key_is_in_its_file_alone() -> None:
    """What the test for leaks looks for is what a key file holds."""
    assert all(CODED in format_key(key) for key in SECRETS)
    assert all(SEED == reveal_secret(key) for key in SECRETS)
