"""One rotation that is under way: its steps, done one after the other.

Rules this module keeps:

1. Every step begins by looking at what is true (`sealwire.keyring.rotation`), so each may be the
   first one after an interruption. What is made is on the disk before anything depends on it.
2. What somebody else has to do is told, and the rotation waits for it.
3. The old key's file is kept under another name until the old key has left service.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_files import load_ring_half, load_ring_key, read_ring_file
from sealwire.cli.keyring_new import ask_for_new, staged_key
from sealwire.cli.keyring_options import now_s
from sealwire.cli.keyring_services import Services, Shown, say_shown
from sealwire.cli.keyring_switch import pinned_of_host, switch_to, trust_instead, trust_next
from sealwire.cli.keys import public_part_of
from sealwire.cli.passphrases import with_passphrase
from sealwire.cli.rotations import with_rehearsed
from sealwire.cli.terminal import flush, printable, say, say_hint
from sealwire.keyring import SECRET_ROLES, Role, State
from sealwire.keyring.edits import enrolled, entry_for, in_state, issue_time, promoted
from sealwire.keyring.rotation import Rotation, Step, is_true_now, next_step, services_of
from sealwire.keyring.words import key_in_words, moment_in_words
from sealwire.keys import VerifyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.cli.custodian import Custodian
    from sealwire.cli.rotations import Journal
    from sealwire.keyring import RingKey
    from sealwire.settings import OperatorSettings


class Rotating:
    """One rotation that is under way."""

    def __init__(
        self,
        custodian: Custodian,
        journal: Journal,
        settings: OperatorSettings,
        old: RingKey,
        roots: Sequence[str],
        timeout_s: float,
    ) -> None:
        """Look at what there is; nothing is changed.

        Args:
            custodian: who keeps the keyring.
            journal: what is known of rotations.
            settings: the operator's, whose services have to take the new key.
            old: the key that goes.
            roots: files of root keys; none is those beside the keyring.
            timeout_s: how long to wait for each service, seconds.

        Raises:
            CommandError: no service is known that takes the key.
        """
        self._custodian, self._journal, self._settings = custodian, journal, settings
        self._old, self._roots, self._timeout_s = old, roots, timeout_s
        known = [target.audience for target in settings.targets]
        if old.role is Role.RECEIPT:
            known = [each.audience for each, _ in pinned_of_host(settings, old)]
        self._services = Services(custodian, settings, services_of(old, known), timeout_s)
        if not self._services.targets:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{settings.path} names no service that takes {key_in_words(old)}, so nobody could "
                "show that the new one is taken",
                'add a table [targets."payments@prod"] for each',
            )
        self._lacking: frozenset[str] | None = None
        self._rotation: Rotation

    def begin(self, overlap_s: int, file: str | None) -> None:
        """Go on with what has begun; or make the new key, and note it (rule 1)."""
        begun = self._journal.of(self._old.thumbprint)
        if begun is not None:
            self._rotation = begun
            return
        if self._old.state is not State.ACTIVE:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{key_in_words(self._old)} is {self._old.state.value}, and needs no other",
                "see what is in service: sealwire keys list",
            )
        self._custodian.check_no_proposal()
        key, path = staged_key(self._custodian, self._settings, self._old, file)
        self._rotation = self._journal.note(
            Rotation(self._old.thumbprint, key.thumbprint, overlap_s, path)
        )

    def said_to_be_rehearsed(self) -> None:
        """Take the owner's word, where the key is elsewhere."""
        self._note(with_rehearsed(self._rotation, set(self._services.audiences)))

    def said_to_be_switched(self) -> None:
        """Take the owner's word, where the key is elsewhere."""
        if self._step() is Step.SWITCH:
            self._note(replace(self._rotation, switched=now_s()))

    def next(self) -> Step:
        """Say which step is next."""
        return self._step()

    def _step(self) -> Step:
        if self._lacking is None:
            self._lacking = self._look_for_the_file()
        return next_step(
            self._custodian.keyring,
            self._rotation,
            self._services.audiences,
            self._journal.shown,
            now_s(),
            self._lacking,
        )

    def do(self, step: Step) -> None:
        """Do one step.

        Raises:
            CommandError: somebody else has to do something first (rule 2).
        """
        done = {
            Step.STAGE: self._stage,
            Step.DISTRIBUTE: self._distribute,
            Step.REHEARSE: self._rehearse,
            Step.PROMOTE: self._promote,
            Step.SWITCH: self._switch,
            Step.RETIRE: self._retire,
        }
        say((f"{step.value}:", "bold"))
        done[step]()

    def say_where(self) -> None:
        """Say what is true now, and the next command."""
        step = self._step()
        say((f"now: {printable(is_true_now(step, self._now(self._old), self._new()))}", ""))
        say_hint(f"next: {step.value}: sealwire keys rotate {self._old.fingerprint}")

    def end(self, step: Step) -> None:
        """Say how it ends, or that it waits."""
        say((f"now: {printable(is_true_now(step, self._now(self._old), self._new()))}", "bold"))
        again = f"sealwire keys rotate {self._old.fingerprint}"
        if step is Step.WAIT:
            say_hint(f"after {moment_in_words(self._rotation.ends())}: {again}")
        elif step is Step.DONE:
            self._journal.drop(self._rotation)
            say_hint(f"once nothing needs it: sealwire keys destroy {self._old.fingerprint}")
        else:
            self._journal.drop(self._rotation)
            say_hint(f"begin anew: {again}")

    # ---- the steps -----------------------------------------------------------------------------

    def _stage(self) -> None:
        custodian, old = self._custodian, self._old
        key = load_ring_half(self._rotation.file)
        if key.thumbprint != self._rotation.new:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{self._rotation.file} holds key {key.fingerprint}, and not the one that was to "
                "come",
                f"put the file back, or begin anew: rm {custodian.path.with_suffix('.rotations')}",
            )
        since = issue_time(custodian.keyring, now_s())
        entry = entry_for(
            key, old.role, since=since, state=State.PRE_ACTIVATION, audiences=old.audiences
        )
        custodian.commit(lambda: enrolled(custodian.keyring, [entry], now_s()), self._roots)
        self._lacking = None
        if old.role in SECRET_ROLES:
            hosts = f"every host of {old.audiences[0]}"
            say((f"  bring this file into keyring.secrets of {hosts}:", ""))
            say((f"    {printable(self._rotation.file)}", ""))

    def _distribute(self) -> None:
        shown = self._services.tell()
        self._journal.note_shown(shown)
        self._lacking = lacking = self._look_for_the_file()
        ending = say_shown(shown, self._custodian, as_json=False, done="confirmed")
        again = f"sealwire keys rotate {self._old.fingerprint}"
        if ending is not Exit.OK:
            self._stop(ending, "not every service has shown that it has the keyring", again)
        if lacking:
            name = self._rotation.new[:8].hex()
            which = ", ".join(sorted(lacking))
            self._stop(
                Exit.PARTLY,
                f"these have the keyring, and not the file of key {name}: {which}",
                f"bring {self._rotation.file} into keyring.secrets of their hosts; then: {again}",
            )

    def _look_for_the_file(self) -> frozenset[str]:
        """Give the services that have not shown that they hold the new key's bytes.

        Only its status says what a service holds; a keyring that it confirms does not.
        """
        new = self._new()
        if new is None or new.role not in SECRET_ROLES or new.state is not State.PRE_ACTIVATION:
            return frozenset()
        name = new.fingerprint
        seen = self._services.look()
        return frozenset(each.audience for each in seen if not each.done or name in each.lacks)

    def _rehearse(self) -> None:
        again = f"sealwire keys rotate {self._old.fingerprint}"
        file = read_ring_file(self._rotation.file)
        public = public_part_of(file)
        if isinstance(file.key, VerifyKey) or public.owner != self._settings.issuer:
            bring = ""
            if not isinstance(file.key, VerifyKey):
                bring = f"bring {self._rotation.file} to {public.owner}; "
            self._stop(
                Exit.PARTLY,
                f"key {public.fingerprint} is {public.owner}'s, who has to rehearse it",
                f"{bring}there: sealwire keys rehearse --key FILE; then, here: {again} --rehearsed",
            )
            return
        key = load_ring_key(self._rotation.file, ask_for_new(self._settings, self._old))
        assert not isinstance(key, VerifyKey)  # noqa: S101 - this was looked at before
        shown = self._services.rehearse(key, Path(self._rotation.file))
        took = {each.audience for each in shown} - {
            each.audience for each in shown if not each.done
        }
        self._note(with_rehearsed(self._rotation, took))
        ending = say_shown(shown, self._custodian, as_json=False, done="taken")
        if ending is not Exit.OK:
            self._stop(ending, "not every service takes the new key", again)

    def _promote(self) -> None:
        new = self._new()
        assert new is not None  # noqa: S101 - it is not promoted before it is staged
        if new.role is Role.RECEIPT:
            # Before the host goes over to it, so that no answer of either key is doubted.
            trust_next(self._settings, self._old, new)
        keyring = self._custodian.keyring
        self._custodian.commit(lambda: promoted(keyring, new, now_s()), self._roots)

    def _switch(self) -> None:
        again = f"sealwire keys rotate {self._old.fingerprint}"
        if self._old.role is Role.RECEIPT:
            self._look_for_receipts(again)
        elif not switch_to(self._settings, self._old, self._rotation):
            key = f"key {self._rotation.new[:8].hex()}"
            self._stop(
                Exit.PARTLY,
                f"{self._old.owner.id} has to seal with {key} from now on, which is not settled "
                f"by {self._settings.path}",
                f"when that is done: {again} --switched",
            )
            return
        # What was asked for the old key opens no new one.
        self._settings = with_passphrase(self._settings)
        self._services = self._services.of(self._settings)
        self._note(replace(self._rotation, switched=now_s()))

    def _look_for_receipts(self, again: str) -> None:
        """See whether services sign with the new receipt key (rule 2)."""
        new = self._rotation.new[:8].hex()
        good = {new, *_keys_of_other_hosts(self._settings, self._old)}
        old: list[Shown] = [each for each in self._services.look() if each.receipt_key not in good]
        if old:
            self._stop(
                Exit.PARTLY,
                f"receipts are not signed with key {new} yet: "
                f"{', '.join(each.label for each in old)}",
                f"on their hosts, put the new key where receipt_key names it; then: {again}",
            )
        trust_instead(self._settings, self._old, self._rotation)

    def _retire(self) -> None:
        old = self._now(self._old)
        keyring = self._custodian.keyring
        self._custodian.commit(
            lambda: in_state(keyring, [old], State.DEACTIVATED, now_s()), self._roots
        )

    # ---- what is known -------------------------------------------------------------------------

    def _stop(self, status: Exit, what: str, hint: str) -> None:
        flush()
        raise CommandError(status, what, hint)

    def _note(self, rotation: Rotation) -> None:
        self._rotation = self._journal.note(rotation)

    def _now(self, key: RingKey) -> RingKey:
        return self._custodian.keyring.named(key.thumbprint) or key

    def _new(self) -> RingKey | None:
        return self._custodian.keyring.named(self._rotation.new)


def _keys_of_other_hosts(settings: OperatorSettings, old: RingKey) -> set[str]:
    """Give the ids of the receipt keys that hosts of the same services sign with, but for one."""
    services = {target.audience for target, _ in pinned_of_host(settings, old)}
    return {
        key.fingerprint
        for target in settings.targets
        if target.audience in services
        for key in settings.load_receipt_keys(target).values()
        if key.owner != old.owner.id
    }
