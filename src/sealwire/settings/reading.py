"""Reading the settings of a service and of an operator from their TOML files.

Rules this module keeps:

1. Whoever can write these files decides whom a service trusts, so they are read as key files are:
   no link, ours or root's, and not writable by anybody else.
2. Exactly the keys listed here, of exactly these types; see `tables`.
3. A policy is in a file of its own, or its lists are here; never both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sealwire.adopting import OnNewSetup
from sealwire.errors import ConfigurationError
from sealwire.keyfiles import Checked, StrPath, read_checked
from sealwire.keys import check_name
from sealwire.recommended import Recommended, Signatures
from sealwire.settings.allow import ALLOWED, read_allowed, sources_of
from sealwire.settings.keyring import read_keyring_settings
from sealwire.settings.operator import OperatorSettings, Target
from sealwire.settings.service import ServiceSettings
from sealwire.settings.signing import signing_place
from sealwire.settings.tables import (
    Table,
    command,
    duration_s,
    flag,
    list_of,
    parse_toml,
    text_of,
    whole,
)
from sealwire.settings.trail import read_trail
from sealwire.transports.addresses import MAX_ADDRESSES, parse_address, parse_target

T = TypeVar("T")

MAX_SETTINGS_BYTES: Final = 64 * 1024
"""A thousand trusted keys; and little enough that no TOML of this size takes long to read."""

EPHEMERAL: Final = "ephemeral"
"""Said on purpose: what was taken and what stands is forgotten with the process."""

NO_OPERATOR_YET: Final = (
    "try things out with: sealwire init AUDIENCE --both, or write there what sealwire init printed "
    "on the service's host, or name another file with --config"
)
"""The next step where an operator's settings are not there."""


def load_service_settings(path: StrPath) -> ServiceSettings:
    """Read the settings of a service.

    Raises:
        ConfigurationError: the file is missing, too open or another user's, or it is not exactly
            such settings; the text names file, line where known, and what to do.
    """
    return parse_service(
        *read_settings(path, "make the service's part with: sealwire init AUDIENCE")
    )


def load_operator_settings(path: StrPath) -> OperatorSettings:
    """Read the settings of an operator.

    Raises:
        ConfigurationError: as `load_service_settings`.
    """
    return parse_operator(*read_settings(path, NO_OPERATOR_YET))


def parse_service(path: Path, text: str) -> ServiceSettings:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_service_settings`."""
    top = parse_toml(path, text).limited_to(
        *("audience", "address", "chain", "signatures", "receipt_key", "challenge"),
        *("allow_example_keys", "trust_group", "standing", "state", "on_new_setup", "workers"),
        "instance",
        *("keys", "keyring", "socket", "policy", "trail"),
    )
    keys = top.table("keys").limited_to(
        *("trusted", "gate", "encryption", "allowed_signers", "revoked_keys")
    )
    socket = top.table("socket").limited_to("allow_uids", "group", "beyond_loopback", "skew_s")
    policy = top.table("policy").limited_to("file", *ALLOWED)
    return top.make(
        ServiceSettings,
        path=path,
        audience=top.need("audience", _name),
        address=top.need("address", _address),
        kind=top.need("chain", _kind),
        trusted=keys.take("trusted", list_of(top.key_path), default=()),
        gate=keys.take("gate", list_of(top.key_path), default=()),
        encryption=keys.take("encryption", list_of(top.key_path), default=()),
        receipt_key=top.take("receipt_key", top.key_path, default=None),
        challenge=top.take("challenge", flag, default=None),
        allow_example_keys=top.take("allow_example_keys", flag, default=False),
        trust_group=top.take("trust_group", flag, default=False),
        standing_s=top.take("standing", duration_s, default=None),
        state=top.take("state", _state(top), default=None),
        on_new_setup=top.take("on_new_setup", _on_new_setup, default=OnNewSetup.APPLICATION),
        workers=top.take("workers", flag, default=False),
        instance=top.take("instance", text_of, default=None),
        allow_uids=socket.take("allow_uids", list_of(whole), default=None),
        group=socket.take("group", text_of, default=None),
        beyond_loopback=socket.take("beyond_loopback", flag, default=False),
        skew_s=socket.take("skew_s", whole, default=None),
        policy=read_allowed(policy),
        policy_file=policy.take("file", top.path, default=None),
        policy_sources=sources_of(policy),
        trail=read_trail(top),
        keyring=read_keyring_settings(top),
        allowed_signers=keys.take("allowed_signers", top.path, default=None),
        revoked_keys=keys.take("revoked_keys", top.path, default=None),
        signatures=top.take("signatures", _signatures, default=Signatures.ONE),
    )


def parse_operator(path: Path, text: str) -> OperatorSettings:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_service_settings`."""
    top = parse_toml(path, text).limited_to(
        *("issuer", "signing_key", "passphrase_command"),
        *("allow_example_keys", "trust_group", "targets"),
    )
    targets = []
    for audience in top.table("targets").values:
        table = top.table("targets", audience)
        table.limited_to(
            *("address", "chain", "signatures", "gate", "encryption", "receipt_key", "sshsig")
        )
        target = table.make(
            Target,
            audience=audience,
            addresses=table.need("address", _one_or_more(_target_address)),
            kind=table.need("chain", _kind),
            gate=table.take("gate", top.key_path, default=None),
            encryption=table.take("encryption", top.key_path, default=None),
            receipt_keys=table.take("receipt_key", _one_or_more(top.key_path), default=()),
            sshsig=table.take("sshsig", flag, default=False),
            signatures=table.take("signatures", _signatures, default=Signatures.ONE),
        )
        targets.append(target)
    return top.make(
        OperatorSettings,
        path=path,
        issuer=top.need("issuer", _name),
        signing_key=top.need("signing_key", signing_place(top)),
        targets=tuple(targets),
        allow_example_keys=top.take("allow_example_keys", flag, default=False),
        trust_group=top.take("trust_group", flag, default=False),
        passphrase_command=top.take("passphrase_command", command, default=()),
    )


def read_settings(path: StrPath, missing: str) -> tuple[Path, str]:
    """Read a file that decides whom a service trusts and with what; see rule 1.

    Raises:
        ConfigurationError: it is missing, too open, another user's, too long or not UTF-8.
    """
    absolute = Path(path).absolute()
    content = _checked(absolute, missing).content
    try:
        return absolute, content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{absolute} is not UTF-8 text at byte {error.start}; save it as UTF-8"
        ) from None


def notes_of(path: StrPath) -> tuple[str, ...]:
    """Say in words which exceptions from the rules for files are made for one that can be read."""
    with contextlib.suppress(ConfigurationError):
        return _checked(Path(path).absolute(), NO_OPERATOR_YET).notes
    return ()


def _checked(path: Path, missing: str) -> Checked:
    return read_checked(
        path, max_bytes=MAX_SETTINGS_BYTES, error=ConfigurationError, missing=missing
    )


def _state(table: Table) -> Callable[[object], Path | None]:
    return lambda value: None if value == EPHEMERAL else table.path(value)


def _on_new_setup(value: object) -> OnNewSetup:
    try:
        return OnNewSetup(value)
    except ValueError:
        known = ", ".join(f'"{each.value}"' for each in OnNewSetup)
        raise ValueError(f"is none of {known}") from None


def _name(value: object) -> str:
    return check_name(text_of(value), "")


def _address(value: object) -> str:
    parse_address(text := text_of(value))
    return text


def _target_address(value: object) -> str:
    parse_target(text := text_of(value))
    return text


def _one_or_more(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Read what stands once or, for several hosts, in a list."""

    def read_them(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            return (read(value),)
        found = list_of(read)(value)
        if not found:
            raise ValueError("is an empty list")
        if len(found) > MAX_ADDRESSES:
            raise ValueError(f"has {len(found)} entries; {MAX_ADDRESSES} hosts can be named")
        if len(set(found)) != len(found):
            raise ValueError("names one twice")
        return found

    return read_them


def _kind(value: object) -> Recommended:
    try:
        return Recommended(value)
    except ValueError:
        raise ValueError('is neither "local" nor "network"') from None


def _signatures(value: object) -> Signatures:
    try:
        return Signatures(value)
    except ValueError:
        raise ValueError('is neither "one" nor "several"') from None
