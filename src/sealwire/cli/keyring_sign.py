"""``sealwire keys sign``: another root key's signature under a version that waits for it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_options import changing_options
from sealwire.cli.terminal import flush, printable, say, say_hint
from sealwire.cosesign import split
from sealwire.errors import ConfigurationError, KeyFileError, Reason, RefusedError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.keyring import SignedKeyring, add_signature, peek_keyring, succeed
from sealwire.keyring.model import check_follows
from sealwire.keyring.words import changes_in_words, moment_in_words
from sealwire.keyringfiles import MAX_HISTORY_BYTES


@click.command(
    short_help="Sign a version of the keyring that waits for signatures.",
    epilog="""\b
Examples:
  sealwire keys sign payments-4.proposed
  sealwire keys sign payments-4.proposed --root carol-root.signing --yes
""",
)
@click.argument("file")
@click.option("--yes", is_flag=True, help="Sign without being asked.")
@click.option("--show", is_flag=True, help="Say what it changes, and sign nothing.")
@changing_options
def sign(
    file: str,
    roots: tuple[str, ...],
    ring: str | None,
    config: str | None,
    *,
    yes: bool,
    show: bool,
) -> Exit:
    """Say in words what the version in FILE changes, and sign it with the root keys at hand.

    Where enough have signed, it becomes the next version of the keyring that is here. Whoever only
    has a copy of the keyring gives FILE back to whoever keeps it.
    """
    custodian = Custodian.open(ring, config)
    path = Path(file)
    sealed = read_checked(
        path, max_bytes=MAX_HISTORY_BYTES, error=KeyFileError, missing="name a proposed version"
    ).content
    _say_what_it_is(custodian, path, sealed)
    if show:
        return Exit.OK
    signed = _follows(custodian, sealed)
    if signed is None:
        sealed = _with_signatures(custodian, path, sealed, roots, yes=yes)
        write_checked(path, sealed, mode=0o644, force=True, error=KeyFileError)
        signed = _follows(custodian, sealed)
    if signed is None:
        say_hint(f"others have to sign as well: sealwire keys sign {path.name} --root FILE")
        return Exit.OK
    custodian.keep(signed)
    path.unlink()
    say(("signed by enough", "bold green"), (f", and kept in {printable(custodian.path)}", ""))
    say_hint("let the services know: sealwire keys push")
    return Exit.OK


def _say_what_it_is(custodian: Custodian, path: Path, sealed: bytes) -> None:
    keyring = custodian.keyring
    try:
        proposed = peek_keyring(sealed)
        check_follows(keyring, proposed)
        signers = {each.key_id for each in split(sealed).signatures}
    except (ConfigurationError, RefusedError) as error:
        detail = error.detail if isinstance(error, RefusedError) else str(error)
        raise CommandError(
            Exit.REFUSED,
            f"{path} does not follow {keyring.name} {keyring.version}, which is here: {detail}",
            "get the keyring and what is proposed from whoever keeps it",
        ) from None
    say((f"{proposed.name} {proposed.version}", "bold"), (" is to follow what is here:", ""))
    for line in changes_in_words(keyring, proposed):
        say((f"  {printable(line)}", ""))
    say((f"  issued {moment_in_words(proposed.issued)}", "dim"))
    roots = {root.id: root for root in (*keyring.roots(), *proposed.roots())}
    # Whether a signature is right is judged when there are enough; a name alone proves nothing.
    names = sorted(roots[each].owner.id for each in signers if each in roots)
    say((f"  has the signatures of: {', '.join(names) or 'nobody'}", "dim"))


def _follows(custodian: Custodian, sealed: bytes) -> SignedKeyring | None:
    """Verify a proposal; ``None`` where only signatures are missing.

    Raises:
        CommandError: something else is wrong with it.
    """
    try:
        return succeed(custodian.current, sealed)
    except RefusedError as error:
        if error.reason is Reason.SIGNATURES_MISSING:
            return None
        raise CommandError(
            Exit.REFUSED,
            f"it does not verify: {error.reason.value}: {error.detail}",
            "do not sign it; get it again from whoever keeps the keyring",
        ) from None


def _with_signatures(
    custodian: Custodian, path: Path, sealed: bytes, files: tuple[str, ...], *, yes: bool
) -> bytes:
    there = {each.key_id for each in split(sealed).signatures}
    proposed = peek_keyring(sealed)
    may = {root.thumbprint for root in (*custodian.keyring.roots(), *proposed.roots())}
    fresh = [
        key
        for key in custodian.roots_at_hand(files)
        if key.thumbprint in may and key.id not in there
    ]
    if not fresh:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"no root key is at hand that has not signed {path} and may",
            "name one with --root FILE",
        )
    if not yes:
        _ask(", ".join(sorted({key.owner for key in fresh})))
    for key in fresh:
        sealed = add_signature(sealed, key)
        say(("signed", "bold green"), (f" by {key.owner}, with {key.fingerprint}", ""))
    return sealed


def _ask(name: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            Exit.LOCAL_FAILURE,
            "nobody can be asked whether this is meant, and nothing was signed",
            "read it above; then add: --yes",
        )
    flush()
    if not click.confirm(f"sign this as {name}?", default=False, err=True):
        raise CommandError(Exit.REFUSED, "it is not signed", "say why to whoever proposed it")
