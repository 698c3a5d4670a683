"""Addresses of a name, as the resolver gives them; real names are in tests/privileged."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import ConfigurationError, TransportError, look_up
from sealwire.transports.addresses import MAX_ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable

Found = list[tuple[Any, ...]]


@pytest.fixture
def stands_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give what lets every name stand for some addresses."""

    def stand_for(*addresses: str) -> None:
        def getaddrinfo(_: str, port: int, **__: object) -> Found:
            return [
                (socket.AF_INET6, 1, 6, "", (each, port, 0, 0))
                if ":" in each
                else (socket.AF_INET, 1, 6, "", (each, port))
                for each in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return stand_for


def test_addresses_stand_for_themselves() -> None:
    """Each once, in their order; nobody is asked."""
    given = ["unix:/run/b", "tcp:127.0.0.1:1", "unix:/run/a", "tcp:localhost:1", "unix:/run/b"]
    assert ("unix:/run/b", "tcp:127.0.0.1:1", "unix:/run/a") == look_up(given)


def test_a_name_stands_for_all_its_addresses(stands_for: Callable[..., None]) -> None:
    """In the resolver's order, and each once, also where it is written out beside the name."""
    stands_for("192.0.2.7", "192.0.2.3", "192.0.2.7")
    expected = ("tcp:192.0.2.3:9030", "tcp:192.0.2.7:9030")
    assert expected == look_up(["tcp:192.0.2.3:9030", "tcp:pods.example:9030"])


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (
            ["2001:db8::1", "192.0.2.1", "2001:db8::2"],
            ("tcp:[2001:db8::1]:1", "tcp:[2001:db8::2]:1"),
        ),
        (["192.0.2.1", "2001:db8::1"], ("tcp:192.0.2.1:1",)),
        (["fe80::1%eth0", "2001:db8::1"], ("tcp:[2001:db8::1]:1",)),
        (["fe80::1%eth0", "192.0.2.1"], ("tcp:192.0.2.1:1",)),
    ],
)
def test_a_host_with_two_families_is_asked_once(
    stands_for: Callable[..., None], addresses: list[str], expected: tuple[str, ...]
) -> None:
    """By the one that the system prefers."""
    stands_for(*addresses)
    assert expected == look_up(["tcp:pods.example:1"])


def test_more_than_can_be_asked(stands_for: Callable[..., None]) -> None:
    """Nothing is sent to a part of them."""
    stands_for(*(f"192.0.2.{number}" for number in range(MAX_ADDRESSES)))
    assert MAX_ADDRESSES == len(look_up(["tcp:pods.example:1"]))
    said = r"65 addresses of tcp:pods\.example:1, and 64 can be asked at once; name some"
    with pytest.raises(ConfigurationError, match=said):
        look_up(["tcp:pods.example:1", "unix:/run/a"])


def test_a_name_with_nothing_that_can_be_asked(stands_for: Callable[..., None]) -> None:
    """An address that needs an interface is none of ours."""
    stands_for("fe80::1%eth0")
    with pytest.raises(TransportError, match="none that can be reached without naming"):
        look_up(["tcp:pods.example:1"])


def test_a_name_of_nobody() -> None:
    """RFC 6761 keeps names under invalid for that."""
    with pytest.raises(
        TransportError, match=r"tcp:pods\.invalid:1: no address: .*nothing was sent"
    ):
        look_up(["tcp:pods.invalid:1"])


def test_what_is_no_address() -> None:
    """As in settings."""
    with pytest.raises(ConfigurationError, match="is not an address"):
        look_up(["pods.example"])
