"""P2: refusing what is not ours: at the gate (see `benchmarks.gate`), and through the socket.

The listener is in its own process on a CPU of its own, this client on another; one connection a
message, several in flight, every answer read and compared. Beside it stands the standard library's
listener with a hand-written PyNaCl ``verify``, refusing wrong signatures over TCP, because that is
what it has.
"""

from __future__ import annotations

import secrets
import socket
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nacl.signing import SigningKey

from benchmarks.figures import Figure, at_least, report
from benchmarks.gate import DOCUMENT_BYTES, WRONG_MAC, gate_lines, refusal_of
from benchmarks.operators import AUDIENCE, OWNER, Operator, bound, document
from benchmarks.processes import Running, beside, endpoint, own_cpu
from benchmarks.spoilt import flipped
from sealwire import (
    AesGcmSealer,
    Claims,
    Ed25519Signer,
    HmacTagger,
    Reason,
    Stream,
    wall_clock_ms,
)
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.body import encode_body
from sealwire.framing import encode_frame
from sealwire.sealer import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BAD_MACS_A_S = 10_000
BAD_SIGNATURES_A_S = 5_000
IN_FLIGHT = 32
# The library's server has a backlog of five; a connect beyond it is tried again after a second.
STANDARD_IN_FLIGHT = 4
WARMING = 100

WRONG_SIGNATURE = "wrong signature"
WRONGLY_SEALED = "wrong signature inside gate and encryption"
ON_TCP = "wrong signature, on TCP"
STANDARD = "wrong signature, stdlib with PyNaCl, on TCP"
REFUSED = encode_frame(CONSTANT_REFUSAL)


@dataclass(frozen=True, slots=True)
class Sender:
    """What sends one message over and over to one service.

    Attributes:
        service: who gets it.
        frame: the message with its length.
        answer: what must come back before the service closes.
        in_flight: connections at a time.
    """

    service: Running
    frame: bytes
    answer: bytes
    in_flight: int

    def send(self, messages: int) -> tuple[float, float]:
        """Send so many, one a connection; give wall time and CPU time of the service, seconds."""
        family, address = endpoint(self.service.address)
        used_s, began_s = self.service.cpu_s(), time.perf_counter()
        for sent in range(0, messages, self.in_flight):
            connections = []
            for _ in range(min(self.in_flight, messages - sent)):
                connection = socket.socket(family, socket.SOCK_STREAM)
                connections.append(connection)
                connection.connect(address)
                connection.sendall(self.frame)
            for connection in connections:
                assert connection.recv(64) == self.answer, "not refused as it must be"
                connection.close()
        return time.perf_counter() - began_s, self.service.cpu_s() - used_s


@dataclass(slots=True)
class Rate:
    """How fast one kind of message was refused, a round each."""

    messages: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    a_second: list[float] = field(default_factory=list)

    def add(self, messages: int, wall_s: float, cpu_s: float) -> None:
        """Add a round."""
        self.messages += messages
        self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.a_second.append(messages / wall_s)

    @property
    def median_a_second(self) -> float:
        """Refusals a second of wall time, the median of the rounds."""
        return statistics.median(self.a_second)

    @property
    def a_cpu_second(self) -> float:
        """Refusals a second of the service's CPU time, over all rounds."""
        return self.messages / self.cpu_s if self.cpu_s else float("inf")


def measure(senders: Mapping[str, Sender], *, rounds: int, messages: int) -> dict[str, Rate]:
    """Let the senders send in turns."""
    rates = {name: Rate() for name in senders}
    for sender in senders.values():
        sender.send(WARMING)
    for _ in range(rounds):
        for name, sender in senders.items():
            rates[name].add(messages, *sender.send(messages))
    return rates


def wrongly_signed(operator: Operator, now_ms: int) -> bytes:
    """Seal a message whose gate and encryption are right, and whose signature is not."""
    chain = operator.network_chain()
    to_gate, to_opener, to_verifier = bound()
    body = encode_body(
        Claims(
            iss=OWNER,
            aud=AUDIENCE,
            exp=now_ms // 1000 + 300,
            iat=now_ms // 1000,
            cti=secrets.token_bytes(16),
            version=now_ms,
            stream=Stream.BASE,
        ),
        JSON,
        document(DOCUMENT_BYTES),
    )
    signed = flipped(Ed25519Signer(operator.signing).seal(body, to_verifier), -1)
    sealed = HmacTagger(operator.mac).seal(
        AesGcmSealer(operator.aead).seal(signed, to_opener), to_gate
    )
    assert refusal_of(partial(chain.open, sealed, now_ms=now_ms)) is Reason.SIGNATURE_INVALID
    return sealed


def through_the_socket(*, short: bool) -> list[Figure]:
    """Measure refusals by three listeners, in turns; each has the same CPU, one at a time."""
    operator, stranger = Operator(), SigningKey.generate()
    now_ms = wall_clock_ms()
    text = document(DOCUMENT_BYTES)
    mac = flipped(operator.network_sealer().seal_at(text, now_ms=now_ms), -1)
    signature = flipped(operator.local_sealer().seal_at(text, now_ms=now_ms), -1)
    cpu = own_cpu()
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        ends.enter_context(beside(cpu))

        def started(kind: str, address: str, *, network: bool) -> Running:
            keys = operator.described(network=network)
            wanted = {"kind": kind, "address": address, **keys}
            return ends.enter_context(Running(wanted, cpu=cpu))

        gated = started("sealwire", f"unix:{folder}/network", network=True)
        plain = started("sealwire", f"unix:{folder}/local", network=False)
        on_tcp = started("sealwire", "tcp:127.0.0.1:0", network=False)
        standard = started("standard", "", network=False)
        wrongly_sealed = encode_frame(wrongly_signed(operator, now_ms))
        senders = {
            WRONG_MAC: Sender(gated, encode_frame(mac), REFUSED, IN_FLIGHT),
            WRONG_SIGNATURE: Sender(plain, encode_frame(signature), REFUSED, IN_FLIGHT),
            WRONGLY_SEALED: Sender(gated, wrongly_sealed, REFUSED, IN_FLIGHT),
            ON_TCP: Sender(on_tcp, encode_frame(signature), REFUSED, STANDARD_IN_FLIGHT),
            STANDARD: Sender(standard, encode_frame(stranger.sign(text)), b"", STANDARD_IN_FLIGHT),
        }
        rates = measure(senders, rounds=3 if short else 10, messages=1_000)
        for listener, kinds in (
            (gated, (WRONG_MAC, WRONGLY_SEALED)),
            (plain, (WRONG_SIGNATURE,)),
            (on_tcp, (ON_TCP,)),
        ):
            told = listener.figures()
            sent = sum(rates[kind].messages + WARMING for kind in kinds)
            assert (told["applied"], told["refused"]) == (0, sent), told
    return socket_lines(rates, cpu)


def socket_lines(rates: Mapping[str, Rate], cpu: int | None) -> list[Figure]:
    """Give the lines of the table.

    "On one core" is a second of the listener's CPU time: with a CPU to itself that is a second, and
    on a machine that does other things as well it is still the same work.
    """
    goals = {WRONG_MAC: BAD_MACS_A_S, WRONG_SIGNATURE: BAD_SIGNATURES_A_S}
    lines = []
    for name, rate in rates.items():
        wall = report("P2", "  a second of wall time", f"{rate.median_a_second:,.0f} /s")
        core = f"{name}, a core's second"
        if name in goals:
            lines += [at_least("P2", core, rate.a_cpu_second, goals[name], "/s"), wall]
        else:
            lines += [report("P2", core, f"{rate.a_cpu_second:,.0f} /s"), wall]
    ratio = rates[ON_TCP].a_cpu_second / rates[STANDARD].a_cpu_second
    lines.append(report("P2", "wrong signatures on TCP, ours / stdlib", f"{ratio:.1f} x"))
    where = "on the only CPU, beside the client" if cpu is None else f"on CPU {cpu}, one at a time"
    lines.append(report("P2", f"{DOCUMENT_BYTES} bytes sealed; the listeners ran", where))
    return lines


def run(*, short: bool) -> Sequence[Figure]:
    """Measure; a short run takes five seconds, the other one thirty."""
    lines = gate_lines(short=short)
    if not Path("/proc/self/stat").exists():
        return [*lines, report("P2", "through the socket", "not measured: there is no /proc")]
    return [*lines, *through_the_socket(short=short)]
