"""Every program in ``examples/`` runs and does what it says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sealwire
from sealwire import Chain, Ed25519Verifier, Freshness, Once, Reason, RefusedError, Stage
from sealwire.algebra import Verifier
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.requests import Apply, read_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Operator

EXAMPLES = Path(__file__).parents[2] / "examples"
DEBUG = EXAMPLES / "debug.json"
DEADLINE_S = 30

RUN_HERE = {"service.py", "operator_send.py", "change_window.py"}
RUN_BY_SERVERS = {"flask_app.py", "fastapi_app.py", "gunicorn.conf.py"}
"""These are run in tests/integration/servers."""


def run_example(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        yield Path(path)


@pytest.fixture
def keys(folder: Path) -> tuple[Path, Path]:
    """Give alice's key files: the secret one and the public one."""
    alice = new_signing_key("alice")
    secret, public = folder / "alice.signing", folder / "alice.pub"
    write_key_file(secret, alice)
    write_key_file(public, alice.verify_key)
    return secret, public


@pytest.fixture
def service(folder: Path, keys: tuple[Path, Path]) -> Iterator[subprocess.Popen[str]]:
    """Run the service of the examples, trusting alice."""
    command = [sys.executable, str(EXAMPLES / "service.py"), f"unix:{folder}/s/log.sock"]
    with subprocess.Popen(
        [*command, str(keys[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as running:
        try:
            wait_for(running, "INFO:orders:")
            yield running
        finally:
            running.kill()


def wait_for(running: subprocess.Popen[str], text: str) -> list[str]:
    """Read lines of a process until one holds ``text``; fail if it ends before."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if text in line:
            return lines
    pytest.fail(f"{text!r} was never written: {lines}")


def test_no_example_is_left_out() -> None:
    """A program that is added here has to be run here."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == RUN_HERE | RUN_BY_SERVERS
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    there = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = {str(path.relative_to(EXAMPLES)) for path in there} - {"README.md"}
    assert [] == [name for name in sorted(names) if f"`{name}`" not in listed]


def test_the_operator_changes_the_service(
    service: subprocess.Popen[str], folder: Path, keys: tuple[Path, Path]
) -> None:
    """DEBUG lines appear; the service ends by the end of its input and removes its socket."""
    address = f"unix:{folder}/s/log.sock"
    sent = run_example("operator_send.py", address, keys[0], DEBUG)
    assert (0, "applied", "") == (sent.returncode, sent.stdout.strip(), sent.stderr)
    wait_for(service, "DEBUG orders.db: ")
    assert service.stdin is not None
    service.stdin.close()
    assert 0 == service.wait(DEADLINE_S)
    assert not (folder / "s" / "log.sock").exists()


def test_a_stranger_changes_nothing(service: subprocess.Popen[str], folder: Path) -> None:
    """A key that the service does not trust is refused, and no reason is given."""
    stranger = folder / "mallory.signing"
    write_key_file(stranger, new_signing_key("mallory"))
    sent = run_example("operator_send.py", f"unix:{folder}/s/log.sock", stranger, DEBUG)
    assert (1, "refused", "") == (sent.returncode, sent.stdout.strip(), sent.stderr)
    assert [] == [line for line in wait_for(service, "key-unknown") if "DEBUG" in line]


def test_no_service_is_told(folder: Path, keys: tuple[Path, Path]) -> None:
    """Where nobody listens, nothing was sent."""
    sent = run_example("operator_send.py", f"unix:{folder}/nobody", keys[0], DEBUG)
    assert (3, "") == (sent.returncode, sent.stdout)
    assert "no connection" in sent.stderr


def test_the_example_configuration_passes_the_default_policy() -> None:
    """It is what README tells people to send first."""
    document = DEBUG.read_bytes()
    alice = new_signing_key("alice")
    sealer = sealwire.Sealer(
        "orders@test",
        [sealwire.Ed25519Signer(alice)],
        issuer="alice",
        state=sealwire.MemorySealerState(),
        clock=sealwire.wall_clock_ms,
    )
    chain = Chain("orders@test", [Ed25519Verifier([alice.verify_key]), Freshness(), Once()])
    now_ms = sealwire.wall_clock_ms()
    opened = chain.open(sealer.seal_at(document, now_ms=now_ms), now_ms=now_ms)
    request = read_request(opened)
    assert isinstance(request, Apply)
    assert [] == [each for rule in sealwire.default_rules() for each in rule.judge(request)]


# ---- a verifier of a third party -----------------------------------------------------------------


@pytest.fixture(scope="module")
def change_window() -> Any:  # noqa: ANN401 - a class of a program that is no module of ours
    """Give the example's class."""
    spec = importlib.util.spec_from_file_location("change_window", EXAMPLES / "change_window.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["change_window"] = module
    spec.loader.exec_module(module)
    return module.ChangeWindow


def milliseconds(day: int, hour: int, minute: int = 0) -> int:
    """Give a time in November 2026, whose 23rd is a Monday."""
    return round(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now_ms", "passes"),
    [
        (milliseconds(23, 9), True),
        (milliseconds(23, 8, 59), False),
        (milliseconds(27, 16, 59), True),
        (milliseconds(27, 17), False),
        (milliseconds(28, 12), False),
        (milliseconds(29, 12), False),
    ],
)
def test_the_window_is_kept(
    alice: Operator,
    change_window: Any,  # noqa: ANN401 - see the fixture
    now_ms: int,
    passes: bool,
) -> None:
    """At its edges and at the weekend; the refusal says the time and the window."""
    verifier = change_window()
    assert isinstance(verifier, Verifier)
    chain = Chain(
        alice.audience,
        [Ed25519Verifier([alice.signing.verify_key]), Freshness(), verifier, Once()],
    )
    second = now_ms // 1000
    body = alice.body(iat=second, exp=second + 300, version=now_ms)
    sealed = alice.wrap(body, [alice.signer()])
    if passes:
        assert "alice" == chain.open(sealed, now_ms=now_ms).claims.iss
        return
    with pytest.raises(RefusedError) as refusal:
        chain.open(sealed, now_ms=now_ms)
    assert (Reason.POLICY, Stage.CHECK) == (refusal.value.reason, refusal.value.stage)
    assert "changes are taken Monday to Friday, 09:00 to 17:00" in refusal.value.detail


def test_the_window_stands_behind_a_signature(alice: Operator, change_window: Any) -> None:  # noqa: ANN401
    """In front of the layers, where nothing is known yet, it is refused at construction."""
    with pytest.raises(sealwire.ConfigurationError, match="ChangeWindow stands in front of"):
        Chain(
            alice.audience,
            [change_window(), Ed25519Verifier([alice.signing.verify_key]), Freshness(), Once()],
        )


def test_the_example_shows_both_sides() -> None:
    """Run as a program, it takes one message and refuses the other."""
    shown = run_example("change_window.py")
    assert (0, "") == (shown.returncode, shown.stderr)
    chain, taken, refused = shown.stdout.splitlines()
    assert "Ed25519Verifier → Freshness → ChangeWindow → Once" == chain
    assert "Monday 10:30: taken from alice" == taken
    assert refused.startswith("Sunday 10:30: refused: policy: Sunday 10:30 UTC; changes are taken")
