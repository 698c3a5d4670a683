"""The document of a request, as `read_request` reads it: the client's half.

Rules this module keeps:

1. What is left at its default is left out, so a request has one text.
2. Nothing is judged here: the service reads strictly, and a client that seals nonsense hears so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sealwire.documents import JsonValue, canonical_json
from sealwire.requests.types import Verb


def write_request(
    verb: Verb,
    **members: JsonValue | Mapping[str, JsonValue] | Sequence[str | Mapping[str, JsonValue]],
) -> bytes:
    """Give the document of a request, for the content type ``CONTENT_TYPE_REQUEST``.

    Args:
        verb: what is asked for.
        members: the members of the verb; those that are ``None``, empty or 0 are left out.
    """
    document: dict[str, JsonValue] = {"verb": verb.value}
    for name, value in members.items():
        if value:
            document[name] = _plain(value)
    return canonical_json(document)


def _plain(value: object) -> JsonValue:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"a request holds no {type(value).__name__}")
