"""The chain of verifiers: what a message must pass, in which order, and what that guarantees.

Rules this module keeps:

1. Layers (which move bytes) come first, outermost first; each is authenticated before the next is
   touched. Checks (which move none) follow, because what they read is inside the last layer.
2. A chain that cannot keep what its parts promise is not constructed (see `algebra`), so every
   chain that exists is a legal one.
3. No algorithm, order, layer or audience is ever taken from the message.
4. `Chain.open` is pure: the same bytes at the same time give the same result, any number of times.
   Only `Chain.take` changes state, and only the state it is given.
5. `open`, `look` and `take` raise `RefusedError` and nothing else. Whatever a plug-in raises
   beyond that is caught here and refused as ``INTERNAL``, with the exception as its cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from sealwire import algebra
from sealwire.algebra import Admission, Guarantee, Layer, Verifier
from sealwire.alternatives import AnyOf, spread
from sealwire.body import decode_body
from sealwire.cose import external_aad, no_key
from sealwire.errors import (
    Reason,
    RefusedError,
    Stage,
    VerificationError,
    shorten,
)
from sealwire.keys import check_name
from sealwire.stages import (
    CONTENT_TYPE_KEYRING,
    Claims,
    Context,
    Evidence,
    Known,
    Message,
    Opened,
    Stream,
    Use,
    digest_of,
)
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.state import AdmissionState

_T = TypeVar("_T")


class _Route(NamedTuple):
    """The layers of one way through a chain, with what is bound into each."""

    layers: tuple[Layer, ...]
    algorithms: tuple[int, ...]
    aads: tuple[bytes, ...]
    issuer_layers: tuple[int, ...]
    keep_from: int


class Successors(Protocol):
    """What can follow the keys that a chain trusts: a keyring, which its own roots have signed."""

    def looks_like_list(self, data: bytes) -> bool:
        """Whether ``data`` is meant for this, and is no request."""
        ...

    def open(self, data: bytes, now_ms: int) -> tuple[Claims, tuple[Evidence, ...]]:
        """Verify it and change nothing; say what it is and who signed, or raise `RefusedError`."""
        ...

    def claims(self, data: bytes) -> Claims:
        """Give claims for an answer to what was refused, and whose sender was one we trust."""
        ...

    def standing(self, data: bytes) -> Standing:
        """Say whether what opened is new, or in force already."""
        ...


class Chain:
    """Verifiers and admissions for one audience, in the order in which a message meets them."""

    __slots__ = ("_parts", "_routes", "audience", "guarantees", "successors")

    def __init__(
        self,
        audience: str,
        parts: Iterable[Verifier | Admission | AnyOf],
        *,
        successors: Successors | None = None,
    ) -> None:
        """Build a chain, outermost layer first.

        Args:
            audience: the service this receiver is, such as ``payments@prod``; bound into every
                layer, so a message for another audience does not authenticate.
            parts: layers, then checks, then admissions; the outermost may be an `AnyOf`.
            successors: verifies what may stand in the place of the last layer and what it signs;
                ``None`` takes requests alone.

        Raises:
            ConfigurationError: the chain would not keep what its parts promise; the text says
                which part to move, add or remove.
        """
        self.audience = check_name(audience, "audience")
        ways = [algebra.sort_parts(way) for way in spread(parts)]
        self.guarantees: frozenset[Guarantee] = frozenset.intersection(*map(algebra.check, ways))
        self._parts = ways[0]
        self._routes = tuple(self._route(way.layers, alone=len(ways) == 1) for way in ways)
        self.successors = successors

    def _route(self, layers: tuple[Layer, ...], *, alone: bool) -> _Route:
        algorithms = tuple(layer.shape.algorithm for layer in layers)
        aads = tuple(
            external_aad(Use.REQUEST, self.audience, index, algorithms)
            for index in range(len(algorithms))
        )
        issuer_layers = algebra.issuer_layers(layers)
        # Which of several ways a message took is seen in its outermost layer alone.
        return _Route(layers, algorithms, aads, issuer_layers, issuer_layers[-1] if alone else 0)

    @property
    def routes(self) -> tuple[tuple[Layer, ...], ...]:
        """The layers, outermost first; more than one way where an `AnyOf` stands."""
        return tuple(route.layers for route in self._routes)

    def __repr__(self) -> str:
        """Say audience and parts, and no key."""
        return f"<Chain {self.audience}: {self.describe()}>"

    def describe(self) -> str:
        """Say in words what a message passes, such as ``HmacVerifier → … → Once``."""
        first = dict.fromkeys(type(layers[0]).__name__ for layers in self.routes)
        rest = [type(part).__name__ for part in self._parts.in_order()][1:]
        return " → ".join([" or ".join(first), *rest])

    def check_serves(self) -> None:
        """Check that a listener may rest on this chain.

        Raises:
            ConfigurationError: it does not show who sent a message, that it is recent, and that it
                is taken once or in order.
        """
        algebra.check_serves(self.guarantees)

    def check_hides_and_signs(self) -> None:
        """Check that messages may cross a network.

        Raises:
            ConfigurationError: the chain does not encrypt, or does not show who wrote.
        """
        algebra.check_hides_and_signs(self.guarantees)

    def open(self, sealed: bytes, *, now_ms: int, skew_ms: int = 0, from_layer: int = 0) -> Opened:
        """Verify a sealed message; give what is inside.

        Nothing is released unless every layer and every check has passed. That a message opens
        does not say that it is new: `look` and `take` do.

        Args:
            sealed: the bytes as they came.
            now_ms: the time, milliseconds since the epoch; for a message that was kept, that at
                which it was taken.
            skew_ms: how far ahead of it a sealer's clock may be.
            from_layer: the layer that ``sealed`` begins with. Other than 0 only for what this
                service has kept itself, as `Opened.signed` and `Opened.from_layer` gave it: the
                layers before are not verified. What is kept shows by itself who sent it, and what
                layers around it hide, or keep away, is no matter of what has been taken.

        Raises:
            RefusedError: for every input that does not pass, with reason and stage.
        """
        if len(self._routes) > 1 and not from_layer and (follower := self._follower(sealed)):
            # Of several ways each is one layer long, and no way in is needed for what has none.
            return self._open_successor(follower, Message(sealed), now_ms)
        # 1. Layers, outermost first: each authenticates before the next one reads a byte.
        route = self._routes[0] if len(self._routes) == 1 else self._pick(sealed)
        message = Message(sealed)
        if from_layer and not from_layer <= route.keep_from:
            detail = f"kept by another chain: it begins with layer {from_layer}"
            raise VerificationError(Reason.ENVELOPE_MALFORMED, Stage.LAYER, detail)
        signed = sealed
        for position in range(from_layer, len(route.layers)):
            layer = route.layers[position]
            last = position + 1 == len(route.layers)
            if last and not from_layer and (follower := self._follower(message.data)):
                return self._open_successor(follower, message, now_ms)
            if position == route.keep_from:
                signed = message.data
            context = Context(
                self.audience, now_ms, skew_ms, position, route.algorithms, route.aads[position]
            )
            opened = _guarded(Message, Stage.LAYER, layer.verify, message, context)
            if not _one_layer_further(message, opened):
                raise _broken(Stage.LAYER, layer.verify, "gave no bytes with its own evidence")
            message = opened
        # 2. The body, which is now known to be from a holder of the keys.
        claims, content_type, document = decode_body(message.data)
        if claims.stream is Stream.KEYRING:
            raise VerificationError(
                Reason.STREAM_MISMATCH, Stage.ADMISSION, "stream keyring is not served in a request"
            )
        self._check_names(claims, message, route, from_layer)
        message = Message(message.data, claims, message.evidence)
        # 3. Checks on claims; they may add evidence and change nothing else.
        context = self._after_layers(route.algorithms, now_ms, skew_ms)
        for check in self._parts.checks:
            try:
                checked = _guarded(Message, Stage.CHECK, check.verify, message, context)
            except RefusedError as refusal:
                # The sender is known by now, and may be told in a receipt, which has to name this.
                refusal.known = Known(claims, digest_of(message.data), message.evidence)
                raise
            if not _only_added(message, checked):
                raise _broken(Stage.CHECK, check.verify, "changed the message")
            message = checked
        kept = signed, max(from_layer, route.keep_from)
        return Opened(message.data, claims, content_type, document, message.evidence, *kept)

    def _follower(self, data: bytes) -> Successors | None:
        """Give what ``data`` is for, if it is no request."""
        successors = self.successors
        return successors if successors is not None and successors.looks_like_list(data) else None

    def _open_successor(self, successors: Successors, message: Message, now_ms: int) -> Opened:
        """Open what is to follow the keys in force; it has an order and a lifetime of its own."""
        data = message.data
        try:
            claims, shown = successors.open(data, now_ms)
        except RefusedError as refusal:
            # It says itself at which stage that was: behind the first signature its sender is known
            # to be one of those whom we trust, and may be told in a receipt.
            if refusal.stage.authenticated:
                claims = successors.claims(data)
                refusal.known = Known(claims, digest_of(data), message.evidence)
            raise
        except Exception as error:
            what = f"raised {type(error).__name__}"
            raise _broken(Stage.LAYER, successors.open, what) from error
        evidence = (*message.evidence, *shown)
        return Opened(data, claims, CONTENT_TYPE_KEYRING, data, evidence)

    def look(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Say whether an opened message is new or the same again; change nothing.

        Raises:
            RefusedError: it may not be taken: replayed, superseded, ahead of the clock, ….
        """
        if self.successors is not None and opened.claims.stream is Stream.KEYRING:
            return _guarded(Standing, Stage.ADMISSION, self.successors.standing, opened.body)
        context = self._after_layers(self._algorithms(opened), now_ms, skew_ms)
        standing = Standing.NEW
        for admission in self._parts.admissions:
            given = (opened, context, state)
            found = _guarded(Standing, Stage.ADMISSION, admission.look, *given)
            standing = Standing.SAME if found is Standing.SAME else standing
        return standing

    def take(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Look once more and, if the message is new, remember it; the caller holds the lock.

        Raises:
            RefusedError: as `look`; of two copies the second loses here. Nothing is remembered.
        """
        standing = self.look(opened, now_ms=now_ms, skew_ms=skew_ms, state=state)
        if standing is Standing.NEW and opened.claims.stream is not Stream.KEYRING:
            context = self._after_layers(self._algorithms(opened), now_ms, skew_ms)
            # Of several all take or none does, so they write on a copy until the last has agreed.
            several = len(self._parts.admissions) > 1
            written = state.copy() if several else state
            for admission in self._parts.admissions:
                _guarded(type(None), Stage.ADMISSION, admission.take, opened, context, written)
            if several:
                state.become(written)
        return standing

    def _pick(self, sealed: bytes) -> _Route:
        """Pick the way in by kind, algorithm and key id; there is nothing to try (see `AnyOf`)."""
        for route in self._routes:
            outermost = route.layers[0]
            shape = outermost.shape
            key_id = sealed[shape.key_id]
            if sealed.startswith(shape.lead) and _guarded(
                object, Stage.LAYER, outermost.keys.find, key_id
            ):
                return route
        # A foreign key of a kind that one of the ways has is a matter of keys, whichever way it is.
        shapes = [route.layers[0].shape for route in self._routes]
        raise no_key(next(filter(lambda s: sealed.startswith(s.lead), shapes), shapes[0]), sealed)

    def _check_names(
        self, claims: Claims, message: Message, route: _Route, from_layer: int
    ) -> None:
        """Check the names inside against receiver and keys; both are signed as well as bound."""
        if claims.aud != self.audience:
            raise VerificationError(
                Reason.AUDIENCE_MISMATCH,
                Stage.BODY,
                f"the claims say audience {shorten(claims.aud)}, this is {self.audience}",
            )
        shown = filter(lambda position: position >= from_layer, route.issuer_layers)
        for position in shown:
            owner = message.evidence[position - from_layer].owner
            if claims.iss != owner:
                raise VerificationError(
                    Reason.ISSUER_MISMATCH,
                    Stage.BODY,
                    f"the claims say issuer {shorten(claims.iss)}, the key is {owner}'s",
                )

    def _algorithms(self, opened: Opened) -> tuple[int, ...]:
        """Give the algorithms of the layers; evidence behind them is that of checks."""
        first = self._routes[0]
        if len(self._routes) == 1:
            return first.algorithms
        return tuple(shown.algorithm for shown in opened.evidence[: len(first.layers)])

    def _after_layers(self, algorithms: tuple[int, ...], now_ms: int, skew_ms: int) -> Context:
        return Context(self.audience, now_ms, skew_ms, len(algorithms), algorithms, b"")


def _one_layer_further(before: Message, after: Message) -> bool:
    """Whether a layer gave bytes, and added its own evidence to what others had shown."""
    # A third party's layer may not keep to the types, so they are looked at and not believed.
    data: object = after.data
    shown: object = after.evidence
    return (
        isinstance(data, bytes)
        and isinstance(shown, tuple)
        and len(shown) == len(before.evidence) + 1
        and shown[:-1] == before.evidence
        and isinstance(shown[-1], Evidence)
    )


def _only_added(before: Message, after: Message) -> bool:
    """Whether a check left everything as it was, but for evidence of its own."""
    shown: object = after.evidence
    known = len(before.evidence)
    return (
        after.data is before.data
        and after.claims is before.claims
        and isinstance(shown, tuple)
        and shown[:known] == before.evidence
        and (len(shown) == known or all(isinstance(one, Evidence) for one in shown[known:]))
    )


def _guarded(kind: type[_T], stage: Stage, step: Callable[..., object], *given: object) -> _T:
    """Run one step of a plug-in; let out what it owes, refusals of this stage, nothing else."""
    try:
        result = step(*given)
    except RefusedError as error:
        reason: object = error.reason
        detail: object = error.detail
        if not (isinstance(reason, Reason) and isinstance(detail, str)):
            raise _broken(stage, step, "refused without a reason of ours") from error
        if error.stage is not stage:
            raise VerificationError(error.reason, stage, error.detail) from None
        raise
    except Exception as error:
        raise _broken(stage, step, f"raised {type(error).__name__}") from error
    if not isinstance(result, kind):
        raise _broken(stage, step, f"gave {type(result).__name__}, not {kind.__name__}")
    return result


def _broken(stage: Stage, step: object, what: str) -> RefusedError:
    """Make the refusal of a message that a plug-in could not deal with."""
    name = getattr(step, "__qualname__", repr(step))
    return RefusedError(Reason.INTERNAL, stage, f"{name} {what}")
