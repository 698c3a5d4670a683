"""The handlers of test runners, which come and go by themselves and are no part of what is tested.

Pytest gives the root logger, and every logger that does not propagate, handlers of its own for each
phase of a test, and ``unittest`` those of ``assertLogs``. They take everything, so with them every
record would seem to come out somewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.logtree import read

if TYPE_CHECKING:
    import logging

    from sealwire.documents import Tree

_MODULES: Final = ("_pytest.", "unittest.")


def is_runners(handler: logging.Handler) -> bool:
    """Tell whether a test runner put this handler where it is."""
    return type(handler).__module__.startswith(_MODULES)


def read_without_runners() -> Tree:
    """Give the logging tree as it would be without a test runner."""
    tree = read()
    handlers = tuple(each for each in tree.handlers if not each.class_name.startswith(_MODULES))
    known = {each.key for each in handlers}
    loggers = tuple(
        each._replace(handlers=tuple(key for key in each.handlers if key in known))
        for each in tree.loggers
    )
    return tree._replace(loggers=loggers, handlers=handlers)
