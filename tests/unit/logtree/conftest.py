"""A logging tree for each test: empty before, and afterwards as pytest had it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(autouse=True)
def empty_tree(own_tree: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Begin with an empty tree, and leave the one that was."""
    with own_tree():
        yield
