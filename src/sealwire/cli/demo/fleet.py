"""Two steps of the demo: four workers behind one address, and a key that is rotated meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from sealwire.cli.demo.processes import PATIENCE_S
from sealwire.cli.demo.scene import NotAsExpectedError, check
from sealwire.cli.demo.workers import COUNT, NO_GUNICORN, Workers, gunicorn_version
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
DATABASE: Final = "orders.db"
WEB: Final = "orders.web"
_LEASE_S: Final = 600
_YEAR_S: Final = 365 * 24 * 3600
_AGAIN_S: Final = 0.1
_SETTINGS: Final = """\
audience = "{audience}"
address = "unix:{folder}/orders.sock"
chain = "local"
receipt_key = "receipt.key"
state = "state"
workers = true

[keyring]
pinned = "first.keyring"
"""


class Fleet:
    """The workers of one service, whose keys a keyring settles."""

    def __init__(self, folder: Path) -> None:
        """Make a root key, alice's key, the first keyring and the settings; start the workers."""
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
        settings = _SETTINGS.format(audience=AUDIENCE, folder=folder)
        (folder / "service.toml").write_text(settings, encoding="utf-8")
        self._versions = MemorySealerState()
        self.workers = Workers(folder)

    def __enter__(self) -> Self:
        """Let them run while the block does."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End them."""
        self.workers.end()

    def client(self, key: SigningKey) -> Client:
        """Give a client of whoever has ``key``."""
        layers = local_layers(key)
        sealer = Sealer(
            AUDIENCE, layers, issuer=key.owner, state=self._versions, clock=wall_clock_ms
        )
        address = f"unix:{self.folder}/orders.sock"
        return Client(address, sealer, receipt_key=self.host.verify_key)

    def leader(self, client: Client) -> int:
        """Give the number of the worker that serves the address."""
        named = [row["instance"] for row in client.status().report["workers"] if row["leads"]]
        check(len(named) == 1, f"{len(named)} workers say that they lead")
        return self.workers.at(named[0])

    def follow(self, keyring: Keyring) -> Result:
        """Have the service follow a keyring, signed by the root key."""
        self.keyring = keyring
        return self.client(self.alice).send_keyrings([sign_keyring(keyring, [self.root])])


def every_worker_changes(scene: Scene, fleet: Fleet) -> None:
    """One lease changes four workers; one is killed and replaced, and the next one changes all."""
    screen, workers, alice = scene.screen, fleet.workers, fleet.client(fleet.alice)
    version = gunicorn_version()
    server = f"gunicorn {version}" if version else f"{NO_GUNICORN}; a server of the demo's own"
    screen.done(
        f"{server} was started with {COUNT} workers, which take orders and are the "
        f"service {AUDIENCE}, behind one address. Alice leased DEBUG for {DATABASE}; then the "
        "worker that had answered her was killed by kill -9; then she leased DEBUG for "
        f"{WEB}"
    )
    screen.expected(
        "one message changes all of them: the receipt has a row for each, and each writes DEBUG "
        "lines. The worker that the server starts in place of the killed one has the lease "
        "before its first order, and the next message changes it like the others"
    )
    workers.ordered("INFO", "orders", 0)
    check(not workers.any_wrote("DEBUG"), "a worker wrote DEBUG before it was asked to")
    _lease_in_all(scene, fleet, alice.lease({DATABASE: "DEBUG"}, for_s=_LEASE_S), DATABASE)
    killed = fleet.leader(alice)
    workers.kill(killed)
    another = workers.await_another()
    workers.ordered("INFO", "orders", workers.so_far)
    first = workers.lines_of(another)[:2]
    screen.happened(f"worker {killed} was killed; worker {another} has come, and begins with")
    screen.quote(first)
    check(first[0].startswith("DEBUG"), "the worker that came had no lease at its first order")
    _lease_in_all(scene, fleet, _when_served(alice, WEB), WEB)


def _lease_in_all(scene: Scene, fleet: Fleet, result: Result, logger: str) -> None:
    """Show and check that a lease has been made in every worker, and what each writes now."""
    since = fleet.workers.so_far
    scene.screen.happened(f"receipt verified: {_rows(result)}")
    check(_done(result) == COUNT, "it was not done in all of them")
    scene.screen.quote(fleet.workers.ordered("DEBUG", logger, since))


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
    result = new.lease({DATABASE: "DEBUG"}, for_s=_LEASE_S)
    screen.happened(f"promoted: receipt verified: {_rows(result)}")
    check(_done(result) == COUNT, "the new key did not change all of them")
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
    names = ", ".join(sorted(each.name.rpartition("/")[2] for each in rows))
    return f"{_done(result)}/{len(rows)} applied ({names})"


def _done(result: Result) -> int:
    rows = () if result.receipt is None else result.receipt.instances
    return sum(each.outcome is Outcome.APPLIED for each in rows)


def _refused(client: Client, what: str) -> str:
    """Ask for a lease, which has to be refused; say why it was."""
    try:
        client.lease({DATABASE: "DEBUG"}, for_s=_LEASE_S)
    except RequestRefusedError as error:
        return error.reason
    except UntrustedAnswerError:
        return "no reason, and no signature, for strangers"
    raise NotAsExpectedError(f"{what} was obeyed")


def _when_served(client: Client, logger: str) -> Result:
    """Lease as soon as another worker serves the address."""
    ends_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.lease({logger: "DEBUG"}, for_s=_LEASE_S)
        except TransportError:
            if time.monotonic() > ends_s:
                raise
        time.sleep(_AGAIN_S)
