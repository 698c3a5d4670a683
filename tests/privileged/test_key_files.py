"""Key files with real users, real mounts and real groups: what is refused, and what is taken."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.findings import Mark
from sealwire.cli.servicecheck import look_at_service
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.journal import StateDirectory, init
from sealwire.keyfiles import load_signing_key, new_signing_key, read_key_file, write_key_file
from sealwire.settings import load_any_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Child

    Fork = Callable[[Callable[[], object]], Child]
    Become = Callable[..., None]

# Numbers that no account of a system has.
STRANGER, SERVICE, GROUP = 60_101, 60_103, 60_201
KEY = new_signing_key("host")


@pytest.fixture
def keys(folder: Path) -> Path:
    """Give a folder of root's with a key that the service can read."""
    folder.chmod(0o755)
    inner = folder / "keys"
    inner.mkdir(0o755)
    write_key_file(inner / "k", KEY)
    os.chown(inner / "k", SERVICE, SERVICE)
    return inner


@pytest.fixture
def as_service(child: Fork, become: Become) -> Callable[[Callable[[], object]], None]:
    """Give what does something as the service, and as root."""

    def do(step: Callable[[], object]) -> None:
        def program() -> None:
            become(SERVICE)
            step()

        child(program).check()

    return do


def refused(path: Path, said: str) -> Callable[[], None]:
    """Give what sees a key refused."""

    def see() -> None:
        with pytest.raises(KeyFileError, match=said):
            load_signing_key(path)

    return see


def taken(path: Path) -> Callable[[], None]:
    """Give what sees a key taken."""

    def see() -> None:
        assert KEY == load_signing_key(path)

    return see


def foreign(keys: Path) -> str:
    """Give the file to a stranger, who may read it with the service."""
    os.chown(keys / "k", STRANGER, SERVICE)
    (keys / "k").chmod(0o640)
    return f"belongs to uid {STRANGER} .*chown {SERVICE} "


def unreadable(keys: Path) -> str:
    """Give it to a stranger who alone may read it."""
    os.chown(keys / "k", STRANGER, STRANGER)
    return f"belongs to uid {STRANGER} with mode 0600, and we may not read it"


def open_to_all(keys: Path) -> str:
    """Let everybody read and write it."""
    (keys / "k").chmod(0o666)
    return "has mode 0666, and a secret is for its owner alone; run: chmod 600 "


def truncated(keys: Path) -> str:
    """Cut it."""
    os.truncate(keys / "k", 20)
    return "then one line that ends in one newline"


def fifo(keys: Path) -> str:
    """Put something that nobody writes to in its place."""
    (keys / "k").unlink()
    os.mkfifo(keys / "k", 0o600)
    os.chown(keys / "k", SERVICE, SERVICE)
    return r"is no regular file \(prw-------\)"


def symlink(keys: Path) -> str:
    """Put a link in its place, as whoever exchanges it would."""
    (keys / "k").rename(keys / "real")
    (keys / "k").symlink_to("real")
    return "is a symbolic link; name the file that this gives: readlink -f "


def parent_is_a_link(keys: Path) -> str:
    """Exchange the folder for a link to it."""
    keys.rename(keys.with_name("real"))
    keys.symlink_to("real")
    return f"lies behind a symbolic link, {keys}; name the file that this gives: readlink -f "


def parent_writable(keys: Path) -> str:
    """Let everybody exchange it."""
    keys.chmod(0o757)
    return f"lies below {keys}, which has mode 0757, .*run: chmod go-w {keys}$"


def parent_of_a_group(keys: Path) -> str:
    """Let a group exchange it, one folder further up."""
    os.chown(keys.parent, 0, GROUP)
    keys.parent.chmod(0o775)
    return f"lies below {keys.parent}, which has mode 0775, .*run: chmod go-w {keys.parent}$"


def parent_of_a_stranger(keys: Path) -> str:
    """Let a stranger have the folder, below one as ``/tmp`` is."""
    keys.parent.chmod(0o1777)
    os.chown(keys, STRANGER, STRANGER)
    return f"lies below {keys}, which belongs to uid {STRANGER} "


@pytest.mark.parametrize(
    "make",
    [
        *(foreign, unreadable, open_to_all, truncated, fifo, symlink),
        *(parent_is_a_link, parent_writable, parent_of_a_group, parent_of_a_stranger),
    ],
)
def test_what_a_service_refuses(
    keys: Path,
    as_service: Callable[[Callable[[], object]], None],
    make: Callable[[Path], str],
) -> None:
    """One thing wrong at a time; without it the key is taken."""
    as_service(taken(keys / "k"))
    as_service(refused(keys / "k", make(keys)))


def test_a_folder_that_everybody_may_write_as_tmp(
    keys: Path, as_service: Callable[[Callable[[], object]], None]
) -> None:
    """There nobody takes away what is the service's or root's; a stranger's own is refused."""
    keys.chmod(0o1777)
    as_service(taken(keys / "k"))
    os.chown(keys / "k", STRANGER, SERVICE)
    (keys / "k").chmod(0o640)
    as_service(refused(keys / "k", f"belongs to uid {STRANGER}"))


def test_a_folder_that_may_not_be_listed(
    keys: Path, as_service: Callable[[Callable[[], object]], None]
) -> None:
    """Going through it is enough."""
    keys.chmod(0o711)
    as_service(taken(keys / "k"))
    keys.chmod(0o700)
    as_service(refused(keys / "k", "cannot be opened: Permission denied"))


def test_a_policy_that_others_could_exchange(
    keys: Path, as_service: Callable[[Callable[[], object]], None]
) -> None:
    """It is read by the same rules."""
    (keys / "policy.toml").write_text("")

    def read() -> None:
        with pytest.raises(ConfigurationError, match=f"chmod go-w {keys}$"):
            load_any_policy(keys / "policy.toml")

    as_service(lambda: load_any_policy(keys / "policy.toml"))
    keys.chmod(0o757)
    as_service(read)


# ---- Kubernetes -------------------------------------------------------------------------------


def run(*command: object) -> None:
    """Run a program that has to end well."""
    subprocess.run([str(each) for each in command], check=True)


@pytest.fixture
def mounted(folder: Path) -> Iterator[Callable[[Path], Path]]:
    """Give what mounts a folder where it can be read alone."""
    folder.chmod(0o755)
    made: list[Path] = []

    def mount(source: Path) -> Path:
        target = folder / "mounted"
        target.mkdir()
        run("mount", "--bind", source, target)
        made.append(target)
        run("mount", "-o", "remount,ro,bind", target)
        return target

    yield mount
    for target in made:
        run("umount", target)


@pytest.fixture
def secret(folder: Path) -> Path:
    """Lay a secret out as a kubelet does for a pod with an ``fsGroup``."""
    source = folder / "source"
    version = source / "..2026_11_27_15_00_00.123456789"
    version.mkdir(parents=True)
    write_key_file(version / "k", KEY)
    (version / "k").chmod(0o440)
    (source / "..data").symlink_to(version.name)
    (source / "k").symlink_to("..data/k")
    for each in (source, version, version / "k"):
        os.chown(each, 0, GROUP)
    version.chmod(0o2755)
    source.chmod(0o3777)
    return source


def in_group(child: Fork, become: Become, step: Callable[[], object], *groups: int) -> None:
    """Do something as the service, in these groups."""

    def program() -> None:
        become(SERVICE, *groups)
        step()

    child(program).check()


def test_a_secret_of_kubernetes(
    secret: Path,
    mounted: Callable[[Path], Path],
    child: Fork,
    become: Become,
) -> None:
    """Its ``..data`` is followed on a mount that can be read alone; each exception is told."""
    target = mounted(secret)

    def take() -> None:
        file = read_key_file(target / "k", trust_group=True)
        assert KEY == file.key
        last = os.path.realpath(target / "k")
        assert (
            f"{target}/k is a symbolic link, followed inside its read-only mount",
            f"{target}/..data is a symbolic link, followed inside its read-only mount",
            f"{target}/k belongs to root, and its group may read it",
        ) == file.notes
        assert last.startswith(f"{target}/..2026")

    in_group(child, become, take, GROUP)
    in_group(child, become, refused(target / "k", r"trust_group = true\); run: chmod 600"), GROUP)
    in_group(child, become, refused(target / "k", "uid 0 with mode 0440, and we may not read it"))
    # The same folder where it can be written.
    in_group(child, become, refused(secret / "k", "is a symbolic link"), GROUP)


def test_a_secret_that_was_exchanged(
    secret: Path,
    mounted: Callable[[Path], Path],
    child: Fork,
    become: Become,
) -> None:
    """The kubelet moves ``..data`` to another version, and that is what is read next."""
    target, other = mounted(secret), new_signing_key("other")
    version = secret / "..2026_11_27_16_00_00.987654321"
    version.mkdir(0o2755)
    write_key_file(version / "k", other)
    (version / "k").chmod(0o440)
    os.chown(version / "k", 0, GROUP)
    (secret / "..data_tmp").symlink_to(version.name)
    (secret / "..data_tmp").rename(secret / "..data")

    def take() -> None:
        assert other == load_signing_key(target / "k", trust_group=True)

    in_group(child, become, take, GROUP)


def test_a_link_out_of_the_mount(
    secret: Path,
    mounted: Callable[[Path], Path],
    child: Fork,
    become: Become,
) -> None:
    """Whoever laid the secret out cannot name another file of the service's with it."""
    elsewhere = secret.parent / "elsewhere"
    write_key_file(elsewhere, KEY)
    os.chown(elsewhere, SERVICE, SERVICE)
    (secret / "by-parent").symlink_to("../elsewhere")
    (secret / "by-root").symlink_to(elsewhere)
    target = mounted(secret)
    for name in ("by-parent", "by-root"):
        said = "which leads out of its read-only mount"
        in_group(child, become, refused(target / name, said), GROUP)


def test_an_empty_dir(
    folder: Path,
    mounted: Callable[[Path], Path],
    as_service: Callable[[Callable[[], object]], None],
) -> None:
    """Everybody may write it: a state is safe there, a key only where it can be read alone."""
    folder.chmod(0o755)
    empty = folder / "empty"
    empty.mkdir()
    empty.chmod(0o777)
    write_key_file(empty / "k", KEY)
    os.chown(empty / "k", SERVICE, SERVICE)

    def keep_a_state() -> None:
        init(empty / "state", "payments@prod", min_version=1, now_ms=1)
        StateDirectory.open(empty / "state", "payments@prod").close()

    as_service(keep_a_state)
    as_service(refused(empty / "k", f"lies below {empty}, which has mode 0777"))
    as_service(taken(mounted(empty) / "k"))


def test_a_file_that_is_mounted_alone(
    keys: Path, as_service: Callable[[Callable[[], object]], None]
) -> None:
    """As ``subPath`` does: the folder around it counts as it is."""
    target = keys.parent / "single"
    target.touch()
    run("mount", "--bind", keys / "k", target)
    try:
        run("mount", "-o", "remount,ro,bind", target)
        as_service(taken(target))
        keys.parent.chmod(0o777)
        as_service(refused(target, f"chmod go-w {keys.parent}$"))
    finally:
        run("umount", target)


def test_the_doctor_names_the_exceptions(
    secret: Path, mounted: Callable[[Path], Path], child: Fork, become: Become
) -> None:
    """Of settings, policy and keys that a pod has from Kubernetes."""
    version = (secret / "..data").resolve()
    write_key_file(version / "alice.pub", new_signing_key("alice").verify_key)
    (version / "service.toml").write_text(
        'audience = "payments@prod"\naddress = "tcp:127.0.0.1:9030"\nchain = "local"\n'
        'receipt_key = "k"\ntrust_group = true\n[keys]\ntrusted = ["alice.pub"]\n'
        '[policy]\nfile = "policy.toml"\n'
    )
    (version / "policy.toml").write_text("")
    for name in ("alice.pub", "service.toml", "policy.toml"):
        (version / name).chmod(0o644)
        (secret / name).symlink_to(f"..data/{name}")
    target = mounted(secret)

    def look() -> None:
        found = {each.name: each for each in look_at_service(str(target / "service.toml"), {})}
        followed = "is a symbolic link, followed inside its read-only mount"
        for name, file in (
            *(("settings", "service.toml"), ("policy", "policy.toml")),
            *(("trusted key", "alice.pub"), ("receipt key", "k")),
        ):
            assert found[name].mark is Mark.OK
            assert f"{target / file} {followed}" in found[name].text
        assert "belongs to root, and its group may read it" in found["receipt key"].text

    in_group(child, become, look, GROUP)
