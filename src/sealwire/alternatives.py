"""AnyOf: one of several layers, picked by what stands in the open, before any cryptography.

Rules this module keeps:

1. An alternative is exactly one layer. Which one is meant is decided by kind, algorithm and key id
   of the outermost object, and no two alternatives may share all three: there is nothing to try.
2. The picked one's failure is final; no other is asked.
3. It stands outermost. A layer binds the algorithms of all layers into its authentication, and one
   further out could not know which of several an inner object will turn out to have.
4. A chain with alternatives guarantees what every alternative would guarantee in its place.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from sealwire.algebra import Layer, check_one_key_one_layer
from sealwire.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.algebra import Admission, Verifier


class AnyOf:
    """The outermost layer of a chain, where there are several ways in."""

    __slots__ = ("layers",)

    def __init__(self, *layers: Verifier | Admission | AnyOf) -> None:
        """Take one of ``layers``.

        Raises:
            ConfigurationError: none, something that is no single layer, or two that a message could
                not tell apart.
        """
        if not layers:
            raise ConfigurationError("AnyOf without an alternative passes nothing; name two layers")
        self.layers = tuple(_checked(layer) for layer in layers)
        for one, other in combinations(self.layers, 2):
            shared = one.keys.ids() & other.keys.ids()
            if shared and one.shape.lead == other.shape.lead:
                raise ConfigurationError(
                    f"AnyOf: {type(one).__name__} and {type(other).__name__} both hold key "
                    f"{min(shared).hex()}, so a message could mean either; give it to one of them"
                )
        check_one_key_one_layer(self.layers)

    def __repr__(self) -> str:
        """Name the alternatives."""
        return f"AnyOf({', '.join(type(layer).__name__ for layer in self.layers)})"


def spread(
    parts: Iterable[Verifier | Admission | AnyOf],
) -> tuple[tuple[Verifier | Admission, ...], ...]:
    """Give every way through ``parts``: one for each alternative, in their order.

    Raises:
        ConfigurationError: an `AnyOf` stands anywhere but outermost.
    """
    listed = tuple(parts)
    plain = tuple(part for part in listed if not isinstance(part, AnyOf))
    if len(plain) == len(listed):
        return (plain,)
    outermost = listed[0]
    if not isinstance(outermost, AnyOf) or len(plain) != len(listed) - 1:
        raise ConfigurationError(
            "AnyOf stands outermost, and once: a layer further out could not tell which of its "
            "alternatives is inside; make it the first part"
        )
    return tuple((layer, *plain) for layer in outermost.layers)


def _checked(layer: object) -> Layer:
    if isinstance(layer, type) or not isinstance(layer, Layer):
        raise ConfigurationError(
            f"AnyOf: {type(layer).__name__} takes no layer off; checks and admissions stand behind "
            "the layers, once for all alternatives"
        )
    if layer.shape.key_id.stop == 0:
        raise ConfigurationError(
            f"AnyOf: {type(layer).__name__} takes several key ids, so no single one could pick it; "
            "a chain takes the signature of one or those of several: make it a layer of its own"
        )
    return layer
