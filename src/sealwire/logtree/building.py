"""The new formatters, filters and handlers of a plan, built aside: nothing of the tree is changed.

Rules this module keeps:

1. No lock of logging is held while a constructor runs, so one that waits holds nobody up.
2. What is built has no name yet: giving one takes the name away from the handler that has it.
3. What a failed build has made is undone: handlers are closed, files that it made removed.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sealwire.logtree.closing import close_quietly
from sealwire.logtree.factories import make_handler, make_part
from sealwire.logtree.newfiles import NewFile, begin_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging.config import DictConfigurator

    from sealwire.documents import HandlerPlan, LoggingPlan


class Built(NamedTuple):
    """What was made for a plan.

    Attributes:
        filters: by their names in the plan.
        handlers: the same.
        new_files: those that were made for the handlers.
    """

    filters: dict[str, logging.Filter]
    handlers: dict[str, logging.Handler]
    new_files: list[NewFile]

    def discard(self) -> None:
        """Close the handlers, and remove the files made for them."""
        for handler in self.handlers.values():
            close_quietly(handler)
        for file in self.new_files:
            file.remove()


def build(plan: LoggingPlan) -> Built:
    """Build everything that ``plan`` defines.

    Raises:
        ValueError: a part cannot be built; the text is the library's, its cause is the reason.
    """
    from logging.config import DictConfigurator

    built = Built({}, {}, [])
    configurator = DictConfigurator(plan._replace(loggers=(), root=None).to_dict())
    try:
        _build_parts(plan, configurator, built)
    except BaseException:
        built.discard()
        raise
    return built


def _build_parts(plan: LoggingPlan, configurator: DictConfigurator, built: Built) -> None:
    parts: Any = configurator.config
    plans = {handler.name: handler for handler in plan.handlers}
    formatter_of = partial(make_part, configurator, "formatters")
    filter_of = partial(make_part, configurator, "filters")
    for name in parts["formatters"]:
        formatter = _one("formatter", name, formatter_of, parts["formatters"])
        parts["formatters"][name] = formatter
    for name in parts["filters"]:
        built.filters[name] = _one("filter", name, filter_of, parts["filters"])
        parts["filters"][name] = built.filters[name]
    handlers = parts["handlers"]
    # A handler with others behind it is built after them, as the library does it.
    later = [name for name in sorted(handlers) if _passes_on(plans[name])]
    for name in [each for each in sorted(handlers) if each not in later] + later:
        kind = plans[name].class_name
        made, mode = begin_file(plans[name], configurator.resolve(kind)) if kind else (None, None)
        if made is not None:
            built.new_files.append(made)
        if mode is not None:
            handlers[name]["mode"] = mode
        built.handlers[name] = _one(
            "handler", name, partial(make_handler, configurator, plans[name]), handlers
        )
        handlers[name] = built.handlers[name]


def _passes_on(plan: HandlerPlan) -> bool:
    return plan.queue is not None or any(name == "target" for name, _ in plan.arguments)


def _one(kind: str, name: str, make: Callable[[Any], Any], parts: dict[str, Any]) -> Any:  # noqa: ANN401 - the library's methods are untyped
    try:
        return make(parts[name])
    except Exception as error:
        raise ValueError(f"Unable to configure {kind} {name!r}") from error
