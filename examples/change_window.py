"""A verifier of your own: changes are taken on working days from nine to five, and refused else.

    python examples/change_window.py

A verifier is any object with `requires`, `provides` and `verify`. This one moves no bytes, so it
stands behind the layers, where the claims are known to be from whoever signed them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import sealwire
from sealwire import Context, Guarantee, Message, Reason, Stage, VerificationError


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Refuses messages that arrive outside working hours, UTC.

    Attributes:
        opens: the first hour in which changes are taken.
        closes: the first hour in which they no longer are.
    """

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC})
    provides: ClassVar[frozenset[Guarantee]] = frozenset()

    opens: int = 9
    closes: int = 17

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message unchanged, or refuse it. The time comes from the receiver."""
        now = datetime.fromtimestamp(context.now_ms / 1000, UTC)
        working_day = now.isoweekday() <= 5  # noqa: PLR2004 - Friday
        if not (working_day and self.opens <= now.hour < self.closes):
            raise VerificationError(
                Reason.POLICY,
                Stage.CHECK,
                f"{now:%A %H:%M} UTC; changes are taken Monday to Friday, "
                f"{self.opens:02}:00 to {self.closes:02}:00",
            )
        return message


def main() -> None:
    """Open one message in the window and one outside of it."""
    alice = sealwire.SigningKey(secrets.token_bytes(32), owner="alice")
    chain = sealwire.Chain(
        "orders@test",
        [
            sealwire.Ed25519Verifier([alice.verify_key]),
            sealwire.Freshness(),
            ChangeWindow(),
            sealwire.Once(),
        ],
    )
    print(chain.describe())
    for day in (23, 22):  # of November 2026: a Monday and a Sunday
        now = datetime(2026, 11, day, 10, 30, tzinfo=UTC)
        now_ms = round(now.timestamp() * 1000)
        sealer = sealwire.Sealer(
            "orders@test",
            [sealwire.Ed25519Signer(alice)],
            issuer="alice",
            state=sealwire.MemorySealerState(),
            clock=sealwire.wall_clock_ms,
        )
        sealed = sealer.seal_at(b'{"version": 1}', now_ms=now_ms)
        try:
            opened = chain.open(sealed, now_ms=now_ms)
            print(f"{now:%A %H:%M}: taken from {opened.claims.iss}")
        except sealwire.RefusedError as refusal:
            print(f"{now:%A %H:%M}: refused: {refusal.reason.value}: {refusal.detail}")


if __name__ == "__main__":
    main()
