"""What holds for every test: the same examples in each run, and a skipped test is a failed one.

Here are also the people and services that tests of the lower floors share: operators with real
keys, made from their names so that every run has the same, and the two recommended chains; and an
empty logging tree for whoever changes one.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict, Unpack

import pytest
from hypothesis import settings

from sealwire.body import encode_body
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.cose import external_aad
from sealwire.errors import Reason
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.stages import Claims, Evidence, Opened, Stream, Use
from sealwire.trail import events as trail
from sealwire.trail.causes import Cause
from sealwire.trail.records import salted
from sealwire.trail.seen import (
    Changes,
    HandlerChange,
    HandlerSeen,
    LoggerChange,
    LoggerSeen,
    Who,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sealwire.algebra import Layer
    from sealwire.sealer import SealingLayer
    from sealwire.trail.events import Event

# No deadline, because a slow machine is not a wrong result. To look for new examples, run
# `pytest --hypothesis-profile=explore`, and write down as an @example what that finds.
settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=5_000, deadline=None)
settings.load_profile("same-every-time")

# Coverage counts what tests call themselves, in the processes that pytest starts for them; what
# they start in their turn is not measured.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if anything was skipped: a check that is left out must not look passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and not session.exitstatus:
        reporter.write_line("")
        reporter.write_line("skipped tests count as failed", red=True)
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests want told although they passed, whichever process ran them."""
    passed = terminalreporter.stats.get("passed", ())
    told = {f"{name}: {said}" for each in passed for name, said in each.user_properties}
    if told:
        terminalreporter.section("told by tests")
        terminalreporter.write_line("\n".join(sorted(told)))


NOW_MS = 1_800_000_000_000
"""The time in tests that do not say otherwise: a whole second, so boundaries are easy to read."""

AUDIENCE = "payments@prod"
DOCUMENT = b'{"version": 1}'
JSON = "application/json"


class ClaimChanges(TypedDict, total=False):
    """The claims that a test wants otherwise."""

    iss: str
    aud: str
    exp: int
    iat: int
    cti: bytes
    version: int
    stream: Stream
    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class Operator:
    """A person with keys for one audience, who can also seal what a `Sealer` would not."""

    name: str
    audience: str
    signing: SigningKey
    mac: MacKey
    aead: AeadKey

    @classmethod
    def called(cls, name: str, audience: str = AUDIENCE) -> Operator:
        """Make an operator whose keys follow from the names."""

        def secret(purpose: str) -> bytes:
            return hashlib.sha256(f"{name} {audience} {purpose}".encode()).digest()

        return cls(
            name,
            audience,
            SigningKey(secret("sign"), owner=name),
            MacKey(secret("mac"), owner=name, audience=audience),
            AeadKey(secret("aead"), owner=name, audience=audience),
        )

    def claims(self, **changes: Unpack[ClaimChanges]) -> Claims:
        """Give claims that a receiver accepts at `NOW_MS`, but for ``changes``."""
        second = NOW_MS // 1000
        usual = Claims(
            iss=self.name,
            aud=self.audience,
            exp=second + 300,
            iat=second,
            cti=bytes(range(16)),
            version=NOW_MS,
            stream=Stream.BASE,
        )
        return usual._replace(**changes)

    def body(self, document: bytes = DOCUMENT, **changes: Unpack[ClaimChanges]) -> bytes:
        """Give a body with `claims`."""
        return encode_body(self.claims(**changes), JSON, document)

    def opened(self, document: bytes = DOCUMENT, **changes: Unpack[ClaimChanges]) -> Opened:
        """Give what a chain with a signature alone would make of `body`."""
        return Opened(
            body=self.body(document, **changes),
            claims=self.claims(**changes),
            content_type=JSON,
            document=document,
            evidence=(Evidence("Ed25519Verifier", -19, self.signing.thumbprint, self.name),),
        )

    def gate(self) -> HmacTagger:
        """Give the half that tags."""
        return HmacTagger(self.mac)

    def hider(self) -> AesGcmSealer:
        """Give the half that encrypts."""
        return AesGcmSealer(self.aead)

    def signer(self) -> Ed25519Signer:
        """Give the half that signs."""
        return Ed25519Signer(self.signing)

    def wrap(
        self,
        inner: bytes,
        layers: Sequence[SealingLayer],
        *,
        only: slice = slice(None),
        use: Use = Use.REQUEST,
        audience: str | None = None,
    ) -> bytes:
        """Wrap ``inner`` in ``layers``, outermost first; ``only`` in those, the rest being there.

        Nothing is checked, so that a test can seal what no sealer would.
        """
        algorithms = tuple(layer.shape.algorithm for layer in layers)
        for index, layer in reversed(tuple(enumerate(layers))[only]):
            bound = external_aad(use, audience or self.audience, index, algorithms)
            inner = layer.seal(inner, bound)
        return inner


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one operator to one service: the layers that seal and open, and the chain."""

    operator: Operator
    layers: tuple[SealingLayer, ...]
    opening: tuple[Layer, ...]
    chain: Chain

    def seal(self, body: bytes | None = None) -> bytes:
        """Give a sealed message that opens at `NOW_MS`, if its body allows."""
        return self.operator.wrap(self.operator.body() if body is None else body, self.layers)


def network_way(operator: Operator) -> Way:
    """Give the way for networks: gate, encryption, signature."""
    opening: tuple[Layer, ...] = (
        HmacVerifier([operator.mac]),
        AesGcmOpener([operator.aead]),
        Ed25519Verifier([operator.signing.verify_key]),
    )
    layers = (operator.gate(), operator.hider(), operator.signer())
    chain = Chain(operator.audience, [*opening, Freshness(), Once()])
    return Way(operator, layers, opening, chain)


def local_way(operator: Operator) -> Way:
    """Give the way for a Unix socket: a signature alone."""
    opening: tuple[Layer, ...] = (Ed25519Verifier([operator.signing.verify_key]),)
    chain = Chain(operator.audience, [*opening, Freshness(), Once()])
    return Way(operator, (operator.signer(),), opening, chain)


@pytest.fixture(scope="session")
def alice() -> Operator:
    """Give the operator who is trusted."""
    return Operator.called("alice")


@pytest.fixture(scope="session")
def mallory() -> Operator:
    """Give an operator with keys of the same kinds, for the same audience, but not trusted."""
    return Operator.called("mallory")


@pytest.fixture(scope="session")
def network(alice: Operator) -> Way:
    """Give alice's way through a network."""
    return network_way(alice)


@pytest.fixture(scope="session")
def local(alice: Operator) -> Way:
    """Give alice's way on one host."""
    return local_way(alice)


@pytest.fixture(scope="session", params=[network_way, local_way], ids=["network", "local"])
def way(request: pytest.FixtureRequest, alice: Operator) -> Way:
    """Give both recommended ways, one after the other."""
    made: Way = request.param(alice)
    return made


@pytest.fixture(scope="session")
def mutate() -> Callable[[random.Random, Sequence[bytes]], bytes]:
    """Give the plain seeded mutator: one of the seeds, with one to four random changes."""
    return _mutate


def _mutate(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(changed) + 1)
        width = chance.choice((1, 1, 2, 4, 9))
        kind = chance.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at : at + 1] = bytes((chance.choice(_TELLING_BYTES),))
        elif kind == 2:
            del changed[at : at + width]
        elif kind == 3:
            changed[at:at] = chance.randbytes(width)
        elif kind == 4:
            changed[at:at] = changed[at : at + chance.randrange(64)]
        elif kind == 5:
            del changed[at:]
        else:
            other = chance.choice(seeds)
            changed[at:] = other[chance.randrange(len(other) + 1) :]
    return bytes(changed)


# Heads at the edges of CBOR's major types and widths, and the bytes that often end a range.
_TELLING_BYTES = bytes.fromhex(
    "00 01 17 18 19 1a 1b 1c 1f 20 37 38 3b 40 41 57 58 5b 5f 60 77 78 7f"
    "80 84 97 98 9b 9f a0 a1 b7 b8 bb bf c0 d0 d1 d2 d8 e0 f4 f5 f6 f7 f8 f9 fb ff"
)


@pytest.fixture(scope="session")
def trail_events() -> tuple[Event, ...]:
    """Give an event of every kind but the first of a trail, with all that it can say."""
    who = Who("alice", "a1" * 32, "ed25519")
    before = LoggerSeen("INFO", propagate=True, disabled=False, handlers=("console",), filters=())
    console = HandlerSeen("logging.StreamHandler", "DEBUG", "ext://sys.stderr", ("only-db",), None)
    changes = Changes(
        (
            LoggerChange("payments.db", before, replace(before, level="DEBUG", propagate=False)),
            LoggerChange("zahlungen.größe", None, before),
        ),
        (HandlerChange("console", console, replace(console, format=salted(bytes(32), "%(msg)s"))),),
        3,
    )
    request, digest, text = "0b" * 16, "d1" * 32, salted(bytes(32), "somebody's text")
    return (
        trail.Started("host/worker-1", "0.1.0", "memory", digest, digest, None),
        trail.Accepted(request, digest, who, "INC-4711", "apply", "base", 7, NOW_MS - 5, NOW_MS),
        trail.Applied(request, who, "INC-4711", digest, NOW_MS + 1, changes, ("payments.db",)),
        trail.Refused(Reason.POLICY, "uid 1000", who, request, "ceiling", "root", text, 1, 2, 3),
        trail.Refused(Reason.KEY_UNKNOWN, "uid 1001", None, None, "", "", None, 1, NOW_MS, 40_000),
        trail.Failed(request, who, "OSError", text),
        trail.Confirmed(request, "0c" * 16, who, "INC-4711"),
        trail.Reverted(request, Cause.NOT_CONFIRMED, None, "", changes),
        trail.LeaseBegun(request, who, 'why "this": ,"seq":1,', NOW_MS + 900_000, changes, ()),
        trail.LeaseEnded(request, Cause.ASKED, who, changes),
        trail.KeyChanged(
            digest, "alice", "config", trail.KeyState.ACTIVE, trail.KeyState.COMPROMISED
        ),
        trail.KeyringChanged("payments", 7, digest, ("root", "other")),
        trail.PolicyChanged(None, digest),
        trail.Drifted(changes),
        trail.DriftEnded(("loggers.payments.level",)),
        trail.Alerted("a floor protects nothing here"),
        trail.ClockStepped(NOW_MS, NOW_MS - 3_600_000),
        trail.TrailFailed(NOW_MS, "No space left on device", 2),
        trail.TrailRecovered(17),
        trail.Stopped("host/worker-1", "asked"),
    )


@pytest.fixture(scope="session")
def own_tree() -> Callable[[], AbstractContextManager[None]]:
    """Give what puts the process's loggers and handlers aside, and back again."""
    return _own_tree


@contextlib.contextmanager
def _own_tree() -> Iterator[None]:
    handlers, references = vars(logging)["_handlers"], vars(logging)["_handlerList"]
    root, loggers = logging.root, logging.root.manager.loggerDict
    kept = dict(handlers), list(references), dict(loggers), root.handlers, root.filters, root.level
    for container in (handlers, references, loggers):
        container.clear()
    root.handlers, root.filters = [], []
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        # Held until all are closed: some are kept by the ones in front of them alone.
        alive = [reference() for reference in references]
        logging.shutdown(references)
        del alive
        for container in (handlers, references, loggers):
            container.clear()
        handlers.update(kept[0])
        references.extend(kept[1])
        loggers.update(kept[2])
        root.handlers, root.filters = kept[3:5]
        root.propagate, root.disabled = True, False
        root.setLevel(kept[5])
