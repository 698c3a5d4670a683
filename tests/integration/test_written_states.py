"""Whoever can write a state directory, and has a key that may do less, or nothing any more."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest
from tests.integration.test_keyring import LOGGER, Service
from tests.unit.keyring.rings import ALICE, AUDIENCE, BOB, entry, following

from sealwire import MemorySealerState, Sealer, wall_clock_ms
from sealwire.journal import Journal, Kept, StateDirectory, Stored, StoredBase
from sealwire.keyring import Role, State, keyring_chain
from sealwire.keyringfiles import KeyringFiles
from sealwire.recommended import Recommended, local_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sealwire.keys import SigningKey

    Process = Callable[[], AbstractContextManager[None]]

BASE = {"config": {"version": 1, "loggers": {LOGGER: {"level": "DEBUG"}}}}
LEASE = {"levels": {LOGGER: "DEBUG"}, "for_s": 600}


def kept(service: Service, signer: SigningKey, verb: Verb, stream: Stream) -> Kept:
    """Give a message as a journal has it that was never taken."""
    sealer = Sealer(
        AUDIENCE,
        local_layers(signer),
        issuer=signer.owner,
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )
    members = BASE if verb is Verb.APPLY else LEASE
    document = write_request(verb, **members)
    message = sealer.seal(document, content_type=CONTENT_TYPE_REQUEST, stream=stream)
    files = KeyringFiles(AUDIENCE, pinned=service.folder / "pinned")
    opened = keyring_chain(files.open()).open(message, now_ms=wall_clock_ms())
    return Kept(
        id=opened.claims.cti.hex(),
        stream=stream,
        version=opened.claims.version,
        digest=opened.digest,
        issuer=opened.claims.iss,
        verb=verb.value,
        message=opened.signed,
        from_layer=opened.from_layer,
        accepted_ms=wall_clock_ms(),
        setup=b"",
    )


def written(service: Service, message: Kept, *, stands: bool) -> None:
    """Write into the journal that a message is being taken, or that it stands."""
    assert service.state is not None
    directory = StateDirectory.open(service.state, AUDIENCE)
    journal = Journal.open(directory)
    with journal.exclusive() as held:
        held.intend(message)
        if stands:
            base = StoredBase(message.id, message.accepted_ms)
            held.settle(Outcome.APPLIED, Stored((base,), (), None))
    journal.close()
    directory.close()


@pytest.mark.parametrize("stands", [True, False])
def test_a_lease_key_has_no_configuration_by_the_journal(
    tmp_path: Path, new_process: Process, *, stands: bool
) -> None:
    """A role is judged once more when what was kept is opened again."""
    with new_process():
        service = Service(tmp_path, Recommended.LOCAL, state=True)
        service.listener.stop()
    written(service, kept(service, BOB, Verb.APPLY, Stream.BASE), stands=stands)
    with new_process(), service.start():
        report = service.client(ALICE).status().report
        assert "application" == report["base"]["issuer"]
        assert logging.NOTSET == logging.getLogger(LOGGER).level


@pytest.mark.parametrize("state", [State.SUSPENDED, State.DEACTIVATED])
def test_what_is_found_in_the_middle_is_judged_by_the_keys_of_now(
    tmp_path: Path, new_process: Process, state: State
) -> None:
    """That it had been accepted before its key left service only the journal says."""
    with new_process():
        service = Service(tmp_path, Recommended.LOCAL, state=True)
        with service.listener:
            lease = kept(service, BOB, Verb.LEASE, Stream.LEASE)
            now = wall_clock_ms() // 1000 + 1
            until = now + 3600 if state is State.SUSPENDED else 0
            gone = entry(BOB, Role.LEASE, state, since=now, until=until)
            service.follow(following(service.current, gone, now=now))
    time.sleep(1)
    written(service, lease, stands=False)
    with new_process(), service.start():
        assert [] == service.client(ALICE).status().report["leases"]


def test_what_its_keys_allow_is_done_again(tmp_path: Path, new_process: Process) -> None:
    """A process that died in the middle leaves it so."""
    with new_process():
        service = Service(tmp_path, Recommended.LOCAL, state=True)
        service.listener.stop()
    written(service, kept(service, BOB, Verb.LEASE, Stream.LEASE), stands=False)
    with new_process(), service.start():
        leases = service.client(ALICE).status().report["leases"]
        assert ["bob"] == [each["issuer"] for each in leases]
