"""Two steps of the demo: four processes behind one address, and a key that is rotated meanwhile."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from sealwire.cli.demo.processes import PATIENCE_S, Running
from sealwire.cli.demo.scene import NotAsExpectedError, check
from sealwire.client import Client
from sealwire.clock import wall_clock_ms
from sealwire.errors import TransportError, UntrustedAnswerError
from sealwire.journal import init as init_state
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.keyring import (
    Keyring,
    Owner,
    RingKey,
    Role,
    State,
    sign_keyring,
)
from sealwire.receipts import Outcome
from sealwire.recommended import local_layers
from sealwire.results import RequestRefusedError
from sealwire.sealer import MemorySealerState, Sealer

if TYPE_CHECKING:
    from sealwire.cli.demo.scene import Scene
    from sealwire.keys import SigningKey
    from sealwire.results import Result

AUDIENCE: Final = "orders@prod"
WORKER: Final = Path(__file__).with_name("worker.py")
LOGGER: Final = "orders.db"
_COUNT: Final = 4
_YEAR_S: Final = 365 * 24 * 3600
_AGAIN_S: Final = 0.1


class Fleet:
    """Four processes of one service, whose keys a keyring settles."""

    def __init__(self, folder: Path) -> None:
        """Make a root key, alice's key and the first keyring; start the processes."""
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.root, self.alice = new_signing_key("root"), new_signing_key("alice")
        self.host = new_signing_key("host")
        now = wall_clock_ms() // 1000
        keys = _entry(self.root, Role.ROOT, now), _entry(self.alice, Role.CONFIG, now)
        ordered = tuple(sorted(keys, key=lambda key: key.thumbprint))
        self.keyring = Keyring("orders", 1, now, now + _YEAR_S, 1, ordered)
        (folder / "first.keyring").write_bytes(sign_keyring(self.keyring, [self.root]))
        write_key_file(folder / "receipt.key", self.host)
        init_state(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self._versions = MemorySealerState()
        self._running = ExitStack()
        self.workers: list[Running] = []
        try:
            for number in range(_COUNT):
                self.workers.append(
                    self._running.enter_context(Running(WORKER, str(folder), str(number)))
                )
            for worker in self.workers:
                self.line(worker, "ready")
        except BaseException:
            self._running.close()
            raise

    def __enter__(self) -> Self:
        """Let them run while the block does."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End them."""
        self._running.close()

    def client(self, key: SigningKey) -> Client:
        """Give a client of whoever has ``key``."""
        layers = local_layers(key)
        sealer = Sealer(
            AUDIENCE, layers, issuer=key.owner, state=self._versions, clock=wall_clock_ms
        )
        address = f"unix:{self.folder}/orders.sock"
        return Client(address, sealer, receipt_key=self.host.verify_key)

    def line(self, worker: Running, part: str, since: int = 0) -> str:
        """Wait for a line of a process that holds ``part``.

        Raises:
            NotAsExpectedError: it does not come.
        """
        found = worker.wait_for(lambda line: part in line, since)
        if found is None:
            last = worker.lines[-1] if worker.lines else "nothing at all"
            raise NotAsExpectedError(f"a process never wrote {part!r}; its last line: {last}")
        return found

    def leader(self, client: Client) -> Running:
        """Give the process that serves the address, by the place that it says it has."""
        named = [row["instance"] for row in client.status().report["workers"] if row["leads"]]
        check(len(named) == 1, f"{len(named)} processes say that they lead")
        for worker in self.workers:
            pid = f"/proc/{worker.pid}/fd"
            links = (str(each.readlink()) for each in Path(pid).iterdir() if each.is_symlink())
            if any(link.endswith("leader.lock") for link in links):
                return worker
        return self.workers[0]

    def follow(self, keyring: Keyring) -> Result:
        """Have the service follow a keyring, signed by the root key."""
        self.keyring = keyring
        return self.client(self.alice).send_keyrings([sign_keyring(keyring, [self.root])])


def every_process_changes(scene: Scene, fleet: Fleet) -> None:
    """One lease changes four processes; one is killed, and the others go on."""
    screen = scene.screen
    screen.done(
        f"four processes of a service {AUDIENCE} were started. They share one address and one "
        f"state directory. Alice leased DEBUG for {LOGGER}; then the process that answers was "
        "killed by kill -9, and she leased once more"
    )
    screen.expected(
        "one message changes all four, and the receipt has a row for each; after the kill another "
        "one answers, and the three that are left change"
    )
    alice = fleet.client(fleet.alice)
    first = alice.lease({LOGGER: "DEBUG"}, for_s=60)
    screen.happened(f"receipt verified: {_rows(first)}")
    lines = [fleet.line(worker, "DEBUG worker") for worker in fleet.workers]
    screen.quote(lines)
    check(_done(first) == _COUNT, "it was not done in all of them")
    leader = fleet.leader(alice)
    leader.kill()
    fleet.workers.remove(leader)
    second = _when_served(alice, "INFO")
    screen.happened(f"process {leader.pid} was killed; receipt verified: {_rows(second)}")
    check(_done(second) == _COUNT - 1, "it was not done in the three that are left")


def key_is_rotated(scene: Scene, fleet: Fleet) -> None:
    """A new key is tried before it counts; the old one ends, and no process is restarted."""
    screen, old = scene.screen, fleet.client(fleet.alice)
    fresh = new_signing_key("alice")
    new = fleet.client(fresh)
    screen.done(
        "alice's key is rotated while they run: the new one is staged in the next keyring, which "
        "the root key signs; it is rehearsed; it is promoted; the old one ends"
    )
    screen.expected(
        "staged, it may read and change nothing; promoted, it changes; after that the old one is "
        "refused. Nobody starts anything again"
    )
    _refused(new, "a key that nobody knows")
    now = wall_clock_ms() // 1000
    staged = replace(_entry(fresh, Role.CONFIG, now), state=State.PRE_ACTIVATION, primary=False)
    fleet.follow(fleet.keyring.succeeded((*fleet.keyring.keys, staged), now=now))
    rehearsed = new.status()
    check(rehearsed.verified, "the staged key could not read")
    why = _refused(new, "a staged key")
    screen.happened(f"staged: it reads; a change is refused: {why}")
    was = fleet.keyring.named(fleet.alice.thumbprint)
    check(was is not None, "alice's key is not in the keyring")
    if was is None:
        return
    promoted = replace(staged, state=State.ACTIVE, since=now, primary=True)
    ended = replace(was, state=State.DEACTIVATED, since=now, primary=False)
    others = [key for key in fleet.keyring.keys if key.owner.id != "alice"]
    fleet.follow(fleet.keyring.succeeded((*others, promoted, ended), now=now))
    result = new.lease({LOGGER: "DEBUG"}, for_s=60)
    screen.happened(f"promoted: receipt verified: {_rows(result)}")
    check(_done(result) == _COUNT - 1, "the new key did not change all of them")
    why = _refused(old, "the old key")
    screen.happened(f"the old key: refused: {why}")
    point = None if result.receipt is None else result.receipt.keyring
    check(point is not None and point.version == fleet.keyring.version, "another keyring")


def _entry(key: SigningKey, role: Role, now: int) -> RingKey:
    return RingKey(
        thumbprint=key.thumbprint,
        role=role,
        owner=Owner(key.owner),
        state=State.ACTIVE,
        since=now,
        public=key.verify_key.public_bytes,
        primary=True,
    )


def _rows(result: Result) -> str:
    rows = () if result.receipt is None else result.receipt.instances
    names = ", ".join(each.name.rpartition("/")[2] for each in rows)
    return f"{_done(result)}/{len(rows)} applied ({names})"


def _done(result: Result) -> int:
    rows = () if result.receipt is None else result.receipt.instances
    return sum(each.outcome is Outcome.APPLIED for each in rows)


def _refused(client: Client, what: str) -> str:
    """Ask for a lease, which has to be refused; say why it was."""
    try:
        client.lease({LOGGER: "DEBUG"}, for_s=60)
    except RequestRefusedError as error:
        return error.reason
    except UntrustedAnswerError:
        return "no reason, and no signature, for strangers"
    raise NotAsExpectedError(f"{what} was obeyed")


def _when_served(client: Client, level: str) -> Result:
    """Lease as soon as another process serves the address."""
    ends_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.lease({LOGGER: level}, for_s=60)
        except TransportError:
            if time.monotonic() > ends_s:
                raise
        time.sleep(_AGAIN_S)
