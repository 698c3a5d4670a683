"""Reading DER (X.690), as far as keys need it: strictly, and nothing is made of it.

1. A length is definite and has its shortest spelling; an integer is not negative and has no byte
   too many.
2. `end` finds everything read; what is left over is an error.
3. Whatever is wrong is a `ValueError`.
"""

from __future__ import annotations

from typing import Final

SEQUENCE: Final = 0x30
OCTETS: Final = 0x04
OBJECT: Final = 0x06
INTEGER: Final = 0x02
NULL: Final = 0x05

_MAX_LENGTH_BYTES: Final = 2
_MAX_NUMBER_BYTES: Final = 8
_LONG: Final = 0x80


class Reader:
    """Takes one element after the other from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte."""
        self._data, self._at = data, 0

    def take(self, tag: int) -> bytes:
        """Give the content of the next element, which has to be of this kind.

        Raises:
            ValueError: it is not, or not in DER.
        """
        if self._next(1)[0] != tag:
            raise ValueError("another kind of element")
        return self._next(self._length())

    def open(self) -> Reader:
        """Give a reader of the next element, a sequence."""
        return Reader(self.take(SEQUENCE))

    def number(self) -> int:
        """Give the next element, a whole number of 0 or more."""
        content = self.take(INTEGER)
        number = int.from_bytes(content)
        shortest = number.to_bytes(number.bit_length() // 8 + 1)
        if content != shortest or len(content) > _MAX_NUMBER_BYTES:
            raise ValueError("not a number of 0 or more in its shortest form, or far too large")
        return number

    def has(self, tag: int) -> bool:
        """Say whether an element of this kind comes next."""
        return self._data[self._at : self._at + 1] == bytes((tag,))

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            ValueError: something is.
        """
        if self._at != len(self._data):
            raise ValueError("something follows")

    def _length(self) -> int:
        first = self._next(1)[0]
        if first < _LONG:
            return first
        count = first - _LONG
        if not 1 <= count <= _MAX_LENGTH_BYTES:
            raise ValueError("a length of no or of too many bytes")
        length = int.from_bytes(self._next(count))
        if length < _LONG or length >> (8 * (count - 1)) == 0:
            raise ValueError("a length that could be shorter")
        return length

    def _next(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise ValueError("cut short")
        self._at += count
        return part
