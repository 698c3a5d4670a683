"""``sealwire receipts``: what services have signed, and whether it still holds.

Rules this module keeps:

1. A receipt is verified at the time it had: it proves what was the case then, and nothing of now.
2. What was written beside a receipt when it was kept is for listing. Showing and verifying read the
   receipt itself; what is encrypted in it needs the operator's own key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.sealing import config_option, operator_settings
from sealwire.cli.terminal import printable, say, say_fields, say_json
from sealwire.cli.wording import time_in_words
from sealwire.errors import RefusedError, SealwireError
from sealwire.keptreceipts import Kept, KeptReceipts, load_kept
from sealwire.keyfiles import load_aead_key, load_verify_key
from sealwire.receipts import Receipt, open_receipt, peek_receipt
from sealwire.results import read_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.keys import AeadKey, VerifyKey
    from sealwire.settings import OperatorSettings, Target

_ID_CHARS: Final = 8

json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
key_option: Final = click.option(
    "--key",
    metavar="FILE",
    help="The host's public receipt key; by default the one that is trusted for the service.",
)


@click.group(no_args_is_help=False, short_help="Show and verify kept receipts.")
def receipts() -> None:
    """Show and verify the receipts that were kept of this operator's requests."""


@receipts.command(
    "list",
    short_help="List the receipts that are kept.",
    epilog="""\b
Examples:
  sealwire receipts list
  sealwire receipts list --json
""",
)
@config_option
@json_option
def list_(config: str | None, *, as_json: bool) -> Exit:
    """List the receipts of this operator's changes, oldest first.

    What is listed is what was written when each came; sealwire receipts verify looks again.
    """
    store = KeptReceipts(operator_settings(config).receipts_path)
    kept = [(name, store.load(name)) for name in store.ids()]
    if as_json:
        say_json({"receipts": [{"name": name, **_listed(each)} for name, each in kept]})
        return Exit.OK
    for name, each in kept:
        trust = "verified" if each.verified_with else "unverified"
        what = f"{each.outcome}: {each.reason}" if each.reason else each.outcome
        line = f"{time_in_words(each.at_ms)}  {each.asked.audience}  {what}  {trust} ({each.host})"
        say((f"{printable(name)}  ", "dim"), (printable(line), ""))
    if not kept:
        say((f"no receipt is kept in {printable(store.folder)}", ""))
    return Exit.OK


@receipts.command(
    short_help="Show what a receipt says.",
    epilog="""\b
Examples:
  sealwire receipts show 5bf1c9b1
  sealwire receipts show 5bf1c9b1 --json
""",
)
@click.argument("receipt")
@key_option
@config_option
@json_option
def show(receipt: str, key: str | None, config: str | None, *, as_json: bool) -> Exit:
    """Show what RECEIPT says: the id of a request, its beginning, or a file.

    Says also whether it verifies; one that does not is shown as unverified.
    """
    found = _read(receipt, key, config)
    if as_json:
        say_json(_as_json(found))
    else:
        say_fields((name, value) for name, value in _in_words(found) if value)
    return Exit.OK


@receipts.command(
    short_help="Verify a receipt again, offline.",
    epilog="""\b
Examples:
  sealwire receipts verify 5bf1c9b1
  sealwire receipts verify receipt.json --key host.pub

\b
Exit status: 0 verified, 1 it is not the host's or was altered, 3 it cannot be read, or no key is
known.
""",
)
@click.argument("receipt")
@key_option
@config_option
@json_option
def verify(receipt: str, key: str | None, config: str | None, *, as_json: bool) -> Exit:
    """Verify RECEIPT: the id of a request, its beginning, or a file.

    Needs no connection: the receipt is verified with the host's key, at the time it had.
    """
    found = _read(receipt, key, config)
    if found.host is None:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"the receipt key of {found.kept.asked.audience} is not known, so nothing is verified",
            "name it with --key FILE, or trust it: sealwire trust AUDIENCE --key FILE",
        )
    if found.problem:
        if as_json:
            say_json(_as_json(found))
        raise CommandError(
            Exit.REFUSED,
            f"the receipt does not verify: {found.problem}",
            "it is not what this host has signed for this request; do not rely on it",
        )
    if as_json:
        say_json(_as_json(found))
        return Exit.OK
    when = time_in_words(found.receipt.at_ms)
    what = f": {found.host.owner} signed {found.receipt.outcome.value!r} at {when}"
    say(("verified", "bold green"), (printable(what), ""))
    return Exit.OK


class _Found(NamedTuple):
    """A receipt that was kept, as it is read now.

    Attributes:
        kept: how it was kept.
        receipt: what it says.
        host: the key with which it was to be verified, if one is known.
        problem: why it does not verify; ``""`` where it does, or no key is known.
    """

    kept: Kept
    receipt: Receipt
    host: VerifyKey | None
    problem: str

    @property
    def verified(self) -> bool:
        return self.host is not None and not self.problem


def _read(name: str, key: str | None, config: str | None) -> _Found:
    is_file = os.path.lexists(name)
    settings = _settings_of(config, needed=not is_file)
    if is_file or settings is None:
        kept = load_kept(Path(name))
    else:
        kept = KeptReceipts(settings.receipts_path).load(name)
    target = _target_of(settings, kept)
    host = None
    if key is not None:
        host = load_verify_key(key)
    elif settings is not None and target is not None:
        host = _key_of(settings, target, kept)
    request_key = _request_key(target, kept)
    problem = ""
    if host is not None:
        try:
            receipt = open_receipt(kept.receipt, kept.asked, host, request_key, now_ms=None)
        except RefusedError as error:
            problem = ": ".join(part for part in (error.reason.value, error.detail) if part)
        else:
            return _Found(kept, receipt, host, "")
    try:
        receipt = peek_receipt(kept.receipt, kept.asked, request_key).receipt
    except RefusedError as error:
        raise CommandError(
            Exit.REFUSED,
            f"the receipt cannot be read: {error.reason.value}: {error.detail}",
            "it was altered, or is of another request; do not rely on it",
        ) from None
    return _Found(kept, receipt, host, problem)


def _settings_of(config: str | None, *, needed: bool) -> OperatorSettings | None:
    try:
        return operator_settings(config)
    except SealwireError:
        # Whoever verifies a file with a key needs no settings.
        if needed or config is not None:
            raise
        return None


def _target_of(settings: OperatorSettings | None, kept: Kept) -> Target | None:
    targets = () if settings is None else settings.targets
    return next((each for each in targets if each.audience == kept.asked.audience), None)


def _key_of(settings: OperatorSettings, target: Target, kept: Kept) -> VerifyKey | None:
    """Give the host's key: of several the one that the receipt was verified with when it came."""
    keys = (*settings.load_receipt_keys(target).values(), *settings.load_next_receipt_keys(target))
    named = (each for each in keys if each.thumbprint.hex() == kept.verified_with)
    return next(named, next(iter(keys), None))


def _request_key(target: Target | None, kept: Kept) -> AeadKey | None:
    """Give the key under which the request was encrypted, if it was.

    Raises:
        CommandError: it was, and the key is not here.
    """
    if not kept.encrypted_with:
        return None
    key = None
    if target is not None and target.encryption is not None:
        key = load_aead_key(target.encryption, allow_example_keys=True)
    if key is None or key.thumbprint.hex() != kept.encrypted_with:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"the receipt is encrypted, and key {kept.encrypted_with[:16]} is not here",
            "read it with the settings of the operator who has sealed the request: --config FILE",
        )
    return key


def _listed(kept: Kept) -> dict[str, JsonOutput]:
    return {
        "id": kept.asked.id.hex(),
        "audience": kept.asked.audience,
        "stream": kept.asked.stream.value,
        "outcome": kept.outcome,
        "reason": kept.reason,
        "at_ms": kept.at_ms,
        "host": kept.host,
        "verified": bool(kept.verified_with),
        "encrypted": bool(kept.encrypted_with),
    }


def _as_json(found: _Found) -> dict[str, JsonOutput]:
    said, asked = found.receipt, found.kept.asked
    return {
        "verified": found.verified,
        "problem": found.problem,
        "host": found.kept.host if found.host is None else found.host.owner,
        "id": asked.id.hex(),
        "digest": asked.digest.hex(),
        "audience": asked.audience,
        "stream": asked.stream.value,
        "outcome": said.outcome.value,
        "mode": said.mode.value,
        "at_ms": said.at_ms,
        "reason": said.reason,
        "detail": said.detail,
        "repeated": said.repeated,
        "instances": [
            {"name": each.name, "outcome": each.outcome.value, "detail": each.detail}
            for each in said.instances
        ],
        "effective": said.effective,
        "floor_ms": said.floor_ms,
        "lease_end_ms": said.lease_end_ms,
        "reduced": list(said.reduced),
        "signers": [{"owner": each.owner, "key": each.key} for each in said.signers],
        "trail": None if said.trail is None else {"size": said.trail.size, "root": said.trail.root},
        "report": dict(read_report(said.report)),
    }


def _in_words(found: _Found) -> Iterator[tuple[str, object]]:
    said, asked = found.receipt, found.kept.asked
    host = found.kept.host if found.host is None else found.host.owner
    if found.verified:
        yield "verified", f"signed by {host}"
    elif found.host is None:
        yield "unverified", f"it says that it is signed by {host}, whose key is not known here"
    else:
        yield "NOT VERIFIED", found.problem
    yield "service", asked.audience
    yield "request", asked.id.hex()
    for signer in said.signers:
        yield "signed by", f"{signer.owner}, key {signer.key}"
    yield "outcome", said.outcome.value + (" (decided before)" if said.repeated else "")
    yield "reason", ": ".join(part for part in (said.reason, said.detail) if part)
    yield "at", time_in_words(said.at_ms)
    yield "memory", said.mode.value
    for each in said.instances:
        yield "instance", f"{each.name}: {each.outcome.value}"
    yield "in force", said.effective
    yield "floor", said.floor_ms and time_in_words(said.floor_ms)
    yield "lease ends", said.lease_end_ms and time_in_words(said.lease_end_ms)
    for reduced in said.reduced:
        yield "less is recorded", reduced
    if said.trail is not None:
        yield "trail", f"{said.trail.size} entries, root {said.trail.root}"
    if said.report:
        yield "report", "see --json"
