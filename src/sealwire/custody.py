"""Custody: the keyring of a running service is followed, kept, and what it ends is ended.

Rules this module keeps:

1. A keyring is verified, then kept on the disk, then put in force, then told; a message that is
   being judged meanwhile is judged by one of the two. The memory's gate is held around every call.
2. Once a key is compromised, the leases that it signed end, and so does what it has on trial. A
   configuration that stays is named, and stays: going back from it is for people to decide.
3. What does not follow leaves the keyring as it is, with an alert; the same is told once, stands in
   status while it lasts, and is tried again.
4. A receipt key that is put in the place of the host's is used from then on, if it is the same
   host's: rotating it takes no restart.
5. Before a keyring expires it is said 30, 14, 7 days and one day ahead, and once it has.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sealwire.clock import monotonic_ms
from sealwire.durations import in_words
from sealwire.errors import (
    ConfigurationError,
    KeyFileError,
    Reason,
    RefusedError,
    Stage,
    StateError,
)
from sealwire.eventlog import LOGGER, log_to
from sealwire.happenings import FloorAlert, KeyringChanged
from sealwire.keyring import SECRET_ROLES, State
from sealwire.receipts import KeyringPoint

if TYPE_CHECKING:
    from sealwire.answering import Answering
    from sealwire.documents import JsonValue
    from sealwire.engine import Engine
    from sealwire.keyring import Keyring, LiveKeyring, SignedKeyring
    from sealwire.keyringfiles import KeyringFiles
    from sealwire.stages import Opened

LOOK_MS: Final = 500
"""How often the files are looked at: a key that is taken away is to be gone within a second."""

_AGAIN_MS: Final = 5_000
"""How often that is tried again which could not be used: a file that is wrong is long, perhaps."""

_DAY_S: Final = 24 * 3600
_WARN_DAYS: Final = (0, 1, 7, 14, 30)


class Custody:
    """The keyring of one service while it serves.

    Attributes:
        live: what its chain looks at.
    """

    def __init__(
        self,
        files: KeyringFiles,
        live: LiveKeyring,
        engine: Engine,
        answering: Answering | None = None,
    ) -> None:
        """Keep ``live`` as ``files`` say.

        Args:
            files: where it lies.
            live: what `KeyringFiles.open` gave, which the chain's layers look at.
            engine: what runs in this process.
            answering: what signs receipts, if something does.
        """
        self._files, self.live, self._engine = files, live, engine
        self._answering = answering
        self._due_ms = self._again_ms = 0
        self._said = self._receipt_trouble = ""
        self._warned: tuple[int, int] = (0, -1)

    @property
    def digest(self) -> str:
        """SHA-256 of the keyring in force, in hex."""
        return self.live.current.digest.hex()

    @property
    def next_look_ms(self) -> int:
        """When `let_time_pass` is due, on the monotonic clock."""
        return self._due_ms

    def let_time_pass(self, now_ms: int) -> None:
        """Look at the files, and at how long the keyring is good.

        Args:
            now_ms: the time, milliseconds since the epoch.
        """
        if monotonic_ms() >= self._due_ms:
            self.look(now_ms)

    def look(self, now_ms: int) -> None:
        """Look at once; see `let_time_pass`."""
        mono_ms = monotonic_ms()
        self._due_ms = mono_ms + LOOK_MS
        again = self._files.unused and mono_ms >= self._again_ms
        followed, trouble = self._files.look(self.live, now_ms, again=again)
        if followed:
            try:
                self._keep(followed)
            except StateError as error:
                self._files.not_used()
                trouble = (*trouble, str(error))
            else:
                self._put_in_force(followed)
        if again or trouble:
            self._again_ms = mono_ms + _AGAIN_MS
        if trouble:
            self._alert(f"the keyring stays as it is: {'; '.join(trouble)}")
        elif not self._files.unused:
            self._said = ""
        self._look_at_receipt_key()
        self._warn(now_ms // 1000)

    def _look_at_receipt_key(self) -> None:
        """Sign receipts with the key that stands in the file (rule 4)."""
        answering = self._answering
        try:
            key = self._files.look_at_receipt_key()
            if key is None or answering is None:
                return
            self._receipt_trouble = ""
            if key == answering.key:
                return
            if key.owner != answering.key.owner:
                raise ConfigurationError(
                    f"{self._files.receipt_key} is of {key.owner} now, and this host is "
                    f"{answering.key.owner}; put the old key back, or start the service again"
                )
            answering.use(key)
        except ConfigurationError as error:
            self._receipt_trouble = f"receipts are signed with the key as it was: {error}"
            self._tell(self._receipt_trouble)
        else:
            log_to(LOGGER, logging.INFO, "receipts are signed with key %s now", key.fingerprint)

    def follow(self, opened: Opened) -> str:
        """Follow what a message brings; say in words what is in force now.

        Raises:
            RefusedError: it does not follow any more, or cannot be kept.
        """
        followed = self.live.follow(opened.body)
        try:
            for each in followed:
                self._files.refuse_examples(each.keyring)
            kept = self._keep(followed)
        except KeyFileError as error:
            raise RefusedError(Reason.DOCUMENT_INVALID, Stage.DOCUMENT, str(error)) from None
        except StateError as error:
            raise RefusedError(Reason.STATE_UNAVAILABLE, Stage.ADMISSION, str(error)) from None
        self._put_in_force(followed)
        keyring = self.live.keyring
        here = "" if kept or not followed else "; there is no state, so until the next start"
        return f"keyring {keyring.name} {keyring.version} in force{here}"

    def _keep(self, followed: tuple[SignedKeyring, ...]) -> bool:
        return self._files.keep(self.live, followed)

    def _put_in_force(self, followed: tuple[SignedKeyring, ...]) -> None:
        for each in followed:
            before = self.live.keyring
            self.live.replace((each,))
            signers = tuple(dict.fromkeys(shown.owner for shown in each.evidence))
            log_to(
                LOGGER,
                logging.INFO,
                "keyring %s %s in force, signed by %s",
                *(each.keyring.name, each.keyring.version, ", ".join(signers)),
            )
            observers = self._engine.changer.observers
            observers.happened(KeyringChanged(before, each.keyring, each.digest.hex(), signers))
            if lost := _lost(before, each.keyring):
                self._engine.end_of_keys(lost)

    def _alert(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._tell(text)

    def _tell(self, text: str) -> None:
        log_to(LOGGER, logging.ERROR, "alert: %s", text)
        self._engine.changer.observers.happened(FloorAlert(text))

    def _warn(self, now: int) -> None:
        keyring = self.live.keyring
        left_s = keyring.expires - now
        # At the second at which it expires it is still good, and from the next one on no more.
        days = next((days for days in _WARN_DAYS if left_s < days * _DAY_S), None)
        if days is None or self._warned == (keyring.version, days):
            return
        self._warned = keyring.version, days
        remedy = "sign the next one: sealwire keys renew"
        if left_s < 0:
            text = "keyring %s %s has expired: changes are refused, going back is not; %s"
            log_to(LOGGER, logging.ERROR, text, keyring.name, keyring.version, remedy)
        else:
            text = "keyring %s %s expires in %s; %s"
            left = in_words(left_s * 1000)
            log_to(LOGGER, logging.WARNING, text, keyring.name, keyring.version, left, remedy)

    def point(self) -> KeyringPoint:
        """Say which keyring is in force, for receipts."""
        return KeyringPoint(self.live.keyring.name, self.live.keyring.version, self.digest)

    def report(self, now_ms: int) -> JsonValue:
        """Say what is in force, for status: the keyring, its keys for this service, what is held.

        Args:
            now_ms: the time, milliseconds since the epoch.
        """
        keyring, now = self.live.keyring, now_ms // 1000
        held = {key.id for key in self.live.held}
        return {
            "name": keyring.name,
            "version": keyring.version,
            "digest": self.digest,
            "expires": keyring.expires,
            "expired": now > keyring.expires,
            "trouble": "; ".join(each for each in (self._said, self._receipt_trouble) if each),
            "keys": [
                {
                    "id": key.fingerprint,
                    "role": key.role.value,
                    "owner": key.owner.id,
                    "state": key.state_at(now).value,
                    "held": key.role not in SECRET_ROLES or key.id in held,
                }
                for key in self.live.usable()
            ],
        }


def _lost(before: Keyring, after: Keyring) -> frozenset[bytes]:
    """Give the thumbprints of keys that nobody may have trusted any more."""
    gone = {State.COMPROMISED, State.DESTROYED}
    was = {key.thumbprint for key in before.keys if key.state in gone}
    return frozenset(key.thumbprint for key in after.keys if key.state in gone) - was
