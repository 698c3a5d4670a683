"""What lies beside an operator's settings: which versions were used, and what is not answered."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sealwire.cli.findings import Finding, Mark, problem_of
from sealwire.cli.typed import which_settings
from sealwire.cli.unanswered import waiting_messages
from sealwire.cli.wording import counted
from sealwire.clock import wall_clock_ms
from sealwire.errors import SealError, SealwireError
from sealwire.sealer import MAX_WAIT_MS, clock_behind
from sealwire.sealerstate import FileSealerState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.settings import OperatorSettings, Target


def look_at_unanswered(settings: OperatorSettings) -> Iterator[Finding]:
    """Look whether messages wait for their answer."""
    waits = waiting_messages(settings.path)
    if waits:
        yield Finding(
            Mark.WARNING,
            "unanswered",
            f"{counted(len(waits), 'message')} without an answer, which may have been applied",
            "send again, which is safe and tells: sealwire send "
            f"{shlex.quote(str(waits[0]))}{which_settings()}",
        )


def look_at_state(settings: OperatorSettings, target: Target) -> Iterator[Finding]:
    """Look whether the clock is behind what was sealed, for whichever kind of request."""
    state = FileSealerState(settings.state_path)
    try:
        behind_ms = state.last_used(target.audience) - wall_clock_ms()
    except SealwireError as error:
        yield problem_of("state", error)
        return
    if behind_ms > MAX_WAIT_MS:
        locked_out = clock_behind(target.audience, behind_ms, state.begin_anew)
        yield problem_of("state", SealError(locked_out))
