"""The new formatters, filters and handlers of a plan, built aside: nothing of the tree is changed.

Rules this module keeps:

1. No lock of logging is held while a constructor runs, so one that waits holds nobody up.
2. What is built has no name yet: giving one takes the name away from the handler that has it.
3. What a failed build has made is undone: handlers are closed, new files removed.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sealwire.logtree.closing import close_quietly

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging.config import DictConfigurator

    from sealwire.documents import LoggingPlan


class Built(NamedTuple):
    """What was made for a plan.

    Attributes:
        filters: by their names in the plan.
        handlers: the same.
        new_files: paths at which there was nothing before.
    """

    filters: dict[str, logging.Filter]
    handlers: dict[str, logging.Handler]
    new_files: list[str]

    def discard(self) -> None:
        """Close the handlers, and remove the files they have made."""
        for handler in self.handlers.values():
            close_quietly(handler)
        for path in self.new_files:
            with contextlib.suppress(OSError):
                Path(path).unlink()


def build(plan: LoggingPlan) -> Built:
    """Build everything that ``plan`` defines.

    Raises:
        ValueError: a part cannot be built; the text is the library's, its cause is the reason.
    """
    from logging.config import DictConfigurator

    built = Built({}, {}, [])
    for handler in plan.handlers:
        path = dict(handler.arguments).get("filename")
        if isinstance(path, str) and not os.path.lexists(path):
            built.new_files.append(path)
    configurator = DictConfigurator(plan.to_dict())
    try:
        _build_parts(configurator, built)
    except BaseException:
        built.discard()
        raise
    return built


def _build_parts(configurator: DictConfigurator, built: Built) -> None:
    parts: Any = configurator.config
    for name in parts["formatters"]:
        formatter = _one("formatter", name, configurator.configure_formatter, parts["formatters"])
        parts["formatters"][name] = formatter
    for name in parts["filters"]:
        built.filters[name] = _one("filter", name, configurator.configure_filter, parts["filters"])
        parts["filters"][name] = built.filters[name]
    handlers = parts["handlers"]
    # A handler with a target is built after the others, as the library does it.
    later = [name for name in sorted(handlers) if "target" in handlers[name]]
    for name in [each for each in sorted(handlers) if each not in later] + later:
        built.handlers[name] = _one("handler", name, configurator.configure_handler, handlers)
        handlers[name] = built.handlers[name]


def _one(kind: str, name: str, make: Callable[[Any], Any], parts: dict[str, Any]) -> Any:  # noqa: ANN401 - the library's methods are untyped
    try:
        return make(parts[name])
    except Exception as error:
        raise ValueError(f"Unable to configure {kind} {name!r}") from error
