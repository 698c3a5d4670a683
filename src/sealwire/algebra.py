"""What the parts of a chain promise, and which orders can keep the promises.

Rules this module keeps:

1. A signature gives AUTHENTIC; it also gives ATTRIBUTABLE when it is inside the encryption, because
   one over ciphertext does not show that its maker knew the text.
2. A MAC gives AUTHENTIC, of the key's holders, only in a chain without a signature. In front of one
   it is a filter for strangers and gives nothing.
3. Encryption gives CONFIDENTIAL, and never who wrote a message.
4. A check gives its guarantee only behind what it requires: FRESH, ONCE and ORDERED are statements
   about claims, and unauthenticated claims are worth nothing.
5. One key stands in one layer.
6. What a part may promise goes by its kind: layers show who and hide, checks show that a message is
   recent, and that one is taken once or in order is shown by admissions, which alone see the state.
"""

from __future__ import annotations

import enum
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

from sealwire.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealwire.cose import Shape
    from sealwire.keysource import KeySource
    from sealwire.stages import Context, Message, Opened
    from sealwire.state import AdmissionState
    from sealwire.versions import Standing


class Guarantee(enum.Enum):
    """What a chain can promise about a message that passed."""

    AUTHENTIC = "authentic"
    ATTRIBUTABLE = "attributable"
    CONFIDENTIAL = "confidential"
    FRESH = "fresh"
    ONCE = "once"
    ORDERED = "ordered"


class _Part(Protocol):
    @property
    def requires(self) -> frozenset[Guarantee]:
        """What must be guaranteed in front of this part."""
        ...

    @property
    def provides(self) -> frozenset[Guarantee]:
        """What this part adds, in a chain where it can."""
        ...


@runtime_checkable
class Verifier(_Part, Protocol):
    """A check of one message. Pure: it may run any number of times on the same bytes."""

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message, with what is now known about it, or raise `VerificationError`."""
        ...


@runtime_checkable
class Layer(Verifier, Protocol):
    """A verifier that takes one COSE object off and gives what is inside."""

    @property
    def shape(self) -> Shape:
        """The kind of object, and with it the algorithm."""
        ...

    @property
    def keys(self) -> KeySource[Any]:
        """Where the layer finds its keys."""
        ...


@runtime_checkable
class Admission(_Part, Protocol):
    """What decides, against state, whether a verified message is taken. It holds no state."""

    def look(self, opened: Opened, context: Context, state: AdmissionState) -> Standing:
        """Say NEW or SAME, or raise `VerificationError`; change nothing."""
        ...

    def take(self, opened: Opened, context: Context, state: AdmissionState) -> None:
        """Remember the message in ``state``, or raise `VerificationError` and change nothing."""
        ...


class Parts(NamedTuple):
    """The parts of a chain by kind, each kind in its order."""

    layers: tuple[Layer, ...]
    checks: tuple[Verifier, ...]
    admissions: tuple[Admission, ...]

    def in_order(self) -> Iterator[Verifier | Admission]:
        """Give every part, as a message meets them."""
        yield from self.layers
        yield from self.checks
        yield from self.admissions


_BY_CHECK: Final = frozenset({Guarantee.FRESH})
_BY_ADMISSION: Final = frozenset({Guarantee.ONCE, Guarantee.ORDERED})
_BY_LAYER: Final = frozenset(Guarantee) - _BY_CHECK - _BY_ADMISSION

_REMEDY: Final = {
    Guarantee.AUTHENTIC: "an Ed25519Verifier, or an HmacVerifier where there is no signature",
    Guarantee.FRESH: "Freshness()",
}


def sort_parts(parts: Iterable[Verifier | Admission]) -> Parts:
    """Sort the parts of a chain by kind, and refuse those that stand at the wrong place.

    Raises:
        ConfigurationError: not a part at all, or layers, checks and admissions are mixed.
    """
    layers: list[Layer] = []
    checks: list[Verifier] = []
    admissions: list[Admission] = []
    for part in parts:
        if isinstance(part, type):
            raise ConfigurationError(
                f"{part.__name__} is no part of a chain but the class of one; make an object of it"
            )
        if isinstance(part, Verifier) and isinstance(part, Admission):
            raise ConfigurationError(
                f"{_name(part)} is a verifier and an admission at once, so it would be run as one "
                "of them alone; make two parts of it"
            )
        if isinstance(part, Layer):
            if checks or admissions:
                moved = _name((checks or admissions)[0])
                raise ConfigurationError(
                    f"{moved} stands in front of {_name(part)}, and what it reads is inside that "
                    f"layer; move {moved} behind {_name(part)}"
                )
            layers.append(part)
        elif isinstance(part, Verifier):
            if admissions:
                raise ConfigurationError(
                    f"{_name(admissions[0])} stands in front of {_name(part)}; move {_name(part)} "
                    f"in front of {_name(admissions[0])}, so that nothing is taken unchecked"
                )
            checks.append(part)
        elif isinstance(part, Admission):
            admissions.append(part)
        else:
            raise ConfigurationError(
                f"{part!r} is no part of a chain: it has neither verify() nor look() and take()"
            )
    return Parts(tuple(layers), tuple(checks), tuple(admissions))


def check(parts: Parts) -> frozenset[Guarantee]:
    """Give what a chain of these parts guarantees.

    Raises:
        ConfigurationError: a part stands where it cannot keep its promise; the text says how to
            mend it.
    """
    if not parts.layers:
        raise ConfigurationError(
            f"a chain without a layer passes everything; put {_REMEDY[Guarantee.AUTHENTIC]} first"
        )
    if all(layer.provides == {Guarantee.CONFIDENTIAL} for layer in parts.layers):
        raise ConfigurationError(
            f"{_name(parts.layers[-1])} alone hides a message and does not show who wrote it; add "
            "an Ed25519Verifier behind it, or an HmacVerifier in front of it"
        )
    check_one_key_one_layer(parts.layers)
    have: frozenset[Guarantee] = frozenset()
    for layer, given in zip(parts.layers, _given_by(parts.layers), strict=True):
        _check_required(layer, have)
        have |= given
    for part in (*parts.checks, *parts.admissions):
        _check_required(part, have)
        _check_provided(part)
        have |= part.provides
    if Guarantee.AUTHENTIC not in have:
        raise ConfigurationError(
            f"a chain of {', '.join(map(_name, parts.layers))} does not show who wrote a message; "
            f"add {_REMEDY[Guarantee.AUTHENTIC]}"
        )
    return have


def _check_provided(part: _Part) -> None:
    """Check that a part promises what its kind can keep (rule 6)."""
    can = _BY_ADMISSION if isinstance(part, Admission) else _BY_CHECK
    if beyond := part.provides - can:
        named = ", ".join(sorted(guarantee.value for guarantee in beyond))
        raise ConfigurationError(
            f"{_name(part)} says that it makes a message {named}, which a part of its kind cannot"
        )


def _check_required(part: _Part, have: frozenset[Guarantee]) -> None:
    for missing in sorted(part.requires - have, key=lambda guarantee: guarantee.value):
        remedy = _REMEDY.get(missing, f"a part that is {missing.value}")
        raise ConfigurationError(
            f"{_name(part)} needs a message that is {missing.value}, and nothing in front of it "
            f"shows that; put {remedy} in front of {_name(part)}"
        )


def issuer_layers(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    """Give the layers whose key owner must be the issuer: signatures, else the innermost MAC."""
    signatures = tuple(i for i, layer in enumerate(layers) if _signs(layer))
    if signatures:
        return signatures
    return tuple(i for i, layer in enumerate(layers) if Guarantee.AUTHENTIC in layer.provides)[-1:]


def check_serves(have: frozenset[Guarantee]) -> None:
    """Check that a listener may rest on these guarantees.

    Raises:
        ConfigurationError: one is lacking; the text says which part to add.
    """
    if Guarantee.AUTHENTIC not in have:
        remedy = _REMEDY[Guarantee.AUTHENTIC]
        raise ConfigurationError(f"a listener needs a chain that is authentic; add {remedy}")
    if Guarantee.FRESH not in have:
        raise ConfigurationError("a listener needs a chain that is fresh; add Freshness()")
    if not have & {Guarantee.ONCE, Guarantee.ORDERED}:
        raise ConfigurationError(
            "a listener needs a chain that takes a message once; add Once() as the last part"
        )


def check_hides_and_signs(have: frozenset[Guarantee]) -> None:
    """Check that a message under these guarantees may cross a network.

    Raises:
        ConfigurationError: one is lacking; the text says which part to add.
    """
    if Guarantee.CONFIDENTIAL not in have:
        raise ConfigurationError(
            "beyond loopback a chain has to encrypt; put AesGcmOpener in front of the signature"
        )
    if Guarantee.ATTRIBUTABLE not in have:
        raise ConfigurationError(
            "beyond loopback a chain has to show who wrote; put Ed25519Verifier inside AesGcmOpener"
        )


def _signs(layer: Layer) -> bool:
    return Guarantee.ATTRIBUTABLE in layer.provides


def _given_by(layers: tuple[Layer, ...]) -> list[frozenset[Guarantee]]:
    """Give what each layer adds where it stands, outermost first (rules 1 to 3)."""
    signed = any(map(_signs, layers))
    given: list[frozenset[Guarantee]] = []
    for index, layer in enumerate(layers):
        adds = layer.provides & _BY_LAYER
        if signed and not _signs(layer):
            adds -= {Guarantee.AUTHENTIC}
        if any(Guarantee.CONFIDENTIAL in inner.provides for inner in layers[index + 1 :]):
            adds -= {Guarantee.ATTRIBUTABLE}
        given.append(frozenset(adds))
    return given


def check_one_key_one_layer(layers: tuple[Layer, ...]) -> None:
    """Check rule 5.

    Raises:
        ConfigurationError: two layers hold one key.
    """
    for one, other in combinations(layers, 2):
        if shared := one.keys.ids() & other.keys.ids():
            raise ConfigurationError(
                f"key {min(shared).hex()} stands in {_name(one)} and in {_name(other)}; "
                "make a key of its own for each layer"
            )


def _name(part: object) -> str:
    return type(part).__name__
