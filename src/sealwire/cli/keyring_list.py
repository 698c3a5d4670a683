"""``sealwire keys list``, and ``keys show`` of a keyring or of a key in one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import Exit
from sealwire.cli.keyring_options import now_s, ring_options
from sealwire.cli.terminal import printable, say, say_fields, say_json, write_bytes
from sealwire.cosesign import looks_signed_by_several
from sealwire.keyring.words import moment_in_words, role_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealwire.cli.terminal import JsonOutput
    from sealwire.keyring import Keyring, RingKey

_ID: Final = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{48})?")
_COLUMNS: Final = ("owner", "role", "id", "state", "primary", "since", "valid until", "audiences")


@click.command(
    "list",
    short_help="List the keys of the keyring.",
    epilog="""\b
Examples:
  sealwire keys list
  sealwire keys list --first > payments-1.keyring
  sealwire keys list --json
""",
)
@click.option("--first", is_flag=True, help="Write the first version, which services pin.")
@ring_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_keys(ring: str | None, config: str | None, *, first: bool, as_json: bool) -> Exit:
    """List the keys of the keyring: whose they are, for what, and in which state."""
    custodian = Custodian.open(ring, config)
    if first:
        write_bytes(custodian.history[0].sealed)
        return Exit.OK
    if as_json:
        say_json({**keyring_as_json(custodian.keyring, now_s()), "file": str(custodian.path)})
        return Exit.OK
    say_keyring(custodian, now_s())
    return Exit.OK


def show_of_keyring(named: str, *, as_json: bool) -> bool:
    """Show a keyring, or a key of one by its id; say whether it was either.

    Args:
        named: a file, or a key's id.
        as_json: print one JSON object.
    """
    path, now = Path(named), now_s()
    if _holds_keyrings(path):
        custodian = Custodian.open(named, None)
        if as_json:
            say_json(keyring_as_json(custodian.keyring, now))
        else:
            say_keyring(custodian, now)
        return True
    if _ID.fullmatch(named.lower()) is None or path.exists():
        return False
    custodian = Custodian.open(None, None)
    key = custodian.key(named)
    if as_json:
        say_json(key_as_json(key, now))
    else:
        say_key(key, custodian.keyring, now)
    return True


def _holds_keyrings(path: Path) -> bool:
    try:
        # A pipe would wait for whoever writes into it.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return looks_signed_by_several(file.read(8))
    except OSError:
        # Whoever loads it says why it cannot be read.
        return False


def say_keyring(custodian: Custodian, now: int) -> None:
    """Print a keyring: what it is, and a table of its keys."""
    keyring = custodian.keyring
    signers = sorted({shown.owner for shown in custodian.current.evidence})
    say_fields(
        [
            ("keyring", f"{keyring.name} {keyring.version}"),
            ("file", custodian.path),
            ("signed by", ", ".join(signers)),
            ("root signatures", f"{keyring.root_threshold} needed"),
            ("expires", _expiry(keyring, now)),
            ("digest", custodian.current.digest.hex()),
        ]
    )
    say(("", ""))
    say_table(_COLUMNS, [_row(key, now) for key in _ordered(keyring.keys)])


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose columns are as wide as what is in them."""
    everything = [columns, *rows]
    widths = [max(len(row[at]) for row in everything) for at in range(len(columns))]
    for number, row in enumerate(everything):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        say((printable(line.rstrip()), "" if number else "dim"))


def keyring_as_json(keyring: Keyring, now: int) -> dict[str, JsonOutput]:
    """Give a keyring under the names of its document, with each key's state at a time."""
    return {
        "name": keyring.name,
        "version": keyring.version,
        "issued": keyring.issued,
        "expires": keyring.expires,
        "expired": now > keyring.expires,
        "root_threshold": keyring.root_threshold,
        "keys": [key_as_json(key, now) for key in _ordered(keyring.keys)],
    }


def key_as_json(key: RingKey, now: int) -> dict[str, JsonOutput]:
    """Give a key as a keyring has it."""
    return {
        "id": key.fingerprint,
        "thumbprint": key.thumbprint.hex(),
        "owner": key.owner.id,
        "owner_kind": key.owner.kind.value,
        "role": key.role.value,
        "state": key.state_at(now).value,
        "primary": key.primary,
        "since": key.since,
        "not_before": key.not_before or None,
        "not_after": key.not_after or None,
        "until": key.until or None,
        "audiences": list(key.audiences),
    }


def say_key(key: RingKey, keyring: Keyring, now: int) -> None:
    """Print one key of a keyring."""
    say_fields(
        [
            ("keyring", f"{keyring.name} {keyring.version}"),
            ("owner", f"{key.owner.id} ({key.owner.kind.value})"),
            ("role", f"{key.role.value}: it {role_in_words(key.role)}"),
            ("fingerprint", key.fingerprint),
            ("thumbprint", key.thumbprint.hex()),
            ("state", f"{key.state_at(now).value}{', primary' if key.primary else ''}"),
            ("since", moment_in_words(key.since)),
            ("valid until", _until(key)),
            ("audiences", ", ".join(key.audiences) or "every service"),
        ]
    )


def _row(key: RingKey, now: int) -> tuple[str, ...]:
    return (
        key.owner.id,
        key.role.value,
        key.fingerprint,
        key.state_at(now).value,
        "primary" if key.primary else "",
        moment_in_words(key.since),
        _until(key),
        ", ".join(key.audiences) or "all",
    )


def _until(key: RingKey) -> str:
    if key.until:
        return f"suspended until {moment_in_words(key.until)}"
    return moment_in_words(key.not_after) if key.not_after else "-"


def _expiry(keyring: Keyring, now: int) -> str:
    said = moment_in_words(keyring.expires)
    return f"{said}, and has: sealwire keys renew" if now > keyring.expires else said


def _ordered(keys: Iterable[RingKey]) -> list[RingKey]:
    return sorted(keys, key=lambda key: (key.owner.id, key.role.value, key.since, key.thumbprint))
