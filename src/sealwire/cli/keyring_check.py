"""``sealwire keys check``: what is wrong with a keyring, or soon will be.

Rules this module keeps:

1. What a keyring says is judged by `sealwire.keyring.inspection`; here are the files beside it.
2. Whatever is found has to be mended, so the exit status is 1.
"""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.findings import Finding, Mark, problem_of, say_findings
from sealwire.cli.keyring_options import now_s, ring_options
from sealwire.cli.keys import public_part_of
from sealwire.cli.terminal import flush, say_json
from sealwire.cli.wording import counted
from sealwire.durations import in_words
from sealwire.errors import SealwireError
from sealwire.keyfiles import read_key_file
from sealwire.keyring import State
from sealwire.keyring.inspection import worries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECRETS: Final = frozenset({".signing", ".mac", ".aead"})
_GONE: Final = frozenset({State.DEACTIVATED, State.COMPROMISED, State.DESTROYED})


@click.command(
    short_help="Say what is wrong with the keyring, or soon will be.",
    epilog="""\b
Examples:
  sealwire keys check
  sealwire keys check --json

\b
Exit status: 0 nothing is wrong, 1 something is.
""",
)
@ring_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(ring: str | None, config: str | None, *, as_json: bool) -> Exit:
    """Look at ages, expiry, rights that should be apart, and the files beside the keyring.

    Nothing is changed, and no service is asked.
    """
    custodian = Custodian.open(ring, config)
    keyring, now = custodian.keyring, now_s()
    left_s = keyring.expires - now
    left = f"expires in {in_words(left_s * 1000)}" if left_s >= 0 else "has expired"
    found = [
        Finding(Mark.OK, "keyring", f"{custodian.path}: {keyring.name} {keyring.version}, {left}"),
        *(Finding(Mark.WARNING, each.name, each.text, each.next) for each in worries(keyring, now)),
        *_proposal(custodian),
        *_files(custodian),
    ]
    wrong = [each for each in found if each.mark is not Mark.OK]
    if as_json:
        say_json({"ok": not wrong, "checks": [each.as_json() for each in found]})
    else:
        say_findings(found)
    if wrong:
        flush()  # what was found comes first, also where both outputs are one
        raise CommandError(
            Exit.REFUSED,
            f"{counted(len(wrong), 'thing')} to mend, the first of them: {wrong[0].name}",
            wrong[0].next or "see the lines above",
        )
    return Exit.OK


def _proposal(custodian: Custodian) -> Iterator[Finding]:
    if custodian.proposed.exists():
        yield Finding(
            Mark.WARNING,
            "proposal",
            f"{custodian.proposed} waits for signatures",
            f"sealwire keys sign {custodian.proposed}; or drop it: rm {custodian.proposed}",
        )


def _files(custodian: Custodian) -> Iterator[Finding]:
    """Look at permissions, and at private keys that nothing needs any more."""
    yield from _folder(custodian.folder)
    known = {key.thumbprint: key for key in custodian.keyring.keys}
    for path in sorted(custodian.folder.rglob("*")):
        if path.suffix not in _SECRETS or not path.is_file():
            continue
        try:
            held = public_part_of(read_key_file(path, allow_example_keys=True))
        except SealwireError as error:
            yield problem_of("file", error)._replace(mark=Mark.WARNING)
            continue
        key = known.get(held.thumbprint)
        if key is not None and key.state in _GONE:
            yield Finding(
                Mark.WARNING,
                "file",
                f"{path} holds key {key.fingerprint}, which is {key.state.value}",
                f"once nothing needs it: rm {path}",
            )


def _folder(folder: Path) -> list[Finding]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if sys.platform != "win32" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        # A sticky one: from any other nothing would have been read.
        return [
            Finding(
                Mark.WARNING,
                "folder",
                f"{folder} has mode {mode:04o}, so others can put files there",
                f"chmod go-w {folder}",
            )
        ]
    return []
