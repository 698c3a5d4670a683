"""The document of a keyring: canonical JSON (RFC 8785), so that one keyring has one text.

Rules this module keeps:

1. What is read is written again and compared; any other spelling is refused.
2. Every member has to be there, or left out where it says nothing; an unknown one is refused,
   because it may be a limit that we would not keep.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from sealwire.documents.strict_json import JsonValue, canonical_json, read_json
from sealwire.errors import ConfigurationError, MalformedError, Reason, Stage
from sealwire.keyring.model import Keyring, Owner, OwnerKind, RingKey, Role, State

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable

E = TypeVar("E", bound="enum.Enum")

FORMAT: Final = "sealwire-keyring-1"
"""The first member of every document; another format gets another name."""

_KEYRING: Final = frozenset(
    {"format", "name", "version", "issued", "expires", "root_threshold", "keys"}
)
_KEY: Final = frozenset({"thumbprint", "role", "owner", "state", "since"})
_OWNER: Final = frozenset({"id", "kind"})
_OF_KEY: Final = frozenset({"public", "audiences", "primary", "not_before", "not_after", "until"})
_HEX_CHARS: Final = 64


def write_keyring(keyring: Keyring) -> bytes:
    """Give the text of a keyring."""
    return canonical_json(
        {
            "format": FORMAT,
            "name": keyring.name,
            "version": keyring.version,
            "issued": keyring.issued,
            "expires": keyring.expires,
            "root_threshold": keyring.root_threshold,
            "keys": [_written(key) for key in keyring.keys],
        }
    )


def _written(key: RingKey) -> JsonValue:
    written: dict[str, JsonValue] = {
        "thumbprint": key.thumbprint.hex(),
        "role": key.role.value,
        "owner": {"id": key.owner.id, "kind": key.owner.kind.value},
        "state": key.state.value,
        "since": key.since,
    }
    optional: dict[str, JsonValue] = {
        "public": base64.urlsafe_b64encode(key.public).decode().rstrip("="),
        "audiences": list(key.audiences),
        "primary": key.primary,
        "not_before": key.not_before,
        "not_after": key.not_after,
        "until": key.until,
    }
    # What says nothing is left out, so that there is one way to say it.
    return {**written, **{name: value for name, value in optional.items() if value}}


def read_keyring(document: bytes) -> Keyring:
    """Read the text of a keyring.

    Raises:
        MalformedError: it is none, contradicts itself, or is spelt in another way.
    """
    members = read_json(document)
    _check_members(members, "", _KEYRING, frozenset())
    if members["format"] != FORMAT:
        _refuse("format", f"is not {FORMAT}")
    try:
        keyring = Keyring(
            name=_text(members["name"], "name"),
            version=_number(members["version"], "version"),
            issued=_number(members["issued"], "issued"),
            expires=_number(members["expires"], "expires"),
            root_threshold=_number(members["root_threshold"], "root_threshold"),
            keys=tuple(_read_key(each) for each in _list(members["keys"], "keys")),
        )
    except ConfigurationError as error:
        raise MalformedError(Reason.DOCUMENT_INVALID, Stage.DOCUMENT, str(error)) from None
    if write_keyring(keyring) != document:
        _refuse("the keyring", "is not spelt as canonical JSON (RFC 8785)")
    return keyring


def _read_key(value: JsonValue) -> RingKey:
    key = _object(value, "keys", _KEY, _OF_KEY)
    owner = _object(key["owner"], "owner", _OWNER, frozenset())
    primary = key.get("primary", False)
    if not isinstance(primary, bool):
        _refuse("primary", "is neither true nor false")
    return RingKey(
        thumbprint=_thumbprint(key["thumbprint"]),
        role=_member(Role, key["role"], "role"),
        owner=Owner(_text(owner["id"], "owner"), _member(OwnerKind, owner["kind"], "kind")),
        state=_member(State, key["state"], "state"),
        since=_number(key["since"], "since"),
        public=_public(key.get("public", "")),
        audiences=tuple(
            _text(each, "audiences") for each in _list(key.get("audiences", []), "audiences")
        ),
        primary=primary,
        not_before=_number(key.get("not_before", 0), "not_before"),
        not_after=_number(key.get("not_after", 0), "not_after"),
        until=_number(key.get("until", 0), "until"),
    )


def _object(
    value: JsonValue, name: str, needed: frozenset[str], known: frozenset[str]
) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        _refuse(name, "is no object")
    _check_members(value, f"{name}: ", needed, known)
    return value


def _check_members(
    members: dict[str, JsonValue], name: str, needed: frozenset[str], known: frozenset[str]
) -> None:
    if missing := sorted(needed - members.keys()):
        _refuse(f"{name}{missing[0]}", "is missing")
    if unknown := sorted(members.keys() - needed - known):
        _refuse(f"{name}{unknown[0][:32]!r}", "is not known")


def _thumbprint(value: JsonValue) -> bytes:
    text = _text(value, "thumbprint")
    try:
        thumbprint = bytes.fromhex(text)
    except ValueError:
        _refuse("thumbprint", "is not hexadecimal")
    if len(text) != _HEX_CHARS:
        _refuse("thumbprint", "has not 64 hex digits")
    return thumbprint


def _public(value: JsonValue) -> bytes:
    text = _text(value, "public")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        # Any other spelling of what can be read shows when the whole is written again.
        _refuse("public", "is not base64url")


def _member(kind: Callable[[str], E], value: JsonValue, name: str) -> E:
    try:
        return kind(_text(value, name))
    except ValueError:
        _refuse(name, "is none of what it can be")


def _text(value: JsonValue, name: str) -> str:
    if not isinstance(value, str):
        _refuse(name, "is no text")
    return value


def _number(value: JsonValue, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _refuse(name, "is not a number of 0 or more")
    return value


def _list(value: JsonValue, name: str) -> list[JsonValue]:
    if not isinstance(value, list):
        _refuse(name, "is no list")
    return value


def _refuse(name: str, problem: str) -> NoReturn:
    raise MalformedError(Reason.DOCUMENT_INVALID, Stage.DOCUMENT, f"keyring: {name} {problem}")
