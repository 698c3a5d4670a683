"""Decisions and happenings, turned into the records of a trail; pure.

Rules this module keeps:

1. Who, why, names, levels, classes, targets, filters, propagate in clear; formats and details of
   refusals as salted hashes.
2. Whatever a peer or an application has called something fits a record: it is cut to its limits,
   and what does not fit is counted.
3. A change names what differs and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.documents.tree import NOTSET, Tree
from sealwire.errors import Reason
from sealwire.happenings import (
    BaseBegan,
    BaseConfirmed,
    BaseEnded,
    DriftBegan,
    DriftEnded,
    Happening,
    KeyringChanged,
    LeaseBegan,
    LeasesEnded,
)
from sealwire.localdoor import LOCAL
from sealwire.policy.reduced import logging_reduced
from sealwire.requests import Request
from sealwire.stages import Outcome
from sealwire.trail import events
from sealwire.trail.forms import MAX_ENTRIES
from sealwire.trail.records import clipped, salted
from sealwire.trail.seen import (
    Changes,
    Cosigner,
    HandlerChange,
    HandlerSeen,
    LoggerChange,
    LoggerSeen,
    Who,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from sealwire.documents.tree import FormatterState, HandlerState, LoggerState
    from sealwire.events import Decision
    from sealwire.keyring import RingKey
    from sealwire.stages import Evidence, Opened
    from sealwire.trail.events import Event

_LEVELS: Final = {NOTSET: "NOTSET", 10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"} | {
    50: "CRITICAL"
}
_MAX_NAMES: Final = 64
"""Handlers or filters of one logger that a record lists; 256 loggers with as many fit its bytes."""

_MAX_CHANGES: Final = 128
_NO_KEY: Final = "0" * 64
_PART_OF_A_PEER: Final = re.compile(r", pid [0-9]+|:[0-9]+$")


def who_of(opened: Opened) -> Who | None:
    """Say who sealed a message: the signature of its issuer, or else the innermost evidence.

    Where there was no key it is who owns the process, as the system says; ``None`` where nobody is
    known, as with a ``verify`` callable.
    """
    own = [each for each in opened.evidence if each.owner == opened.claims.iss]
    if not (shown := own or opened.evidence):
        owner = opened.claims.iss
        return Who(clipped(owner), _NO_KEY, "local") if owner.startswith(LOCAL) else None
    last = shown[-1]
    cosigners = (Cosigner(*_signer(each)) for each in last.cosigners)
    return Who(*_signer(last), tuple(cosigners))


def _signer(shown: Evidence) -> tuple[str, str, str]:
    """Give the owner of a key, its thumbprint, and how it was used."""
    kind = shown.verifier.removesuffix("Verifier").removesuffix("Opener").lower()
    # Which one of several a signature is says who else is named, and how it was made the key.
    kind = "ed25519" if kind == "threshold" else kind
    return clipped(shown.owner), shown.thumbprint.hex(), clipped(kind)


def accepted(request: Request, at: int) -> Event:
    """Give the record of a request that passed chain and policy."""
    opened = request.opened
    claims = opened.claims
    return events.Accepted(
        request=request.id,
        digest=opened.digest.hex(),
        who=_somebody(opened),
        why=clipped(request.why),
        verb=request.verb.value,
        stream=claims.stream.value,
        version=claims.version,
        issued=claims.iat * 1000,
        received=at,
    )


def failed(decision: Decision, salt: bytes) -> Event | None:
    """Give the record of a request that could not be done, if it is known who asked."""
    if decision.opened is None or decision.answer.outcome is not Outcome.FAILED:
        return None
    return events.Failed(
        request=decision.opened.claims.cti.hex(),
        who=_somebody(decision.opened),
        error="apply-failed",
        detail=salted(salt, decision.detail) if decision.detail else None,
    )


def refused(decision: Decision, peer: str, first: int, last: int, count: int, salt: bytes) -> Event:
    """Give the record of one refusal, or of the others like it in a minute.

    Args:
        decision: the first of them; of several it is told who, and not which requests.
        peer: as `kind_of_peer` gives it.
        first: when the first was, milliseconds since the epoch.
        last: when the last was.
        count: how many there were.
        salt: the trail's.
    """
    opened = decision.opened
    detail = decision.detail if count == 1 else ""
    return events.Refused(
        reason=decision.reason or Reason.INTERNAL,
        peer=clipped(peer),
        who=None if opened is None else who_of(opened),
        request=None if opened is None or count > 1 else opened.claims.cti.hex(),
        rule=clipped(decision.rule),
        where=clipped(decision.where),
        detail=salted(salt, detail) if detail else None,
        first=first,
        last=last,
        count=count,
    )


def kind_of_peer(peer: str) -> str:
    """Give a peer without what is another for each of its connections: process and port."""
    return _PART_OF_A_PEER.sub("", peer)


def happened(happening: Happening, salt: bytes) -> Iterable[Event]:
    """Give the records of what happened."""
    match happening:
        case BaseBegan():
            yield events.Applied(
                request=happening.request.id,
                who=_somebody(happening.request.opened),
                why=clipped(happening.request.why),
                plan=happening.plan.hex(),
                confirm_by=happening.confirm_by_ms,
                changes=changes_of(happening.before, happening.after, salt),
                logging_reduced=_reduced(happening.before, happening.after),
            )
        case BaseConfirmed():
            asked = happening.request
            yield events.Confirmed(
                asked.id, asked.what, _somebody(asked.opened), clipped(asked.why)
            )
        case BaseEnded():
            base, ending = happening.base, happening.ending
            yield events.Reverted(
                request=base.id,
                cause=ending.cause,
                who=None if ending.request is None else who_of(ending.request.opened),
                why=clipped(ending.why if ending.request is None else ending.request.why),
                changes=changes_of(happening.before, happening.after, salt),
            )
        case LeaseBegan():
            yield events.LeaseBegun(
                request=happening.request.id,
                who=_somebody(happening.request.opened),
                why=clipped(happening.request.why),
                until=happening.lease.ends_wall_ms,
                changes=changes_of(happening.before, happening.after, salt),
                logging_reduced=_reduced(happening.before, happening.after),
            )
        case LeasesEnded():
            yield from _leases_ended(happening, salt)
        case DriftBegan():
            there = {each.name for each in happening.expected.loggers}
            found = happening.found._replace(
                loggers=tuple(each for each in happening.found.loggers if each.name in there)
            )
            yield events.Drifted(changes_of(happening.expected, found, salt))
        case DriftEnded():
            yield events.DriftEnded(tuple(map(clipped, happening.places[:MAX_ENTRIES])))
        case KeyringChanged():
            yield from _keyring_changed(happening)
        case _:  # a `FloorAlert`, or `FilesClosed`
            yield events.Alerted(clipped(happening.what))


def _keyring_changed(happening: KeyringChanged) -> Iterable[Event]:
    after = happening.after
    yield events.KeyringChanged(
        name=after.name,
        version=after.version,
        digest=happening.digest,
        signers=tuple(map(clipped, happening.signers)),
    )
    was = {key.thumbprint: key for key in happening.before.keys}
    now = {key.thumbprint: key for key in after.keys}
    for thumbprint in sorted(was.keys() | now.keys()):
        old, new = was.get(thumbprint), now.get(thumbprint)
        states = _state(old), _state(new)
        if states[0] is not states[1] and (named := new or old) is not None:
            yield events.KeyChanged(
                thumbprint.hex(), clipped(named.owner.id), named.role.value, *states
            )


def _state(key: RingKey | None) -> events.KeyState | None:
    return None if key is None else events.KeyState(key.state.value)


def changes_of(
    before: Tree,
    after: Tree,
    salt: bytes,
    loggers: Container[str] | None = None,
    handlers: Container[str] | None = None,
) -> Changes:
    """Say what differs between two trees, by loggers and handlers that have it.

    Args:
        before: the tree before.
        after: the tree after.
        salt: the trail's.
        loggers: only these; ``None`` is all.
        handlers: likewise, by key.
    """
    old, new = before.by_name(), after.by_name()
    changed_loggers = [
        LoggerChange(clipped(name or "root"), one, other)
        for name in sorted(old.keys() | new.keys())
        if (loggers is None or name in loggers)
        and (one := _logger(old.get(name))) != (other := _logger(new.get(name)))
    ]
    was, now = _attached(before), _attached(after)
    changed_handlers = [
        HandlerChange(clipped(key), seen, found)
        for key in sorted(was.keys() | now.keys())
        if (handlers is None or key in handlers)
        and (seen := _handler(was.get(key), salt)) != (found := _handler(now.get(key), salt))
    ]
    left_out = max(0, len(changed_loggers) - _MAX_CHANGES)
    left_out += max(0, len(changed_handlers) - _MAX_CHANGES)
    return Changes(
        tuple(changed_loggers[:_MAX_CHANGES]), tuple(changed_handlers[:_MAX_CHANGES]), left_out
    )


def _leases_ended(happening: LeasesEnded, salt: bytes) -> Iterable[Event]:
    ending = happening.ending
    for lease in happening.leases:
        names = {name for name, _ in lease.loggers}
        keys = {key for key, _ in lease.handlers}
        yield events.LeaseEnded(
            request=lease.id,
            cause=ending.cause,
            who=None if ending.request is None else who_of(ending.request.opened),
            changes=changes_of(happening.before, happening.after, salt, names, keys),
        )


def _somebody(opened: Opened) -> Who:
    """Say who sealed a message that was accepted: without a key nobody could have."""
    return who_of(opened) or Who(clipped(opened.claims.iss), _NO_KEY, "nobody")


def _reduced(before: Tree, after: Tree) -> tuple[str, ...]:
    return tuple(map(clipped, logging_reduced(before, after)[:MAX_ENTRIES]))


def _logger(logger: LoggerState | None) -> LoggerSeen | None:
    if logger is None:
        return None
    return LoggerSeen(
        level=_level(logger.level),
        propagate=logger.propagate,
        disabled=logger.disabled,
        handlers=_names(logger.handlers),
        filters=_names(logger.filters),
    )


def _handler(handler: HandlerState | None, salt: bytes) -> HandlerSeen | None:
    if handler is None:
        return None
    return HandlerSeen(
        handler_class=clipped(handler.class_name),
        level=_level(handler.level),
        target=clipped(handler.target),
        filters=_names(handler.filters),
        format=None if handler.formatter is None else _format(handler.formatter, salt),
    )


def _format(formatter: FormatterState, salt: bytes) -> str:
    """Give the salted hash of how a handler writes: class, format and dates, a line each."""
    parts = (formatter.class_name, formatter.format or "", formatter.datefmt or "")
    return salted(salt, "\n".join(parts))


def _attached(tree: Tree) -> dict[str, HandlerState]:
    used = {key for logger in tree.loggers for key in logger.handlers}
    return {key: handler for key, handler in tree.by_key().items() if key in used}


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) <= _MAX_NAMES:
        return tuple(map(clipped, names))
    more = len(names) - _MAX_NAMES
    return (*map(clipped, names[:_MAX_NAMES]), f"… and {more} more")


def _level(level: int) -> str:
    return _LEVELS.get(level, str(level))
