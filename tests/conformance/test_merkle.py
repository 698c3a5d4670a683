"""Inclusion and consistency proofs of the public vectors: each is taken or refused as labelled."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.trail.merkle import ProofError, verify_consistency, verify_inclusion

if TYPE_CHECKING:
    from collections.abc import Callable

# At the commit that `conftest.py` names.
INCLUSION, CONSISTENCY, GOOD = 98, 98, 12


def decoded(texts: list[str] | None) -> list[bytes]:
    """Give the hashes of a proof; none where the file says null."""
    return [base64.b64decode(each) for each in texts or []]


def check(kind: str, vector: dict[str, Any]) -> None:
    """Verify one vector."""
    proof = decoded(vector["proof"])
    if kind == "inclusion":
        leaf, root = decoded([vector["leafHash"], vector["root"]])
        verify_inclusion(vector["leafIdx"], vector["treeSize"], leaf, proof, root)
    else:
        first, second = decoded([vector["root1"], vector["root2"]])
        verify_consistency(vector["size1"], vector["size2"], first, second, proof)


def test_every_vector_is_as_labelled(
    vectors: Callable[[str], Any],
    merkle_vectors: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The good ones verify; every other is refused, with the one error for that."""
    ran: Counter[str] = Counter()
    for name in merkle_vectors():
        vector = vectors(name)
        kind = name.split("/")[2]
        if vector["wantErr"]:
            with pytest.raises(ProofError):
                check(kind, vector)
        else:
            check(kind, vector)
            ran["good"] += 1
        ran[kind] += 1
    assert {"inclusion": INCLUSION, "consistency": CONSISTENCY, "good": GOOD} == ran
    with capsys.disabled():
        print(f"\n  merkle: {dict(ran)}")
