"""The nonce window: which messages have been taken, until they expire by themselves. Pure data.

Rules this module keeps:

1. An entry lives until its message's ``exp``; no live entry is ever evicted. A full window refuses.
2. A message that would have to be remembered for more than 300 s is refused, so the window is
   bounded by time as well as by count.
3. Looking changes nothing; only `NonceWindow.take` does, once, after authentication and policy.

The caller holds one lock around look and take, and gives the time.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sealwire.errors import Reason, Stage, VerificationError

MAX_AHEAD_S: Final = 300
"""How far ahead ``exp`` may be: a replay window is for messages that live for minutes."""

MAX_ENTRIES_A_KEY: Final = 1_024
"""One key cannot fill the window for the others: three messages a second for five minutes."""

MAX_ENTRIES: Final = 65_536
"""About 8 MiB at the 130 bytes an entry costs."""


class NonceWindow:
    """The live nonces of every key.

    An entry is 64 bits of SHA-256 over key and nonce. A chance hit refuses one message that could
    have been taken and accepts none that should not be.
    """

    __slots__ = ("_expiries", "_next_sweep_ms", "_total")

    def __init__(self) -> None:
        """Make an empty window."""
        self._expiries: dict[bytes, dict[int, int]] = {}
        self._next_sweep_ms = 0
        self._total = 0

    def __len__(self) -> int:
        """How many entries are held, live or not yet swept."""
        return self._total

    def copy(self) -> NonceWindow:
        """Give a window with the same entries."""
        other = NonceWindow()
        other._expiries = {key: dict(held) for key, held in self._expiries.items()}
        other._next_sweep_ms, other._total = self._next_sweep_ms, self._total
        return other

    def look(self, thumbprint: bytes, nonce: bytes, exp_s: int, now_ms: int) -> None:
        """Raise if this nonce of this key may not be taken now; change nothing.

        Args:
            thumbprint: the key that authenticated the message, 32 bytes.
            nonce: the message's id.
            exp_s: when the message expires, seconds since the epoch.
            now_ms: the time, milliseconds since the epoch.

        Raises:
            VerificationError: seen before, too far ahead, already expired, or the window is full.
        """
        if exp_s * 1000 < now_ms:
            raise _refusal(Reason.EXPIRED, "already expired, so no window can remember it")
        if exp_s * 1000 - now_ms > MAX_AHEAD_S * 1000:
            ahead_s = exp_s - now_ms // 1000
            raise _refusal(
                Reason.LIFETIME_TOO_LONG,
                f"expires in {ahead_s} s; the replay window remembers {MAX_AHEAD_S} s",
            )
        of_key = self._expiries.get(thumbprint, {})
        if of_key.get(_entry(thumbprint, nonce), -1) * 1000 >= now_ms:
            raise _refusal(Reason.REPLAYED, "this message has been taken before")
        if self._live(of_key, MAX_ENTRIES_A_KEY, now_ms):
            raise _refusal(
                Reason.REPLAY_WINDOW_FULL, f"{MAX_ENTRIES_A_KEY} live messages of one key"
            )
        if self._total >= MAX_ENTRIES and self._all_live(now_ms):
            raise _refusal(Reason.REPLAY_WINDOW_FULL, f"{MAX_ENTRIES} live messages")

    def take(self, thumbprint: bytes, nonce: bytes, exp_s: int, now_ms: int) -> None:
        """Look once more, and remember the nonce until ``exp_s``.

        Raises:
            VerificationError: as `look`; nothing is remembered then.
        """
        self.look(thumbprint, nonce, exp_s, now_ms)
        self._sweep(now_ms)
        of_key = self._expiries.setdefault(thumbprint, {})
        self._total -= len(of_key)
        of_key[_entry(thumbprint, nonce)] = exp_s
        self._total += len(of_key)

    @staticmethod
    def _live(of_key: dict[int, int], limit: int, now_ms: int) -> bool:
        if len(of_key) < limit:
            return False
        return sum(exp_s * 1000 >= now_ms for exp_s in of_key.values()) >= limit

    def _all_live(self, now_ms: int) -> bool:
        live = sum(
            exp_s * 1000 >= now_ms
            for of_key in self._expiries.values()
            for exp_s in of_key.values()
        )
        return live >= MAX_ENTRIES

    def _sweep(self, now_ms: int) -> None:
        """Drop what has expired; at most once a second, so a burst costs one pass."""
        if now_ms < self._next_sweep_ms:
            return
        self._next_sweep_ms = now_ms + 1000
        for thumbprint in list(self._expiries):
            of_key = self._expiries[thumbprint]
            live = {entry: exp_s for entry, exp_s in of_key.items() if exp_s * 1000 >= now_ms}
            if live:
                self._expiries[thumbprint] = live
            else:
                del self._expiries[thumbprint]
        self._total = sum(map(len, self._expiries.values()))


def _entry(thumbprint: bytes, nonce: bytes) -> int:
    return int.from_bytes(hashlib.sha256(thumbprint + nonce).digest()[:8], "big")


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.ADMISSION, detail)
