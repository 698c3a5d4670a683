"""Mutated SSHSIG: what is accepted reads back the same, and nothing but a refusal comes out."""

from __future__ import annotations

import base64
import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import FIDO, PLAIN
from tests.unit.test_allowedsigners import FILE, line_of

from sealwire.allowedsigners import read_allowed_signers, read_revoked
from sealwire.chain import Chain
from sealwire.errors import ConfigurationError, MalformedError, RefusedError
from sealwire.keyfiles import parse_key
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
from sealwire.sshkeys import SshSigner, SshVerifyKey
from sealwire.sshwire import PublicKey, Signature, Sshsig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator

    Mutate = Callable[[random.Random, Sequence[bytes]], bytes]

    Written = PublicKey | Signature | Sshsig

MUTATED = 10_000
NOW_MS = 1_800_000_000_000

READERS: dict[str, tuple[Callable[[bytes], Written], list[bytes]]] = {
    "key": (PublicKey.parse, [PLAIN.blob, FIDO.blob]),
    "signature": (Signature.parse, [PLAIN.sign(b""), FIDO.sign(b"")]),
    "sshsig": (Sshsig.parse, [PLAIN.sshsig(b""), FIDO.sshsig(b"")]),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_read_reads_back_the_same(name: str, mutate: Mutate) -> None:
    """A reader refuses, or gives what writes exactly these bytes."""
    parse, seeds = READERS[name]
    generator, accepted = random.Random(7), 0
    for _ in range(MUTATED):
        data = mutate(generator, seeds)
        try:
            read = parse(data)
        except MalformedError:
            continue
        accepted += 1
        assert data == read.encode()
    # Most of what can be changed in a key or a signature is another key or signature.
    assert 0 < accepted < MUTATED


def test_no_mutated_message_opens(alice: Operator, mutate: Mutate) -> None:
    """Nothing opens but what was sealed, and nothing is raised but a refusal."""
    keys = [SshVerifyKey(PublicKey.parse(key.blob), owner="alice") for key in (PLAIN, FIDO)]
    chain = Chain(alice.audience, [SshsigVerifier(keys)])
    sealed = [
        alice.wrap(alice.body(), [SshsigSigner(SshSigner(public, key.sign))])
        for public, key in zip(keys, (PLAIN, FIDO), strict=True)
    ]
    generator = random.Random(7)
    for _ in range(MUTATED):
        data = mutate(generator, sealed)
        try:
            chain.open(data, now_ms=NOW_MS)
        except RefusedError:
            continue
        assert data in sealed


def test_mutated_lists_are_read_or_refused(mutate: Mutate) -> None:
    """And a key that comes out of a changed list is one that stands in it."""
    generator, read, refused = random.Random(7), 0, set()
    for _ in range(MUTATED):
        data = mutate(generator, [FILE.encode()])
        try:
            keys = read_allowed_signers(data, "signers")
        except ConfigurationError as error:
            refused.add(str(error))
        else:
            read += 1
            words = data.decode().split()
            assert {key.owner for key in keys} <= set(words)
            coded = {base64.b64encode(key.public_key.encode()).decode() for key in keys}
            assert coded <= set(words)
    assert read > 0
    assert refused
    assert [] == [said for said in refused if not said.startswith("signers:")]


def test_mutated_revocations_and_key_lines(mutate: Mutate) -> None:
    """The same of a list of revoked keys, and of a line that a key file holds."""
    generator, read = random.Random(7), 0
    readers = (partial(read_revoked, source="revoked"), parse_key)
    for _ in range(MUTATED):
        data = mutate(generator, [f"{line_of(FIDO)} alice\n".encode()])
        for reader in readers:
            with contextlib.suppress(ConfigurationError):
                reader(data)
                read += 1
    assert 0 < read < 2 * MUTATED
