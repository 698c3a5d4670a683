"""Asking a service for something, at its one host or at several; a command need not know which."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealwire.cli.asking_all import AllHosts
from sealwire.cli.cancelling import cancelled, needs_cancelling
from sealwire.cli.delivering import clients_of, keeping_client, result_of
from sealwire.cli.hosts import check_expected, places_of
from sealwire.cli.sealing import target_of
from sealwire.cli.telling import service_in_words, told
from sealwire.cli.terminal import flush, say_json
from sealwire.cli.typed import which_service
from sealwire.sealer import DEFAULT_LIFETIME_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.cli.delivering import KeepingClient
    from sealwire.cli.endings import Exit
    from sealwire.cli.questions import Question
    from sealwire.settings import OperatorSettings


def _nothing() -> None:
    """Do nothing."""


class OneHost:
    """The only host of a service, asked in an operator's name."""

    def __init__(self, client: KeepingClient) -> None:
        """Ask with ``client``."""
        self._client = client

    def ask(
        self, question: Question, *, as_json: bool, before: Callable[[], None] = _nothing
    ) -> Exit:
        """Ask, and say what came of it, as JSON or in words; give the exit status.

        Args:
            question: what is asked.
            as_json: print one object.
            before: called when the answer is there and nothing is printed yet.

        Raises:
            CommandError: it was refused, it failed, there is no answer, or it was done in some
                processes alone and taken back.
        """
        client = self._client
        audience, address = client.sealer.audience, client.address
        result = result_of(lambda: question.request(client))
        before()
        ending = None
        if question.cancel is not None and needs_cancelling(result):
            client.notes = False  # what was asked is what somebody wants to know of later
            ending = cancelled(question.cancel, client, result)
        if as_json:
            taken_back = {} if ending is None else {"taken_back": ending.all_of_it}
            say_json({**question.as_json(result, address, audience), **taken_back})
        service = service_in_words(audience, address)
        status = told(result, service, quiet=as_json, done=question.done, sent=question.sent)
        if ending is not None:
            flush()  # what was done comes first, also where both outputs are one
            raise ending.error
        if not as_json:
            question.show(result, which_service())
        return status


Asked: TypeAlias = OneHost | AllHosts


def whom_to_ask(
    settings: OperatorSettings,
    to: str | None,
    addresses: Sequence[str],
    timeout_s: int,
    *,
    expect: int | None,
    reads: bool = False,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> Asked:
    """Load an operator's keys, and find out where a service is.

    Args:
        settings: the operator's.
        to: the audience; ``None`` is the only one.
        addresses: where to ask, in place of what the settings say; names are looked up.
        timeout_s: how long to wait for each answer, seconds.
        expect: how many addresses there are to be.
        reads: whether nothing is to be changed, so that others than expected are asked as well.
        lifetime_s: how long what is sealed may wait for its delivery, seconds.

    Raises:
        ConfigurationError: a key cannot be used, or the settings do not know the service.
        TransportError: a name has no address.
        CommandError: there are more addresses than expected, or fewer.
    """
    target = target_of(settings, to)
    places = places_of(addresses or target.addresses, expect=expect)
    if not reads:
        check_expected(places, expect)
    if places.several:
        clients = clients_of(settings, target, places.addresses, timeout_s, lifetime_s)
        return AllHosts(clients, expect)
    return OneHost(keeping_client(settings, to, places.addresses[0], timeout_s, lifetime_s))
