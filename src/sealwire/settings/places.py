"""Where settings are looked for, and what decided.

1. What a person says now counts before the environment, and that before the folder for settings.
2. A service's folder is named after its audience, each its own, and no name leads elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sealwire.errors import ConfigurationError
from sealwire.keyfiles import StrPath
from sealwire.keys import check_name


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
