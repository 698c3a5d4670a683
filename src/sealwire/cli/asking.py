"""Asking a service for something, at its one host or at several; a command need not know which."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealwire.cli.asking_hosts import AllHosts
from sealwire.cli.cancelling import TakenBack, failed_in, keep_hint
from sealwire.cli.delivering import ending_of_asking, keeping_client, result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.places import check_expected, places_of
from sealwire.cli.sealing import target_of
from sealwire.cli.several import clients_of
from sealwire.cli.telling import service_in_words, told
from sealwire.cli.terminal import flush, say_json
from sealwire.cli.typed import which_service
from sealwire.sealer import DEFAULT_LIFETIME_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.cli.delivering import KeepingClient
    from sealwire.cli.places import Places
    from sealwire.cli.questions import Question
    from sealwire.client import Client
    from sealwire.results import Result
    from sealwire.settings import OperatorSettings


class OneHost:
    """The only host of a service, asked in an operator's name."""

    several = False

    def __init__(self, client: KeepingClient) -> None:
        """Ask with ``client``."""
        self._client = client

    def ask(
        self, question: Question, *, as_json: bool, before: Callable[[], None] | None = None
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
        if before is not None:
            before()
        back, failed = None, failed_in(result)
        if question.cancel is not None and failed:
            back = self._take_back(question.cancel, result)
        if as_json:
            taken_back = {} if back is None else {"taken_back": back.all_of_it}
            say_json({**question.as_json(result, address, audience), **taken_back})
        service = service_in_words(audience, address)
        status = told(result, service, quiet=as_json, done=question.done, sent=question.sent)
        if back is not None:
            flush()  # what was done comes first, also where both outputs are one
            alarm = Exit.OK if status is Exit.PARTLY else status
            raise _ending_of(back, failed, alarm)
        if not as_json:
            question.show(result, which_service())
        return status

    def _take_back(self, cancel: Callable[[Client, str], Result], result: Result) -> TakenBack:
        client = self._client
        client.notes = False  # what was asked is what somebody wants to know of later
        ending = ending_of_asking(lambda: cancel(client, result.request_id))
        return TakenBack.of({client.address: result}, {client.address: ending})


def _ending_of(back: TakenBack, failed: Sequence[str], alarm: Exit) -> CommandError:
    """Make the ending of what was taken back, or could not be.

    Args:
        back: what came of that.
        failed: the processes in which it failed.
        alarm: the exit status where the host's record is not what it was.
    """
    what = f"it failed in {', '.join(failed)}"
    if not back.all_of_it:
        ending = back.standing(what)
        return CommandError(alarm or ending.status, ending.error, ending.hint)
    error = f"{what}, so it was taken back in the others"
    return CommandError(alarm or Exit.REFUSED, error, keep_hint())


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
    places: Places | None = None,
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
        places: where, if that was found out already.

    Raises:
        ConfigurationError: a key cannot be used, or the settings do not know the service.
        CommandError: a name has no address, or there are more addresses than expected, or fewer.
    """
    target = target_of(settings, to)
    places = places or places_of(addresses or target.addresses, expect=expect)
    if not reads:
        check_expected(places, expect)
    if places.several:
        clients = clients_of(settings, target, places.addresses, timeout_s, lifetime_s)
        return AllHosts(clients, expect)
    return OneHost(keeping_client(settings, to, places.addresses[0], timeout_s, lifetime_s))
