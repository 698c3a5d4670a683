"""A service and a client in one process, with nothing between them.

Rules this module keeps:

1. What the client seals goes through the real chain, policy, receiver and engine, and what comes
   back is what a socket would bring. Only the socket, its thread and its files are left out.
2. The pair has clocks of its own, which stand in for the machine's while it does something, and not
   in between. They do so for the whole process, and a listener that runs in it would take their
   time for the latest that it has seen, and everything for expired: beside one the pair does
   nothing.
3. It changes the logging of this very process, which is put back when it is closed.

Not shown by it: who may connect, what a peer that trickles is told, what a second process does.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Self

from sealwire import listener, recommended
from sealwire.answering import Answering
from sealwire.client import Client
from sealwire.clock import in_place
from sealwire.engine import Engine
from sealwire.errors import ConfigurationError
from sealwire.framing import FrameReader, encode_frame
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.listener import SERVED, make_door
from sealwire.logtree.internals import check_private_names
from sealwire.memory import Memory
from sealwire.recommended import Recommended
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.service import Service, Session
from sealwire.testing.clock import FakeClock
from sealwire.testing.restoring import LoggingBefore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sealwire.chain import Chain
    from sealwire.events import Decision
    from sealwire.policy import Policy
    from sealwire.sealer import SealingLayer
    from sealwire.stats import Stats


def pair(
    audience: str = "tests@memory",
    *,
    policy: Policy | None = None,
    chain: Recommended = Recommended.LOCAL,
    issuer: str = "tester",
    clock: FakeClock | None = None,
    signed: bool = False,
) -> Pair:
    """Give a service in memory and its client, with fresh keys, to be closed after use.

    Args:
        audience: the service.
        policy: what requests may ask for, such as ``load_any_policy(path).make_policy()``; by
            default what `sealwire.listen` allows.
        chain: which recommended chain; through ``network`` answers have no report.
        issuer: who asks, as roles of a policy name operators.
        clock: the clocks; by default new ones.
        signed: whether the service has a receipt key, which the client knows: answers are verified
            then, and have their report through ``network`` as well.

    Raises:
        ConfigurationError: ``audience`` or ``issuer`` is not a name, or a listener runs in this
            process that does not have ``clock`` for its own.
    """
    return Pair(audience, policy, chain, issuer, clock or FakeClock(), signed=signed)


class Pair:
    """A service in memory and its client; `pair` makes one.

    Attributes:
        client: asks the service, as any `Client` does.
        clock: the time, for both.
        decisions: what the service decided, oldest first, with the reasons it keeps to itself.
    """

    def __init__(
        self,
        audience: str,
        policy: Policy | None,
        kind: Recommended,
        issuer: str,
        clock: FakeClock,
        *,
        signed: bool = False,
    ) -> None:
        """Make both; as `pair`."""
        check_private_names()
        self.clock = clock
        self._check_undisturbed()
        self.decisions: list[Decision] = []
        several = policy is not None and policy.wants_several
        chain, layers = _ways(kind, audience, issuer, several=several)
        door = make_door(chain, policy=policy, verbs=SERVED)
        sealer = Sealer(
            audience,
            layers,
            issuer=issuer,
            state=MemorySealerState(),
            clock=clock.wall_clock_ms,
        )
        answering, receipt_key = None, None
        if signed:
            host = SigningKey(secrets.token_bytes(32), owner="tests-host")
            answering, receipt_key = Answering(host, chain), host.verify_key
        self.client = Client(
            f"memory:{audience}", sealer, deliver=self._deliver, receipt_key=receipt_key
        )
        self._one_at_a_time = threading.RLock()
        self._open = True
        with clock.in_place():
            self._service = Service(
                door,
                on_event=self.decisions.append,
                memory=Memory(),
                engine=Engine(),
                answering=answering,
            )
            self._service.begin()
        self._before = LoggingBefore()

    def __repr__(self) -> str:
        """Say which service it is."""
        return f"<Pair {self.client.sealer.audience}>"

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is over end.

        Raises:
            ValueError: ``seconds`` is negative.
            ConfigurationError: a listener runs in this process.
        """
        self.clock.advance(seconds)
        with self._doing():
            self._service.let_time_pass()

    def stats(self) -> Stats:
        """Give the service's counts and its last refusals, as `Listener.stats`."""
        return self._service.stats()

    def close(self) -> None:
        """End the leases as a listener that stops does, and put ``logging`` back."""
        # What is begun is ended beside a listener too; of the time this says nothing.
        clocks = nullcontext() if self._disturbed else self.clock.in_place()
        with self._one_at_a_time, clocks:
            if self._open:
                self._open = False
                try:
                    self._service.end()
                finally:
                    self._before.put_back()

    def __enter__(self) -> Self:
        """Give the pair."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def _doing(self) -> Iterator[None]:
        with self._one_at_a_time:
            if not self._open:
                raise RuntimeError("this pair is closed, and its service gone")
            self._check_undisturbed()
            with self.clock.in_place():
                yield

    @property
    def _disturbed(self) -> list[listener.Listener]:
        """The listeners for which the pair's clock would be another one (rule 2)."""
        return [] if in_place() is self.clock else listener.running()

    def _check_undisturbed(self) -> None:
        if disturbed := self._disturbed:
            raise ConfigurationError(
                f"{disturbed[0]} is in this process, and a pair's clock would become its own; stop "
                "it first, or start it and the pair with one FakeClock in place"
            )

    def _deliver(self, address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        frame = encode_frame(sealed)
        with self._doing():
            self._service.let_time_pass()
            reply = Session(self._service, "in memory").receive(frame).reply
        reader = FrameReader()
        reader.receive_data(reply)
        answered = reader.next_event()
        if answered is None:
            raise RuntimeError("sealwire.testing.pair: a whole message was not answered")
        return answered.payload


def _ways(
    kind: Recommended, audience: str, issuer: str, *, several: bool
) -> tuple[Chain, tuple[SealingLayer, ...]]:
    """Give a chain with fresh keys, and the layers that seal for it."""
    signing = SigningKey(secrets.token_bytes(32), owner=issuer)
    trusted = [signing.verify_key]
    if kind is Recommended.LOCAL:
        layers = recommended.local_layers(signing, several=several)
        return recommended.local(audience, trusted, several=several), layers
    gate = MacKey(secrets.token_bytes(32), owner=issuer, audience=audience)
    encryption = AeadKey(secrets.token_bytes(32), owner=issuer, audience=audience)
    chain = recommended.network(
        audience, gate=[gate], encryption=[encryption], trusted=trusted, several=several
    )
    return chain, recommended.network_layers(gate, encryption, signing, several=several)
