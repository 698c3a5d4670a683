"""The files of a keyring: whatever is wrong with one, what is in force stays, and it is told."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    NOW,
    ROOT,
    aead,
    changed,
    entry,
    first,
    following,
    in_state,
    mac,
    ring,
    signing,
    usual,
)

from sealwire import KeyFileError
from sealwire.errors import StateError
from sealwire.keyfiles import parse_key, walking, write_key_file
from sealwire.keyring import Role, State, add_signature, sign_keyring, succeed
from sealwire.keyringfiles import MAX_PASSED, MAX_SECRETS, KeyringFiles
from sealwire.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.keyring import SignedKeyring

NOW_MS = NOW * 1000


class Folder:
    """The files of a service, and what it has read of them."""

    def __init__(self, path: Path) -> None:
        """Lay out a pinned keyring and alice's secret keys."""
        self.path = path
        self.first = first()
        self.pinned, self.file, self.kept = path / "pinned", path / "ring", path / "kept"
        self.pinned.write_bytes(self.first.sealed)
        self.secrets = path / "secrets"
        self.secrets.mkdir(mode=0o700)
        write_key_file(self.secrets / "alice.mac", mac("alice"))

    def files(self, **changes: Path | None) -> KeyringFiles:
        """Name the files."""
        named = {"file": self.file, "secrets": self.secrets, "kept": self.kept, **changes}
        return KeyringFiles(AUDIENCE, pinned=self.pinned, **named)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Give the files of a service."""
    return Folder(tmp_path)


def second(folder: Folder) -> SignedKeyring:
    """Give the keyring that follows the pinned one."""
    return following(folder.first, entry(signing("alice", 2), Role.CONFIG, primary=False))


def third(folder: Folder) -> SignedKeyring:
    """Give the one after that."""
    return following(second(folder), in_state(second(folder).keyring, BOB, State.COMPROMISED))


def forked(folder: Folder) -> SignedKeyring:
    """Give another second one."""
    return following(folder.first, entry(signing("carol"), Role.CONFIG))


def why(files: KeyringFiles) -> str:
    """Say why files cannot be opened."""
    with pytest.raises(KeyFileError) as error:
        files.open(NOW_MS)
    return str(error.value)


# ---- the start ---------------------------------------------------------------------------------


def test_what_is_there_is_followed(folder: Folder) -> None:
    """From what was kept on, whatever the distributed file begins with."""
    assert 1 == folder.files().open(NOW_MS).keyring.version
    two, three = second(folder), third(folder)
    folder.file.write_bytes(folder.first.sealed + two.sealed)
    assert 2 == folder.files().open(NOW_MS).keyring.version
    folder.kept.write_bytes(two.sealed + three.sealed)
    assert 3 == folder.files().open(NOW_MS).keyring.version
    folder.file.unlink()
    assert (two.sealed, three.sealed) == folder.files(secrets=None).open().followed


def missing(folder: Folder) -> None:
    """Take the pinned keyring away."""
    folder.pinned.unlink()


def two_pinned(folder: Folder) -> None:
    """Pin two."""
    folder.pinned.write_bytes(folder.first.sealed + second(folder).sealed)


def none_pinned(folder: Folder) -> None:
    """Pin nothing."""
    folder.pinned.write_bytes(b"")


def second_pinned(folder: Folder) -> None:
    """Pin a version that others lead to."""
    folder.pinned.write_bytes(second(folder).sealed)


def unsigned(folder: Folder) -> None:
    """Pin what a stranger has signed."""
    folder.pinned.write_bytes(sign_keyring(ring(), (signing("mallory"),)))


def open_to_all(folder: Folder) -> None:
    """Let everybody write the pinned one."""
    folder.pinned.chmod(0o666)


def file_open_to_all(folder: Folder) -> None:
    """Let everybody write the distributed one."""
    folder.file.write_bytes(second(folder).sealed)
    folder.file.chmod(0o666)


def linked(folder: Folder) -> None:
    """Put a link in the pinned one's place."""
    folder.pinned.rename(folder.path / "elsewhere")
    folder.pinned.symlink_to(folder.path / "elsewhere")


def dangling(folder: Folder) -> None:
    """Put a link to nothing in the place of the distributed one."""
    folder.file.symlink_to(folder.path / "nowhere")


def fifo(folder: Folder) -> None:
    """Put a FIFO in the place of the distributed one, which nobody writes."""
    os.mkfifo(folder.file)


def garbage(folder: Folder) -> None:
    """Distribute what is no keyring."""
    folder.file.write_bytes(b"garbage")


def fork_of_file(folder: Folder) -> None:
    """Distribute another second keyring than the one that was kept."""
    folder.kept.write_bytes(second(folder).sealed)
    folder.file.write_bytes(forked(folder).sealed)


def corrupt(folder: Folder) -> None:
    """Damage what was kept."""
    folder.kept.write_bytes(second(folder).sealed[:-1])


def wrong_bit(folder: Folder) -> None:
    """Flip a bit of a signature of what was kept."""
    sealed = second(folder).sealed
    folder.kept.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))


def no_secrets(folder: Folder) -> None:
    """Take the folder of secret keys away."""
    (folder.secrets / "alice.mac").unlink()
    folder.secrets.rmdir()


def too_many(folder: Folder) -> None:
    """Fill the folder of secret keys."""
    for number in range(MAX_SECRETS + 1):
        (folder.secrets / f"{number}.txt").touch()


def no_secret(folder: Folder) -> None:
    """Put a key that is none in the folder."""
    write_key_file(folder.secrets / "x.mac", ALICE)


def secret_open_to_all(folder: Folder) -> None:
    """Let others read a secret key."""
    (folder.secrets / "alice.mac").chmod(0o644)


WRONG: list[tuple[Callable[[Folder], None], str]] = [
    (missing, r"pinned is not there; bring it .*: sealwire keys list --first > FILE"),
    (two_pinned, r"pinned holds 2 keyrings.* sealwire keys list --first > FILE"),
    (none_pinned, r"pinned holds 0 keyrings"),
    (second_pinned, r"pinned holds no keyring .*it is version 2.*: mv .*pinned.wrong"),
    (unsigned, r"pinned holds no keyring .* is no active root key.*: mv "),
    (open_to_all, r"pinned has mode 0666, so others can change it; run: chmod go-w "),
    (file_open_to_all, r"ring has mode 0666, so others can change it; run: chmod go-w "),
    (linked, r"pinned is a symbolic link; name the file that this gives: readlink -f "),
    (dangling, r"ring is a symbolic link"),
    (fifo, r"ring is no regular file"),
    (garbage, r"ring holds no keyring .*: mv .*ring .*ring.wrong"),
    (fork_of_file, r"ring has another keyring of version 2 .*forked it: compare"),
    (corrupt, r"kept holds no keyring .*: mv .*kept .*kept.wrong"),
    (wrong_bit, r"kept holds no keyring .*the signature of root key.*: mv "),
    (no_secrets, r"secrets cannot be read: .*mkdir -m 700"),
    (too_many, r"secrets has over 512 files; remove old keys"),
    (no_secret, r"x.mac holds no secret key; move it elsewhere"),
    (secret_open_to_all, r"alice.mac has mode 0644.*chmod 600"),
]


@pytest.mark.parametrize(("spoil", "expected"), WRONG, ids=[each[0].__name__ for each in WRONG])
def test_what_is_wrong_at_the_start(
    folder: Folder, spoil: Callable[[Folder], None], expected: str
) -> None:
    """Nothing is served, and the text names the file and what mends it."""
    spoil(folder)
    assert re.search(expected, why(folder.files()))


def test_what_was_kept_is_moved_away_as_the_text_says(folder: Folder) -> None:
    """Then the files decide, and what they hold is kept anew."""
    corrupt(folder)
    folder.file.write_bytes(second(folder).sealed)
    command = re.search(r"(mv .*)$", why(folder.files()))
    assert command is not None
    subprocess.run(shlex.split(command[1]), check=True)
    assert 2 == folder.files().open(NOW_MS).keyring.version


def test_an_example_key_is_everybodys(folder: Folder, request: pytest.FixtureRequest) -> None:
    """A keyring that trusts one trusts everybody, unless that is what is wanted."""
    path = request.config.rootpath / "keys-example" / "alice.signing"
    example = parse_key(path.read_bytes())
    assert isinstance(example, SigningKey)
    with_example = following(folder.first, entry(example, Role.CONFIG, primary=False))
    folder.file.write_bytes(with_example.sealed)
    assert f"has the example key {example.fingerprint}" in why(folder.files())
    pinned = first(ring([entry(ROOT, Role.ROOT), entry(example, Role.CONFIG)]))
    folder.pinned.write_bytes(pinned.sealed)
    assert "has the example key" in why(folder.files(file=None))
    allowed = KeyringFiles(AUDIENCE, pinned=folder.pinned, allow_example_keys=True)
    assert 1 == allowed.open(NOW_MS).keyring.version


def test_a_clock_that_is_wrong_keeps_nobody_from_starting(folder: Folder) -> None:
    """What was kept is in force; what is from ahead of the clock is followed when it is time."""
    folder.kept.write_bytes(second(folder).sealed)
    folder.file.write_bytes(third(folder).sealed)
    files, wrong_ms = folder.files(), (NOW - DAY) * 1000
    live = files.open(wrong_ms)
    assert 2 == live.keyring.version
    assert files.unused
    followed, trouble = files.look(live, wrong_ms, again=True)
    assert () == followed
    assert "ahead of this clock; set the clock" in trouble[0]
    followed, trouble = files.look(live, NOW_MS, again=True)
    assert ([3], ()) == ([each.keyring.version for each in followed], trouble)
    assert not files.unused


# ---- while it runs -----------------------------------------------------------------------------


def test_what_is_wrong_with_one_file_is_no_matter_of_another(folder: Folder) -> None:
    """A keyring that takes a key away is followed, though a secret key cannot be read."""
    files = folder.files()
    live = files.open(NOW_MS)
    assert ((), ()) == files.look(live, NOW_MS)
    (folder.secrets / "x.mac").write_text("garbage")
    folder.file.write_bytes(second(folder).sealed)
    followed, trouble = files.look(live, NOW_MS)
    assert [2] == [each.keyring.version for each in followed]
    assert "x.mac" in trouble[0]
    live.replace(followed)
    assert ((), ()) == files.look(live, NOW_MS)
    assert "x.mac" in files.look(live, NOW_MS, again=True).trouble[0]
    (folder.secrets / "x.mac").unlink()
    write_key_file(folder.secrets / "alice.aead", aead("alice"))
    assert ((), ()) == files.look(live, NOW_MS)
    assert {mac("alice"), aead("alice")} == set(live.held)
    assert not files.unused


def test_what_follows_is_followed_up_to_what_does_not(folder: Folder) -> None:
    """Who can write the file can keep us from more, and from no more than that."""
    files = folder.files()
    live = files.open(NOW_MS)
    folder.file.write_bytes(second(folder).sealed + forked(folder).sealed)
    followed, trouble = files.look(live, NOW_MS)
    assert [2] == [each.keyring.version for each in followed]
    assert "has forked it" in trouble[0]


def suspending(folder: Folder, since: int) -> SignedKeyring:
    """Give a second keyring that suspends bob, as the thief of one root key makes many."""
    gone = entry(BOB, Role.LEASE, State.SUSPENDED, since=since, until=since + 60)
    return following(folder.first, gone, now=since)


def test_a_fork_is_left_behind_by_what_follows_it(folder: Folder) -> None:
    """The thief of one root key of several is not to keep us from what the others sign then."""
    files = folder.files()
    live = files.open(NOW_MS)
    ours, theirs = (suspending(folder, NOW - late) for late in (10, 20))
    live.replace((ours,))
    back = entry(BOB, Role.LEASE, since=NOW)
    mended = following(ours, back, now=NOW)
    assert mended.keyring == following(theirs, back, now=NOW).keyring
    folder.file.write_bytes(theirs.sealed)
    assert "has forked it" in files.look(live, NOW_MS).trouble[0]
    folder.file.write_bytes(theirs.sealed + mended.sealed)
    followed, trouble = files.look(live, NOW_MS)
    assert ([3], ()) == ([each.keyring.version for each in followed], trouble)
    folder.file.write_bytes(theirs.sealed + sign_keyring(mended.keyring, (signing("mallory"),)))
    assert "has forked it" in files.look(live, NOW_MS).trouble[0]


def test_what_no_root_has_signed_is_not_read(folder: Folder) -> None:
    """Reading takes far longer than looking at a signature, and a file has room for thousands."""
    files = folder.files()
    live = files.open(NOW_MS)
    live.replace((second(folder),))
    forged = sign_keyring(ring(issued=NOW - 2 * DAY), (signing("mallory"),))
    folder.file.write_bytes(forged + third(folder).sealed)
    followed, trouble = files.look(live, NOW_MS)
    assert not followed
    assert "is no active root key" in trouble[0]


def test_a_file_with_many_forks_is_not_read_to_its_end(folder: Folder) -> None:
    """However many the thief of a root key has signed."""
    files = folder.files()
    live = files.open(NOW_MS)
    for each in (second(folder), third(folder)):
        live.replace((each,))
    many = [suspending(folder, NOW - late).sealed for late in range(MAX_PASSED + 1)]
    folder.file.write_bytes(b"".join(many[1:]))
    assert ((), ()) == files.look(live, NOW_MS)
    folder.file.write_bytes(b"".join(many))
    assert f"over {MAX_PASSED} keyrings beside" in files.look(live, NOW_MS).trouble[0]


def test_a_root_that_has_just_come_signs_what_follows(folder: Folder) -> None:
    """Also in the same file."""
    files = folder.files()
    live = files.open(NOW_MS)
    carol = signing("carol")
    come = following(folder.first, entry(carol, Role.ROOT))
    more = changed(come.keyring, entry(signing("dave"), Role.CONFIG))
    folder.file.write_bytes(come.sealed + sign_keyring(more, (carol,)))
    followed, trouble = files.look(live, NOW_MS)
    assert ([2, 3], ()) == ([each.keyring.version for each in followed], trouble)


def test_two_secrets_of_one_id_leave_the_old_ones(folder: Folder) -> None:
    """None of both is taken."""
    files = folder.files()
    live = files.open(NOW_MS)
    for name, owner in (("a", "alice"), ("b", "bob")):
        twin = mac("alice").__class__(bytes(32), owner=owner, audience=AUDIENCE)
        write_key_file(folder.secrets / f"{name}.mac", twin)
    assert "two keys have the id" in files.look(live, NOW_MS).trouble[0]
    assert (mac("alice"),) == live.held


def test_a_swapped_folder_is_noticed(folder: Folder) -> None:
    """Another one is put in the place of the folder with the secret keys, all files at once."""
    first, second_one = folder.path / "one", folder.path / "two"
    for each in (first, second_one):
        each.mkdir(mode=0o700)
        write_key_file(each / "alice.mac", mac("alice"))
    write_key_file(second_one / "alice.aead", aead("alice"))
    data = folder.path / "data"
    first.rename(data)
    files = folder.files(secrets=data)
    live = files.open(NOW_MS)
    assert (mac("alice"),) == live.held
    data.rename(first)
    second_one.rename(data)
    assert ((), ()) == files.look(live, NOW_MS)
    assert {mac("alice"), aead("alice")} == set(live.held)


def test_a_swapped_folder_with_the_ring_is_followed(folder: Folder) -> None:
    """The distributed keyring comes with others in a folder that is exchanged."""
    for number, content in ((1, b""), (2, second(folder).sealed)):
        (folder.path / f"{number}").mkdir()
        (folder.path / f"{number}" / "ring").write_bytes(content)
    data = folder.path / "data"
    (folder.path / "1").rename(data)
    files = folder.files(file=data / "ring")
    live = files.open(NOW_MS)
    data.rename(folder.path / "1")
    (folder.path / "2").rename(data)
    assert [2] == [each.keyring.version for each in files.look(live, NOW_MS).followed]


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every folder for one of a read-only mount; the tests with real ones need privileges."""
    monkeypatch.setattr(walking, "is_read_only", lambda _: True)


def test_links_are_followed_on_a_read_only_mount_alone(folder: Folder) -> None:
    """Elsewhere whoever can write beside the link could lead it anywhere."""
    (folder.path / "..1").mkdir(mode=0o700)
    write_key_file(folder.path / "..1" / "alice.mac", mac("alice"))
    (folder.path / "..data").symlink_to("..1")
    text = why(folder.files(secrets=folder.path / "..data"))
    assert "alice.mac lies behind a symbolic link" in text


@pytest.mark.usefixtures("read_only")
def test_a_swapped_link_is_noticed(folder: Folder) -> None:
    """As Kubernetes exchanges the folder behind ``..data``, all files at once."""
    for number in (1, 2):
        (folder.path / f"..{number}").mkdir(mode=0o700)
    write_key_file(folder.path / "..1" / "alice.mac", mac("alice"))
    write_key_file(folder.path / "..2" / "alice.mac", mac("alice"))
    write_key_file(folder.path / "..2" / "alice.aead", aead("alice"))
    data, aside = folder.path / "..data", folder.path / "..data_tmp"
    data.symlink_to("..1")
    files = folder.files(secrets=data)
    live = files.open(NOW_MS)
    assert (mac("alice"),) == live.held
    aside.symlink_to("..2")
    aside.rename(data)
    assert ((), ()) == files.look(live, NOW_MS)
    assert {mac("alice"), aead("alice")} == set(live.held)


@pytest.mark.usefixtures("read_only")
def test_a_swapped_ring_is_followed(folder: Folder) -> None:
    """The distributed keyring is named through ``..data`` as well."""
    for number, content in ((1, b""), (2, second(folder).sealed)):
        (folder.path / f"..{number}").mkdir()
        (folder.path / f"..{number}" / "ring").write_bytes(content)
    data, aside = folder.path / "..data", folder.path / "..data_tmp"
    data.symlink_to("..1")
    files = folder.files(file=data / "ring")
    live = files.open(NOW_MS)
    aside.symlink_to("..2")
    aside.rename(data)
    assert [2] == [each.keyring.version for each in files.look(live, NOW_MS).followed]


def test_secrets_of_a_group_are_taken_where_the_settings_say_so(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes writes them with ``fsGroup``: root's, and readable by a group of ours."""
    (folder.path / "shared").mkdir(mode=0o700)
    path = folder.path / "shared" / "alice.mac"
    write_key_file(path, mac("alice"))
    path.chmod(0o640)
    monkeypatch.setattr("sealwire.keyfiles.checked._spared", lambda *_: stat.S_IRGRP)
    assert "trust_group = true" in why(folder.files(secrets=path.parent))
    files = KeyringFiles(AUDIENCE, pinned=folder.pinned, secrets=path.parent, trust_group=True)
    live = files.open(NOW_MS)
    assert (mac("alice"),) == live.held


# ---- what is kept ------------------------------------------------------------------------------


def test_what_is_kept_is_ours_alone(folder: Folder) -> None:
    """It is a file of mode 0600, and all that was followed."""
    files = folder.files()
    live = files.open(NOW_MS)
    two = second(folder)
    assert files.keep(live, (two,))
    assert two.sealed == folder.kept.read_bytes()
    assert 0o600 == stat.S_IMODE(folder.kept.stat().st_mode)
    assert not folder.files(kept=None).keep(live, (two,))


def test_who_is_behind_does_not_overwrite(folder: Folder) -> None:
    """Of two processes one had followed more: the other one's file would take both back."""
    ahead, behind = folder.files(), folder.files()
    live, late = ahead.open(NOW_MS), behind.open(NOW_MS)
    followed = (second(folder), third(folder))
    ahead.keep(live, followed)
    behind.keep(late, followed[:1])
    assert b"".join(each.sealed for each in followed) == folder.kept.read_bytes()
    late.replace(followed[:1])
    assert [3] == [each.keyring.version for each in behind.look(late, NOW_MS).followed]


def test_what_was_overwritten_is_mended(folder: Folder) -> None:
    """By whoever is ahead, when it looks."""
    files = folder.files()
    live = files.open(NOW_MS)
    followed = (second(folder), third(folder))
    files.keep(live, followed)
    live.replace(followed)
    folder.kept.write_bytes(followed[0].sealed)
    assert ((), ()) == files.look(live, NOW_MS)
    assert b"".join(each.sealed for each in followed) == folder.kept.read_bytes()
    folder.kept.unlink()
    assert ((), ()) == files.look(live, NOW_MS)
    assert folder.kept.exists()


def test_another_process_may_not_have_followed_another_keyring(folder: Folder) -> None:
    """A fork is not papered over; what is damaged is."""
    files = folder.files()
    live = files.open(NOW_MS)
    folder.kept.write_bytes(forked(folder).sealed)
    with pytest.raises(StateError, match="another process of this service has followed it"):
        files.keep(live, (second(folder),))
    folder.kept.write_bytes(b"garbage")
    files.keep(live, (second(folder),))
    assert second(folder).sealed == folder.kept.read_bytes()
    folder.kept.write_bytes(first(replace(ring(), name="x")).sealed[:5])
    files.keep(live, (second(folder),))


def test_a_signature_that_was_added_since_is_no_fork(folder: Folder) -> None:
    """The text is the same."""
    other = signing("other")
    current = first(ring([*usual(), entry(other, Role.ROOT)]))
    folder.pinned.write_bytes(current.sealed)
    alone = sign_keyring(changed(current.keyring), (ROOT,))
    folder.kept.write_bytes(alone)
    folder.file.write_bytes(add_signature(alone, other))
    live = folder.files().open(NOW_MS)
    assert (alone,) == live.followed
    again = folder.files()
    again.keep(live, ())
    assert succeed(current, alone).keyring == live.keyring
