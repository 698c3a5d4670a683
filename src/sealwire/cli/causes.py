"""What is left as a cause where a service gives no reason, each with the command that checks it.

A service says nothing to whoever is not known to it, so only its own side can tell which of these
it was; this is where to look there.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.findings import Mark, signing_key_of
from sealwire.cli.listening import NOT_FOR_US, START_AGAIN, look_at_listener, owned_by_us
from sealwire.recommended import Recommended
from sealwire.settings.signing import AgentName
from sealwire.transports.addresses import UnixAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.lastanswer import LastAnswer
    from sealwire.cli.terminal import JsonOutput
    from sealwire.settings import OperatorSettings, Target

ON_THE_HOST: Final = "on the host: sealwire doctor --service FILE"
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
    show = "ssh-add -L"
    if not isinstance(settings.signing_key, AgentName):
        show = f"sealwire keys show {shlex.quote(str(settings.signing_key))}"
    yield Cause(
        f"the service does not trust {whose} (key-unknown)",
        f"compare with keys.trusted on the host, or with the keyring (sealwire keys list): {show}",
    )
    if target is not None:
        yield Cause(
            f"another service than {target.audience} listens there (signature-invalid, "
            f"mac-invalid), or its chain is not {target.kind.value} (envelope-malformed)",
            f"compare audience and chain, {ON_THE_HOST}; with those here: sealwire config where",
        )
        if target.kind is Recommended.NETWORK:
            yield Cause(
                "its gate or encryption key is another one (key-unknown, key-check-failed)",
                f"compare on both sides: sealwire keys show {shlex.quote(str(target.gate))}",
            )
    yield Cause(
        "its settings or keys have changed since it was started, and it still has the old ones",
        f"{ON_THE_HOST}; then start the service again",
    )
    # Whoever a service runs as is let in, unless its settings name others alone.
    is_unix = isinstance(parse_address(address), UnixAddress)
    if is_unix and sys.platform != "win32" and not owned_by_us(address):
        yield Cause(
            f"this user, uid {os.geteuid()}, may not connect (peer-not-allowed)",
            "compare with socket.group and socket.allow_uids on the host: id",
        )


def causes_of_no_connection(address: str, command: str = "") -> Iterator[Cause]:
    """Say why nobody can have answered a connect.

    Args:
        address: where somebody was expected to listen.
        command: what was typed then; ``""`` where that is not known.
    """
    where = parse_address(address)
    found = look_at_listener(address)
    if found.mark is Mark.OK:
        again = f"ask again: {command}" if command else "ask again, with the same command"
        yield Cause("nobody listened there then, and somebody does now", again)
        return
    if not isinstance(where, UnixAddress):
        yield Cause(
            "the service does not run, or listens on another port or address",
            ON_THE_HOST,
        )
        if where.is_loopback:
            yield Cause(
                f"it runs on another machine, and {where.host} is always this one",
                f"compare the address, {ON_THE_HOST}; with the one here: sealwire config where",
            )
        else:
            yield Cause("something between the machines lets nothing through", "ask who runs it")
        return
    if found.next == NOT_FOR_US:
        yield Cause("the socket, or a folder above it, is for other users", NOT_FOR_US)
        return
    if found.next == START_AGAIN:
        yield Cause(
            "the process that made this socket has gone, and none has taken its place",
            START_AGAIN,
        )
        return
    yield Cause(
        "the service does not run, or its listener was stopped",
        "start it; in its program: listener.is_alive()",
    )
    yield Cause(
        "it listens elsewhere, or sees another file system, as in a container",
        f"{ON_THE_HOST}; here: sealwire config where",
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
        "of several workers the one hangs that serves the address, and nobody takes over while it "
        "lives",
        "on the host, find it and end it: fuser STATE/workers/leader.lock; kill -9 PID",
    )
    yield Cause(
        "something else than sealwire listens there",
        f"compare the address, {ON_THE_HOST}; with the one here: sealwire config where",
    )
