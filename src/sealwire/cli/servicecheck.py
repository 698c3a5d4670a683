"""A service's part, looked at on its host as ``listen_from`` would, without binding anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.algebra import check_hides_and_signs
from sealwire.cli.findings import (
    Finding,
    Mark,
    described,
    problem_of,
    signing_key_of,
)
from sealwire.cli.keyring_host import keyring_signers, look_at_keyring
from sealwire.cli.listening import (
    START_AGAIN,
    is_us,
    look_at_address,
    look_at_listener,
    user_in_words,
)
from sealwire.cli.state import read_state
from sealwire.cli.wording import counted
from sealwire.errors import ConfigurationError, SealwireError, StateError
from sealwire.keyfiles import load_aead_key, load_mac_key, load_trusted_key
from sealwire.listener import REMOTE_SKEW_S, make_door
from sealwire.settings import (
    find_operator_settings,
    load_operator_settings,
    load_service_settings,
    notes_of,
)
from sealwire.settings.trusting import load_readable, load_revoked, load_trusted
from sealwire.sshkeys import NAMESPACE
from sealwire.trail.folders import check_folder
from sealwire.transports.addresses import TcpAddress, UnixAddress, parse_address
from sealwire.transports.bound import Access, check_access, check_callers
from sealwire.transports.directories import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sealwire.chain import Chain
    from sealwire.keyfiles import Key
    from sealwire.policy import Policy
    from sealwire.settings import ServiceSettings


def look_at_service(path: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at a service's settings, keys, policy and address.

    Args:
        path: the service's settings.
        environ: the environment, for the settings of an operator on the same machine.
    """
    try:
        settings = load_service_settings(path)
    except SealwireError as error:
        yield problem_of("settings", error)
        return
    chain_name = f"chain {settings.kind.value}"
    text = f"{settings.path}: {settings.audience}, {chain_name}"
    yield Finding(Mark.OK, "settings", ", ".join((text, *notes_of(settings.path))))
    yield from _keys(settings)
    yield from look_at_keyring(settings)
    yield from _chain_and_policy(settings)
    yield from _receipts(settings)
    yield from _state(settings)
    yield from _trail(settings)
    yield from _address(settings)
    yield from _operator(settings, environ)


def _keys(settings: ServiceSettings) -> Iterator[Finding]:
    group = {"trust_group": settings.trust_group}
    files: tuple[tuple[str, tuple[Path, ...], Callable[..., Key], dict[str, bool]], ...] = (
        ("trusted key", settings.trusted, load_trusted_key, {}),
        ("gate key", settings.gate, load_mac_key, group),
        ("encryption key", settings.encryption, load_aead_key, group),
    )
    for name, paths, load, more in files:
        for path in paths:
            try:
                key = load(path, allow_example_keys=settings.allow_example_keys, **more)
            except SealwireError as error:
                yield problem_of(name, error)
            else:
                yield described(name, path, key)
    yield from _listed_keys(settings)


def _listed_keys(settings: ServiceSettings) -> Iterator[Finding]:
    """Look at OpenSSH's lists of who may sign, and of what is revoked."""
    revoked: frozenset[bytes] = frozenset()
    if settings.revoked_keys is not None:
        name = "revoked keys"
        try:
            revoked = load_revoked(settings.revoked_keys)
        except SealwireError as error:
            yield problem_of(name, error)
        else:
            yield Finding(Mark.OK, name, f"{settings.revoked_keys}: {counted(len(revoked), 'key')}")
    if settings.allowed_signers is not None:
        name = "allowed signers"
        try:
            listed = load_trusted(
                (),
                settings.allowed_signers,
                settings.revoked_keys,
                allow_example_keys=settings.allow_example_keys,
            ).sshsig
        except SealwireError as error:
            yield problem_of(name, error)
        else:
            owners = ", ".join(sorted({key.owner for key in listed})) or "nobody"
            said = f"{counted(len(listed), 'key')} for {NAMESPACE}, of {owners}"
            yield Finding(Mark.OK, name, f"{settings.allowed_signers}: {said}")


def _chain_and_policy(settings: ServiceSettings) -> Iterator[Finding]:
    """Make what `listen_from` makes of the settings; each half by itself, to tell both."""
    named = settings.policy_file
    policy: Policy | None = None
    try:
        policy = settings.make_policy()
    except SealwireError as error:
        yield problem_of("policy", error)
    else:
        where = "in the settings" if named is None else str(named)
        roles = f", {counted(len(policy.roles), 'role')}" if policy.roles else ""
        text = f"{where}: {counted(len(policy.rules), 'rule')}{roles}"
        notes = () if named is None else notes_of(named)
        yield Finding(Mark.OK, "policy", ", ".join((text, *notes)))
    try:
        chain = settings.chain()
        make_door(chain, policy=policy, skew_s=_skew_s(settings))
        _check_reach(settings, chain)
    except SealwireError as error:
        yield problem_of("chain", error)
    else:
        yield Finding(Mark.OK, "chain", chain.describe())


def _receipts(settings: ServiceSettings) -> Iterator[Finding]:
    """Look at the host's receipt key, with which answers are signed."""
    name, path = "receipt key", settings.receipt_key
    try:
        key = settings.load_receipt_key()
    except SealwireError as error:
        yield problem_of(name, error)
        return
    if path is None or key is None:
        yield Finding(Mark.OK, name, "none, so answers are unsigned")
    else:
        yield described(name, path, key)


def _state(settings: ServiceSettings) -> Iterator[Finding]:
    """Look whether the service can rely on what it remembers; it may be running.

    A service whose state is lost or damaged listens and refuses changes, so that is a warning:
    whoever asks before each start would keep the application down.
    """
    name, folder = "state", settings.state
    if folder is None:
        yield Finding(Mark.OK, name, "none, so what was taken and what stands end with the process")
        return
    try:
        in_force = read_state(folder, settings.audience).in_force
    except StateError as error:
        yield problem_of(name, error)._replace(mark=Mark.WARNING)
    except SealwireError as error:
        lost = not os.path.lexists(folder)
        found = problem_of(name, error)
        yield found._replace(mark=Mark.WARNING) if lost else found
    else:
        bases = counted(len(in_force.bases), "configuration")
        leases = counted(len(in_force.leases), "lease")
        yield Finding(Mark.OK, name, f"{folder}: {bases}, {leases}")


def _trail(settings: ServiceSettings) -> Iterator[Finding]:
    """Look at the trail's key and folder; whether somebody writes it is no matter here."""
    try:
        trail = settings.make_trail()
        if trail is not None and trail.folder.exists():
            check_folder(trail.folder)
    except SealwireError as error:
        yield problem_of("trail", error)
    else:
        what = (
            "none is written" if trail is None else f"{trail.folder}, signed by {trail.key.owner}"
        )
        yield Finding(Mark.OK, "trail", what)


def _skew_s(settings: ServiceSettings) -> float:
    where = parse_address(settings.address)
    far = isinstance(where, TcpAddress) and not where.is_loopback
    return (REMOTE_SKEW_S if far else 0.0) if settings.skew_s is None else settings.skew_s


def _check_reach(settings: ServiceSettings, chain: Chain) -> None:
    where = parse_address(settings.address)
    check_access(where, _access(settings))
    if isinstance(where, TcpAddress) and not where.is_loopback:
        check_hides_and_signs(chain.guarantees)


def _access(settings: ServiceSettings) -> Access:
    uids = None if settings.allow_uids is None else frozenset(settings.allow_uids)
    return Access(uids, settings.group, settings.beyond_loopback)


def _address(settings: ServiceSettings) -> Iterator[Finding]:
    where = parse_address(settings.address)
    if not isinstance(where, UnixAddress):
        # A port is bound to another address than the one it is reached at, so nobody is called.
        yield look_at_address(settings.address)
        return
    path = Path(where.path)
    try:
        judge(path.parent)
        check_callers(where, _access(settings))
    except SealwireError as error:
        yield problem_of("address", error)
        return
    if not os.path.lexists(path):
        text = f"{path}: no socket is there, so the service does not run"
        yield Finding(Mark.WARNING, "address", text, "start the service")
    elif stat.S_ISSOCK((status := path.lstat()).st_mode) and not is_us(status.st_uid):
        yield Finding(
            Mark.PROBLEM,
            "address",
            f"{path} is a socket of {user_in_words(status.st_uid)}, and this user's service cannot "
            "take its place",
            "run this as the service's user; or stop what has made it, and remove it",
        )
    else:
        yield from _socket(settings, status.st_mtime_ns)


def _socket(settings: ServiceSettings, bound_ns: int) -> Iterator[Finding]:
    """Look whether somebody listens, and whether that is with the files as they are now."""
    found = look_at_listener(settings.address)
    if found.mark is Mark.OK:
        yield found
        yield from _newer(settings, bound_ns)
    elif found.next == START_AGAIN:
        # A socket that a killed process has left is replaced by the next start.
        yield found._replace(mark=Mark.WARNING)
    else:
        yield found


def _newer(settings: ServiceSettings, bound_ns: int) -> Iterator[Finding]:
    """Say which files have changed since the running listener was bound; it reads them once."""
    policy = () if settings.policy_file is None else (settings.policy_file,)
    keys = (*settings.trusted, *settings.gate, *settings.encryption)
    files = (settings.path, *keys, *policy)
    # The time of the entry, because a file that is moved into its place keeps the time of its text.
    newer = [str(each) for each in files if _changed_ns(each) > bound_ns]
    if newer:
        yield Finding(
            Mark.WARNING,
            "running",
            f"changed since the listener was started, which goes on with the old ones: "
            f"{', '.join(newer)}",
            "start the service again",
        )


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_ctime_ns
    except OSError:
        # That it is not there is told where it is looked at.
        return 0


def _operator(settings: ServiceSettings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Compare with the operator's part, where there is one on this machine for this service.

    What differs keeps no service from listening, so it is a warning.
    """
    try:
        operator = load_operator_settings(find_operator_settings(None, environ).path)
        target = operator.target(settings.audience)
    except ConfigurationError:
        return
    key = signing_key_of(operator)
    if key is None:
        return
    name = "operator"
    for what, ours, theirs in (
        ("address", settings.address, target.address),
        ("chain", settings.kind.value, target.kind.value),
        ("signatures", settings.signatures.value, target.signatures.value),
    ):
        if ours != theirs:
            yield Finding(
                Mark.WARNING,
                name,
                f"{operator.path} has {what} {theirs} for {target.audience}, and this service has "
                f"{ours}",
                f"change {what} in one of the two",
            )
    if key.thumbprint not in set(_trusted(settings)):
        remedy = (
            f"add its public half to keys.trusted in {settings.path}, and start the service again"
        )
        if settings.keyring is not None:
            remedy = f"sealwire keys enroll {key.owner} --role lease --key FILE, and keys push"
        yield Finding(
            Mark.WARNING,
            name,
            f"this service does not trust the key {key.fingerprint} of {key.owner}, which "
            f"{operator.path} seals with",
            remedy,
        )
    else:
        yield Finding(Mark.OK, name, f"{operator.path}: the key {key.fingerprint} is trusted")


def _trusted(settings: ServiceSettings) -> Iterator[bytes]:
    yield from keyring_signers(settings)
    keys, _ = load_readable(
        settings.trusted, settings.allowed_signers, settings.revoked_keys, allow_example_keys=True
    )
    yield from (key.thumbprint for key in keys)
