"""Reading the settings of a service and of an operator from their TOML files.

Rules this module keeps:

1. Whoever can write these files decides whom a service trusts, so they are read as key files are:
   no link, ours or root's, and not writable by anybody else.
2. Exactly the keys listed here, of exactly these types; see `tables`.
3. Directories for logs are absolute, because they are granted to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sealwire.errors import ConfigurationError
from sealwire.keyfiles import StrPath, read_checked
from sealwire.keys import check_name
from sealwire.policy import Destination
from sealwire.recommended import Recommended
from sealwire.settings.tables import flag, list_of, parse_toml, text_of, whole
from sealwire.settings.values import OperatorSettings, PolicySettings, ServiceSettings, Target
from sealwire.transports.addresses import parse_address

MAX_SETTINGS_BYTES: Final = 64 * 1024
"""A thousand trusted keys; and little enough that no TOML of this size takes long to read."""


def load_service_settings(path: StrPath) -> ServiceSettings:
    """Read the settings of a service.

    Raises:
        ConfigurationError: the file is missing, too open or another user's, or it is not exactly
            such settings; the text names file, line where known, and what to do.
    """
    return parse_service(*_read(path, "make the service's part with: sealwire init AUDIENCE"))


def load_operator_settings(path: StrPath) -> OperatorSettings:
    """Read the settings of an operator.

    Raises:
        ConfigurationError: as `load_service_settings`.
    """
    return parse_operator(*_read(path, "name another file with --config"))


def parse_service(path: Path, text: str) -> ServiceSettings:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_service_settings`."""
    top = parse_toml(path, text).limited_to(
        "audience", "address", "chain", "allow_example_keys", "keys", "socket", "policy"
    )
    keys = top.table("keys").limited_to("trusted", "gate", "encryption")
    socket = top.table("socket").limited_to("allow_uids", "group", "beyond_loopback", "skew_s")
    policy = top.table("policy").limited_to(*_POLICY)
    return top.make(
        ServiceSettings,
        path=path,
        audience=top.need("audience", _name),
        address=top.need("address", _address),
        kind=top.need("chain", _kind),
        trusted=keys.take("trusted", list_of(top.path), default=()),
        gate=keys.take("gate", list_of(top.path), default=()),
        encryption=keys.take("encryption", list_of(top.path), default=()),
        allow_example_keys=top.take("allow_example_keys", flag, default=False),
        allow_uids=socket.take("allow_uids", list_of(whole), default=None),
        group=socket.take("group", text_of, default=None),
        beyond_loopback=socket.take("beyond_loopback", flag, default=False),
        skew_s=socket.take("skew_s", whole, default=None),
        policy=PolicySettings(**{key: policy.need(key, _POLICY[key]) for key in policy.values}),
    )


def parse_operator(path: Path, text: str) -> OperatorSettings:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_service_settings`."""
    top = parse_toml(path, text).limited_to(
        "issuer", "signing_key", "allow_example_keys", "targets"
    )
    targets = []
    for audience in top.table("targets").values:
        table = top.table("targets", audience)
        table.limited_to("address", "chain", "gate", "encryption")
        target = table.make(
            Target,
            audience=audience,
            address=table.need("address", _address),
            kind=table.need("chain", _kind),
            gate=table.take("gate", top.path, default=None),
            encryption=table.take("encryption", top.path, default=None),
        )
        targets.append(target)
    return top.make(
        OperatorSettings,
        path=path,
        issuer=top.need("issuer", _name),
        signing_key=top.need("signing_key", top.path),
        targets=tuple(targets),
        allow_example_keys=top.take("allow_example_keys", flag, default=False),
    )


def _read(path: StrPath, missing: str) -> tuple[Path, str]:
    absolute = Path(path).absolute()
    content = read_checked(
        absolute, max_bytes=MAX_SETTINGS_BYTES, error=ConfigurationError, missing=missing
    ).content
    try:
        return absolute, content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{absolute} is not UTF-8 text at byte {error.start}; save it as UTF-8"
        ) from None


def _name(value: object) -> str:
    return check_name(text_of(value), "")


def _address(value: object) -> str:
    parse_address(text := text_of(value))
    return text


def _kind(value: object) -> Recommended:
    try:
        return Recommended(value)
    except ValueError:
        raise ValueError('is neither "local" nor "network"') from None


def _directory(value: object) -> str:
    if not Path(text_of(value)).is_absolute():
        raise ValueError("holds a relative path; write the whole path")
    return text_of(value)


def _destination(value: object) -> Destination:
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list) and [type(part) for part in value] == [str, int]:
        return text_of(value[0]), whole(value[1])
    raise ValueError('holds neither "/path/of/a/socket" nor ["host", port]')


_POLICY: Final[Mapping[str, Callable[[object], Any]]] = {
    "directories": list_of(_directory),
    "handler_classes": list_of(text_of),
    "formatter_classes": list_of(text_of),
    "externals": list_of(text_of),
    "destinations": list_of(_destination),
    "extra_fields": list_of(text_of),
    "max_handlers": whole,
    "max_loggers": whole,
}
