"""A step of the demo: the service is killed in the middle of a change, and nothing is lost."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from sealwire.cli.demo.scene import check, console_at, say_answer
from sealwire.cli.demo.service import CONNECTING
from sealwire.errors import NoAnswerError
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from sealwire.cli.demo.scene import Scene

_ARCHIVE: Final = "__main__.archive"


def killed_in_the_middle(scene: Scene) -> None:
    """Kill the service between taking a change and making it; see it made once, afterwards."""
    screen, sealed = scene.screen, scene.sealer.seal(_slow())
    screen.done(
        "alice sent level DEBUG and a handler that takes a second to connect. In that second, with "
        f"the change taken and not made, process {scene.service.pid} was killed by kill -9, and "
        "started again"
    )
    screen.expected(
        "she gets no answer; but what was taken stands in the service's state directory, and the "
        "new process makes the change, once: the same bytes, sent again, do nothing"
    )
    code = _killed_while_connecting(scene, sealed)
    check(code == -signal.Signals["SIGKILL"], f"the service ended with {code} before it was killed")
    scene.start_again()
    again = scene.line("left in the middle", "applied now")
    debug = scene.line("DEBUG payments.db:")
    screen.happened(f"no answer; process {scene.service.pid}, before anybody asks it, writes")
    screen.quote([again, debug])
    since = scene.so_far
    answer = scene.send(sealed)
    screen.happened(f"the answer to the same bytes: {say_answer(answer)}")
    check(answer.repeated and answer.outcome is Outcome.APPLIED, "it was not seen as a copy")
    screen.quote([scene.line("sealwire: repeated", "nothing applied", since=since)])
    scene.next_lines(since)
    made = scene.service.lines.count(CONNECTING)
    check(made == 1, f"the change was made {made} times")
    answer = scene.send(scene.sealer.seal(console_at("INFO")))
    check(answer.outcome is Outcome.APPLIED, f"back to INFO: {say_answer(answer)}")


def _killed_while_connecting(scene: Scene, sealed: bytes) -> int:
    """Send a message, kill the service while it makes the change, and give its exit code."""
    with ThreadPoolExecutor(1) as sending:
        asked = sending.submit(scene.send, sealed)
        try:
            scene.line(CONNECTING)
        finally:
            code = scene.service.kill()
    check(isinstance(asked.exception(), NoAnswerError), "the change was made before the kill")
    return code


def _slow() -> bytes:
    plan = json.loads(console_at("DEBUG"))
    plan["handlers"]["archive"] = {"()": _ARCHIVE}
    plan["root"]["handlers"].append("archive")
    return json.dumps(plan).encode()
