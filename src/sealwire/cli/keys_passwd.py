"""``sealwire keys passwd``: put a signing key under a passphrase, another one, or none."""

from __future__ import annotations

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.passphrases import (
    ask_person,
    named_ask,
    new_passphrase,
    new_passphrase_options,
    passphrase_options,
)
from sealwire.cli.terminal import say_fields
from sealwire.keyfiles import (
    ProtectedKey,
    is_credential,
    open_key_file,
    protect,
    read_key_file,
    write_key_file,
)
from sealwire.keys import SigningKey


@click.command(
    short_help="Change or remove the passphrase of a signing key.",
    epilog="""\b
Examples:
  sealwire keys passwd alice.signing
  sealwire keys passwd receipt.key --unsafe-remove-passphrase
""",
)
@click.argument("file")
@passphrase_options
@new_passphrase_options
@click.option(
    "--unsafe-remove-passphrase",
    "remove",
    is_flag=True,
    help="Leave the key under none: whoever can read the file has it.",
)
def passwd(file: str, *, remove: bool) -> Exit:
    """Put the signing key in FILE under a new passphrase.

    The key stays the same, so nobody has to trust another one. Copies of the file that were made
    before keep the passphrase they have. The file is replaced in one step.
    """
    new_ask = named_ask("new-")
    if remove and new_ask is not None:
        raise click.UsageError("a new passphrase and none contradict each other; leave one out")
    if is_credential(file):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{file} is a credential of systemd's, which can only be read",
            "change the file that the unit loads it from",
        )
    found = read_key_file(file, allow_example_keys=True)
    if not isinstance(found.key, (SigningKey, ProtectedKey)):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{file} holds no signing key, and only those can be under a passphrase",
            f"see what it holds: sealwire keys show {click.format_filename(file)}",
        )
    key = open_key_file(found, named_ask() or ask_person)
    if not isinstance(key, SigningKey):
        raise TypeError("a key of another kind came out of a file for signing keys")
    what = f"{file}, the signing key of {key.owner}"
    held = key if remove else protect(key, new_passphrase(what, new_ask))
    write_key_file(file, held, force=True)
    under = f"yes, {held.cost}" if isinstance(held, ProtectedKey) else "no"
    say_fields([("secret", file), ("passphrase", under), ("fingerprint", key.fingerprint)])
    return Exit.OK
