"""The ``verify=`` callable for the standard library's own ``logging.config.listen``.

Rules this module keeps:

1. Bytes in, bytes or ``None`` out; it never raises, from any thread, whatever it is given.
2. What it returns is one line of canonical JSON, an object that has passed the policy, is
   remembered as taken, and whose parts were all built once, aside, without an error. If
   ``dictConfig`` still fails on it, the library's second try, reading it as INI, stops at
   parsing, before any ``eval``.
3. It cannot mend the library's socket, nor make its apply atomic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.chain import Chain
from sealwire.documents.reading import place
from sealwire.errors import ApplyError
from sealwire.eventlog import log_bug
from sealwire.listener import make_door
from sealwire.memory import memory_of
from sealwire.service import Service, Session
from sealwire.stages import Applied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.algebra import Admission, Verifier
    from sealwire.documents import LoggingPlan
    from sealwire.events import Decision
    from sealwire.policy import Rule

_MAX_LENGTH: Final = 2**32 - 1


def as_verify(
    chain: Chain | Iterable[Verifier | Admission],
    *,
    audience: str | None = None,
    rules: Iterable[Rule] | None = None,
    skew_s: float = 0.0,
    on_event: Callable[[Decision], None] | None = None,
) -> Callable[[bytes], bytes | None]:
    """Give a ``verify`` callable for ``logging.config.listen(port, verify=…)``.

    Args:
        chain: what a message must pass; see `sealwire.listen`.
        audience: see `sealwire.listen`.
        rules: see `sealwire.listen`.
        skew_s: see `sealwire.listen`.
        on_event: is called with every decision; an applied one means: handed to the library.

    Returns:
        A callable that gives a configuration to apply, or ``None``.

    Raises:
        ConfigurationError: the chain does not show enough.
    """
    # Late, because it loads ``logging.config``; who calls this is about to use that anyway.
    from sealwire.logtree import try_out

    door = make_door(chain, audience=audience, rules=rules, skew_s=skew_s)
    accepted: list[bytes] = []

    def hand_over(plan: LoggingPlan) -> Applied:
        for handler in plan.handlers:
            if handler.queue is not None:
                # The library makes a listener, and leaves it to the application to start it.
                where = place("handlers", handler.name)
                raise ApplyError(f"{where}: a queue would have no listener; use sealwire.listen")
        try_out(plan)
        loggers = len(plan.loggers) + (plan.root is not None)
        accepted.append(plan.canonical())
        return Applied(plan.digest(), loggers, len(plan.handlers))

    memory = memory_of(chain.audience if isinstance(chain, Chain) else str(audience))
    service = Service(door, hand_over, on_event, memory)

    def verify(received: object) -> bytes | None:
        if not isinstance(received, bytes):
            return None
        # The library has removed the length; our reader wants it, and judges it.
        framed = min(len(received), _MAX_LENGTH).to_bytes(4, "big") + received
        try:
            with memory.hold_still():
                accepted.clear()
                Session(service, "by way of logging.config.listen").receive(framed)
                return accepted.pop() if accepted else None
        except Exception as bug:  # noqa: BLE001 - rule 1; a thread of the library would die of it
            log_bug("as_verify refused a message", bug)
            return None

    return verify
