"""Many processes of one service that hammer its state with copies of the same few messages.

    python tests/crash/hammer.py FOLDER PROCESSES TRIES PHASES

In each phase there is one message more, and every process delivers copies of it and of all that
were before it, again and again: the same bytes, in other pieces, in new outer layers, in those of
another member, spoilt, or bound to another audience. There are no sockets: each process drives the
service itself, with its own logging tree, on the state directory that all share.

It prints one line of JSON: how often each message was applied, how many tries there were, and
whatever was not as it has to be.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import random
import secrets
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

sys.path.append(str(Path(__file__).parents[2]))
sys.path.append(str(Path(__file__).parent))

from tests.crash.world import INFO, Ask, Kind, World

from sealwire import AeadKey, MacKey, MemorySealerState, Policy, Sealer, SigningKey, wall_clock_ms
from sealwire.answers import decode_answer
from sealwire.cose import external_aad
from sealwire.durable import DurableState
from sealwire.engine import engine_of_process
from sealwire.errors import Reason
from sealwire.framing import encode_frame
from sealwire.journal import init
from sealwire.journal.encoding import decode
from sealwire.journal.layout import read
from sealwire.journal.records import Intent
from sealwire.listener import make_door
from sealwire.memory import memory_of
from sealwire.policy import default_rules
from sealwire.recommended import network, network_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.service import Service, Session
from sealwire.stages import Outcome, Stream, Use

if TYPE_CHECKING:
    from sealwire import Chain
    from sealwire.documents import JsonValue
    from sealwire.sealer import SealingLayer
    from sealwire.stages import Answer

AUDIENCE: Final = "payments@test"
BASE, LEASED = "payments.db", "payments.api"
SOON_S: Final = 1
LOOK_EVERY: Final = 500
"""A listener looks at the time more often than that."""

_MARGIN_S: Final = 3.0
_PATIENCE_S: Final = 60.0
_NEWEST: Final = 0.5
"""How many of the copies are of the newest message."""

SCRIPT: Final = (
    *(Ask(Kind.APPLY), Ask(Kind.LEASE, for_s=SOON_S), Ask(Kind.APPLY), Ask(Kind.REVERT)),
    *(Ask(Kind.LEASE, for_s=600), Ask(Kind.UNLEASE), Ask(Kind.TRIAL), Ask(Kind.CONFIRM)),
)


class Message(NamedTuple):
    """A message: what it asks, its stream, its bytes, and its innermost ones."""

    ask: Ask
    stream: Stream
    sealed: bytes
    signed: bytes


@dataclass
class Members:
    """Two members who share the outer keys with the service; one of them may sign."""

    signing: SigningKey = field(
        default_factory=lambda: SigningKey(secrets.token_bytes(32), owner="alice")
    )
    gates: list[MacKey] = field(default_factory=lambda: [_mac("alice"), _mac("bob")])
    hiders: list[AeadKey] = field(default_factory=lambda: [_aead("alice"), _aead("bob")])

    def chain(self) -> Chain:
        """Give what opens their messages."""
        trusted = [self.signing.verify_key]
        return network(AUDIENCE, gate=self.gates, encryption=self.hiders, trusted=trusted)

    def layers(self, member: int) -> tuple[SealingLayer, ...]:
        """Give the layers that a member seals with."""
        return network_layers(self.gates[member], self.hiders[member], self.signing)

    def wrap(self, signed: bytes, member: int, audience: str = AUDIENCE) -> bytes:
        """Put new outer layers around what is signed."""
        layers = self.layers(member)
        algorithms = tuple(layer.shape.algorithm for layer in layers)
        for index in (1, 0):
            bound = external_aad(Use.REQUEST, audience, index, algorithms)
            signed = layers[index].seal(signed, bound)
        return signed


def _mac(owner: str) -> MacKey:
    return MacKey(secrets.token_bytes(32), owner=owner, audience=AUDIENCE)


def _aead(owner: str) -> AeadKey:
    return AeadKey(secrets.token_bytes(32), owner=owner, audience=AUDIENCE)


class Author:
    """Seals one message after the other, and knows what has to be in force then."""

    def __init__(self, members: Members, counts: Path) -> None:
        self._counts, self._chain = counts, members.chain()
        self._sealer = Sealer(
            AUDIENCE,
            members.layers(0),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        self._seals = 0
        self.world = World()

    def next(self) -> Message:
        """Seal the next message of the script."""
        ask = SCRIPT[self._seals % len(SCRIPT)]
        self._seals += 1
        level = 1 + self._seals % (INFO - 1) if ask.kind is Kind.LEASE else INFO + self._seals
        ask = ask._replace(level=level)
        if ask.kind is Kind.CONFIRM:
            ask = ask._replace(of=self.world.bases[-1].id)
        leases = {Kind.LEASE, Kind.UNLEASE}
        stream = Stream.LEASE if ask.kind in leases else Stream.BASE
        sealed, claims = self._sealer.seal_with_claims(
            self._document(ask), content_type=CONTENT_TYPE_REQUEST, stream=stream, lifetime_s=3600
        )
        then = self.world.after(ask, claims.cti.hex(), time.time())
        assert then is not None
        self.world = then
        opened = self._chain.open(sealed, now_ms=wall_clock_ms(), skew_ms=1_000)
        return Message(ask, stream, sealed, opened.signed)

    def _document(self, ask: Ask) -> bytes:
        if ask.kind in {Kind.APPLY, Kind.TRIAL}:
            built: dict[str, JsonValue] = {
                "()": "counted.counted",
                "label": str(ask.level),
                "counts": str(self._counts),
            }
            logger: dict[str, JsonValue] = {"level": ask.level, "handlers": ["counted"]}
            config: dict[str, JsonValue] = {
                "version": 1,
                "handlers": {"counted": built},
                "loggers": {BASE: logger},
            }
            within_s = 600 if ask.kind is Kind.TRIAL else 0
            return write_request(Verb.APPLY, config=config, confirm_within_s=within_s)
        if ask.kind is Kind.CONFIRM:
            return write_request(Verb.CONFIRM, id=ask.of)
        if ask.kind is Kind.LEASE:
            return write_request(Verb.LEASE, levels={LEASED: ask.level}, for_s=ask.for_s)
        return write_request(Verb.REVERT)


class Process:
    """One process of the service, and what it delivers to itself."""

    def __init__(self, state: Path, members: Members, chance: random.Random) -> None:
        self._members, self._chance = members, chance
        policy = Policy(default_rules(factories=["counted.counted"]))
        door = make_door(members.chain(), policy=policy, verbs=frozenset(Verb))
        engine = engine_of_process()
        durable = DurableState(state, door, engine)
        self._service = Service(door, memory=memory_of(AUDIENCE), engine=engine, durable=durable)
        self._service.begin()
        self.applied: Counter[int] = Counter()
        self.waited_in_vain = 0
        self.wrong: list[str] = []

    def hammer(self, messages: list[Message], tries: int) -> None:
        """Deliver copies, and look at the answers."""
        newest = {message.stream: number for number, message in enumerate(messages)}
        for turn in range(tries):
            if not turn % LOOK_EVERY:
                self._service.let_time_pass()
            number = len(messages) - 1
            if self._chance.random() > _NEWEST:
                number = self._chance.randrange(len(messages))
            copy, spoilt = self._copy(messages[number])
            answer = self._deliver(copy)
            if answer.outcome is Outcome.APPLIED and not answer.repeated:
                self.applied[number] += 1
            if answer.reason == Reason.STATE_UNAVAILABLE.value:
                # So many others had the journal before it that it was not waited for any longer.
                self.waited_in_vain += 1
            elif spoilt and answer.outcome is not Outcome.REFUSED:
                self.wrong.append(f"a spoilt copy of {number}: {answer}")
            elif not spoilt and newest[messages[number].stream] == number:
                # Nothing newer is there, so it is done, or was; or it was over when it came to a
                # process that had not heard of it.
                over = answer.reason == Reason.LEASE_OVER.value
                soon = messages[number].ask.for_s == SOON_S
                if answer.outcome is not Outcome.APPLIED and not (over and soon):
                    self.wrong.append(f"{number} of {len(messages)}: {answer}")
            elif answer.outcome is Outcome.APPLIED and not answer.repeated:
                self.wrong.append(f"{number} of {len(messages)} came late: {answer}")

    def _copy(self, message: Message) -> tuple[bytes, bool]:
        kind, chance = self._chance.randrange(6), self._chance
        if kind < 2:
            return message.sealed, False
        if kind < 4:
            return self._members.wrap(message.signed, chance.randrange(2)), False
        if kind == 4:
            return self._members.wrap(message.signed, 0, "orders@test"), True
        spoilt = bytearray(message.sealed)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        return bytes(spoilt), True

    def _deliver(self, sealed: bytes) -> Answer:
        frame, session = encode_frame(sealed), Session(self._service, "nobody")
        if self._chance.random() < 0.5:
            return decode_answer(session.receive(frame).reply[4:])
        reply = b""
        while frame and not reply:
            part = frame[: self._chance.randrange(1, 200)]
            frame = frame[len(part) :]
            reply = session.receive(part).reply
        return decode_answer(reply[4:])

    def compare(self, messages: list[Message], world: World) -> None:
        """See to it that what has to be in force is."""
        # One copy more of the newest: whoever has it is where the others are.
        ends_s = time.monotonic() + _PATIENCE_S
        answer = self._deliver(messages[-1].sealed)
        while answer.reason == Reason.STATE_UNAVAILABLE.value and time.monotonic() < ends_s:
            answer = self._deliver(messages[-1].sealed)
        if not answer.repeated and answer.reason != Reason.LEASE_OVER.value:
            self.wrong.append(f"after all others: {answer}")
        stands = world.bases[-1].level if world.bases else INFO
        found = logging.getLogger(BASE).getEffectiveLevel()
        if found != stands:
            self.wrong.append(f"{BASE} is {found} and not {stands}")
        surely, perhaps = (each(time.time(), _MARGIN_S) for each in (world.surely, world.perhaps))
        runs = surely[-1].level if surely else INFO
        found = logging.getLogger(LEASED).getEffectiveLevel()
        if surely == perhaps and found != runs:
            self.wrong.append(f"{LEASED} is {found} and not {runs}")


class Child:
    """A process that hammers when it is told to."""

    def __init__(self, state: Path, members: Members, number: int) -> None:
        told, self._tell = os.pipe()
        self._hear, tell = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                _obey(Process(state, members, random.Random(number)), told, tell)
            except BaseException:  # noqa: BLE001 - it is shown, and the process ends
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(told)
        os.close(tell)
        self._heard = os.fdopen(self._hear)

    def tell(self, phase: Path, tries: int) -> None:
        """Let it hammer."""
        os.write(self._tell, f"{tries} {phase}\n".encode())

    def heard(self) -> dict[str, Any]:
        """Wait for its end of the phase; give nothing if it has died."""
        heard: dict[str, Any] = json.loads(self._heard.readline() or "{}")
        return heard

    def end(self) -> None:
        """Let it end."""
        # Those that were forked later have the pipe too, so its end would not come.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._tell, b"\n")
        os.close(self._tell)
        os.waitpid(self.pid, 0)
        self._heard.close()


def _obey(process: Process, told: int, tell: int) -> None:
    with os.fdopen(told) as lines:
        for line in lines:
            tries, _, phase = line.strip().partition(" ")
            if not phase:
                return
            messages, world = _read_phase(Path(phase))
            process.hammer(messages, int(tries))
            process.compare(messages, world)
            said: dict[str, Any] = {"applied": process.applied, "wrong": process.wrong[:5]}
            said["waited_in_vain"] = process.waited_in_vain
            process.applied, process.waited_in_vain = Counter(), 0
            os.write(tell, json.dumps(said).encode() + b"\n")


def _read_phase(path: Path) -> tuple[list[Message], World]:
    found: tuple[list[Message], World] = pickle.loads(path.read_bytes())
    return found


def intents(state: Path) -> int:
    """Count what the journal says was taken."""
    payloads = read((state / "journal").read_bytes()).payloads
    return sum(isinstance(decode(payload), Intent) for payload in payloads)


def main(folder: Path, processes: int, tries: int, phases: int) -> dict[str, Any]:
    """Hammer; say what came of it."""
    logging.basicConfig(level=INFO, handlers=[logging.NullHandler()])
    state, counts = folder / "state", folder / "counts"
    counts.touch()
    init(state, AUDIENCE, min_version=0, now_ms=wall_clock_ms())
    members = Members()
    author = Author(members, counts)
    children = [Child(state, members, number) for number in range(processes)]
    messages: list[Message] = []
    applied: Counter[int] = Counter()
    wrong: list[str] = []
    in_vain = 0
    each = -(-tries // (processes * phases))
    for phase in range(phases):
        messages.append(author.next())
        path = folder / f"phase-{phase}"
        path.write_bytes(pickle.dumps((messages, author.world)))
        for child in children:
            child.tell(path, each)
        for heard in [child.heard() for child in children]:
            if not heard:
                wrong.append(f"phase {phase}: a process has died")
                continue
            applied.update({int(number): count for number, count in heard["applied"].items()})
            in_vain += heard["waited_in_vain"]
            wrong += [f"phase {phase}: {what}" for what in heard["wrong"]]
        if wrong:
            break
    for child in children:
        child.end()
    built = Counter(counts.read_text().splitlines())
    wrong += [f"built twice: {line}" for line, count in built.items() if count > 1]
    return {
        "applied": [applied[number] for number in range(len(messages))],
        "intents": intents(state),
        "waited_in_vain": in_vain,
        "tries": each * processes * phases,
        "wrong": wrong[:20],
    }


if __name__ == "__main__":
    said = main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
    print(json.dumps(said), flush=True)
