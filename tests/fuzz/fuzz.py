"""Coverage-guided fuzzing of every parser that reads a peer's bytes (needs ``atheris``).

    python tests/fuzz/fuzz.py              every target, a share of the runs each
    python tests/fuzz/fuzz.py cbor         one target; what follows is for libFuzzer

``FUZZ_RUNS`` says how many inputs there are in all. A target fails on any exception but a refusal,
on an accepted input that does not read back the same, and on an input that takes over a second;
what it failed on is kept in ``build/fuzz``. Two faults that have to be found go first.
The mutations of ``make test`` hold the same properties without ``atheris``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris

with atheris.instrument_imports(include=["sealwire"]):
    from sealwire import answers, body, cbor
    from sealwire.allowedsigners import read_allowed_signers
    from sealwire.chain import Chain
    from sealwire.checks import Freshness, Once
    from sealwire.documents import read_plan
    from sealwire.documents.ini import read_ini_plan
    from sealwire.errors import ConfigurationError, RefusedError
    from sealwire.framing import FrameReader
    from sealwire.keyfiles import (
        UNSAFE_COST_FOR_TESTS_ALONE,
        Passphrase,
        openssh,
        parse_foreign,
        parse_key,
        parse_protected,
        pkcs8,
        protect,
    )
    from sealwire.keyring import (
        Keyring,
        Owner,
        RingKey,
        Role,
        State,
        peek_keyring,
        read_history,
        read_keyring,
        read_list,
        sign_keyring,
        verify_first,
        write_keyring,
        write_list,
    )
    from sealwire.keys import AeadKey, MacKey, SigningKey
    from sealwire.layers import (
        AesGcmOpener,
        AesGcmSealer,
        Ed25519Signer,
        Ed25519Verifier,
        HmacTagger,
        HmacVerifier,
        MultiSigner,
        ThresholdVerifier,
    )
    from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
    from sealwire.policy import default_rules, judge
    from sealwire.requests import Apply
    from sealwire.sealer import MemorySealerState, Sealer
    from sealwire.sshkeys import SshSigner, SshVerifyKey
    from sealwire.sshwire import Sshsig
    from sealwire.stages import Claims, Opened, Stream
    from sealwire.transports.addresses import parse_address
    from sealwire.unfinished import read_unfinished, seal_unfinished, write_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS: Final = 1_800_000_000_000
SIGNING: Final = SigningKey(b"s" * 32, owner="alice")
MAC: Final = MacKey(b"m" * 32, owner="alice", audience="payments@prod")
AEAD: Final = AeadKey(b"a" * 32, owner="alice", audience="payments@prod")
LOCAL: Final = Chain("payments@prod", [Ed25519Verifier([SIGNING.verify_key]), Freshness(), Once()])
NETWORK: Final = Chain(
    "payments@prod",
    [HmacVerifier([MAC]), AesGcmOpener([AEAD]), Ed25519Verifier([SIGNING.verify_key]), Freshness()],
)
SEVERAL: Final = Chain("payments@prod", [ThresholdVerifier([SIGNING.verify_key]), Freshness()])
SSHSIG: Final = Chain("payments@prod", [SshsigVerifier([SshVerifyKey.of(SIGNING.verify_key)])])
PASSPHRASE: Final = Passphrase(b"correct horse battery")
FOREIGN: Final = Path(__file__).parents[1] / "unit" / "keyfiles" / "files"
RULES: Final = default_rules(["/var/log"])
JSON_SEED: Final = (
    b'{"version": 1, "formatters": {"f": {"format": "%(levelname)s %(message)s"}}, "handlers": '
    b'{"h": {"class": "logging.StreamHandler", "formatter": "f", "stream": "ext://sys.stdout"}}, '
    b'"root": {"level": "INFO", "handlers": ["h"]}}'
)
INI_SEED: Final = b"""[loggers]
keys=root
[handlers]
keys=h
[formatters]
keys=f
[logger_root]
level=INFO
handlers=h
[handler_h]
class=StreamHandler
formatter=f
args=(sys.stdout,)
[formatter_f]
format=%(levelname)s %(message)s
"""


def _ring() -> Keyring:
    """Give a keyring of one root key."""
    root = RingKey(
        *(SIGNING.thumbprint, Role.ROOT, Owner("alice"), State.ACTIVE, NOW_MS // 1000),
        public=SIGNING.verify_key.public_bytes,
    )
    return Keyring("payments", 1, NOW_MS // 1000, NOW_MS // 1000 + 86_400, 1, (root,))


RING: Final = sign_keyring(_ring(), [SIGNING])


def _sealed(*layers: object) -> bytes:
    """Seal a document as the chains above open it."""
    sealer = Sealer(
        "payments@prod",
        layers,  # type: ignore[arg-type]
        issuer="alice",
        state=MemorySealerState(),
        clock=lambda: NOW_MS,
    )
    return sealer.seal(JSON_SEED)


def _unfinished_seed() -> bytes:
    sealer = Sealer(
        "payments@prod",
        [MultiSigner(SIGNING)],
        issuer="alice",
        state=MemorySealerState(),
        clock=lambda: NOW_MS,
    )
    return write_unfinished(
        seal_unfinished(
            sealer,
            JSON_SEED,
            content_type="application/json",
            stream=Stream.BASE,
            lifetime_s=300,
        )
    )


def _opened(content_type: str, document: bytes) -> Opened:
    second = NOW_MS // 1000
    claims = Claims("alice", "payments@prod", second + 300, second, bytes(16), NOW_MS, Stream.BASE)
    return Opened(document, claims, content_type, document, ())


def _cbor(data: bytes) -> None:
    assert cbor.encode(cbor.decode(data)) == data


def _body(data: bytes) -> None:
    assert body.encode_body(*body.decode_body(data)) == data


def _frame(data: bytes) -> None:
    reader = FrameReader()
    for index in range(len(data)):
        reader.receive_data(data[index : index + 1])
        if reader.next_event() is not None:
            return
    reader.receive_eof()
    reader.next_event()


def _open(data: bytes) -> None:
    # Nothing that opens may differ from what was sealed: that would be a forgery.
    for chain, seed in zip((LOCAL, NETWORK, SSHSIG), SEEDS["open"], strict=True):
        try:
            chain.open(data, now_ms=NOW_MS)
        except RefusedError:
            continue
        assert data == seed


def _several(data: bytes) -> None:
    # What signs is Ed25519, which has one signature for one key and text.
    try:
        SEVERAL.open(data, now_ms=NOW_MS)
    except RefusedError:
        return
    assert data == SEEDS["several"][0]


def _unfinished(data: bytes) -> None:
    assert write_unfinished(read_unfinished(data)) == data


def _json(data: bytes) -> None:
    plan = read_plan(data)
    judge(RULES, Apply(_opened("application/json", data), plan))
    assert read_plan(plan.canonical()) == plan


def _ini(data: bytes) -> None:
    plan = read_ini_plan(data)
    judge(RULES, Apply(_opened("application/vnd.sealwire.ini", data), plan))
    assert read_plan(plan.canonical()) == plan


def _answer(data: bytes) -> None:
    answers.encode_answer(answers.decode_answer(data))


def _address(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    assert parse_address(str(parse_address(text))) == parse_address(text)


def _key(data: bytes) -> None:
    parse_key(data)


def _sshsig(data: bytes) -> None:
    assert Sshsig.parse(data).encode() == data


def _signers(data: bytes) -> None:
    for key in read_allowed_signers(data, "signers"):
        assert key.owner.encode() in data


def _keyring(data: bytes) -> None:
    assert write_keyring(read_keyring(data)) == data


def _signed_keyring(data: bytes) -> None:
    # What verifies was signed by the one root key that there is; the rest is read unverified.
    for read, write in ((read_list, write_list), (read_history, b"".join)):
        try:
            assert write(read(data)) == data
        except RefusedError:
            continue
    peek_keyring(data)
    assert verify_first(data).sealed == RING


def _keypass(data: bytes) -> None:
    held = parse_protected(data.decode(errors="replace"))
    assert held.line().encode() == data + b"\n"
    if held.cost.memory_kib <= 64:
        assert held.open(PASSPHRASE) == SIGNING


def _foreign(data: bytes) -> None:
    parse_foreign(data, "alice", lambda _: PASSPHRASE)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "cbor": _cbor,
    "body": _body,
    "frame": _frame,
    "open": _open,
    "several": _several,
    "unfinished": _unfinished,
    "json": _json,
    "ini": _ini,
    "answer": _answer,
    "address": _address,
    "key": _key,
    "sshsig": _sshsig,
    "signers": _signers,
    "keyring": _keyring,
    "signed-keyring": _signed_keyring,
    "keypass": _keypass,
    "foreign": _foreign,
}
SEEDS: Final[dict[str, list[bytes]]] = {
    "cbor": [bytes.fromhex("83a301020304f6f4f5"), answers.CONSTANT_REFUSAL],
    "body": [LOCAL.open(_sealed(Ed25519Signer(SIGNING)), now_ms=NOW_MS).body],
    "frame": [b"\0\0\0\3abc", b"\0\4\0\0"],
    "open": [
        _sealed(Ed25519Signer(SIGNING)),
        _sealed(HmacTagger(MAC), AesGcmSealer(AEAD), Ed25519Signer(SIGNING)),
        _sealed(SshsigSigner(SshSigner.of(SIGNING))),
    ],
    "several": [_sealed(MultiSigner(SIGNING))],
    "unfinished": [_unfinished_seed()],
    "json": [JSON_SEED, b'{"version": 1}'],
    "ini": [INI_SEED],
    "answer": [answers.CONSTANT_REFUSAL, bytes.fromhex("a4010202617803617904f5")],
    "address": [b"unix:/run/x", b"tcp:[::1]:9030"],
    "keyring": [write_keyring(_ring())],
    "signed-keyring": [RING, write_list([RING]), RING + RING],
    "key": [
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKnDfm3Z9m7lqJ0b6dXyJ5x4o1Vt0oXb3QJ2qP8W1yZs alice\n",
        b"sealwire-mac-key-1 alice payments@prod bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0\n",
        (
            b"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIKxER3k2qeAu"
            b"vrxv+s3Tbi2lX5FNdxkiUZOD2FZ6Lqk4AAAABHNzaDo= alice\n"
        ),
    ],
    "sshsig": [SshSigner.of(SIGNING).sign(b"")],
    "signers": [
        (
            b'alice namespaces="request@sealwire/1",valid-before="20271231Z" ssh-ed25519 '
            b"AAAAC3NzaC1lZDI1NTE5AAAAIJCNxhlGceS0acKGYywIMe3m3vIQkx2M0GrXFV6iMAhF hers\n"
        ),
        b"# nobody\nbob cert-authority ssh-rsa AAAA\n",
    ],
    "keypass": [protect(SIGNING, PASSPHRASE, UNSAFE_COST_FOR_TESTS_ALONE).line()[:-1].encode()],
    "foreign": [
        b'{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
        *(path.read_bytes() for path in sorted(FOREIGN.iterdir())),
    ],
}


# What the harness is there to find; a run that does not find them finds nothing else either.
def _raising(data: bytes) -> None:
    assert data != SEEDS["key"][0]


def _slow(data: bytes) -> None:
    if data == SEEDS["key"][0]:
        time.sleep(4)


FAULTS: Final[dict[str, Callable[[bytes], None]]] = {"raising": _raising, "slow": _slow}
FINDINGS: Final = Path(__file__).parents[2] / "build" / "fuzz"
CORPUS: Final = "SEALWIRE_FUZZ_CORPUS"


# No input is to take long because it asks for it; that such are refused, the unit tests show.
pkcs8.MAX_ITERATIONS = 4096  # type: ignore[misc]
pkcs8.MAX_MEMORY_BYTES = 1 << 20  # type: ignore[misc]
openssh.MAX_ROUNDS = 0  # type: ignore[misc]


def fuzz(name: str, arguments: list[str], corpus: str) -> None:
    """Fuzz one target from the seeds in ``corpus``; ends the process."""
    target = TARGETS.get(name) or FAULTS[name]

    def once(data: bytes) -> None:
        try:
            target(data)
        except (RefusedError, ConfigurationError):
            return

    for number, seed in enumerate(SEEDS.get(name, SEEDS["key"])):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    options = ["-timeout=1", "-max_len=4096", "-print_final_stats=1"]
    # What stands for a fault is not kept, as nobody has to look at it.
    kept = f"-artifact_prefix={corpus if name in FAULTS else FINDINGS}/{name}-"
    atheris.Setup([sys.argv[0], *options, kept, *arguments, corpus], once)
    atheris.Fuzz()


def run(name: str, *arguments: str, shown: bool = False) -> tuple[int, list[str]]:
    """Fuzz one target in a process of its own; give its status and what it wrote."""
    # The process ends inside Fuzz(), so that what it needs for its time is removed out here.
    with tempfile.TemporaryDirectory(prefix="sealwire-fuzz-") as corpus:
        ended = subprocess.run(
            [sys.executable, __file__, name, *arguments],
            stderr=None if shown else subprocess.PIPE,
            stdout=None if shown else subprocess.DEVNULL,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
            env={**os.environ, CORPUS: corpus},
        )
    return ended.returncode, (ended.stderr or "").splitlines()


def fault_of(status: int, lines: list[str]) -> str:
    """Say what is wrong with a run, in words; nothing if nothing is.

    A run that was cut short found nothing, and is not one that passed. A status that comes after
    the last input is a failure as well, but says nothing about the target, so it is told apart.
    """
    done = [number for number, line in enumerate(lines) if line.startswith("Done ")]
    signs = ("ERROR: libFuzzer", "Uncaught Python exception", "Traceback (most recent")
    found = [number for number, line in enumerate(lines) if any(sign in line for sign in signs)]
    if found and not (done and done[0] < found[0]):
        return f"found something, status {status}"
    if not done:
        return f"ended before its last input, status {status}"
    return f"ended with status {status} after its last input" if status else ""


def fuzz_all() -> int:
    """Fuzz every target in a process of its own; give how many failed."""
    runs = int(os.environ.get("FUZZ_RUNS", "10000000")) // len(TARGETS)
    failed = 0
    for name in FAULTS:
        found = fault_of(*run(name, "-runs=100")).startswith("found something")
        print(f"{name:8} {'found, as it should be' if found else 'FAILED: not found'}", flush=True)
        failed += not found
    for name in TARGETS:
        # Not -atheris_runs, which ends the process inside the last call of the target: libFuzzer's
        # timer then runs on, and calls an ending of over a second an input that took that long.
        status, lines = run(name, f"-runs={runs}")
        fault = fault_of(status, lines)
        last = [line for line in lines if line.startswith("Done ")][-1:]
        print(f"{name:8} {f'FAILED: {fault}' if fault else 'ok'}", *last, flush=True)
        if fault:
            failed += 1
            print("\n".join(lines)[-4000:])
    print(f"{len(TARGETS)} targets, {failed} failures, {runs} inputs each")
    return failed


if __name__ == "__main__":
    if CORPUS in os.environ:
        fuzz(sys.argv[1], sys.argv[2:], os.environ[CORPUS])
    if len(sys.argv) > 1:
        sys.exit(run(*sys.argv[1:], shown=True)[0])
    sys.exit(min(1, fuzz_all()))
