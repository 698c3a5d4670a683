"""Where an operator's signing key is: in a file, or in an ssh-agent.

``signing_key = "alice.signing"``, or ``"agent:SHA256:…"`` as ``ssh-add -l`` prints it, or the
comment that stands there, ``"agent:alice@laptop"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from sealwire.errors import KeyFileError
from sealwire.keyfiles import EXAMPLE_KEYS, LockedSigner, load_public_half, load_signing_key
from sealwire.sshkeys import SshSigner, SshVerifyKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.agent import AgentKey
    from sealwire.keyfiles import Ask
    from sealwire.keys import SigningKey
    from sealwire.settings.tables import Table

AGENT_PREFIX: Final = "agent:"


@dataclass(frozen=True, slots=True)
class AgentName:
    """A key in the agent of ``$SSH_AUTH_SOCK``.

    Attributes:
        name: its fingerprint, ``SHA256:…``, or its comment.
    """

    name: str

    def __str__(self) -> str:
        """Write it as the settings do."""
        return AGENT_PREFIX + self.name

    def load(
        self, owner: str, *, as_sshsig: bool = False, allow_example_keys: bool = False
    ) -> AgentKey:
        """Find the key in the agent.

        Args:
            owner: whose it is.
            as_sshsig: whether it is to sign SSHSIG if it is an ordinary key, too.
            allow_example_keys: take a key of ``keys-example/``.

        Raises:
            KeyFileError: there is no agent, it has no such key or several, or the key is an
                example.
            ConfigurationError: nobody may trust the key.
        """
        # Late, because it loads ``socket``, which whoever has a key file does not need for that.
        from sealwire.agent import Agent, AgentKey

        agent = Agent.of_environment()
        key = AgentKey(agent, agent.find(self.name), owner=owner, as_sshsig=as_sshsig)
        if not allow_example_keys and key.thumbprint.hex() in EXAMPLE_KEYS:
            raise KeyFileError(
                f"{self} is an example key, which everybody has; take a key of your own: ssh-add "
                "FILE"
            )
        return key


SigningPlace: TypeAlias = Path | AgentName


def signing_place(table: Table) -> Callable[[object], SigningPlace]:
    """Give what reads the place of a signing key, of a table of the settings."""

    def read(value: object) -> SigningPlace:
        if isinstance(value, str) and value.startswith(AGENT_PREFIX):
            name = value.removeprefix(AGENT_PREFIX)
            if not name or "\0" in name:
                raise ValueError("names no key; write its fingerprint, as ssh-add -l prints it")
            return AgentName(name)
        return table.key_path(value)

    return read


def load_signer(
    place: SigningPlace,
    owner: str,
    *,
    as_sshsig: bool = False,
    opens_key: bool = True,
    allow_example_keys: bool = False,
    trust_group: bool = False,
    ask: Ask | None = None,
) -> SigningKey | SshSigner | AgentKey | LockedSigner:
    """Give what signs in the name of ``owner``; see `AgentName.load`.

    Args:
        place: where the key is.
        owner: whose it is, as whoever asks an agent says; a file says it itself.
        as_sshsig: as in `AgentName.load`.
        opens_key: whether a file's private half is loaded; otherwise its public half is, nobody is
            asked, and nothing can be signed.
        allow_example_keys: as in `AgentName.load`.
        trust_group: as in `sealwire.keyfiles.load_key`.
        ask: as there.

    Raises:
        KeyFileError: the key file is missing, malformed, too open or an example, or its passphrase
            is wrong or not to be had; or as `AgentName.load`.
        ConfigurationError: as `AgentName.load`.
        SealwireError: what ``ask`` raises.
    """
    if isinstance(place, AgentName):
        return place.load(owner, as_sshsig=as_sshsig, allow_example_keys=allow_example_keys)
    if not opens_key:
        public = load_public_half(
            place, allow_example_keys=allow_example_keys, trust_group=trust_group
        )
        return LockedSigner(SshVerifyKey.of(public) if as_sshsig else public)
    key = load_signing_key(
        place, allow_example_keys=allow_example_keys, trust_group=trust_group, ask=ask
    )
    return SshSigner.of(key) if as_sshsig else key
