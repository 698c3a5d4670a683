"""Sending a message that was sealed before, by whoever carries it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.cli.anatomy import look_at
from sealwire.cli.delivering import result_of, saying
from sealwire.cli.sealing import operator_settings, target_of
from sealwire.cli.terminal import waiting
from sealwire.client import Client
from sealwire.errors import SealwireError
from sealwire.results import Result
from sealwire.sent import look_at_sent
from sealwire.told import read_told
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.settings import OperatorSettings


class Carried:
    """A message that was sealed before: where it goes, and what can be known of its answer.

    Attributes:
        sealed: the message.
        addresses: where it is to be sent, as it is written.
        audience: for which service; ``""`` where that is not known.
    """

    def __init__(
        self, config: str | None, sealed: bytes, to: str | None, addresses: Sequence[str]
    ) -> None:
        """Look at the message and, where no address was given, at the operator's settings.

        Raises:
            CommandError: the target is not known, and no address was given.
        """
        claims = look_at(sealed).claims
        self.sealed = sealed
        self.audience = "" if claims is None else claims.aud
        self._config, self._to = config, to
        self.addresses: Sequence[str] = addresses
        if not addresses:
            settings = operator_settings(config)
            target = target_of(settings, to or self._known(settings))
            self.addresses = target.addresses
            self.audience = self.audience or target.audience

    def _known(self, settings: OperatorSettings) -> str | None:
        known = {target.audience for target in settings.targets}
        return self.audience if self.audience in known else None

    def send(self, address: str, timeout_s: float, again: str) -> Result:
        """Send it to one host; give what came of it, whatever that is.

        Args:
            address: where.
            timeout_s: how long to wait, seconds.
            again: the file it stands in.

        Raises:
            CommandError: there is no answer, with the step that is next then.
        """
        client = None
        with contextlib.suppress(SealwireError):
            # Whoever carries a message for others needs neither settings nor keys.
            settings = replace(operator_settings(self._config), opens_key=False)
            whose = self.audience or self._to
            client = Client.from_settings(settings, whose, address=address, timeout_s=timeout_s)
        with waiting(f"waiting for {address}"), saying(address, again):
            if client is not None:
                return result_of(lambda: client.send(self.sealed))
            answered = exchange(address, self.sealed, timeout_s=timeout_s)
            sent = look_at_sent(self.sealed)
            return Result.of(read_told(answered, sent, None, now_ms=None), "")

    def settings_for_several(self) -> OperatorSettings:
        """Give the settings with which it is sent to several hosts, whose answers they verify.

        Raises:
            ConfigurationError: there are none, or they cannot be used.
        """
        return replace(operator_settings(self._config), opens_key=False)
