"""A value that several threads want, and one of them makes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Once(Generic[T]):
    """Makes each value once, whoever asks first."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._made: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made for ``key``, or make it; for ``None`` it is made each time.

        One after another, because whoever makes it may have to touch a key.
        """
        with self._lock:
            if key is None:
                return make()
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]
