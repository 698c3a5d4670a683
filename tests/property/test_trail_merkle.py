"""The Merkle tree beside one that is written down as the standard defines it, and nothing else."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sealwire.trail.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = st.lists(st.binary(max_size=40), min_size=1, max_size=130)


def split(size: int) -> int:
    """Give the greatest power of two below ``size``."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def head(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1: MTH."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + head(leaves[:k]) + head(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.3.1: PATH."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), head(leaves[k:])]
    return [*path(m - k, leaves[k:]), head(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """RFC 9162, section 2.1.4.1: SUBPROOF."""
    if m == len(leaves):
        return [] if whole else [head(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), head(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), head(leaves[:k])]


@given(LEAVES, st.data())
def test_roots_and_proofs_are_as_defined(leaves: list[bytes], data: st.DataObject) -> None:
    """Each root while the tree grows, and proofs for any place and any size, which then verify."""
    hashes = [leaf_hash(each) for each in leaves]
    tree = CompactRange()
    for size, each in enumerate(hashes):
        assert head(leaves[:size]) == tree.root()
        tree.append(each)
    root = head(leaves)
    assert root == tree.root() == root_of(hashes)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(index, hashes)
    assert path(index, leaves) == list(proof)
    verify_inclusion(index, len(leaves), hashes[index], proof, root)
    first = data.draw(st.integers(1, len(leaves)))
    proof = consistency_proof(first, hashes)
    assert subproof(first, leaves, whole=True) == list(proof)
    verify_consistency(first, len(leaves), head(leaves[:first]), root, proof)
