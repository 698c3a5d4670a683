"""Addresses in words: ``unix:/run/payments.sock``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from sealwire.errors import ConfigurationError, shorten

MAX_PATH_BYTES: Final = 103
"""``sun_path`` has 108 bytes on Linux and 104 on macOS and the BSDs, one of them the final zero."""


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket in the file system."""

    path: str

    def __str__(self) -> str:
        """Give the address as it is written."""
        return f"unix:{self.path}"


def parse_address(text: str) -> UnixAddress:
    """Read an address.

    Raises:
        ConfigurationError: not an address; the text says how one is written.
    """
    scheme, _, path = text.partition(":")
    if scheme != "unix":
        raise ConfigurationError(f"{shorten(text)} is not an address; write unix:/path/to/socket")
    if not path.startswith("/"):
        raise ConfigurationError(
            f"{shorten(text)} has no absolute path; write unix:/path/to/socket"
        )
    if "\0" in path or path.endswith("/"):
        raise ConfigurationError(f"{shorten(text)} does not name a socket")
    if (length := len(os.fsencode(path))) > MAX_PATH_BYTES:
        raise ConfigurationError(
            f"{shorten(text)}: a socket's path may have {MAX_PATH_BYTES} bytes, this has {length}; "
            "choose a shorter directory, such as one under /run"
        )
    return UnixAddress(path)
