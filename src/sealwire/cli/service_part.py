"""A service's part, as ``sealwire init`` makes it on the service's host.

Rules this module keeps:

1. Nothing is written until everything that could be in the way has been looked at.
2. A file that is there is replaced only if asked. A secret key is never replaced, but used again:
   whoever shares it has a copy.
3. What was made is loaded once as the service will load it, before it is called made.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.keys import file_name, public_path_of
from sealwire.cli.making import Item, check_free, make_folder
from sealwire.cli.trail_part import check_key, trail_settings, write_trail
from sealwire.clock import wall_clock_ms
from sealwire.errors import ConfigurationError
from sealwire.journal import StateDirectory
from sealwire.journal import init as init_state
from sealwire.keyfiles import (
    load_aead_key,
    load_mac_key,
    load_signing_key,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    write_key_file,
)
from sealwire.keys import NAME_PATTERN
from sealwire.listener import make_door
from sealwire.recommended import Recommended, Signatures
from sealwire.settings import (
    PolicySettings,
    ServiceSettings,
    load_service_settings,
    render_service,
    write_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealwire.cli.keyring_part import KeyringPart
    from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
    from sealwire.sshkeys import SshVerifyKey

_LOGS_MODE: Final = 0o700
RECEIPT_KEY: Final = "receipt.key"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a service's part lies.

    Attributes:
        folder: settings and keys.
        address: where the service listens.
        logs: the one directory in which a configuration may let handlers write files.
        state: the directory in which the service remembers.
        trail: the folder of the trail.
    """

    folder: Path
    address: str
    logs: Path
    state: Path
    trail: Path


def places_for(
    audience: str,
    settings: Path,
    environ: Mapping[str, str],
    *,
    alone: bool,
    root: bool,
    address: str | None,
) -> Places:
    """Say where everything goes that the settings file does not settle.

    Args:
        audience: the service.
        settings: its settings file.
        environ: the environment, for ``XDG_RUNTIME_DIR``.
        alone: whether everything has to lie in the settings' folder.
        root: whether this is root, whose services use ``/run`` and ``/var/log``.
        address: where the service listens, if that is settled.
    """
    folder, name = settings.parent, file_name(audience)
    runtime = Path(environ.get("XDG_RUNTIME_DIR", ""))
    sockets, logs = folder / "run", folder / "logs"
    state, trail = folder / "state", folder / "trail"
    if root and not alone and Path("/run").is_dir():
        sockets, logs = Path("/run/sealwire") / name, Path("/var/log/sealwire") / name
        lasting = Path("/var/lib/sealwire") / name
        state, trail = lasting / "state", lasting / "trail"
    elif not alone and runtime.is_absolute() and runtime.is_dir():
        sockets = runtime / "sealwire" / name
    return Places(folder, address or f"unix:{sockets / 'log.sock'}", logs, state, trail)


def make_service_part(
    path: Path,
    audience: str,
    kind: Recommended,
    places: Places,
    trusted: Iterable[VerifyKey | SshVerifyKey],
    *,
    signatures: Signatures = Signatures.ONE,
    force: bool,
    ring: KeyringPart | None = None,
) -> tuple[ServiceSettings, list[Item]]:
    """Make a service's part, and load it once.

    Args:
        path: the settings file.
        audience: the service.
        kind: which recommended chain.
        places: where everything else goes.
        trusted: the public keys of everybody who may change its logging.
        signatures: how many a message carries.
        force: replace what is there, but for secret keys.
        ring: a keyring that settles the keys, in the place of ``trusted``.

    Raises:
        SealwireError: a file is there and ``force`` is not given, or something cannot be written.
        CommandError: a folder cannot be made.
    """
    named = _named(trusted)
    if kind is Recommended.NETWORK and len({key.algorithm for key in named.values()}) > 1:
        raise ConfigurationError(
            'FIDO keys and others cannot both be trusted by the chain "network"; trust one kind, '
            "or write all of them into a file that keys.allowed_signers names"
        )
    public = {places.folder / "trusted" / name: key for name, key in named.items()}
    owners = sorted({key.owner for key in named.values()})
    gate: tuple[Path, ...] = ()
    encryption: tuple[Path, ...] = ()
    if kind is Recommended.NETWORK and ring is None:
        gate = tuple(places.folder / "gate" / f"{file_name(owner)}.mac" for owner in owners)
        encryption = tuple(
            places.folder / "encryption" / f"{file_name(owner)}.aead" for owner in owners
        )
    settings = ServiceSettings(
        path=path,
        audience=audience,
        address=places.address,
        kind=kind,
        trusted=tuple(public),
        gate=gate,
        encryption=encryption,
        state=places.state,
        receipt_key=places.folder / RECEIPT_KEY,
        policy=PolicySettings(directories=(str(places.logs),)),
        trail=trail_settings(places.folder, places.trail),
        signatures=signatures,
        keyring=None if ring is None else ring.settings,
    )
    text = render_service(settings)
    if not force:
        check_free(path, *public, *([] if ring is None else ring.files))
    receipt_key = _receipt_key(places.folder / RECEIPT_KEY)
    check_key(settings.trail)
    shared = [
        *map(_gate_key, gate, owners, repeat(audience)),
        *map(_encryption_key, encryption, owners, repeat(audience)),
    ]
    items = [Item("directory for log files", places.logs)]
    make_folder(places.folder)
    make_folder(places.logs, _LOGS_MODE)
    for file, key in public.items():
        make_folder(file.parent)
        write_key_file(file, key, force=force)
        items.append(Item(f"public key of {key.owner}", file))
    items += [] if ring is None else ring.write(force=force)
    items += [secret.write() for secret in shared]
    items.append(_state(places.state, audience))
    items += write_trail(settings.trail)
    items += receipt_key.write()
    write_settings(path, text, force=force)
    items.append(Item("settings of the service", path))
    loaded = load_service_settings(path)
    make_door(loaded.chain(), rules=loaded.rules())
    return loaded, items


def _state(folder: Path, audience: str) -> Item:
    """Make the directory where the service remembers; what is there is kept."""
    what = "what the service remembers"
    make_folder(folder.parent)
    if os.path.lexists(folder):
        StateDirectory.open(folder, audience).close()
        return Item(what, folder, kept=True)
    # Nothing was taken before, so what is still valid may be taken.
    init_state(folder, audience, min_version=0, now_ms=wall_clock_ms())
    return Item(what, folder)


class _ReceiptKey(NamedTuple):
    """The host's receipt key; made now, or there before."""

    path: Path
    key: SigningKey
    kept: bool

    def write(self) -> list[Item]:
        public = public_path_of(self.path)
        if not self.kept:
            write_key_file(self.path, self.key)
        write_key_file(public, self.key.verify_key, force=True)
        secret = Item("receipt key", self.path, kept=self.kept)
        return [secret, Item("its public half", public)]


def _receipt_key(path: Path) -> _ReceiptKey:
    there = os.path.lexists(path)
    key = load_signing_key(path) if there else new_signing_key(host_name())
    return _ReceiptKey(path, key, there)


def host_name() -> str:
    """Give this machine's name as an owner of keys, or ``host`` where it cannot be one."""
    name = socket.gethostname().lower()
    return name if NAME_PATTERN.fullmatch(name) else "host"


class _Shared(NamedTuple):
    """A secret that an owner and a service share; made now, or there before."""

    what: str
    path: Path
    key: MacKey | AeadKey
    kept: bool

    def write(self) -> Item:
        if not self.kept:
            make_folder(self.path.parent)
            write_key_file(self.path, self.key)
        return Item(self.what, self.path, kept=self.kept, shared_with=self.key.owner)


def _gate_key(path: Path, owner: str, audience: str) -> _Shared:
    there = os.path.lexists(path)
    key = load_mac_key(path) if there else new_mac_key(owner, audience)
    return _checked(_Shared(f"gate key shared with {owner}", path, key, there), owner, audience)


def _encryption_key(path: Path, owner: str, audience: str) -> _Shared:
    there = os.path.lexists(path)
    key = load_aead_key(path) if there else new_aead_key(owner, audience)
    what = f"encryption key shared with {owner}"
    return _checked(_Shared(what, path, key, there), owner, audience)


def _checked(shared: _Shared, owner: str, audience: str) -> _Shared:
    key = shared.key
    if (key.owner, key.audience) != (owner, audience):
        raise ConfigurationError(
            f"{shared.path} holds a key of {key.owner} for {key.audience}, and not of {owner} for "
            f"{audience}; move it away"
        )
    return shared


def _named(keys: Iterable[VerifyKey | SshVerifyKey]) -> dict[str, VerifyKey | SshVerifyKey]:
    """Give each key the name of its file: its owner's, with its fingerprint where that is taken."""
    by_id: dict[bytes, VerifyKey | SshVerifyKey] = {}
    named: dict[str, VerifyKey | SshVerifyKey] = {}
    for key in keys:
        before = by_id.setdefault(key.thumbprint, key)
        if before.owner != key.owner:
            raise ConfigurationError(
                f"key {key.fingerprint} is said to be {before.owner}'s and {key.owner}'s; trust it "
                "once, under one name"
            )
        if before is key:
            name = f"{file_name(key.owner)}.pub"
            if name in named:
                name = f"{file_name(key.owner)}-{key.fingerprint}.pub"
            named[name] = key
    return named
