"""Ed25519 public keys as JSON Web Keys (RFC 7517; OKP, RFC 8037).

1. What is read has the three members that are the key, once each, and of the others only such as
   say what it is for; a private key (``d``) is refused.
2. What is written has the three members in the order of its thumbprint (RFC 8037, appendix A.3).
"""

from __future__ import annotations

import json
from typing import Final

from sealwire.errors import KeyFileError, shorten
from sealwire.keyfiles.text import coded, decoded
from sealwire.keys import VerifyKey

_NEEDED: Final = {"kty": "OKP", "crv": "Ed25519"}
_FREE: Final = frozenset({"kid"})
_SAID: Final[dict[str, tuple[object, ...]]] = {
    "alg": ("EdDSA", "Ed25519"),
    "use": ("sig",),
    "key_ops": (["verify"],),
}


def write_public(key: VerifyKey) -> str:
    """Give a public key as a JWK, with its newline. Its owner is not in it."""
    members = {**_NEEDED, "x": coded(key.public_bytes)}
    return json.dumps(dict(sorted(members.items())), separators=(",", ":")) + "\n"


def parse_public(content: bytes) -> bytes:
    """Give the 32 bytes of the public key that a JWK holds.

    Raises:
        KeyFileError: it is none, is a private key, or says something else than Ed25519.
    """
    members = _members(content)
    if "d" in members:
        del content, members  # a traceback may be shown with what its functions held
        raise KeyFileError(
            "it is a private JWK, and those are not taken; bring the key as PKCS#8 or as OpenSSH's "
            "file"
        )
    for name, value in _NEEDED.items():
        if members.get(name) != value:
            raise KeyFileError(f'the JWK has no "{name}": "{value}"; only Ed25519 keys are used')
    for name, given in members.items():
        if name in _SAID and given not in _SAID[name]:
            raise KeyFileError(f"the JWK says {name} {shorten(str(given))}; it is for another use")
        if name not in {*_NEEDED, "x", *_FREE, *_SAID}:
            raise KeyFileError(f"the JWK has a member {shorten(name)}; leave it out")
    text = members.get("x")
    if not isinstance(text, str):
        raise KeyFileError('the JWK has no "x"; copy the file again')
    return decoded(text)


def _members(content: bytes) -> dict[str, object]:
    """Read one JSON object, each member once; give no exception that would carry a secret."""
    try:
        pairs = json.loads(content.decode(), object_pairs_hook=list)
    except (ValueError, RecursionError):
        pairs = None
    is_object = isinstance(pairs, list) and all(isinstance(each, tuple) for each in pairs)
    members = dict(pairs) if is_object else {}
    if not is_object or len(members) != len(pairs):
        del content, pairs, members
        raise KeyFileError("it is not one JSON object with each member once; copy the file again")
    return members
