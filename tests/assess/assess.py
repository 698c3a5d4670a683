"""The live tests of the page "For an assessor", each on a real service; ``make assess`` runs them.

    python tests/assess/assess.py            all of them
    python tests/assess/assess.py 5 7        these

Each says what it did and what it saw. The exit status is 0 if all held, and 1 if one did not. What
is done here can be done by hand: everything goes through the command line, except that a service is
made to fail (its disk, its collector), which nothing on the command line does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from sealwire import cbor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S: Final = 20.0
AUDIENCE: Final = "payments@assess"

SERVICE: Final = '''\
import logging, resource, signal, sys, time
import sealwire

audit = logging.FileHandler("audit.log")
audit.set_name("audit")
console = logging.StreamHandler(sys.stdout)
console.set_name("console")
logging.basicConfig(level=logging.INFO, handlers=[console])
logging.getLogger("payments.audit").addHandler(audit)


def full(number, frame):
    """Let no file of this process grow, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = 1 if number == signal.SIGUSR1 else hard
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def end(number, frame):
    raise SystemExit


signal.signal(signal.SIGUSR1, full)
signal.signal(signal.SIGUSR2, full)
signal.signal(signal.SIGTERM, end)
listener = sealwire.listen_from("service.toml")
print("ready", flush=True)
while True:
    time.sleep(0.05)
'''

POLICY: Final = """\
[floors.loggers."payments.audit"]
level = "INFO"
handlers = ["audit"]

[lease]
longest = "1h"

[roles.config]
issuers = ["alice"]

[roles.on-call]
issuers = ["bob"]
verbs = ["lease", "revert", "status"]
loggers = ["payments.*"]

[roles.two]
issuers = ["carol", "dave"]
threshold = { apply = 2 }
"""

QUIET: Final = {"version": 1, "incremental": True, "loggers": {"payments.db": {"level": "ERROR"}}}
SILENT: Final = {"version": 1, "incremental": True, "loggers": {"payments.audit": {"level": 50}}}


class FailedError(Exception):
    """A test saw something else than it should."""


@dataclass
class Host:
    """A service with its settings, and the people who may ask it for something.

    Attributes:
        folder: where everything lies.
        saw: what the test in hand has seen so far.
    """

    folder: Path
    saw: list[str] = field(default_factory=list)
    service: subprocess.Popen[str] | None = None

    # ---- people and their commands -------------------------------------------------------------

    def set_up(self, more: str = "") -> None:
        """Make keys, the service's part and its policy, and start it."""
        people = ("alice", "bob", "carol", "dave", "mallory")
        for who in people:
            self.run("keys", "new", "--owner", who)
        trust = [word for who in people[:-1] for word in ("--trust", f"{who}.pub")]
        address = f"unix:{self.folder}/run/log.sock"
        several = "--signatures", "several"
        self.run("init", AUDIENCE, *trust, *several, "--dir", ".", "--address", address)
        settings = self.folder / "service.toml"
        lines = settings.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("directories")]
        text = "\n".join(kept).replace("[policy]", '[policy]\nfile = "policy.toml"\n#', 1)
        settings.write_text(f"{text}\n{more}\n", encoding="utf-8")
        (self.folder / "policy.toml").write_text(POLICY, encoding="utf-8")
        (self.folder / "service.py").write_text(SERVICE, encoding="utf-8")
        for who in people:
            (self.folder / f"{who}.toml").write_text(
                f'issuer = "{who}"\nsigning_key = "{who}.signing"\n\n'
                f'[targets."{AUDIENCE}"]\naddress = "{address}"\nchain = "local"\n'
                'signatures = "several"\n',
                encoding="utf-8",
            )
        self.start()

    def start(self) -> None:
        """Start the service, and wait until it listens."""
        self.service = subprocess.Popen(
            [sys.executable, "service.py"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.service.stdout is not None
        for line in self.service.stdout:
            if line == "ready\n":
                return
        raise FailedError("the service did not start")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the service with a signal."""
        if self.service is not None:
            self.service.send_signal(number)
            self.service.wait(PATIENCE_S)
            if self.service.stdout is not None:
                self.service.stdout.close()
        self.service = None

    def signal(self, number: int) -> None:
        """Send the service a signal."""
        if self.service is not None:
            self.service.send_signal(number)
            time.sleep(0.2)

    def run(self, *words: object, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command of sealwire."""
        return subprocess.run(
            [sys.executable, "-m", "sealwire", *map(str, words)],
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def ask(self, who: str, *words: object, given: object = "") -> Answered:
        """Let somebody ask the service for something."""
        text = given if isinstance(given, str) else json.dumps(given)
        done = self.run(*words, "--config", f"{who}.toml", given=text)
        said = (done.stderr or done.stdout).strip().splitlines()
        first = said[0].removeprefix("sealwire: error: ") if said else ""
        self.saw.append(f"{who}: sealwire {' '.join(map(str, words))} -> {done.returncode} {first}")
        return Answered(done.returncode, done.stdout + done.stderr)

    # ---- what is looked at ---------------------------------------------------------------------

    @property
    def trail(self) -> Path:
        """The folder of the trail."""
        return self.folder / "trail"

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the records of some kinds."""
        done = self.run("trail", "export", self.trail)
        every = [json.loads(line) for line in done.stdout.splitlines()]
        return [each for each in every if not kinds or each["kind"] in kinds]

    def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait for something, and fail if it does not come."""
        ends_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() >= ends_s:
                raise FailedError(f"did not see: {what}")
            time.sleep(0.1)
        self.saw.append(f"saw: {what}")

    def check(self, what: str, held: object) -> None:
        """Note what was seen, or fail."""
        if not held:
            raise FailedError(f"did not see: {what}")
        note = f"saw: {what}"
        if note not in self.saw:
            self.saw.append(note)


class Answered(NamedTuple):
    """How a command ended: its status, and all that it printed."""

    status: int
    said: str


# ---- the tests, in the order of the page ----------------------------------------------------


def a_change_is_recorded(host: Host) -> None:
    """Every change is recorded with who, when, why, and what was before and after."""
    host.ask("alice", "apply", "-", "--why", "CHG-1", given=QUIET)
    (accepted,), (applied,) = host.records("accepted"), host.records("applied")
    host.check("who: alice, and her key in full", accepted["who"]["owner"] == "alice")
    host.check("why: CHG-1", applied["why"] == "CHG-1")
    host.check("when issued, received and applied", accepted["issued"] <= applied["at"])
    (change,) = applied["changes"]["loggers"]
    host.check("payments.db before, and ERROR after", change["after"]["level"] == "ERROR")
    host.check("that it records less", applied["logging_reduced"] == ["payments.db: level 20 → 40"])


def a_stranger_is_refused_and_recorded(host: Host) -> None:
    """Who has no trusted key changes nothing, is told nothing, and is recorded."""
    answer = host.ask("mallory", "lease", "payments.db=DEBUG")
    host.check("refused", answer.status == 1)
    host.until("a record of it, without a name", lambda: host.records("refused"))
    (refused,) = host.records("refused")
    host.check("the reason: a key that is not trusted", refused["reason"] == "key-unknown")
    host.check("nothing was changed", not host.records("applied", "lease-begun"))


def a_role_is_kept_to(host: Host) -> None:
    """Who may end and begin leases may not change a configuration."""
    host.check("a lease of bob's", host.ask("bob", "lease", "payments.db=DEBUG").status == 0)
    answer = host.ask("bob", "apply", "-", given=QUIET)
    host.check("his configuration is refused", answer.status == 1)
    (refused,) = host.records("refused")
    host.check("with the rule's name: role-verbs", refused["rule"] == "role-verbs")
    host.check("and who he is", refused["who"]["owner"] == "bob")


def two_have_to_agree(host: Host) -> None:
    """Where two have to sign, one alone changes nothing, and both are on record."""
    answer = host.ask("carol", "apply", "-", given=QUIET)
    host.check("refused", answer.status == 1)
    (refused,) = host.records("refused")
    host.check("by the rule threshold", refused["rule"] == "threshold")
    host.ask("carol", "apply", "-", "--partial", "two.partial", given=QUIET)
    host.ask("dave", "cosign", "two.partial", "--yes")
    host.check("done with two", host.ask("carol", "send", "two.partial").status == 0)
    (applied,) = host.records("applied")
    others = [each["owner"] for each in applied["who"]["cosigners"]]
    host.check("both are on record", (applied["who"]["owner"], others) == ("carol", ["dave"]))


def the_audit_logger_stays(host: Host) -> None:
    """Nobody who may change the configuration can silence what a floor protects."""
    answer = host.ask("alice", "apply", "-", given=SILENT)
    host.check("refused", answer.status == 1)
    (refused,) = host.records("refused")
    host.check(f"by a rule about floors: {refused['rule']}", "floor" in refused["rule"])


def what_is_for_a_time_ends(host: Host) -> None:
    """A lease ends by itself, and the record says that its time was over."""
    host.ask("bob", "lease", "payments.db=DEBUG", "--for", "1s")
    host.until("a record of its end", lambda: host.records("lease-ended"))
    (ended,) = host.records("lease-ended")
    host.check("cause: expired", ended["cause"] == "expired")
    (change,) = ended["changes"]["loggers"]
    host.check("the level is as it was before", change["after"]["level"] == "NOTSET")


def a_copy_does_nothing(host: Host) -> None:
    """The same sealed message sent again changes nothing."""
    host.run("seal", "-", "-o", "one.sealed", "--config", "alice.toml", given=json.dumps(QUIET))
    host.ask("alice", "send", "one.sealed")
    host.ask("alice", "send", "one.sealed")
    host.check("one record that it was applied", len(host.records("applied")) == 1)
    host.ask("alice", "revert", "--base")
    host.ask("alice", "send", "one.sealed")
    host.check("still one, after it was taken back", len(host.records("applied")) == 1)


def the_message_speaks_for_itself(host: Host) -> None:
    """What was signed is kept, and the digest in the record is the digest of that."""
    host.ask("alice", "apply", "-", "--why", "CHG-2", given=QUIET)
    (accepted,) = host.records("accepted")
    kept = [json.loads(line) for line in (host.trail / "sealed.jsonl").read_text().splitlines()]
    (mine,) = (each for each in kept if each["digest"] == accepted["digest"])
    (host.folder / "kept.sealed").write_bytes(base64.b64decode(mine["sealed"]))
    signed: Any = cbor.decode(base64.b64decode(mine["sealed"])[2:])
    digest = hashlib.sha256(signed[2]).hexdigest()
    host.check("the digest of what was signed is in the record", digest == accepted["digest"])
    opened = host.run("open", "kept.sealed", "--service", "service.toml", "--at", accepted["at"])
    host.check("it opens with alice's public key", opened.returncode == 0)


def an_edited_byte_is_found(host: Host) -> None:
    """One byte of one record changed: found, and the record named."""
    host.ask("alice", "apply", "-", "--why", "CHG-3", given=QUIET)
    host.stop()
    copy = host.folder / "copy"
    shutil.copytree(host.trail, copy)
    (path,) = _records(copy)
    path.write_bytes(path.read_bytes().replace(b"CHG-3", b"CHG-4", 1))
    bad = host.run("trail", "verify", copy, "--key", "trail.pub")
    host.check(f"exit status 1: {bad.stdout.splitlines()[0]}", bad.returncode == 1)
    named = next(line for line in bad.stdout.splitlines() if line.startswith("first bad"))
    (accepted,) = host.records("accepted")
    host.check(f"{' '.join(named.split())}", named.split()[-1] == str(accepted["seq"]))
    good = host.run("trail", "verify", host.trail, "--key", "trail.pub")
    host.check("the original is good", good.returncode == 0)


def a_cut_tail_is_found(host: Host) -> None:
    """The end of a trail cut off, checkpoints and all: found by one that is held elsewhere."""
    host.ask("alice", "apply", "-", "--why", "CHG-5", given=QUIET)
    host.stop()
    (notes,) = host.trail.glob("*.checkpoints")
    held = host.folder / "held.checkpoint"
    shutil.copy(notes, held)
    (path,) = _records(host.trail)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    first = notes.read_bytes().split(b"\n\n")[:2]
    notes.write_bytes(b"\n\n".join(first) + b"\n\n")
    blind = host.run("trail", "verify", host.trail, "--key", "trail.pub")
    host.check("without it the shorter trail is good, as said", blind.returncode == 0)
    bad = host.run("trail", "verify", host.trail, "--key", "trail.pub", "--anchor", held)
    host.check("with it: exit status 6, truncated", bad.returncode == 6)


def no_record_no_change(host: Host) -> None:
    """Where the trail cannot be written nothing changes; going back works, and it mends itself."""
    host.ask("bob", "lease", "payments.db=DEBUG")
    host.signal(signal.SIGUSR1)
    host.check("a change is refused", host.ask("alice", "apply", "-", given=QUIET).status == 1)
    told = host.ask("alice", "status").said
    host.check("status says so", "changes are refused" in told)
    host.check("reverting works", host.ask("bob", "revert").status == 0)
    host.signal(signal.SIGUSR2)
    host.until("a record of the gap", lambda: host.records("trail-failed"))
    host.until("a record of what went back", lambda: host.records("lease-ended"))
    host.until(
        "changes are made again", lambda: host.ask("alice", "apply", "-", given=QUIET).status == 0
    )


def a_collector_is_waited_for(host: Host) -> None:
    """With a required collector that is gone, no change is made; it gets what it missed."""
    with _Collector(host.folder / "collector.sock") as collector:
        host.stop()
        _with_sink(host, collector.path)
        host.start()
        host.ask("bob", "lease", "payments.db=DEBUG")
        host.check("the collector has the record", "lease-begun" in collector.kinds())
        collector.stop()
        host.check("gone: refused", host.ask("bob", "lease", "payments.a=DEBUG").status == 1)
        host.check("going back works", host.ask("bob", "revert").status == 0)
        collector.start()
        host.until("it gets what it missed", lambda: "lease-ended" in collector.kinds())
        host.until(
            "changes are made again", lambda: host.ask("bob", "lease", "payments.a=DEBUG")[0] == 0
        )


def silence_is_a_finding(host: Host) -> None:
    """A service in which nothing happens is heard of, by signed checkpoints."""
    with _Collector(host.folder / "collector.sock") as collector:
        host.stop()
        _with_sink(host, collector.path, 'heartbeat = "1s"')
        host.start()
        wanted = 3
        host.until(
            "three signed checkpoints", lambda: collector.kinds().count("checkpoint") >= wanted
        )
        note = json.loads(collector.last("checkpoint"))["note"]
        (host.folder / "from-collector.checkpoint").write_text(note, encoding="utf-8")
        anchor = ("--anchor", "from-collector.checkpoint")
        good = host.run("trail", "verify", host.trail, "--key", "trail.pub", *anchor)
        host.check("one of them is an anchor of the trail", good.returncode == 0)


def a_killed_service_goes_on(host: Host) -> None:
    """After kill -9 the trail goes on, verifies, and the report shows the gap."""
    host.ask("bob", "lease", "payments.db=DEBUG")
    host.stop(signal.SIGKILL)
    host.start()
    host.stop()
    done = host.run("trail", "report", host.trail, "--key", "trail.pub", "--json")
    report = json.loads(done.stdout)
    host.check("the trail is good", report["verification"]["outcome"] == "good")
    host.check("a gap: no-stop", [each["kind"] for each in report["gaps"]] == ["no-stop"])
    host.check("the lease that was answered", len(report["changes"]) == 1)


def everybody_is_listed(host: Host) -> None:
    """Who may do what is listed from the files that the service reads."""
    told = json.loads(host.run("trail", "who-can", "service.toml", "--json").stdout)
    roles = {each["owner"]: each["role"] for each in told["who"]}
    expected = {"alice": "config", "bob": "on-call", "carol": "two", "dave": "two"}
    host.check(f"{roles}", roles == expected)
    host.check("each with a key", all(each["keys"] for each in told["who"]))


TESTS: Final = (
    a_change_is_recorded,
    a_stranger_is_refused_and_recorded,
    a_role_is_kept_to,
    two_have_to_agree,
    the_audit_logger_stays,
    what_is_for_a_time_ends,
    a_copy_does_nothing,
    the_message_speaks_for_itself,
    an_edited_byte_is_found,
    a_cut_tail_is_found,
    no_record_no_change,
    a_collector_is_waited_for,
    silence_is_a_finding,
    a_killed_service_goes_on,
    everybody_is_listed,
)


# ---- helpers --------------------------------------------------------------------------------


def _records(trail: Path) -> list[Path]:
    return [path for path in sorted(trail.glob("*.jsonl")) if path.name != "sealed.jsonl"]


def _with_sink(host: Host, path: Path, more: str = "") -> None:
    settings = host.folder / "service.toml"
    text = settings.read_text(encoding="utf-8")
    sink = f'required_sinks = ["syslog:unix:{path}"]\n{more}\n'
    settings.write_text(text + sink, encoding="utf-8")


class _Collector:
    """A syslog collector on a Unix stream socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._said: list[tuple[str, str]] = []
        self._listening: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._data = b""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._listening.setblocking(False)

    def stop(self) -> None:
        self.kinds()
        for each in (*self._connections, self._listening):
            if each is not None:
                each.close()
        self._connections, self._listening, self._data = [], None, b""
        self.path.unlink(missing_ok=True)

    def kinds(self) -> list[str]:
        """Give the kinds of all lines that have come."""
        for data in self._received():
            self._data += data
            while b" " in self._data:
                length, _, rest = self._data.partition(b" ")
                if len(rest) < int(length):
                    break
                line, self._data = rest[: int(length)].decode(), rest[int(length) :]
                self._said.append((line.split()[5], line.split(" - ", 3)[3]))
        return [kind for kind, _ in self._said]

    def last(self, kind: str) -> str:
        """Give the last message of a kind."""
        return next(text for found, text in reversed(self._said) if found == kind)

    def _received(self) -> Iterator[bytes]:
        if self._listening is not None:
            try:
                connection, _ = self._listening.accept()
            except BlockingIOError:
                pass
            else:
                connection.setblocking(False)
                self._connections.append(connection)
        for each in self._connections:
            try:
                while data := each.recv(65_536):
                    yield data
            except BlockingIOError:
                pass


def assess(which: list[int]) -> int:
    """Run tests by their numbers; give the exit status."""
    failed = 0
    for number, test in enumerate(TESTS, start=1):
        if which and number not in which:
            continue
        title = (test.__doc__ or "").strip().splitlines()[0]
        print(f"{number}. {title}", flush=True)
        with tempfile.TemporaryDirectory(prefix="sw-") as folder:
            os.chmod(folder, 0o700)  # noqa: PTH101 - a text
            host = Host(Path(folder))
            try:
                host.set_up()
                host.saw.clear()
                test(host)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test has not held
                failed += 1
                host.saw.append(f"FAILED: {str(error) or type(error).__name__}")
            finally:
                host.stop(signal.SIGKILL)
        for line in host.saw:
            print(f"   {line}")
    print(f"{failed} did not hold" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(assess([int(each) for each in sys.argv[1:]]))
