"""The client: which message each method sends, and what its answer becomes."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.answers import encode_answer
from sealwire.client import Client
from sealwire.errors import NoAnswerError, SealError, TransportError
from sealwire.requests import Apply, Confirm, DryRun, Lease, Request, Revert, Status, read_request
from sealwire.results import RequestFailedError, RequestRefusedError, Result
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Answer, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Way

NOW_MS = 1_800_000_000_000
APPLIED = Answer(Outcome.APPLIED)
ADDRESS = "unix:/run/payments.sock"
ID = "0123456789abcdef" * 2
DEBUG = {"version": 1, "incremental": True, "root": {"level": "DEBUG"}}
INI = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n"


@dataclass
class Wire:
    """What stands for the way to a service: it notes what is sent, and opens it."""

    way: Way
    answer: Answer = APPLIED
    error: Exception | None = None
    sent: list[tuple[str, bytes, float]] = field(default_factory=list)

    def __call__(self, address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        """Note it, and answer."""
        self.sent.append((address, sealed, timeout_s))
        if self.error is not None:
            raise self.error
        return encode_answer(self.answer)

    def request(self) -> Request:
        """Give the one request that was sent, as a service reads it."""
        ((_, sealed, _),) = self.sent
        return read_request(self.way.chain.open(sealed, now_ms=NOW_MS + 60_000))


@pytest.fixture
def wire(local: Way) -> Wire:
    """Give a way that answers that it was applied."""
    return Wire(local)


@pytest.fixture
def client(local: Way, wire: Wire) -> Client:
    """Give a client of that way."""
    clock = iter(range(NOW_MS, NOW_MS + 1_000))
    sealer = Sealer(
        local.operator.audience,
        local.layers,
        issuer=local.operator.name,
        state=MemorySealerState(),
        clock=lambda: next(clock),
    )
    return Client(ADDRESS, sealer, lifetime_s=90, timeout_s=3, deliver=wire)


ALL = {"why": "INC-4711", "only": "host-*"}


@pytest.mark.parametrize(
    ("ask", "kind", "stream", "members"),
    [
        (
            lambda client: client.apply(DEBUG, replaces="ab" * 32, confirm_within_s=60, **ALL),
            Apply,
            Stream.BASE,
            {"replaces": "ab" * 32, "confirm_within_s": 60, **ALL},
        ),
        (lambda client: client.apply(DEBUG), Apply, Stream.BASE, {"confirm_within_s": 0}),
        (lambda client: client.plan(DEBUG, **ALL), DryRun, Stream.READ, ALL),
        (
            lambda client: client.lease({"a": "DEBUG", "root": 20}, for_s=60, through=["x"], **ALL),
            Lease,
            Stream.LEASE,
            {"levels": (("", 20), ("a", 10)), "for_s": 60, "through": ("x",), **ALL},
        ),
        (lambda client: client.lease({"a": 10}), Lease, Stream.LEASE, {"for_s": 900}),
        (lambda client: client.revert(), Revert, Stream.LEASE, {"what": ""}),
        (lambda client: client.revert(ID, **ALL), Revert, Stream.LEASE, {"what": ID, **ALL}),
        (lambda client: client.revert(of=Stream.BASE), Revert, Stream.BASE, {"what": ""}),
        (lambda client: client.confirm(ID, **ALL), Confirm, Stream.BASE, {"what": ID, **ALL}),
        (lambda client: client.status(only="host-*"), Status, Stream.READ, {"only": "host-*"}),
    ],
)
def test_each_method_sends_its_request(
    client: Client,
    wire: Wire,
    ask: Callable[[Client], Result],
    kind: type[Request],
    stream: Stream,
    members: dict[str, Any],
) -> None:
    """As the service reads it, in the verb's stream."""
    result = ask(client)
    request = wire.request()
    assert kind is type(request)
    claims = request.opened.claims
    assert (stream, 90) == (claims.stream, claims.exp - claims.iat)
    assert members == {name: getattr(request, name) for name in members}
    assert request.id == result.request_id
    assert [(ADDRESS, 3)] == [(address, timeout_s) for address, _, timeout_s in wire.sent]


@pytest.mark.parametrize(
    "config",
    [DEBUG, json.dumps(DEBUG), f"\n {json.dumps(DEBUG)}".encode(), INI, INI.encode()],
    ids=["mapping", "text", "bytes", "ini", "ini-bytes"],
)
def test_a_configuration_in_every_form(
    client: Client, wire: Wire, config: dict[str, Any] | str | bytes
) -> None:
    """A mapping, and the text of JSON or INI."""
    client.plan(config)
    request = wire.request()
    assert isinstance(request, DryRun)
    assert request.plan.root is not None


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"version": 1.5}, "the request cannot be written: a request holds no float"),
        ({"version": 1, "formatters": {"\udc00": {}}}, "the request cannot be written: "),
        ('{"version": 1,', "the configuration cannot be read: not JSON"),
        (b"\xff", "the configuration cannot be read: not UTF-8"),
        ("\udc00", "the configuration cannot be read: not UTF-8"),
    ],
    ids=["float", "key", "json", "bytes", "surrogate"],
)
def test_what_cannot_be_written_is_not_sent(
    client: Client, wire: Wire, config: dict[str, Any] | str | bytes, text: str
) -> None:
    """It is the caller's slip, and said in words."""
    with pytest.raises(SealError) as raised:
        client.apply(config)
    assert str(raised.value).startswith(text)
    assert [] == wire.sent


def test_what_was_not_done_raises(client: Client, wire: Wire) -> None:
    """A caller that looks at nothing is stopped."""
    wire.answer = Answer(Outcome.REFUSED, "policy", "lease-length: for_s")
    with pytest.raises(RequestRefusedError, match="policy: lease-length: for_s") as refused:
        client.lease({"a": "DEBUG"})
    assert wire.request().id == refused.value.result.request_id
    wire.answer = Answer(Outcome.FAILED, detail="no such file")
    with pytest.raises(RequestFailedError, match="no such file"):
        client.apply(DEBUG)


def test_what_nobody_answered_can_be_sent_again(client: Client, wire: Wire) -> None:
    """The exception has the message, also after it was pickled."""
    wire.error = NoAnswerError("sent, but no answer")
    with pytest.raises(NoAnswerError) as raised:
        client.lease({"a": "DEBUG"})
    wire.error = None
    error = pickle.loads(pickle.dumps(raised.value))
    result = client.send(error.sealed, request_id=error.request_id)
    first, second = (sealed for _, sealed, _ in wire.sent)
    assert first == second
    wire.sent.pop()
    assert wire.request().id == result.request_id


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.lease({"a": 10}, for_s=0), "for_s is 0; give 1 second or more"),
        (lambda client: client.lease({"a": 10}, for_s=-60), "for_s is -60; give 1 second"),
        (
            lambda client: client.apply(DEBUG, confirm_within_s=-1),
            "confirm_within_s is -1; 0 keeps",
        ),
    ],
)
def test_no_time_at_all_is_refused(
    client: Client, wire: Wire, ask: Callable[[Client], Result], said: str
) -> None:
    """Left out of the request it would have become the default, 15 minutes."""
    with pytest.raises(SealError, match=said):
        ask(client)
    assert [] == wire.sent


def test_no_connection_is_as_it_is(client: Client, wire: Wire) -> None:
    """Nothing was sent, so there is nothing to keep."""
    wire.error = TransportError("no connection")
    with pytest.raises(TransportError, match="no connection") as raised:
        client.status()
    assert not isinstance(raised.value, NoAnswerError)


def test_a_message_of_somebody_else_has_no_id(client: Client) -> None:
    """It may be encrypted, and is sent as it is."""
    assert Result(APPLIED) == client.send(b"sealed")


def test_it_says_who_it_is(client: Client) -> None:
    """Issuer, audience and address, and no key."""
    assert f"<Client alice for payments@prod at {ADDRESS}>" == repr(client)
