"""Runs the installed Python's tests of ``dictConfig`` and ``fileConfig`` against the safe apply.

While they run, both functions stand for: read the document with `sealwire.documents`, and make it
the configuration with `sealwire.logtree`. No policy is asked, because what is compared is what can
be said and what becomes of it. Five things are set for the tests, and no more:

1. A document is sent as JSON, or as the text of its INI file. A class or a function inside it goes
   by its dotted name; any other object of Python's cannot be sent: `UnsendableError`.
2. ``disable_existing_loggers`` is what the test says, and the library's default where it is silent.
3. What is refused comes out as the error that the library would raise: ``RuntimeError`` for an INI
   file that is none, ``ValueError`` for all else.
4. What sealwire itself logs stays out of the handlers, because whole streams are compared.
5. A queue's listener that runs is stopped once the document is applied: the library leaves it to
   the application to start one, the tests do, and two threads on one queue would never end.

Prints one object of JSON: for each test what became of it, how often something was applied, and
what was refused in which words. With ``library`` as an argument nothing is replaced. With
``mended`` a document that says ``"propagate": "true"`` is sent with ``true`` in its place, to see
whether that is all that stands in its way.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib
import io
import json
import logging.config
import os
import sys
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sealwire.documents import read_ini_plan, read_plan
from sealwire.errors import Reason, RefusedError, SealwireError
from sealwire.logtree import apply
from sealwire.logtree.internals import named_handlers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from sealwire.documents import LoggingPlan

    ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

CLASSES: Final = ("ConfigFileTest", "ConfigDictTest")
CALLED: Final = ("()", "class", "queue", "listener")
ARGUMENTS: Final = sys.argv[1:]
EXTERNAL: Final = "ext://"


class UnsendableError(Exception):
    """The document holds an object of this process that no document can name."""


class Reached:
    """What one test made the safe apply do."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.applied = 0
        self.refused: list[str] = []

    def dict_config(self, config: dict[str, Any]) -> None:
        """Stand in for ``logging.config.dictConfig``."""
        said = dict(config)
        if not said.get("incremental"):
            said.setdefault("disable_existing_loggers", True)
        with self._as_the_library_says():
            document = json.dumps(sendable(said)).encode()
            self._apply(read_plan(document))

    def file_config(
        self,
        file: Any,  # noqa: ANN401 - a path, a file or a parser, as the library takes it
        defaults: Mapping[str, object] | None = None,
        disable_existing_loggers: bool = True,
        encoding: str | None = None,
    ) -> None:
        """Stand in for ``logging.config.fileConfig``; ``defaults`` are for interpolation alone."""
        del defaults
        with self._as_the_library_says():
            plan = read_ini_plan(text_of(file, encoding).encode())
            self._apply(plan._replace(disable_existing_loggers=disable_existing_loggers))

    def _apply(self, plan: LoggingPlan) -> None:
        apply(plan)
        self.applied += 1
        for handler in named_handlers().values():
            listener: Any = getattr(handler, "listener", None)
            if getattr(listener, "_thread", None) is not None:
                listener.stop()

    @contextlib.contextmanager
    def _as_the_library_says(self) -> Any:  # noqa: ANN401 - a generator that is decorated
        try:
            yield
        except UnsendableError as error:
            self.refused.append(str(error))
            raise
        except SealwireError as error:
            # Whatever is refused is the same to a peer; the words are in the detail.
            words = error.detail if isinstance(error, RefusedError) else str(error)
            self.refused.append(words)
            malformed = isinstance(error, RefusedError) and (
                error.reason is Reason.DOCUMENT_MALFORMED
            )
            raise (RuntimeError if malformed else ValueError)(words) from error


def text_of(file: Any, encoding: str | None) -> str:  # noqa: ANN401 - as in `Reached.file_config`
    """Give the text of what ``fileConfig`` is given."""
    if isinstance(file, configparser.RawConfigParser):
        written = io.StringIO()
        file.write(written)
        return written.getvalue()
    if hasattr(file, "readline"):
        return str(file.read())
    return Path(os.fspath(file)).read_text(encoding=encoding)


def sendable(value: object, key: str = "") -> object:
    """Give ``value`` as JSON can hold it.

    Raises:
        UnsendableError: it holds something that has no dotted name.
    """
    if key == "propagate" and value == "true" and "mended" in ARGUMENTS:
        return True
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {each: sendable(item, each) for each, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(item) for item in value]
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    try:
        found: object = importlib.import_module(name.partition(".")[0])
        for step in name.split(".")[1:]:
            found = getattr(found, step)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not value:
        raise UnsendableError(f"an object of type {type(value).__name__} cannot be sent")
    return name if key in CALLED else f"{EXTERNAL}{name}"


class Outcomes(unittest.TestResult):
    """What became of each test, by its name; a test with subtests fails with the first of them."""

    def __init__(self, *, replaced: bool) -> None:
        """Begin with nothing; ``replaced`` puts our functions in the place of the library's."""
        super().__init__()
        self.told: dict[str, dict[str, object]] = {}
        self._replaced = replaced
        self._own = {name: vars(logging.config)[name] for name in ("dictConfig", "fileConfig")}
        self._reached = Reached()

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Begin a test."""
        super().startTest(test)
        self._reached = reached = Reached()
        self.told[name_of(test)] = {"outcome": "passed", "failure": ""}
        if self._replaced:
            vars(logging.config).update(
                dictConfig=reached.dict_config, fileConfig=reached.file_config
            )

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """End a test."""
        vars(logging.config).update(self._own)
        self.told[name_of(test)] |= vars(self._reached)
        super().stopTest(test)

    def addFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's name
        """Tell of a test that failed."""
        super().addFailure(test, err)
        self._failed(test, err[1])

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's name
        """Tell of a test that raised something."""
        super().addError(test, err)
        self._failed(test, err[1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's name
        """Tell of a test that does not want to run on this Python."""
        super().addSkip(test, reason)
        self.told[name_of(test)] |= {"outcome": "skipped", "failure": reason}

    def _failed(self, test: unittest.TestCase, error: BaseException | None) -> None:
        failure = f"{type(error).__name__}: {error}"
        self.told[name_of(test)] |= {"outcome": "failed", "failure": failure}


def name_of(test: unittest.TestCase) -> str:
    """Give ``Class.method``."""
    return ".".join(test.id().split(".")[-2:])


def every_test() -> Iterable[unittest.TestCase]:
    """Give the tests of both classes."""
    # By name, because not every Python that type checkers know comes with its tests.
    module = importlib.import_module("test.test_logging")
    for name in CLASSES:
        kind: type[unittest.TestCase] = vars(module)[name]
        for method in unittest.defaultTestLoader.getTestCaseNames(kind):
            yield kind(method)


def main() -> None:
    """Run them all, and tell."""
    logging.getLogger("sealwire").propagate = False
    outcomes = Outcomes(replaced="library" not in ARGUMENTS)
    told, sys.stdout = sys.stdout, io.StringIO()
    unittest.TestSuite(every_test()).run(outcomes)
    print(json.dumps(outcomes.told), file=told)


if __name__ == "__main__":
    main()
