"""What stands at an address, as far as that shows without sending anything.

A socket's entry is read, and a connect is tried; on a port that is a connection without a message.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Final

from sealwire.cli.findings import Finding, Mark
from sealwire.errors import TransportError
from sealwire.transports.addresses import Address, TcpAddress, UnixAddress, parse_address
from sealwire.transports.client import check_listens

START_IT: Final = "start the service, or compare its settings: sealwire doctor --service FILE there"
START_AGAIN: Final = "start the service"
NOT_FOR_US: Final = (
    "send as the service's user; or, in its settings, name a group of yours in socket.group "
    "(your groups: id)"
)

_CONNECT_S: Final = 2.0
"""A listener takes connections within milliseconds, unless its queue is full."""


def look_at_address(address: str) -> Finding:
    """Say what stands at an address, as far as that shows without connecting."""
    where = parse_address(address)
    if isinstance(where, TcpAddress):
        far = "this machine" if where.is_loopback else "another machine, or an address of this one"
        return Finding(Mark.OK, "address", f"{address}: a port of {far}")
    return _socket(where)


def look_at_listener(address: str) -> Finding:
    """Say what stands at an address, and whether somebody listens there."""
    found = look_at_address(address)
    if found.mark is Mark.PROBLEM:
        return found
    try:
        check_listens(address, timeout_s=_CONNECT_S)
    except TransportError as error:
        return unreachable(parse_address(address), found, error)
    return found


def unreachable(where: Address, found: Finding, error: TransportError) -> Finding:
    """Say of an address, as it was found, that a connect has failed."""
    if error.errno == errno.ECONNREFUSED:
        step = START_IT if isinstance(where, TcpAddress) else START_AGAIN
        return Finding(Mark.PROBLEM, found.name, f"{found.text}; nobody listens there", step)
    why = str(error).removesuffix("; nothing was sent").rpartition(": ")[2].lower()
    return Finding(Mark.PROBLEM, found.name, f"{found.text}; no connection: {why}", START_IT)


def _socket(where: UnixAddress) -> Finding:
    path = Path(where.path)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return Finding(Mark.PROBLEM, "address", f"{path}: no socket is there", START_IT)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return Finding(Mark.PROBLEM, "address", f"{path} cannot be looked at: {why}", NOT_FOR_US)
    if not stat.S_ISSOCK(status.st_mode):
        return Finding(
            Mark.PROBLEM,
            "address",
            f"{path} is no socket ({stat.filemode(status.st_mode)})",
            f"look who has put it there: ls -l {shlex.quote(str(path))}",
        )
    mode = stat.S_IMODE(status.st_mode)
    text = f"{path}: a socket of {user_in_words(status.st_uid)}, mode {mode:04o}"
    if not os.access(path, os.W_OK):
        return Finding(Mark.PROBLEM, "address", f"{text}, which is not for us", NOT_FOR_US)
    return Finding(Mark.OK, "address", text)


def owned_by_us(address: str) -> bool:
    """Whether this user has made the socket at an address."""
    where = parse_address(address)
    try:
        return isinstance(where, UnixAddress) and is_us(Path(where.path).lstat().st_uid)
    except OSError:
        return False


def user_in_words(uid: int) -> str:
    """Give a user as name and number, and say if it is this one."""
    name = f"{name} (uid {uid})" if (name := _name_of(uid)) else f"uid {uid}"
    return f"{name}, which is us" if is_us(uid) else name


if sys.platform == "win32":

    def _name_of(_: int) -> str:
        return ""

    def is_us(_: int) -> bool:
        """Whether a file's owner is this user; there, a file has no such number."""
        return True

else:

    def _name_of(uid: int) -> str:
        import pwd

        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return ""

    def is_us(uid: int) -> bool:
        """Whether a file's owner is this user."""
        return uid == os.geteuid()
