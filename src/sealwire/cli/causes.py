"""What is left as a cause where a service gives no reason, each with the command that checks it.

A service says nothing to whoever is not known to it, so only its own side can tell which of these
it was; this is where to look there.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.findings import NOT_FOR_US, Mark, look_at_address, signing_key_of
from sealwire.recommended import Recommended
from sealwire.transports.addresses import UnixAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.lastanswer import LastAnswer
    from sealwire.cli.terminal import JsonOutput
    from sealwire.settings import OperatorSettings, Target

LOG_LINE: Final = (
    'on the host the service\'s log names the one it was (logger "sealwire", a line that begins '
    "with: refused a message), and so does listener.stats().refusals[-1] in the program"
)


class Cause(NamedTuple):
    """What may have been, and how to find out."""

    cause: str
    check: str

    def as_json(self) -> dict[str, JsonOutput]:
        """Give it under its names."""
        return {"cause": self.cause, "check": self.check}


def causes_of_a_silent_refusal(
    settings: OperatorSettings, target: Target | None, address: str
) -> Iterator[Cause]:
    """Say why a service can have refused without a reason."""
    key = signing_key_of(settings)
    whose = f"the key {key.fingerprint} of {key.owner}" if key else "the signing key"
    public = shlex.quote(str(settings.signing_key))
    yield Cause(
        f"the service does not trust {whose} (key-unknown)",
        f"compare with keys.trusted on the host: sealwire keys show {public}",
    )
    if target is not None:
        yield Cause(
            f"another service than {target.audience} listens there (signature-invalid, "
            f"mac-invalid), or its chain is not {target.kind.value} (envelope-malformed)",
            "compare with audience and chain on the host: sealwire config where",
        )
        if target.kind is Recommended.NETWORK:
            yield Cause(
                "its gate or encryption key is another one (key-unknown, key-check-failed)",
                f"compare on both sides: sealwire keys show {shlex.quote(str(target.gate))}",
            )
    if isinstance(parse_address(address), UnixAddress) and sys.platform != "win32":
        yield Cause(
            f"this user, uid {os.geteuid()}, may not connect (peer-not-allowed)",
            "compare with socket.group and socket.allow_uids on the host: id",
        )


def causes_of_no_connection(address: str) -> Iterator[Cause]:
    """Say why nobody can have answered a connect."""
    where = parse_address(address)
    if not isinstance(where, UnixAddress):
        yield Cause(
            "the service does not run, or listens on another port or address",
            "on the host: sealwire doctor --service FILE",
        )
        if where.is_loopback:
            yield Cause(
                f"it runs on another machine, and {where.host} is always this one",
                "compare the address with the host's: sealwire config where",
            )
        else:
            yield Cause("something between the machines lets nothing through", "ask who runs it")
        return
    found = look_at_address(address)
    if found.next == NOT_FOR_US:
        yield Cause("the socket, or a folder above it, is for other users", NOT_FOR_US)
        return
    if found.mark is Mark.OK:
        yield Cause(
            "the process that made this socket has gone, and none has taken its place",
            "start the service",
        )
        return
    yield Cause(
        "the service does not run, or its listener was stopped",
        "start it; in its program: listener.is_alive()",
    )
    yield Cause(
        "it listens elsewhere, or sees another file system, as in a container",
        "on the host: sealwire doctor --service FILE; here: sealwire config where",
    )


def causes_of_no_answer(last: LastAnswer) -> Iterator[Cause]:
    """Say why a message can have been taken without an answer, and how to learn of its end."""
    if last.again and os.path.lexists(last.again):
        send = f"sealwire send {shlex.quote(last.again)} --address {shlex.quote(last.address)}"
        again = f"send the same message again, which is safe and tells: {send}"
    else:
        again = "look at what is in force: sealwire status"
    yield Cause(
        "the service was busy for longer than we waited, such as with a handler that does not come "
        "free",
        again,
    )
    yield Cause("it ended while it was at work", "look whether it runs, and in its log")
    yield Cause(
        "something else than sealwire listens there",
        "compare the address with the service's settings: sealwire config where",
    )
