"""The options of commands about keyrings, each written once; and the time by which they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import click

from sealwire.cli.sealing import config_option
from sealwire.clock import wall_clock_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object] | click.Command")

ring_option: Final = click.option(
    "--ring",
    metavar="FILE",
    help="The keyring with all its versions; by default the one beside the operator's settings.",
)
root_option: Final = click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="FILE",
    help="A root key to sign with; by default those beside the keyring (*-root.signing).",
)


def ring_options(command: F) -> F:
    """Give a command the options that say where the keyring lies: ``ring`` and ``config``."""
    return ring_option(config_option(command))


def changing_options(command: F) -> F:
    """Give a command those of `ring_options`, and ``roots``."""
    return root_option(ring_options(command))


def now_s() -> int:
    """Give the time, seconds since the epoch."""
    return wall_clock_ms() // 1000
