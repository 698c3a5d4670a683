"""``sealwire keys rotate``: one key takes another's place, step by step, while services run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import parameters
from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_options import changing_options
from sealwire.cli.options import timeout_option
from sealwire.cli.rotating import Rotating
from sealwire.cli.rotations import Journal
from sealwire.cli.sealing import operator_settings
from sealwire.cli.typed import typed
from sealwire.keyring import Role
from sealwire.keyring.rotation import Step

if TYPE_CHECKING:
    from sealwire.keyring import RingKey

_ENDS: Final = frozenset({Step.WAIT, Step.DONE, Step.ABANDONED})


@click.command(
    short_help="Replace a key by a new one, step by step, while services run.",
    epilog="""\b
Examples:
  sealwire keys rotate --owner alice --role config
  sealwire keys rotate 5bf1c9b1d4a6e0c2 --overlap 1d
  sealwire keys rotate --owner alice --role gate --audience payments@prod
  sealwire keys rotate --owner host-1 --role receipt --key receipt-2.key.pub

\b
Exit status: 0 it is done, or waits for the overlap to end; 5 some services have not shown what is
needed; otherwise as sealwire keys push. Ask again to go on from there.
""",
)
@click.argument("key_id", metavar="[KEY]", required=False)
@click.option("--owner", type=parameters.owner, metavar="NAME", help="Whose key, in place of KEY.")
@click.option("--role", type=click.Choice([each.value for each in Role]), help="With --owner.")
@click.option("--audience", type=parameters.audience, metavar="AUDIENCE", help="With --owner.")
@click.option(
    "--key",
    "file",
    metavar="FILE",
    help="The new key's public half, where it was made by its owner; otherwise it is made here.",
)
@click.option(
    "--overlap",
    "overlap_s",
    type=parameters.duration,
    metavar="TIME",
    default="7d",
    show_default=True,
    help="How long the old key is taken once the new one is used.",
)
@click.option("--step", "one_step", is_flag=True, help="Do one step, and say what is next.")
@click.option(
    "--rehearsed", is_flag=True, help="Its owner has rehearsed the new key, and says it is taken."
)
@click.option("--switched", is_flag=True, help="Its owner seals with the new key now, and says so.")
@timeout_option
@changing_options
def rotate(
    key_id: str | None,
    owner: str | None,
    role: str | None,
    audience: str | None,
    file: str | None,
    overlap_s: int,
    timeout_s: int,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    one_step: bool,
    rehearsed: bool,
    switched: bool,
) -> Exit:
    """Let a new key take the place of KEY; nothing is refused on the way that was not before.

    The new key is put into the keyring, not in service yet; services show in verified receipts that
    they have it; it is rehearsed; it becomes the primary; whoever seals goes over to it; both are
    taken for the overlap; then the old one leaves service. It can be interrupted anywhere: asked
    again, it goes on from what is true then.
    """
    custodian = Custodian.open(ring, config)
    journal = Journal(custodian)
    old = _meant(custodian, journal, key_id, owner, role, audience)
    settings = operator_settings(config)
    rotating = Rotating(custodian, journal, settings, old, roots, timeout_s)
    rotating.begin(overlap_s, file)
    if rehearsed:
        rotating.said_to_be_rehearsed()
    if switched:
        rotating.said_to_be_switched()
    while True:
        step = rotating.next()
        if step in _ENDS:
            rotating.end(step)
            return Exit.OK
        rotating.do(step)
        if one_step:
            rotating.say_where()
            return Exit.OK


def _meant(
    custodian: Custodian,
    journal: Journal,
    key_id: str | None,
    owner: str | None,
    role: str | None,
    audience: str | None,
) -> RingKey:
    """Give the key that goes.

    Raises:
        CommandError: none is meant, or several.
    """
    if key_id is not None:
        key = custodian.key(key_id)
        # Whoever names the key that comes goes on with the same rotation.
        begun = journal.of_new(key.thumbprint)
        return key if begun is None else custodian.key(begun.old.hex())
    if owner is None or role is None:
        raise click.UsageError("which key? name its id, or --owner and --role")
    begun_with = {each.old for each in journal.rotations}
    found = [
        key
        for key in custodian.keyring.keys
        if key.owner.id == owner
        and key.role.value == role
        and (audience is None or key.serves(audience))
        and (key.primary or key.thumbprint in begun_with)
        and journal.of_new(key.thumbprint) is None
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{owner} has no {role} key that is the primary",
            "see: sealwire keys list",
        )
    each = ", ".join(f"{key.fingerprint} ({', '.join(key.audiences) or 'all'})" for key in found)
    raise CommandError(
        Exit.LOCAL_FAILURE,
        f"{owner} has several {role} keys: {each}",
        f"say which: {typed(found[0].fingerprint)}",
    )
