"""Runs gunicorn on the application in a folder, until standard input ends.

Started by the demo as a program: ``gunicorn_server.py FOLDER COUNT``, with the number of workers.
gunicorn itself does not look at its standard input, and it shall not stay behind if the demo is
killed.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

assert sys.platform != "win32"  # noqa: S101 - tells type checkers what the demo has asked before

PAUSE_S = 0.1
ENDS_S = 3.0


def main(folder: str, count: str) -> int:
    """Run it until standard input ends; give its exit code."""
    # What ^C at the terminal interrupts is the demo, which ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A user's own options for gunicorn are for other services.
    environment = {name: os.environ[name] for name in os.environ if name != "GUNICORN_CMD_ARGS"}
    config = f"{folder}/gunicorn.conf.py"
    gunicorn = subprocess.Popen(  # noqa: S603 - our own arguments
        [
            *(sys.executable, "-P", "-m", "gunicorn"),
            *("--chdir", folder, "--config", config, "--workers", count, "orders:application"),
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        # It and its workers are a group of their own, so that the group can be ended.
        start_new_session=True,
    )
    try:
        while gunicorn.poll() is None and not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            pass
        gunicorn.terminate()
        return gunicorn.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        os.killpg(gunicorn.pid, signal.SIGKILL)
        return gunicorn.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
