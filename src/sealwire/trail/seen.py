"""What an event is about: who asked, and loggers and handlers before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from sealwire.trail.forms import (
    Count,
    Digest,
    Flag,
    MaybeSalted,
    Names,
    Text,
    left_out_if_empty,
    many,
    nested,
    optional,
)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Who signed with somebody: the owner of a key, its thumbprint, and how it signs."""

    owner: Text
    key: Digest
    signer: Text


@dataclass(frozen=True, slots=True)
class Who:
    """Who asked: the owner of a key, its thumbprint, and how it signs (``ed25519``).

    ``cosigners`` are those who signed with them, in the order of their key ids; where there are
    none, the record has no such member.
    """

    owner: Text
    key: Digest
    signer: Text
    cosigners: Annotated[tuple[Cosigner, ...], left_out_if_empty(many(nested(Cosigner)))] = ()


@dataclass(frozen=True, slots=True)
class LoggerSeen:
    """A logger at one time: its own level, and what hangs on it."""

    level: Text
    propagate: Flag
    disabled: Flag
    handlers: Names
    filters: Names


@dataclass(frozen=True, slots=True)
class HandlerSeen:
    """A handler at one time; ``target`` is its file, stream or address."""

    handler_class: Text
    level: Text
    target: Text
    filters: Names
    format: MaybeSalted


_MaybeLogger: TypeAlias = Annotated[LoggerSeen | None, optional(nested(LoggerSeen))]
_MaybeHandler: TypeAlias = Annotated[HandlerSeen | None, optional(nested(HandlerSeen))]


@dataclass(frozen=True, slots=True)
class LoggerChange:
    """One logger before and after; ``None`` where it is not there."""

    name: Text
    before: _MaybeLogger
    after: _MaybeLogger


@dataclass(frozen=True, slots=True)
class HandlerChange:
    """One handler before and after; ``None`` where it is not there."""

    name: Text
    before: _MaybeHandler
    after: _MaybeHandler


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in the logging tree, and how many changes more than a record lists."""

    loggers: Annotated[tuple[LoggerChange, ...], many(nested(LoggerChange))]
    handlers: Annotated[tuple[HandlerChange, ...], many(nested(HandlerChange))]
    left_out: Count


ByWhom: TypeAlias = Annotated[Who, nested(Who)]
MaybeWhom: TypeAlias = Annotated[Who | None, optional(nested(Who))]
WhatChanged: TypeAlias = Annotated[Changes, nested(Changes)]
