"""What one door of a process took is not new to another: memory belongs to the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire import Answer, Outcome, as_verify, deliver
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Way

    from sealwire.listener import Listener


def test_a_message_of_before_does_not_come_back_by_another_door(
    serve: Callable[..., Listener], seal: Callable[..., bytes], local: Way
) -> None:
    """Neither by a second listener, nor by the callable, nor by a listener made later."""
    by_unix, by_tcp = serve(), serve("tcp:127.0.0.1:0")
    verify = as_verify(local.chain)
    old, new = seal(), seal()
    assert Answer(Outcome.APPLIED) == deliver(by_unix.address, old)
    assert Answer(Outcome.APPLIED) == deliver(by_tcp.address, new)
    assert "version-superseded" == deliver(by_unix.address, old).reason
    assert verify(old) is None
    assert verify(new) is None
    by_tcp.stop()
    assert "version-superseded" == deliver(serve("tcp:127.0.0.1:0").address, old).reason


def test_a_listener_that_is_bound_again_takes_nothing_of_meanwhile(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """Another process may have served the address, and have taken what is new here."""
    listener = serve()
    mine = seal()
    assert Answer(Outcome.APPLIED) == deliver(listener.address, mine)
    listener.stop()
    of_meanwhile, looked_meanwhile = seal(), status(seal)
    for bound in (listener.start, serve):
        again = bound()
        assert "version-before-start" == deliver(again.address, of_meanwhile).reason
        assert "version-before-start" == deliver(again.address, looked_meanwhile).reason
        # What it has taken itself is known, and nothing else needs to be waited out.
        assert Answer(Outcome.APPLIED, repeated=True) == deliver(again.address, mine)
        again.stop()
    last = serve()
    assert Answer(Outcome.APPLIED) == deliver(last.address, seal())
    assert Outcome.APPLIED == deliver(last.address, status(seal)).outcome


def test_a_listener_beside_one_that_serves_keeps_that_one_waiting_for_nothing(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """What was sealed before the second was bound is new to the first, which has served since."""
    first = serve()
    assert Answer(Outcome.APPLIED) == deliver(first.address, seal())
    sealed = seal()
    second = serve("tcp:127.0.0.1:0")
    assert "version-before-start" == deliver(second.address, sealed).reason
    assert Answer(Outcome.APPLIED) == deliver(first.address, sealed)


def status(seal: Callable[..., bytes]) -> bytes:
    """Give a question for the status."""
    return seal(
        write_request(Verb.STATUS),
        content_type=CONTENT_TYPE_REQUEST,
        stream=Stream.READ,
        lifetime_s=60,
    )
