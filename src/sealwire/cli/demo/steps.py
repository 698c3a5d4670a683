"""The steps of the demo: each does something, says what should come of it, and checks that it did.

A step that does not go as it says raises `NotAsExpectedError`; nothing is shown as checked that was
not. Refusals are shown in the service's own words: nine in all, because a listener writes at most
ten a minute.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from sealwire.cli.demo.attacks import library_against_sealwire, run_by_library
from sealwire.cli.demo.changes import failure_changes_nothing, floor_holds, trial_goes_by_itself
from sealwire.cli.demo.evidence import trail_tells
from sealwire.cli.demo.fleet import Fleet, every_worker_changes, key_is_rotated
from sealwire.cli.demo.lease import lease_ends_by_itself
from sealwire.cli.demo.scene import (
    AUDIENCE,
    OTHER_AUDIENCE,
    Scene,
    check,
    console_at,
    console_in_ini,
    say_answer,
)
from sealwire.cli.demo.surviving import killed_in_the_middle
from sealwire.cli.demo.workers import COUNT, gunicorn_version
from sealwire.clock import wall_clock_ms
from sealwire.errors import Reason
from sealwire.keyfiles import new_signing_key
from sealwire.requests import CONTENT_TYPE_INI
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR_MS: Final = 3_600_000
_OWNER_ONLY: Final = 0o600


class Play:
    """The steps, in their order; later ones use what earlier ones made."""

    def __init__(self, scene: Scene) -> None:
        """Play in ``scene``."""
        self.scene = scene
        self.screen = scene.screen
        self.recorded = b""
        self.fleet: Fleet | None = None
        served = f"{'gunicorn' if gunicorn_version() else 'A server'} with {COUNT} workers"
        self.steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("A service runs, and logs at level INFO", self.service_runs),
            ("Alice seals a configuration, and DEBUG lines appear", self.debug_appears),
            ("The same message is sent again", self.sent_again),
            ("Alice goes back to INFO, and the first message is sent again", self.overtaken),
            ("Four messages that nobody should obey", self.not_obeyed),
            ("Configurations that would run programs, sealed by alice herself", self.gadgets),
            ("The other door: TCP, with gate and encryption, and INI", self.other_door),
            ("A level for a few seconds, which goes back by itself", self.lease),
            ("The audit logger that no message can silence", self.floor),
            ("A configuration that fails in the middle", self.failure),
            ("A configuration on trial, which nobody confirms", self.trial),
            ("Killed in the middle of a change, by kill -9", self.killed),
            ("The trail of all this, and one byte of it edited", self.trail),
            (f"{served}, one of them killed on the way", self.workers),
            ("A key is rotated while they run", self.rotation),
            ("Four bytes, and the connection is closed", self.four_bytes),
            ("The service still listens, and ends in order", self.ends_in_order),
        )

    def service_runs(self) -> None:
        """Step 1."""
        scene, screen = self.scene, self.screen
        path = scene.folder / "log.sock"
        screen.done(
            f"started the service {AUDIENCE} as process {scene.service.pid}. For each order it "
            "writes a DEBUG and an INFO record. It knows one public key, alice's, and listens on "
            f"the socket {path}. What comes by it is remembered on disk and recorded in a trail; "
            "answers are receipts, signed with a key whose public half alice knows"
        )
        screen.expected(
            "INFO lines and no DEBUG line; only this user and root can reach the socket"
        )
        lines = scene.next_lines(0)
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        screen.happened(f"the socket has mode {mode:04o}, and the service writes")
        screen.quote(lines)
        check(not any("DEBUG" in line for line in lines), "there is a DEBUG line")
        ours = status.st_uid == scene.folder.stat().st_uid
        check(mode == _OWNER_ONLY and ours, "others can reach the socket")

    def debug_appears(self) -> None:
        """Step 2."""
        scene, screen = self.scene, self.screen
        self.recorded = scene.sealer.seal(console_at("DEBUG"))
        screen.done(
            "alice's private key, which the service does not have, sealed a logging configuration "
            f"with level DEBUG for {AUDIENCE}. The {len(self.recorded)} bytes were sent to the "
            "socket"
        )
        screen.expected("the running process changes: DEBUG lines appear, without a restart")
        since = scene.so_far
        answer = scene.send(self.recorded)
        screen.happened(f"answer: {say_answer(answer)}")
        check(answer.outcome is Outcome.APPLIED and not answer.repeated, "it was not applied")
        applied = scene.line("sealwire: applied", "of alice", since=since)
        debug = scene.line("DEBUG payments.db:", since=since)
        screen.quote([applied, debug])
        check(scene.service.is_alive(), "the service has ended")

    def sent_again(self) -> None:
        """Step 3."""
        scene, screen = self.scene, self.screen
        screen.done("the same bytes were sent once more, as a copy on the way could be")
        screen.expected("the service knows the message: it says what came of it, and does nothing")
        since = scene.so_far
        answer = scene.send(self.recorded)
        screen.happened(f"answer: {say_answer(answer)}")
        check(answer.repeated and answer.outcome is Outcome.APPLIED, "it was not seen as a copy")
        screen.quote([scene.line("sealwire: repeated", "nothing applied", since=since)])
        lines = scene.next_lines(since)
        check(not any("sealwire: applied" in line for line in lines), "it was applied again")

    def overtaken(self) -> None:
        """Step 4."""
        scene, screen = self.scene, self.screen
        screen.done(
            "alice sealed and sent a configuration with level INFO; then somebody who had kept "
            "her first message sent that one again"
        )
        screen.expected("DEBUG lines stop, and the old message does not bring them back")
        since = scene.so_far
        answer = scene.send(scene.sealer.seal(console_at("INFO")))
        check(answer.outcome is Outcome.APPLIED, f"the second message: {say_answer(answer)}")
        applied = scene.line("sealwire: applied", since=since)
        since = scene.service.lines.index(applied, since) + 1
        answer = scene.send(self.recorded)
        screen.happened(f"answers: applied; then {say_answer(answer)}")
        check(answer.outcome is Outcome.REFUSED, "the old message was not refused")
        refusal = scene.line("sealwire: refused", Reason.VERSION_SUPERSEDED.value, since=since)
        lines = scene.next_lines(scene.service.lines.index(refusal, since))
        screen.quote([applied, *lines])
        check(not any("DEBUG" in line for line in lines), "there is a DEBUG line afterwards")

    def not_obeyed(self) -> None:
        """Step 5."""
        scene, screen = self.scene, self.screen
        screen.expected(
            "each is refused. Whoever cannot show a key learns nothing; whoever can, the reason"
        )
        document = console_at("DEBUG")
        impostor = scene.sealer_for(AUDIENCE, new_signing_key("alice"))
        tampered = bytearray(scene.sealer.seal(document))
        tampered[len(tampered) // 2] ^= 1
        other = scene.sealer_for(OTHER_AUDIENCE, scene.alice)
        old = scene.sealer_for(AUDIENCE, scene.alice).seal_at(
            document, now_ms=wall_clock_ms() - _HOUR_MS
        )
        start = scene.so_far
        screen.done("forged: sealed in alice's name, with another key")
        self._refused(impostor.seal(document), Reason.KEY_UNKNOWN, told=False)
        screen.done("tampered: alice's message, one bit changed")
        self._refused(bytes(tampered), Reason.SIGNATURE_INVALID, told=False)
        screen.done(
            f"for another service: alice sealed it for {OTHER_AUDIENCE}. Whom a message is for is "
            "part of what is signed"
        )
        self._refused(other.seal(document), Reason.SIGNATURE_INVALID, told=False)
        screen.done(
            f"too old: alice sealed it an hour ago, to be delivered within {DEFAULT_LIFETIME_S} "
            "seconds"
        )
        self._refused(old, Reason.EXPIRED, told=True)
        lines = scene.next_lines(start)
        check(not any("DEBUG" in line for line in lines), "a refused message changed the level")

    def gadgets(self) -> None:
        """Step 6."""
        scene, screen = self.scene, self.screen
        screen.expected(
            "the standard library's dictConfig does what such a document says and makes the "
            "folder it names; sealwire refuses it, whoever sealed it, and no folder is made"
        )
        for what, document, made, reason in run_by_library(scene.folder):
            screen.done(what)
            check(made.is_dir(), "the standard library did not make the folder: no proof here")
            screen.happened(
                f"by dictConfig in a process of its own: the folder {made.name} is made"
            )
            made.rmdir()
            self._refused(scene.sealer.seal(document), reason, told=True)
            check(not made.exists(), f"the folder {made.name} was made by the service")

    def other_door(self) -> None:
        """Step 7."""
        scene, screen = self.scene, self.screen
        told = scene.line("listening on tcp:")
        address = told.split(" on ", 1)[1].split()[0]
        screen.done(
            f"alice sealed an INI file with level DEBUG for {address}, where messages are "
            "encrypted, and a gate turns strangers away before a signature is looked at"
        )
        screen.expected("it changes as by the socket; what is only signed does not pass the gate")
        since = scene.so_far
        sealed = scene.network_sealer.seal(console_in_ini("DEBUG"), content_type=CONTENT_TYPE_INI)
        hidden = sealed.find(b"StreamHandler") < 0
        answer = scene.send(sealed, address)
        check(answer.outcome is Outcome.APPLIED, f"answer: {say_answer(answer)}")
        applied = scene.line("sealwire: applied", "(127.0.0.1", since=since)
        debug = scene.line("DEBUG payments.db:", since=since)
        answer = scene.send(scene.sealer.seal(console_at("INFO")), address)
        screen.happened(f"answers: applied; then, to a signature alone, {say_answer(answer)}")
        check(answer.outcome is Outcome.REFUSED, "a signature alone was taken")
        check(not answer.reason, "a stranger was told the reason")
        refusal = scene.line("sealwire: refused", "expected Mac0", since=since)
        screen.quote([applied, debug, refusal])
        check(hidden, "the sealed bytes show the configuration")
        answer = scene.send(scene.sealer.seal(console_at("INFO")))
        check(answer.outcome is Outcome.APPLIED, f"back by the socket: {say_answer(answer)}")

    def lease(self) -> None:
        """Step 8."""
        lease_ends_by_itself(self.scene)

    def floor(self) -> None:
        """Step 9."""
        floor_holds(self.scene)

    def failure(self) -> None:
        """Step 10."""
        failure_changes_nothing(self.scene)

    def trial(self) -> None:
        """Step 11."""
        trial_goes_by_itself(self.scene)

    def killed(self) -> None:
        """Step 12."""
        killed_in_the_middle(self.scene)

    def trail(self) -> None:
        """Step 13."""
        trail_tells(self.scene)

    def workers(self) -> None:
        """Step 14."""
        self.fleet = self.scene.beside(Fleet(self.scene.folder / "orders"))
        every_worker_changes(self.scene, self.fleet)

    def rotation(self) -> None:
        """Step 15."""
        check(self.fleet is not None, "the workers have not been started")
        if self.fleet is not None:
            key_is_rotated(self.scene, self.fleet)

    def four_bytes(self) -> None:
        """Step 16."""
        scene, screen = self.scene, self.screen
        screen.done(
            "4 bytes, the length of a message that never comes, were sent to our service, and to "
            "a process with this Python's logging.config.listen(verify=...); both connections were "
            "closed at once"
        )
        screen.expected(
            "the service stays idle. The library reads from the closed connection for ever, "
            "before verify= is asked, unless this Python has that mended"
        )
        since = scene.so_far
        spin = library_against_sealwire(scene)
        verdict = "loops" if spin.library_loops else "does not loop: mended in this Python"
        screen.happened(
            f"processor time used in {spin.elapsed_s:.1f} s: the service {spin.ours_s:.2f} s, the "
            f"standard library {spin.theirs_s:.2f} s; it {verdict}"
        )
        screen.quote([scene.line("sealwire: refused", Reason.FRAME_TRUNCATED.value, since=since)])
        check(spin.we_are_idle, "the service is busy with a closed connection")

    def ends_in_order(self) -> None:
        """Step 17."""
        scene, screen = self.scene, self.screen
        screen.done("alice sealed and sent DEBUG once more; then the service was told to end")
        screen.expected("it obeys her as before; then it ends by itself and removes its socket")
        since = scene.so_far
        answer = scene.send(scene.sealer.seal(console_at("DEBUG")))
        check(answer.outcome is Outcome.APPLIED, f"answer: {say_answer(answer)}")
        debug = scene.line("DEBUG payments.db:", since=since)
        code = scene.service.end()
        screen.happened(f"answer: {say_answer(answer)}; the service ended with exit code {code}")
        screen.quote([debug])
        check(code == 0, "the service did not end by itself")
        check(not (scene.folder / "log.sock").exists(), "the socket is still there")

    def _refused(self, sealed: bytes, reason: Reason, *, told: bool) -> None:
        """Send a message; show and check that it is refused for ``reason``."""
        scene, screen = self.scene, self.screen
        since = scene.so_far
        answer = scene.send(sealed)
        screen.happened(f"answer: {say_answer(answer)}")
        check(answer.outcome is Outcome.REFUSED, "it was not refused")
        refusal = scene.line("sealwire: refused", since=since)
        screen.quote([refusal])
        check(f": {reason.value}: " in refusal, f"it was not refused for {reason.value}")
        check(answer.verified == told, "whether it is signed is not as it should be")
        expected = reason.value if told else ""
        check(answer.reason == expected, f"the sender was told {answer.reason or 'no reason'!r}")
