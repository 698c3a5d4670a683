"""Lengths of time in words, for people who read a refusal or an error."""

from __future__ import annotations

from typing import Final

_MS: Final = 1000
_EXACT_MS: Final = 120 * _MS
"""Up to here nothing is left out, so that a value and the limit that it breaks are told apart."""

_UNITS: Final = (("d", 86_400 * _MS), ("h", 3600 * _MS), ("min", 60 * _MS))


def in_words(length_ms: int) -> str:
    """Give a length of time: ``7 ms``, ``1.5 s``, ``59 min``, ``2 h 5 min``, ``3 d 4 h``.

    From two minutes on it is given in its two largest units, in whole minutes, cut and not rounded.

    Args:
        length_ms: milliseconds, not negative.
    """
    if length_ms < _MS:
        return f"{length_ms} ms"
    if length_ms < _EXACT_MS:
        whole, rest = divmod(length_ms, _MS)
        return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") + " s"
    parts = []
    left_ms = length_ms
    for name, unit_ms in _UNITS:
        count, left_ms = divmod(left_ms, unit_ms)
        parts.append(f"{count} {name}" if count else "")
    first = next(place for place, part in enumerate(parts) if part)
    return " ".join(part for part in parts[first : first + 2] if part)
