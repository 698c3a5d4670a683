"""``sealwire keys enroll`` and ``leave``: who is in a team's keyring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealwire.cli import parameters
from sealwire.cli.custodian import Custodian, telling_why
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_after import push_after, push_options
from sealwire.cli.keyring_files import load_ring_key
from sealwire.cli.keyring_options import changing_options, now_s
from sealwire.cli.keys import file_name
from sealwire.cli.making import make_folder
from sealwire.cli.terminal import printable, say, say_hint
from sealwire.errors import KeyFileError
from sealwire.keyfiles import (
    load_verify_key,
    new_aead_key,
    new_mac_key,
    write_key_file,
)
from sealwire.keyring import Role, State
from sealwire.keyring.edits import enrolled, entry_for, in_state, issue_time, of_owner
from sealwire.keyring.words import key_in_words
from sealwire.keys import AeadKey, MacKey

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.keyring import RingKey
    from sealwire.keys import VerifyKey

_FOLDER_MODE = 0o700


@click.command(
    short_help="Let a person in, or a host's receipt key.",
    epilog="""\b
Examples:
  sealwire keys enroll alice --role config --key alice.pub
  sealwire keys enroll bob --role lease --key bob.pub --audience payments@prod --network
  sealwire keys enroll host-1 --role receipt --key receipt.key.pub
""",
)
@click.argument("person", type=parameters.owner)
@click.option(
    "--role",
    type=click.Choice([Role.CONFIG.value, Role.LEASE.value, Role.ROOT.value, Role.RECEIPT.value]),
    required=True,
    help="config: configurations and leases; lease: leases alone; root: signs keyrings; receipt: a "
    "host's, signs its answers.",
)
@click.option("--key", "file", metavar="FILE", required=True, help="The public half of the key.")
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    type=parameters.audience,
    metavar="AUDIENCE",
    help="For this service alone. Repeatable; by default for every service of the keyring.",
)
@click.option(
    "--network",
    is_flag=True,
    help="Make the gate and encryption keys that the chain network needs, for each --audience.",
)
@changing_options
def enroll(
    person: str,
    role: str,
    file: str,
    audiences: tuple[str, ...],
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    network: bool,
) -> Exit:
    """Let PERSON in, with a key that they have made: sealwire keys new --owner PERSON."""
    custodian = Custodian.open(ring, config)
    custodian.check_no_proposal()
    what = Role(role)
    if network and not audiences:
        raise click.UsageError(
            "gate and encryption keys belong to one service each; say which: --audience "
            "payments@prod"
        )
    key = _key_of(person, file)
    now = now_s()
    since = issue_time(custodian.keyring, now)
    entries = [entry_for(key, what, since=since, audiences=audiences)]
    shared = [each for name in audiences for each in _shared(custodian, person, name)] * network
    entries += [
        entry_for(each, Role.GATE if isinstance(each, MacKey) else Role.ENCRYPT, since=since)
        for _, each, _ in shared
    ]
    with telling_why():
        following = enrolled(custodian.keyring, entries, now)
    for path, each, there in shared:
        if not there:
            make_folder(path.parent, _FOLDER_MODE)
            write_key_file(path, each)
    custodian.commit(lambda: following, roots)
    people = custodian.folder / "people"
    make_folder(people)
    write_key_file(people / f"{file_name(person)}-{key.fingerprint}.pub", key, force=True)
    _say_what_is_next(person, what, key, [path for path, _, _ in shared])
    return Exit.OK


def _key_of(person: str, file: str) -> VerifyKey:
    """Load the public half of a person's key.

    Raises:
        KeyFileError: it is none, or somebody else's.
    """
    try:
        return load_verify_key(file, person)
    except KeyFileError as error:
        if "; " in str(error):
            raise
        step = f"enroll its owner, or have {person} make one: sealwire keys new --owner {person}"
        raise KeyFileError(f"{error}; {step}") from None


def _shared(
    custodian: Custodian, owner: str, audience: str
) -> list[tuple[Path, MacKey | AeadKey, bool]]:
    """Give the secrets that a person and a service share: where, which, and whether it is there."""
    found: list[tuple[Path, MacKey | AeadKey, bool]] = []
    for kind, make in (("mac", new_mac_key), ("aead", new_aead_key)):
        path, key, there = fresh_secret(custodian, owner, audience, kind)
        found.append((path, make(owner, audience) if key is None else key, there))
    return found


def fresh_secret(
    custodian: Custodian, owner: str, audience: str, kind: str
) -> tuple[Path, MacKey | AeadKey | None, bool]:
    """Say where a new secret goes; with the key that lies there already, and is in no keyring yet.

    Whoever was interrupted between the file and the keyring goes on with the same key.
    """
    number = 1
    while (path := custodian.secret(audience, owner, kind, number)).exists():
        key = load_ring_key(path)
        fits = isinstance(key, (MacKey, AeadKey)) and key.owner == owner
        if fits and custodian.keyring.named(key.thumbprint) is None:
            return path, key, True  # type: ignore[return-value]
        number += 1
    return path, None, False


def _say_what_is_next(person: str, role: Role, key: VerifyKey, secrets: list[Path]) -> None:
    say(("", ""))
    if secrets:
        say((f"bring to {person}, by a way on which nobody else can read them,", ""))
        say(("and into the folder keyring.secrets of every host of the same service:", ""))
        for path in secrets:
            say((f"    {printable(path)}", ""))
    if role in {Role.CONFIG, Role.LEASE}:
        say((f"{person} seals with key {key.fingerprint}, which stays where it is;", ""))
        say((f"issuer = {person!r} in their settings; see: sealwire config where", ""))
    elif role is Role.ROOT:
        say((f"{person} keeps the root key, and signs with: sealwire keys sign FILE", ""))
    else:
        say((f"{person} signs receipts with key {key.fingerprint}", ""))
    say_hint("let the services know: sealwire keys push")


@click.command(
    short_help="Take all keys of a person out of service.",
    epilog="""\b
Examples:
  sealwire keys leave bob
  sealwire keys leave bob --compromised

\b
Exit status: 0 every service has confirmed it, 5 some have, otherwise as sealwire keys push.
""",
)
@click.argument("person", type=parameters.owner)
@click.option(
    "--compromised",
    is_flag=True,
    help="Somebody else may have the keys: what they hold in force ends as well.",
)
@push_options
@changing_options
def leave(
    person: str,
    timeout_s: int,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    compromised: bool,
    no_push: bool,
) -> Exit:
    """Take every key of PERSON out of service, and say which services have confirmed that."""
    custodian = Custodian.open(ring, config)
    keys = of_owner(custodian.keyring, person)
    if not keys:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{person} has no key in service",
            "see who has: sealwire keys list; and who knows of it: sealwire keys push",
        )
    state = State.COMPROMISED if compromised else State.DEACTIVATED
    custodian.commit(lambda: in_state(custodian.keyring, keys, state, now_s()), roots)
    _say_what_lies_about(keys)
    return push_after(custodian, config, timeout_s, no_push=no_push)


def _say_what_lies_about(keys: tuple[RingKey, ...]) -> None:
    """Name the secrets that can be removed from hosts and from here."""
    shared = [key for key in keys if key.role in {Role.GATE, Role.ENCRYPT}]
    for key in shared:
        say((f"  its file can be removed, here and on hosts: {key_in_words(key)}", "dim"))
