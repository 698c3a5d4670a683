"""Public test vectors, which are read where they are and not copied into this repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BESIDE = Path(__file__).parents[3] / "shared" / "vectors"
FETCH = """\
fetch these public repositories, and name the folder that holds them in SEALWIRE_VECTORS:
  wycheproof/         testvectors_v1 of C2SP/wycheproof, commit dac1dd4
  ed25519-speccheck/  novifinancial/ed25519-speccheck, commit 6551933
  cose-wg/            cose-wg/Examples, commit 53c9d63
  merkle/             transparency-dev/merkle, commit 417fb0c"""


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """Give what reads a JSON file of the vectors; without them it fails, and says what to fetch."""
    folder = Path(os.environ.get("SEALWIRE_VECTORS", BESIDE))

    def read(path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        file = folder / path
        assert file.is_file(), f"there is no {file}: {FETCH}"
        return json.loads(file.read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def examples() -> Callable[[], list[str]]:
    """Give what lists the examples of the COSE working group, as paths for ``vectors``."""
    folder = Path(os.environ.get("SEALWIRE_VECTORS", BESIDE))

    def names() -> list[str]:
        found = sorted((folder / "cose-wg").glob("*/*.json"))
        assert found, f"there is nothing in {folder / 'cose-wg'}: {FETCH}"
        return [str(each.relative_to(folder)) for each in found]

    return names


@pytest.fixture(scope="session")
def merkle_vectors() -> Callable[[], list[str]]:
    """Give what lists the vectors of Merkle proofs, as paths for ``vectors``."""
    folder = Path(os.environ.get("SEALWIRE_VECTORS", BESIDE))

    def names() -> list[str]:
        found = sorted((folder / "merkle" / "testdata").rglob("*.json"))
        assert found, f"there is nothing in {folder / 'merkle'}: {FETCH}"
        return [str(each.relative_to(folder)) for each in found]

    return names
