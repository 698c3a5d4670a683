"""Settings: the TOML file of a service, and the one of an operator.

Longer than usual, because a file, its reading and its writing are kept in one view: a key that one
of them forgot is a setting that is lost.

Rules this module keeps:

1. Whoever can write these files decides whom a service trusts, so they are read as key files are:
   no link, ours or root's, and not writable by anybody else.
2. A key that is not known, a value of another type and a file that is no TOML are refused, with
   the line where it is known. A misspelt setting must not look like one that is in force.
3. A path is relative to the file it stands in, wherever the process was started. Directories for
   logs are absolute, because they are granted to others.
4. Settings name key files and hold no keys. Reading settings opens no key file; making a chain or a
   sealer of them does.
5. What is written here reads back equal.

``tomllib`` is loaded when a file is read, and not before: most processes never read one.

Not guaranteed: that comments of a file survive being read and written.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from sealwire import recommended
from sealwire.chain import Chain
from sealwire.documents.reading import did_you_mean, place
from sealwire.errors import ConfigurationError, shorten
from sealwire.keyfiles import (
    StrPath,
    load_aead_key,
    load_mac_key,
    load_signing_key,
    load_verify_key,
    read_checked,
    write_checked,
)
from sealwire.keys import AeadKey, MacKey, check_name
from sealwire.policy import HANDLER_ARGUMENTS, Destination, Rule, default_rules
from sealwire.policy.counts import MAX_HANDLERS, MAX_LOGGERS
from sealwire.policy.defaults import STANDARD_DESTINATIONS, STANDARD_EXTERNALS
from sealwire.recommended import Recommended
from sealwire.sealer import Sealer, SealerState
from sealwire.transports.addresses import parse_address

T = TypeVar("T")
D = TypeVar("D")

MAX_SETTINGS_BYTES: Final = 64 * 1024
"""A thousand trusted keys; and little enough that no TOML of this size takes long to read."""


# ---- the values -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What a configuration may contain; `default_rules` says what each of these means."""

    directories: tuple[str, ...] = ()
    handler_classes: tuple[str, ...] = tuple(HANDLER_ARGUMENTS)
    formatter_classes: tuple[str, ...] = ()
    externals: tuple[str, ...] = STANDARD_EXTERNALS
    destinations: tuple[Destination, ...] = STANDARD_DESTINATIONS
    extra_fields: tuple[str, ...] = ()
    max_handlers: int = MAX_HANDLERS
    max_loggers: int = MAX_LOGGERS


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """A service's part: who it is, where it listens, whom it trusts, what it allows.

    Attributes:
        path: the file, absolute.
        audience: the service, such as ``payments@prod``.
        address: where it listens, such as ``unix:/run/payments/log.sock``.
        kind: which recommended chain.
        trusted: public key files of everybody who may change the logging.
        gate: MAC key files, for ``network`` alone.
        encryption: AES key files, for ``network`` alone.
        allow_example_keys: whether the published example keys are taken.
        allow_uids: who may connect; ``None`` is the listener's default.
        group: whose members may connect too.
        policy: what a configuration may contain.

    Raises:
        ConfigurationError: names or address are none, or the keys do not fit the chain.
    """

    path: Path
    audience: str
    address: str
    kind: Recommended
    trusted: tuple[Path, ...]
    gate: tuple[Path, ...] = ()
    encryption: tuple[Path, ...] = ()
    allow_example_keys: bool = False
    allow_uids: tuple[int, ...] | None = None
    group: str | None = None
    policy: PolicySettings = PolicySettings()

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        parse_address(self.address)
        _check_fit(self.kind, "keys.gate", "keys.encryption", self.gate, self.encryption)
        if not self.trusted:
            raise ConfigurationError(
                "keys.trusted is empty, so nobody could change anything; name public key files: "
                'trusted = ["alice.pub"]'
            )

    def chain(self) -> Chain:
        """Load the keys and make the chain.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: two keys have one id, or a key is another audience's.
        """
        example = self.allow_example_keys
        trusted = [load_verify_key(path, allow_example_keys=example) for path in self.trusted]
        if self.kind is Recommended.LOCAL:
            return recommended.local(self.audience, trusted)
        gate = [load_mac_key(path, allow_example_keys=example) for path in self.gate]
        encryption = [load_aead_key(path, allow_example_keys=example) for path in self.encryption]
        held: tuple[MacKey | AeadKey, ...] = (*gate, *encryption)
        for key in held:
            if key.audience != self.audience:
                raise ConfigurationError(
                    f"{self.path}: {key!r} is for {key.audience}, and this service is "
                    f"{self.audience}; make a key of its own for each audience"
                )
        return recommended.network(self.audience, gate=gate, encryption=encryption, trusted=trusted)

    def rules(self) -> tuple[Rule, ...]:
        """Resolve the directories and make the rules.

        Raises:
            ConfigurationError: a directory is not there or cannot be allowed.
        """
        policy = {each.name: getattr(self.policy, each.name) for each in fields(self.policy)}
        policy["directories"] = [self._resolved(each) for each in self.policy.directories]
        return default_rules(**policy)

    def _resolved(self, directory: str) -> str:
        try:
            resolved = Path(directory).resolve()
        except (OSError, RuntimeError):
            resolved = None
        if resolved is None or not resolved.is_dir():
            raise ConfigurationError(
                f"{self.path}: policy.directories: {directory} is not a directory; make it, or "
                "remove it from the list"
            )
        return str(resolved)


@dataclass(frozen=True, slots=True)
class Target:
    """A service that an operator seals for.

    Attributes:
        audience: the service.
        address: where it listens.
        kind: which recommended chain it has.
        gate: the MAC key file, for ``network`` alone.
        encryption: the AES key file, for ``network`` alone.

    Raises:
        ConfigurationError: name or address are none, or the keys do not fit the chain.
    """

    audience: str
    address: str
    kind: Recommended
    gate: Path | None = None
    encryption: Path | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        parse_address(self.address)
        _check_fit(self.kind, "gate", "encryption", self.gate, self.encryption)


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """An operator's part: who seals, with which key, for which services.

    Attributes:
        path: the file, absolute.
        issuer: who seals.
        signing_key: the key file.
        targets: the services, each audience once.
        allow_example_keys: whether the published example keys are taken.

    Raises:
        ConfigurationError: ``issuer`` is not a name, or two targets have one audience.
    """

    path: Path
    issuer: str
    signing_key: Path
    targets: tuple[Target, ...] = ()
    allow_example_keys: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.issuer, "issuer")
        audiences = [target.audience for target in self.targets]
        for audience in audiences:
            if audiences.count(audience) > 1:
                raise ConfigurationError(f"two targets are {audience}; remove one")

    @property
    def state_path(self) -> Path:
        """Where the versions that were used are kept: beside the settings."""
        return self.path.with_name(self.path.stem + "-state.json")

    def target(self, audience: str | None = None) -> Target:
        """Give the target of this audience, or the only one there is.

        Raises:
            ConfigurationError: there is none, or several and no audience was given.
        """
        known = [target.audience for target in self.targets]
        if audience is None and len(known) == 1:
            return self.targets[0]
        if audience in known:
            return self.targets[known.index(audience)]
        if not known:
            problem = 'no service is known here; add one: [targets."payments@prod"]'
        elif audience is None:
            problem = f"which service? say one of: {', '.join(known)}"
        else:
            near = did_you_mean(audience, known)
            problem = f"{shorten(audience)} is none of: {', '.join(known)}{near}"
        raise ConfigurationError(f"{self.path}: {problem}")

    def sealer(self, target: Target, state: SealerState, clock: Callable[[], int]) -> Sealer:
        """Load the keys and make the sealer for ``target``.

        Args:
            target: for whom; see `target`.
            state: which versions were used before.
            clock: gives wall-clock time in milliseconds.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: a key is of another owner or audience.
        """
        example = self.allow_example_keys
        signing = load_signing_key(self.signing_key, allow_example_keys=example)
        layers = recommended.local_layers(signing)
        if target.gate is not None and target.encryption is not None:
            gate = load_mac_key(target.gate, allow_example_keys=example)
            encryption = load_aead_key(target.encryption, allow_example_keys=example)
            layers = recommended.network_layers(gate, encryption, signing)
        return Sealer(target.audience, layers, issuer=self.issuer, state=state, clock=clock)


def _check_fit(kind: Recommended, gate_name: str, encryption_name: str, *keys: object) -> None:
    wanted = kind is Recommended.NETWORK
    for name, given in zip((gate_name, encryption_name), keys, strict=True):
        if wanted and not given:
            raise ConfigurationError(
                f'chain "network" needs {name}; make a key with: sealwire keys new'
            )
        if given and not wanted:
            raise ConfigurationError(
                f'chain "local" has no use for {name}; remove it, or write chain = "network"'
            )


# ---- where the files are --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where settings are looked for.

    Attributes:
        path: the file, which may be missing.
        why: what decided, such as ``--config`` or ``$SEALWIRE_CONFIG``.
    """

    path: Path
    why: str


def find_operator_settings(explicit: StrPath | None, environ: Mapping[str, str]) -> Place:
    """Say which operator settings are meant: the first of three that is given.

    Args:
        explicit: what ``--config`` says.
        environ: the environment: ``SEALWIRE_CONFIG``, then ``XDG_CONFIG_HOME`` or ``HOME``.

    Raises:
        ConfigurationError: nothing is given, and this user has no home.
    """
    if explicit is not None:
        return Place(Path(explicit).absolute(), "--config")
    if named := environ.get("SEALWIRE_CONFIG"):
        return Place(Path(named).absolute(), "$SEALWIRE_CONFIG")
    home, why = _config_home(environ)
    return Place(home / "sealwire" / "operator.toml", why)


def default_service_settings(
    audience: str, environ: Mapping[str, str], *, root: bool | None = None
) -> Place:
    """Say where a service's settings lie by default: under ``/etc`` for root, else at home.

    Args:
        audience: the service; its ``/`` becomes ``+`` in the folder's name, which no name holds.
        environ: the environment: ``XDG_CONFIG_HOME`` or ``HOME``.
        root: whether this is root; asked of the system if not given.

    Raises:
        ConfigurationError: ``audience`` is not a name, or this user has no home.
    """
    folder = check_name(audience, "audience").replace("/", "+")
    if root is None:
        root = sys.platform != "win32" and os.geteuid() == 0
    if root:
        return Place(Path("/etc/sealwire") / folder / "service.toml", "root")
    home, why = _config_home(environ)
    return Place(home / "sealwire" / "services" / folder / "service.toml", why)


def _config_home(environ: Mapping[str, str]) -> tuple[Path, str]:
    """Give the folder for settings; a relative one is ignored (XDG Base Directory)."""
    named = Path(environ.get("XDG_CONFIG_HOME", ""))
    if named.is_absolute():
        return named, "$XDG_CONFIG_HOME"
    with contextlib.suppress(RuntimeError):
        home = Path(environ.get("HOME") or Path.home())
        if home.is_absolute():
            return home / ".config", "the default"
    raise ConfigurationError("this user has no home; name the file with --config")


# ---- reading --------------------------------------------------------------------------------


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
    top = _parse(path, text).limited_to(
        "audience", "address", "chain", "allow_example_keys", "keys", "socket", "policy"
    )
    keys = top.table("keys").limited_to("trusted", "gate", "encryption")
    socket = top.table("socket").limited_to("allow_uids", "group")
    policy = top.table("policy").limited_to(*_POLICY)
    return top.make(
        ServiceSettings,
        path=path,
        audience=top.need("audience", _name),
        address=top.need("address", _address),
        kind=top.need("chain", _kind),
        trusted=keys.take("trusted", _list_of(top.path), default=()),
        gate=keys.take("gate", _list_of(top.path), default=()),
        encryption=keys.take("encryption", _list_of(top.path), default=()),
        allow_example_keys=top.take("allow_example_keys", _flag, default=False),
        allow_uids=socket.take("allow_uids", _list_of(_whole), default=None),
        group=socket.take("group", _text, default=None),
        policy=PolicySettings(**{key: policy.need(key, _POLICY[key]) for key in policy.values}),
    )


def parse_operator(path: Path, text: str) -> OperatorSettings:
    """Read ``text`` as it would stand in the file ``path``; errors as `load_service_settings`."""
    top = _parse(path, text).limited_to("issuer", "signing_key", "allow_example_keys", "targets")
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
        allow_example_keys=top.take("allow_example_keys", _flag, default=False),
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


def _parse(path: Path, text: str) -> _Table:
    import tomllib

    try:
        return _Table(path, text, (), tomllib.loads(text))
    # A thousand lists in each other and a number of 5,000 digits have errors of their own.
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not TOML: {shorten(str(error), 160)}; mend that place, and write text in "
            "quotes"
        ) from None


class _Table:
    """One table of a file, and how to speak about what is wrong in it."""

    def __init__(
        self, file: Path, text: str, name: tuple[str, ...], values: dict[str, object]
    ) -> None:
        self._file, self._text, self._name = file, text, name
        self.values = values

    def limited_to(self, *known: str) -> _Table:
        """Refuse keys that are not ``known``."""
        for key in self.values:
            if key not in known:
                near = did_you_mean(key, known)
                self._refuse(key, f"is not known here{near}; what is: {', '.join(known)}")
        return self

    def table(self, *steps: str) -> _Table:
        """Give the table that ``steps`` lead to; it is empty where there is none."""
        table = self
        for step in steps:
            values = table.values.get(step, {})
            if not isinstance(values, dict):
                table._refuse(step, "is no table; write [table] on a line of its own")
            table = _Table(self._file, self._text, (*table._name, step), values)
        return table

    def need(self, key: str, read: Callable[[object], T]) -> T:
        """Give the value of ``key``, which has to be there."""
        if key not in self.values:
            self._refuse(key, f"is missing; add a line: {key} = …")
        try:
            return read(self.values[key])
        except ValueError as error:
            self._refuse(key, str(error).lstrip())

    def take(self, key: str, read: Callable[[object], T], *, default: D) -> T | D:
        """Give the value of ``key``, or ``default`` where there is none."""
        return self.need(key, read) if key in self.values else default

    def path(self, value: object) -> Path:
        """Read the path of a file, relative to the folder of this one."""
        text = _text(value)
        if _KEY_ITSELF.match(text):
            raise ValueError("holds a key; write the path of the key's file in its place")
        return self._file.parent / text

    def make(self, make: Callable[..., T], **values: object) -> T:
        """Make a value, and name the place where it cannot be made."""
        try:
            return make(**values)
        except ConfigurationError as error:
            where = f": {place(*self._name)}" if self._name else ""
            raise ConfigurationError(f"{self._file}{where}: {error}") from None

    def _refuse(self, key: str, problem: str) -> NoReturn:
        line = _line_of(self._text, self._name, key)
        where = f"{self._file}:{line}" if line else f"{self._file}"
        raise ConfigurationError(f"{where}: {place(*self._name, key)} {problem}") from None


def _line_of(text: str, table: tuple[str, ...], key: str) -> int | None:
    """Find the line of a key, counted from 1, or of its own table, or of the table it is in.

    Written for files as people and `render_service` write them; TOML has other ways to place a
    key, and for some of these no line is found.
    """
    current: tuple[str, ...] = ()
    found = None
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            current = _parts(header[1])
            if current[: len(table) + 1] == (*table, key):
                return number
            if current == table:
                found = number
        elif current == table and (match := _KEY.match(line)) and _parts(match[1])[:1] == (key,):
            return number
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


_HEADER: Final = re.compile(r"\s*\[{1,2}([^\]]+)\]")
_KEY: Final = re.compile(r"([^=#\[]+)=")
_PART: Final = re.compile(r"\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+")

# The line of a key file, pasted where its path is due: it must not come out in an error.
_KEY_ITSELF: Final = re.compile(r"\s*(sealwire-[a-z]+-key-|ssh-ed25519 |-----BEGIN)")


# What one value may be. Each gives the value in our type or raises ValueError, and quotes nothing
# that could be a secret at the wrong place.


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError('is not a text; write it in quotes: "…"')
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004 - a value, not a call, is wrong
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("is not a whole number of 0 or more")
    return value


def _name(value: object) -> str:
    return check_name(_text(value), "")


def _address(value: object) -> str:
    parse_address(text := _text(value))
    return text


def _kind(value: object) -> Recommended:
    try:
        return Recommended(value)
    except ValueError:
        raise ValueError('is neither "local" nor "network"') from None


def _directory(value: object) -> str:
    if not Path(_text(value)).is_absolute():
        raise ValueError("holds a relative path; write the whole path")
    return _text(value)


def _destination(value: object) -> Destination:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list) and [type(part) for part in value] == [str, int]:
        return _text(value[0]), _whole(value[1])
    raise ValueError('holds neither "/path/of/a/socket" nor ["host", port]')


def _list_of(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    def read_list(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError("is not a list; write it in brackets: […]")  # noqa: TRY004 - as above
        return tuple(read(item) for item in value)

    return read_list


_POLICY: Final[Mapping[str, Callable[[object], Any]]] = {
    "directories": _list_of(_directory),
    "handler_classes": _list_of(_text),
    "formatter_classes": _list_of(_text),
    "externals": _list_of(_text),
    "destinations": _list_of(_destination),
    "extra_fields": _list_of(_text),
    "max_handlers": _whole,
    "max_loggers": _whole,
}


# ---- writing --------------------------------------------------------------------------------


def render_service(settings: ServiceSettings) -> str:
    """Write settings as the text of their file; what is the default is left out.

    Raises:
        ConfigurationError: a path holds bytes that no text can.
    """
    folder = settings.path.parent
    policy = {
        each.name: value
        for each in fields(PolicySettings)
        if (value := getattr(settings.policy, each.name)) != each.default
    }
    return _checked(
        "# A service's part: who it is, and who may change its logging.",
        *_lines(
            audience=settings.audience,
            address=settings.address,
            chain=settings.kind.value,
            allow_example_keys=settings.allow_example_keys or None,
        ),
        "",
        "[keys]  # paths are relative to this file",
        *_lines(
            trusted=_relative(folder, *settings.trusted),
            gate=_relative(folder, *settings.gate) or None,
            encryption=_relative(folder, *settings.encryption) or None,
        ),
        "",
        "[socket]  # who may connect",
        *_lines(allow_uids=settings.allow_uids, group=settings.group),
        "",
        "[policy]  # what a configuration may contain",
        *_lines(**policy),
    )


def render_operator(settings: OperatorSettings) -> str:
    """Write settings as the text of their file; what is the default is left out.

    Raises:
        ConfigurationError: a path holds bytes that no text can.
    """
    folder = settings.path.parent
    lines = [
        "# An operator's part: who seals, with which key, for whom.",
        *_lines(
            issuer=settings.issuer,
            signing_key=_relative(folder, settings.signing_key)[0],
            allow_example_keys=settings.allow_example_keys or None,
        ),
    ]
    for target in settings.targets:
        lines += [
            "",
            f"[targets.{_toml(target.audience)}]",
            *_lines(
                address=target.address,
                chain=target.kind.value,
                gate=target.gate and _relative(folder, target.gate)[0],
                encryption=target.encryption and _relative(folder, target.encryption)[0],
            ),
        ]
    return _checked(*lines)


def write_settings(path: StrPath, text: str, *, force: bool = False) -> None:
    """Write the text of a settings file, mode 0644.

    Args:
        path: the file, in a folder that is there.
        text: what `render_service` or `render_operator` gave.
        force: replace a file that is there.

    Raises:
        ConfigurationError: the file is there and ``force`` is not given, or it cannot be written.
    """
    write_checked(path, text.encode(), mode=0o644, force=force, error=ConfigurationError)


def _relative(folder: Path, *paths: Path) -> tuple[str, ...]:
    return tuple(
        str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in paths
    )


def _lines(**values: object) -> Iterator[str]:
    return (f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # A JSON string is a TOML string, except that TOML wants DEL escaped as well.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _checked(*lines: str) -> str:
    text = "\n".join(lines) + "\n"
    if text.encode(errors="replace").decode() != text:
        raise ConfigurationError("a path is not UTF-8, and settings are; choose another path")
    return text
