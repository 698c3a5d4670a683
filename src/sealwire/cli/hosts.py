"""What hosts of one service say, when all of them are asked at once.

Rules this module keeps:

1. One that does not answer holds up none of the others, and is told like any other.
2. What hosts say alike is printed once, with whose it is where they say different things.
3. A host for which there was nothing to do is passed over, if any other has done it: one that
   ``--only`` does not mean, or one where what is to end has ended.
4. Two addresses at which one process answers, whatever it says, are one host, and not two: whoever
   is in between may lead them together. Who it is, its receipt says, by the key and the process's
   name.
"""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import click

from sealwire.cli.delivering import ending_of_asking
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.telling import service_in_words, told
from sealwire.cli.terminal import holding, printable, say, say_again, waiting
from sealwire.cli.wording import counted
from sealwire.receipts import Outcome
from sealwire.results import Result, TrailCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.cli.questions import Question
    from sealwire.cli.terminal import Said


class Became(enum.Enum):
    """What became of a request at one host."""

    DONE = "done"
    """It was done, if only in some processes."""

    UNDONE = "undone"
    """It was not, or may not have been."""

    PASSED_OVER = "passed-over"
    """There was nothing to do (rule 3)."""


class HostEnding(NamedTuple):
    """How asking one host has ended.

    Attributes:
        address: where it was asked.
        became: what became of the request there.
        ending: what it says, or how a command that asks it alone would end.
        status: the exit status that this leads to, if it is alone.
        error: why it was not done, in words; ``""`` where it was.
        hint: the next step then.
        said: the lines that say so.
    """

    address: str
    became: Became
    ending: Result | CommandError
    status: Exit
    error: str = ""
    hint: str = ""
    said: tuple[Said, ...] = ()

    @property
    def request_id(self) -> str:
        """The request's id, if it is known."""
        return self.ending.request_id if isinstance(self.ending, Result) else ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How asking all hosts has ended.

    Attributes:
        every: each of them, in the order in which they were named.
    """

    every: tuple[HostEnding, ...]

    @property
    def hosts(self) -> tuple[HostEnding, ...]:
        """Those that count: all but those that were passed over."""
        return tuple(each for each in self.every if each.became is not Became.PASSED_OVER)

    @property
    def done(self) -> tuple[HostEnding, ...]:
        """Those that have done it."""
        return tuple(each for each in self.every if each.became is Became.DONE)

    @property
    def undone(self) -> tuple[HostEnding, ...]:
        """Those that have not, or may not have."""
        return tuple(each for each in self.every if each.became is Became.UNDONE)

    @property
    def interrupted(self) -> bool:
        """Whether somebody did not wait for all of them."""
        return any(each.status is Exit.INTERRUPTED for each in self.every)

    @property
    def passed_over(self) -> int:
        """For how many there was nothing to do."""
        return sum(each.became is Became.PASSED_OVER for each in self.every)

    @property
    def alarm(self) -> Exit:
        """The exit status of a record that is not what it was, which counts before any other."""
        checks = {each.ending.trail for each in self.every if isinstance(each.ending, Result)}
        if TrailCheck.TAMPERED in checks:
            return Exit.REFUSED
        return Exit.TRUNCATED if TrailCheck.TRUNCATED in checks else Exit.OK

    @property
    def status(self) -> Exit:
        """The exit status that all answers lead to.

        Where some have done it, and others have not, it was done in part; where none has, that
        somebody may have done it counts most.
        """
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.alarm:
            return self.alarm
        statuses = {each.status for each in self.hosts}
        if len(statuses) == 1:
            return statuses.pop()
        return Exit.PARTLY if self.done else max(statuses)

    def in_words(self, done: str) -> str:
        """Say at how many hosts it was done, such as ``applied at 2 of 3 hosts``."""
        aside = f"; {self.passed_over} passed over" if self.passed_over else ""
        return f"{done} at {len(self.done)} of {counted(len(self.hosts), 'host')}{aside}"


def ask_each(
    addresses: Sequence[str], ask: Callable[[str], Result]
) -> dict[str, Result | CommandError]:
    """Ask every host at the same time; give what each says, or how asking it has ended.

    Where somebody interrupts, those that have not answered by then have ended so; nobody waits for
    their threads.

    Args:
        addresses: where.
        ask: asks one of them, and gives or raises what came of it; in a thread of its own.
    """
    heard: dict[str, Result | CommandError] = {}
    context = click.get_current_context(silent=True)

    def ask_one(address: str) -> None:
        if context is not None:
            # Hints repeat what was typed, also in a thread.
            click.globals.push_context(context)
        try:
            heard[address] = ending_of_asking(lambda: ask(address))
        except BaseException as bug:  # noqa: BLE001 - it takes no other host's answer away
            what = f"{address}: a bug of ours: {type(bug).__name__}: {bug}"
            heard[address] = CommandError(Exit.NO_ANSWER, what, "look what is in force there")

    threads = [Thread(target=ask_one, args=(each,), daemon=True) for each in addresses]
    with (
        contextlib.suppress(KeyboardInterrupt),
        waiting(f"waiting for {counted(len(addresses), 'host')}"),
    ):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    known = dict(heard)
    return {each: known.get(each) or _interrupted(each) for each in addresses}


def _interrupted(address: str) -> CommandError:
    return CommandError(Exit.INTERRUPTED, f"{address}: interrupted; it may have been done")


def tally(heard: Mapping[str, Result | CommandError], question: Question, audience: str) -> Tally:
    """Say in words what became of a request at each host; nothing is printed yet."""
    found = [_ending_at(address, heard[address], question, audience) for address in heard]
    # Of one host's answers the first that it gave, whichever address that came from.
    first: dict[tuple[str, str], str] = {}
    for each in sorted(found, key=_rank):
        if (answered_by := _answered_by(each)) is not None:
            first.setdefault(answered_by, each.address)
    for place, each in enumerate(found):
        answered_by = _answered_by(each)
        if answered_by is not None and first[answered_by] != each.address:
            found[place] = _same_host(each, first[answered_by], answered_by[1])
    if any(each.became is Became.DONE for each in found):
        found = [
            each._replace(became=Became.PASSED_OVER) if _has_nothing(each, question) else each
            for each in found
        ]
    return Tally(tuple(found))


def _rank(each: HostEnding) -> tuple[bool, bool]:
    """Order answers of one host: what was done before what was not, and copies last."""
    repeated = isinstance(each.ending, Result) and each.ending.repeated
    return each.became is not Became.DONE, repeated


def _answered_by(each: HostEnding) -> tuple[str, str] | None:
    """Say which process has answered, if that is known."""
    return each.ending.answered_by if isinstance(each.ending, Result) else None


def _same_host(each: HostEnding, first: str, name: str) -> HostEnding:
    """Take no answer of one host for that of another (rule 4)."""
    return each._replace(
        became=Became.UNDONE,
        status=Exit.NO_ANSWER,
        error=f"{each.address}: {name} answers, as at {first}, so no other host did",
        hint="name each host once; if these are two, somebody leads one address to the other, or "
        'they have one name: instance = "…" in the settings of each',
        said=(),
    )


def _ending_at(
    address: str, ending: Result | CommandError, question: Question, audience: str
) -> HostEnding:
    if isinstance(ending, CommandError):
        return HostEnding(address, Became.UNDONE, ending, ending.status, ending.error, ending.hint)
    with holding() as said:
        service = service_in_words(audience, address)
        try:
            status = told(
                ending, service, quiet=False, done=question.done, sent=question.sent, brief=True
            )
        except CommandError as error:
            return HostEnding(
                address,
                Became.UNDONE,
                ending,
                error.status,
                error.error,
                error.hint,
                tuple(said),
            )
    return HostEnding(address, Became.DONE, ending, status, said=tuple(said))


def _has_nothing(each: HostEnding, question: Question) -> bool:
    """Whether there was nothing to do at a host (rule 3)."""
    if each.became is not Became.UNDONE or not isinstance(each.ending, Result):
        return False
    receipt = each.ending.receipt
    if each.status is Exit.NO_ANSWER or not each.ending.verified:
        # Nobody's word, or another host's, excuses a host from anything.
        return False
    if receipt is not None and receipt.outcome is Outcome.NOT_ADDRESSED:
        return question.only
    return each.ending.reason in question.spared


def say_alike(said: Sequence[tuple[str, tuple[Said, ...]]]) -> None:
    """Print what hosts say, what several say alike once (rule 2).

    Args:
        said: addresses, and the lines of each.
    """
    by_lines: dict[tuple[Said, ...], list[str]] = {}
    for address, lines in said:
        by_lines.setdefault(lines, []).append(address)
    for lines, addresses in by_lines.items():
        if len(by_lines) > 1:
            say((f"at {printable(', '.join(addresses))}:", "bold"))
        say_again(lines)
