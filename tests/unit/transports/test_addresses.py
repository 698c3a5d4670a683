"""Addresses in words, and who may be let in at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConfigurationError
from sealwire.listener import Listener, make_door
from sealwire.transports.addresses import (
    MAX_NAME_CHARS,
    MAX_PATH_BYTES,
    NamedAddress,
    TcpAddress,
    UnixAddress,
    parse_address,
    parse_target,
)
from sealwire.transports.bound import Access, check_access

if TYPE_CHECKING:
    from tests.conftest import Way

ELSEWHERE = TcpAddress("192.0.2.1", 9030)  # an address for documentation (RFC 5737)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/log.sock", UnixAddress("/run/log.sock")),
        ("unix:/" + "x" * (MAX_PATH_BYTES - 1), UnixAddress("/" + "x" * (MAX_PATH_BYTES - 1))),
        ("tcp:127.0.0.1:9030", TcpAddress("127.0.0.1", 9030)),
        ("tcp:localhost:0", TcpAddress("127.0.0.1", 0)),
        ("tcp:[::1]:65535", TcpAddress("::1", 65_535)),
        ("tcp:[0:0:0:0:0:0:0:1]:1", TcpAddress("::1", 1)),
    ],
)
def test_addresses(text: str, address: UnixAddress | TcpAddress) -> None:
    """What is written is read, and reads the same when it is written again."""
    assert address == parse_address(text)
    assert address == parse_address(str(address))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not an address"),
        ("/run/log.sock", "is not an address"),
        ("http://127.0.0.1:80", "is not an address"),
        ("unix:log.sock", "no absolute path"),
        ("unix:", "no absolute path"),
        ("unix:/run/", "does not name a socket"),
        ("unix:/run/a\0b", "does not name a socket"),
        ("unix:/" + "x" * MAX_PATH_BYTES, "choose a shorter directory"),
        ("unix:/" + "ü" * 60, "this has 121"),
        ("tcp:127.0.0.1", "no host and port"),
        ("tcp:127.0.0.1:", "no host and port"),
        ("tcp::9030", "no host and port"),
        ("tcp:127.0.0.1:65536", "no host and port"),
        ("tcp:127.0.0.1:-1", "no host and port"),
        ("tcp:127.0.0.1:9030 ", "no host and port"),
        ("tcp:127.0.0.1:٩", "no host and port"),
        ("tcp:::1:9030", "no host and port"),
        ("tcp:example.org:9030", "names are not looked up"),
        ("tcp:127.1:9030", "no IP address"),
        ("tcp:[127.0.0.1.1]:9030", "no IP address"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    """The text says how an address is written."""
    with pytest.raises(ConfigurationError, match=words):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:payments.internal:9030", NamedAddress("payments.internal", 9030)),
        ("tcp:Payments.Internal.:1", NamedAddress("payments.internal.", 1)),
        ("tcp:h:65535", NamedAddress("h", 65_535)),
        ("tcp:a-b.c_d.x1:80", NamedAddress("a-b.c_d.x1", 80)),
        ("tcp:1.2.3.4.in-addr.arpa:80", NamedAddress("1.2.3.4.in-addr.arpa", 80)),
        ("tcp:localhost:9030", TcpAddress("127.0.0.1", 9030)),
        ("tcp:LocalHost.:9030", TcpAddress("127.0.0.1", 9030)),
        ("tcp:[::1]:9030", TcpAddress("::1", 9030)),
        ("unix:/run/log.sock", UnixAddress("/run/log.sock")),
    ],
)
def test_whoever_asks_may_name_a_host(
    text: str, address: UnixAddress | TcpAddress | NamedAddress
) -> None:
    """A name, an IP address or a path; what is read reads the same when it is written again."""
    assert address == parse_target(text)
    assert address == parse_target(str(address))


@pytest.mark.parametrize(
    "text",
    [
        "tcp:127.1:9030",
        "tcp:127.0.0.256:9030",
        "tcp:1.2.3:9030",
        "tcp:-a.example:9030",
        "tcp:a-.example:9030",
        "tcp:a..b:9030",
        "tcp:.a:9030",
        "tcp:a b:9030",
        "tcp:münchen.example:9030",
        "tcp:a.example",
        "tcp:a.example:0",
        "tcp:a.example:65536",
        "tcp:a.example:9030\n",
        f"tcp:{'a.' * 130}b:9030",
        f"tcp:{'a' * 64}:9030",
        "http:a.example:80",
        "unix:a.example",
        "",
    ],
)
def test_what_names_no_host(text: str) -> None:
    """An IP address that is written wrongly is no name, and is not looked up."""
    with pytest.raises(ConfigurationError):
        parse_target(text)


def test_a_name_is_as_long_as_one_can_be() -> None:
    """In characters, as it is written."""
    labels = "a" * 63
    name = f"{labels}.{labels}.{labels}.{'a' * 61}"
    assert MAX_NAME_CHARS == len(name)
    assert NamedAddress(name, 1) == parse_target(f"tcp:{name}:1")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("192.0.2.1", False), ("::", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    """Every address that listens beyond this machine counts as such, the wildcards first."""
    assert expected is TcpAddress(host, 1).is_loopback


def test_tcp_has_no_users() -> None:
    """Users and groups at a TCP address would be a promise that nothing keeps."""
    for access in (Access(frozenset({0})), Access(group="adm"), Access(frozenset())):
        with pytest.raises(ConfigurationError, match="TCP knows no users"):
            check_access(TcpAddress("127.0.0.1", 0), access)


def test_beyond_loopback_has_to_be_asked_for(network: Way) -> None:
    """Even with a chain that would do."""
    door = make_door(network.chain)
    with pytest.raises(ConfigurationError, match="beyond_loopback=True"):
        Listener(ELSEWHERE, door, Access())
    Listener(ELSEWHERE, door, Access(beyond_loopback=True))


def test_beyond_loopback_a_chain_has_to_hide_and_sign(local: Way) -> None:
    """A signature alone can be read by everybody on the way."""
    with pytest.raises(ConfigurationError, match="put AesGcmOpener in front of the signature"):
        Listener(ELSEWHERE, make_door(local.chain), Access(beyond_loopback=True))
