"""Steps of the demo about what is kept: a change outlives a killed service, and evidence shows."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.demo.processes import PATIENCE_S, Running, appears
from sealwire.cli.demo.scene import NotAsExpectedError, check, console_at, say_answer
from sealwire.client import Client
from sealwire.clock import wall_clock_ms
from sealwire.errors import NoAnswerError
from sealwire.journal import init as init_state
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.stages import Outcome
from sealwire.trail.findings import Outcome as Found
from sealwire.trail.layout import segments_of
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from sealwire.cli.demo.scene import Scene
    from sealwire.keys import SigningKey

PROGRAM: Final = Path(__file__).with_name("keeping.py")
AUDIENCE: Final = "ledger@prod"


class Ledger(NamedTuple):
    """Another service of alice's, which keeps what it takes."""

    folder: Path
    address: str
    host: SigningKey

    def start(self) -> Running:
        """Start it."""
        return Running(PROGRAM, self.address, str(self.folder))


def make_ledger(scene: Scene) -> Ledger:
    """Make the service's part: keys, state directory, folder of the trail."""
    folder = scene.folder / "ledger"
    folder.mkdir(0o700)
    host = new_signing_key("host")
    write_key_file(folder / "host.key", host)
    write_key_file(folder / "alice.pub", scene.alice.verify_key)
    (folder / "trail").mkdir(0o700)
    # alice's clock is this machine's, so what she seals next is newer.
    init_state(folder / "state", AUDIENCE, min_version=wall_clock_ms(), now_ms=wall_clock_ms())
    return Ledger(folder, f"unix:{folder / 'log.sock'}", host)


def change_outlives_the_service(scene: Scene, ledger: Ledger) -> None:
    """Kill a service in the middle of a change, start it again, and send the message again."""
    screen = scene.screen
    screen.done(
        f"alice sealed DEBUG for another service, {AUDIENCE}, which has a state directory, a "
        "receipt key and a trail. It was killed, as by kill -9, when it had taken the message and "
        "not applied it yet; then it was started again, and the same message was sent once more"
    )
    screen.expected(
        "nobody answers her the first time. The started service makes the change by itself, before "
        "it listens; the second time it says that this was done, does nothing, and signs that"
    )
    client = Client(
        ledger.address,
        scene.sealer_for(AUDIENCE, scene.alice),
        receipt_key=ledger.host.verify_key,
    )
    sealed = _killed_by_a_change(ledger, client)
    (ledger.folder / "kill-me").unlink()
    with ledger.start() as service:
        check(appears(ledger.folder / "log.sock"), "the service did not start again")
        debug = service.wait_for(lambda line: line.startswith("DEBUG ledger:"))
        check(debug, "the change is not in force")
        again = client.send(sealed)
        screen.happened(
            f"first: no answer. Second: {say_answer(again.answer)}; receipt "
            f"{'verified' if again.verified else 'not verified'}"
        )
        made = service.wait_for(lambda line: "was left in the middle" in line)
        screen.quote([line for line in (made, debug) if line])
        check(again.outcome is Outcome.APPLIED and again.repeated, "it was not done once")
        check(again.verified, "the answer is not signed by the host's key")
        applied = [line for line in service.lines if "sealwire.changes: configuration of" in line]
        check(len(applied) == 1, f"it was applied {len(applied)} times")


def _killed_by_a_change(ledger: Ledger, client: Client) -> bytes:
    """Start a service that dies in the middle; give the message that did it."""
    (ledger.folder / "kill-me").touch()
    with ledger.start() as service:
        check(appears(ledger.folder / "log.sock"), "the service did not start")
        try:
            answered = client.apply(console_at("DEBUG").decode())
        except NoAnswerError as unanswered:
            service.wait_for(lambda _: False)
            check(not service.is_alive(), f"the service still runs after {PATIENCE_S} s")
            return unanswered.sealed
    said = say_answer(answered.answer)
    raise NotAsExpectedError(f"the service was not killed; it answered: {said}")


def one_byte_is_found(scene: Scene, ledger: Ledger) -> None:
    """Verify the trail of all that; change one byte of it, and verify it again."""
    screen = scene.screen
    screen.done(
        "the trail of that service, a file that it leaves behind, was verified with the host's "
        "public key. Then one byte in the middle of it was changed, and it was verified again"
    )
    screen.expected(
        "the first time it is good; the second time it is not, and it is said up to where it is"
    )
    keys = [ledger.host.verify_key]
    good = verify_trail(ledger.folder / "trail", keys)
    segment = segments_of(ledger.folder / "trail")[0].records
    content = bytearray(segment.read_bytes())
    at = len(content) // 2
    content[at] ^= 1 + secrets.randbelow(255)
    segment.write_bytes(content)
    bad = verify_trail(ledger.folder / "trail", keys)
    screen.happened(
        f"before: {good.outcome.value}, {good.records} records. After: {bad.outcome.value}: "
        f"{bad.problem}"
    )
    check(good.outcome is Found.GOOD, f"the trail is {good.outcome.value}: {good.problem}")
    check(bad.outcome is Found.TAMPERED, f"the changed trail is {bad.outcome.value}")
