"""Who has signed a request, for policies that want several.

Rules this module keeps:

1. Only signatures count. A MAC or a cipher key is held by the service as well, so it shows that
   somebody knows a secret and not that somebody agreed.
2. An owner counts once however many keys they have, and a key counts once whoever is named with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealwire.stages import Evidence

SIGNATURES = frozenset({-19, -70010})
"""COSE numbers of the algorithms that sign: Ed25519 (RFC 9864), and SSHSIG, our own."""


def signers(evidence: Iterable[Evidence]) -> list[str]:
    """Give the owners who signed, each once, in the order in which they were verified."""
    owners: dict[bytes, str] = {}
    for each in evidence:
        if each.algorithm in SIGNATURES:
            owners.setdefault(each.thumbprint, each.owner)
    return list(dict.fromkeys(owners.values()))
