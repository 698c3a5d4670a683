"""P2, at the gate: refusing what is not ours, in one process, in turns.

1. Junk with another prefix or length, in µs.
2. A wrong MAC, against one HMAC over the same message.
3. The same through `Chain.open`, for information.
"""

from __future__ import annotations

import hmac
import secrets
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Gate, at_most, report
from benchmarks.operators import AUDIENCE, NETWORK_ALGORITHMS, Operator, bound, document
from benchmarks.spoilt import flipped
from benchmarks.timing import interleaved
from sealwire import Context, HmacVerifier, Message, Reason, RefusedError, wall_clock_ms
from sealwire.cose import MAC0, split, to_be_authenticated
from sealwire.keys import reveal_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire import Chain

DOCUMENT_BYTES = 4096
SMALL_BYTES = 1024
JUNK_US = 3.0
BAD_MAC = 1.5

ONE_HMAC = "one HMAC"
WRONG_MAC = "wrong MAC"


def refusal_of(step: Callable[[], object]) -> Reason:
    """Give the reason for which a step refuses."""
    try:
        step()
    except RefusedError as error:
        return error.reason
    raise AssertionError("nothing was refused")


def at_gate_step(gate: HmacVerifier, message: Message, context: Context) -> Callable[[], object]:
    """Give a step in which the gate refuses; it adds a ``try`` and nothing else."""

    def step() -> None:
        try:
            gate.verify(message, context)
        except RefusedError:
            return

    return step


def through_chain_step(chain: Chain, sealed: bytes, now_ms: int) -> Callable[[], object]:
    """Give a step in which the chain refuses."""

    def step() -> None:
        try:
            chain.open(sealed, now_ms=now_ms)
        except RefusedError:
            return

    return step


def at_the_gate(length: int, *, short: bool) -> tuple[dict[str, float], dict[str, float]]:
    """Measure the gate with documents of one length; give µs there, and through the chain."""
    operator = Operator()
    chain = operator.network_chain()
    now_ms = wall_clock_ms()
    sealed = operator.network_sealer().seal_at(document(length), now_ms=now_ms)
    junk = {
        "random bytes": (secrets.token_bytes(len(sealed)), Reason.ENVELOPE_MALFORMED),
        "another prefix": (flipped(sealed, 5), Reason.ENVELOPE_MALFORMED),
        "another key id": (flipped(sealed, MAC0.key_id.start), Reason.KEY_UNKNOWN),
        "a byte too short": (sealed[:-1], Reason.ENVELOPE_MALFORMED),
        "nothing but a prefix": (sealed[:20], Reason.ENVELOPE_MALFORMED),
        WRONG_MAC: (flipped(sealed, -1), Reason.MAC_INVALID),
    }
    verifier = HmacVerifier([operator.mac])
    to_gate = bound()[0]
    context = Context(AUDIENCE, now_ms, 0, 0, NETWORK_ALGORITHMS, to_gate)

    protected, framed, _ = split(MAC0, sealed)
    covered = to_be_authenticated(MAC0, protected, to_gate) + framed
    secret = reveal_secret(operator.mac)
    steps: dict[str, Callable[[], object]] = {
        ONE_HMAC: lambda: hmac.digest(secret, covered, "sha256")
    }
    for name, (message, reason) in junk.items():
        opened = partial(chain.open, message, now_ms=now_ms)
        checked = partial(verifier.verify, Message(message), context)
        assert {refusal_of(checked), refusal_of(opened)} == {reason}, name
        steps[name] = at_gate_step(verifier, Message(message), context)
        steps[f"chain: {name}"] = through_chain_step(chain, message, now_ms)
    samples = interleaved(steps, rounds=50 if short else 500, calls=200)
    at_gate = {name: samples[name].median_us for name in (ONE_HMAC, *junk)}
    return at_gate, {name: samples[f"chain: {name}"].median_us for name in junk}


def gate_lines(*, short: bool) -> list[Figure]:
    """Give the lines of the table about the gate."""
    at_gate, through_chain = at_the_gate(DOCUMENT_BYTES, short=short)
    small, _ = at_the_gate(SMALL_BYTES, short=short)
    one_us, wrong_us = at_gate.pop(ONE_HMAC), at_gate.pop(WRONG_MAC)
    return [
        *(
            at_most("P2", f"{name}, at the gate", took_us, JUNK_US, "us", Gate.ABSOLUTE)
            for name, took_us in at_gate.items()
        ),
        at_most("P2", "wrong MAC at the gate / one HMAC, 4 KiB", wrong_us / one_us, BAD_MAC),
        report("P2", "  one HMAC, wrong MAC at the gate", f"{one_us:.2f}, {wrong_us:.2f} us"),
        report("P2", "  the same ratio, 1 KiB", f"{small[WRONG_MAC] / small[ONE_HMAC]:.2f} x"),
        *(
            report("P2", f"  {name}, through Chain.open", f"{took_us:.2f} us")
            for name, took_us in through_chain.items()
        ),
    ]
