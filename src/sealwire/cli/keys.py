"""``sealwire keys``: make keys, and show the public part of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.passphrases import (
    named_ask,
    new_passphrase,
    passphrase_option,
    passphrase_options,
)
from sealwire.cli.sections import SectionedGroup
from sealwire.cli.terminal import say_fields, say_hint, say_json
from sealwire.cli.wording import ALGORITHMS
from sealwire.keyfiles import (
    EXAMPLE_KEYS,
    ProtectedKey,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    protect,
    public_line,
    read_key_file,
    write_key_file,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput
    from sealwire.keyfiles import Key, KeyFile, Passphrase, SecretKey

KINDS: Final = {
    SigningKey: "signing",
    VerifyKey: "public",
    SshVerifyKey: "public",
    MacKey: "mac",
    AeadKey: "aead",
}


@click.group(
    short_help="Make keys; keep the keyring of a team.",
    cls=SectionedGroup,
    sections={
        "Key files": ("new", "show", "passwd", "import", "export"),
        "The keyring: who is trusted, for what": ("init", "enroll", "list", "check", "review"),
        "Its next version": ("renew", "sign", "push"),
        "Replace a key": ("rotate", "rehearse", "promote"),
        "Take a key away": ("suspend", "revoke", "leave", "destroy"),
    },
    no_args_is_help=False,
)
def keys() -> None:
    """Make keys; keep the keyring, which says whose keys services trust, and for what."""


@keys.command(
    epilog="""\b
Examples:
  sealwire keys new --owner alice --passphrase
  sealwire keys new --owner alice --kind mac --audience payments@prod
"""
)
@click.option("--owner", type=parameters.owner, metavar="NAME", required=True, help="Whose it is.")
@click.option(
    "--kind",
    type=click.Choice(["signing", "mac", "aead"]),
    default="signing",
    show_default=True,
    help="signing: of a person; mac (the gate's), aead (encryption): shared with one service.",
)
@click.option(
    "--audience",
    type=parameters.audience,
    metavar="AUDIENCE",
    help="The service that a mac or aead key is shared with.",
)
@click.option("--out", metavar="FILE", help="Where to; by default NAME.KIND in this folder.")
@passphrase_option
@passphrase_options
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(
    owner: str,
    kind: str,
    audience: str | None,
    out: str | None,
    *,
    passphrase: bool,
    force: bool,
) -> Exit:
    """Make a key and write it to a file that its owner alone can read.

    The public half of a signing key is written beside it, with the ending .pub; it is what services
    are to trust. The secret is never printed. With one of the options for a passphrase a signing
    key is encrypted under it.
    """
    path = Path(out or f"{file_name(owner)}.{kind}")
    key = _made(kind, owner, audience)
    if isinstance(key, SigningKey):
        public = write_both_halves(path, key, passphrase=passphrase, force=force)
        say_hint(
            f"let a service trust it, on its host: sealwire init AUDIENCE --trust {public}; or let "
            f"its owner into a keyring: sealwire keys enroll {owner} --role ROLE --key {public}"
        )
    else:
        if passphrase or named_ask() is not None:
            raise click.UsageError(
                f"{a_kind_of(kind)} is a service's as well, and nobody could be asked there; leave "
                "the passphrase out"
            )
        write_key_file(path, key, force=force)
        say_fields([("secret", path), ("fingerprint", key.fingerprint)])
        say_hint(f"{owner} and the hosts of {audience} need this file, and nobody else may read it")
    return Exit.OK


@keys.command(short_help="Show what is public about a key, or a keyring.")
@click.argument("file")
@click.option(
    "--owner",
    type=parameters.owner,
    metavar="NAME",
    help="Whose it is, where FILE is a line of OpenSSH's whose comment is no name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: str, owner: str | None, *, as_json: bool) -> Exit:
    """Show the public part and the fingerprint of the key in FILE; or a keyring, or a key of one.

    Of a secret key the secret is not shown. FILE may also be a keyring with all its versions, or
    the id of a key in the keyring beside the operator's settings.
    """
    # Late, because keyrings load more than keys do.
    from sealwire.cli.keyring_list import show_of_keyring

    if owner is None and show_of_keyring(file, as_json=as_json):
        return Exit.OK
    found = read_key_file(file, owner, allow_example_keys=True, trust_group=True)
    if as_json:
        say_json(_as_json(found))
    else:
        say_fields((name, value) for name, value in _in_words(found) if value)
    return Exit.OK


def write_both_halves(path: Path, key: SigningKey, *, passphrase: bool, force: bool) -> Path:
    """Write a signing key and its public half beside it, and say what was written.

    Args:
        path: where the secret goes.
        key: the key.
        passphrase: whether it is to be under one, also where no option names it.
        force: replace files that are there.

    Returns:
        Where the public half is.

    Raises:
        SealwireError: something cannot be written, or the passphrase cannot be had.
        CommandError: something is there, or nobody can be asked.
    """
    ask = named_ask()
    given = None
    _check_free(path, public_path_of(path), force=force)
    if passphrase or ask is not None:
        given = new_passphrase(f"{path}, the signing key of {key.owner}", ask)
    return write_halves_under(path, key, given, force=force)


def write_halves_under(
    path: Path, key: SigningKey, passphrase: Passphrase | None, *, force: bool
) -> Path:
    """Do as `write_both_halves` with a passphrase that is known, or without one."""
    public = public_path_of(path)
    _check_free(path, public, force=force)
    held = key if passphrase is None else protect(key, passphrase)
    write_key_file(path, held, force=force)
    write_key_file(public, key.verify_key, force=force)
    say_fields(
        [
            ("secret", path),
            *([("passphrase", f"yes, {held.cost}")] if isinstance(held, ProtectedKey) else []),
            ("public", public),
            ("fingerprint", key.fingerprint),
            ("public key", public_line(key)),
        ]
    )
    return public


def _check_free(*paths: Path, force: bool) -> None:
    for path in paths:
        if os.path.lexists(path) and not force:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{path} is there already, and nothing was written",
                "choose another name with --out, or replace the file with --force",
            )


def file_name(name: str) -> str:
    """Give an owner or an audience as part of a file's name; ``+`` stands in no name."""
    return name.replace("/", "+")


def public_path_of(path: Path) -> Path:
    """Say where the public half of the signing key in ``path`` lies: ``alice.pub`` as a rule."""
    return path.with_suffix(".pub") if path.suffix == ".signing" else Path(f"{path}.pub")


def _made(kind: str, owner: str, audience: str | None) -> SecretKey:
    if kind == "signing":
        if audience is not None:
            raise click.UsageError(
                "a signing key belongs to a person, and to no audience; leave --audience out"
            )
        return new_signing_key(owner)
    if audience is None:
        raise click.UsageError(
            f"a {kind} key belongs to one service; say which: --audience payments@prod"
        )
    return new_mac_key(owner, audience) if kind == "mac" else new_aead_key(owner, audience)


def protection_in_words(file: KeyFile) -> str:
    """Say whether a signing key is under a passphrase, and what one try costs."""
    if isinstance(file.key, ProtectedKey):
        return f"under a passphrase ({file.key.cost})"
    return "under no passphrase" if isinstance(file.key, SigningKey) else ""


def _in_words(file: KeyFile) -> list[tuple[str, object]]:
    key = public_part_of(file)
    under = f"yes, {file.key.cost}" if isinstance(file.key, ProtectedKey) else "no"
    return [
        ("kind", _kind_of(file)),
        ("algorithm", f"{ALGORITHMS[key.algorithm]} ({key.algorithm})"),
        ("owner", key.owner),
        ("application", _application_of(key)),
        ("audience", _audience_of(key)),
        ("fingerprint", key.fingerprint),
        ("thumbprint", key.thumbprint.hex()),
        ("public key", _public_of(key)),
        ("passphrase", under if _kind_of(file) == KINDS[SigningKey] else ""),
        ("example", "yes: everybody has it" if _is_example(key) else ""),
        *(("note", note) for note in file.notes),
    ]


def _as_json(file: KeyFile) -> dict[str, JsonOutput]:
    key = public_part_of(file)
    under: JsonOutput = None
    if isinstance(file.key, ProtectedKey):
        cost = file.key.cost
        under = {"function": "argon2id", "memory_kib": cost.memory_kib, "passes": cost.passes}
    return {
        "kind": _kind_of(file),
        "algorithm": key.algorithm,
        "algorithm_name": ALGORITHMS[key.algorithm],
        "owner": key.owner,
        "application": _application_of(key) or None,
        "audience": _audience_of(key) or None,
        "fingerprint": key.fingerprint,
        "thumbprint": key.thumbprint.hex(),
        "public_key": _public_of(key) or None,
        "passphrase": under,
        "example": _is_example(key),
        "notes": list(file.notes),
    }


def public_part_of(file: KeyFile) -> Key:
    """Give what can be shown of a key file: of one under a passphrase the public half."""
    return file.key.public if isinstance(file.key, ProtectedKey) else file.key


def _kind_of(file: KeyFile) -> str:
    return KINDS[SigningKey if isinstance(file.key, ProtectedKey) else type(file.key)]


def a_kind_of(kind: str) -> str:
    """Give a kind of key with its article: ``an aead key``."""
    return f"{'an' if kind.startswith('a') else 'a'} {kind} key"


def _audience_of(key: Key) -> str:
    return key.audience if isinstance(key, (MacKey, AeadKey)) else ""


def _application_of(key: Key) -> str:
    return key.public_key.application if isinstance(key, SshVerifyKey) else ""


def _public_of(key: Key) -> str:
    return public_line(key) if isinstance(key, (SigningKey, VerifyKey, SshVerifyKey)) else ""


def _is_example(key: Key) -> bool:
    return key.thumbprint.hex() in EXAMPLE_KEYS
