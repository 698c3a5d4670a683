"""A group of commands whose help lists them by what they are for, and not by the alphabet.

With some twenty commands, a list in the order of letters puts what is typed at night beside what is
typed once. A test holds that every command stands in one section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    Sections = Mapping[str, tuple[str, ...]]


class SectionedGroup(click.Group):
    """A click group; ``--help`` has a section for each purpose."""

    def __init__(self, *arguments: Any, sections: Sections, **options: Any) -> None:  # noqa: ANN401 - click's own
        """Make it as click does.

        Args:
            *arguments: click's.
            sections: the names of the commands, in the order in which they are shown, by the title
                of their section.
            **options: click's.
        """
        super().__init__(*arguments, **options)
        self.sections = sections

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; names take the same room in all of them, so that texts align."""
        width = max(map(len, self.commands))
        for title, names in self.sections.items():
            with formatter.section(title):
                room = formatter.width - width - 6
                formatter.write_dl(
                    [
                        (f"{name:<{width}}", self.commands[name].get_short_help_str(room))
                        for name in names
                    ]
                )
