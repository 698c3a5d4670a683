"""The sealer: the chain's mirror, on the side of the person who changes something.

Rules this module keeps:

1. Layers are listed as in the chain, outermost first, and applied innermost first.
2. What the receiver would refuse is refused here, before anything is sent: a key of another owner
   or audience, one key twice, encryption alone.
3. A version is used once for each audience and stream, and does not run ahead of the clock: where
   two messages fall into one millisecond the second waits for the next. But for one thing: it is
   above the floor that a service has shown in a receipt that was verified.
4. No clock of its own: the time comes from the caller (`Sealer.seal_at`) or from the clock it was
   given (`Sealer.seal`).
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.algebra import issuer_layers
from sealwire.body import CTI_BYTES, encode_body
from sealwire.cose import A256GCM, Shape, external_aad
from sealwire.cosesign import SIGN
from sealwire.durations import in_words
from sealwire.errors import ConfigurationError, SealError
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.keys import AeadKey, MacKey, check_name
from sealwire.stages import Claims, Sealed, Stream, Use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.algebra import Layer
    from sealwire.chain import Chain
    from sealwire.keys import Signer
    from sealwire.stages import KeyId

DEFAULT_LIFETIME_S: Final = 300
"""How long a message may wait for its delivery; every stream's maximum allows it."""

MAX_WAIT_MS: Final = 1_000
"""How far the last version may be ahead of the clock before waiting for it makes no sense."""

MAX_LEAD_MS: Final = 3_600_000
"""How far ahead of our clock a service's may be, to be believed: an hour, as clocks that are wrong
by a time zone are. Whoever's clock is further behind has to set it."""

JSON: Final = "application/json"


class SealingLayer(Protocol):
    """The half of a layer that seals."""

    @property
    def shape(self) -> Shape:
        """The kind of object."""
        ...

    @property
    def key(self) -> Signer | MacKey | AeadKey:
        """The key."""
        ...

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` wrapped."""
        ...


class SealerState(Protocol):
    """Which versions were used; shared by every process that seals with the same keys."""

    def claim(self, audience: str, stream: Stream, version: int) -> int:
        """Take ``version`` if it is above the last one used, in one atomic step.

        Returns:
            ``version`` if it was taken, else one above it, which is the last one used, or the next
            where ``version`` is the last one used.

        Raises:
            SealError: the state cannot be read or written.
        """
        ...

    def learn(self, audience: str, stream: Stream, floor: int) -> None:
        """Remember a floor that a service has shown, if it is above the one that is known.

        Raises:
            SealError: the state cannot be read or written.
        """
        ...

    def learned(self, audience: str, stream: Stream) -> int:
        """Give the floor that was shown last, or -1.

        Raises:
            SealError: the state cannot be read.
        """
        ...


class MemorySealerState:
    """Versions used by this process alone; after a restart the clock must have moved on."""

    def __init__(self) -> None:
        """Make a state that knows no version."""
        self._last: dict[tuple[str, Stream], int] = {}
        self._floors: dict[tuple[str, Stream], int] = {}
        self._lock = threading.Lock()

    def claim(self, audience: str, stream: Stream, version: int) -> int:
        """Take ``version`` if it is above the last one used; give it, or one above it."""
        with self._lock:
            last = self._last.get((audience, stream), -1)
            if version <= last:
                # Were the same number given back, two callers would take it for theirs.
                return max(last, version + 1)
            self._last[audience, stream] = version
            return version

    def learn(self, audience: str, stream: Stream, floor: int) -> None:
        """Remember a floor that a service has shown, if it is above the one that is known."""
        with self._lock:
            known = self._floors.get((audience, stream), -1)
            self._floors[audience, stream] = max(known, floor)

    def learned(self, audience: str, stream: Stream) -> int:
        """Give the floor that was shown last, or -1."""
        return self._floors.get((audience, stream), -1)


def clock_behind(audience: str, behind_ms: int, begin_anew: str) -> str:
    """Say that the clock is behind what was sealed, and the ways out.

    That it is right now, and was ahead then, only people can know. Then nothing speaks against
    forgetting what was sealed: a service whose clock was right has refused it, and one that has
    taken it refuses what is older until it has started again. What is lost is the order against
    the messages that were sealed ahead: whoever has one can deliver it once its time has come, and
    until something newer is taken.

    Args:
        audience: for whom it was sealed.
        behind_ms: how far the clock is behind, milliseconds.
        begin_anew: the command that puts the state aside; ``""`` where none is known.
    """
    ways = "set the clock if it is wrong (date -u), or wait until it has passed"
    if begin_anew:
        ways += (
            ", or, if it is right now and was ahead then, forget what was sealed, though it can "
            f"still be delivered once its time has come: {begin_anew}"
        )
    return f"the clock is {in_words(behind_ms)} behind the last message to {audience}; {ways}"


class Sealer:
    """Seals documents for one audience, in the name of one issuer."""

    def __init__(
        self,
        audience: str,
        layers: Sequence[SealingLayer],
        *,
        issuer: str,
        state: SealerState,
        clock: Callable[[], int],
    ) -> None:
        """Make a sealer.

        Args:
            audience: the service the messages are for.
            layers: outermost first, as in the receiver's chain.
            issuer: who seals; the owner of every key in ``layers``.
            state: which versions were used before.
            clock: gives wall-clock time in milliseconds; `sealwire.wall_clock_ms`.

        Raises:
            ConfigurationError: what the receiver would refuse, in words.
        """
        self.audience = check_name(audience, "audience")
        self.issuer = check_name(issuer, "issuer")
        self._layers = tuple(layers)
        self._state = state
        self._clock = clock
        self._check()
        algorithms = self.algorithms
        self._aads = tuple(
            external_aad(Use.REQUEST, audience, index, algorithms)
            for index in range(len(algorithms))
        )

    def __repr__(self) -> str:
        """Say audience, issuer and layers, and no secret."""
        return f"<Sealer {self.issuer} for {self.audience}: {_describe(self._layers)}>"

    def _check(self) -> None:
        if all(layer.shape.algorithm == A256GCM for layer in self._layers):
            raise ConfigurationError(
                "these layers do not show who wrote a message; add an Ed25519Signer as the last one"
            )
        for layer in self._layers:
            key = layer.key
            if key.owner != self.issuer:
                raise ConfigurationError(
                    f"{key!r} is not {self.issuer}'s; seal with keys of the issuer alone"
                )
            if isinstance(key, (MacKey, AeadKey)) and key.audience != self.audience:
                raise ConfigurationError(
                    f"{key!r} is for {key.audience}, this sealer for {self.audience}; "
                    "make a key of its own for each audience"
                )
        if len({layer.key.id for layer in self._layers}) != len(self._layers):
            raise ConfigurationError("one key stands in two layers; make a key for each layer")

    @property
    def algorithms(self) -> tuple[int, ...]:
        """The COSE algorithms of the layers, outermost first."""
        return tuple(layer.shape.algorithm for layer in self._layers)

    @property
    def signs_with_others(self) -> bool:
        """Whether the innermost layer holds the signatures of several (COSE_Sign)."""
        return self._layers[-1].shape.tag == SIGN.tag

    @property
    def signing_id(self) -> KeyId:
        """The id of the issuer's key in the innermost layer."""
        return self._layers[-1].key.id

    @property
    def encryption_key(self) -> AeadKey | None:
        """The key of the layer that encrypts, if there is one."""
        return next((each.key for each in self._layers if isinstance(each.key, AeadKey)), None)

    def now_ms(self) -> int:
        """Give the time, by the clock it was given."""
        return self._clock()

    def learn(self, stream: Stream, floor_ms: int, lead_ms: int = MAX_LEAD_MS) -> None:
        """Learn the floor of a verified receipt, so that the next version is above it.

        One that the clock has passed need not be remembered, and one that is far ahead of it is not
        believed: a host could make everything that is sealed for its audience come too early.

        Raises:
            SealError: the state cannot be read or written.
        """
        if 0 <= floor_ms - self._clock() <= lead_ms:
            self._state.learn(self.audience, stream, floor_ms)

    def check_matches(self, chain: Chain) -> None:
        """Check that ``chain`` would open what this sealer makes, keys included.

        Raises:
            ConfigurationError: it would not; the text names the first difference.
        """
        if chain.audience != self.audience:
            raise ConfigurationError(
                f"the sealer seals for {self.audience}, the chain opens for {chain.audience}"
            )
        mine = [layer.shape for layer in self._layers]
        alike = [way for way in chain.routes if [layer.shape for layer in way] == mine]
        if not alike:
            expected = " or ".join(_listed(way) for way in chain.routes)
            raise ConfigurationError(
                f"the sealer wraps {_listed(self._layers)}, the chain expects {expected}, "
                "outermost first; list the same layers in the same order on both sides"
            )
        unknown = [self._first_unknown(way) for way in alike]
        if all(unknown):
            raise ConfigurationError(unknown[0])

    def _first_unknown(self, way: tuple[Layer, ...]) -> str:
        """Say which of our keys the receiver does not hold as we do, or ``""``."""
        owned = issuer_layers(way)
        for place, (half, other) in enumerate(zip(self._layers, way, strict=True)):
            layer = f"layer {place} of the chain, {type(other).__name__},"
            held = other.keys.find(half.key.id)
            if held is None:
                return (
                    f"{layer} does not hold {half.key!r}; give the receiver that key, or seal with "
                    "one it has"
                )
            if place in owned and held.owner != self.issuer:
                return f"{layer} holds the key of {self.issuer} as {held.owner}'s; name one owner"
            audience = getattr(held, "audience", self.audience)
            others: tuple[Signer, ...] = getattr(half, "cosigners", ())
            for other_key in others:
                if other.keys.find(other_key.id) is None:
                    return (
                        f"{layer} does not hold the cosigner's {other_key!r}; give the receiver "
                        "that key, or seal without"
                    )
            if audience != self.audience:
                return f"{layer} holds {half.key!r} for {audience}; name {self.audience} there"
        return ""

    def seal(
        self,
        document: bytes,
        *,
        content_type: str = JSON,
        stream: Stream = Stream.BASE,
        lifetime_s: int = DEFAULT_LIFETIME_S,
    ) -> Sealed:
        """Seal ``document`` now; see `seal_at`.

        Raises:
            SealError: as `seal_at`, or the clock is behind a version that was used before.
        """
        return self.seal_with_claims(
            document, content_type=content_type, stream=stream, lifetime_s=lifetime_s
        )[0]

    def seal_with_claims(
        self,
        document: bytes,
        *,
        content_type: str = JSON,
        stream: Stream = Stream.BASE,
        lifetime_s: int = DEFAULT_LIFETIME_S,
        nonce: bytes | None = None,
        service_ms: int | None = None,
    ) -> tuple[Sealed, Claims]:
        """Seal as `seal` does; give the message and what it says about itself, its id included.

        Args:
            document: as for `seal`.
            content_type: as for `seal`.
            stream: as for `seal`.
            lifetime_s: as for `seal`.
            nonce: the challenge of a service that wants one.
            service_ms: the service's time, as a verified receipt has shown it, where that is to
                count and not our clock. The version is never under our own clock for that.

        Raises:
            SealError: as `seal`.
        """
        claims = self._next_claims(stream, lifetime_s, nonce, service_ms)
        return self.wrap(encode_body(claims, content_type, document)), claims

    def wrap_keyrings(self, listed: bytes) -> Sealed:
        """Wrap a list of signed keyrings as requests are wrapped, but for the signature.

        Args:
            listed: what `sealwire.keyring.write_list` gave.

        Raises:
            SealError: it is too long for one message.
        """
        return self.wrap(listed, signed=True)

    def seal_at(
        self,
        document: bytes,
        *,
        now_ms: int,
        content_type: str = JSON,
        stream: Stream = Stream.BASE,
        lifetime_s: int = DEFAULT_LIFETIME_S,
    ) -> Sealed:
        """Seal ``document`` as if it were ``now_ms``.

        Args:
            document: the document's bytes; they are not read here.
            now_ms: the time, milliseconds since the epoch; also the message's version.
            content_type: how the receiver is to read it.
            stream: the order class of what the document asks.
            lifetime_s: how long the message may wait for its delivery, seconds.

        Returns:
            The sealed message.

        Raises:
            SealError: ``now_ms`` is not above the last version used, or the document is too long.
        """
        if self._state.claim(self.audience, stream, now_ms) != now_ms:
            raise SealError(f"version {now_ms} or a later one was used for {self.audience} before")
        claims = self._claims(stream, now_ms, lifetime_s, now_ms)
        return self.wrap(encode_body(claims, content_type, document))

    def sign(
        self,
        document: bytes,
        *,
        content_type: str = JSON,
        stream: Stream = Stream.BASE,
        lifetime_s: int = DEFAULT_LIFETIME_S,
    ) -> tuple[bytes, Claims]:
        """Seal as `seal` does, but with the innermost layer alone; `wrap` puts on the others.

        What this gives is no message yet: others may sign it as well, where that layer holds the
        signatures of several (see `sealwire.unfinished`).

        Args:
            document: as for `seal`.
            content_type: as for `seal`.
            stream: as for `seal`.
            lifetime_s: as for `seal`; whoever waits for other people needs more than the default.

        Raises:
            SealError: as `seal`.
        """
        claims = self._next_claims(stream, lifetime_s, None, None)
        body = encode_body(claims, content_type, document)
        return self._layers[-1].seal(body, self._aads[-1]), claims

    def wrap(self, data: bytes, *, signed: bool = False) -> Sealed:
        """Put the layers around ``data``, innermost first.

        Args:
            data: a body, or what the innermost layer has made of one.
            signed: whether it is the latter.

        Raises:
            SealError: a layer cannot seal, or the message is longer than can be sent.
        """
        layers = list(zip(self._layers, self._aads, strict=True))
        for layer, aad in reversed(layers[:-1] if signed else layers):
            data = layer.seal(data, aad)
        if len(data) > MAX_FRAME_BYTES:
            raise SealError(
                f"the sealed message has {len(data)} bytes; {MAX_FRAME_BYTES} can be sent"
            )
        return Sealed(data)

    def _next_claims(
        self, stream: Stream, lifetime_s: int, nonce: bytes | None, service_ms: int | None
    ) -> Claims:
        """Take the next version, and give claims with it; arguments as for `seal_with_claims`."""
        floor_ms = self._state.learned(self.audience, stream)
        shown = [] if floor_ms < 0 else [floor_ms + 1]
        if service_ms is not None:
            shown.append(service_ms)
        now_ms = self._clock()
        version = max([now_ms, *shown])
        while (free := self._state.claim(self.audience, stream, version)) != version:
            # Usually another message of this millisecond; the state is not asked while we wait.
            while version < free:
                if free - now_ms > MAX_WAIT_MS:
                    # A state of somebody else's need not say how it is begun anew.
                    begin_anew = getattr(self._state, "begin_anew", "")
                    raise SealError(clock_behind(self.audience, free - now_ms, begin_anew))
                now_ms = self._clock()
                version = max([now_ms, *shown])
        issued_ms = now_ms if service_ms is None else service_ms
        return self._claims(stream, issued_ms, lifetime_s, version, nonce)

    def _claims(
        self,
        stream: Stream,
        now_ms: int,
        lifetime_s: int,
        version: int,
        nonce: bytes | None = None,
    ) -> Claims:
        if lifetime_s < 1:
            raise SealError("lifetime_s is under one second")
        iat = now_ms // 1000
        return Claims(
            iss=self.issuer,
            aud=self.audience,
            exp=iat + lifetime_s,
            iat=iat,
            cti=secrets.token_bytes(CTI_BYTES),
            version=version,
            stream=stream,
            nonce=nonce,
        )


def _describe(layers: Sequence[SealingLayer]) -> str:
    return " → ".join(type(layer).__name__ for layer in layers)


def _listed(layers: Sequence[SealingLayer | Layer]) -> str:
    return " → ".join(layer.shape.name for layer in layers)
