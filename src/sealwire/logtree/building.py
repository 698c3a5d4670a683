"""The new formatters, filters and handlers of a plan, built aside: nothing of the tree is changed.

Rules this module keeps:

1. No lock of logging is held while a constructor runs, so one that waits holds nobody up.
2. What is built has no name yet: giving one takes the name away from the handler that has it.
3. What a failed build has made is undone: handlers are closed, files that it made removed.
4. What stays as it is, is not built.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sealwire.errors import ApplyError
from sealwire.logtree.closing import close_quietly
from sealwire.logtree.factories import make_handler, make_part
from sealwire.logtree.internals import give_name, named_handlers, unname
from sealwire.logtree.keeping import remember
from sealwire.logtree.newfiles import NewFile, begin_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging.config import DictConfigurator

    from sealwire.documents import HandlerPlan, LoggingPlan
    from sealwire.logtree.arrangement import HandlerPart
    from sealwire.logtree.keeping import Kept


class Built(NamedTuple):
    """What was made for a plan, and what it leaves as it is.

    Attributes:
        filters: by their names in the plan.
        handlers: the same, those that stay included.
        new_files: those that were made for the handlers.
        kept: the handlers that stay, and what they are to have.
        parts: the same, with what was built for them.
    """

    filters: dict[str, logging.Filter]
    handlers: dict[str, logging.Handler]
    new_files: list[NewFile]
    kept: Mapping[str, Kept]
    parts: list[tuple[logging.Handler, HandlerPart]]

    def check_kept(self) -> None:
        """Check, with logging's lock held, that what was to stay is still there.

        Raises:
            ApplyError: somebody else has taken a handler away.
        """
        names = named_handlers()
        for name, kept in self.kept.items():
            if names.get(name) is not kept.handler:
                raise ApplyError(
                    f"handlers.{name}: the application has exchanged it at this moment; send the "
                    "configuration again"
                )

    def close(self) -> None:
        """Close the handlers that were made."""
        for name, handler in self.handlers.items():
            if name not in self.kept:
                close_quietly(handler)

    def discard(self) -> None:
        """Close the handlers that were made, and remove the files made for them."""
        self.close()
        for file in self.new_files:
            file.remove()


def nothing_built() -> Built:
    """Give what is built for a plan that only sets levels."""
    return Built({}, {}, [], {}, [])


def build(plan: LoggingPlan, kept: Mapping[str, Kept] | None = None) -> Built:
    """Build everything that ``plan`` defines, except what stays.

    Raises:
        ValueError: a part cannot be built; the text is the library's, its cause is the reason.
    """
    from logging.config import DictConfigurator

    staying = kept or {}
    built = Built({}, {name: each.handler for name, each in staying.items()}, [], staying, [])
    wanted = plan._replace(
        formatters=tuple(each for each in plan.formatters if _needs(plan, each.name, staying)),
        handlers=tuple(each for each in plan.handlers if each.name not in staying),
        loggers=(),
        root=None,
    )
    configurator = DictConfigurator(wanted.to_dict())
    names = dict(named_handlers())
    try:
        _build_parts(wanted, configurator, built)
        for each in staying.values():
            part = each.part
            if each.formatter is not None:
                formatter: Any = configurator.config["formatters"][each.formatter]
                part = part._replace(formatter=formatter)
            if each.filters is not None:
                part = part._replace(filters=[built.filters[name] for name in each.filters])
            built.parts.append((each.handler, part))
    except BaseException:
        built.discard()
        raise
    finally:
        # A factory's handler may have named itself, and so have taken another one's name.
        for handler in built.handlers.values():
            if (name := handler.name) in names and names[name] is not handler:
                unname(handler)
                give_name(names[name], name)
    return built


def _needs(plan: LoggingPlan, formatter: str, kept: Mapping[str, Kept]) -> bool:
    """Whether a formatter is to be built: all are but those that every user of them has."""
    users = [each.name for each in plan.handlers if each.formatter == formatter]
    return not users or any(name not in kept or kept[name].formatter == formatter for name in users)


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
    todo = [name for name in sorted(handlers) if name not in later] + later
    handlers.update(built.handlers)
    for name in todo:
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
        remember(built.handlers[name], plans[name])


def _passes_on(plan: HandlerPlan) -> bool:
    return plan.queue is not None or any(name == "target" for name, _ in plan.arguments)


def _one(kind: str, name: str, make: Callable[[Any], Any], parts: dict[str, Any]) -> Any:  # noqa: ANN401 - the library's methods are untyped
    try:
        return make(parts[name])
    except Exception as error:
        raise ValueError(f"Unable to configure {kind} {name!r}") from error
