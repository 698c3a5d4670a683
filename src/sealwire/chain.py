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

from typing import TYPE_CHECKING, TypeVar

from sealwire import algebra
from sealwire.algebra import Admission, Guarantee, Layer, Verifier
from sealwire.body import decode_body
from sealwire.cose import external_aad
from sealwire.errors import (
    Reason,
    RefusedError,
    Stage,
    VerificationError,
    shorten,
)
from sealwire.keys import check_name
from sealwire.stages import Claims, Context, Message, Opened, Use
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.state import AdmissionState

_T = TypeVar("_T")


class Chain:
    """Verifiers and admissions for one audience, in the order in which a message meets them."""

    __slots__ = ("_aads", "_algorithms", "_issuer_layers", "_parts", "audience", "guarantees")

    def __init__(self, audience: str, parts: Iterable[Verifier | Admission]) -> None:
        """Build a chain, outermost layer first.

        Args:
            audience: the service this receiver is, such as ``payments@prod``; bound into every
                layer, so a message for another audience does not authenticate.
            parts: layers, then checks, then admissions.

        Raises:
            ConfigurationError: the chain would not keep what its parts promise; the text says
                which part to move, add or remove.
        """
        self.audience = check_name(audience, "audience")
        self._parts = algebra.sort_parts(parts)
        self.guarantees: frozenset[Guarantee] = algebra.check(self._parts)
        self._issuer_layers = algebra.issuer_layers(self._parts.layers)
        self._algorithms = tuple(layer.shape.algorithm for layer in self._parts.layers)
        self._aads = tuple(
            external_aad(Use.REQUEST, audience, index, self._algorithms)
            for index in range(len(self._algorithms))
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, outermost first."""
        return self._parts.layers

    def __repr__(self) -> str:
        """Say audience and parts, and no key."""
        return f"<Chain {self.audience}: {self.describe()}>"

    def describe(self) -> str:
        """Say in words what a message passes, such as ``HmacVerifier → … → Once``."""
        return " → ".join(type(part).__name__ for part in self._parts.in_order())

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

    def open(self, sealed: bytes, *, now_ms: int, skew_ms: int = 0) -> Opened:
        """Verify a sealed message; give what is inside.

        Nothing is released unless every layer and every check has passed. That a message opens
        does not say that it is new: `look` and `take` do.

        Args:
            sealed: the bytes as they came.
            now_ms: the time, milliseconds since the epoch.
            skew_ms: how far ahead of it a sealer's clock may be.

        Raises:
            RefusedError: for every input that does not pass, with reason and stage.
        """
        # 1. Layers, outermost first: each authenticates before the next one reads a byte.
        message = Message(sealed)
        for position, layer in enumerate(self._parts.layers):
            context = self._context(position, self._aads[position], now_ms, skew_ms)
            message = _guarded(Message, Stage.LAYER, layer.verify, message, context)
            if len(message.evidence) != position + 1:
                raise _broken(Stage.LAYER, layer.verify, "added no evidence")
        # 2. The body, which is now known to be from a holder of the keys.
        claims, content_type, document = decode_body(message.data)
        self._check_names(claims, message)
        message = Message(message.data, claims, message.evidence)
        # 3. Checks on claims; they may add evidence and change nothing else.
        context = self._after_layers(now_ms, skew_ms)
        for check in self._parts.checks:
            checked = _guarded(Message, Stage.CHECK, check.verify, message, context)
            if checked.data is not message.data or checked.claims is not claims:
                raise _broken(Stage.CHECK, check.verify, "changed the message")
            message = checked
        return Opened(message.data, claims, content_type, document, message.evidence)

    def look(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Say whether an opened message is new or the same again; change nothing.

        Raises:
            RefusedError: it may not be taken: replayed, superseded, ahead of the clock, ….
        """
        context = self._after_layers(now_ms, skew_ms)
        standing = Standing.NEW
        for admission in self._parts.admissions:
            given = (opened, context, state)
            found = _guarded(Standing, Stage.ADMISSION, admission.look, *given)
            standing = Standing.SAME if found is Standing.SAME else standing
        return standing

    def take(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Look once more and, if the message is new, remember it; the caller holds the lock.

        Raises:
            RefusedError: as `look`; of two copies the second loses here.
        """
        standing = self.look(opened, now_ms=now_ms, skew_ms=skew_ms, state=state)
        if standing is Standing.NEW:
            context = self._after_layers(now_ms, skew_ms)
            for admission in self._parts.admissions:
                _guarded(type(None), Stage.ADMISSION, admission.take, opened, context, state)
        return standing

    def _check_names(self, claims: Claims, message: Message) -> None:
        """Check the names inside against receiver and keys; both are signed as well as bound."""
        if claims.aud != self.audience:
            raise VerificationError(
                Reason.AUDIENCE_MISMATCH,
                Stage.BODY,
                f"the claims say audience {shorten(claims.aud)}, this is {self.audience}",
            )
        for position in self._issuer_layers:
            owner = message.evidence[position].owner
            if claims.iss != owner:
                raise VerificationError(
                    Reason.ISSUER_MISMATCH,
                    Stage.BODY,
                    f"the claims say issuer {shorten(claims.iss)}, the key is {owner}'s",
                )

    def _context(self, position: int, aad: bytes, now_ms: int, skew_ms: int) -> Context:
        return Context(self.audience, now_ms, skew_ms, position, self._algorithms, aad)

    def _after_layers(self, now_ms: int, skew_ms: int) -> Context:
        return self._context(len(self._algorithms), b"", now_ms, skew_ms)


def _guarded(kind: type[_T], stage: Stage, step: Callable[..., object], *given: object) -> _T:
    """Run one step of a plug-in; let out what it owes, refusals of this stage, nothing else."""
    try:
        result = step(*given)
    except RefusedError as error:
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
