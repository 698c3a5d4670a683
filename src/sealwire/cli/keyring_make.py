"""``sealwire keys init``: a team's keyring, and the root keys that sign it."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from sealwire.cli import parameters
from sealwire.cli.custodian import ROOT_SUFFIX, SUFFIX, Custodian, default_folder, telling_why
from sealwire.cli.endings import Exit
from sealwire.cli.keyring_options import now_s, ring_options
from sealwire.cli.keys import file_name
from sealwire.cli.making import check_free, make_folder
from sealwire.cli.terminal import say_fields, say_hint
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.keyring import Keyring, Role
from sealwire.keyring.edits import entry_for
from sealwire.keyring.words import moment_in_words
from sealwire.keys import NAME_PATTERN

_FOLDER_MODE = 0o700
DEFAULT_LIFETIME = "365d"


@click.command(
    short_help="Make a keyring, and its root key.",
    epilog="""\b
Examples:
  sealwire keys init payments
  sealwire keys init payments --root-owner alice --root-owner bob --root-owner carol --threshold 2
""",
)
@click.argument("name")
@click.option(
    "--root-owner",
    "owners",
    multiple=True,
    type=parameters.owner,
    metavar="NAME",
    help="Whose root key to make; by default this user's. Repeatable.",
)
@click.option(
    "--threshold",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="How many root keys of different owners sign each version.",
)
@click.option(
    "--lifetime",
    "lifetime_s",
    type=parameters.duration,
    metavar="TIME",
    default=DEFAULT_LIFETIME,
    show_default=True,
    help="When it expires, unless it is renewed: from then on changes are refused.",
)
@ring_options
def init(
    name: str,
    owners: tuple[str, ...],
    threshold: int,
    lifetime_s: int,
    ring: str | None,
    config: str | None,
) -> Exit:
    """Make the keyring NAME, and a root key for each owner, which signs what follows.

    They are written beside the operator's settings, or where --ring says. The root keys are better
    kept where nothing else is; each belongs to its owner alone.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name; use a-z 0-9 . _ @ / -", param_hint="NAME")
    path = Path(ring) if ring else default_folder(config) / f"{file_name(name)}{SUFFIX}"
    of_whom = sorted(set(owners)) or [_user_name()]
    files = {owner: path.with_name(f"{file_name(owner)}{ROOT_SUFFIX}") for owner in of_whom}
    check_free(
        *(path, path.with_name(f"{path.stem}-1{SUFFIX}"), *files.values()),
        remedy="look at the keyring that is there: sealwire keys list; or make this one elsewhere "
        "with --ring FILE",
    )
    now = now_s()
    roots = [new_signing_key(owner) for owner in of_whom]
    keys = [entry_for(key, Role.ROOT, since=now, primary=True) for key in roots]
    with telling_why():
        keyring = Keyring(
            name=name,
            version=1,
            issued=now,
            expires=now + lifetime_s,
            root_threshold=threshold,
            keys=tuple(sorted(keys, key=lambda key: key.thumbprint)),
        )
    make_folder(path.parent, _FOLDER_MODE)
    for key in roots:
        write_key_file(files[key.owner], key)
    made = Custodian.begin(path, keyring, roots)
    say_fields(
        [
            ("keyring", path),
            ("first, to pin", made.pinned),
            ("expires", moment_in_words(keyring.expires)),
            *((f"root key of {owner}", file) for owner, file in files.items()),
        ]
    )
    if len(of_whom) > 1:
        say_hint("bring each root key to its owner, who alone may have it, and remove it here")
    say_hint("let people in: sealwire keys enroll PERSON --role lease --key PERSON.pub")
    return Exit.OK


def _user_name() -> str:
    try:
        name = getpass.getuser().lower()
    except (ImportError, KeyError, OSError):
        return "root"
    return name if NAME_PATTERN.fullmatch(name) else "root"
