"""What can be seen from here when something does not work: settings, keys, clocks.

Rules this module keeps:

1. Looking changes nothing and sends nothing: a file is opened and read.
2. What is found is said with the command that mends it, and never ends the looking.
"""

from __future__ import annotations

import contextlib
import enum
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.endings import ending_of
from sealwire.cli.keys import KINDS, protection_in_words
from sealwire.cli.terminal import printable, say
from sealwire.durations import in_words
from sealwire.errors import SealwireError
from sealwire.keyfiles import (
    EXAMPLE_KEYS,
    ProtectedKey,
    load_aead_key,
    load_mac_key,
    read_key_file,
)
from sealwire.keys import SigningKey
from sealwire.settings.signing import AgentName
from sealwire.transports.addresses import UnixAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.cli.terminal import JsonOutput
    from sealwire.keyfiles import Key
    from sealwire.keys import VerifyKey
    from sealwire.settings import OperatorSettings, Target
    from sealwire.sshkeys import SshVerifyKey

CLOCK_WARNING_MS: Final = 2_000
"""An answer takes milliseconds, and clocks that are set differ by less; a minute is refused."""


class Mark(enum.Enum):
    """How a finding is to be taken."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


_STYLES: Final = {Mark.OK: "green", Mark.WARNING: "yellow", Mark.PROBLEM: "bold red"}


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        mark: how it is to be taken.
        name: what was looked at.
        text: what was found.
        next: the command that mends it, in words; ``""`` where there is nothing to mend.
    """

    mark: Mark
    name: str
    text: str
    next: str = ""

    def as_json(self) -> dict[str, JsonOutput]:
        """Give it under its names."""
        return {"mark": self.mark.value, "name": self.name, "text": self.text, "next": self.next}


def say_findings(found: list[Finding]) -> None:
    """Print a line for each, and one more for what mends it."""
    marks = max(len(each.value) for each in Mark)
    names = max((len(each.name) for each in found), default=0)
    for each in found:
        mark = (f"{each.mark.value:<{marks}}  ", _STYLES[each.mark])
        say(mark, (f"{each.name:<{names}}  ", "dim"), (printable(each.text), ""))
        if each.next:
            say((" " * (marks + names + 4), ""), (f"next: {printable(each.next)}", "cyan"))


def problem_of(name: str, error: SealwireError) -> Finding:
    """Give an error of our own as a finding."""
    ending = ending_of(error)
    return Finding(Mark.PROBLEM, name, ending.error, ending.hint)


# ---- keys ----------------------------------------------------------------------------------------


def look_at_keys(settings: OperatorSettings, targets: tuple[Target, ...]) -> list[Finding]:
    """Look at every key file that is used to seal for ``targets``."""
    found = [_signing_key(settings)]
    for target in targets:
        for path, load in ((target.gate, load_mac_key), (target.encryption, load_aead_key)):
            if path is not None:
                found.append(_shared_key(settings, target, path, load))
    return found


def signing_key_of(settings: OperatorSettings) -> VerifyKey | SshVerifyKey | None:
    """Give the signing key's public half, for its id; ``None`` if it cannot be loaded."""
    try:
        return replace(settings, allow_example_keys=True).load_public_half()
    except SealwireError:
        return None


def _signing_key(settings: OperatorSettings) -> Finding:
    path, name = settings.signing_key, "signing key"
    if isinstance(path, AgentName):
        return _agent_key(settings, path, name)
    try:
        key = settings.load_public_half()
    except SealwireError as error:
        return problem_of(name, error)
    if key.owner != settings.issuer:
        return Finding(
            Mark.PROBLEM,
            name,
            f"{path} is of {key.owner}, and the settings say issuer {settings.issuer}",
            f"give both one name, or name another file as signing_key in {settings.path}",
        )
    return described(name, path, key)


def _agent_key(settings: OperatorSettings, place: AgentName, name: str) -> Finding:
    """Look whether an agent has the key; nothing is signed, so nobody has to touch anything."""
    try:
        key = place.load(settings.issuer, allow_example_keys=settings.allow_example_keys)
    except SealwireError as error:
        return problem_of(name, error)
    kind = "an ordinary key, which signs whatever reaches the agent"
    if key.identity.public_key.in_authenticator:
        kind = "a FIDO key, to be touched for each message"
    found = f"{key.identity.public_key.fingerprint} {key.identity.comment}".rstrip()
    return Finding(
        Mark.OK, name, f"{place}: key {key.fingerprint} of {key.owner} ({found}), {kind}"
    )


def _shared_key(
    settings: OperatorSettings, target: Target, path: Path, load: Callable[..., Key]
) -> Finding:
    name = "gate key" if path == target.gate else "encryption key"
    try:
        key = load(
            path,
            allow_example_keys=settings.allow_example_keys,
            trust_group=settings.trust_group,
        )
    except SealwireError as error:
        return problem_of(name, error)
    audience = getattr(key, "audience", "")
    if audience != target.audience:
        return Finding(
            Mark.PROBLEM,
            name,
            f"{path} is for {audience}, and the target is {target.audience}",
            f"name the file for {target.audience} in {settings.path}",
        )
    return described(name, path, key)


def described(name: str, path: Path, key: Key) -> Finding:
    """Say which key a file holds, and who may reach the file."""
    kind, words = KINDS[type(key)], [f"of {key.owner}"]
    with contextlib.suppress(SealwireError):
        # What was just loaded, once more for what is told of a file alone.
        file = read_key_file(path, key.owner, allow_example_keys=True, trust_group=True)
        kind = KINDS[SigningKey] if isinstance(file.key, ProtectedKey) else KINDS[type(file.key)]
        words += [protection_in_words(file)] if isinstance(file.key, ProtectedKey) else []
        words += [] if sys.platform == "win32" else [f"mode {file.mode:04o}"]
        words += file.notes
    text = f"{path}: {kind} key {key.fingerprint} {', '.join(words)}"
    if key.thumbprint.hex() in EXAMPLE_KEYS:
        return Finding(
            Mark.WARNING,
            name,
            f"{text}, an example that everybody has",
            "make your own: sealwire keys new --owner NAME",
        )
    return Finding(Mark.OK, name, text)


# ---- the clock -----------------------------------------------------------------------------------


def look_at_clock(address: str, offset_ms: int | None) -> Finding:
    """Say how far the service's clock is from ours.

    Args:
        address: where the service is: on this machine there is one clock.
        offset_ms: how far ahead the service said that its clock is; ``None`` if it never said.
    """
    where = parse_address(address)
    here = isinstance(where, UnixAddress) or where.is_loopback
    if offset_ms is None and not here:
        return Finding(
            Mark.WARNING,
            "clock",
            "the service has not told its time; 60 s ahead of it are refused, if nothing else is "
            "set",
            "compare on both machines: date -u",
        )
    if offset_ms is None or abs(offset_ms) <= CLOCK_WARNING_MS:
        text = f"{in_words(abs(offset_ms or 0))} from ours"
        if here:
            text = "on this machine, so it is the same one"
        return Finding(Mark.OK, "clock", text)
    side = "ahead of" if offset_ms > 0 else "behind"
    return Finding(
        Mark.WARNING,
        "clock",
        f"the service's is {in_words(abs(offset_ms))} {side} ours",
        "set both clocks; compare on both machines: date -u",
    )
