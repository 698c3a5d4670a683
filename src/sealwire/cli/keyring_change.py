"""``sealwire keys promote``, ``suspend``, ``revoke``, ``destroy``, ``renew``: states of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealwire.cli import parameters
from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_after import push_after, push_options
from sealwire.cli.keyring_make import DEFAULT_LIFETIME
from sealwire.cli.keyring_options import changing_options, now_s
from sealwire.cli.terminal import printable, say, say_hint
from sealwire.errors import SealwireError
from sealwire.keyfiles import load_key
from sealwire.keyring import SECRET_ROLES, State
from sealwire.keyring.edits import in_state, promoted, suspended

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.keyring import RingKey

_PUSH = "let the services know: sealwire keys push"


@click.command(
    short_help="Put a key into service, as the primary.",
    epilog="""\b
Examples:
  sealwire keys promote 5bf1c9b1d4a6e0c2
""",
)
@click.argument("key")
@changing_options
def promote(key: str, roots: tuple[str, ...], ring: str | None, config: str | None) -> Exit:
    """Make KEY active, and the primary of its owner and role; also ends a suspension.

    The one that was the primary stays active. sealwire keys rotate does this in its turn.
    """
    custodian = Custodian.open(ring, config)
    named = custodian.key(key)
    custodian.commit(lambda: promoted(custodian.keyring, named, now_s()), roots)
    say_hint(_PUSH)
    return Exit.OK


@click.command(
    short_help="Take a key away for a while; one root key is enough.",
    epilog="""\b
Examples:
  sealwire keys suspend 5bf1c9b1d4a6e0c2 --for 24h

\b
Exit status: as sealwire keys push.
""",
)
@click.argument("keys", metavar="KEY…", nargs=-1, required=True)
@click.option(
    "--for",
    "for_s",
    type=parameters.duration,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="How long, 72h at most; then it is active again by itself.",
)
@push_options
@changing_options
def suspend(
    keys: tuple[str, ...],
    for_s: int,
    timeout_s: int,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    no_push: bool,
) -> Exit:
    """Take KEY away for a while, and say which services have confirmed that.

    One root key signs this alone, however many sign other changes. What the key holds in force
    stays, until somebody revokes the key or ends it.
    """
    custodian = Custodian.open(ring, config)
    named = [custodian.key(each) for each in keys]
    custodian.commit(lambda: suspended(custodian.keyring, named, now_s(), for_s), roots)
    return push_after(custodian, config, timeout_s, no_push=no_push)


@click.command(
    short_help="Take a key out of service for good.",
    epilog="""\b
Examples:
  sealwire keys revoke 5bf1c9b1d4a6e0c2 --compromised
  sealwire keys revoke 5bf1c9b1d4a6e0c2 --left

\b
Exit status: as sealwire keys push.
""",
)
@click.argument("keys", metavar="KEY…", nargs=-1, required=True)
@click.option(
    "--compromised",
    "how",
    flag_value=State.COMPROMISED.value,
    help="Somebody else may have it: its leases and trials end, and nothing of it is opened again.",
)
@click.option(
    "--left",
    "how",
    flag_value=State.DEACTIVATED.value,
    help="It is not used any more; what it was trusted for before stays.",
)
@push_options
@changing_options
def revoke(
    keys: tuple[str, ...],
    how: str | None,
    timeout_s: int,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    no_push: bool,
) -> Exit:
    """Take KEY out of service for good, and say which services have confirmed that."""
    if how is None:
        raise click.UsageError(
            "it is not said whether somebody else may have the key; say --compromised, or --left"
        )
    custodian = Custodian.open(ring, config)
    named = [custodian.key(each) for each in keys]
    custodian.commit(lambda: in_state(custodian.keyring, named, State(how), now_s()), roots)
    return push_after(custodian, config, timeout_s, no_push=no_push)


@click.command(
    short_help="Mark a key as destroyed.",
    epilog="""\b
Examples:
  sealwire keys destroy 5bf1c9b1d4a6e0c2
""",
)
@click.argument("key")
@changing_options
def destroy(key: str, roots: tuple[str, ...], ring: str | None, config: str | None) -> Exit:
    """Mark KEY, which has left service, as destroyed; name its files that are still here.

    Files are for you to remove, here, where its owner works and on the hosts: what is on other
    machines is not seen from here.
    """
    custodian = Custodian.open(ring, config)
    named = custodian.key(key)
    if named.state is State.ACTIVE or named.state is State.SUSPENDED:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"key {named.fingerprint} of {named.owner.id} is {named.state.value}",
            f"take it out of service first: sealwire keys revoke {named.fingerprint} --left",
        )
    custodian.commit(lambda: in_state(custodian.keyring, [named], State.DESTROYED, now_s()), roots)
    for path in files_of(custodian, named):
        say((f"  remove: {printable(path)}", "yellow"))
    if named.role in SECRET_ROLES:
        hosts = ", ".join(named.audiences)
        say((f"  remove its file from keyring.secrets on the hosts of {hosts}", "yellow"))
    say_hint(_PUSH)
    return Exit.OK


def files_of(custodian: Custodian, key: RingKey) -> list[Path]:
    """Give the files beside a keyring that hold a key's private or secret part."""
    found = []
    for path in sorted(custodian.folder.rglob("*")):
        if path.suffix not in {".signing", ".mac", ".aead"} or not path.is_file():
            continue
        try:
            holds = load_key(path, allow_example_keys=True).thumbprint == key.thumbprint
        except SealwireError:
            # What cannot be loaded is told by `sealwire keys check`.
            continue
        if holds:
            found.append(path)
    return found


@click.command(
    short_help="Let the keyring be good for longer.",
    epilog="""\b
Examples:
  sealwire keys renew
  sealwire keys renew --lifetime 90d --threshold 2
""",
)
@click.option(
    "--lifetime",
    "lifetime_s",
    type=parameters.duration,
    metavar="TIME",
    default=DEFAULT_LIFETIME,
    show_default=True,
    help="How long from now on.",
)
@click.option(
    "--threshold",
    type=click.IntRange(1, 8),
    default=None,
    help="How many root keys of different owners are to sign from then on.",
)
@changing_options
def renew(
    lifetime_s: int,
    threshold: int | None,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
) -> Exit:
    """Sign the next version, which expires later; or with another number of root signatures.

    Where a keyring has expired, changes are refused, and going back is not.
    """
    custodian = Custodian.open(ring, config)
    keyring = custodian.keyring
    now = now_s()
    custodian.commit(
        lambda: keyring.succeeded(
            keyring.keys, now=now, expires=now + lifetime_s, root_threshold=threshold
        ),
        roots,
    )
    say_hint(_PUSH)
    return Exit.OK
