"""What a receiver remembers between messages. Pure data: no clock, no lock, no file.

In memory nothing survives a restart, so a message may only be taken if it was sealed after the
start; one that was taken before the restart cannot be taken again. There are two ways to know that:

- mode ``challenge``: the message carries 16 bytes that were drawn at the start;
- mode ``wait-out``, where nobody could hand these out: its version is later than the start.

Where floors outlive the process (mode ``durable``) changes are known by these, and the second rule
holds for reads alone, which nothing keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sealwire.durations import in_words
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.replay import NonceWindow
from sealwire.stages import Claims, Mode, Opened, Outcome, Stream
from sealwire.versions import Taken


@dataclass(slots=True)
class AdmissionState:
    """Floors, nonces and the greatest time seen. The owner holds one lock around every use.

    Attributes:
        start_ms: when this memory began, milliseconds since the epoch.
        clock_ms: the greatest wall-clock time seen.
        floors: the last message taken, a stream each.
        window: nonces that are still live.
        challenge: what a message has to carry to show that it was sealed since; ``None`` where its
            version has to.
        kept_from: where floors outlive the process: a change has to have a higher version, whatever
            was taken; ``None`` where they do not.
    """

    start_ms: int
    clock_ms: int = 0
    floors: dict[Stream, Taken] = field(default_factory=dict)
    window: NonceWindow = field(default_factory=NonceWindow)
    challenge: bytes | None = None
    kept_from: int | None = None

    @property
    def mode(self) -> Mode:
        """How it is known that a message was not taken before this memory began."""
        if self.kept_from is not None:
            return Mode.DURABLE
        return Mode.WAIT_OUT if self.challenge is None else Mode.CHALLENGE

    def observe(self, wall_ms: int) -> int:
        """Give "now": the wall clock, or the greatest time seen if the clock went back."""
        self.clock_ms = max(self.clock_ms, self.start_ms, wall_ms)
        return self.clock_ms

    def copy(self) -> AdmissionState:
        """Give a state that remembers the same and changes by itself."""
        floors, window = dict(self.floors), self.window.copy()
        return AdmissionState(
            self.start_ms, self.clock_ms, floors, window, self.challenge, self.kept_from
        )

    def become(self, other: AdmissionState) -> None:
        """Remember what ``other`` does, which is not to be used any more."""
        self.start_ms, self.clock_ms = other.start_ms, other.clock_ms
        self.floors, self.window = other.floors, other.window
        self.challenge, self.kept_from = other.challenge, other.kept_from

    def check_sealed_after_start(self, claims: Claims, skew_ms: int) -> None:
        """Raise if a message may be from before this memory began.

        Args:
            claims: the message's claims.
            skew_ms: how far ahead a sealer's clock may be.

        Raises:
            VerificationError: it does not carry the challenge; or, where there is none, its version
                is not after start and skew.
        """
        if self.kept_from is not None and claims.stream is not Stream.READ:
            if claims.version <= self.kept_from:
                raise VerificationError(
                    Reason.VERSION_BEFORE_START,
                    Stage.ADMISSION,
                    f"sealed {in_words(self.kept_from - claims.version + 1)} too early; what this "
                    f"service remembers begins at {self.kept_from}",
                )
            return
        if self.challenge is not None:
            self._check_challenge(self.challenge, claims)
            return
        self.check_sealed_after_process(claims, skew_ms)

    def check_sealed_after_process(self, claims: Claims, skew_ms: int, begun_ms: int = 0) -> None:
        """Raise if a message may be from before this process; for whoever keeps nothing.

        Args:
            claims: the message's claims.
            skew_ms: how far ahead a sealer's clock may be.
            begun_ms: when whoever asks began, if that is later.

        Raises:
            VerificationError: its version is not after start and skew.
        """
        start_ms = max(self.start_ms, begun_ms)
        earliest_ms = start_ms + skew_ms
        if claims.version <= earliest_ms:
            raise VerificationError(
                Reason.VERSION_BEFORE_START,
                Stage.ADMISSION,
                f"sealed {in_words(earliest_ms - claims.version + 1)} too early; this receiver "
                f"started at {start_ms} and keeps no memory of what came before",
            )

    def _check_challenge(self, challenge: bytes, claims: Claims) -> None:
        # Whoever got a receipt knows the challenge, so there is nothing to hide from a clock.
        if claims.nonce == challenge:
            return
        carried = "no challenge" if claims.nonce is None else "the challenge of another start"
        raise VerificationError(
            Reason.CHALLENGE_REQUIRED,
            Stage.ADMISSION,
            f"it carries {carried}; this receiver keeps no memory of what came before its start",
        )

    def outcome_of(self, opened: Opened) -> Outcome | None:
        """Give what became of a message that holds its stream's floor, ``None`` while undecided."""
        taken = self.floors.get(opened.claims.stream)
        return None if taken is None or taken.digest != opened.digest else taken.outcome

    def settle(self, opened: Opened, outcome: Outcome) -> None:
        """Write what became of the message that holds its stream's floor."""
        taken = self.floors.get(opened.claims.stream)
        if taken is not None and taken.digest == opened.digest:
            self.floors[opened.claims.stream] = taken._replace(outcome=outcome)
