"""From an authenticated message to what it asks for.

Rules this module keeps (the sealed message, "Content types"):

1. Only an `Opened` is read, so nothing unauthenticated is ever parsed as a document.
2. The content type says how to read; an unknown one is refused, never guessed.
3. What is asked for has to belong to the stream the message was ordered in: a configuration sent
   as a read would slip past the version floor of configurations.
4. A request has the members of its verb and no others, each of one type and within its limit.
5. Whether the sender may ask for it is policy's question, not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sealwire.documents import JsonValue, read_ini_plan, read_json, read_plan
from sealwire.documents.dict_schema import plan_from
from sealwire.documents.plan import LoggingPlan
from sealwire.documents.reading import (
    describe,
    did_you_mean,
    place,
    read_level,
    read_name,
    read_section,
    read_text,
    refuse,
)
from sealwire.errors import MalformedError, Reason, Stage, shorten
from sealwire.requests.types import (
    DEFAULT_LEASE_S,
    Apply,
    Confirm,
    DryRun,
    KeyringUpdate,
    Lease,
    Request,
    Revert,
    Status,
    Verb,
)
from sealwire.stages import CONTENT_TYPE_KEYRING, Opened

CONTENT_TYPE_JSON: Final = "application/json"
"""A ``dictConfig`` document that becomes the base."""

CONTENT_TYPE_INI: Final = "application/vnd.sealwire.ini"
"""A ``fileConfig`` document that becomes the base."""

CONTENT_TYPE_REQUEST: Final = "application/vnd.sealwire.request+json"
"""An object whose member ``verb`` says what is asked for."""

MAX_WHY_CHARS: Final = 200
MAX_ONLY_CHARS: Final = 256
MAX_LEVELS: Final = 100
"""Loggers of one lease. More than a person names; a configuration has other means."""

MAX_THROUGH: Final = 20
MAX_LENGTH_S: Final = 366 * 24 * 3600
"""The longest time that a request may name; policy allows far less."""

_DOCUMENTS: Mapping[str, Callable[[bytes], LoggingPlan]] = MappingProxyType(
    {CONTENT_TYPE_JSON: read_plan, CONTENT_TYPE_INI: read_ini_plan}
)
_COMMON: Final = ("verb", "why", "only")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_GLOB: Final = re.compile(r"[A-Za-z0-9._@/*?\[\]!-]+")


def read_request(opened: Opened) -> Request:
    """Read what a message asks for.

    Raises:
        MalformedError: with ``CONTENT_TYPE_UNKNOWN``; with ``STREAM_MISMATCH`` where what is asked
            for does not belong to the message's stream; with ``DOCUMENT_MALFORMED`` or
            ``DOCUMENT_INVALID`` as `sealwire.documents.read_plan` and
            `sealwire.documents.read_ini_plan` say, the detail beginning with the place.
    """
    document = _DOCUMENTS.get(opened.content_type)
    if document is not None:
        _check_stream(opened, Verb.APPLY, opened.content_type)
        return Apply(opened, document(opened.document))
    if opened.content_type == CONTENT_TYPE_KEYRING:
        _check_stream(opened, Verb.KEYRING, opened.content_type)
        return KeyringUpdate(opened)
    if opened.content_type != CONTENT_TYPE_REQUEST:
        raise MalformedError(
            Reason.CONTENT_TYPE_UNKNOWN, Stage.DOCUMENT, shorten(opened.content_type)
        )
    members = read_json(opened.document)
    verb = _verb(members.get("verb"))
    _check_stream(opened, verb, verb.value)
    own, read = _READERS[verb]
    read_section(members, "", (*_COMMON, *own))
    return read(opened, members)


def _check_stream(opened: Opened, verb: Verb, what: str) -> None:
    found = opened.claims.stream
    if found not in verb.streams:
        belongs = " or ".join(stream.value for stream in verb.streams)
        raise MalformedError(
            Reason.STREAM_MISMATCH,
            Stage.DOCUMENT,
            f"{what} belongs to the stream {belongs}, and the message to {found.value}",
        )


def _verb(value: JsonValue) -> Verb:
    known = {verb.value: verb for verb in Verb if verb in _READERS}
    if not isinstance(value, str) or value not in known:
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        refuse("verb", f"{shorten(value)} is none of {', '.join(known)}{hint}")
    return known[value]


def _apply(opened: Opened, members: dict[str, JsonValue]) -> Request:
    return Apply(
        opened,
        _plan(members),
        confirm_within_s=_length(members, "confirm_within_s", 0),
        replaces=_matching(members, "replaces", _DIGEST, "a digest of 64 hex digits"),
        why=_why(members),
        only=_only(members),
    )


def _dry_run(opened: Opened, members: dict[str, JsonValue]) -> Request:
    return DryRun(opened, _plan(members), why=_why(members), only=_only(members))


def _lease(opened: Opened, members: dict[str, JsonValue]) -> Request:
    return Lease(
        opened,
        _levels(members.get("levels")),
        for_s=_length(members, "for_s", DEFAULT_LEASE_S),
        through=_through(members.get("through")),
        why=_why(members),
        only=_only(members),
    )


def _revert(opened: Opened, members: dict[str, JsonValue]) -> Request:
    return Revert(opened, _id(members), why=_why(members), only=_only(members))


def _confirm(opened: Opened, members: dict[str, JsonValue]) -> Request:
    what = _id(members)
    if not what:
        refuse("id", "is missing; confirm names the request it confirms")
    return Confirm(opened, what, why=_why(members), only=_only(members))


def _status(opened: Opened, members: dict[str, JsonValue]) -> Request:
    return Status(opened, why=_why(members), only=_only(members))


_Reader = Callable[[Opened, dict[str, JsonValue]], Request]
_READERS: Final[Mapping[Verb, tuple[tuple[str, ...], _Reader]]] = MappingProxyType(
    {
        Verb.APPLY: (("config", "ini", "confirm_within_s", "replaces"), _apply),
        Verb.PLAN: (("config", "ini"), _dry_run),
        Verb.LEASE: (("levels", "for_s", "through"), _lease),
        Verb.REVERT: (("id",), _revert),
        Verb.CONFIRM: (("id",), _confirm),
        Verb.STATUS: ((), _status),
    }
)


def _plan(members: dict[str, JsonValue]) -> LoggingPlan:
    config, ini = members.get("config"), members.get("ini")
    if (config is None) == (ini is None):
        refuse("config", "give either config, a dictConfig object, or ini, the text of a file")
    if ini is None:
        return plan_from(read_section(config, "config", None))
    if not isinstance(ini, str):
        refuse("ini", f"is {describe(ini)}, not a string")
    return read_ini_plan(ini.encode())


def _levels(value: JsonValue) -> tuple[tuple[str, int], ...]:
    section = read_section(value, "levels", None)
    if not 0 < len(section) <= MAX_LEVELS:
        refuse("levels", f"names {len(section)} loggers; 1 to {MAX_LEVELS} can be leased at once")
    levels: dict[str, int] = {}
    for name, level in section.items():
        where = place("levels", name)
        # "root" and "" are the root logger, as for logging.getLogger().
        logger = "" if name in {"", "root"} else read_name(name, "levels")
        if logger in levels:
            refuse(where, "is the root logger, which stands here already")
        levels[logger] = read_level(level, where)
        if levels[logger] == 0:
            refuse(where, "0 inherits, and leases nothing; name a level, or end a lease by revert")
    return tuple(sorted(levels.items()))


def _through(value: JsonValue) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_THROUGH:
        refuse("through", f"is not a list of at most {MAX_THROUGH} handlers")
    keys = tuple(read_name(item, "through") for item in value)
    if len(set(keys)) != len(keys):
        refuse("through", "names a handler twice")
    return keys


def _length(members: dict[str, JsonValue], key: str, default: int) -> int:
    value = members.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(key, f"is {describe(value)}, not a number of seconds")
    if not 1 <= value <= MAX_LENGTH_S:
        refuse(key, f"{value} seconds; 1 to {MAX_LENGTH_S} can be asked for")
    return value


def _why(members: dict[str, JsonValue]) -> str:
    value = members.get("why")
    if value is None:
        return ""
    text = read_text(value, "why")
    if len(text) > MAX_WHY_CHARS or not text.isprintable():
        refuse("why", f"is not one printable line of at most {MAX_WHY_CHARS} characters")
    return text


def _only(members: dict[str, JsonValue]) -> str:
    return _matching(members, "only", _GLOB, "a pattern of instance names", MAX_ONLY_CHARS)


def _id(members: dict[str, JsonValue]) -> str:
    return _matching(members, "id", _ID, "an id of 32 hex digits")


def _matching(
    members: dict[str, JsonValue],
    key: str,
    pattern: re.Pattern[str],
    what: str,
    max_chars: int = 64,
) -> str:
    value = members.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > max_chars or not pattern.fullmatch(value):
        refuse(key, f"{shorten(value)} is not {what}")
    return value
