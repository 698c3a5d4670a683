"""Services that are to follow a keyring: each is told, and what it shows of itself is read.

Rules this module keeps:

1. A service has a keyring when a verified receipt names its version and its digest. Anything else
   that it says is told, and counts as nothing.
2. All services are told at once, and all hosts of each: one that cannot be reached keeps no other
   from losing trust in a key. A service has a keyring when all its hosts do.
3. Which versions a service lacks is asked first. Where it does not say, it is sent the last ones.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.delivering import result_of
from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.places import Places, places_of
from sealwire.cli.reported import text
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import printable, say, say_json, waiting
from sealwire.cli.wording import counted
from sealwire.client import Client
from sealwire.clock import wall_clock_ms
from sealwire.errors import NoAnswerError, SealwireError
from sealwire.keyring import MAX_LIST
from sealwire.keys import MacKey, SigningKey
from sealwire.sealerstate import FileSealerState
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sealwire.cli.custodian import Custodian
    from sealwire.cli.terminal import JsonOutput
    from sealwire.keys import AeadKey
    from sealwire.results import Result
    from sealwire.sealer import Sealer
    from sealwire.settings import OperatorSettings, Target

MAX_AT_ONCE: Final = 32
_LIFETIME_S: Final = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What one host of a service has shown.

    Attributes:
        audience: the service.
        address: which of its hosts; ``""`` where it has one.
        done: whether it has shown, in a verified receipt, what was wanted of it.
        version: the version of the keyring that it has shown; 0 where it has shown none.
        says: what came of it, in words.
        lacks: the ids of secret keys whose bytes it has not got, as far as it says.
        answered_by: the key that signed its receipt, and which process has answered.
        status: the exit status that this leads to, if it is alone.
    """

    audience: str
    address: str
    done: bool
    version: int
    says: str
    lacks: frozenset[str] = frozenset()
    answered_by: tuple[str, str] | None = None
    status: Exit = Exit.OK

    @property
    def receipt_key(self) -> str:
        """The id of the key that signed its receipt, in hex; ``""`` where none is verified."""
        return "" if self.answered_by is None else self.answered_by[0]

    @property
    def label(self) -> str:
        """Which service, and which of its hosts."""
        return f"{self.audience} at {self.address}" if self.address else self.audience

    def as_json(self) -> dict[str, JsonOutput]:
        """Give it under its names."""
        return {
            "audience": self.audience,
            "address": self.address or None,
            "confirmed": self.done,
            "version": self.version or None,
            "says": self.says,
        }


class Services:
    """The services that an operator's settings name, asked in that operator's name."""

    def __init__(
        self,
        custodian: Custodian,
        settings: OperatorSettings,
        audiences: Iterable[str] | None,
        timeout_s: float,
    ) -> None:
        """Choose services.

        Args:
            custodian: who keeps the keyring that they are to follow.
            settings: the operator's.
            audiences: these; ``None`` is all.
            timeout_s: how long to wait for each, seconds.

        Raises:
            ConfigurationError: one is not known.
        """
        self._custodian, self._settings, self._timeout_s = custodian, settings, timeout_s
        self._opened = settings
        wanted = None if audiences is None else [settings.target(each) for each in audiences]
        self.targets: tuple[Target, ...] = tuple(settings.targets if wanted is None else wanted)

    def of(self, settings: OperatorSettings) -> Services:
        """Give the same services, asked with other settings."""
        return Services(self._custodian, settings, self.audiences, self._timeout_s)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Which they are."""
        return tuple(target.audience for target in self.targets)

    def tell(self) -> list[Shown]:
        """Have each follow the keyring (rules 1 to 3)."""
        return self._each(self._tell)

    def look(self) -> list[Shown]:
        """Ask each which keyring it has, and change nothing."""
        return self._each(self._look)

    def rehearse(self, key: SigningKey | MacKey | AeadKey, file: Path) -> list[Shown]:
        """Ask each for its status with a key in the place of the one that is used otherwise."""
        # Where that one signs, nobody is asked for the passphrase of the usual one.
        settings = replace(self._settings, opens_key=not isinstance(key, SigningKey))
        return self._each(lambda target: self._rehearse(target, key, file), settings)

    def _each(
        self, ask: Callable[[Target], Shown], settings: OperatorSettings | None = None
    ) -> list[Shown]:
        settings = settings or self._settings

        if not self.targets:
            return []
        self._opened = settings.opened()
        with (
            waiting(f"waiting for {counted(len(self.targets), 'service')}"),
            ThreadPoolExecutor(MAX_AT_ONCE) as pool,
        ):
            places = list(pool.map(_places_of, self.targets))
            hosts = [
                (target.at(address), address if found.several else "")
                for target, found in zip(self.targets, places, strict=True)
                if isinstance(found, Places)
                for address in found.addresses
            ]
            shown = list(pool.map(lambda host: _asked_at(ask, *host), hosts))
        lost = [
            _unreached(target, found, "")
            for target, found in zip(self.targets, places, strict=True)
            if not isinstance(found, Places)
        ]
        return [*_each_host_once(shown), *lost]

    def _client(self, target: Target) -> Client:
        return Client.from_settings(
            self._opened,
            target.audience,
            address=target.address,
            lifetime_s=_LIFETIME_S,
            timeout_s=self._timeout_s,
        )

    def _tell(self, target: Target) -> Shown:
        client = self._client(target)
        there = self._shown(target, result_of(client.status))
        if there.done:
            return there
        history = [each.sealed for each in self._custodian.history]
        # The first is pinned, and never sent.
        missing = history[max(1, there.version) :] if there.version else history[1:][-MAX_LIST:]
        if not missing:
            return there
        result = None
        for start in range(0, len(missing), MAX_LIST):
            listed = missing[start : start + MAX_LIST]
            result = result_of(lambda listed=listed: client.send_keyrings(listed))  # type: ignore[misc]
        assert result is not None  # noqa: S101 - something is missing, so something was sent
        return self._shown(target, result)

    def _look(self, target: Target) -> Shown:
        return self._shown(target, result_of(self._client(target).status))

    def _rehearse(self, target: Target, key: SigningKey | MacKey | AeadKey, file: Path) -> Shown:
        client = self._client(target)
        client.sealer = self._sealer_with(target, key, file)
        result = result_of(client.status)
        shown = self._shown(target, result)
        took = result.verified and result.outcome is Outcome.APPLIED
        says = f"takes key {key.fingerprint}" if took else shown.says
        status = Exit.OK if took else shown.status or Exit.REFUSED
        return replace(shown, done=took, says=says, status=status)

    def _sealer_with(
        self, target: Target, key: SigningKey | MacKey | AeadKey, file: Path
    ) -> Sealer:
        """Seal as the settings say, but for one key."""
        settings = self._opened
        if isinstance(key, SigningKey):
            settings = replace(settings, issuer=key.owner, signing_key=file, held=key)
        elif isinstance(key, MacKey):
            target = replace(target, gate=file)
        else:
            target = replace(target, encryption=file)
        return settings.sealer(target, FileSealerState(settings.state_path), wall_clock_ms)

    def _shown(self, target: Target, result: Result) -> Shown:
        """Say what an answer shows of the keyring (rule 1)."""
        current = self._custodian.current
        report = dict(result.report).get("keyring") if result.verified else None
        lacks = _lacks(report)
        point = None if result.receipt is None or not result.verified else result.receipt.keyring
        if point is None:
            return Shown(
                target.audience,
                "",
                done=False,
                version=0,
                says=_why_not(result),
                answered_by=result.answered_by,
                status=Exit.REFUSED,
            )
        mine = point.name == current.keyring.name
        done = mine and point[1:] == (current.keyring.version, current.digest.hex())
        version = point.version if mine and self._is_ours(point.version, point.digest) else 0
        says = f"has keyring {text(point.name)} {point.version}"
        if not done and mine and not version:
            says += ", another one than that of the same version here: it was forked, or is newer"
        elif result.outcome is not Outcome.APPLIED:
            says += f"; {_why_not(result)}"
        status = Exit.OK if done else Exit.REFUSED
        return Shown(target.audience, "", done, version, says, lacks, result.answered_by, status)

    def _is_ours(self, version: int, digest: str) -> bool:
        history = self._custodian.history
        return version <= len(history) and history[version - 1].digest.hex() == digest


def services_of(
    custodian: Custodian, config: str | None, to: Sequence[str], timeout_s: float
) -> Services:
    """Give the services that the operator's settings name.

    Raises:
        ConfigurationError: there are no settings, or they do not know one of ``to``.
        CommandError: they name no service at all.
    """
    settings = operator_settings(config)
    if not settings.targets:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{settings.path} names no service, so nobody can be told",
            f'add a table [targets."payments@prod"]; or bring {custodian.path} to the hosts',
        )
    return Services(custodian, settings, to or None, timeout_s)


def say_shown(shown: Sequence[Shown], custodian: Custodian, *, as_json: bool, done: str) -> Exit:
    """Say which services have shown what was wanted; give the exit status.

    Args:
        shown: what each has shown.
        custodian: who keeps the keyring.
        as_json: print one JSON object.
        done: what those have done that have shown it, such as ``confirmed``.
    """
    keyring = custodian.keyring
    services = list(dict.fromkeys(each.audience for each in shown))
    undone = {each.audience for each in shown if not each.done}
    reached = [each for each in services if each not in undone]
    if as_json:
        say_json(
            {
                "keyring": keyring.name,
                "version": keyring.version,
                "digest": custodian.current.digest.hex(),
                "services": [each.as_json() for each in shown],
            }
        )
    else:
        width = max((len(each.label) for each in shown), default=0)
        for each in shown:
            mark = (done, "green") if each.done else ("not yet", "yellow")
            words = f"  {each.label:<{width}}  {printable(each.says)}"
            say((f"{mark[0]:<{max(len(done), 7)}}", mark[1]), (words, ""))
        say((f"{len(reached)} of {counted(len(services), 'service')} {done}", "bold"))
    if len(reached) == len(services):
        return Exit.OK
    some = any(each.done for each in shown)
    return Exit.PARTLY if some else max(each.status for each in shown)


def _places_of(target: Target) -> Places | CommandError:
    try:
        return places_of(target.addresses, expect=None)
    except CommandError as ending:
        return ending
    except SealwireError as error:
        return ending_of(error)


def _asked_at(ask: Callable[[Target], Shown], target: Target, label: str) -> Shown:
    """Ask one host of a service, which is called ``label`` among several."""
    try:
        return replace(ask(target), address=label)
    except SealwireError as error:
        ending = ending_of(error)
        if isinstance(error, NoAnswerError):
            ending = CommandError(Exit.NO_ANSWER, ending.error)
        return _unreached(target, ending, label)


def _unreached(target: Target, ending: CommandError, address: str) -> Shown:
    return Shown(
        target.audience,
        address,
        done=False,
        version=0,
        says=ending.error,
        status=ending.status,
    )


def _each_host_once(shown: Sequence[Shown]) -> list[Shown]:
    """Take no answer of one host for that of another: whoever is in between may lead them together.

    Who has answered, the receipt says, by the key and the process's name.
    """
    first: dict[tuple[str, tuple[str, str]], str] = {}
    found = []
    for each in shown:
        whom = each.answered_by
        there = each.label if whom is None else first.setdefault((each.audience, whom), each.label)
        if whom is not None and there != each.label:
            says = f"{whom[1]} answers, as at {there}, so no other host did"
            twice = replace(each, done=False, version=0, says=says, answered_by=None)
            found.append(replace(twice, lacks=frozenset(), status=Exit.NO_ANSWER))
            continue
        found.append(each)
    return found


def _lacks(report: Any) -> frozenset[str]:  # noqa: ANN401 - a peer wrote it
    try:
        return frozenset(str(key["id"]) for key in report["keys"] if not key["held"])
    except (KeyError, TypeError):
        return frozenset()


def _why_not(result: Result) -> str:
    answer = result.answer
    if answer.outcome is Outcome.REFUSED:
        why = ": ".join(part for part in (answer.reason, answer.detail) if part)
        return f"refused: {why}" if why else "refused, and no reason is given"
    if not result.verified:
        return "its receipt is not verified; trust its key: sealwire trust"
    if answer.outcome is Outcome.FAILED:
        return f"failed: {answer.detail}"
    return "its receipt names no keyring"
