"""A step of the demo: the record of all that happened, and what becomes of it when it is edited."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from sealwire.cli.demo.scene import check
from sealwire.trail.findings import Outcome
from sealwire.trail.layout import segments_of
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.cli.demo.scene import Scene

_WHO: Final = b'"alice"'


def trail_tells(scene: Scene) -> None:
    """Verify a copy of the trail; edit one byte of it, and verify it again."""
    screen, copy = scene.screen, scene.folder / "copy-of-trail"
    screen.done(
        "what the service did is recorded in its trail, whose checkpoints the host signs. A copy "
        "was verified with the host's public key; then one byte of the copy was edited, so that "
        "somebody other than alice seems to have asked for the first change"
    )
    screen.expected("the copy is as it was written, kill -9 and all; the edit is found and named")
    keys = [scene.trail_key.verify_key]
    shutil.copytree(scene.trail, copy)
    found = verify_trail(copy, keys)
    screen.happened(
        f"trail verified: {found.records} records, signed for {found.signed}"
        if found.outcome is Outcome.GOOD
        else f"{found.outcome.value}: {found.problem}"
    )
    check(found.outcome is Outcome.GOOD, f"the trail is {found.outcome.value}: {found.problem}")
    check(found.signed, "no checkpoint speaks for it")
    edit_a_byte(copy)
    found = verify_trail(copy, keys)
    check(found.outcome is Outcome.TAMPERED, "one byte was edited, and nothing is found")
    screen.happened(f"one byte edited: {found.outcome.value}: {found.problem}")


def edit_a_byte(trail: Path) -> None:
    """Let somebody else seem to have asked for the first change."""
    first = segments_of(trail)[0].records
    written = first.read_bytes()
    check(_WHO in written, "the trail does not say that alice asked for anything")
    # In its place: whoever writes the file meanwhile never finds it shorter.
    with first.open("r+b") as file:
        file.seek(written.index(_WHO))
        file.write(b'"alicf"')
