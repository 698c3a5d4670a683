"""Who has signed a request, for policies that want several.

Rules this module keeps:

1. Only signatures count. A MAC or a cipher key is held by the service as well, so it shows that
   somebody knows a secret and not that somebody agreed.
2. An owner counts once however many keys they have, and a key counts once whoever is named with it.
3. A signature counts where its owner's own role would let them ask for the same: the verb, its
   loggers and levels, a lease's length and direction, and what becomes of the tree. One that does
   not count refuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sealwire.policy.objection import Objection, source_of
from sealwire.policy.roles import ANYBODY, Role
from sealwire.requests import Request
from sealwire.stages import Evidence

_MOST_NAMED = 5

SIGNATURES = frozenset({-19, -70010})
"""COSE numbers of the algorithms that sign: Ed25519 (RFC 9864), and SSHSIG, our own."""


def signers(evidence: Iterable[Evidence]) -> list[str]:
    """Give the owners who signed, each once, the issuer first."""
    owners: dict[bytes, str] = {}
    for each in evidence:
        for shown in (each, *each.cosigners):
            if shown.algorithm in SIGNATURES:
                owners.setdefault(shown.thumbprint, shown.owner)
    return list(dict.fromkeys(owners.values()))


def too_few(
    request: Request,
    role: Role,
    roles: Sequence[Role],
    role_of: Callable[[str], Role | None],
    may: Callable[[Role], bool],
) -> Iterator[Objection]:
    """Object to a request that too few have signed who may ask for it (rule 3).

    Args:
        request: what is asked for.
        role: the issuer's, which says how many.
        roles: all of them.
        role_of: gives the role of an owner.
        may: whether a role lets its owners ask for this.
    """
    needed = role.threshold.get(request.verb, 1)
    if needed == 1:
        return
    signed = signers(request.opened.evidence)
    counted = [each for each in signed if (own := role_of(each)) is not None and may(own)]
    if len(counted) >= needed:
        return
    who = "anybody else" if needed - len(counted) == 1 else "others"
    able = sorted({each for one in roles if may(one) for each in one.issuers} - {*counted})
    named = [each for each in able if each != ANYBODY]
    if ANYBODY in able or not named:
        able_words = f"{who} whom this service trusts and whose role allows it"
    else:
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        able_words = ", ".join(named[:_MOST_NAMED]) + more
    void = [each for each in signed if each not in counted]
    uncounted = f", and {', '.join(void)} may not ask for this" if void else ""
    detail = (
        f"{request.verb.value} needs the signatures of {needed} owners who may all ask for this; "
        f"it has those of {', '.join(counted) or 'nobody'}{uncounted}; "
        f"{needed - len(counted)} more of: {able_words}"
    )
    yield Objection("threshold", "verb", detail, source_of(role.sources, "threshold"))
