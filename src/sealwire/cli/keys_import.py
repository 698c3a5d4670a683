"""``sealwire keys import`` and ``export``: keys of other programs into ours, public ones back."""

from __future__ import annotations

from pathlib import Path

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keys import (
    file_name,
    public_part_of,
    write_both_halves,
    write_halves_under,
)
from sealwire.cli.passphrases import (
    ask_person,
    named_ask,
    passphrase_option,
    passphrase_options,
)
from sealwire.cli.terminal import say, say_fields, say_hint
from sealwire.keyfiles import (
    FORMS,
    export_key,
    load_foreign_key,
    public_line,
    read_key_file,
    write_key_file,
)
from sealwire.keys import SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey


@click.command(
    "import",
    short_help="Take a key that another program wrote.",
    epilog="""\b
Examples:
  sealwire keys import ~/.ssh/id_ed25519 --owner alice
  sealwire keys import alice.pem --owner alice --passphrase
  sealwire keys import bob-key.jwk --owner bob
""",
)
@click.argument("file")
@click.option("--owner", type=parameters.owner, metavar="NAME", required=True, help="Whose it is.")
@click.option("--out", metavar="FILE", help="Where to; by default NAME.signing or NAME.pub here.")
@passphrase_option
@passphrase_options
@click.option(
    "--unsafe-without-passphrase",
    "without",
    is_flag=True,
    help="Write a key that was under a passphrase without one.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
def import_key(
    file: str, owner: str, out: str | None, *, passphrase: bool, without: bool, force: bool
) -> Exit:
    """Write the Ed25519 key in FILE as one of ours; FILE stays as it is.

    FILE is a private key of OpenSSH's, or one in PKCS#8 (PEM or DER), encrypted or not; or a public
    key: SubjectPublicKeyInfo (PEM or DER), an ssh-ed25519 line or one of a FIDO key, or a JWK. A
    key that is under a passphrase there is under the same one here.
    """
    found = load_foreign_key(file, owner, named_ask() or ask_person)
    if not isinstance(found.key, SigningKey):
        path = Path(out or f"{file_name(owner)}.pub")
        write_key_file(path, found.key, force=force)
        fields = [("public", path), ("fingerprint", found.key.fingerprint)]
        say_fields([*fields, ("public key", public_line(found.key))])
    else:
        path = Path(out or f"{file_name(owner)}.signing")
        if found.passphrase is None:
            path = write_both_halves(path, found.key, passphrase=passphrase, force=force)
        else:
            under = None if without else found.passphrase
            path = write_halves_under(path, found.key, under, force=force)
    for note in found.notes:
        say_hint(note)
    say_hint(f"let a service trust it, on its host: sealwire init AUDIENCE --trust {path}")
    return Exit.OK


@click.command(
    "export",
    short_help="Print the public half of a key for another program.",
    epilog="""\b
Examples:
  sealwire keys export alice.pub --format ssh
  sealwire keys export alice.signing --format spki > alice.pem
""",
)
@click.argument("file")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    required=True,
    help="spki: PEM, for OpenSSL; ssh: an ssh-ed25519 line, with the owner; jwk: RFC 8037.",
)
def export(file: str, form: str) -> Exit:
    """Print the public half of the key in FILE. A secret is never printed.

    Of a file under a passphrase it is what the file says, and nobody is asked.
    """
    key = public_part_of(read_key_file(file, allow_example_keys=True, trust_group=True))
    if isinstance(key, SigningKey):
        key = key.verify_key
    if isinstance(key, SshVerifyKey):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{file} holds a FIDO key's public half, which has no form but OpenSSH's",
            "give that file itself: it holds no secret",
        )
    if not isinstance(key, VerifyKey):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{file} holds a shared secret, which has no public half",
            "bring the file itself, on a way that nobody else can read",
        )
    say((export_key(key, form).removesuffix("\n"), ""))
    return Exit.OK
