"""Stands in for gunicorn where that is not installed: workers of the library's WSGI server.

Started by the demo as a program: ``own_server.py keep FOLDER COUNT``, which starts each worker as
``own_server.py work FOLDER DESCRIPTOR``, with the socket that all of them take orders from. In
the place of one that has ended it starts another. All of them work until standard input ends,
which they share.
"""

from __future__ import annotations

import importlib
import os
import select
import socket
import subprocess
import sys
from socketserver import TCPServer
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sealwire.integrations.starting import listen_here, stop_here

assert sys.platform != "win32"  # noqa: S101 - tells type checkers what the demo has asked before

PAUSE_S = 0.1


class Door(WSGIServer):
    """The library's server, on a Unix socket."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        """Bind, without asking for the name of a host."""
        TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Give the next connection, with an address such as the library expects."""
        return self.socket.accept()[0], ("", 0)


class Quiet(WSGIRequestHandler):
    """The library's handler, without a line for each request."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def keep(folder: str, count: str) -> None:
    """Have as many workers as there should be, until standard input ends."""
    with Door(f"{folder}/http.sock", Quiet) as door:  # type: ignore[arg-type]  # says a host
        command = [sys.executable, "-P", __file__, "work", folder, str(door.fileno())]
        workers: list[subprocess.Popen[bytes]] = []
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            workers = [each for each in workers if each.poll() is None]
            for _ in range(int(count) - len(workers)):
                worker = subprocess.Popen(command, pass_fds=[door.fileno()])  # noqa: S603 - ourselves
                workers.append(worker)
        for each in workers:
            each.wait()


def work(folder: str, descriptor: str) -> None:
    """Listen, and take orders until standard input ends."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    door = Door("", Quiet, bind_and_activate=False)  # type: ignore[arg-type]  # the same
    door.socket.close()
    door.socket = socket.socket(fileno=int(descriptor))
    # It does not block, because another worker may have been faster.
    door.socket.settimeout(0)
    door.server_name, door.server_port = "localhost", 0
    door.setup_environ()
    door.set_app(importlib.import_module("orders").application)
    listen_here("service.toml")
    while sys.stdin not in select.select([sys.stdin, door], [], [])[0]:
        door.handle_request()
    stop_here()


if __name__ == "__main__":
    {"keep": keep, "work": work}[sys.argv[1]](*sys.argv[2:])
