"""Asking all hosts of a service at once, and saying what each of them says; see `hosts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.cli.cancelling import TakenBack, failed_in, keep_hint
from sealwire.cli.delivering import result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hosts import Became, ask_each, say_alike, tally
from sealwire.cli.terminal import flush, holding, printable, say, say_again, say_json
from sealwire.cli.typed import typed_at, which_service
from sealwire.cli.wording import counted
from sealwire.errors import Reason
from sealwire.results import Result
from sealwire.stages import Outcome as Decided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.cli.hosts import HostEnding, Tally
    from sealwire.cli.questions import Question
    from sealwire.cli.several import OneOfSeveral, Sent
    from sealwire.cli.terminal import JsonOutput


class AllHosts:
    """The hosts of a service, asked at the same time in an operator's name."""

    several = True

    def __init__(self, clients: Sequence[OneOfSeveral], expect: int | None) -> None:
        """Ask with ``clients``, one for each address; ``expect`` is how many hosts there are."""
        self._clients = {client.address: client for client in clients}
        self._expect = expect
        self._audience = clients[0].sealer.audience

    def ask(
        self, question: Question, *, as_json: bool, before: Callable[[], None] | None = None
    ) -> Exit:
        """Ask all, and say what came of it, as JSON or in words; give the exit status.

        Args:
            question: what is asked.
            as_json: print one object.
            before: called when the answers are there and nothing is printed yet.

        Raises:
            CommandError: it was not done everywhere, or there are others than expected.
        """
        found = self._found(question)
        if before is not None:
            before()
        sent = {address: client.sent for address, client in self._clients.items()}
        back = self._take_back(question, found, sent)
        noted, ending = _noted(question, found, back)
        self._clients[noted].note(sent[noted], ending)
        if as_json:
            say_json({"hosts": [self._as_json(each, question, back) for each in found.every]})
        else:
            _say(question, found, back)
            if question.begins and back is None:
                _say_own(found, sent)
        flush()  # what was done comes first, also where both outputs are one
        if back is not None:
            raise self._ending_of(question, found, back)
        if found.interrupted:
            raise self._interrupted(question, found)
        if found.undone:
            error, hint = _undone(question, found), _hint(found)
            raise CommandError(found.status, error, hint)
        self._check_expected(found)
        return found.status

    def _found(self, question: Question) -> Tally:
        clients = self._clients
        heard = ask_each(
            list(clients), lambda address: result_of(lambda: question.request(clients[address]))
        )
        return tally(heard, question, self._audience)

    def _take_back(
        self, question: Question, found: Tally, sent: Mapping[str, Sent | None]
    ) -> TakenBack | None:
        """Take back what was done, if it was not done everywhere, unless somebody interrupts."""
        cancel = question.cancel
        # Those that another host's name stands at as well: they say that they have done it.
        said = {each.address: _done_by(each.ending) for each in found.every}
        done = {address: result for address, result in said.items() if result is not None}
        failed = any(failed_in(result) for result in done.values())
        if cancel is None or not done or not (failed or found.undone) or found.interrupted:
            return None
        ids = {address: result.request_id for address, result in done.items()}
        # A host that had one sealed for itself may have carried it to another.
        others = (each.request_id for each in sent.values() if each is not None)
        every_id = list(dict.fromkeys((*ids.values(), *others)))

        def back(address: str) -> Result:
            client, own = self._clients[address], ids[address]
            result = result_of(lambda: cancel(client, own))
            if result.reason != Reason.NOT_IN_FORCE.value:
                return result
            client.seal_apart()  # what comes now is in an order of its own
            for other in every_id:
                if other != own:
                    result_of(lambda other=other: cancel(client, other))  # type: ignore[misc]
            return result_of(lambda: cancel(client, own))

        for each in found.undone:
            # It would bring what is taken back everywhere else.
            self._clients[each.address].forget()
        return TakenBack.of(done, ask_each(list(ids), back))

    def _as_json(
        self, each: HostEnding, question: Question, back: TakenBack | None
    ) -> dict[str, JsonOutput]:
        ended: dict[str, JsonOutput] = {
            "became": each.became.value,
            "status": int(each.status),
            "error": each.error or None,
            "hint": each.hint or None,
        }
        if back is not None and each.address in back.ids:
            ended["taken_back"] = each.address not in back.problems
        if isinstance(each.ending, CommandError):
            return {"address": each.address, "outcome": None, **ended}
        return {**question.as_json(each.ending, each.address, self._audience), **ended}

    def _ending_of(self, question: Question, found: Tally, back: TakenBack) -> CommandError:
        """Make the ending of what was taken back, or could not be."""
        what = _undone(question, found) if found.undone else "it failed in some processes"
        if not back.all_of_it:
            ending = back.standing(what)
            return CommandError(found.alarm or ending.status, ending.error, ending.hint)
        error = f"{what}, so it was taken back where it was done"
        at_sea = [each for each in found.undone if isinstance(each.ending, CommandError)]
        at_sea = [each for each in at_sea if each.status is Exit.NO_ANSWER]
        doubled = [each for each in found.undone if each.status is Exit.NO_ANSWER]
        status = found.alarm or (Exit.NO_ANSWER if doubled else Exit.REFUSED)
        if not at_sea:
            hint = found.undone[0].hint if found.undone else keep_hint()
            return CommandError(status, error, hint)
        there = which_service(tuple(each.address for each in at_sea))
        hint = f"it may have been done there: sealwire status{there}; if it was: "
        backs = (self._way_back(each.address) for each in at_sea)
        return CommandError(status, error, hint + "; ".join(filter(None, backs)))

    def _way_back(self, address: str) -> str:
        """Give the command that takes back at a host what may have been done there."""
        sent = self._clients[address].sent
        if sent is None or not sent.request_id:
            return ""
        return f"sealwire revert {sent.request_id}{which_service((address,))}"

    def _interrupted(self, question: Question, found: Tally) -> CommandError:
        """Make the ending of what somebody did not wait for."""
        error, options = f"interrupted: {_undone(question, found)}", which_service()
        if not question.changes:
            return CommandError(Exit.INTERRUPTED, error)
        sent = [client.sent for client in self._clients.values() if client.sent is not None]
        ids = list(dict.fromkeys(each.request_id for each in sent if each.request_id))
        backs = "; ".join(f"sealwire revert {each}{options}" for each in ids)
        hint = f"look what is in force there: sealwire status{options}; to take it back: {backs}"
        return CommandError(Exit.INTERRUPTED, error, hint)

    def _check_expected(self, found: Tally) -> None:
        """Check that there are as many hosts as somebody said; those of a read count by address.

        Raises:
            CommandError: there are more or fewer.
        """
        count = len(found.hosts) + found.passed_over
        if self._expect is not None and count != self._expect:
            raise CommandError(
                Exit.PARTLY,
                f"{counted(count, 'host')}, and {self._expect} expected",
                f"look who is there: sealwire status{which_service()}; if these are all: --expect "
                f"{count}",
            )


def _say_own(found: Tally, sent: Mapping[str, Sent | None]) -> None:
    """Print how what was sealed for one host alone is ended, which it may carry to others."""
    known = {each.request_id for each in found.done}
    for each in found.undone:
        own = sent[each.address]
        if known and own is not None and own.request_id and own.request_id not in known:
            back = f"sealwire revert {own.request_id}{which_service()}"
            say((f"sealed for {printable(each.address)} alone; to end it wherever it is: ", "dim"))
            say((f"  {back}", ""))


def _done_by(ending: Result | CommandError) -> Result | None:
    """Give the answer, if it says that it was done."""
    if isinstance(ending, CommandError) or ending.outcome is not Decided.APPLIED:
        return None
    return ending


def _result(each: HostEnding) -> Result:
    """Give the answer of a host that has given one."""
    assert isinstance(each.ending, Result)  # noqa: S101 - nobody else has done it
    return each.ending


def _noted(
    question: Question, found: Tally, back: TakenBack | None
) -> tuple[str, Result | CommandError]:
    """Give what ``sealwire why`` is to tell: where, and what, of the first that has not done it."""
    noted = next(iter(found.undone or found.done), found.every[0])
    ending = noted.ending
    if isinstance(ending, CommandError):
        taken = "" if back is None else f", taken back at {len(back.ids) - len(back.problems)}"
        summary = f"{found.in_words(question.done)}{taken}"
        ending = CommandError(ending.status, f"{summary}: {ending.error}", ending.hint)
    return noted.address, ending


def _undone(question: Question, found: Tally) -> str:
    where = ", ".join(each.address for each in found.undone)
    hosts = counted(len(found.hosts), "host")
    return f"not {question.done} at {len(found.undone)} of {hosts}: {where}"


def _hint(found: Tally) -> str:
    """Say what is next for the first host that has not done it, and how to ask these alone."""
    first = found.undone[0]
    unsent = tuple(each.address for each in found.undone if each.status is Exit.LOCAL_FAILURE)
    if first.status is not Exit.LOCAL_FAILURE or not found.done:
        return first.hint
    return f"{first.hint}; to ask those alone then: {typed_at(unsent)}"


def _say(question: Question, found: Tally, back: TakenBack | None) -> None:
    reports = []
    hints = [each.hint for each in found.undone]
    for each in found.every:
        if each.error:
            undone = each.became is Became.UNDONE
            say((printable(each.error), "yellow" if undone else "dim"))
            if undone and each.hint != hints[0]:
                # That of the first one is the command's own.
                say((f"  {printable(each.hint)}", "dim"))
        say_again(each.said)
        if each.became is Became.DONE and back is None:
            with holding() as said:
                question.show(_result(each), which_service())
            reports.append((each.address, tuple(said)))
    say_alike(reports)
    say((found.in_words(question.done), "bold yellow" if found.undone else "bold"))
    if back is not None:
        count = len(back.ids) - len(back.problems)
        style = "bold" if back.all_of_it else "bold yellow"
        say((f"taken back at {count} of {len(back.ids)}", style))
