"""What outlives a process: real services that are killed, started again, and lied to by disks."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sealwire import (
    Client,
    Ed25519Signer,
    HmacTagger,
    MacKey,
    NoAnswerError,
    RequestRefusedError,
    Sealer,
    deliver,
    wall_clock_ms,
)
from sealwire.cli.app import run
from sealwire.journal import Journal, Now, StateDirectory, Stored
from sealwire.keyfiles import load_signing_key
from sealwire.localdoor import write_local
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.results import Result

PATIENCE_S = 20.0
AUDIENCE = "payments@test"
NAME = "payments.db"
INFO, DEBUG, ERROR = 20, 10, 40
LOUD = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "DEBUG"}}}
QUIET = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "ERROR"}}}

PROGRAM = """
import logging, os, signal, sys
import sealwire
from sealwire import listener, engine, durable
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
exec(sys.argv[2])
running = sealwire.listen_from(sys.argv[1])
print("listening", flush=True)
for line in sys.stdin:
    exec(line)
    print(logging.getLogger("payments.db").getEffectiveLevel(), flush=True)
"""

DIES_APPLYING = """
def dies(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
engine.Engine.perform = dies
"""

DIES_AFTER_APPLYING = """
performs = engine.Engine.perform
def dies(*arguments):
    performs(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
engine.Engine.perform = dies
"""

OTHER_SETUP = "logging.getLogger('payments').setLevel(logging.ERROR)"


class Service:
    """A process that listens, and says at which level its logger is."""

    def __init__(self, settings: Path, first: str = "") -> None:
        """Start it; ``first`` is what it does before it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(settings), first],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.listens = self._line() == "listening\n"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    @property
    def level(self) -> int:
        """The level of the logger, in that process."""
        return self.do("pass")

    def do(self, line: str) -> int:
        """Do something in that process; give the logger's level then."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def level_of(self, name: str) -> int:
        """Give the level of another logger, in that process."""
        assert self._process.stdin is not None
        self._process.stdin.write(
            f"print(logging.getLogger({name!r}).getEffectiveLevel(), flush=True)\n"
        )
        self._process.stdin.flush()
        level = int(self._line())
        self._line()
        return level

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def kill(self) -> str:
        """Kill it as the kernel would; give what it has logged."""
        self._process.send_signal(signal.SIGKILL)
        return self._process.communicate(timeout=PATIENCE_S)[1]

    def stop(self) -> None:
        """Let it do nothing any more."""
        self._process.send_signal(signal.SIGSTOP)

    def died(self) -> int:
        """Wait until it is dead."""
        return self._process.wait(PATIENCE_S)


@pytest.fixture
def chain() -> str:
    """Give the chain of the service; a test that is about several has another."""
    return "local"


@pytest.fixture
def parts(folder: Path, chain: str) -> Path:
    """Give a folder with a service's part and an operator's."""
    made = folder / "made"
    arguments = ["init", AUDIENCE, "--both", "--owner", "alice", "--dir", str(made)]
    assert not run([*arguments, "--chain", chain])
    return made


@pytest.fixture
def start(parts: Path) -> Iterator[Callable[..., Service]]:
    """Give what starts the service, again and again."""
    services: list[Service] = []

    def starts(first: str = "", settings: str = "service.toml") -> Service:
        services.append(Service(parts / settings, first))
        return services[-1]

    yield starts
    for service in services:
        service.kill()


@pytest.fixture
def client(parts: Path) -> Client:
    """Give the operator's client."""
    return Client.from_settings(parts / "operator" / "operator.toml")


def settled(service: Service, level: int) -> bool:
    """Wait until the logger has this level."""
    ends = time.monotonic() + PATIENCE_S
    while service.level != level:
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def taken(ask: Callable[[], Result]) -> None:
    """Ask until it is taken."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask()
        except RequestRefusedError:
            assert time.monotonic() < ends
            time.sleep(0.1)
        else:
            return


def recorded(client: Client, ask: Callable[[], Result]) -> tuple[bytes, Result]:
    """Give the message that ``ask`` sends, with what became of it."""
    sent: list[bytes] = []
    delivers = client._deliver

    def records(address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        sent.append(sealed)
        return delivers(address, sealed, timeout_s=timeout_s)

    client._deliver = records
    try:
        result = ask()
    finally:
        client._deliver = delivers
    return sent[0], result


# ---- what stands is there again --------------------------------------------------------------


@pytest.mark.parametrize("chain", ["local", "network"])
def test_a_configuration_outlives_the_process(
    start: Callable[..., Service], client: Client
) -> None:
    """It is in force when the service says that it listens; a copy is answered and does nothing."""
    service = start()
    sent, _ = recorded(client, lambda: client.apply(LOUD))
    assert DEBUG == service.level
    service.kill()
    service = start()
    assert DEBUG == service.level
    again = client.send(sent)
    assert (Outcome.APPLIED, True) == (again.outcome, again.repeated)


def test_how_it_remembers_is_told(start: Callable[..., Service], client: Client) -> None:
    """Whoever asks sees whether a restart forgets."""
    start()
    report = client.status().report
    assert ("durable", "", []) == (report["mode"], report["trouble"], report["set_aside"])


def test_an_older_message_stays_overtaken(start: Callable[..., Service], client: Client) -> None:
    """A start makes nothing new that was old before it."""
    service = start()
    first, _ = recorded(client, lambda: client.apply(LOUD))
    client.apply(QUIET)
    service.kill()
    service = start()
    again = deliver(client.address, first)
    assert (Outcome.REFUSED, "version-superseded") == (again.outcome, again.reason)
    assert ERROR == service.level


def test_a_lease_runs_on_and_ends_in_time(start: Callable[..., Service], client: Client) -> None:
    """Its end is that of its beginning: a start gives it no time."""
    service = start()
    began = time.monotonic()
    client.lease({NAME: "DEBUG"}, for_s=6)
    service.kill()
    service = start()
    assert DEBUG == service.level
    assert 1 == len(client.status().report["leases"])
    assert settled(service, INFO)
    assert time.monotonic() - began < 6 + PATIENCE_S / 2
    assert [] == client.status().report["leases"]


@pytest.mark.parametrize("boot", ["", "another"])
def test_a_state_that_says_more_than_was_signed_makes_no_lease_longer(
    start: Callable[..., Service], client: Client, parts: Path, boot: str
) -> None:
    """Whoever can write the directory can make a service forget, and nothing else."""
    service = start()
    client.lease({NAME: "DEBUG"}, for_s=4)
    service.kill()
    directory = StateDirectory.open(parts / "state")
    journal = Journal.open(directory)
    with journal.exclusive() as held:
        stored = held.remembered.in_force
        more = {"boot_id": boot} if boot else {}
        (lease,) = stored.leases
        lease = lease._replace(ends_boot_ms=2**50, ends_wall_ms=2**50, left_ms=2**50, **more)
        assert held.note(Now(stored._replace(leases=(lease,))))
    journal.close()
    directory.close()
    assert settled(start(), INFO)


def test_a_lease_that_ended_meanwhile_does_not_begin_again(
    start: Callable[..., Service], client: Client
) -> None:
    """Nobody was there to end it, and nobody begins it."""
    service = start()
    client.lease({NAME: "DEBUG"}, for_s=4)
    service.kill()
    time.sleep(4.5)
    assert INFO == start().level


def test_what_was_reverted_stays_reverted(start: Callable[..., Service], client: Client) -> None:
    """Leases and configurations that somebody has ended are not there after a start."""
    service = start()
    client.apply(QUIET)
    client.lease({NAME: "DEBUG"}, for_s=600)
    client.revert()
    client.revert(of=Stream.BASE)
    service.kill()
    service = start()
    assert INFO == service.level
    report = client.status().report
    assert ([], "application") == (report["leases"], report["base"]["issuer"])


def test_going_back_after_a_start(start: Callable[..., Service], client: Client) -> None:
    """There is a way back from what a start has put in force, to each base before."""
    service = start()
    client.apply(QUIET)
    client.apply(LOUD)
    service.kill()
    service = start()
    assert DEBUG == service.level
    client.revert(of=Stream.BASE)
    assert ERROR == service.level
    client.revert(of=Stream.BASE)
    assert INFO == service.level


def test_a_start_takes_back_what_nobody_has_confirmed(
    start: Callable[..., Service], client: Client
) -> None:
    """And says so; what stood before is in force."""
    service = start()
    client.apply(QUIET)
    client.apply(LOUD, confirm_within_s=600)
    assert DEBUG == service.level
    service.kill()
    service = start()
    assert ERROR == service.level
    report = client.status().report
    assert report["confirm_by_ms"] is None
    assert "nobody had confirmed it" in report["set_aside"][0]


def test_what_was_confirmed_stands(start: Callable[..., Service], client: Client) -> None:
    """A start does not take it back."""
    service = start()
    trial = client.apply(LOUD, confirm_within_s=600)
    client.confirm(trial.request_id)
    service.kill()
    assert DEBUG == start().level


def test_a_listener_that_starts_again_in_one_process(
    start: Callable[..., Service], client: Client
) -> None:
    """Its leases end with it, and run again when it is back."""
    service = start()
    client.lease({NAME: "DEBUG"}, for_s=600)
    assert INFO == service.do("running.stop()")
    assert DEBUG == service.do("running.start()")


# ---- in the middle -----------------------------------------------------------------------------


@pytest.mark.parametrize("dies", [DIES_APPLYING, DIES_AFTER_APPLYING], ids=["before", "after"])
def test_a_change_that_was_left_in_the_middle_is_made(
    start: Callable[..., Service], client: Client, dies: str
) -> None:
    """It was taken, so it is made by the start, once; a copy is told."""
    service = start(dies)
    with pytest.raises(NoAnswerError) as caught:
        client.apply(LOUD)
    assert -signal.SIGKILL == service.died()
    service = start()
    assert DEBUG == service.level
    assert "alice" == client.status().report["base"]["issuer"]
    again = client.send(caught.value.sealed)
    assert (Outcome.APPLIED, True) == (again.outcome, again.repeated)


def test_a_trial_that_was_left_in_the_middle_does_not_begin(
    start: Callable[..., Service], client: Client
) -> None:
    """A start would take it back at once."""
    service = start(DIES_APPLYING)
    with pytest.raises(NoAnswerError):
        client.apply(LOUD, confirm_within_s=600)
    assert -signal.SIGKILL == service.died()
    assert INFO == start().level


def test_a_revert_that_was_left_in_the_middle_takes_back_one_configuration(
    start: Callable[..., Service], client: Client
) -> None:
    """Where it was on trial, the start does not take back another one before it."""
    service = start()
    client.apply(QUIET)
    client.apply(LOUD, confirm_within_s=600)
    service.do("engine.Engine.perform = lambda *_: os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NoAnswerError) as caught:
        client.revert(of=Stream.BASE)
    assert -signal.SIGKILL == service.died()
    assert ERROR == start().level
    again = client.send(caught.value.sealed)
    assert (Outcome.APPLIED, True) == (again.outcome, again.repeated)


def test_an_id_that_is_in_force_begins_nothing_else(
    start: Callable[..., Service], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what is to be reverted; whoever seals draws it, and may draw another's."""
    service = start()
    monkeypatch.setattr("sealwire.sealer.secrets.token_bytes", bytes)
    client.apply(LOUD)
    asks: list[Callable[[], Result]] = [
        lambda: client.lease({"payments.api": "DEBUG"}, for_s=600),
        lambda: client.apply(QUIET),
    ]
    for ask in asks:
        with pytest.raises(RequestRefusedError) as caught:
            ask()
        assert "replayed" == caught.value.reason
    monkeypatch.undo()
    assert DEBUG == service.level
    assert [] == client.status().report["leases"]
    client.apply(QUIET)
    monkeypatch.setattr("sealwire.sealer.secrets.token_bytes", bytes)
    with pytest.raises(RequestRefusedError) as caught:
        client.lease({"payments.api": "DEBUG"}, for_s=600)
    assert "replayed" == caught.value.reason


# ---- another set-up ----------------------------------------------------------------------------


def test_a_new_setup_sets_a_configuration_aside(
    start: Callable[..., Service], client: Client
) -> None:
    """It was meant for another one; leases, which lie over any, run on."""
    service = start()
    client.apply(LOUD)
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    service.kill()
    service = start(OTHER_SETUP)
    assert ERROR == service.level
    report = client.status().report
    assert "set up its logging differently" in report["set_aside"][0]
    assert 1 == len(report["leases"])


def test_what_a_start_set_aside_stays_so(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """However often the journal is read, as by whoever begins a new one after a failure."""
    settings = (parts / "service.toml").read_text()
    (parts / "service.toml").write_text(settings.partition("[trail]")[0])
    service = start()
    client.apply(LOUD)
    service.kill()
    service = start(OTHER_SETUP)
    limit = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    service.do(limit.format(1))
    with pytest.raises(RequestRefusedError):
        client.lease({"payments.api": "DEBUG"}, for_s=600)
    service.do("running._service._durable._opened.journal._writer.broken = 'a sync failed'")
    service.do(limit.format("resource.RLIM_INFINITY"))
    taken(lambda: client.lease({"payments.api": "DEBUG"}, for_s=600))
    assert ERROR == service.level
    assert "set up its logging differently" in client.status().report["set_aside"][0]


def said(parts: Path, line: str) -> None:
    """Write one more line in the service's settings."""
    path = parts / "service.toml"
    path.write_text(f"{line}\n{path.read_text()}")


def test_a_new_setup_can_be_put_up_with(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """With ``on_new_setup = "applied"``."""
    said(parts, 'on_new_setup = "applied"')
    service = start()
    client.apply(LOUD)
    service.kill()
    assert DEBUG == start(OTHER_SETUP).level


def test_a_new_setup_can_be_refused(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """With ``on_new_setup = "refuse"`` nobody listens; what mends it is said."""
    said(parts, 'on_new_setup = "refuse"')
    service = start()
    client.apply(LOUD)
    service.kill()
    service = start(OTHER_SETUP)
    assert not service.listens
    assert "sealwire state show" in service.kill()
    assert start().listens


def test_a_challenge_beside_a_state_is_refused(start: Callable[..., Service], parts: Path) -> None:
    """It would be asked for by nobody."""
    said(parts, "challenge = true")
    service = start()
    assert not service.listens
    assert "leave challenge out, or state" in service.kill()


# ---- lost, damaged, full -----------------------------------------------------------------------


def moved(parts: Path) -> None:
    """Lose the state."""
    (parts / "state").rename(parts / "elsewhere")


def damaged(parts: Path) -> None:
    """Flip a bit in the middle of the state."""
    journal = parts / "state" / "journal"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(content)


@pytest.mark.parametrize("harm", [moved, damaged])
def test_a_state_that_cannot_be_trusted_refuses_changes(
    start: Callable[..., Service], client: Client, parts: Path, harm: Callable[[Path], None]
) -> None:
    """Logging stays, status is answered and names the command, and that mends it at once."""
    service = start()
    client.apply(QUIET)
    client.apply(LOUD)
    service.kill()
    harm(parts)
    service = start()
    assert INFO == service.level
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(LOUD)
    assert "state-unavailable" == caught.value.reason
    assert "sealwire state" in client.status().report["trouble"]
    init = ["state", "init", str(parts / "state"), "--audience", AUDIENCE, "--force"]
    assert not run(init)
    client.apply(LOUD)
    assert DEBUG == service.level
    assert "" == client.status().report["trouble"]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_full_disk_refuses_changes_and_ends_leases(
    start: Callable[..., Service], client: Client, parts: Path, *, recorded: bool
) -> None:
    """What was live stays, a lease ends in time, and changes are taken again without a start."""
    if not recorded:
        settings = (parts / "service.toml").read_text()
        (parts / "service.toml").write_text(settings.partition("[trail]")[0])
    service = start()
    client.lease({NAME: "DEBUG"}, for_s=3)
    limit = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    service.do(limit.format(1))
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(QUIET)
    assert ("trail" if recorded else "state") + "-unavailable" == caught.value.reason
    assert DEBUG == service.level
    assert settled(service, INFO)
    service.do(limit.format("resource.RLIM_INFINITY"))
    taken(lambda: client.apply(QUIET))
    assert ERROR == service.level
    service.kill()
    service = start()
    assert ERROR == service.level
    assert [] == client.status().report["leases"]


def test_leases_can_be_ended_while_nothing_can_be_written(
    start: Callable[..., Service], client: Client
) -> None:
    """It may be they that filled the disk; that they have ended is written when that works."""
    service = start()
    client.lease({NAME: "DEBUG"}, for_s=600)
    limit = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    service.do(limit.format(1))
    sent, _ = recorded(client, client.revert)
    assert INFO == service.level
    assert client.send(sent).repeated
    service.do(limit.format("resource.RLIM_INFINITY"))
    taken(lambda: client.apply(QUIET))
    assert [] == client.status().report["leases"]
    service.kill()
    service = start()
    assert ERROR == service.level
    assert [] == client.status().report["leases"]


def test_a_state_that_comes_to_be_another_kind_of_thing_ends_nobody(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """A disk that is mounted late, with its modes wrong: changes are refused, and leases end."""
    (parts / "state").rename(parts / "away")
    service = start()
    (parts / "state").mkdir(0o755)
    (parts / "state").chmod(0o755)
    time.sleep(2.5)
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(LOUD)
    assert "state-unavailable" == caught.value.reason
    assert "chmod" in client.status().report["trouble"]
    (parts / "state").rmdir()
    (parts / "away").rename(parts / "state")
    taken(lambda: client.apply(LOUD))
    assert DEBUG == service.level


def test_a_listener_beside_it_that_keeps_nothing_lets_nothing_be_taken_twice(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """What came by way of it is known after a start as well."""
    text = (parts / "service.toml").read_text().partition("[trail]")[0]
    text = text.replace("log.sock", "beside.sock").replace('state = "state"', "")
    (parts / "beside.toml").write_text(text.replace('receipt_key = "receipt.key"', ""))
    service = start()
    service.do(f"beside = sealwire.listen_from({str(parts / 'beside.toml')!r})")
    there, client.receipt_key = client.address.replace("log.sock", "beside.sock"), None
    here, client.address = client.address, there
    # It takes what was sealed after it began, by the millisecond.
    time.sleep(0.01)
    first, _ = recorded(client, lambda: client.apply(LOUD))
    client.apply(QUIET)
    assert ERROR == service.level
    service.kill()
    service = start()
    again = deliver(here, first)
    assert (Outcome.REFUSED, "version-superseded") == (again.outcome, again.reason)
    assert DEBUG != service.level


COUNTS_WAITS = """
from sealwire.journal import Journal
waits, holds = [], Journal.exclusive
def counted(self, wait_s):
    waits.append(wait_s)
    return holds(self, wait_s=wait_s)
Journal.exclusive = counted
"""


def test_who_looks_whether_writing_works_again_waits_for_nobody(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """The same thread ends leases; only a change waits, and others wait for that as well."""
    service = start(COUNTS_WAITS)
    with (parts / "state" / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RequestRefusedError):
            client.apply(LOUD)
        service.do("asked = len(waits)")
        ends = time.monotonic() + PATIENCE_S
        while (
            service.do("logging.getLogger('payments.db').setLevel(10 * (len(waits) > asked + 1))")
            != DEBUG
        ):
            assert time.monotonic() < ends
            time.sleep(0.1)
        assert ERROR == service.do(
            "logging.getLogger('payments.db').setLevel(10 + 30 * (not any(waits[asked:])))"
        )
    taken(lambda: client.apply(QUIET))


def test_a_state_that_is_begun_anew_is_what_is_gone_on_with(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """Also by who serves meanwhile: what is kept in the old one nobody finds after a start."""
    service = start()
    client.apply(QUIET)
    (parts / "state").rename(parts / "old")
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(LOUD)
    assert "state-unavailable" == caught.value.reason
    arguments = ["state", "init", str(parts / "state"), "--audience", AUDIENCE]
    assert not run([*arguments, "--min-version", "now"])
    first, _ = recorded(client, lambda: client.apply(LOUD))
    client.apply(QUIET)
    service.kill()
    service = start()
    assert ERROR == service.level
    again = deliver(client.address, first)
    assert (Outcome.REFUSED, "version-superseded") == (again.outcome, again.reason)


# ---- several processes -------------------------------------------------------------------------


@pytest.fixture
def second(parts: Path) -> str:
    """Give the settings of the same service at another address, with the same state."""
    text = (parts / "service.toml").read_text().replace("log.sock", "second.sock")
    # Each trail has one process that writes it.
    text = text.replace('folder = "trail"', 'folder = "second-trail"')
    (parts / "second-trail").mkdir(0o700)
    (parts / "second.toml").write_text(text)
    return "second.toml"


def test_two_processes_share_what_was_taken(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """A copy is no new message to the other, which does by then what the first was asked."""
    one, other = start(), start(settings=second)
    sent, _ = recorded(client, lambda: client.apply(LOUD))
    assert DEBUG == one.level
    there = client.address.replace("log.sock", "second.sock")
    again = deliver(there, sent)
    assert (Outcome.APPLIED, True) == (again.outcome, again.repeated)
    assert settled(other, DEBUG)


def test_two_doors_of_one_process_share_a_state(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """What one of them has taken cannot be verified by the other, and is not ended by it."""
    gate = MacKey(bytes(range(32)), owner="alice", audience=AUDIENCE)
    address = f"unix:{parts}/run/second.sock"
    service = start()
    service.do("from sealwire import Ed25519Verifier, Freshness, HmacVerifier, MacKey, Once")
    service.do("from sealwire.keyfiles import load_verify_key")
    service.do(
        f"gate = MacKey(bytes(range(32)), owner='alice', audience={AUDIENCE!r});"
        f"alice = load_verify_key({str(parts / 'trusted' / 'alice.pub')!r});"
        f"listener.listen({address!r}, audience={AUDIENCE!r}, state={str(parts / 'state')!r},"
        "chain=[HmacVerifier([gate]), Ed25519Verifier([alice]), Freshness(), Once()])"
    )
    signing = load_signing_key(parts / "operator" / "alice.signing")
    layers = (HmacTagger(gate), Ed25519Signer(signing))
    state = client.sealer._state
    sealer = Sealer(AUDIENCE, layers, issuer="alice", state=state, clock=wall_clock_ms)
    other = Client(address, sealer)
    other.apply(LOUD)
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    assert DEBUG == service.level
    assert [] == client.status().report["set_aside"]
    other.lease({"payments.web": "DEBUG"}, for_s=600)
    assert 2 == len(client.status().report["leases"])
    client.apply(QUIET)
    assert ERROR == service.level
    other.revert(of=Stream.BASE)
    assert DEBUG == service.level


def test_what_is_for_one_process_stays_its_own(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """Another one leaves it out, and lets it stand."""
    one, other = start(), start(settings=second)
    client.apply(LOUD, only=f"*/{one.pid}")
    assert DEBUG == one.level
    home, there = client.address, client.address.replace("log.sock", "second.sock")
    client.address = there
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    assert INFO == other.level
    client.address = home
    client.lease({"payments.web": "DEBUG"}, for_s=600)
    assert DEBUG == one.level
    client.address = there
    client.revert(of=Stream.BASE)
    client.address = home
    client.lease({"payments.job": "DEBUG"}, for_s=600)
    assert INFO == one.level


def test_a_process_that_cannot_follow_ends_nothing_of_the_others(
    start: Callable[..., Service], client: Client, second: str, parts: Path
) -> None:
    """Its policy forbids the file, as in the middle of a deploy; it says so, and goes on."""
    text = (parts / second).read_text()
    (parts / "other").mkdir(0o700)
    (parts / second).write_text(text.replace(str(parts / "logs"), str(parts / "other")))
    one, other = start(), start(settings=second)
    file = {"class": "logging.FileHandler", "filename": str(parts / "logs" / "a.log")}
    client.apply({**LOUD, "incremental": False, "handlers": {"file": file}})
    home = client.address
    client.address = home.replace("log.sock", "second.sock")
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    assert INFO == other.level
    assert "file-path" in client.status().report["set_aside"][0]
    client.address = home
    client.lease({"payments.web": "DEBUG"}, for_s=600)
    assert DEBUG == one.level
    assert "alice" == client.status().report["base"]["issuer"]
    one.kill()
    other.kill()
    assert DEBUG == start().level


def test_a_second_process_takes_no_trial_back(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """Its start is none of the service."""
    one = start()
    client.apply(LOUD, confirm_within_s=600)
    other = start(settings=second)
    assert (DEBUG, DEBUG) == (one.level, other.level)


def test_trails_of_several_processes_are_not_taken_for_one(
    start: Callable[..., Service], client: Client, second: str, parts: Path
) -> None:
    """Each writes its own, and one host signs for all of them: none of them is cut."""
    start()
    start(settings=second)
    there = client.address.replace("log.sock", "second.sock")
    other = Client.from_settings(parts / "operator" / "operator.toml", address=there)
    client.lease({NAME: "DEBUG"})
    client.apply(LOUD)
    assert () == other.lease({NAME: "DEBUG"}).alarms
    assert () == client.status().alarms


def test_what_others_did_while_something_ended_is_not_passed_over(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """That a lease ended is written over their change, which has yet to be made here as well."""
    one = start()
    client.lease({NAME: "DEBUG"}, for_s=4)
    other = start(settings=second)
    assert DEBUG == other.level
    sent, _ = recorded(client, lambda: client.apply(QUIET))
    # It holds no lock: whoever ends the lease alone finds the journal free.
    one.stop()
    assert settled(other, INFO)
    client.address = client.address.replace("log.sock", "second.sock")
    assert deliver(client.address, sent).repeated
    client.lease({"payments": "DEBUG"}, for_s=600)
    assert ERROR == other.level
    one.kill()
    other.kill()
    assert ERROR == start().level


# ---- going back while nothing can be written ---------------------------------------------------

FAILS_IF_BROKEN = """
import errno
from sealwire.journal.disk import Disk
broken = []
for name in ("write", "overwrite", "cut", "sync_data", "sync", "open", "rename"):
    def fails(self, *arguments, does=getattr(Disk, name), **more):
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        return does(self, *arguments, **more)
    setattr(Disk, name, fails)
"""


def healed(service: Service, client: Client) -> None:
    """Let the disk of a service work again, and wait until it has noticed."""
    service.do("broken.clear()")
    ends = time.monotonic() + PATIENCE_S
    while client.status().report["trouble"]:
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.mark.parametrize("trial_s", [0, 600])
@pytest.mark.parametrize("named", [True, False])
def test_a_configuration_is_taken_back_while_nothing_can_be_written(
    start: Callable[..., Service], client: Client, *, named: bool, trial_s: int
) -> None:
    """At once, and once: it is written before anything else, and a copy of it does nothing."""
    service = start(FAILS_IF_BROKEN)
    client.apply(QUIET)
    what = client.apply(LOUD, confirm_within_s=trial_s).request_id if named else ""
    if not named:
        client.apply(LOUD, confirm_within_s=trial_s)
    service.do("broken.append(True)")
    with pytest.raises(RequestRefusedError) as caught:
        client.lease({NAME: "DEBUG"})
    assert "state-unavailable" == caught.value.reason
    sent, result = recorded(client, lambda: client.revert(what, of=Stream.BASE))
    assert ERROR == service.level
    assert "Input/output error" in result.report["unwritten"]
    assert client.send(sent).repeated
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(LOUD)
    assert "state-unavailable" == caught.value.reason
    healed(service, client)
    assert ERROR == service.level
    service.kill()
    service = start()
    assert ERROR == service.level
    again = client.send(sent)
    assert (Outcome.APPLIED, True) == (again.outcome, again.repeated)
    assert ERROR == service.level


def test_both_configurations_are_taken_back_while_nothing_can_be_written(
    start: Callable[..., Service], client: Client
) -> None:
    """One after the other; who has nothing left to go back from is told that nothing works."""
    service = start(FAILS_IF_BROKEN)
    client.apply(QUIET)
    client.apply(LOUD)
    service.do("broken.append(True)")
    first, _ = recorded(client, lambda: client.revert(of=Stream.BASE))
    second, _ = recorded(client, lambda: client.revert(of=Stream.BASE))
    assert INFO == service.level
    with pytest.raises(RequestRefusedError) as caught:
        client.revert(of=Stream.BASE)
    assert "state-unavailable" == caught.value.reason
    healed(service, client)
    client.apply(QUIET)
    service.kill()
    service = start()
    for sent in (first, second):
        assert "version-superseded" == deliver(client.address, sent).reason
    assert ERROR == service.level


def test_a_crash_may_undo_what_could_not_be_written(
    start: Callable[..., Service], client: Client
) -> None:
    """And then the same message takes it back, once."""
    service = start(FAILS_IF_BROKEN)
    client.apply(QUIET)
    client.apply(LOUD)
    service.do("broken.append(True)")
    sent, _ = recorded(client, lambda: client.revert(of=Stream.BASE))
    assert ERROR == service.level
    service.kill()
    service = start()
    assert DEBUG == service.level
    assert not client.send(sent).repeated
    assert ERROR == service.level
    assert client.send(sent).repeated
    assert ERROR == service.level


def test_who_cannot_know_which_is_the_last_configuration_takes_none_back(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """Another process may have gone on: a copy of what it has done would be done again here."""
    one, other = start(FAILS_IF_BROKEN), start(settings=second)
    client.apply(QUIET)
    there = client.address.replace("log.sock", "second.sock")
    here, client.address = client.address, there
    client.apply(LOUD)
    sent, _ = recorded(client, lambda: client.revert(of=Stream.BASE))
    client.apply(LOUD)
    assert DEBUG == other.level
    one.do("broken.append(True); locks, Disk.try_lock = Disk.try_lock, fails")
    client.address = here
    assert "state-unavailable" == deliver(here, sent).reason
    assert ERROR == one.level
    one.do("broken.clear(); Disk.try_lock = locks")
    taken(lambda: client.lease({"payments.api": "DEBUG"}))
    assert (DEBUG, DEBUG) == (one.level, other.level)


def test_what_was_taken_back_here_does_not_come_back_with_what_others_do(
    start: Callable[..., Service], client: Client, second: str
) -> None:
    """One process alone cannot write; it follows the others, and says it when it can."""
    one, other = start(FAILS_IF_BROKEN), start(settings=second)
    there = client.address.replace("log.sock", "second.sock")
    here = client.address
    gone = client.apply(QUIET)
    client.address = there
    client.lease({"payments.api": "DEBUG"})
    assert (ERROR, ERROR) == (one.level, other.level)
    client.address = here
    one.do("broken.append(True)")
    client.revert(gone.request_id, of=Stream.BASE)
    assert INFO == one.level
    client.address = there
    client.lease({"payments.web": "DEBUG"})
    client.address = here
    time.sleep(1.2)
    assert INFO == one.level
    healed(one, client)
    assert INFO == one.level
    client.address = there
    client.lease({"payments.jobs": "DEBUG"})
    assert INFO == other.level
    assert 3 == len(client.status().report["leases"])


def test_what_was_taken_back_is_written_when_the_directory_is_there_again(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """A disk that went away, and comes back with what stood on it."""
    service = start()
    gone = client.apply(QUIET)
    (parts / "state").rename(parts / "away")
    client.revert(gone.request_id, of=Stream.BASE)
    assert INFO == service.level
    (parts / "away").rename(parts / "state")
    taken(lambda: client.lease({"payments.api": "DEBUG"}))
    assert INFO == service.level
    service.kill()
    assert INFO == start().level


def test_what_ends_by_itself_or_by_its_owner_does_so_on_a_disk_that_fails(
    start: Callable[..., Service], client: Client
) -> None:
    """A trial whose time is over, and leases that whoever owns the process ends without a key."""
    service = start(FAILS_IF_BROKEN)
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    client.apply(QUIET, confirm_within_s=2)
    service.do("broken.append(True)")
    answer = deliver(client.address, write_local(b'{"verb":"revert"}'))
    assert Outcome.APPLIED == answer.outcome
    assert INFO == service.level_of("payments.api")
    assert settled(service, INFO)
    ends = time.monotonic() + PATIENCE_S
    while not client.status().report["trouble"]:
        # It is said by whoever tries to write it.
        assert time.monotonic() < ends
        time.sleep(0.05)
    healed(service, client)
    service.kill()
    service = start()
    assert INFO == service.level
    assert [] == client.status().report["leases"]
    assert [] == client.status().report["set_aside"]


# ---- what was sent to stand on trial -----------------------------------------------------------


def rewritten(parts: Path, change: Callable[[Stored], Stored]) -> None:
    """Write something else into the state, as whoever is the service's user can."""
    directory = StateDirectory.open(parts / "state")
    journal = Journal.open(directory)
    with journal.exclusive() as held:
        assert held.note(Now(change(held.remembered.in_force)))
    journal.close()
    directory.close()


def test_a_state_without_the_trial_makes_nothing_stand(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """Its message says that it stands on trial, and nobody has confirmed it."""
    service = start()
    client.apply(QUIET)
    client.apply(LOUD, confirm_within_s=600)
    service.kill()
    rewritten(parts, lambda stored: stored._replace(trial=None))
    service = start()
    assert ERROR == service.level
    assert "no message that confirmed it" in client.status().report["set_aside"][0]


def test_another_message_confirms_nothing(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """Of another configuration, or of another kind."""
    service = start()
    first = client.apply(QUIET, confirm_within_s=600)
    client.confirm(first.request_id)
    client.apply(LOUD, confirm_within_s=600)
    service.kill()

    def borrowed(stored: Stored) -> Stored:
        below, last = stored.bases
        assert below.confirmed_by
        return Stored((below, last._replace(confirmed_by=below.confirmed_by)), stored.leases)

    rewritten(parts, borrowed)
    assert ERROR == start().level


def test_a_confirmation_outlives_what_is_laid_over_it(
    start: Callable[..., Service], client: Client
) -> None:
    """Two configurations that were on trial both stand, and there is a way back to the first."""
    service = start()
    for each in (QUIET, LOUD):
        client.confirm(client.apply(each, confirm_within_s=600).request_id)
    service.kill()
    service = start()
    assert DEBUG == service.level
    client.lease({"payments.api": "DEBUG"})
    service.kill()
    service = start()
    client.revert(of=Stream.BASE)
    assert ERROR == service.level
    service.kill()
    assert ERROR == start().level


def test_a_confirmation_that_was_left_in_the_middle_is_kept(
    start: Callable[..., Service], client: Client
) -> None:
    """Whoever makes it again writes by whom what stands was confirmed."""
    service = start("performs = engine.Engine.perform")
    trial = client.apply(LOUD, confirm_within_s=600)
    service.do(DIES_IN_CONFIRM)
    with pytest.raises(NoAnswerError):
        client.confirm(trial.request_id)
    service.died()
    service = start()
    assert DEBUG == service.level
    service.kill()
    assert DEBUG == start().level


DIES_IN_CONFIRM = "engine.Engine.perform = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)"


def test_a_state_gives_no_trial_more_time_than_was_signed(
    start: Callable[..., Service], client: Client, second: str, parts: Path
) -> None:
    """To a process that comes while it runs."""
    one = start()
    client.apply(LOUD, confirm_within_s=3)
    one.stop()
    rewritten(
        parts,
        lambda stored: stored._replace(
            trial=stored.trial and stored.trial._replace(ends_boot_ms=2**50)
        ),
    )
    assert settled(start(settings=second), INFO)


# ---- an application that closes what it finds --------------------------------------------------

CLOSES = """
def taken_over(path, *places):
    "Close all that is open of some files, and have a file of our own by these numbers."
    files = [os.path.join(each, name) for each in places if os.path.isdir(each)
             for name in os.listdir(each)]
    known = [os.stat(each) for each in (*places, *files)]
    theirs = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(3, 256):
        try:
            here = os.fstat(number)
        except OSError:
            continue
        if any(os.path.samestat(here, each) for each in known):
            os.dup2(theirs, number)
            numbers.append(number)
    numbers.append(theirs)

def check():
    "See to it that nobody has closed these, or written by them."
    here = os.fstat(numbers[-1])
    assert len(numbers) > 1 and here.st_size == 0
    assert all(os.path.samestat(here, os.fstat(each)) for each in numbers)

numbers = []
"""


def test_nothing_is_written_into_what_an_application_opens_instead(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """A daemon closes all it finds: state and trail are opened anew, which both of them say."""
    service = start(CLOSES)
    client.apply(QUIET)
    client.lease({NAME: "DEBUG"}, for_s=600)
    theirs = parts / "theirs"
    service.do(f"taken_over({str(theirs)!r}, {str(parts / 'state')!r}, {str(parts / 'trail')!r})")
    client.revert()
    assert ERROR == service.level
    taken(lambda: client.apply(LOUD))
    assert DEBUG == service.level
    ends = time.monotonic() + PATIENCE_S
    while client.status().report["trail"]["trouble"]:
        assert time.monotonic() < ends
        time.sleep(0.1)
    client.lease({"payments.api": "DEBUG"}, for_s=600)
    assert [] == client.status().report["drift"]
    service.do("check()")
    assert "somebody in this process has closed files of" in service.kill()
    assert b"" == theirs.read_bytes()
    service = start()
    assert DEBUG == service.level
    assert 1 == len(client.status().report["leases"])
    service.kill()
    records = b"".join(each.read_bytes() for each in sorted((parts / "trail").glob("*.jsonl")))
    assert b"in this process has closed files of" in records
    assert b"closed our file" in records
    assert not run(["trail", "verify", str(parts / "trail"), "--key", str(parts / "trail.pub")])


def test_a_lock_that_an_application_has_closed_is_had_anew(
    start: Callable[..., Service], client: Client, parts: Path
) -> None:
    """It is free by then, so that somebody else may hold it: nothing is written meanwhile."""
    service = start(CLOSES)
    client.apply(QUIET)
    before = (parts / "state" / "journal").read_bytes()
    service.do(f"taken_over({str(parts / 'theirs')!r}, {str(parts / 'state' / 'lock')!r})")
    with (parts / "state" / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(RequestRefusedError) as caught:
            client.apply(LOUD)
        assert "state-unavailable" == caught.value.reason
        assert before == (parts / "state" / "journal").read_bytes()
    taken(lambda: client.apply(LOUD))
    assert DEBUG == service.level
    service.do("check()")
