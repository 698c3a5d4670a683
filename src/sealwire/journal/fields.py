"""One value of a record, read strictly: each has its limits, and a bool is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.journal.records import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    import enum

    from sealwire.cbor import CborValue

_ID_BYTES: Final = 16
_MAX_TEXT: Final = 128
"""The limit of names; boot ids and verbs are shorter."""

_MAX_NUMBER: Final = 2**63 - 1


def exactly(value: CborValue, count: int) -> list[CborValue]:
    """Give a list that has ``count`` values.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"a list of {count} is due")
    return value


def at_most(value: CborValue, most: int) -> list[CborValue]:
    """Give a list that has ``most`` values or fewer.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"a list of at most {most} is due")
    return value


def number(value: CborValue, most: int = _MAX_NUMBER) -> int:
    """Give a number from 0 on; a bool is none.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"a number from 0 to {most} is due")
    return value


def text(value: CborValue, least: int = 1) -> str:
    """Give a text of ``least`` characters or more.

    Raises:
        ValueError: it is none.
    """
    # A boot id may be empty: not every system has one.
    if not isinstance(value, str) or not least <= len(value) <= _MAX_TEXT:
        raise ValueError(f"a text of {least} to {_MAX_TEXT} characters is due")
    return value


def raw(value: CborValue, length: int) -> bytes:
    """Give bytes of one length.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, bytes) or len(value) != length:
        raise ValueError(f"{length} bytes are due")
    return value


def message_of(value: CborValue) -> bytes:
    """Give the bytes of a message.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, bytes) or not 1 <= len(value) <= MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of 1 to {MAX_MESSAGE_BYTES} bytes is due")
    return value


def id_of(value: CborValue) -> str:
    """Give an id, in hex.

    Raises:
        ValueError: it is none.
    """
    return raw(value, _ID_BYTES).hex()


E = TypeVar("E", bound="enum.Enum")


def one_of(kind: type[E], value: CborValue) -> E:
    """Give a member of an enum.

    Raises:
        ValueError: it is none.
    """
    # `True` equals 1, and would be read as an outcome.
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no {kind.__name__}")  # noqa: TRY004 - one error for all
    return kind(value)
