"""The Merkle tree of RFC 9162, section 2.1 (which is RFC 6962's): roots, proofs, verification.

Rules this module keeps:

1. A leaf is hashed behind a zero byte and a node behind a one, so no node can pass for a leaf.
2. A tree of n leaves splits at the greatest power of two below n; an empty one has the hash of
   nothing for its root.
3. A proof has exactly the hashes that its sizes ask for. One more, one less, an index that is not
   below the size, or a hash of another length is refused, whatever the rest says.
4. A check that fails raises; none gives a truth value that a caller could forget to look at.

Hashes are those of leaves (`leaf_hash`) unless a parameter is called a leaf.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sealwire.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
"""What every reader in every language keeps exactly; a trail ends long before."""

BLOCK: Final = 256
"""Leaves whose root is kept (`CompactRange.blocks`): a quarter of a byte a leaf, for proofs that
need not hash a long tree again."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256


class ProofError(StateError):
    """A proof does not show what it is to show."""


def leaf_hash(leaf: bytes) -> bytes:
    """Give the hash of one leaf."""
    return _sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node from those below it."""
    return _sha256(b"\1" + left + right).digest()


class CompactRange:
    """The left part of a growing tree: enough to append and to give the root, and no more.

    It holds the root of each full subtree, the largest first: one for each bit of the size.

    Attributes:
        size: how many leaves there are.
        blocks: the root of each `BLOCK` leaves, from the first on.
    """

    __slots__ = ("_peaks", "blocks", "size")

    def __init__(self) -> None:
        """Begin without a leaf."""
        self._peaks: list[bytes] = []
        self.blocks: list[bytes] = []
        self.size = 0

    def append(self, hash_of_leaf: bytes) -> None:
        """Take one more leaf, by its hash."""
        # As many full subtrees end with the new leaf as the size ends with one bits.
        size, peaks, node = self.size, self._peaks, hash_of_leaf
        if size % BLOCK == BLOCK - 1:
            for _ in range(BLOCK.bit_length() - 1):
                node = _sha256(b"\1" + peaks.pop() + node).digest()
            self.blocks.append(node)
            size //= BLOCK
        while size & 1:
            node = _sha256(b"\1" + peaks.pop() + node).digest()
            size >>= 1
        peaks.append(node)
        self.size += 1

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Take more leaves, by their hashes."""
        for each in hashes:
            self.append(each)

    def root(self) -> bytes:
        """Give the root of the tree as it is now."""
        if not self._peaks:
            return EMPTY_ROOT
        *rest, node = self._peaks
        for peak in reversed(rest):
            node = node_hash(peak, node)
        return node

    def copy(self) -> CompactRange:
        """Give another that goes on from here."""
        other = CompactRange()
        other.size, other._peaks, other.blocks = self.size, self._peaks.copy(), self.blocks.copy()
        return other


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Give the root over leaves, by their hashes."""
    tree = CompactRange()
    tree.extend(hashes)
    return tree.root()


def inclusion_proof(index: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Prove that a leaf stands in the tree over ``hashes`` (RFC 9162, section 2.1.3.1).

    Raises:
        ProofError: there is no leaf ``index``.
    """
    if not 0 <= index < len(hashes):
        raise ProofError(f"there is no leaf {index} in a tree of {len(hashes)}")
    proof: list[bytes] = []
    begin, end = 0, len(hashes)
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            proof.append(root_of(hashes[split:end]))
            end = split
        else:
            proof.append(root_of(hashes[begin:split]))
            begin = split
    return tuple(reversed(proof))


def consistency_proof(first: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Prove that the tree of the ``first`` leaves is the beginning of the one over all ``hashes``.

    RFC 9162, section 2.1.4.1. Between equal sizes the proof is empty.

    Raises:
        ProofError: ``first`` is 0, about which there is nothing to prove, or beyond the end.
    """
    subtrees = consistency_subtrees(first, len(hashes))
    return tuple(root_of(hashes[begin:end]) for begin, end in subtrees)


def consistency_subtrees(first: int, second: int) -> tuple[tuple[int, int], ...]:
    """Give the subtrees whose roots are a `consistency_proof`, each from a leaf to before another.

    Raises:
        ProofError: as `consistency_proof`.
    """
    if not 0 < first <= second:
        raise ProofError(f"no tree of {first} is the beginning of one of {second}")
    subtrees: list[tuple[int, int]] = []
    begin, end, whole = 0, second, True
    while first != end:
        split = begin + _split(end - begin)
        if first <= split:
            subtrees.append((split, end))
            end = split
        else:
            subtrees.append((begin, split))
            begin, whole = split, False
    if not whole:
        # What is left of the first tree is no tree that its verifier knows by itself.
        subtrees.append((begin, end))
    return tuple(reversed(subtrees))


def subtree_root(
    begin: int, end: int, blocks: Sequence[bytes], leaves: Callable[[int, int], Iterable[bytes]]
) -> bytes:
    """Give the root of a subtree of which the blocks are known, and few leaves have to be read.

    Args:
        begin: its first leaf, as `consistency_subtrees` gives it.
        end: the leaf behind its last.
        blocks: as `CompactRange.blocks`, of a tree that has all of these leaves.
        leaves: gives the hashes of the leaves from one to before another.
    """
    count = end - begin
    if count == BLOCK:
        return blocks[begin // BLOCK]
    if count < BLOCK:
        return root_of(leaves(begin, end))
    split = begin + _split(count)
    left = subtree_root(begin, split, blocks, leaves)
    return node_hash(left, subtree_root(split, end, blocks, leaves))


def verify_inclusion(
    index: int, size: int, hash_of_leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf stands at ``index`` in the tree of ``size`` leaves with this root.

    RFC 9162, section 2.1.3.2.

    Raises:
        ProofError: it does not, or the proof has not the one form it can have (rule 3).
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    _check_lengths((hash_of_leaf, root, *proof))
    # Below the node where the ways to this leaf and to the last one part there is a hash for each
    # level; above it, one wherever the way to the leaf turns right.
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise ProofError(f"{len(proof)} hashes are no proof for leaf {index} of {size}")
    node = hash_of_leaf
    for level, beside in enumerate(proof):
        right = level >= inner or index >> level & 1
        node = node_hash(beside, node) if right else node_hash(node, beside)
    if node != root:
        raise ProofError(f"leaf {index} is not in the tree of {size} with this root")


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``first`` leaves is the beginning of the one of ``second``.

    RFC 9162, section 2.1.4.2. An empty tree is the beginning of every tree, which shows nothing;
    it is taken here between two empty trees alone.

    Raises:
        ProofError: it is not, or the proof has not the one form it can have (rule 3).
    """
    if not 0 <= first <= second <= MAX_SIZE or (first == 0 and second != 0):
        raise ProofError(f"no tree of {first} is shown to be the beginning of one of {second}")
    if first == second:
        # Nothing is computed here, so it does not matter what the roots look like.
        if proof or first_root != second_root or (first == 0 and first_root != EMPTY_ROOT):
            raise ProofError(f"two trees of {first} are not the same, or the proof is not empty")
        return
    _check_lengths((first_root, second_root, *proof))
    # A full first tree is a node of the second, and its root need not be sent.
    below = (first & -first).bit_length() - 1
    nodes = list(proof) if first != 1 << below else [first_root, *proof]
    # From that node upwards this is a proof of inclusion, as in `verify_inclusion`.
    index, last = (first - 1) >> below, (second - 1) >> below
    inner = (index ^ last).bit_length()
    if len(nodes) != 1 + inner + (index >> inner).bit_count():
        raise ProofError(f"{len(proof)} hashes are no proof from {first} to {second}")
    old = new = nodes[0]
    for level, beside in enumerate(nodes[1:]):
        if level >= inner or index >> level & 1:
            old, new = node_hash(beside, old), node_hash(beside, new)
        else:
            new = node_hash(new, beside)
    if old != first_root or new != second_root:
        raise ProofError(f"the tree of {first} is not the beginning of the tree of {second}")


def _split(size: int) -> int:
    """Give the greatest power of two below ``size``, which is at least 2 (rule 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_lengths(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(f"a hash here has {HASH_BYTES} bytes")
