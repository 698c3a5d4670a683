"""The way to a file: folders that others may write, links, and what a read-only mount changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sealwire import keyfiles
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import load_signing_key, new_signing_key, read_key_file, walking
from sealwire.settings import load_any_policy, load_operator_settings, notes_of

KEY = new_signing_key("alice")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of two, with a key in the inner one."""
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o755)
    inner.chmod(0o755)
    keyfiles.write_key_file(inner / "k", KEY)
    return inner


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every mount look as if it could be read alone; real ones are in ``tests/privileged``."""
    monkeypatch.setattr(walking, "is_read_only", lambda _: True)


def refusal(path: Path) -> str:
    """Give the text with which a key is refused."""
    with pytest.raises(KeyFileError) as caught:
        load_signing_key(path)
    return str(caught.value)


def run(command: str) -> None:
    """Do what a refusal says that mends it."""
    program, mode, path = command.split(" ")
    assert ("chmod", "go-w") == (program, mode)
    Path(path).chmod(stat.S_IMODE(Path(path).stat().st_mode) & ~0o022)


@pytest.mark.parametrize("bits", [0o020, 0o002, 0o022])
@pytest.mark.parametrize("above", [0, 1], ids=["its-folder", "one-above"])
def test_a_folder_that_others_may_write(folder: Path, bits: int, above: int) -> None:
    """It is named with the command that mends it, and then the key loads."""
    open_to_others = [folder, folder.parent][above]
    open_to_others.chmod(0o755 | bits)
    text = refusal(folder / "k")
    assert f"{folder / 'k'} lies below {open_to_others}, which has mode {0o755 | bits:04o}" in text
    run(text.partition("run: ")[2])
    assert KEY == load_signing_key(folder / "k")


def test_a_sticky_folder_is_passed(folder: Path) -> None:
    """As ``/tmp`` is: what is ours in it can be taken away by nobody else."""
    folder.parent.chmod(0o1777)
    assert KEY == load_signing_key(folder / "k")
    assert () == read_key_file(folder / "k").notes


def test_a_folder_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ours nor root's: refused, also below a sticky one."""
    stranger, us = 54321, os.geteuid()
    folder.parent.chmod(0o1777)
    if us == 0:
        os.chown(folder, stranger, -1)
    else:
        stranger, us = us, us + 1
        monkeypatch.setattr(os, "geteuid", lambda: us)
    text = refusal(folder / "k")
    assert f"which belongs to uid {stranger} (mode 0755)" in text
    assert "run: chown" in text


@pytest.mark.parametrize("last", [True, False], ids=["the-file", "a-folder"])
def test_a_link_is_not_followed(folder: Path, last: bool) -> None:
    """Neither in the file's place nor on the way to it; the way around it is told."""
    link = folder.parent / "link"
    link.symlink_to("inner/k" if last else "inner")
    path = link if last else link / "k"
    said = "is a symbolic link" if last else f"lies behind a symbolic link, {link}"
    assert f"{path} {said}; name the file that this gives: readlink -f {path}" == refusal(path)


def test_a_file_in_a_folders_place(folder: Path) -> None:
    """It is no link, so what the system says is told."""
    assert "cannot be opened: Not a directory" in refusal(folder / "k" / "k")


@pytest.mark.parametrize("path", ["/", "//", "/.."])
def test_the_root_is_no_file(path: str) -> None:
    """Whatever it is called."""
    assert "cannot be opened: Is a directory" in refusal(Path(path))


def test_a_relative_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its way begins at the root as well."""
    monkeypatch.chdir(folder)
    assert KEY == load_signing_key("k")
    assert KEY == load_signing_key("../inner/./k")
    folder.parent.chmod(0o777)
    assert f"k lies below {folder.parent}, which has mode 0777" in refusal(Path("k"))


def test_what_is_exchanged_meanwhile_is_not_gone_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder put in the place of one that was looked at is not the one that is used."""
    other = folder.parent / "other"
    other.mkdir()
    keyfiles.write_key_file(other / "k", new_signing_key("mallory"))
    fstat, inode = os.fstat, folder.stat().st_ino

    def exchange(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if status.st_ino == inode and folder.stat().st_ino == inode:
            folder.rename(folder.parent / "aside")
            other.rename(folder)
        return status

    monkeypatch.setattr(os, "fstat", exchange)
    assert KEY == load_signing_key(folder / "k")
    monkeypatch.undo()
    assert "mallory" == load_signing_key(folder / "k").owner


def kubernetes(folder: Path) -> Path:
    """Lay out a secret as a kubelet does: everything through ``..data``, and open to all."""
    keyfiles.write_key_file(folder / "..2026_11_27" / "k", KEY)
    (folder / "..data").symlink_to("..2026_11_27")
    (folder / "k").symlink_to("..data/k")
    (folder / "..2026_11_27").chmod(0o777)
    folder.chmod(0o777)
    return folder / "k"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Give a secret as Kubernetes mounts it."""
    folder = tmp_path / "secret"
    (folder / "..2026_11_27").mkdir(parents=True)
    return kubernetes(folder)


def test_what_kubernetes_mounts(secret: Path, read_only: None) -> None:
    """It loads, and each exception that was made is told once."""
    file = read_key_file(secret)
    folder = secret.parent
    assert KEY == file.key
    assert (
        f"{folder} has mode 0777, which does not count on a read-only mount",
        f"{folder}/k is a symbolic link, followed inside its read-only mount",
        f"{folder}/..data is a symbolic link, followed inside its read-only mount",
        f"{folder}/..2026_11_27 has mode 0777, which does not count on a read-only mount",
    ) == tuple(note for note in file.notes if note.startswith(str(folder)))


def test_the_same_where_it_can_be_written(secret: Path) -> None:
    """Whoever may write there could exchange everything."""
    assert "run: chmod go-w" in refusal(secret)


def out_by_the_root(folder: Path) -> None:
    """Lead out of the mount by an absolute path."""
    (folder / "k").symlink_to("/etc/passwd")


def out_by_the_parent(folder: Path) -> None:
    """Lead out of it by its parent."""
    (folder / "k").symlink_to("../k")


def in_a_circle(folder: Path) -> None:
    """Lead nowhere."""
    (folder / "k").symlink_to("l")
    (folder / "l").symlink_to("k")


def above_the_root(folder: Path) -> None:
    """Lead above everything."""
    (folder / "k").symlink_to("../" * 40 + "etc/passwd")


@pytest.mark.parametrize("make", [out_by_the_root, out_by_the_parent, in_a_circle, above_the_root])
def test_links_that_lead_out_of_the_mount(
    tmp_path: Path,
    read_only: None,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], None],
) -> None:
    """They are refused, though the mount can be read alone."""
    folder = tmp_path / "secret"
    folder.mkdir()
    keyfiles.write_key_file(tmp_path / "k", KEY)
    make(folder)
    mount = folder.stat().st_ino

    def mount_of(descriptor: int) -> str:
        return "the secret's" if os.fstat(descriptor).st_ino == mount else "another"

    monkeypatch.setattr(walking, "mount_of", mount_of)
    text = refusal(folder / "k")
    assert "which leads out of its read-only mount; name the file that this gives: readlink" in text


def test_a_link_to_a_folder_is_no_file(tmp_path: Path, read_only: None) -> None:
    """Not even with nothing behind it."""
    (tmp_path / "k").symlink_to(".")
    assert "cannot be opened: Is a directory" in refusal(tmp_path / "k")


def test_mounts_are_told_apart() -> None:
    """By their number on Linux, and by the device where there is no ``/proc``."""
    with Path("/proc/self/status").open("rb") as proc, Path(__file__).open("rb") as here:
        assert walking.mount_of(proc.fileno()) != walking.mount_of(here.fileno())
        assert walking.mount_of(here.fileno()).isdigit()


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device stands for the mount."""
    opened = os.open

    def without(path: str, *more: int, **by_name: int) -> int:
        if path.startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory")
        return opened(path, *more, **by_name)

    monkeypatch.setattr(os, "open", without)
    with Path(__file__).open("rb") as here:
        assert f"device {os.fstat(here.fileno()).st_dev}" == walking.mount_of(here.fileno())


def test_a_system_that_cannot_walk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the file alone is looked at."""
    monkeypatch.setattr(walking, "CAN_WALK", False)
    folder.chmod(0o777)
    assert KEY == load_signing_key(folder / "k")


def test_no_folder_is_left_open(folder: Path) -> None:
    """Neither after a key that loads nor after one that is refused."""
    open_files = Path("/dev/fd")
    before = len(list(open_files.iterdir()))
    for _ in range(10):
        load_signing_key(folder / "k")
        refusal(folder / "none")
    folder.parent.chmod(0o777)
    for _ in range(10):
        refusal(folder / "k")
    assert before == len(list(open_files.iterdir()))


@pytest.mark.parametrize("load", [load_operator_settings, load_any_policy])
def test_settings_and_policies_are_looked_at_in_the_same_way(
    folder: Path, load: Callable[[Path], object]
) -> None:
    """Whoever can exchange them decides as much as whoever can exchange a key."""
    (folder / "s.toml").write_text("")
    (folder / "s.toml").chmod(0o644)
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match=f"lies below {folder}, .* chmod go-w {folder}$"):
        load(folder / "s.toml")


def test_a_secret_of_root_that_our_group_may_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused with the setting that would take it; taken and told with that."""
    path = folder / "k"
    path.chmod(0o640)
    fstat, group = os.fstat, os.getegid()

    def of_root(descriptor: int) -> os.stat_result:
        status = list(fstat(descriptor))
        status[stat.ST_UID], status[stat.ST_GID] = 0, group
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", of_root)
    text = refusal(path)
    assert "has mode 0640" in text
    assert "and the settings say so (trust_group = true); run: chmod 600" in text
    file = read_key_file(path, trust_group=True)
    assert (KEY, (f"{path} belongs to root, and its group may read it",)) == (file.key, file.notes)
    for more in (0o660, 0o650, 0o644):
        path.chmod(more)
        with pytest.raises(KeyFileError, match=f"has mode {more:04o}"):
            read_key_file(path, trust_group=True)
    path.chmod(0o640)
    monkeypatch.setattr(os, "getegid", lambda: 54321)
    monkeypatch.setattr(os, "getgroups", lambda: [54322])
    assert "trust_group" not in refusal(path)
    with pytest.raises(KeyFileError, match="has mode 0640"):
        read_key_file(path, trust_group=True)


def test_a_secret_of_ours_that_a_group_may_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We could take that away from the group, so it is refused as ever."""
    path, us = folder / "k", 54321
    path.chmod(0o640)
    fstat = os.fstat

    def of_ours(descriptor: int) -> os.stat_result:
        status = list(fstat(descriptor))
        status[stat.ST_UID], status[stat.ST_GID] = us, os.getegid()
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", of_ours)
    monkeypatch.setattr(os, "geteuid", lambda: us)
    with pytest.raises(KeyFileError, match="has mode 0640, and a secret is for its owner alone"):
        read_key_file(path, trust_group=True)


def test_what_was_excepted_for_settings_is_told(folder: Path, read_only: None) -> None:
    """For the doctor; of a file that cannot be read there is nothing to tell here."""
    (folder / "s.toml").write_text("")
    (folder / "s.toml").chmod(0o644)
    folder.chmod(0o777)
    note = f"{folder} has mode 0777, which does not count on a read-only mount"
    assert note in notes_of(folder / "s.toml")
    assert () == notes_of(folder / "none.toml")
