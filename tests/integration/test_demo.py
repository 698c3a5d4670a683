"""The demo: it goes through, it leaves nothing behind, and it says so when a step does not happen.

Each sabotage makes one claim of the demo false, in the service or on the way to it, and the demo
has to find out at the step that makes the claim.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.app import run
from sealwire.cli.demo import attacks, changes, evidence, fleet, lease, processes, scene, workers
from sealwire.cli.demo.fleet import Fleet
from sealwire.cli.demo.processes import Running, cpu_time_s, parse_ps_time
from sealwire.cli.demo.scene import SERVICE, Said, Scene, console_at
from sealwire.cli.demo.workers import Workers
from sealwire.cli.endings import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.client import Client
    from sealwire.keys import SigningKey


STEPS = 17
DEADLINE_S = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        yield Path(path).resolve()


def start(folder: Path) -> subprocess.Popen[str]:
    """Start the demo with ``folder`` for its temporary files."""
    return subprocess.Popen(
        [sys.executable, "-m", "sealwire", "demo"],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def processes_of(folder: Path) -> list[str]:
    """Give the command lines of running processes that name ``folder``."""
    if sys.platform == "linux":
        lines = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue  # It has ended since it was listed.
    else:
        lines = subprocess.check_output(["ps", "-axww", "-o", "args="], text=True).splitlines()
    return [line for line in lines if str(folder) in line]


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that takes a moment, and fail if it never comes."""
    ends_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def test_it_goes_through_and_leaves_nothing_behind(folder: Path) -> None:
    """Every step is checked, every refusal shown; no process and no file stays."""
    demo = start(folder)
    output, errors = demo.communicate(timeout=DEADLINE_S)
    assert (Exit.OK, "") == (demo.returncode, errors)
    assert STEPS == len(re.findall(r"^   checked    as expected$", output, re.MULTILINE))
    reasons = re.findall(r"refused (?:a message|request \w+ of alice \(version \d+\)): ([a-z-]+):",
                         re.sub(r"\n {2,}\| {5}", " ", output))  # fmt: skip
    assert [
        "version-superseded",
        "key-unknown",
        "signature-invalid",
        "signature-invalid",
        "expired",
        "policy",
        "policy",
        "envelope-malformed",
        "policy",
        "frame-truncated",
    ] == reasons
    # Whoever has shown a key gets a receipt, and nobody else.
    told = re.sub(r"\n {14}", " ", output)
    assert [12, 4] == [told.count(f"({each})") for each in ("receipt verified", "unsigned")]
    assert 1 == len(re.findall(r"was left in the middle;\s+\|?\s*applied now", output))
    assert 1 == len(re.findall(r"trail verified: \d+ records", told))
    assert 1 == told.count("one byte edited: tampered: ")
    assert 1 == told.count(f"gunicorn {importlib.metadata.version('gunicorn')} was started")
    check_every_worker_wrote(told)
    assert "not installed" not in told
    assert [] == list(folder.iterdir())
    assert [] == processes_of(folder)


def check_every_worker_wrote(told: str) -> None:
    """Check that four workers wrote by a lease, and after a kill three of them and another one."""
    ((killed, another),) = re.findall(r"worker (\d+) was killed; worker (\d+) has come", told)
    first, second = (
        re.findall(rf"^     \| DEBUG worker (\d+): orders\.{logger}: ", told, re.MULTILINE)
        for logger in ("db", "web")
    )
    assert 4 == len({*first[:4]})
    assert killed in first[:4]
    assert [another] == first[4:]
    assert {*first[:4], another} - {killed} == {*second}
    assert 4 == len(second)
    assert 3 == told.count("4/4 applied (worker-0, worker-1, worker-2, worker-3)")


def test_without_gunicorn_it_says_so_and_goes_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what to install, and shows the same on a server of its own."""
    honest = importlib.metadata.version

    def version(name: str) -> str:
        if name == "gunicorn":
            raise importlib.metadata.PackageNotFoundError(name)
        return honest(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert Exit.OK == run(["demo"])
    output, errors = capsys.readouterr()
    assert "" == errors
    assert STEPS == output.count("   checked    as expected\n")
    told = " ".join(output.split())
    assert 2 == told.count('gunicorn is not installed (pip install "sealwire[demo]")')
    check_every_worker_wrote(re.sub(r"\n {14}", " ", output))
    assert [] == list(folder.iterdir())
    assert [] == processes_of(folder)


def test_it_is_readable_without_colour(folder: Path) -> None:
    """There is no control character in the output, and no line is wider than a usual terminal."""
    demo = start(folder)
    output, _ = demo.communicate(timeout=DEADLINE_S)
    assert set() == {each for each in output if not each.isprintable()} - {"\n"}
    paths = str(folder)
    assert [] == [line for line in output.splitlines() if len(line) > 80 and paths not in line]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_it_with_its_clean_up(folder: Path, name: str) -> None:
    """Interrupted in the middle, it removes its folder and ends its processes."""
    demo = start(folder)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("[2/"):
            break
    assert [] != processes_of(folder)
    demo.send_signal(signal.Signals[name])
    demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode not in {Exit.OK, None}
    assert [] == list(folder.iterdir())
    assert [] == processes_of(folder)


def test_its_processes_end_when_it_is_killed(folder: Path) -> None:
    """Killed without a chance to clean up, it leaves no process behind."""
    demo = start(folder)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith(f"[{STEPS - 1}/"):
            break
    wait_until(lambda: any("library.py" in line for line in processes_of(folder)))
    time.sleep(0.8)  # It is up and looping by now, so that it cannot end by a broken pipe alone.
    assert 2 <= len(processes_of(folder))
    demo.kill()
    demo.communicate(timeout=DEADLINE_S)
    wait_until(lambda: not processes_of(folder))


# ---- sabotage ------------------------------------------------------------------------------------

Sabotage = tuple[int, str, "Callable[[pytest.MonkeyPatch, Path], None]"]


def in_the_service(old: str, new: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Change a line of the service's program."""

    def spoil(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        program = SERVICE.read_text(encoding="utf-8")
        assert program.count(old) == 1
        spoilt = folder / "service.py"
        spoilt.write_text(program.replace(old, new), encoding="utf-8")
        monkeypatch.setattr(scene, "SERVICE", spoilt)

    return spoil


def on_the_way(number: int, document: bytes) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Replace what is sent as message ``number`` by another document that alice seals."""

    def spoil(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        honest = Scene.send
        sent = 0

        def send(played: Scene, sealed: bytes, address: str = "") -> Said:
            nonlocal sent
            sent += 1
            sealer = played.network_sealer if address else played.sealer
            return honest(played, sealer.seal(document) if sent == number else sealed, address)

        monkeypatch.setattr(Scene, "send", send)

    return spoil


def no_gadget(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the comparison with the library do nothing."""
    monkeypatch.setattr(attacks, "_DICT_CONFIG", "pass")
    monkeypatch.setattr(processes, "PATIENCE_S", 3.0)


def never_debug(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the service say that it applied, and write no DEBUG line."""
    on_the_way(1, console_at("INFO"))(monkeypatch, folder)
    monkeypatch.setattr(processes, "PATIENCE_S", 5.0)


def lease_stays(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the lease be longer than anybody waits."""
    monkeypatch.setattr(lease, "LEASE_S", 600)
    monkeypatch.setattr(processes, "PATIENCE_S", 5.0)


def trial_stays(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the trial be longer than anybody waits."""
    monkeypatch.setattr(changes, "TRIAL_S", 600)
    monkeypatch.setattr(processes, "PATIENCE_S", 5.0)


def another_each_time(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the logging be another one each time it is asked for."""
    monkeypatch.setattr(changes, "_state", lambda _: object())


def impatient(
    spoil: Callable[[pytest.MonkeyPatch, Path], None],
) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Do not wait long for what will not come."""

    def spoil_and_hurry(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        spoil(monkeypatch, folder)
        monkeypatch.setattr(processes, "PATIENCE_S", 5.0)

    return spoil_and_hurry


def edits_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the copy of the trail be as it was."""
    monkeypatch.setattr(evidence, "edit_a_byte", lambda _: None)


def edited_before(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let somebody edit the trail, once a checkpoint speaks for it, before anybody looks."""
    honest = Scene.start_again

    def start_again(played: Scene) -> None:
        honest(played)
        played.line("left in the middle")
        evidence.edit_a_byte(played.trail)

    monkeypatch.setattr(Scene, "start_again", start_again)


def in_a_worker(old: str, new: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Change a line of the application that the workers run."""

    def spoil(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        program = workers.APPLICATION.read_text(encoding="utf-8")
        assert program.count(old) == 1
        spoilt = folder / "orders.py"
        spoilt.write_text(program.replace(old, new), encoding="utf-8")
        monkeypatch.setattr(workers, "APPLICATION", spoilt)
        monkeypatch.setattr(processes, "PATIENCE_S", 5.0)

    return spoil


def kills_nobody(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the worker that was to be killed live."""
    monkeypatch.setattr(Workers, "kill", lambda *_: None)
    monkeypatch.setattr(processes, "PATIENCE_S", 5.0)


def counts_none(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let no row say that the request was done."""
    monkeypatch.setattr(fleet, "_done", lambda _: 0)


def no_stranger(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the new key be the old one."""
    honest = Fleet.client

    def client(played: Fleet, key: SigningKey) -> Client:
        return honest(played, played.alice if key.owner == "alice" else key)

    monkeypatch.setattr(Fleet, "client", client)


SET_UP = "logging.basicConfig(\n"
ALL_IN_FORCE = """
from sealwire.keyring import live

live._serves = lambda state, *, reads: True
logging.basicConfig(
"""
ONE_IS_MUTE = """
from pathlib import Path

if not Path("mute").exists():
    Path("mute").touch()
    logging.getLogger("orders.db").addFilter(lambda _: False)
logging.basicConfig(
"""
LATE_COMERS_ARE_LATE = """
from pathlib import Path

with Path("started").open("a") as started:
    started.write("x")
first = iter([False] if Path("started").stat().st_size > 4 else [])
logging.getLogger("orders.db").addFilter(lambda _: next(first, True))
logging.basicConfig(
"""
DEBUG = console_at("DEBUG")
STAYS = """
import sealwire
from sealwire.logtree.newfiles import NewFile

NewFile.remove = lambda self: None
"""
OPEN = """
    import os
    os.chmod(address.removeprefix("unix:"), 0o666)
    with on_socket, on_port:
"""
SPINNING = """
    import threading

    def spin() -> None:
        while True:
            pass

    threading.Thread(target=spin, daemon=True).start()
    with on_socket, on_port:
"""
SIGNED = """\
        receipt_key=receipt_key,
        trail=trail,
"""
LOADED = 'load_signing_key(folder / "receipt.key")'
ANOTHER = 'sealwire.keyfiles.new_signing_key("host")'
KEPT = '        state=folder / "state",\n'
FORGOTTEN = "        challenge=False,\n"
CONNECTS = '    sys.stdout.write(f"{CONNECTING}\\n")\n'
TWICE = CONNECTS + CONNECTS
SABOTAGES: dict[str, Sabotage] = {
    "starts at DEBUG": (
        1, "there is a DEBUG line", in_the_service("level=logging.INFO", "level=logging.DEBUG"),
    ),
    "opens the socket": (
        1, "others can reach", in_the_service("    with on_socket, on_port:\n", OPEN),
    ),
    "is another service": (
        1, "payments@test needs one of its own", in_the_service("payments@prod", "payments@test"),
    ),
    "first message is junk": (2, "it was not applied", on_the_way(1, b"junk")),
    "writes no DEBUG": (2, "never wrote 'DEBUG payments.db:'", never_debug),
    "copy is another message": (3, "it was not seen as a copy", on_the_way(2, DEBUG)),
    "INFO is not taken": (4, "the second message: refused", on_the_way(3, b"junk")),
    "old message is new": (4, "the old message was not refused", on_the_way(4, DEBUG)),
    "forged is honest": (5, "it was not refused", on_the_way(5, DEBUG)),
    "tampered is junk": (5, "it was not refused for signature-invalid", on_the_way(6, b"junk")),
    "other audience is ours": (5, "it was not refused", on_the_way(7, DEBUG)),
    "too old is junk": (5, "it was not refused for expired", on_the_way(8, b"junk")),
    "library makes nothing": (6, "did not make the folder", no_gadget),
    "factory is honest": (6, "it was not refused", on_the_way(9, DEBUG)),
    "class is junk": (6, "it was not refused for policy", on_the_way(10, b"junk")),
    "other door is shut": (7, "answer: refused", on_the_way(11, b"junk")),
    "a signature is enough": (7, "a signature alone was taken", on_the_way(12, DEBUG)),
    "lease stays": (8, "never wrote 'sealwire.changes: lease of alice ended'", lease_stays),
    "has no floors": (
        9, "it was not refused", in_the_service("Policy(rules, floors)", "Policy(rules)"),
    ),
    "is not broken": (10, "it did not fail", on_the_way(17, DEBUG)),
    "changes meanwhile": (
        10, "the logging is not as before", another_each_time,
    ),
    "file stays": (10, "the new file is still there", in_the_service("import sealwire\n", STAYS)),
    "trial stays": (11, "configuration of alice ended", trial_stays),
    "answers unsigned": (
        2, "nobody has signed", in_the_service(SIGNED, "        trail=trail,\n"),
    ),
    "signs with another key": (
        2, "a squatter may sit on the address", in_the_service(LOADED, ANOTHER),
    ),
    "forgets": (
        12, "never wrote 'left in the middle", impatient(in_the_service(KEPT, FORGOTTEN)),
    ),
    "is not slow": (12, "never wrote 'connecting", impatient(on_the_way(22, DEBUG))),
    "second copy is another message": (12, "it was not seen as a copy", on_the_way(23, DEBUG)),
    "makes it twice": (12, "the change was made 2 times", in_the_service(CONNECTS, TWICE)),
    "records nothing": (13, "holds no trail", in_the_service("        trail=trail,\n", "")),
    "trail was edited": (13, "the trail is tampered", edited_before),
    "nobody edits": (13, "nothing is found", edits_nothing),
    "workers start at DEBUG": (
        14, "a worker wrote DEBUG before", in_a_worker("level=logging.INFO", "level=logging.DEBUG"),
    ),
    "workers do not debug": (
        14, "never wrote 'DEBUG worker", in_a_worker("_database.debug", "str"),
    ),
    "one worker does not debug": (
        14, "never wrote 'DEBUG worker", in_a_worker(SET_UP, ONE_IS_MUTE),
    ),
    "nobody leases": (14, "was not done in all of them", counts_none),
    "nobody is killed": (14, "there was never another worker that listens", kills_nobody),
    "the new worker is late": (
        14, "had no lease at its first order", in_a_worker(SET_UP, LATE_COMERS_ARE_LATE),
    ),
    "the second lease does nothing": (
        14, "orders.web", in_a_worker("_web.debug(", "print("),
    ),
    "staged keys change": (15, "a staged key was obeyed", in_a_worker(SET_UP, ALL_IN_FORCE)),
    "everybody is known": (15, "a key that nobody knows was obeyed", no_stranger),
    "is busy": (
        16, "the service is busy", in_the_service("    with on_socket, on_port:\n", SPINNING),
    ),
    "ends with 7": (
        17, "did not end by itself", in_the_service("          return\n", "          sys.exit(7)"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "told", "spoil"), SABOTAGES.values(), ids=list(SABOTAGES))
def test_a_step_that_does_not_happen_is_named(
    step: int,
    told: str,
    spoil: Callable[[pytest.MonkeyPatch, Path], None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The demo ends with a status that is not 0, and names the step and what was wrong."""
    spoil(monkeypatch, folder)
    temporary = folder / "t"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert Exit.LOCAL_FAILURE == run(["demo"])
    output, errors = capsys.readouterr()
    assert errors.startswith(f"sealwire: error: step {step} of {STEPS} (")
    assert told in errors
    assert step - 1 == output.count("   checked    as expected\n")
    assert [] == list(temporary.iterdir())
    assert [] == processes_of(temporary)


def test_a_process_that_does_not_start_is_told(folder: Path) -> None:
    """Waiting for a line ends with the process, and its last words are kept."""
    program = folder / "broken.py"
    program.write_text("raise SystemExit('no such thing')\n", encoding="utf-8")
    with Running(program) as broken:
        assert broken.wait_for(lambda line: "never" in line) is None
        assert ["no such thing"] == broken.lines
    assert not broken.is_alive()


def test_a_process_that_does_not_end_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ignores the end of its input is killed by its number."""
    monkeypatch.setattr(processes, "_END_S", 0.2)
    program = folder / "stubborn.py"
    program.write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n", encoding="utf-8")
    with Running(program) as stubborn:
        assert "up" == stubborn.wait_for(lambda line: line == "up")
        assert -signal.Signals["SIGKILL"] == stubborn.end()


# ---- processor time ------------------------------------------------------------------------------


def test_processor_time_grows_with_work() -> None:
    """What this process uses is seen from outside."""
    before_s = cpu_time_s(os.getpid())
    while time.process_time() < before_s + 0.2:
        pass
    assert cpu_time_s(os.getpid()) > before_s


def test_processor_time_of_nobody_is_an_error() -> None:
    """A process that is not there has no time."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(OSError):  # noqa: PT011 - the text is the system's
        cpu_time_s(ended.pid)


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("0:00.00", 0.0),
        ("0:01.98", 1.98),
        ("12:34.50", 754.5),
        ("01:02:03", 3723.0),
        ("2-01:02:03", 176523.0),
    ],
)
def test_times_of_ps_are_read(text: str, expected_s: float) -> None:
    """The forms of Linux, macOS and the BSDs."""
    assert pytest.approx(expected_s) == parse_ps_time(text)
