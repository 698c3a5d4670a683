"""What a configuration would make of a process that nobody has looked at.

Rules this module keeps:

1. A process is supposed to have what the policy protects: the loggers of the floors, with their
   handlers attached and as the policy describes them. What else it has is not known.
2. What a configuration makes of a tree is what ``dictConfig`` documents: handlers of a logger that
   is named are replaced, children of a named logger are reset, an incremental one sets levels. A
   handler under a name that was there replaces that one everywhere. Unlike there, handlers that
   somebody else's code has put somewhere stay, and so do parents that code has given to loggers.
3. A filter is what it does, in the words of `sealwire.logtree.read`. What a plan calls it says
   nothing about it, and could be those words for another one.
4. Of what a factory makes nothing is known but what it is told: it has no class here, which is the
   class of no protected handler, and a filter of it is none that is there.

Not guaranteed: what the running service will say. It judges its own tree, which may reach the same
handlers by another way.
"""

from __future__ import annotations

from collections.abc import Mapping

from sealwire.documents.formats import BARE
from sealwire.documents.handler_schema import MEMORY_HANDLER
from sealwire.documents.plan import (
    External,
    FilterPlan,
    FormatterPlan,
    HandlerPlan,
    LoggerPlan,
    LoggingPlan,
)
from sealwire.documents.tree import (
    ROOT,
    FormatterState,
    HandlerState,
    LoggerState,
    Tree,
    make_loggers,
    network_target,
)
from sealwire.policy.floors import Floors
from sealwire.policy.loggers import is_beneath

_STREAM = "logging.StreamHandler"
_WARNING = 30


def supposed_base(floors: Floors) -> Tree:
    """Give a process that has exactly what ``floors`` protect."""
    loggers = {ROOT: LoggerState(ROOT, _WARNING)}
    for floor in floors.loggers:
        loggers[floor.logger] = LoggerState(
            floor.logger,
            floor.level,
            floor.handlers,
            propagate=floor.propagate is not False,
        )
    handlers = [
        HandlerState(
            kept.key,
            kept.class_name or _STREAM,
            target=kept.target or "",
            formatter=kept.formatter,
        )
        for kept in floors.kept().values()
    ]
    return _tree(loggers, {handler.key: handler for handler in handlers})


def supposed_result(tree: Tree, plan: LoggingPlan) -> Tree:
    """Give what ``plan`` would make of ``tree``."""
    loggers, handlers = tree.by_name(), tree.by_key()
    plans = (*plan.loggers, *(() if plan.root is None else (plan.root,)))
    make_loggers(loggers, (each.name for each in plans))
    if plan.incremental:
        for handler in plan.handlers:
            if handler.name in handlers and handler.level is not None:
                handlers[handler.name] = handlers[handler.name]._replace(level=handler.level)
        for each in plans:
            loggers[each.name] = _leveled(loggers[each.name], each)
        return _tree(loggers, handlers, tree.disable)
    formatters = {formatter.name: formatter for formatter in plan.formatters}
    filters = {each.name: _filter(each) for each in plan.filters}
    foreign = {handler.key for handler in tree.handlers if handler.foreign}
    for handler in plan.handlers:
        handlers[handler.name] = _made(handler, formatters, filters)
    named = {each.name for each in plans}
    for name in loggers.keys() - named - {ROOT}:
        if any(top != ROOT and is_beneath(name, top) for top in named):
            kept = _foreign(loggers[name], foreign)
            loggers[name] = loggers[name]._replace(level=0, handlers=kept, propagate=True)
        else:
            loggers[name] = loggers[name]._replace(disabled=plan.disable_existing_loggers)
    for each in plans:
        state = _leveled(loggers[each.name], each)
        loggers[each.name] = state._replace(
            handlers=each.handlers + _foreign(state, foreign),
            filters=tuple(filters[name] for name in each.filters),
            disabled=False,
        )
    return _tree(loggers, handlers, tree.disable)


def _foreign(state: LoggerState, foreign: set[str]) -> tuple[str, ...]:
    return tuple(key for key in state.handlers if key in foreign)


def _leveled(state: LoggerState, plan: LoggerPlan) -> LoggerState:
    return state._replace(
        level=state.level if plan.level is None else plan.level,
        propagate=state.propagate if plan.propagate is None else plan.propagate,
    )


def _made(
    plan: HandlerPlan, formatters: Mapping[str, FormatterPlan], filters: Mapping[str, str]
) -> HandlerState:
    formatter = None
    if plan.formatter is not None:
        formatter = _formatter(formatters[plan.formatter])
    return HandlerState(
        plan.name,
        plan.class_name or "",
        plan.level or 0,
        _target(plan),
        formatter,
        tuple(filters[name] for name in plan.filters),
        behind=_behind(plan),
    )


def _behind(plan: HandlerPlan) -> tuple[str, ...]:
    if plan.queue is not None:
        return plan.queue.handlers
    if plan.class_name != MEMORY_HANDLER:
        return ()
    return tuple(str(value) for name, value in plan.arguments if name == "target")


def _filter(made: FilterPlan) -> str:
    # No class can be called so, whatever the factory gives.
    return f"Filter({made.logger})" if made.factory is None else f"made by {made.factory}"


def _formatter(made: FormatterPlan) -> FormatterState:
    if made.factory is not None:
        return FormatterState("", None, None, "")
    text = made.format
    if text is None and made.class_name is None:
        text = BARE[made.style]
    return FormatterState(made.class_name or "logging.Formatter", text, made.datefmt, made.style)


def _target(plan: HandlerPlan) -> str:
    arguments = dict(plan.arguments)
    if plan.class_name == _STREAM:
        stream = arguments.get("stream")
        return stream.name.removeprefix("sys.") if isinstance(stream, External) else "stderr"
    target = arguments.get("filename", arguments.get("address", ""))
    if isinstance(target, tuple):
        return network_target(arguments.get("socktype"), map(str, target))
    return str(target)


def _tree(
    loggers: dict[str, LoggerState], handlers: dict[str, HandlerState], disable: int = 0
) -> Tree:
    return Tree(
        tuple(loggers[name] for name in sorted(loggers)),
        tuple(handlers[key] for key in sorted(handlers)),
        disable,
    )
