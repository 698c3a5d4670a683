"""What whoever owns a service's process may ask without a key: its status, and the end of leases.

Rules this module keeps:

1. Root, and the user that the process runs as, could do anything to it anyway; on the service's
   own Unix socket they may ask in the clear. Who it is says the system, and never the message.
2. It is for going back and for looking: nothing that changes logging any other way is read here.
3. What is asked for is written down with the user's number, as what a key has asked for is with
   its owner's name.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sealwire.documents import read_json
from sealwire.errors import MalformedError, Reason, Stage
from sealwire.requests import CONTENT_TYPE_REQUEST, Request, Verb, read_request
from sealwire.stages import Claims, Opened, Stream

LOCAL: Final = "local/"
"""How the name of somebody begins who asked without a key, such as ``local/uid-0``."""

LEAD: Final = b"sealwire local 1\n"
"""How such a message begins; a sealed one begins with a tag of COSE."""

_STREAMS: Final = {Verb.STATUS.value: Stream.READ, Verb.REVERT.value: Stream.LEASE}
_AUDIENCE: Final = "local"
"""The process at the other end of the socket, whatever it is called."""

_LIFETIME_S: Final = 60


def write_local(document: bytes) -> bytes:
    """Give the message that asks for what ``document``, a request without a seal, says."""
    return LEAD + document


def read_local(payload: bytes, user: str, now_ms: int) -> Request:
    """Read what the process's owner asks for.

    Args:
        payload: a message that begins with `LEAD`.
        user: who the system says it is, such as ``local/uid-0``.
        now_ms: the time, milliseconds since the epoch.

    Raises:
        MalformedError: it is no such request, with what is wrong; or with ``VERB_NOT_SERVED`` one
            that takes a key.
    """
    document = payload[len(LEAD) :]
    verb = read_json(document).get("verb")
    stream = _STREAMS.get(verb) if isinstance(verb, str) else None
    if stream is None:
        detail = f"without a key only {' and '.join(_STREAMS)} are served"
        raise MalformedError(Reason.VERB_NOT_SERVED, Stage.DOCUMENT, detail)
    at_s = now_ms // 1000
    # It names the request in the log; nobody relies on it, as nothing is taken.
    cti = hashlib.sha256(f"{user} {now_ms} ".encode() + document).digest()[:16]
    claims = Claims(user, _AUDIENCE, at_s + _LIFETIME_S, at_s, cti, now_ms, stream)
    return read_request(Opened(document, claims, CONTENT_TYPE_REQUEST, document, ()))
