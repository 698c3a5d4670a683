"""The standard library's pair ``listen`` and ``stopListening``, on our socket and our way to apply.

Rules this module keeps:

1. The shape is the library's: ``listen(port, verify)`` gives a thread with ``ready``, ``port``,
   ``start`` and ``join``; ``ready`` is set when it listens, and again after every request.
2. The faults are not: the port is bound in the caller's thread and fails there, one thread serves
   however many peers, every frame has a limit and a deadline, and nothing is evaluated.
3. Without a ``verify`` callable it is not made, unless the caller says in words that anybody who
   can reach the port may change the logging.
4. What ``verify`` gives back goes the way of every message: strict reading, policy, apply. A
   callable shows nothing about who sent it, so a peer is never told why it was refused.

What the library's own listener cannot have, this one cannot either: order, replay protection and
an end of validity are the callable's affair. A `Chain` with `sealwire.listen` has them.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConfigurationError, Reason, Stage, VerificationError
from sealwire.listener import Listener
from sealwire.policy import Policy, default_rules
from sealwire.receiver import Door
from sealwire.requests import CONTENT_TYPE_INI, CONTENT_TYPE_JSON
from sealwire.stages import Claims, Opened, Stream
from sealwire.transports.addresses import MAX_PORT, TcpAddress
from sealwire.transports.bound import Access
from sealwire.verify_callable import as_verify
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.algebra import Guarantee
    from sealwire.events import Decision
    from sealwire.policy import Rule
    from sealwire.state import AdmissionState
    from sealwire.stats import Stats

__all__ = ["DEFAULT_LOGGING_CONFIG_PORT", "ListenerThread", "as_verify", "listen", "stopListening"]

DEFAULT_LOGGING_CONFIG_PORT: Final = 9030
"""The library's default port."""

_LOOPBACK: Final = "127.0.0.1"


class CallableOpener:
    """A ``verify`` callable in the place of a chain; it guarantees nothing."""

    def __init__(self, verify: Callable[[bytes], bytes | None] | None) -> None:
        """Ask ``verify``; ``None`` lets everything pass."""
        self._verify = verify
        self.guarantees: frozenset[Guarantee] = frozenset()

    def open(self, sealed: bytes, *, now_ms: int, skew_ms: int = 0) -> Opened:
        """Give what ``verify`` gives back, as a configuration of nobody.

        Raises:
            VerificationError: it gave ``None``, or no bytes.
        """
        document = sealed if self._verify is None else self._verify(sealed)
        if not isinstance(document, bytes):
            raise VerificationError(
                Reason.VERIFY_DECLINED, Stage.LAYER, "the verify callable declined the message"
            )
        # The library tries JSON and then INI. A document is one or the other, by its first byte.
        is_json = document.lstrip()[:1] == b"{"
        seconds = now_ms // 1000
        # Whoever starts it may be heard in the same millisecond, and is not before the start.
        version = now_ms + 1
        nobody = Claims("nobody", "compat", seconds + 1, seconds, bytes(16), version, Stream.BASE)
        kind = CONTENT_TYPE_JSON if is_json else CONTENT_TYPE_INI
        return Opened(document, nobody, kind, document, ())

    def look(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Say NEW: a callable that cares about replay has to remember by itself."""
        return Standing.NEW

    take = look


class ListenerThread(threading.Thread):
    """What the library's ``listen`` gives, as far as its documentation and tests use it."""

    def __init__(self, port: int, door: Door) -> None:
        """Make a thread for ``port`` of the loopback address; port 0 takes a free one."""
        super().__init__(name="sealwire-compat", daemon=True)
        self.port = port
        self.ready = threading.Event()
        self._listener = Listener(
            TcpAddress(_LOOPBACK, port), door, Access(), on_event=self._decided
        )

    def start(self) -> None:
        """Bind and serve.

        Raises:
            ConfigurationError: the port is taken.
        """
        # The listener's own thread serves; this object only has the shape of one.
        address = self._listener.start().address
        if isinstance(address, TcpAddress):
            self.port = address.port
        _started.add(self)
        self.ready.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has been stopped."""
        self._listener.join(timeout)

    def is_alive(self) -> bool:
        """Whether it serves."""
        return self._listener.is_alive()

    def stats(self) -> Stats:
        """Give counts, and the last hundred refusals with their reasons."""
        return self._listener.stats()

    def stop(self) -> None:
        """Stop serving; a running apply is finished, and nothing is applied after the return."""
        self._listener.stop()
        self.ready.clear()

    def _decided(self, _: Decision) -> None:
        self.ready.set()


_started: weakref.WeakSet[ListenerThread] = weakref.WeakSet()


def listen(
    port: int = DEFAULT_LOGGING_CONFIG_PORT,
    verify: Callable[[bytes], bytes | None] | None = None,
    *,
    rules: Iterable[Rule] | None = None,
    unsafe_allow_unverified: bool = False,
) -> ListenerThread:
    """Give a thread that takes configurations on ``port`` of this machine; call its ``start``.

    Args:
        port: where; 0 takes a free one, which the thread's ``port`` tells after ``start``.
        verify: gives the configuration back, changed or not, or ``None`` to refuse it;
            `as_verify` makes one of a chain.
        rules: what a configuration may contain; `default_rules()` by default.
        unsafe_allow_unverified: do without ``verify``. Any user of this machine can then change
            the logging of this process, within ``rules``.

    Raises:
        ConfigurationError: no ``verify``, or not a port.
    """
    if verify is None and not unsafe_allow_unverified:
        raise ConfigurationError(
            "without verify= any user of this machine could change this process's logging; "
            "pass verify=sealwire.as_verify(chain)"
        )
    if not 0 <= port <= MAX_PORT:
        raise ConfigurationError(f"{port} is not a port; choose 0 to {MAX_PORT}")
    judged_by = default_rules() if rules is None else tuple(rules)
    return ListenerThread(port, Door(CallableOpener(verify), Policy(judged_by)))


def stopListening() -> None:  # noqa: N802 - the library's name
    """Stop every listener that `listen` gave and that runs; nothing is applied after the return."""
    for thread in list(_started):
        thread.stop()
        _started.discard(thread)
