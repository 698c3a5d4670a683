"""What the steps of the demo play with: the people, the service, and how things are checked."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

from sealwire.answers import decode_answer
from sealwire.cli.demo.processes import Running
from sealwire.clock import wall_clock_ms
from sealwire.errors import SealwireError, UntrustedAnswerError
from sealwire.journal import init as init_state
from sealwire.keyfiles import new_aead_key, new_mac_key, new_signing_key, write_key_file
from sealwire.recommended import local_layers, network_layers
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.sent import look_at_sent
from sealwire.stages import Outcome
from sealwire.told import REFUSED, Trust, read_told
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from sealwire.cli.demo.screen import Screen
    from sealwire.keys import SigningKey
    from sealwire.sealer import SealingLayer
    from sealwire.stages import Answer

AUDIENCE: Final = "payments@prod"
OTHER_AUDIENCE: Final = "billing@prod"
SERVICE: Final = Path(__file__).with_name("service.py")
LIBRARY: Final = Path(__file__).with_name("library.py")

_FEW_LINES: Final = 3
_OUTCOMES: Final = {
    Outcome.APPLIED: "applied",
    Outcome.REFUSED: "refused",
    Outcome.FAILED: "failed",
}


T = TypeVar("T", bound=AbstractContextManager[Any])


class NotAsExpectedError(SealwireError):
    """A step of the demo did not do what it says."""


class Said(NamedTuple):
    """What the service answered, and whether its receipt has verified."""

    answer: Answer
    verified: bool

    @property
    def outcome(self) -> Outcome:
        """What it says became of the request."""
        return self.answer.outcome

    @property
    def reason(self) -> str:
        """Why, where it says so."""
        return self.answer.reason

    @property
    def repeated(self) -> bool:
        """Whether it had decided the same message before."""
        return self.answer.repeated


class Scene:
    """Alice, the service that trusts her, and a folder that is removed afterwards."""

    def __init__(self, folder: Path, screen: Screen) -> None:
        """Make alice's key and start the service."""
        self.folder = folder
        self.screen = screen
        self.address = f"unix:{folder / 'log.sock'}"
        self.alice = new_signing_key("alice")
        # One memory of versions for both of alice's ways: the service orders what she sends.
        self.state = MemorySealerState()
        self.sealer = self._sealer(AUDIENCE, local_layers(self.alice), self.state)
        gate, encryption = new_mac_key("alice", AUDIENCE), new_aead_key("alice", AUDIENCE)
        self.network_sealer = self._sealer(
            AUDIENCE, network_layers(gate, encryption, self.alice), self.state
        )
        self.receipt_key, self.trail_key = new_signing_key("host"), new_signing_key("host")
        write_key_file(folder / "alice.pub", self.alice.verify_key)
        write_key_file(folder / "alice.mac", gate)
        write_key_file(folder / "alice.aead", encryption)
        write_key_file(folder / "receipt.key", self.receipt_key)
        write_key_file(folder / "trail.signing", self.trail_key)
        self.trail = folder / "trail"
        self.trail.mkdir(mode=0o700)
        init_state(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self._beside = ExitStack()
        self.service = self._started()

    def __enter__(self) -> Self:
        """Let the service run while the block does."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the service, whichever process it is by now, and what runs beside it."""
        self._beside.close()
        self.service.end()

    def beside(self, other: T) -> T:
        """Let something else run until this ends, and end it before."""
        entered: T = self._beside.enter_context(other)
        return entered

    def start_again(self) -> None:
        """Start the service again, which has ended; what it has written before is gone."""
        self.service = self._started()

    def _started(self) -> Running:
        return Running(SERVICE, self.address, str(self.folder))

    @staticmethod
    def sealer_for(audience: str, key: SigningKey) -> Sealer:
        """Make a sealer with a memory of its own."""
        return Scene._sealer(audience, local_layers(key), MemorySealerState())

    @staticmethod
    def _sealer(
        audience: str, layers: tuple[SealingLayer, ...], state: MemorySealerState
    ) -> Sealer:
        issuer = layers[0].key.owner
        return Sealer(audience, layers, issuer=issuer, state=state, clock=wall_clock_ms)

    def send(self, sealed: bytes, address: str = "") -> Said:
        """Send a message to the service, by its socket if nothing else is said; give its answer.

        Raises:
            UntrustedAnswerError: it says that something was done, or signs, and it is not signed
                with the host's receipt key for this very message.
        """
        answered = exchange(address or self.address, sealed)
        sent = look_at_sent(sealed, self.network_sealer if address else self.sealer)
        key = self.receipt_key.verify_key
        try:
            told = read_told(answered, sent, key, now_ms=wall_clock_ms())
        except UntrustedAnswerError as error:
            # Whom it does not know the service refuses unsigned, and an attacker is one of these.
            if error.claimed != REFUSED:
                raise
            return Said(decode_answer(answered), verified=False)
        return Said(told.answer, told.trust is Trust.VERIFIED)

    # ---- what the service has written ----------------------------------------------------------

    @property
    def so_far(self) -> int:
        """How many lines the service has written."""
        return len(self.service.lines)

    def line(self, *parts: str, since: int = 0) -> str:
        """Wait for a line of the service that holds all ``parts``.

        Raises:
            NotAsExpectedError: it does not come.
        """
        found = self.service.wait_for(lambda line: all(part in line for part in parts), since)
        if found is None:
            wanted = " … ".join(parts)
            last = " / ".join(self.service.lines[-_FEW_LINES:]) or "nothing at all"
            raise NotAsExpectedError(f"the service never wrote {wanted!r}; its last lines: {last}")
        return found

    def next_lines(self, since: int, *, orders: int = _FEW_LINES) -> list[str]:
        """Wait until the service has taken some more orders; give what it wrote from ``since``."""
        at = since
        for _ in range(orders):
            at = self.service.lines.index(self.line("INFO payments:", since=at), at) + 1
        return self.service.lines[since:at]


def check(holds: object, otherwise: str) -> None:
    """Raise if something that a step claims does not hold.

    Raises:
        NotAsExpectedError: it does not; ``otherwise`` says what happened instead.
    """
    if not holds:
        raise NotAsExpectedError(otherwise)


def say_answer(said: Said) -> str:
    """Say in words what the service answered, and whether that is signed."""
    outcome, answer = _OUTCOMES[said.outcome], said.answer
    signed = "receipt verified" if said.verified else "unsigned"
    if answer.repeated:
        return f"{outcome} before; nothing was done now ({signed})"
    words = ": ".join(part for part in (outcome, answer.reason, answer.detail) if part)
    return f"{words} ({signed})"


def console_in_ini(level: str) -> bytes:
    """Give the same configuration in INI, as the library's ``fileConfig`` documents it."""
    return f"""\
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = {level}
handlers = console
[handler_console]
class = StreamHandler
formatter = plain
args = (sys.stdout,)
[formatter_plain]
format = %(levelname)s %(name)s: %(message)s
""".encode()


def console_at(level: str) -> bytes:
    """Give a logging configuration, as the library's ``dictConfig`` documents it."""
    plan = {
        "version": 1,
        "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "plain",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": level, "handlers": ["console"]},
    }
    return json.dumps(plan).encode()
