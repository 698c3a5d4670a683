"""Claims, layers and keys in words, for people and as JSON; used by several commands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sealwire import cose
from sealwire.durations import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.stages import Claims

ALGORITHMS: Final = {
    cose.HMAC_256: "HMAC 256/256",
    cose.A256GCM: "A256GCM",
    cose.ED25519: "Ed25519",
    cose.SSHSIG: "SSHSIG",
}
"""Names of the IANA registry "COSE Algorithms", by number; SSHSIG has one of private use."""

_IN_MINUTES_S: Final = 120


def time_in_words(moment_ms: int) -> str:
    """Give a time as RFC 3339, in UTC; its number where no calendar goes that far.

    Args:
        moment_ms: milliseconds since the epoch; a peer may have written it.
    """
    try:
        moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{moment_ms} ms after 1970"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def length_in_words(length_ms: int) -> str:
    """Give a length of time for people who wait: ``40 s``, ``15 min``, ``2 h 5 min``.

    It is rounded to seconds and, from two minutes on, to minutes: what was asked for 15 minutes a
    moment ago is said to end in 15, and not in 14.

    Args:
        length_ms: milliseconds, not negative.
    """
    length_s = round(length_ms / 1000)
    if length_s >= _IN_MINUTES_S:
        length_s = round(length_s / 60) * 60
    return in_words(length_s * 1000) if length_s else "0 s"


def end_in_words(moment_ms: int, now_ms: int) -> str:
    """Give the time of an end, and how far it is from now: ``2026-…Z, in 15 min``."""
    left_ms = moment_ms - now_ms
    if left_ms < 0:
        return f"{time_in_words(moment_ms)}, {length_in_words(-left_ms)} ago"
    return f"{time_in_words(moment_ms)}, in {length_in_words(left_ms)}"


def counted(number: int, what: str) -> str:
    """Give a number of things: ``1 lease``, ``2 leases``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def claims_in_words(claims: Claims) -> Iterator[tuple[str, object]]:
    """Give claims as names and values, for people."""
    yield "issuer", claims.iss
    yield "audience", claims.aud
    yield "issued at", time_in_words(claims.iat * 1000)
    yield "expires", time_in_words(claims.exp * 1000)
    yield "id", claims.cti.hex()
    yield "version", f"{claims.version} ({time_in_words(claims.version)})"
    yield "stream", claims.stream.value
    if claims.nonce is not None:
        yield "nonce", claims.nonce.hex()


def claims_as_json(claims: Claims) -> dict[str, JsonOutput]:
    """Give claims under their names in the specification, times as numbers."""
    return {
        "iss": claims.iss,
        "aud": claims.aud,
        "iat": claims.iat,
        "exp": claims.exp,
        "cti": claims.cti.hex(),
        "version": claims.version,
        "stream": claims.stream.value,
        "nonce": None if claims.nonce is None else claims.nonce.hex(),
    }
