"""The command line as a whole: all its commands, and how each of their ends is told.

Rules this module keeps:

1. Whatever ends a command is an exit status and, unless all is well, an error and a hint. What is
   none of our own errors is a bug of ours, and passes with its traceback.
2. Nothing is said to a reader who has gone away, nor about Ctrl-C.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

import sealwire
from sealwire.cli.apply import apply
from sealwire.cli.completion import completed, completion
from sealwire.cli.config import config
from sealwire.cli.cosign import cosign
from sealwire.cli.demo import demo
from sealwire.cli.doctor import doctor
from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.init import init
from sealwire.cli.inspection import inspect
from sealwire.cli.keyring_after import push, rehearse
from sealwire.cli.keyring_change import destroy, promote, renew, revoke, suspend
from sealwire.cli.keyring_check import check
from sealwire.cli.keyring_list import list_keys
from sealwire.cli.keyring_make import init as init_keyring
from sealwire.cli.keyring_people import enroll, leave
from sealwire.cli.keyring_review import review
from sealwire.cli.keyring_rotate import rotate
from sealwire.cli.keyring_sign import sign
from sealwire.cli.keys import keys
from sealwire.cli.keys_import import export, import_key
from sealwire.cli.keys_passwd import passwd
from sealwire.cli.lease import lease
from sealwire.cli.local import local
from sealwire.cli.noting import note_failure
from sealwire.cli.open import open_message
from sealwire.cli.policy import policy
from sealwire.cli.receipts import receipts
from sealwire.cli.revert import confirm, revert
from sealwire.cli.seal import seal
from sealwire.cli.sections import SectionedGroup
from sealwire.cli.send import send
from sealwire.cli.state import state
from sealwire.cli.status import status
from sealwire.cli.terminal import OutputError, discard, flush, prepare, say, say_error
from sealwire.cli.trail import trail
from sealwire.cli.trail_follow import follow
from sealwire.cli.trail_report import report
from sealwire.cli.trust import trust
from sealwire.cli.who_can import who_can
from sealwire.cli.why import why
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group(
    cls=SectionedGroup,
    sections={
        "Change the logging": ("lease", "apply", "confirm", "revert", "send", "seal", "cosign"),
        "Look, and find out why": ("status", "why", "doctor", "receipts", "trail"),
        "Look into a message": ("inspect", "open"),
        "Set up": ("init", "keys", "trust", "config", "policy", "completion", "demo"),
        "On the service's host": ("local", "state"),
    },
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples: on the operator's machine, on the service's host, and on the operator's again:
  sealwire keys new --owner alice
  sealwire init payments@prod --trust alice.pub
  sealwire lease payments.db=DEBUG --for 15m --to payments@prod

\b
To try it out, both parts on this machine:
  sealwire init payments@prod --both

\b
Exit status: 0 done, 1 refused or failed, 2 usage, 3 a problem on this side (nothing was sent),
4 sent but not answered (it may have been applied), 5 done by some and not by others, 6 a trail is
cut short, 130 interrupted.
""",
)
@click.version_option(sealwire.__version__, message="sealwire %(version)s")
def app() -> None:
    """Change the logging of running Python processes from outside, with signed messages."""


for _command in (
    *(init, config, keys, policy, seal, cosign, send, apply, confirm, lease, revert, status),
    *(why, doctor, local, state, open_message, inspect, trust, receipts, trail),
    *(completion, demo),
):
    app.add_command(_command)


for _command in (import_key, export, passwd):
    keys.add_command(_command)


for _command in (follow, report, who_can):
    trail.add_command(_command)

for _command in (
    *(init_keyring, enroll, leave, list_keys, promote, suspend, revoke, destroy, renew),
    *(sign, push, rehearse, rotate, check, review),
):
    keys.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: what stands behind ``sealwire``.

    Returns:
        The exit status; see `Exit`.
    """
    prepare()
    try:
        return _run(arguments)
    except BrokenPipeError:
        discard()
        return Exit.READER_GONE
    except OutputError:
        # Not even the error could be told.
        discard()
        return Exit.LOCAL_FAILURE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    try:
        status = _invoke(arguments)
        flush()
    except click.UsageError as error:
        ending = _usage_error(error)
    except CommandError as error:
        ending = error
    except SealwireError as error:
        ending = ending_of(error)
    else:
        return status
    say_error(ending.error, ending.hint)
    if isinstance(ending, OutputError):
        # What is still buffered would be written, and fail, once more when Python ends.
        discard()
    return ending.status


def _invoke(arguments: Sequence[str]) -> int:
    if (answer := completed(app, os.environ)) is not None:
        say((answer, ""))
        return Exit.OK
    try:
        with app.make_context("sealwire", list(arguments), obj=tuple(arguments)) as context:
            try:
                return int(app.invoke(context))
            except (CommandError, SealwireError) as error:
                note_failure(error)
                raise
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return Exit.INTERRUPTED


def _usage_error(error: click.UsageError) -> CommandError:
    text = error.format_message().strip()
    what, _, remedy = text.rpartition("; ")
    path = "sealwire" if error.ctx is None else error.ctx.command_path
    return CommandError(
        Exit.USAGE,
        _plain(what or remedy),
        f"{remedy}; see: {path} --help" if what else f"see: {path} --help",
    )


def _plain(text: str) -> str:
    """Give a sentence of click's in our way: lower case, one line, no full stop."""
    text = " ".join(text.split()).removesuffix(".")
    return text[:1].lower() + text[1:]
