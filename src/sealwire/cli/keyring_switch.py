"""Going over to a new key in an operator's own settings.

Rules this module keeps:

1. The settings keep their names of files, and the file of that name is replaced in one step: what
   is sealed meanwhile has the old key or the new one, and services take both.
2. A service's receipts count with the old key and the new one from before its host goes over until
   after that.
3. The old key stays beside it, under its own id, until somebody removes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.cli.keyring_files import read_ring_file
from sealwire.cli.keys import public_part_of
from sealwire.cli.terminal import printable, say
from sealwire.keyfiles import load_verify_key, write_key_file
from sealwire.keyring import Role
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.settings import next_receipt_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.keyring import RingKey
    from sealwire.keyring.rotation import Rotation
    from sealwire.settings import OperatorSettings, Target


def switch_to(settings: OperatorSettings, old: RingKey, rotation: Rotation) -> bool:
    """Let an operator's settings use the new key; say whether they do.

    Args:
        settings: the operator's.
        old: the key that goes.
        rotation: which one comes, and where its file lies.

    Raises:
        KeyFileError: a file cannot be read or written.
    """
    # As they lie there: what is under a passphrase stays under it, and nobody is asked.
    new = read_ring_file(rotation.file)
    coming = public_part_of(new)
    if isinstance(new.key, VerifyKey):
        return False
    used = list(dict.fromkeys(_files(settings, old)))
    goes_over = []
    for path in used:
        there = read_ring_file(path)
        going = public_part_of(there)
        if going.thumbprint == old.thumbprint:
            kept = path.with_name(f"{path.stem}-{going.fingerprint}{path.suffix}")
            write_key_file(kept, there.key, force=True)
            write_key_file(path, new.key, force=True)
            if path.suffix == ".signing" and not isinstance(coming, (MacKey, AeadKey)):
                public = coming.verify_key if isinstance(coming, SigningKey) else coming
                write_key_file(path.with_suffix(".pub"), public, force=True)
            say((f"  {printable(path)} has key {coming.fingerprint} now", ""))
            say((f"  the old one is in {printable(kept)}", "dim"))
        goes_over.append(going.thumbprint in {old.thumbprint, coming.thumbprint})
    return any(goes_over)


def _files(settings: OperatorSettings, old: RingKey) -> Iterator[Path]:
    """Give the files of the settings in which a key of such a role stands."""
    if old.role in {Role.CONFIG, Role.LEASE}:
        # What an agent holds is none of our files.
        if isinstance(settings.signing_key, Path):
            yield settings.signing_key
        return
    for target in settings.targets:
        path = target.gate if old.role is Role.GATE else target.encryption
        if path is not None and old.serves(target.audience):
            yield path


def pinned_of_host(settings: OperatorSettings, old: RingKey) -> list[tuple[Target, Path]]:
    """Give the services whose receipts a host signs, and the file of its key as it is trusted."""
    return [
        (target, path)
        for target in settings.targets
        for path, key in settings.load_receipt_keys(target).items()
        if key.owner == old.owner.id
    ]


def trust_next(settings: OperatorSettings, old: RingKey, new: RingKey) -> None:
    """Let receipts of the new key count beside those of the old one (rule 2).

    Raises:
        KeyFileError: a file cannot be read or written.
    """
    for target, pinned in pinned_of_host(settings, old):
        path = next_receipt_key(pinned)
        write_key_file(path, new.verify_key(), force=True)
        say((f"  receipts of {target.audience} count with it as well: {printable(path)}", ""))


def trust_instead(settings: OperatorSettings, old: RingKey, rotation: Rotation) -> None:
    """Let receipts of the new key alone count.

    Raises:
        KeyFileError: a file cannot be read or written.
    """
    for _, pinned in pinned_of_host(settings, old):
        write_key_file(pinned, load_verify_key(rotation.file), force=True)
        next_receipt_key(pinned).unlink(missing_ok=True)
        say((f"  {printable(pinned)} is the new key now", ""))
