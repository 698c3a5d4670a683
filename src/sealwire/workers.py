"""Every worker of a service behind one address: one leads, the others follow the journal.

Rules this module keeps:

1. The leader takes a request, makes the change and writes it down; only then the others are told to
   look. They put in force what the journal says, under the signatures that stand there, and report.
2. A process that does not report within `REPORT_MS` is named stale. It blocks nothing: it follows
   when it comes by again, and it is not waited for until it has answered.
3. Where the policy wants more processes than have done it, the change is taken back in all of them.
4. A process that cannot do what the others have done says why; it is not left out.
5. Whoever takes over looks at the journal, and has the others look: what the one before has written
   and told nobody of is put in force everywhere, and what it left in the middle is done again.
6. Whoever comes later has what stands before it serves, because it follows the journal first.
7. What a process says of itself is its word: it may lie about what it did, and about nothing else.
   It has one row, under the name of its place; it cannot hold up whoever asks for longer than
   `REPORT_MS`, nor fill an answer.
"""

from __future__ import annotations

import logging
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.clock import monotonic_ms
from sealwire.errors import StateError
from sealwire.eventlog import LOGGER, log_to
from sealwire.policy import Quorum
from sealwire.receipts import Instance, Outcome
from sealwire.requests import Revert

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sealwire.documents import JsonValue
    from sealwire.durable import DurableState
    from sealwire.engine import Engine
    from sealwire.requests import Request

    if sys.platform == "win32":
        Members = Any  # there are none there
    else:
        from sealwire.members import Members

REPORT_MS: Final = 2_000
"""How long the others are waited for; following takes a few milliseconds each."""

ANSWER_MS: Final = 1_000
"""How long it is tried to answer, while the queue of whoever asked is full."""

LEAD_MS: Final = 250
"""How often it is looked whether anybody leads: within a second somebody does."""

STALE: Final = "has not answered"

_MOST_CHARS: Final = 500
"""Of any text that another process says: it ends up in receipts and in status."""

_MOST_LEASES: Final = 100
"""Of one row of status."""

_MOST_DRIFT: Final = 1_000_000
"""More places than a logging tree has that anybody could read."""

_FOLLOW: Final = "follow"
_FOLLOWED: Final = "followed"
_ASK: Final = "ask"
_TOLD: Final = "told"


class Row(NamedTuple):
    """What one process says of itself, for status.

    Attributes:
        instance: what it is called.
        base: the digest of the configuration that stays; ``""`` is the application's.
        leases: the ids of the leases that run there.
        drift: how many places somebody else has changed.
        trouble: why it is not as the journal says, or ``""``.
        leads: whether it serves the address.
        stale: whether it has not answered.
    """

    instance: str
    base: str = ""
    leases: tuple[str, ...] = ()
    drift: int = 0
    trouble: str = ""
    leads: bool = False
    stale: bool = False


class Workers:
    """The processes of one service, as one of them sees the others; under the memory's gate."""

    def __init__(
        self, members: Members, engine: Engine, durable: DurableState, quorum: Quorum = Quorum.ALL
    ) -> None:
        """Work beside others.

        Args:
            members: our place among them.
            engine: what is in force in this process.
            durable: the journal that all of them follow.
            quorum: how many have to have made a change for it to stay.
        """
        self._members, self._engine, self._durable = members, engine, durable
        self._quorum = quorum
        self._lead_due_ms = 0
        self._silent: set[int] = set()

    @property
    def socket(self) -> socket.socket:
        """Where the others are heard."""
        heard: socket.socket = self._members.socket
        return heard

    @property
    def leads(self) -> bool:
        """Whether this process serves the address."""
        return bool(self._members.leads)

    @property
    def next_look_ms(self) -> int | None:
        """When `is_to_lead` is due, on the monotonic clock; ``None`` while this process leads."""
        return None if self.leads else self._lead_due_ms

    def is_to_lead(self) -> bool:
        """Whether nobody leads any more, so that this process does from now on."""
        if self.leads or monotonic_ms() < self._lead_due_ms:
            return False
        self._lead_due_ms = monotonic_ms() + LEAD_MS
        return bool(self._members.try_to_lead())

    def lead_no_more(self) -> None:
        """Let another one lead, since this one cannot."""
        self._members.lead_no_more()
        # The others look first.
        self._lead_due_ms = monotonic_ms() + 4 * LEAD_MS

    def is_anybody(self, pattern: str) -> bool:
        """Whether a pattern of instance names fits another process of the service."""
        if not self.leads:
            return False
        fits = (
            each for each in self._members.others() if fnmatchcase(self._name_of(each), pattern)
        )
        return any(map(self._members.is_there, fits))

    # ---- as the one that leads -----------------------------------------------------------------

    def spread(self, request: Request, unwritten: str = "") -> tuple[Instance, ...]:
        """Have the others follow what has been done here; give a row for each of them.

        The journal has been let go, so that they can read it.

        Args:
            request: what was done.
            unwritten: why it is not in the journal yet, so that there is nothing to follow.
        """
        asked: dict[str, JsonValue] = {"what": _FOLLOW, "request": request.id}
        heard = self._heard_of(asked, _FOLLOWED)
        rows = []
        for number, said in heard.items():
            if said is None:
                name = self._name_of(number)
                rows.append(Instance(name, Outcome.FAILED, STALE))
                continue
            if unwritten:
                detail = _text(f"it follows when this is written: {unwritten}")
                rows.append(Instance(self._name_of(number), Outcome.FAILED, detail))
                continue
            outcome = _outcome_of(said)
            if isinstance(request, Revert) and outcome is Outcome.APPLIED:
                outcome = Outcome.REVERTED
            rows.append(Instance(self._name_of(number), outcome, _text(said.get("detail"))))
        return tuple(rows)

    def is_enough(self, rows: tuple[Instance, ...], *, here: bool) -> bool:
        """Whether a change may stay.

        Args:
            rows: what has become of it in the others; who has not answered counts neither way.
            here: whether it was made in this process as well.
        """
        failed = sum(each.outcome is Outcome.FAILED and each.detail != STALE for each in rows)
        done = sum(each.outcome is Outcome.APPLIED for each in rows)
        return self._quorum.is_met(done + here, failed)

    def rows(self) -> tuple[Row, ...]:
        """Give what every process says of itself, our own first."""
        heard = self._heard_of({"what": _ASK}, _TOLD)
        rows = [_read_row(self._own_row())]
        for number, said in heard.items():
            if said is None:
                rows.append(Row(self._name_of(number), stale=True))
            else:
                row = _read_row(said)
                rows.append(row._replace(instance=self._name_of(number), leads=False))
        return tuple(rows)

    def _heard_of(
        self, asked: dict[str, JsonValue], answer: str
    ) -> dict[int, dict[str, JsonValue] | None]:
        """Ask all others; give what each has answered, and ``None`` of those that are silent."""
        for number, _ in self._members.hear():
            # What came too late for the last question says that somebody is there.
            self._silent.discard(number)
        asked["ticket"] = ticket = monotonic_ms()
        there = [each for each in self._members.others() if self._members.tell(each, asked)]
        heard: dict[int, dict[str, JsonValue] | None] = dict.fromkeys(there)
        self._silent &= set(there)
        until_ms = ticket + REPORT_MS

        def is_waiting() -> bool:
            return any(heard[each] is None for each in there if each not in self._silent)

        # Who never stops talking is not listened to for longer than who is silent.
        while is_waiting() and monotonic_ms() < until_ms:
            if not self._members.wait_to_hear(until_ms):
                break
            for number, said in self._members.hear():
                self._silent.discard(number)
                asked_for = said.get("what") == answer and said.get("ticket") == ticket
                if asked_for and number in heard:
                    heard[number] = said
        for number in there:
            if heard[number] is None:
                self._silent.add(number)
        return heard

    def _name_of(self, number: int) -> str:
        host = self._engine.in_force.instance.partition("/")[0]
        return f"{host}/{instance_of(number)}"

    def take_over(self) -> None:
        """Be where the journal is, and have the others be there: nobody waits for them.

        Whoever led may have died with a change that it had written and told nobody of.
        """
        try:
            # Alone, because whoever died in the middle of writing is found out then.
            with self._durable.held():
                pass
        except StateError as error:
            log_to(LOGGER, logging.ERROR, "state: it cannot be followed as yet: %s", str(error))
        self.have_others_look()

    def have_others_look(self) -> None:
        """Have the others be where the journal is; nobody waits for them."""
        for number in self._members.others():
            self._members.tell(number, {"what": _FOLLOW, "request": ""})

    # ---- as one that follows -------------------------------------------------------------------

    def listen(self, look: Callable[[], None]) -> None:
        """Do what the one that leads asks for.

        Args:
            look: looks at everything else that may have changed, such as the keyring.
        """
        # For all of them together: who asks often, and never reads, holds nobody up the longer.
        patience_ms = ANSWER_MS
        for number, said in self._members.hear():
            # Whoever answers late answers, and is waited for again.
            self._silent.discard(number)
            what = said.get("what")
            if what == _FOLLOW:
                look()
                outcome, detail = self._follow(_text(said.get("request")))
                row: dict[str, JsonValue] = {
                    "outcome": outcome.value,
                    "detail": detail[:_MOST_CHARS],
                }
                answer: dict[str, JsonValue] = {"what": _FOLLOWED, **row}
            elif what == _ASK:
                answer = {"what": _TOLD, **self._own_row()}
            else:
                continue
            began_ms = monotonic_ms()
            self._answer(number, said, answer, max(0, patience_ms))
            patience_ms -= monotonic_ms() - began_ms

    def _answer(
        self,
        number: int,
        said: dict[str, JsonValue],
        answer: dict[str, JsonValue],
        patience_ms: int,
    ) -> None:
        ticket = said.get("ticket")
        answer["ticket"] = ticket if isinstance(ticket, int) else None
        self._members.tell(number, answer, patience_ms=patience_ms)

    def _follow(self, request_id: str) -> tuple[Outcome, str]:
        """Be where the journal is; say what has become of a request here."""
        try:
            self._durable.look()
        except StateError as error:
            return Outcome.FAILED, str(error)
        except Exception as bug:  # noqa: BLE001 - a class of the host's may raise anything
            log_to(LOGGER, logging.ERROR, "state: could not be followed: %s", type(bug).__name__)
            return Outcome.FAILED, f"{type(bug).__name__}, see this process's log"
        return self._durable.become_of(request_id)

    def _own_row(self) -> dict[str, JsonValue]:
        in_force = self._engine.in_force
        troubles = (self._durable.trouble, *in_force.set_aside)
        return {
            "instance": in_force.instance,
            "base": in_force.base.digest,
            "leases": [each.id for each in in_force.overlay.leases],
            "drift": len(in_force.drift),
            "trouble": "; ".join(each for each in troubles if each)[:_MOST_CHARS],
            "leads": self.leads,
        }

    # ---- the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the place back."""
        self._members.close()

    def abandon(self) -> None:
        """Close what a child of a fork inherited."""
        self._members.abandon()


def instance_of(number: int) -> str:
    """Give what the process in a place is called on its host."""
    return f"worker-{number}"


def _outcome_of(said: dict[str, JsonValue]) -> Outcome:
    named = {each.value: each for each in Outcome}
    return named.get(_text(said.get("outcome")), Outcome.FAILED)


def _read_row(said: dict[str, JsonValue]) -> Row:
    leases, drift = said.get("leases"), said.get("drift")
    return Row(
        instance=_text(said.get("instance")),
        base=_text(said.get("base")),
        leases=tuple(map(_text, leases[:_MOST_LEASES])) if isinstance(leases, list) else (),
        drift=min(max(drift, 0), _MOST_DRIFT) if isinstance(drift, int) else 0,
        trouble=_text(said.get("trouble")),
        leads=said.get("leads") is True,
    )


def _text(value: JsonValue) -> str:
    """Give a text that another process says, as far as it is one, and short (rule 7)."""
    text = value if isinstance(value, str) else ""
    return text[:_MOST_CHARS].encode(errors="replace").decode()
