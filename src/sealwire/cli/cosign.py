"""``sealwire cosign``: say what somebody asks for, and sign it as well."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.parameters import STDIN, in_words
from sealwire.cli.passphrases import passphrase_options
from sealwire.cli.sealing import config_option, operator_settings
from sealwire.cli.terminal import flush, say, say_fields, say_json
from sealwire.cli.unfinished import (
    check_in_time,
    fields_of,
    load_unfinished,
    read_asked,
    say_document,
    say_next,
)
from sealwire.cli.wording import claims_as_json, counted
from sealwire.errors import SealError
from sealwire.keyfiles import load_verify_key, write_checked
from sealwire.keys import VerifyKey
from sealwire.unfinished import write_unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.cli.terminal import JsonOutput
    from sealwire.requests import Request
    from sealwire.unfinished import Unfinished


@click.command(
    short_help="Sign what somebody else asks for, after saying it in words.",
    epilog="""\b
Examples:
  sealwire cosign debug.partial --show
  sealwire cosign debug.partial
  sealwire cosign debug.partial --merge debug-of-carol.partial

\b
Exit status: 0 signed or shown, 1 declined, altered or not to be signed, 3 a problem on this side.
""",
)
@click.argument("file")
@click.option("--show", is_flag=True, help="Only say what it is; sign nothing.")
@click.option("--yes", is_flag=True, help="Sign without asking; for who has read it with --show.")
@click.option(
    "--merge",
    multiple=True,
    metavar="FILE",
    help="Only put the signatures of this copy of the message in; may be given again.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE",
    help="A public key to verify a signature with; may be given again.",
)
@config_option
@passphrase_options
@click.option("--json", "as_json", is_flag=True, help="With --show: print one JSON object.")
def cosign(
    file: str,
    merge: tuple[str, ...],
    keys: tuple[str, ...],
    config: str | None,
    *,
    show: bool,
    yes: bool,
    as_json: bool,
) -> Exit:
    """Sign the unfinished message FILE as well, after it has been said in words.

    FILE is what --partial of lease, apply, revert and seal writes. Your signature is put into it:
    give it back to whoever asks, who sends it. Several people may sign copies at the same time,
    which are put together with --merge.
    """
    if show + yes + bool(merge) > 1 or (as_json and not show):
        raise click.UsageError("give one of --show, --yes and --merge; --json goes with --show")
    unfinished = load_unfinished(file)
    request = read_asked(unfinished, file)
    known = [load_verify_key(each) for each in keys]
    if show:
        if as_json:
            say_json(_as_json(unfinished, request, known))
        else:
            _say(unfinished, request, known)
        return Exit.OK
    check_in_time(unfinished, file)
    if file == STDIN:
        raise click.UsageError("the signature is put into FILE, which has to be one; name it")
    if merge:
        return _merge(file, unfinished, merge)
    key = operator_settings(config).load_signing_key()
    public = key.verify_key
    if not isinstance(public, VerifyKey):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"key {key.fingerprint} of {key.owner} signs as SSHSIG, and the signatures of several "
            "are Ed25519",
            "name a key file, or an ordinary key in ssh-agent, as signing_key in your settings",
        )
    _check_may_sign(unfinished, public, file)
    _say(unfinished, request, [*known, public])
    if not yes:
        _ask(file)
    signed = unfinished.cosign(key)
    # Whoever has signed the same file meanwhile is not overwritten.
    _write(file, signed.merge(load_unfinished(file)))
    say(("signed", "bold green"), (f" by {key.owner}, key {key.fingerprint}", ""))
    say_next(file, unfinished.claims.iss)
    return Exit.OK


def _merge(file: str, unfinished: Unfinished, copies: Sequence[str]) -> Exit:
    merged = unfinished
    for copy in copies:
        try:
            merged = merged.merge(load_unfinished(copy))
        except SealError as error:
            raise CommandError(
                Exit.REFUSED,
                f"{in_words(copy)} does not go into {in_words(file)}: {error}",
                f"compare the two: sealwire cosign {shlex.quote(copy)} --show",
            ) from None
    _write(file, merged)
    say((f"{in_words(file)} has {counted(len(merged.signatures), 'signature')}", ""))
    say_next(file, merged.claims.iss)
    return Exit.OK


def _write(file: str, unfinished: Unfinished) -> None:
    content = write_unfinished(unfinished)
    write_checked(file, content, mode=0o600, force=True, error=SealError)


def _check_may_sign(unfinished: Unfinished, key: VerifyKey, file: str) -> None:
    """Refuse a signature that would not count, or not be one more.

    Raises:
        CommandError: with what to do instead.
    """
    mine = unfinished.is_signed_by(key)
    if mine is False:
        raise CommandError(
            Exit.REFUSED,
            f"a signature in {in_words(file)} names your key {key.fingerprint}, and is not of it",
            "do not sign it; get the file again from whoever asks",
        )
    if unfinished.claims.iss == key.owner or mine:
        what = "asked for" if unfinished.claims.iss == key.owner else "signed"
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{key.owner} has {what} this already, and counts once",
            f"let somebody else sign it, with their own settings: sealwire cosign "
            f"{shlex.quote(file)}",
        )


def _say(unfinished: Unfinished, request: Request, keys: Sequence[VerifyKey]) -> None:
    say_fields(fields_of(unfinished, request, keys))
    say_document(request)


def _as_json(
    unfinished: Unfinished, request: Request, keys: Sequence[VerifyKey]
) -> dict[str, JsonOutput]:
    signatures: list[JsonOutput] = []
    for signature in unfinished.signatures:
        named = next((key for key in keys if key.id == signature.key_id), None)
        signatures.append(
            {
                "key_id": signature.key_id.hex(),
                "owner": None if named is None else named.owner,
                "verified": named is not None and bool(unfinished.is_signed_by(named)),
            }
        )
    return {
        "claims": claims_as_json(unfinished.claims),
        "verb": request.verb.value,
        "why": request.why,
        "only": request.only,
        "content_type": unfinished.content_type,
        "document": unfinished.document.decode(errors="backslashreplace"),
        "digest": unfinished.digest.hex(),
        "signatures": signatures,
    }


def _ask(file: str) -> None:
    """Ask whether it is to be signed.

    Raises:
        CommandError: it is not, or nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise CommandError(
            Exit.LOCAL_FAILURE,
            "nobody can be asked whether to sign this, and nothing was signed",
            f"read it, then sign it with: sealwire cosign {shlex.quote(file)} --yes",
        )
    flush()
    if not click.confirm("sign this?", default=False, err=True):
        raise CommandError(Exit.REFUSED, "not signed", "tell whoever asks what should be otherwise")
