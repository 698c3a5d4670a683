"""``sealwire trail who-can``: who may do what, by the keys and the policy of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealwire.cli.endings import Exit
from sealwire.cli.policy_words import Line, role_in_words
from sealwire.cli.terminal import printable, say, say_json
from sealwire.policy.roles import ANYBODY, EVERYBODY
from sealwire.settings import load_any_policy, load_service_settings
from sealwire.settings.reading import read_settings
from sealwire.settings.tables import parse_toml
from sealwire.settings.trusting import load_readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.keys import VerifyKey
    from sealwire.policy import Policy, Role
    from sealwire.settings import ServiceSettings
    from sealwire.sshkeys import SshVerifyKey


@click.command(
    "who-can",
    short_help="Say who may do what, by keys and policy.",
    epilog="""\b
Examples:
  sealwire trail who-can /etc/sealwire/payments@prod/service.toml
  sealwire trail who-can policy.toml --json
""",
)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def who_can(file: str, *, as_json: bool) -> Exit:
    """Say who may do what to which loggers, as FILE says: a service's settings, or a policy.

    With settings, everybody whose key is trusted is listed, with their keys, and what their role
    allows; and roles of people who have no key. A policy alone knows no keys. This is what the
    files say now; what a service started with is in its trail, as digests.
    """
    settings = _settings(file)
    keys, problems = _keys(settings)
    policy = load_any_policy(file).policy
    rows = list(_rows(policy, keys, known=settings is not None))
    if as_json:
        told: list[JsonOutput] = [_json(row) for row in rows]
        say_json({"file": file, "lock": policy.lock, "who": told, "not_read": list(problems)})
        return Exit.OK
    if policy.lock:
        say(("lock: every change is refused until the service starts again", "bold yellow"))
    for row in rows:
        say((printable(row.who), "bold"), (f"  {printable(row.role or 'no role')}", "dim"))
        for key in row.keys:
            say((f"  key {printable(key)}", ""))
        for line in row.lines:
            say((f"  {printable(line.text)}", ""), (f"{_source(line)}", "dim"))
    for problem in problems:
        say((f"not read: {printable(problem)}", "yellow"))
    return Exit.OK


class _Row:
    """What one owner may do.

    Attributes:
        who: the owner of keys.
        role: the name of their role; ``""`` for none.
        keys: fingerprints of theirs that are trusted.
        lines: what they may do, each with where that is written.
    """

    def __init__(self, who: str, role: Role | None, keys: list[str], lines: list[Line]) -> None:
        self.who, self.keys, self.lines = who, keys, lines
        self.role = "" if role is None else role.name


def _settings(file: str) -> ServiceSettings | None:
    """Give the settings of a service, or nothing where the file is a policy."""
    path, text = read_settings(file, "name a service's settings, or a policy")
    if "audience" not in parse_toml(path, text).values:
        return None
    return load_service_settings(file)


def _keys(settings: ServiceSettings | None) -> tuple[list[VerifyKey | SshVerifyKey], list[str]]:
    """Give the trusted keys, and why others cannot be read."""
    if settings is None:
        return [], []
    return load_readable(
        settings.trusted,
        settings.allowed_signers,
        settings.revoked_keys,
        allow_example_keys=settings.allow_example_keys,
    )


def _rows(policy: Policy, keys: list[VerifyKey | SshVerifyKey], *, known: bool) -> Iterator[_Row]:
    """Give everybody who has a key, then everybody whom a role names."""
    owners = sorted({key.owner for key in keys})
    named = {issuer for role in policy.roles for issuer in role.issuers if issuer != ANYBODY}
    for owner in (*owners, *sorted(named - set(owners))):
        role = policy.role_of(owner)
        mine = [key.fingerprint for key in keys if key.owner == owner]
        lines = [Line("", "may do nothing: no role is theirs")]
        if role is not None:
            lines = list(role_in_words(role, policy.leases.limit_s(role)))
        if known and not mine:
            lines = [Line("", "has no key that this service trusts, and so can do nothing")]
        yield _Row(owner, role, mine, lines)
    if not known:
        for role in policy.roles or (EVERYBODY,):
            if ANYBODY in role.issuers:
                lines = list(role_in_words(role, policy.leases.limit_s(role)))
                yield _Row("everybody else with a trusted key", role, [], lines)


def _source(line: Line) -> str:
    return f"  ({printable(line.source)})" if line.source else ""


def _json(row: _Row) -> JsonOutput:
    lines: Iterable[Line] = row.lines
    return {
        "owner": row.who,
        "role": row.role or None,
        "keys": list(row.keys),
        "may": [{"text": line.text, "source": line.source} for line in lines],
    }
