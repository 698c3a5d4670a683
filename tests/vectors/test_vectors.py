"""The vectors: what is written, what their readers are promised, and what ours makes of them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sealwire.errors import Reason

HERE = Path(__file__).parent
FILES = sorted((HERE / "files").glob("*.json"))
LEAST = 150
KINDS = {"message", "frame", "cbor", "document", "answer", "receipt"}
FIRST = {"name", "what", "origin", "kind", "data", "expected"}
BY_KIND = {"message": {"receiver"}, "receipt": {"client"}, "document": {"content_type"}}
GOOD = {
    "new": {"document", "content_type", "digest"},
    "same": {"document", "content_type", "digest"},
    "frame": {"payload"},
    "value": set(),
    "document": set(),
    "answer": {"said", "reason", "detail", "repeated"},
    "receipt": {"said", "mode"},
}

# What no bytes by themselves bring about.
NOT_BY_BYTES = {
    Reason.FRAME_TIMEOUT,  # takes time
    Reason.CROWDED_OUT,  # takes other connections
    Reason.PEER_NOT_ALLOWED,  # takes another user
    Reason.VERIFY_DECLINED,  # takes a callable of somebody's
    Reason.REPLAY_WINDOW_FULL,  # takes a thousand entries; `tests/unit/test_replay.py` fills one
    Reason.VERB_NOT_SERVED,  # takes a door
    Reason.NOT_ADDRESSED,  # takes the name of a process
    Reason.BASE_MISMATCH,  # takes a process
    Reason.NOT_IN_FORCE,  # the same
    Reason.LEASE_OVER,  # the same
    Reason.POLICY,  # takes a policy, which is the host's
    Reason.INTERNAL,  # takes a bug
}


def load(name: str) -> ModuleType:
    """Load a program beside this file."""
    found = importlib.util.spec_from_file_location(f"vectors_{name}", HERE / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


OURS, RUN = load("ours"), load("run")


def read(file: Path) -> dict[str, Any]:
    """Read one vector."""
    vector: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return vector


def test_there_are_many(capsys: pytest.CaptureFixture[str]) -> None:
    """Of every kind, and more of what is refused than of what is taken."""
    kinds = Counter(read(file)["kind"] for file in FILES)
    good = sum(read(file)["expected"]["outcome"] != "refused" for file in FILES)
    assert LEAST <= len(FILES)
    assert kinds.keys() == KINDS
    assert 40 <= good < len(FILES) / 2
    with capsys.disabled():
        print(f"\n  {len(FILES)} vectors, {good} of them good: {dict(sorted(kinds.items()))}")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_file_has_the_form_that_is_promised(file: Path) -> None:
    """As the README says, so that a reader in another language can rely on it."""
    vector = read(file)
    assert vector["name"] == file.stem
    assert vector.keys() == FIRST | BY_KIND.get(vector["kind"], set())
    assert bytes.fromhex(vector["data"]) is not None
    expected = vector["expected"]
    if expected["outcome"] == "refused":
        assert expected.keys() == {"outcome", "reason", "stage"}
        assert Reason(expected["reason"]) not in NOT_BY_BYTES
    else:
        assert expected.keys() == {"outcome"} | GOOD[expected["outcome"]]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_ours_makes_of_it_what_is_expected(file: Path) -> None:
    """Outcome, reason and stage; and nothing is released where it is refused."""
    vector = read(file)
    result = OURS.result_of(vector)
    assert vector["expected"] == result


def test_every_reason_that_bytes_can_bring_about_has_a_vector() -> None:
    """And the others are listed with what they take."""
    shown = {
        Reason(read(file)["expected"]["reason"])
        for file in FILES
        if read(file)["expected"]["outcome"] == "refused"
    }
    assert set(Reason) - NOT_BY_BYTES == shown


def test_the_generator_writes_just_these() -> None:
    """They are not edited by hand, and none is left of an earlier time."""
    made = load("make").everything()
    assert made == {file.name: file.read_bytes() for file in FILES}


def test_the_runner_says_that_ours_passes() -> None:
    """By way of the protocol, in a process of its own."""
    done = subprocess.run(
        [sys.executable, HERE / "run.py", sys.executable, HERE / "ours.py"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert f"{len(FILES)} passed, 0 failed\n" == done.stdout


SAYS_YES = """
import json, sys
for name in sys.argv[1:]:
    print(json.dumps({"file": name, "outcome": "new", "document": ""}))
"""


def test_the_runner_fails_an_implementation_that_takes_everything(tmp_path: Path) -> None:
    """And one that prints nothing, or releases what it refuses."""
    program = tmp_path / "yes.py"
    program.write_text(SAYS_YES, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, HERE / "run.py", sys.executable, program],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert 1 == done.returncode
    refused = {"outcome": "refused", "reason": "expired", "stage": "check"}
    assert [] == RUN.differences(refused, {"outcome": "refused"})
    assert [] != RUN.differences(refused, {"outcome": "new"})
    assert [] != RUN.differences(refused, {"outcome": "refused", "reason": "replayed"})
    assert [] != RUN.differences(refused, {"outcome": "refused", "document": "00"})
