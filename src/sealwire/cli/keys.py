"""``sealwire keys``: make keys, and show the public part of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.sections import SectionedGroup
from sealwire.cli.terminal import say_fields, say_hint, say_json
from sealwire.cli.wording import ALGORITHMS
from sealwire.keyfiles import (
    EXAMPLE_KEYS,
    load_key,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    public_line,
    write_key_file,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput
    from sealwire.keyfiles import Key, SecretKey

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
        "Key files": ("new", "show"),
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
  sealwire keys new --owner alice
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
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(owner: str, kind: str, audience: str | None, out: str | None, *, force: bool) -> Exit:
    """Make a key and write it to a file that its owner alone can read.

    The public half of a signing key is written beside it, with the ending .pub; it is what services
    are to trust. The secret is never printed.
    """
    path = Path(out or f"{file_name(owner)}.{kind}")
    key = _made(kind, owner, audience)
    if isinstance(key, SigningKey):
        public = public_path_of(path)
        if public.exists() and not force:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{public} is there already, and nothing was written",
                "choose another name with --out, or replace the file with --force",
            )
        write_key_file(path, key, force=force)
        write_key_file(public, key.verify_key, force=force)
        say_fields(
            [
                ("secret", path),
                ("public", public),
                ("fingerprint", key.fingerprint),
                ("public key", public_line(key)),
            ]
        )
        say_hint(
            f"let a service trust it, on its host: sealwire init AUDIENCE --trust {public}; or let "
            f"its owner into a keyring: sealwire keys enroll {owner} --role ROLE --key {public}"
        )
    else:
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
    key = load_key(file, owner, allow_example_keys=True)
    if as_json:
        say_json(_as_json(key))
    else:
        say_fields((name, value) for name, value in _in_words(key) if value)
    return Exit.OK


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


def _in_words(key: Key) -> list[tuple[str, object]]:
    return [
        ("kind", KINDS[type(key)]),
        ("algorithm", f"{ALGORITHMS[key.algorithm]} ({key.algorithm})"),
        ("owner", key.owner),
        ("application", _application_of(key)),
        ("audience", _audience_of(key)),
        ("fingerprint", key.fingerprint),
        ("thumbprint", key.thumbprint.hex()),
        ("public key", _public_of(key)),
        ("example", "yes: everybody has it" if _is_example(key) else ""),
    ]


def _as_json(key: Key) -> dict[str, JsonOutput]:
    return {
        "kind": KINDS[type(key)],
        "algorithm": key.algorithm,
        "algorithm_name": ALGORITHMS[key.algorithm],
        "owner": key.owner,
        "application": _application_of(key) or None,
        "audience": _audience_of(key) or None,
        "fingerprint": key.fingerprint,
        "thumbprint": key.thumbprint.hex(),
        "public_key": _public_of(key) or None,
        "example": _is_example(key),
    }


def _audience_of(key: Key) -> str:
    return key.audience if isinstance(key, (MacKey, AeadKey)) else ""


def _application_of(key: Key) -> str:
    return key.public_key.application if isinstance(key, SshVerifyKey) else ""


def _public_of(key: Key) -> str:
    return public_line(key) if isinstance(key, (SigningKey, VerifyKey, SshVerifyKey)) else ""


def _is_example(key: Key) -> bool:
    return key.thumbprint.hex() in EXAMPLE_KEYS
