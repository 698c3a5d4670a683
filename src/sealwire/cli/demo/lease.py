"""A step of the demo: a level for a few seconds, which goes back by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.cli.demo.scene import check, say_answer
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from sealwire.cli.demo.scene import Scene

LEASE_S = 3


def lease_ends_by_itself(scene: Scene) -> None:
    """Lease a level; see it come and go."""
    screen = scene.screen
    screen.done(
        f"alice sealed and sent a lease: the logger payments.db at DEBUG for {LEASE_S} seconds, "
        "over the configuration as it is. Nobody comes back to end it"
    )
    screen.expected("DEBUG lines at once; then, without another message, none any more")
    since = scene.so_far
    document = write_request(
        Verb.LEASE, levels={"payments.db": "DEBUG"}, for_s=LEASE_S, why="INC-4711"
    )
    answer = scene.send(
        scene.sealer.seal(document, content_type=CONTENT_TYPE_REQUEST, stream=Stream.LEASE)
    )
    screen.happened(f"answer: {say_answer(answer)}")
    check(answer.outcome is Outcome.APPLIED, f"answer: {say_answer(answer)}")
    begun = scene.line("sealwire.changes: lease of alice:", since=since)
    debug = scene.line("DEBUG payments.db:", since=since)
    ended = scene.line("sealwire.changes: lease of alice ended", since=since)
    lines = scene.next_lines(scene.service.lines.index(ended, since))
    screen.quote([begun, debug, *lines])
    check(not any("DEBUG" in line for line in lines[1:]), "there is a DEBUG line afterwards")
