"""Answering: a decision as the receipt that the host signs.

Rules this module keeps:

1. What is signed is what was decided and what is in force here when the receipt is written, and
   no more: a receipt of a copy says what has become of the message since.
2. A receipt is for whoever sealed the request: where that was encrypted, so is the receipt. So it
   tells reason, detail and report in full, which an answer in the clear may not.
3. Until a message's layers have opened there is nobody to answer, and no receipt.
4. Every text in it has a limit, so that what is told always fits into one answer.
5. The receipt key signs receipts alone: a service that trusted it for requests is not made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.answers import MAX_DETAIL_CHARS
from sealwire.cose import A256GCM, KEY_ID_BYTES
from sealwire.documents import JsonValue, read_json
from sealwire.errors import ConfigurationError, Reason
from sealwire.inforce import lease_end_ms
from sealwire.layers import AesGcmOpener
from sealwire.receipts import Asked, Instance, Outcome, Receipt, SignedBy, seal_receipt
from sealwire.requests import CONTENT_TYPE_REQUEST, Apply, Lease, Revert, Verb
from sealwire.stages import Outcome as Decided

if TYPE_CHECKING:
    from sealwire.chain import Chain
    from sealwire.events import Decision
    from sealwire.inforce import InForce
    from sealwire.keys import AeadKey, SigningKey
    from sealwire.leases import LiveLease
    from sealwire.receipts import TrailPoint
    from sealwire.stages import Known, Opened
    from sealwire.state import AdmissionState

MAX_REDUCED: Final = 32
MAX_REDUCED_CHARS: Final = 200
"""Of one way in which less is recorded; names of loggers and handlers stand in it."""


class Answering:
    """Writes receipts for the decisions of one service.

    Attributes:
        key: the host's receipt key.
        challenging: whether requests have to carry what was drawn at the start.
    """

    def __init__(self, key: SigningKey, chain: Chain, *, challenging: bool = True) -> None:
        """Sign with ``key`` what is decided about messages that ``chain`` opens.

        Raises:
            ConfigurationError: the chain trusts this key for requests (rule 5).
        """
        for layer in (layer for way in chain.routes for layer in way):
            if layer.keys.find(key.id) is not None:
                raise ConfigurationError(
                    f"{key!r} is the receipt key and is trusted for requests as well; make a key "
                    "of its own: sealwire keys new --owner HOST --out receipt.key"
                )
        self.key = key
        self.challenging = challenging
        self._openers = tuple(
            layer for way in chain.routes for layer in way if isinstance(layer, AesGcmOpener)
        )

    def receipt_for(
        self,
        decision: Decision,
        state: AdmissionState,
        in_force: InForce | None,
        now_ms: int,
        trail: TrailPoint | None = None,
    ) -> bytes:
        """Give the receipt of a decision; ``b""`` where there is none (rule 3).

        Args:
            decision: what was decided.
            state: what is remembered, this message included if it was taken.
            in_force: what stands and runs now; ``None`` where nothing is known of that.
            now_ms: the receipt's time.
            trail: where the record stands, with this decision in it.

        Raises:
            SealError: a value cannot be written.
            RefusedError: the report is none.
        """
        known = decision.known
        if known is None:
            return b""
        claims = known.claims
        encrypted = any(shown.algorithm == A256GCM for shown in known.evidence)
        request_key = self._request_key(known) if encrypted else None
        if encrypted and request_key is None:
            # It was taken away since the message was opened; in the clear nothing may be told.
            return b""
        outcome = _outcome(decision, in_force)
        floor = state.floors.get(claims.stream)
        # Also where something else was found first: then it is sealed again once, for both.
        lacks = decision.answer.outcome is Decided.REFUSED and claims.nonce != state.challenge
        receipt = Receipt(
            outcome=outcome,
            mode=state.mode,
            at_ms=now_ms,
            reason="" if decision.reason is None else decision.reason.value,
            detail=_written(decision.detail, MAX_DETAIL_CHARS),
            repeated=decision.answer.repeated,
            instances=() if in_force is None else (Instance(in_force.instance, outcome),),
            effective="" if in_force is None else in_force.base.digest,
            floor_ms=0 if floor is None else floor.floor_of(claims.iss),
            lease_end_ms=_lease_end_ms(decision, in_force),
            trail=trail,
            reduced=_listed(decision.reduced),
            report=decision.report,
            challenge=(state.challenge or b"") if lacks else b"",
            signers=tuple(SignedBy(each.owner, each.thumbprint.hex()) for each in known.signers),
        )
        asked = Asked(claims.aud, claims.stream, claims.cti, known.digest)
        return seal_receipt(receipt, asked, self.key, request_key)

    def _request_key(self, known: Known) -> AeadKey | None:
        """Give the key under which a request was encrypted, as its layer has shown it."""
        for shown in known.evidence:
            for opener in self._openers:
                key = opener.keys.find(shown.thumbprint[:KEY_ID_BYTES])
                if key is not None and key.thumbprint == shown.thumbprint:
                    return key
        return None


def _outcome(decision: Decision, in_force: InForce | None) -> Outcome:
    decided, request = decision.answer.outcome, decision.request
    if decided is Decided.REFUSED:
        elsewhere = decision.reason is Reason.NOT_ADDRESSED
        return Outcome.NOT_ADDRESSED if elsewhere else Outcome.REFUSED
    if decided is Decided.FAILED:
        return Outcome.FAILED
    if decision.copy is not None:
        return _become(decision.copy, in_force)
    if isinstance(request, Revert):
        return Outcome.REVERTED
    if isinstance(request, Apply) and request.confirm_within_s:
        return Outcome.PENDING_CONFIRM
    return Outcome.APPLIED


def _become(copy: Opened, in_force: InForce | None) -> Outcome:
    """Say what has become of a message that was applied, which is not read again for that."""
    verb, request_id = _verb_of(copy), copy.claims.cti.hex()
    if verb == Verb.REVERT.value:
        return Outcome.REVERTED
    if in_force is None or verb not in {Verb.APPLY.value, Verb.LEASE.value}:
        return Outcome.APPLIED
    if verb == Verb.LEASE.value:
        return Outcome.REVERTED if _running(in_force, request_id) is None else Outcome.APPLIED
    if in_force.base.id != request_id:
        return Outcome.REVERTED
    return Outcome.APPLIED if in_force.trial is None else Outcome.PENDING_CONFIRM


def _verb_of(copy: Opened) -> JsonValue:
    """Give the verb of a document that was read before; anything but one never gets here."""
    if copy.content_type != CONTENT_TYPE_REQUEST:
        return Verb.APPLY.value
    return read_json(copy.document)["verb"]


def _lease_end_ms(decision: Decision, in_force: InForce | None) -> int:
    if decision.copy is not None:
        running = _running(in_force, decision.copy.claims.cti.hex())
        return 0 if running is None else running.ends_wall_ms
    request = decision.request
    if not isinstance(request, Lease) or decision.answer.outcome is not Decided.APPLIED:
        return 0
    return lease_end_ms(request)


def _running(in_force: InForce | None, request_id: str) -> LiveLease | None:
    leases = () if in_force is None else in_force.overlay.leases
    return next((each for each in leases if each.id == request_id), None)


def _listed(reduced: tuple[str, ...]) -> tuple[str, ...]:
    listed = [_written(each, MAX_REDUCED_CHARS) for each in reduced[:MAX_REDUCED]]
    more = len(reduced) - len(listed)
    return (*listed, f"and {more} more") if more else tuple(listed)


def _written(text: str, limit: int) -> str:
    """Give a text that can be written, cut to a length."""
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
