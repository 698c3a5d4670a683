"""How a command ends: exit status, error and hint.

Rules this module keeps:

1. Every error of our own tree has an exit status and a hint. Any other exception is a bug of ours,
   and its traceback is shown.
2. Our messages say what is wrong and, behind their last semicolon, what to do; that is the hint.
"""

from __future__ import annotations

import enum
from typing import Final

from sealwire.cli.hints import hint_for
from sealwire.errors import NoAnswerError, RefusedError, SealwireError, TransportError


class Exit(enum.IntEnum):
    """The exit statuses of every command."""

    OK = 0
    REFUSED = 1
    """Refused, failed, or tampered with."""

    USAGE = 2
    LOCAL_FAILURE = 3
    """Keys, settings, files, or no connection: nothing was sent."""

    NO_ANSWER = 4
    """Sent, and no answer came: it may have been applied."""

    PARTLY = 5
    """Done in some processes of the service, or at some services, and not in others."""

    TRUNCATED = 6
    """Records that a checkpoint or an anchor of a trail counts are not there."""

    INTERRUPTED = 130
    READER_GONE = 141
    """Nobody reads our output any more: 128 and the number of SIGPIPE, as shells count."""


class CommandError(Exception):
    """A command ends here, with this status, error and hint."""

    def __init__(self, status: Exit, error: str, hint: str = "") -> None:
        """End with ``status``; both texts are lower case and have no full stop."""
        super().__init__(error)
        self.status = status
        self.error = error
        self.hint = hint


_NO_ANSWER: Final = "send the same sealed message again: that is safe, and tells what became of it"
_NO_CONNECTION: Final = "start the service, or name its address with: --address unix:/path"


def ending_of(error: SealwireError) -> CommandError:
    """Give the end that an error of our own tree makes (rules 1 and 2)."""
    if isinstance(error, RefusedError):
        reason = error.reason.value
        what = f"refused: {reason}: {error.detail}" if error.detail else f"refused: {reason}"
        return CommandError(Exit.REFUSED, what, hint_for(reason))
    # Late, because reading documents loads more than most commands need.
    from sealwire.results import RequestError

    if isinstance(error, RequestError):
        return CommandError(Exit.REFUSED, str(error), hint_for(error.reason))
    if isinstance(error, NoAnswerError):
        return CommandError(Exit.NO_ANSWER, str(error), _NO_ANSWER)
    if isinstance(error, TransportError):
        return CommandError(Exit.LOCAL_FAILURE, str(error), _NO_CONNECTION)
    what, separator, remedy = str(error).rpartition("; ")
    if not separator:
        what, remedy = remedy, ""
    return CommandError(Exit.LOCAL_FAILURE, what, remedy)
