"""``sealwire demo``: plays the steps, and cleans up however they end."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from sealwire.cli.demo.scene import Scene
from sealwire.cli.demo.screen import Screen
from sealwire.cli.demo.steps import Play
from sealwire.cli.demo.workers import COUNT, NO_GUNICORN, gunicorn_version
from sealwire.cli.endings import CommandError, Exit
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALLED: Final = 128


@click.command()
def demo() -> Exit:
    """Show the whole way of a message, on real processes.

    Starts a service and sends it what it should obey and what it should refuse; compares it with
    the standard library; checks every step. Uses fresh keys and a folder of its own, and leaves
    nothing behind. One step runs on gunicorn, where it is installed.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise CommandError(
            Exit.LOCAL_FAILURE, "the demo needs Unix sockets", "run it on Linux or macOS"
        )
    screen = Screen(click.echo)
    screen.paragraph(
        "sealwire changes the logging of a running process from outside, by sealed (signed) "
        "messages, and refuses everything else. Here is one message's whole way, on real "
        "processes; every step is checked. The lines behind | are written by the service."
    )
    started_s = time.monotonic()
    with contextlib.ExitStack() as cleaning:
        cleaning.enter_context(_signals_end_it())
        folder = cleaning.enter_context(tempfile.TemporaryDirectory(prefix="sealwire-demo-"))
        scene = Scene(Path(folder), screen)
        cleaning.enter_context(scene)
        steps = Play(scene).steps
        for number, (title, step) in enumerate(steps, 1):
            screen.step(number, len(steps), title)
            try:
                step()
            except (SealwireError, OSError) as error:
                raise CommandError(
                    Exit.LOCAL_FAILURE,
                    f"step {number} of {len(steps)} ({title}) did not go as expected: {error}",
                ) from None
            screen.passed()
    screen.paragraph(
        f"All {len(steps)} steps went as expected, in {time.monotonic() - started_s:.0f} seconds. "
        "The processes have ended and their folder is removed."
    )
    if not gunicorn_version():
        screen.paragraph(
            f"{NO_GUNICORN}: the {COUNT} workers were those of a server of the demo's own."
        )
    return Exit.OK


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let the signals that end a program end this one by way of its clean-up."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(_SIGNALLED + number)

    numbers = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    before = [(number, signal.signal(number, end)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
