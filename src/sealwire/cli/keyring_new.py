"""The key that comes: made here for a rotation, or its public half brought by its owner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.cli.custodian import ROOT_SUFFIX, Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_files import load_ring_key
from sealwire.cli.keyring_people import fresh_secret
from sealwire.cli.keys import file_name
from sealwire.cli.making import make_folder
from sealwire.keyfiles import (
    load_verify_key,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    write_key_file,
)
from sealwire.keyring import SECRET_ROLES, Role

if TYPE_CHECKING:
    from sealwire.keyfiles import Key
    from sealwire.keyring import RingKey

_FOLDER_MODE = 0o700


def staged_key(custodian: Custodian, old: RingKey, file: str | None) -> tuple[Key, str]:
    """Give the key that comes in the place of ``old``, and the file that it is in.

    What was made and is in no keyring yet is used again, so that whoever was interrupted in
    between goes on with it.

    Args:
        custodian: who keeps the keyring.
        old: the key that goes.
        file: its public half, where its owner made it.

    Raises:
        CommandError: a receipt key is due, which its host makes.
        KeyFileError: a file cannot be read or written.
    """
    if file is not None:
        if old.role in SECRET_ROLES:
            raise CommandError(
                Exit.USAGE,
                f"a {old.role.value} key has no public half",
                "leave --key out; it is made here",
            )
        return load_verify_key(file, old.owner.id), str(Path(file).absolute())
    if old.role is Role.RECEIPT:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{old.owner.id} makes its receipt key itself, so that nobody else ever has it",
            f"there: sealwire keys new --owner {old.owner.id} --out receipt-2.key; bring "
            "receipt-2.key.pub here, and name it with --key",
        )
    if old.role in SECRET_ROLES:
        return _secret(custodian, old)
    return _signing(custodian, old)


def _secret(custodian: Custodian, old: RingKey) -> tuple[Key, str]:
    owner, audience = old.owner.id, old.audiences[0]
    kind, make = ("mac", new_mac_key) if old.role is Role.GATE else ("aead", new_aead_key)
    path, there, _ = fresh_secret(custodian, owner, audience, kind)
    if there is not None:
        return there, str(path.absolute())
    key = make(owner, audience)
    make_folder(path.parent, _FOLDER_MODE)
    write_key_file(path, key)
    return key, str(path.absolute())


def _signing(custodian: Custodian, old: RingKey) -> tuple[Key, str]:
    suffix = ROOT_SUFFIX if old.role is Role.ROOT else ".signing"
    number = 2
    while True:
        path = custodian.folder / f"{file_name(old.owner.id)}-{number}{suffix}"
        if not path.exists():
            break
        there = load_ring_key(path)
        if there.owner == old.owner.id and custodian.keyring.named(there.thumbprint) is None:
            return there, str(path.absolute())
        number += 1
    key = new_signing_key(old.owner.id)
    write_key_file(path, key)
    return key, str(path.absolute())
