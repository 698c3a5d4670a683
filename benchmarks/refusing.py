"""P2: refusing what is not ours: at the gate, and through the socket.

1. At the gate, in one process, in turns: junk with another prefix or length, in µs; a wrong MAC,
   against one HMAC over the same message.
2. Through the socket: the listener in its own process on a CPU of its own, this client on another;
   one connection a message, several in flight, every answer read and compared. Beside it the
   standard library's listener with a hand-written PyNaCl ``verify``, refusing wrong signatures
   over TCP, because that is what it has.
"""

from __future__ import annotations

import hmac
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

from benchmarks.figures import Figure, Gate, at_least, at_most, report
from benchmarks.operators import AUDIENCE, NETWORK_ALGORITHMS, OWNER, Operator, bound, document
from benchmarks.processes import Running, beside, endpoint, own_cpu
from benchmarks.timing import interleaved
from sealwire import (
    AesGcmSealer,
    Claims,
    Context,
    Ed25519Signer,
    HmacTagger,
    HmacVerifier,
    Message,
    Reason,
    RefusedError,
    Stream,
    wall_clock_ms,
)
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.body import encode_body
from sealwire.cose import MAC0, split, to_be_authenticated
from sealwire.framing import encode_frame
from sealwire.keys import reveal_secret
from sealwire.sealer import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire import Chain

DOCUMENT_BYTES = 4096
SMALL_BYTES = 1024
JUNK_US = 3.0
BAD_MAC = 1.5
BAD_MACS_A_S = 10_000
BAD_SIGNATURES_A_S = 5_000
IN_FLIGHT = 32
# The library's server has a backlog of five; a connect beyond it is tried again after a second.
STANDARD_IN_FLIGHT = 4
WARMING = 100

ONE_HMAC = "one HMAC"
WRONG_MAC = "wrong MAC"
WRONG_SIGNATURE = "wrong signature"
WRONGLY_SEALED = "wrong signature inside gate and encryption"
ON_TCP = "wrong signature, on TCP"
STANDARD = "wrong signature, stdlib with PyNaCl, on TCP"
REFUSED = encode_frame(CONSTANT_REFUSAL)


def flipped(data: bytes, at: int) -> bytes:
    """Give ``data`` with one bit changed in the byte at ``at``."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


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
    samples = interleaved(steps, rounds=100 if short else 1_000, calls=50)
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
