"""Steps of the demo about changes that must not be, that fail, and that nobody confirms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.demo.scene import check, say_answer
from sealwire.errors import Reason
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from sealwire.cli.demo.scene import Said, Scene

TRIAL_S: Final = 2


def floor_holds(scene: Scene) -> None:
    """Try to silence the logger that the service's policy protects."""
    screen = scene.screen
    screen.done(
        "the service's policy protects its audit logger. Alice's own key sealed a configuration "
        "that raises the level of the logger above it, payments, to CRITICAL"
    )
    screen.expected("it is refused with the rule that says so, and audit lines go on")
    since = scene.so_far
    silence = {"version": 1, "loggers": {"payments": {"level": "CRITICAL"}}}
    answer = _ask(scene, Verb.APPLY, Stream.BASE, config=silence)
    screen.happened(f"answer: {say_answer(answer)}")
    check(answer.outcome is Outcome.REFUSED, "it was not refused")
    check(answer.reason == Reason.POLICY.value, f"it was refused for {answer.reason!r}")
    check("floor" in answer.answer.detail, "no floor refused it")
    refusal = scene.line("sealwire: refused", "floor", since=since)
    audit = scene.line("AUDIT", since=scene.service.lines.index(refusal, since))
    screen.quote([refusal, audit])


def failure_changes_nothing(scene: Scene) -> None:
    """Send a configuration of which one part cannot be built."""
    screen, kept = scene.screen, scene.folder / "kept.log"
    screen.done(
        "alice sealed a configuration with a file and a connection to a syslog server. The file "
        "is opened; the server is not there, which shows only when the handler is built"
    )
    screen.expected(
        "it fails as a whole: every logger, level and handler is as before, and the new file is "
        "gone again. The standard library closes the old handlers first, and stops in the middle"
    )
    before, since = _state(scene), scene.so_far
    file = {"class": "logging.FileHandler", "filename": str(kept)}
    other = {"class": "logging.handlers.SysLogHandler", "address": ["127.0.0.1", 1], "socktype": 1}
    config = {
        "version": 1,
        "handlers": {"file": file, "server": other},
        "root": {"level": "ERROR", "handlers": ["file", "server"]},
    }
    answer = _ask(scene, Verb.APPLY, Stream.BASE, config=config)
    screen.happened(f"answer: {say_answer(answer)}")
    check(answer.outcome is Outcome.FAILED, "it did not fail")
    check(before == _state(scene), "the logging is not as before")
    check(not kept.exists(), "the new file is still there")
    failed = scene.line("sealwire: failed to apply", since=since)
    screen.quote(scene.next_lines(scene.service.lines.index(failed, since), orders=1))


def trial_goes_by_itself(scene: Scene) -> None:
    """Apply on trial, and confirm nothing."""
    screen = scene.screen
    screen.done(
        f"alice put a configuration on trial for {TRIAL_S} seconds, which raises the level of the "
        "root to WARNING; then her line went dead, and nobody confirmed it"
    )
    screen.expected("INFO lines stop; then the logging goes back by itself, and they come again")
    before, since = _state(scene), scene.so_far
    quiet = {"version": 1, "incremental": True, "root": {"level": "WARNING"}}
    answer = _ask(scene, Verb.APPLY, Stream.BASE, config=quiet, confirm_within_s=TRIAL_S)
    screen.happened(f"answer: {say_answer(answer)}")
    check(answer.outcome is Outcome.APPLIED, "it was not applied")
    begun = scene.line("sealwire.changes: configuration of alice:", since=since)
    ended = scene.line("sealwire.changes: configuration of alice ended", since=since)
    start, end = (scene.service.lines.index(line, since) for line in (begun, ended))
    meanwhile = scene.service.lines[start:end]
    check(not any("INFO payments:" in line for line in meanwhile), "INFO lines went on")
    again = scene.next_lines(end, orders=1)
    screen.quote([begun, *again])
    check(before == _state(scene), "the logging is not as before")


def _ask(scene: Scene, verb: Verb, stream: Stream, **members: Any) -> Said:  # noqa: ANN401 - as write_request takes them
    document = write_request(verb, **members)
    return scene.send(scene.sealer.seal(document, content_type=CONTENT_TYPE_REQUEST, stream=stream))


def _state(scene: Scene) -> dict[str, Any]:
    """Give what the service tells about its logging: loggers, levels and handlers."""
    answer = _ask(scene, Verb.STATUS, Stream.READ)
    report = answer.answer.report
    check(report, f"no status: {say_answer(answer)}")
    told = json.loads(report)
    return {name: told[name] for name in ("loggers", "handlers", "disable")}
