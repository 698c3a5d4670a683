"""Starts services by forking: one that is killed a thousand times is started as often.

The socket ``argv[1]`` takes a line of JSON for each service that is wanted, and gives the number of
its process together with a socket to talk to it. Such a service is a process as any other: it sets
up its logging, and listens as its settings file says. Each line that it is sent is a program, and
it answers with what that leaves in ``told``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import logging.config
import logging.handlers
import os
import signal
import socket
import socketserver
import sys
from typing import Any

import counted

import sealwire
import sealwire.durable
import sealwire.engine
import sealwire.logtree
import sealwire.settings

LOADED = counted, importlib.metadata, sealwire.logtree, sealwire.settings, socketserver
"""What a first change would load, which no crash in it is about."""


def serve(wanted: dict[str, Any], talk: socket.socket) -> None:
    """Be a service, as long as somebody talks to it."""
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 2)
    os.close(log)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    names: dict[str, Any] = {"logging": logging, "os": os, "signal": signal, "sealwire": sealwire}
    names |= {"engine": sealwire.engine, "durable": sealwire.durable, "told": None}
    exec(wanted["first"], names)  # noqa: S102 - what the test wants, and nobody else
    with talk.makefile() as lines:
        # It begins when it is told to, so that somebody can look over its shoulder by then.
        for line in lines:
            exec(json.loads(line), names)  # noqa: S102 - the same
            talk.sendall(json.dumps(names["told"]).encode() + b"\n")


def main() -> None:
    """Start what is wanted, until nobody wants anything."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while wanted := asked.recv(65_536):
        ours, theirs = socket.socketpair()
        process = os.fork()
        if not process:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asked.close()
            theirs.close()
            try:
                with contextlib.suppress(BrokenPipeError):
                    serve(json.loads(wanted), ours)
            except BaseException:
                logging.getLogger("service").exception("it does not serve")
            finally:
                os._exit(1)
        ours.close()
        socket.send_fds(asked, [str(process).encode()], [theirs.fileno()])
        theirs.close()


if __name__ == "__main__":
    main()
