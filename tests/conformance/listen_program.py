"""Runs the installed Python's own tests of ``logging.config.listen`` against `sealwire.compat`.

Two things are set for them. One test has no ``verify`` callable, so the pair is told that this is
meant. And they compare whole streams, so what sealwire itself logs stays out of the handlers. The
rules of the policy are the default ones.
"""

from __future__ import annotations

import importlib
import logging.config
import sys
import unittest
from typing import TYPE_CHECKING

from sealwire import compat

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = ("test_listen_config_10_ok", "test_listen_config_1_ok", "test_listen_verify")


def listen(
    port: int = compat.DEFAULT_LOGGING_CONFIG_PORT,
    verify: Callable[[bytes], bytes | None] | None = None,
) -> compat.ListenerThread:
    """Stand in for the library's function of this name."""
    return compat.listen(port, verify, unsafe_allow_unverified=verify is None)


def main() -> int:
    """Run the tests; give 0 if all of them ran and passed."""
    # By name, because not every Python that type checkers know comes with its tests.
    tests = importlib.import_module("test.test_logging").ConfigDictTest
    vars(logging.config).update(listen=listen, stopListening=compat.stopListening)
    logging.getLogger("sealwire").propagate = False
    suite = unittest.TestSuite(tests(name) for name in TESTS)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    passed = result.testsRun == len(TESTS) and result.wasSuccessful() and not result.skipped
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
