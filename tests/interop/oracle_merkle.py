"""The package pymerkle: trees of all sizes up to the one given, as one object of JSON.

``python oracle_merkle.py SIZE`` gives, for the leaves ``leaf 0``, ``leaf 1`` and so on, the root of
each size, and for each tree the path of every proof of inclusion, in hex.
"""

from __future__ import annotations

import json
import sys

from pymerkle import InmemoryTree


def main(most: int) -> None:
    """Print everything about trees of up to ``most`` leaves."""
    tree = InmemoryTree(algorithm="sha256")
    told: dict[str, dict[str, object]] = {}
    for size in range(1, most + 1):
        tree.append_entry(f"leaf {size - 1}".encode())
        inclusion = [tree.prove_inclusion(at, size) for at in range(1, size + 1)]
        told[str(size)] = {
            "root": tree.get_state(size).hex(),
            "inclusion": [each.serialize()["path"] for each in inclusion],
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
