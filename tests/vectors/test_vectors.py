"""The vectors: what is written, what their readers are promised, and what ours makes of them."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealwire.errors import Reason

HERE = Path(__file__).parent
FILES = sorted((HERE / "files").glob("*.json"))
LEAST = 150
KINDS = {
    *("message", "key", "frame", "keyring", "cbor", "document", "answer", "receipt"),
    "unfinished",
}
FIRST = {"name", "what", "origin", "kind", "data", "expected"}
BY_KIND = {"message": {"receiver"}, "receipt": {"client"}, "document": {"content_type"}}
BY_KIND["keyring"] = {"before", "now_ms"}
RECEIVER = {"audience", "ways", "now_ms", "skew_ms", "start_ms", "floors", "taken"}
CLIENT = {"asked", "receipt_key", "now_ms"}
PUBLIC, SECRET = {"owner", "public"}, {"owner", "audience", "secret"}
GOOD = {
    "key": {"kid"},
    "unusable": set(),
    "new": {"document", "content_type", "digest"},
    "same": {"document", "content_type", "digest"},
    "frame": {"payload"},
    "followed": {"version", "digest"},
    "value": set(),
    "document": set(),
    "answer": {"said", "reason", "detail", "repeated"},
    "receipt": {"said", "mode"},
    "unfinished": {"digest", "signatures"},
}

# What no bytes by themselves bring about.
NOT_BY_BYTES = {
    Reason.FRAME_TIMEOUT,  # takes time
    Reason.CROWDED_OUT,  # takes other connections
    Reason.PEER_NOT_ALLOWED,  # takes another user
    Reason.VERIFY_DECLINED,  # takes a callable of somebody's
    Reason.REPLAY_WINDOW_FULL,  # takes a thousand entries; `tests/unit/test_replay.py` fills one
    Reason.STATE_UNAVAILABLE,  # takes a disk
    Reason.CHALLENGE_REQUIRED,  # takes a start that has drawn one
    Reason.VERB_NOT_SERVED,  # takes a door
    Reason.NOT_ADDRESSED,  # takes the name of a process
    Reason.BASE_MISMATCH,  # takes a process
    Reason.NOT_IN_FORCE,  # the same
    Reason.CONFIRMATION_DUE,  # the same
    Reason.LEASE_OVER,  # the same
    Reason.TRAIL_UNAVAILABLE,  # of a disk or a sink
    Reason.KEY_NOT_IN_FORCE,  # takes a keyring, and a message that passes its other checks
    Reason.KEY_ROLE,  # the same
    Reason.KEYRING_EXPIRED,  # the same
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
    if vector["kind"] == "message":
        check_receiver(vector["receiver"])
    if vector["kind"] == "receipt":
        client = vector["client"]
        assert client.keys() - {"request_key"} == CLIENT
        assert client["asked"].keys() == {"audience", "stream", "cti", "digest"}
        assert client["receipt_key"].keys() == PUBLIC
        assert client.get("request_key", dict.fromkeys(SECRET)).keys() == SECRET


def check_receiver(receiver: dict[str, Any]) -> None:
    """Check the form of what a receiver is and remembers."""
    assert receiver.keys() == RECEIVER
    assert all(type(receiver[name]) is int for name in ("now_ms", "skew_ms", "start_ms"))
    assert receiver["ways"]
    for layer in (layer for way in receiver["ways"] for layer in way):
        assert layer.keys() == {"layer", "keys"}
        members = {"sign1": PUBLIC, "sign": PUBLIC, "sshsig": PUBLIC | {"application"}}
        assert layer["layer"] in {"mac0", "encrypt0", *members}
        for key in layer["keys"]:
            assert key.keys() == members.get(layer["layer"], SECRET)
    for floor in receiver["floors"].values():
        assert floor.keys() == {"version", "digest", "issuer", "outcome", "taken_ms", "ahead"}
        for ahead in floor["ahead"]:
            assert ahead.keys() == {"issuer", "version", "digest"}
    for taken in receiver["taken"]:
        assert taken.keys() == {"thumbprint", "cti", "exp"}


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


def test_primitives_alone_open_the_network_message() -> None:
    """With neither sealwire nor the generator: offsets by hand, and two libraries' primitives."""
    vector = read(HERE / "files" / "good-network.json")
    gate, hidden, signed = (way["keys"][0] for way in vector["receiver"]["ways"][0])
    data = bytes.fromhex(vector["data"])

    def bound(index: int) -> bytes:
        # ["sealwire/1", "request", "payments@prod", index, [5, 3, -19]], as a byte string.
        array = b"\x85\x6asealwire/1\x67request\x6dpayments@prod" + bytes([index])
        array += b"\x83\x05\x03\x32"
        return b"\x58" + bytes([len(array)]) + array

    # Tag, array, a header of 12 bytes and its head, an empty map; the payload; head and MAC.
    payload, mac = data[17:-34], data[-32:]
    covered = b"\x84\x64MAC0" + data[2:16] + bound(0) + payload
    assert mac == hmac.digest(bytes.fromhex(gate["secret"]), covered, hashlib.sha256)
    inner = payload[3:]
    at = inner.index(b"\xa1\x05\x4c")
    iv, ciphertext = inner[at + 3 : at + 15], inner[at + 17 :]
    covered = b"\x83\x68Encrypt0" + inner[2:at] + bound(1)
    opened = AESGCM(bytes.fromhex(hidden["secret"])).decrypt(iv, ciphertext, covered)
    payload, signature = opened[17:-66], opened[-64:]
    covered = b"\x84\x6aSignature1" + opened[2:16] + bound(2) + payload
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["public"])).verify(signature, covered)
    document = bytes.fromhex(vector["expected"]["document"])
    assert payload.endswith(b"\x58" + bytes([len(document)]) + document)
    body = payload[2:]
    assert vector["expected"]["digest"] == hashlib.sha256(body).hexdigest()


def test_a_defect_is_just_one() -> None:
    """What is cut or of another length is right otherwise, so that a lenient reader shows."""
    secret = bytes.fromhex(
        read(HERE / "files" / "good-network.json")["receiver"]["ways"][0][1]["keys"][0]["secret"]
    )
    whole = bytes.fromhex(read(HERE / "files" / "good-mac.json")["data"])[-32:]
    for name, length in (("half", 16), ("quarter", 8)):
        data = bytes.fromhex(read(HERE / "files" / f"mac0-{name}-tag.json")["data"])
        assert data.endswith(whole[:length])
    for length in (11, 13):
        data = bytes.fromhex(read(HERE / "files" / f"encrypt0-iv-of-{length}.json")["data"])
        at = data.index(b"\xa1\x05" + bytes([0x40 + length]))
        array = b"\x85\x6asealwire/1\x67request\x6dpayments@prod\x00\x82\x03\x32"
        covered = b"\x83\x68Encrypt0" + data[2:at] + b"\x58" + bytes([len(array)]) + array
        iv, ciphertext = data[at + 3 : at + 3 + length], data[at + 3 + length + 2 :]
        assert b"alice" in AESGCM(secret).decrypt(iv, ciphertext, covered)


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


def test_the_runner_fails_where_one_expectation_is_wrong(tmp_path: Path) -> None:
    """One file of two, by way of the protocol."""
    for name in ("good-local", "expired"):
        file = HERE / "files" / ("exp-over-by-1-ms.json" if name == "expired" else f"{name}.json")
        vector = read(file)
        if name == "expired":
            vector["expected"]["reason"] = "replayed"
        (tmp_path / file.name).write_text(json.dumps(vector), encoding="utf-8")
    runner = f"import run, pathlib; run.FILES = pathlib.Path({str(tmp_path)!r}); "
    runner += f"raise SystemExit(run.main([{sys.executable!r}, {str(HERE / 'ours.py')!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", runner],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=HERE,
    )
    assert 1 == done.returncode
    assert done.stdout.endswith("1 passed, 1 failed\n")
    assert "exp-over-by-1-ms.json" in done.stdout


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
    assert [] != RUN.differences(refused, {"outcome": "refused", "said": "applied"})
