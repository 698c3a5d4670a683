"""Write the help texts of the command line into ``reference/cli.md``, behind the marker.

    python docs/make_cli_page.py

A test runs this and compares, so that page and program say the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parent / "reference" / "cli.md"
MARKER: Final = "<!-- What follows is written by: python docs/make_cli_page.py -->\n"
COLUMNS: Final = 80


def help_texts(
    command: click.Command = app, name: str = "sealwire", above: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Give the path of every command, from ``sealwire`` down, with what its ``--help`` prints."""
    context = command.make_context(
        name, ["--"], above, resilient_parsing=True, terminal_width=COLUMNS
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            if (below := command.get_command(context, each)) is not None:
                yield from help_texts(below, each, context)


def page(before: str) -> str:
    """Give the whole page; what stands in front of the marker in ``before`` is kept."""
    written = before.partition(MARKER)[0]
    texts = (f"\n## {path}\n\n```text\n{text.strip()}\n```\n" for path, text in help_texts())
    return "".join((written, MARKER, *texts))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
