"""The Merkle tree: the figures of the standard, and everything that is not a proof."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest

from sealwire.errors import StateError
from sealwire.trail.merkle import (
    BLOCK,
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    CompactRange,
    ProofError,
    consistency_proof,
    consistency_subtrees,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)

# The seven leaves d0 to d6 of RFC 9162, section 2.1.5, which names the nodes and not their bytes.
A, B, C, D, E, F, J = (leaf_hash(f"d{number}".encode()) for number in range(7))
LEAVES = (A, B, C, D, E, F, J)
G, H, I = node_hash(A, B), node_hash(C, D), node_hash(E, F)  # noqa: E741 - the RFC's names
K, L = node_hash(G, H), node_hash(I, J)


def test_hashes_are_those_of_the_standard() -> None:
    """One byte keeps leaves and nodes apart; the empty tree has the hash of nothing."""
    assert hashlib.sha256(b"\0leaf").digest() == leaf_hash(b"leaf")
    assert hashlib.sha256(b"\1" + A + B).digest() == node_hash(A, B)
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == EMPTY_ROOT.hex()
    assert EMPTY_ROOT == root_of([])
    assert A == root_of([A])


def test_the_example_tree_of_the_standard() -> None:
    """RFC 9162, section 2.1.5: the root, the trees on the way to it, and its proofs."""
    assert node_hash(K, L) == root_of(LEAVES)
    assert node_hash(K, I) == root_of(LEAVES[:6])
    assert K == root_of(LEAVES[:4])
    assert node_hash(G, C) == root_of(LEAVES[:3])
    assert (B, H, L) == inclusion_proof(0, LEAVES)
    assert (C, G, L) == inclusion_proof(3, LEAVES)
    assert (F, J, K) == inclusion_proof(4, LEAVES)
    assert (I, K) == inclusion_proof(6, LEAVES)
    assert (C, D, G, L) == consistency_proof(3, LEAVES)
    assert (L,) == consistency_proof(4, LEAVES)
    assert (I, J, K) == consistency_proof(6, LEAVES)


def test_a_range_that_was_copied_goes_on_by_itself() -> None:
    """What one takes, the other does not."""
    tree = CompactRange()
    tree.extend(LEAVES[:3])
    other = tree.copy()
    tree.extend(LEAVES[3:])
    assert (7, 3) == (tree.size, other.size)
    assert (root_of(LEAVES), root_of(LEAVES[:3])) == (tree.root(), other.root())


@pytest.mark.parametrize("size", range(1, 18))
def test_every_proof_verifies_and_no_changed_one_does(size: int) -> None:
    """All trees of up to 17 leaves: each hash flipped, one more, one less, exchanged, elsewhere."""
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    root = root_of(hashes)
    for index in range(size):
        proof = inclusion_proof(index, hashes)
        verify_inclusion(index, size, hashes[index], proof, root)
        for changed in altered(proof):
            with pytest.raises(ProofError):
                verify_inclusion(index, size, hashes[index], changed, root)
        for wrong in {*range(size), -1, size, size + 1} - {index}:
            with pytest.raises(ProofError):
                verify_inclusion(wrong, size, hashes[index], proof, root)
    for first in range(1, size + 1):
        proof = consistency_proof(first, hashes)
        old = root_of(hashes[:first])
        verify_consistency(first, size, old, root, proof)
        for changed in altered(proof):
            with pytest.raises(ProofError):
                verify_consistency(first, size, old, root, changed)
        for one, other in ((flipped(old), root), (old, flipped(root))):
            with pytest.raises(ProofError):
                verify_consistency(first, size, one, other, proof)


def flipped(node: bytes) -> bytes:
    """Give a hash with one bit changed."""
    return bytes([node[0] ^ 1]) + node[1:]


def altered(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Give proofs that are nearly this one."""
    changed = [(*proof, bytes(HASH_BYTES)), (bytes(HASH_BYTES), *proof)]
    for at, node in enumerate(proof):
        changed.append((*proof[:at], flipped(node), *proof[at + 1 :]))
        changed.append((*proof[:at], node[:-1], *proof[at + 1 :]))
        changed.append((*proof[:at], *proof[at + 1 :]))
    if any(one != other for one, other in pairwise(proof)):
        changed.append(proof[::-1])
    return changed


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (4, 3), (0, 0)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    """An index is below the size."""
    with pytest.raises(ProofError, match=f"no leaf {index} in a tree of {size}"):
        inclusion_proof(index, LEAVES[:size])


@pytest.mark.parametrize(("first", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_proof_from_nothing(first: int, size: int) -> None:
    """About an empty tree there is nothing to prove."""
    with pytest.raises(ProofError, match=f"no tree of {first} is the beginning of one of {size}"):
        consistency_proof(first, LEAVES[:size])


def test_consistency_at_the_edges() -> None:
    """Empty with empty, equal sizes, more than the other, and sizes beyond 64 bits."""
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    verify_consistency(3, 3, A, A, ())
    for first, second, old, new, proof in (
        (0, 0, A, A, ()),
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, (A,)),
        (0, 1, EMPTY_ROOT, A, ()),
        (3, 3, A, B, ()),
        (3, 3, A, A, (B,)),
        (4, 3, A, B, (C,)),
        (-1, 3, A, B, (C,)),
        (1, MAX_SIZE + 1, A, B, (C,)),
        (1, 2, A[:-1], B, (C,)),
    ):
        with pytest.raises(ProofError):
            verify_consistency(first, second, old, new, proof)
    with pytest.raises(ProofError):
        verify_inclusion(0, MAX_SIZE + 1, A, (), A)


def test_a_proof_error_is_one_of_ours() -> None:
    """It is of the branch that says a trail cannot be trusted."""
    assert issubclass(ProofError, StateError)


def test_a_long_tree_is_not_hashed_again_for_a_proof() -> None:
    """The roots of its blocks are kept, and of leaves few are read: those of two blocks at most."""
    size = 5 * BLOCK + 77
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    tree = CompactRange()
    tree.extend(leaves)
    assert [root_of(leaves[at : at + BLOCK]) for at in range(0, 5 * BLOCK, BLOCK)] == tree.blocks
    assert tree.blocks == tree.copy().blocks
    read: list[int] = []

    def some(begin: int, end: int) -> list[bytes]:
        read.append(end - begin)
        return leaves[begin:end]

    for second in (size, 4 * BLOCK, 3 * BLOCK + 1, BLOCK - 1, 1):
        for first in {1, 2, 3, 100, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK - 5, second - 1, second}:
            if not 0 < first <= second:
                continue
            read.clear()
            proof = tuple(
                subtree_root(begin, end, tree.blocks, some)
                for begin, end in consistency_subtrees(first, second)
            )
            assert consistency_proof(first, leaves[:second]) == proof
            assert sum(read) <= 2 * BLOCK
