"""Asking all hosts of a service at once, and saying what each of them says; see `hosts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealwire.cli.cancelling import KEEP, needs_cancelling, problem_of
from sealwire.cli.delivering import result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hosts import Told, ask_each, is_again, passed_over, say_alike, status_of
from sealwire.cli.telling import service_in_words, told
from sealwire.cli.terminal import flush, holding, printable, say, say_again, say_json
from sealwire.cli.typed import typed, which_service
from sealwire.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.cli.delivering import OneOfSeveral
    from sealwire.cli.hosts import Heard
    from sealwire.cli.questions import Question
    from sealwire.cli.terminal import JsonOutput
    from sealwire.results import Result

Standing: TypeAlias = "dict[str, str]"
"""The addresses where something stands that was to be taken back, and why."""


class AllHosts:
    """The hosts of a service, asked at the same time in an operator's name."""

    def __init__(self, clients: Sequence[OneOfSeveral], expect: int | None) -> None:
        """Ask with ``clients``, one for each address; ``expect`` is how many hosts there are."""
        self._clients = {client.address: client for client in clients}
        self._expect = expect
        self._audience = clients[0].sealer.audience

    def ask(
        self, question: Question, *, as_json: bool, before: Callable[[], None] = lambda: None
    ) -> Exit:
        """Ask all, and say what came of it, as JSON or in words; give the exit status.

        Args:
            question: what is asked.
            as_json: print one object.
            before: called when the answers are there and nothing is printed yet.

        Raises:
            CommandError: it was not done everywhere, or there are others than expected.
        """
        clients = self._clients
        heard = ask_each(
            list(clients), lambda address: result_of(lambda: question.request(clients[address]))
        )
        before()
        found = passed_over([self._told(each, question) for each in heard])
        worst = next((each for each in found if each.undone), found[0])
        clients[worst.heard.address].note(worst.heard.ending)
        standing = self._cancel(question, found)
        if as_json:
            say_json({"hosts": [self._as_json(each, question, standing) for each in found]})
        else:
            _say(found, question, standing)
        flush()  # what was done comes first, also where both outputs are one
        _check(found, question, standing)
        self._check_expected(found)
        return status_of(found)

    def _told(self, heard: Heard, question: Question) -> Told:
        """Say in words what became of a request at a host; nothing is printed yet."""
        with holding() as said:
            try:
                if isinstance(heard.ending, CommandError):
                    raise heard.ending
                service = service_in_words(self._audience, heard.address)
                status = told(
                    heard.ending, service, quiet=False, done=question.done, sent=question.sent
                )
            except CommandError as ending:
                return Told(heard, ending.status, ending.error, ending.hint, tuple(said))
        return Told(heard, status, said=tuple(said), again=is_again(heard, question))

    def _cancel(self, question: Question, found: Sequence[Told]) -> Standing | None:
        """Take back what was done, if it was not done everywhere; give where it stands still."""
        cancel, done = question.cancel, [each for each in found if each.done]
        failed = [each for each in done if each.result is None or needs_cancelling(each.result)]
        if cancel is None or not done or not (failed or any(each.undone for each in found)):
            return None
        ids = {each.heard.address: each.result.request_id for each in done if each.result}

        def back(address: str) -> Result:
            client = self._clients[address]
            return result_of(lambda: cancel(client, ids[address]))

        problems = {each.address: problem_of(each.ending) for each in ask_each(list(ids), back)}
        return {address: problem for address, problem in problems.items() if problem}

    def _as_json(
        self, each: Told, question: Question, standing: Standing | None
    ) -> dict[str, JsonOutput]:
        ended: dict[str, JsonOutput] = {"status": int(each.status), "error": each.error or None}
        if standing is not None and each.done:
            ended["taken_back"] = each.heard.address not in standing
        if each.result is None:
            return {"address": each.heard.address, "outcome": None, **ended, "hint": each.hint}
        return {**question.as_json(each.result, each.heard.address, self._audience), **ended}

    def _check_expected(self, found: Sequence[Told]) -> None:
        """Check that as many hosts answered as somebody said.

        Raises:
            CommandError: there are more or fewer.
        """
        count = sum(not each.again for each in found)
        if self._expect is not None and count != self._expect:
            raise CommandError(
                Exit.PARTLY,
                f"{counted(count, 'host')}, and {self._expect} expected",
                "look at who is missing, or who is there as well",
            )


def _say(found: Sequence[Told], question: Question, standing: Standing | None) -> None:
    reports = []
    hints = [each.hint for each in found if each.undone]
    for each in found:
        if not each.done:
            say((printable(each.error), "yellow" if each.undone else "dim"))
            if each.undone and each.hint != hints[0]:
                # That of the first one is the command's own.
                say((f"  {printable(each.hint)}", "dim"))
        say_again(each.said)
        if each.again:
            where = printable(each.heard.address)
            say((f"{where} leads to a host that another address leads to as well", "yellow"))
        if each.done and standing is None and each.result is not None:
            with holding() as said:
                question.show(each.result, _options(each, found))
            reports.append((each.heard.address, tuple(said)))
    say_alike(reports)
    hosts = [each for each in found if not each.again and not each.aside]
    count = sum(each.done for each in hosts)
    words = f"{question.done} at {count} of {counted(len(hosts), 'host')}"
    if aside := sum(each.aside for each in found):
        words += f"; {aside} not addressed"
    say((words, "bold" if count == len(hosts) else "bold yellow"))
    if standing is not None:
        back = count - len(standing)
        say((f"taken back at {back} of {count}", "bold yellow" if standing else "bold"))


def _options(one: Told, found: Sequence[Told]) -> str:
    """Give what a next command about a request has to have behind it.

    Where all hosts did the same request that is what was typed. Otherwise it names those that did
    this one: an id is known to nobody else.
    """
    alike = tuple(
        each.heard.address
        for each in found
        if one.result
        and each.done
        and each.result
        and each.result.request_id == one.result.request_id
    )
    return which_service(() if len(alike) == len(found) else alike)


def _check(found: Sequence[Told], question: Question, standing: Standing | None) -> None:
    """Check that it was done everywhere, or stands nowhere.

    Raises:
        CommandError: it was not; with what is next.
    """
    undone = [each for each in found if each.undone]
    if standing:
        where = "; ".join(f"{address}: {problem}" for address, problem in standing.items())
        backs = "; ".join(
            f"sealwire revert {each.result.request_id}{which_service((each.heard.address,))}"
            for each in found
            if each.result and each.heard.address in standing
        )
        raise CommandError(
            Exit.PARTLY,
            f"it was not done everywhere, and stands at {where}",
            f"take it back: {backs}",
        )
    if not undone and standing is None:
        return
    where = ", ".join(each.heard.address for each in undone)
    error = f"not {question.done} at {len(undone)} of {counted(len(found), 'host')}: {where}"
    hint = undone[0].hint if undone else ""
    if standing is None:
        raise CommandError(status_of(found), error, hint)
    at_sea = any(each.status is Exit.NO_ANSWER for each in undone)
    raise CommandError(
        Exit.NO_ANSWER if at_sea else Exit.REFUSED,
        f"{error if undone else 'it failed in some processes'}, so it was taken back elsewhere",
        hint or f"mend what failed; or let it stand where it can: {typed(KEEP)}",
    )
