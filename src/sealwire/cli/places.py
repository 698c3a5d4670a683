"""Where a service is asked: the addresses that settings or somebody names, names looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.terminal import waiting
from sealwire.cli.typed import which_service
from sealwire.cli.wording import counted
from sealwire.errors import TransportError
from sealwire.transports.addresses import NamedAddress, parse_target
from sealwire.transports.lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Sequence


class Places(NamedTuple):
    """Where a service is asked.

    Attributes:
        addresses: each once, names looked up.
        several: whether they are told as several, which one of a name is as well, because
            tomorrow it may have two.
    """

    addresses: tuple[str, ...]
    several: bool


def places_of(written: Sequence[str], *, expect: int | None) -> Places:
    """Find out where a service is to be asked.

    Args:
        written: the addresses as they were written; names among them are looked up.
        expect: how many were said to be there.

    Raises:
        CommandError: a name has no address.
        ConfigurationError: there are too many.
    """
    if not any(isinstance(parse_target(each), NamedAddress) for each in written):
        return Places(look_up(written), len(written) > 1 or expect is not None)
    try:
        with waiting(f"looking up {', '.join(written)}"):
            return Places(look_up(written), several=True)
    except TransportError as error:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            str(error),
            "is the name right? ask the resolver: getent hosts NAME; or give IP addresses: "
            "--address tcp:192.0.2.7:9030",
        ) from None


def check_expected(places: Places, expect: int | None) -> None:
    """Check that there are as many addresses as somebody said.

    Raises:
        CommandError: there are more or fewer; nothing was sent.
    """
    found = len(places.addresses)
    if expect in {None, found}:
        return
    raise CommandError(
        Exit.LOCAL_FAILURE,
        f"{counted(found, 'host')}, and {expect} expected: {', '.join(places.addresses)}; nothing "
        "was sent",
        f"look which answer: sealwire status{which_service()}; if these are all: --expect {found}",
    )
