"""Tests that need to be root, because they act as several users; ``make test`` leaves them out.

They use the listeners, children and folders of the integration tests.
"""

from __future__ import annotations

import codecs
import importlib.util
import logging.config
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sealwire.logtree
import sealwire.transports.unix

# Loaded now, because another user may not be able to read where this Python is installed.
LOADED = logging.config, sealwire.logtree, sealwire.transports.unix
CODECS = codecs.lookup("utf-16-be"), codecs.lookup("ascii")

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARED = Path(__file__).parents[1] / "integration" / "conftest.py"
_found = importlib.util.spec_from_file_location("sealwire_integration_conftest", _SHARED)
assert _found is not None
assert _found.loader is not None
_shared = importlib.util.module_from_spec(_found)
_found.loader.exec_module(_shared)

application, seal, child, gate = _shared.application, _shared.seal, _shared.child, _shared.gate
folder, path, serve = _shared.folder, _shared.path, _shared.serve
descriptors, until = _shared.descriptors, _shared.until


@pytest.fixture(autouse=True)
def root() -> None:
    """Fail at once for anybody else."""
    assert 0 == os.geteuid(), "these tests have to be run by root"


@pytest.fixture
def become() -> Callable[..., None]:
    """Give what makes this process another user's, for good."""

    def to(uid: int, *groups: int) -> None:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)

    return to
