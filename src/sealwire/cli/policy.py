"""``sealwire policy``: write a policy, say in words what it allows, try a configuration on it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.policy_words import explain_policy
from sealwire.cli.sealing import content_type_of
from sealwire.cli.terminal import flush, printable, say, say_hint, say_json
from sealwire.documents.strict_json import MAX_DOCUMENT_BYTES
from sealwire.policy.supposed import supposed_base, supposed_result
from sealwire.requests import Apply, read_request
from sealwire.settings import STARTING_POLICY, load_any_policy, write_settings
from sealwire.stages import Claims, Opened, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.policy import Objection, Policy

_NOBODY = "nobody"


@click.group(no_args_is_help=False)
def policy() -> None:
    """Write a policy, explain one, and try a configuration on it."""


@policy.command(
    short_help="Write a policy to begin with.",
    epilog="""\b
Examples:
  sealwire policy init policy.toml
  sealwire policy init /etc/sealwire/payments@prod/policy.toml
""",
)
@click.argument("file")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(file: str, *, force: bool) -> Exit:
    """Write a policy with every part explained to FILE.

    It allows what a service without a policy allows; what it could say besides is in comments.
    """
    write_settings(file, STARTING_POLICY, force=force)
    say(("made", "bold green"), (f"  policy  {printable(file)}", ""))
    say_hint(
        "change it, look at it with: sealwire policy explain "
        f"{shlex.quote(file)}; then name it in the service's settings, in [policy]: "
        f'file = "{Path(file).name}"'
    )
    return Exit.OK


@policy.command(
    short_help="Say in words what a policy allows.",
    epilog="""\b
Examples:
  sealwire policy explain policy.toml
  sealwire policy explain policy.toml --json
""",
)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(file: str, *, as_json: bool) -> Exit:
    """Say in words what the policy FILE allows, each with its line.

    FILE is a policy, or the settings of a service. Reading it is a check as well: what is misspelt
    or contradicts itself is an error with its line.
    """
    read = load_any_policy(file)
    lines = list(explain_policy(read))
    if as_json:
        say_json(
            {
                "policy": str(read.path),
                "says": [
                    {"part": part, "text": text, "source": source} for part, text, source in lines
                ],
            }
        )
        return Exit.OK
    # All three: a role's name is as free as a text, and a source is a path.
    told = [tuple(map(printable, line)) for line in lines]
    width = max(len(part) for part, _, _ in told)
    for part, text, source in told:
        say((f"{part:<{width}}  ", "dim"), (f"{text}{f'  ({source})' if source else ''}", ""))
    return Exit.OK


@policy.command(
    short_help="Try a configuration on a policy, offline.",
    epilog="""\b
Examples:
  sealwire policy check policy.toml debug.json
  sealwire policy check policy.toml logging.ini --as alice --json

\b
Exit status: 0 allowed, 1 refused.
""",
)
@click.argument("file")
@click.argument("config")
@click.option(
    "--as",
    "issuer",
    type=parameters.owner,
    metavar="OWNER",
    help="Judge what this person's role says as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: str, config: str, issuer: str | None, *, as_json: bool) -> Exit:
    """Say what the policy FILE would refuse in CONFIG, and which line says so.

    FILE is a policy, or the settings of a service; CONFIG is JSON or INI, or - for standard input.
    Floors and ceilings are judged on a supposed process, which has what the policy protects and
    nothing else; the running service judges itself. Directories need not be there.
    """
    document = parameters.read_input(config, MAX_DOCUMENT_BYTES)
    found = load_any_policy(file).make_policy(resolve=False)
    verdict = _judge(found, _request(document, issuer or _NOBODY), roles=issuer is not None)
    if as_json:
        say_json(
            {
                "allowed": not verdict.objections,
                "objections": [each._asdict() for each in verdict.objections],
                "notes": list(verdict.notes),
            }
        )
    else:
        for each in verdict.objections:
            say(("refused", "bold red"), (f"  {printable(each.error().explained)}", ""))
        if not verdict.objections:
            say(("allowed", "bold green"), ("", ""))
        for note in verdict.notes:
            say(("note", "dim"), (f"     {printable(note)}", ""))
    if verdict.objections:
        flush()  # what is refused comes first, also where both outputs are one
        raise CommandError(
            Exit.REFUSED,
            f"{parameters.in_words(config)} would be refused by {file}",
            "change the place named, or the line; the whole policy: sealwire policy explain "
            f"{shlex.quote(file)}",
        )
    return Exit.OK


class _Verdict(NamedTuple):
    objections: tuple[Objection, ...]
    notes: tuple[str, ...]


def _request(document: bytes, issuer: str) -> Apply:
    """Give the request that this document would be; a claim that policy does not read is zero."""
    claims = Claims(issuer, "", 0, 0, bytes(16), 0, Stream.BASE)
    request = read_request(Opened(document, claims, content_type_of(document), document, ()))
    if not isinstance(request, Apply):
        raise TypeError(f"sealwire.cli.policy: a document is no {request.verb.value}")
    return request


def _judge(found: Policy, request: Apply, *, roles: bool) -> _Verdict:
    """Judge without what only a sealed message has: signatures and a reason; these are noted."""
    notes = []
    role = found.role_of(request.opened.claims.iss) if roles else None
    if not roles and found.roles:
        notes.append("no role was judged; name somebody with --as")
    if role is not None:
        notes += _notes(found, request)
    bare = tuple(replace(each, require_why={}, threshold={}) for each in found.roles if roles)
    judged = replace(found, roles=bare)
    base = supposed_base(judged.floors)
    after = supposed_result(base, request.plan)
    return _Verdict(
        (*judged.objections(request), *judged.tree_objections(request, base, after)), tuple(notes)
    )


def _notes(found: Policy, request: Apply) -> Iterator[str]:
    for objection in found.objections(request):
        if objection.rule in {"role-why", "threshold"}:
            yield objection.error().explained
