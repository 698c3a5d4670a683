"""What one door of a process took is not new to another: memory belongs to the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire import Answer, Outcome, as_verify, deliver

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
