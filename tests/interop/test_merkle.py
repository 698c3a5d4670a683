"""Our Merkle trees beside those of pymerkle: the same roots, and the same proofs of inclusion.

Its proofs of consistency have another form than those of RFC 9162, with more hashes. Ours are
verified between its roots instead.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

from sealwire.trail.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

HERE: Final = Path(__file__).parent
PYTHON: Final = HERE.parents[1] / "build" / "interop" / "python" / "bin" / "python"
MOST: Final = 70
"""Beyond a power of two, so that trees of every shape up to seven levels are among them."""


def test_roots_and_proofs_agree_with_pymerkle() -> None:
    """For every leaf and every earlier size, of every tree up to `MOST` leaves."""
    assert PYTHON.is_file(), "run these tests by: make interop"
    program: list[Path | str] = [PYTHON, HERE / "oracle_merkle.py", str(MOST)]
    told = json.loads(subprocess.run(program, check=True, capture_output=True).stdout)
    hashes = [leaf_hash(f"leaf {number}".encode()) for number in range(MOST)]
    roots = {size: bytes.fromhex(told[str(size)]["root"]) for size in range(1, MOST + 1)}
    compared = 0
    for size, root in roots.items():
        ours = hashes[:size]
        assert root == root_of(ours)
        for index, path in enumerate(told[str(size)]["inclusion"]):
            # Theirs begins with the leaf itself.
            leaf, *proof = map(bytes.fromhex, path)
            assert (hashes[index], *inclusion_proof(index, ours)) == (leaf, *proof)
            verify_inclusion(index, size, leaf, proof, root)
        for first in range(1, size + 1):
            verify_consistency(first, size, roots[first], root, consistency_proof(first, ours))
        compared += size
    assert MOST * (MOST + 1) // 2 == compared
