"""The standard library's own ``logging.config.listen()``, to compare with.

Started by the demo as a program, never imported: ``python library.py FOLDER``. It writes its port,
and lives until its standard input ends. The demo's folder is named so that a list of processes
shows whose it is.
"""

from __future__ import annotations

import logging.config
import os
import sys


def refuse(_received: bytes) -> None:
    """Refuse everything, so that nobody can use the open port while the demo runs."""


def main() -> None:
    """Listen on a port of 127.0.0.1 until standard input ends."""
    listener = logging.config.listen(0, verify=refuse)
    listener.daemon = True
    listener.start()
    # Attributes that the library documents in its source alone, and that typeshed does not know.
    vars(listener)["ready"].wait()
    sys.stdout.write(f"port {vars(listener)['port']}\n")
    sys.stdout.flush()
    sys.stdin.read()
    # A connection's thread that loops would keep the process for ever, so nothing is waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
