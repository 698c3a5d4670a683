"""An operator's part, as ``sealwire init --both`` makes it for trying out.

Rules this module keeps:

1. It is looked at before anything of either part is written.
2. An operator who is there keeps name, key and other targets.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keys import file_name, public_path_of
from sealwire.cli.making import Item, make_folder
from sealwire.errors import ConfigurationError
from sealwire.keyfiles import (
    load_verify_key,
    new_signing_key,
    write_key_file,
)
from sealwire.keys import NAME_PATTERN
from sealwire.settings import (
    OperatorSettings,
    load_operator_settings,
    render_operator,
    write_settings,
)

if TYPE_CHECKING:
    from sealwire.keys import SigningKey, VerifyKey
    from sealwire.settings import Target
    from sealwire.sshkeys import SshVerifyKey


@dataclass(frozen=True, slots=True)
class OperatorPart:
    """An operator's part before it is written: whose, with which key.

    Attributes:
        settings: what is there already, or new settings without a target.
        public: the public half of the signing key, which an agent may hold.
        key: the signing key, if it was made now; it goes to a file.
        new_settings: whether there were no settings before.
    """

    settings: OperatorSettings
    public: VerifyKey | SshVerifyKey
    new_settings: bool
    key: SigningKey | None = None

    def write(self, target: Target) -> list[Item]:
        """Write key and settings with ``target`` in them; give what was made.

        Raises:
            SealwireError: something cannot be written.
            CommandError: the folder cannot be made.
        """
        settings, host = self.settings, None
        pinned = pinned_path(settings.path, target.audience)
        if target.receipt_keys:
            # A copy, because the operator's part does not move with the service's.
            host = load_verify_key(target.receipt_keys[0])
            target = replace(target, receipt_keys=(pinned,))
        others = [each for each in settings.targets if each.audience != target.audience]
        settings = replace(settings, targets=(*others, target))
        items = [Item("settings of the operator", settings.path)]
        make_folder(settings.path.parent)
        if host is not None:
            write_key_file(pinned, host, force=True)
            items.append(Item("receipt key it trusts", pinned))
        items[:0] = self._write_key()
        write_settings(settings.path, render_operator(settings), force=not self.new_settings)
        return items

    def _write_key(self) -> list[Item]:
        """Write the signing key if it is new; one that an agent holds is nothing of ours."""
        path, key = self.settings.signing_key, self.key
        if not isinstance(path, Path):
            return []
        items = [Item(f"signing key of {self.public.owner}", path, kept=key is None)]
        if key is not None:
            public = public_path_of(path)
            write_key_file(path, key)
            write_key_file(public, key.verify_key, force=True)
            items.append(Item("its public half", public))
        return items


def pinned_path(settings: Path, audience: str) -> Path:
    """Say where an operator keeps the public half of a service's receipt key."""
    return settings.with_name(f"{file_name(audience)}-host.pub")


def operator_part(path: Path, owner: str | None, audience: str, *, force: bool) -> OperatorPart:
    """Look at an operator's part, or begin one; write nothing.

    Args:
        path: the settings, which may be missing.
        owner: who the operator is to be; if not given, who they are there, or the user's name.
        audience: what is to become a target.
        force: whether a target of this audience may be replaced.

    Raises:
        SealwireError: what is there cannot be used, or is somebody else's.
        CommandError: the target is there already.
    """
    if not os.path.lexists(path):
        issuer = owner or _user_name()
        signing = path.with_name(f"{file_name(issuer)}.signing")
        key = None if os.path.lexists(signing) else new_signing_key(issuer)
        settings = OperatorSettings(path, issuer, signing)
        half = settings.load_public_half() if key is None else key.verify_key
        return OperatorPart(settings, half, new_settings=True, key=key)
    settings = load_operator_settings(path)
    if owner not in {None, settings.issuer}:
        raise ConfigurationError(
            f"{path} belongs to {settings.issuer}; leave --owner out, or name another file with "
            "--config"
        )
    if not force and audience in {target.audience for target in settings.targets}:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{path} has the target {audience} already, and nothing was written",
            "replace it with --force",
        )
    return OperatorPart(settings, settings.load_public_half(), new_settings=False)


def _user_name() -> str:
    """Give the user's name as an owner, or ``operator`` where it cannot be one."""
    try:
        name = getpass.getuser().lower()
    except (ImportError, KeyError, OSError):
        return "operator"
    return name if NAME_PATTERN.fullmatch(name) else "operator"
