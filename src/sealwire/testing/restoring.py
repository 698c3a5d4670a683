"""Putting ``logging`` back after a test that changed it.

Rules this module keeps:

1. Loggers get back what they had: level, handlers, filters, ``propagate``, ``disabled``. One that
   did not exist gets what a new one has. Handlers get back level, formatter, filters and name.
2. A handler that was not there before is closed, because nobody else would.
3. The handlers of a test runner are left where they are now: it takes them away itself.

Not put back: the inside of a handler. A file that was closed meanwhile is opened again by the next
record, at its end; whatever else a class does when it is closed is its own affair.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from sealwire.logtree.reading import read_objects
from sealwire.testing.runners import is_runners

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def logging_restored() -> Iterator[None]:
    """Put ``logging`` back as it was when the block ends, however it ends."""
    before = LoggingBefore()
    try:
        yield
    finally:
        before.put_back()


class LoggingBefore:
    """What ``logging`` was like when this was made.

    A thing of its own, because a block that is never ended would be ended by the garbage
    collector, in the middle of another test.
    """

    def __init__(self) -> None:
        """Look at it."""
        self._disable = logging.root.manager.disable
        self._loggers = {logger: _LoggerBefore.of(logger) for logger in _all_loggers()}
        self._handlers = {handler: _HandlerBefore.of(handler) for handler in _all_handlers()}

    def put_back(self) -> None:
        """Put it back."""
        strangers = [each for each in _all_handlers() if each not in self._handlers]
        for logger in _all_loggers():
            self._loggers.get(logger, _NEW).put_back(logger)
        for stranger in strangers:
            stranger.close()
        # Behind the closing, which gives the names free that the others had.
        for handler, before in self._handlers.items():
            before.put_back(handler)
        logging.disable(self._disable)


class _LoggerBefore(NamedTuple):
    level: int = logging.NOTSET
    handlers: tuple[logging.Handler, ...] = ()
    filters: tuple[Any, ...] = ()
    propagate: bool = True
    disabled: bool = False

    @classmethod
    def of(cls, logger: logging.Logger) -> Self:
        return cls(
            logger.level,
            tuple(logger.handlers),
            tuple(logger.filters),
            logger.propagate,
            logger.disabled,
        )

    def put_back(self, logger: logging.Logger) -> None:
        logger.setLevel(self.level)
        now = list(logger.handlers)
        logger.handlers[:] = [
            *(each for each in self.handlers if each in now or not is_runners(each)),
            *(each for each in now if is_runners(each) and each not in self.handlers),
        ]
        logger.filters[:] = self.filters
        logger.propagate = self.propagate
        logger.disabled = self.disabled


_NEW: Final = _LoggerBefore()


class _HandlerBefore(NamedTuple):
    level: int
    formatter: logging.Formatter | None
    filters: tuple[Any, ...]
    name: str | None

    @classmethod
    def of(cls, handler: logging.Handler) -> Self:
        return cls(handler.level, handler.formatter, tuple(handler.filters), handler.get_name())

    def put_back(self, handler: logging.Handler) -> None:
        handler.setLevel(self.level)
        handler.setFormatter(self.formatter)
        handler.filters[:] = self.filters
        # Even if it still has it: closing a handler takes its name from the library's list.
        if self.name is not None:
            handler.set_name(self.name)


def _all_loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.copy().values()
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]


def _all_handlers() -> list[logging.Handler]:
    return [each for each in read_objects()[1].values() if not is_runners(each)]
