"""Several hosts of one service: all asked at once, and what each of them says.

Rules this module keeps:

1. A change is sealed once, and every host is given the same bytes: one id takes it back everywhere.
   A host that wants it sealed again, such as with its own challenge, has an id of its own.
2. One that does not answer holds up none of the others, and is told like any other.
3. What hosts say alike is printed once, with whose it is where they say different things.
4. A host that is not meant by ``--only`` is passed over, if any other is.
5. A host that says that it did before what was sealed just now was reached by another address too;
   it counts once.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.terminal import printable, say, say_again, waiting
from sealwire.cli.typed import which_service
from sealwire.cli.wording import counted
from sealwire.errors import SealwireError
from sealwire.receipts import Outcome
from sealwire.results import Result
from sealwire.transports.addresses import NamedAddress, parse_target
from sealwire.transports.lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.cli.questions import Question
    from sealwire.cli.terminal import Said

_ALARMS: Final = (Exit.TRUNCATED, Exit.REFUSED)


class Heard(NamedTuple):
    """What came of asking one host.

    Attributes:
        address: where it was asked.
        ending: what it says, or how a command that asks it alone would end.
    """

    address: str
    ending: Result | CommandError

    @property
    def result(self) -> Result | None:
        """What it says, if it says something."""
        return self.ending if isinstance(self.ending, Result) else None


class Told(NamedTuple):
    """What one host's answer comes to.

    Attributes:
        heard: what it says.
        status: the exit status that it leads to, if it is alone.
        error: why it was not done, in words; ``""`` where it was.
        hint: the next step then.
        said: the lines that say so.
        again: whether another address led to the same host (rule 5).
        aside: whether it was asked for other instances than this host's, and for those elsewhere.
    """

    heard: Heard
    status: Exit
    error: str = ""
    hint: str = ""
    said: tuple[Said, ...] = ()
    again: bool = False
    aside: bool = False

    @property
    def result(self) -> Result | None:
        """What the host says, if it says something."""
        return self.heard.result

    @property
    def done(self) -> bool:
        """Whether it was done there, if only in some processes."""
        return not self.error

    @property
    def undone(self) -> bool:
        """Whether it was to be done there, and was not, or may not have been."""
        return bool(self.error) and not self.aside


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
        TransportError: a name has no address, or too many.
    """
    named = any(isinstance(parse_target(each), NamedAddress) for each in written)
    if not named:
        found = look_up(written)
    else:
        with waiting(f"looking up {', '.join(written)}"):
            found = look_up(written)
    return Places(found, named or len(written) > 1 or expect is not None)


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


def ask_each(addresses: Sequence[str], ask: Callable[[str], Result]) -> list[Heard]:
    """Ask every host at the same time; give what each says, in the order of ``addresses``.

    Args:
        addresses: where.
        ask: asks one of them, and gives or raises what came of it; in a thread of its own.

    Raises:
        CommandError: it was interrupted.
    """
    heard: dict[str, Heard] = {}
    bugs: list[BaseException] = []

    def ask_one(address: str) -> None:
        try:
            heard[address] = Heard(address, ask(address))
        except CommandError as ending:
            heard[address] = Heard(address, ending)
        except SealwireError as error:
            heard[address] = Heard(address, ending_of(error))
        except BaseException as bug:  # noqa: BLE001 - it is raised where somebody sees it
            bugs.append(bug)

    # Nobody waits for them where the command is interrupted.
    threads = [Thread(target=ask_one, args=(each,), daemon=True) for each in addresses]
    try:
        with waiting(f"waiting for {counted(len(addresses), 'host')}"):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    except KeyboardInterrupt:
        raise CommandError(
            Exit.INTERRUPTED,
            f"interrupted; any of {', '.join(addresses)} may have done it",
            "look what is in force there: sealwire status; what waits for an answer: sealwire "
            "doctor",
        ) from None
    if bugs:
        raise bugs[0]
    return [heard[each] for each in addresses]


def is_again(heard: Heard, question: Question) -> bool:
    """Whether a host was reached by another address, too (rule 5)."""
    return not question.carried and heard.result is not None and heard.result.repeated


def passed_over(found: Sequence[Told]) -> list[Told]:
    """Set aside the hosts that are not meant, if any other has done it (rule 4)."""
    if not any(each.done for each in found):
        return list(found)
    return [each._replace(aside=_is_not_meant(each)) for each in found]


def _is_not_meant(told: Told) -> bool:
    receipt = None if told.result is None else told.result.receipt
    return receipt is not None and receipt.outcome is Outcome.NOT_ADDRESSED


def say_alike(said: Sequence[tuple[str, tuple[Said, ...]]]) -> None:
    """Print what hosts say, what several say alike once (rule 3).

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


def status_of(told: Sequence[Told]) -> Exit:
    """Give the exit status that several answers lead to.

    One that says that a host's record was tampered with counts before anything else; where some
    have done it, and others have not, it was done in part; where none has, that somebody may have
    done it counts most.
    """
    told = [each for each in told if not each.aside]
    alarms = {each.status for each in told if each.done} & set(_ALARMS)
    if alarms:
        return max(alarms)
    statuses = {each.status for each in told}
    if len(statuses) == 1:
        return statuses.pop()
    return Exit.PARTLY if any(each.done for each in told) else max(statuses)
