"""The keyring of a service, looked at on its host: what it would have in force, and what it holds.

Nothing is changed, and the running service is not asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.cli.findings import Finding, Mark, problem_of
from sealwire.cli.keyring_options import now_s
from sealwire.cli.wording import counted
from sealwire.errors import SealwireError
from sealwire.keyring import REQUEST_ROLES, SECRET_ROLES, State
from sealwire.keyring.inspection import WARN_DAYS
from sealwire.keyring.words import moment_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.keyring import LiveKeyring
    from sealwire.settings import ServiceSettings

_DAY_S = 24 * 3600


def look_at_keyring(settings: ServiceSettings) -> Iterator[Finding]:
    """Say which keyring a service would have in force, until when, and which secrets it holds."""
    files = settings.keyring_files()
    if files is None:
        return
    try:
        live = files.open()
    except SealwireError as error:
        yield problem_of("keyring", error)
        return
    yield _in_force(live)
    yield from _secrets(live)


def _in_force(live: LiveKeyring) -> Finding:
    keyring, now = live.keyring, now_s()
    secret = [key for key in live.usable() if key.role in SECRET_ROLES]
    held = {key.id for key in live.held}
    there = sum(key.id in held for key in secret)
    said = f"{keyring.name} {keyring.version}"
    holds = f", {there} of {counted(len(secret), 'secret')} held" if secret else ""
    ends = moment_in_words(keyring.expires)
    if now > keyring.expires:
        text = f"{said}, expired {ends}, so changes are refused{holds}"
        return Finding(Mark.WARNING, "keyring", text, "sealwire keys renew, and keys push")
    text = f"{said}, expires {ends}{holds}"
    if keyring.expires - now <= max(WARN_DAYS) * _DAY_S:
        return Finding(Mark.WARNING, "keyring", text, "sealwire keys renew, and keys push")
    return Finding(Mark.OK, "keyring", text)


def _secrets(live: LiveKeyring) -> Iterator[Finding]:
    held = {key.id for key in live.held}
    for key in live.usable():
        if key.role in SECRET_ROLES and key.id not in held:
            text = (
                f"the file of {key.role.value} key {key.fingerprint} of {key.owner.id} is missing"
            )
            step = "bring it from whoever keeps the keyring into keyring.secrets"
            yield Finding(Mark.WARNING, "keyring", text, step)


def keyring_signers(settings: ServiceSettings) -> Iterator[bytes]:
    """Give the thumbprints of the keys that may ask a service for something."""
    files = settings.keyring_files()
    if files is None:
        return
    try:
        live = files.open()
    except SealwireError:
        # That it cannot be read is told where it is looked at.
        return
    for key in live.usable():
        if key.role in REQUEST_ROLES and key.state_at(now_s()) is State.ACTIVE:
            yield key.thumbprint
