"""What an operator has settled, as values, and what is made of them; rules as in `service`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sealwire import recommended
from sealwire.documents.reading import did_you_mean
from sealwire.errors import ConfigurationError, KeyFileError, shorten
from sealwire.keyfiles import (
    Ask,
    LockedSigner,
    PassphraseCommand,
    is_credential,
    load_aead_key,
    load_mac_key,
    load_verify_key,
)
from sealwire.keys import SigningKey, VerifyKey, check_name
from sealwire.recommended import Recommended, Signatures
from sealwire.sealer import Sealer, SealerState
from sealwire.settings.kinds import check_fit
from sealwire.settings.signing import SigningPlace, load_signer
from sealwire.sshkeys import SshSigner
from sealwire.transports.addresses import MAX_ADDRESSES, NamedAddress, parse_target

if TYPE_CHECKING:
    from sealwire.agent import AgentKey
    from sealwire.sshkeys import SshVerifyKey


@dataclass(frozen=True, slots=True)
class Target:
    """A service that an operator seals for.

    Attributes:
        audience: the service.
        addresses: where it listens, on one host or on several; one may hold a host's name, which
            stands for all addresses that it has.
        kind: which recommended chain it has.
        gate: the MAC key file, for ``network`` alone.
        encryption: the AES key file, for ``network`` alone.
        receipt_keys: the public halves of its hosts' receipt keys, which may share one; a receipt
            counts that any of them has signed. Without one no answer can be verified.
        sshsig: whether the service takes ordinary keys as SSHSIG, too, because they stand in its
            ``allowed_signers``.
        signatures: how many its messages carry, as in its own settings.

    Raises:
        ConfigurationError: name or addresses are none, or the keys do not fit the chain.
    """

    audience: str
    addresses: tuple[str, ...]
    kind: Recommended
    gate: Path | None = None
    encryption: Path | None = None
    receipt_keys: tuple[Path, ...] = ()
    sshsig: bool = False
    signatures: Signatures = Signatures.ONE

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        if not 1 <= len(self.addresses) <= MAX_ADDRESSES:
            raise ConfigurationError(
                f"{len(self.addresses)} addresses; a service has 1 to {MAX_ADDRESSES}"
            )
        for address in self.addresses:
            parse_target(address)
        check_fit(self.kind, "gate", "encryption", self.gate, self.encryption)

    @property
    def address(self) -> str:
        """Where it listens; of several hosts the first."""
        return self.addresses[0]

    @property
    def is_one_address(self) -> bool:
        """Whether it is known without looking up a name that it has one address."""
        named = isinstance(parse_target(self.address), NamedAddress)
        return not named and len(self.addresses) == 1

    def at(self, *addresses: str) -> Self:
        """Give the same service on some of its hosts alone."""
        return replace(self, addresses=addresses)


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """An operator's part: who seals, with which key, for which services.

    Attributes:
        path: the file, absolute.
        issuer: who seals.
        signing_key: the key file, or the key's name in an ssh-agent.
        targets: the services, each audience once.
        allow_example_keys: whether the published example keys are taken.
        trust_group: as for a service.
        passphrase_command: the program that tells the signing key's passphrase, and its arguments;
            empty where nothing does, or where somebody is asked.
        ask: gives that passphrase in its place; the command line asks a person.
        opens_key: whether the private half of the signing key is loaded; otherwise nothing can be
            sealed, and nobody is asked for a passphrase.
        held: the signing key where it was opened before; see `opened`.

    Raises:
        ConfigurationError: ``issuer`` is not a name, or two targets have one audience.
    """

    path: Path
    issuer: str
    signing_key: SigningPlace
    targets: tuple[Target, ...] = ()
    allow_example_keys: bool = False
    trust_group: bool = False
    passphrase_command: tuple[str, ...] = ()
    ask: Ask | None = field(default=None, repr=False, compare=False)
    opens_key: bool = field(default=True, repr=False, compare=False)
    held: SigningKey | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.issuer, "issuer")
        audiences = [target.audience for target in self.targets]
        for audience in audiences:
            if audiences.count(audience) > 1:
                raise ConfigurationError(f"two targets are {audience}; remove one")

    @property
    def state_path(self) -> Path:
        """Where the versions that were used are kept, beside the settings."""
        return self.path.with_name(self.path.stem + "-state.json")

    @property
    def receipts_path(self) -> Path:
        """The folder in which receipts are kept, beside the settings."""
        return self.path.with_name("receipts")

    def target(self, audience: str | None = None) -> Target:
        """Give the target of this audience, or the only one there is.

        Raises:
            ConfigurationError: there is none, or several and no audience was given.
        """
        known = [target.audience for target in self.targets]
        if audience is None and len(known) == 1:
            return self.targets[0]
        if audience in known:
            return self.targets[known.index(audience)]
        if not known:
            problem = 'no service is known here; add one: [targets."payments@prod"]'
        elif audience is None:
            problem = f"which service? say one of: {', '.join(known)}"
        else:
            near = did_you_mean(audience, known)
            problem = f"{shorten(audience)} is none of: {', '.join(known)}{near}"
        raise ConfigurationError(f"{self.path}: {problem}")

    def sealer(self, target: Target, state: SealerState, clock: Callable[[], int]) -> Sealer:
        """Load the keys and make the sealer for ``target``.

        Args:
            target: for whom; see `target`.
            state: which versions were used before.
            clock: gives wall-clock time in milliseconds.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: a key is of another owner or audience.
        """
        example, group = self.allow_example_keys, self.trust_group
        signing = self.load_signing_key(as_sshsig=target.sshsig)
        several = target.signatures is Signatures.SEVERAL
        layers = recommended.local_layers(signing, several=several)
        if target.gate is not None and target.encryption is not None:
            gate = load_mac_key(target.gate, allow_example_keys=example, trust_group=group)
            encryption = load_aead_key(
                target.encryption, allow_example_keys=example, trust_group=group
            )
            layers = recommended.network_layers(gate, encryption, signing, several=several)
        return Sealer(target.audience, layers, issuer=self.issuer, state=state, clock=clock)

    def load_signing_key(
        self, *, as_sshsig: bool = False
    ) -> SigningKey | SshSigner | AgentKey | LockedSigner:
        """Load the key that signs in the operator's name, or find it in the agent.

        Of one under a passphrase, that is asked for, unless ``opens_key`` is false.

        Args:
            as_sshsig: whether it is to sign SSHSIG if it is an ordinary key, too.

        Raises:
            KeyFileError: its file is missing, malformed, too open or an example, or its passphrase
                is wrong or not to be had; or there is no agent, or it has no such key.
            SealwireError: what ``ask`` raises.
        """
        if self.held is not None:
            return SshSigner.of(self.held) if as_sshsig else self.held
        self._check_there()
        return load_signer(
            self.signing_key,
            self.issuer,
            as_sshsig=as_sshsig,
            opens_key=self.opens_key,
            allow_example_keys=self.allow_example_keys,
            trust_group=self.trust_group,
            ask=self._ask,
        )

    def load_public_half(self) -> VerifyKey | SshVerifyKey:
        """Load the public half of the key that seals, and ask for no passphrase.

        Raises:
            KeyFileError: the file is missing, malformed, too open or an example; or there is no
                agent, or it has no such key.
        """
        return load_signer(
            self.signing_key,
            self.issuer,
            opens_key=False,
            allow_example_keys=self.allow_example_keys,
            trust_group=self.trust_group,
        ).verify_key

    def opened(self) -> OperatorSettings:
        """Give settings that hold the signing key, unless an agent does.

        For whoever makes many sealers of them: opening a key that is under a passphrase takes half
        a second and 256 MiB each time. They seal with it also after its file has been replaced.

        Raises:
            KeyFileError: as `load_signing_key`.
            SealwireError: what ``ask`` raises.
        """
        key = self.load_signing_key()
        return replace(self, held=key) if isinstance(key, SigningKey) else self

    @property
    def _ask(self) -> Ask | None:
        if self.ask is None and self.passphrase_command:
            return PassphraseCommand(self.passphrase_command)
        return self.ask

    def _check_there(self) -> None:
        """Check that the signing key's file is there, if it is in one."""
        place = self.signing_key
        if not isinstance(place, Path) or is_credential(place) or os.path.lexists(place):
            return
        name, folder, whole = (shlex.quote(str(each)) for each in (place.name, place.parent, place))
        raise KeyFileError(
            f"{place} is not there; if it was made elsewhere, move it beside {self.path.name}: mv "
            f"{name} {folder}/, or make one: sealwire keys new --owner {self.issuer} --out {whole}"
        )

    def load_receipt_key(self, target: Target) -> VerifyKey | None:
        """Load the key by which a target's receipts are verified; of several hosts the first's.

        Raises:
            KeyFileError: its file is missing, malformed, too open or an example.
        """
        first = target.receipt_keys[:1]
        return next((self._load_receipt_key(target, each) for each in first), None)

    def load_receipt_keys(self, target: Target) -> dict[Path, VerifyKey]:
        """Load the receipt keys of a target's hosts; give them by their files.

        Raises:
            KeyFileError: as `load_receipt_key`.
        """
        return {path: self._load_receipt_key(target, path) for path in target.receipt_keys}

    def load_next_receipt_keys(self, target: Target) -> tuple[VerifyKey, ...]:
        """Load the keys that a target's hosts go over to, if there are any: `next_receipt_key`.

        Raises:
            KeyFileError: a file is malformed or too open.
        """
        files = [each for each in target.receipt_keys if not is_credential(each)]
        coming = [path for path in map(next_receipt_key, files) if os.path.lexists(path)]
        return tuple(map(load_verify_key, coming))

    def _load_receipt_key(self, target: Target, path: Path) -> VerifyKey:
        if not is_credential(path) and not os.path.lexists(path):
            raise KeyFileError(
                f"{path} is not there; get receipt.key.pub from the service's host, "
                f"then: sealwire trust {target.audience} --key receipt.key.pub, or take "
                f"receipt_key out of {self.path.name}, and answers are unverified"
            )
        return load_verify_key(path, allow_example_keys=self.allow_example_keys)


def next_receipt_key(receipt_key: Path) -> Path:
    """Say where the key lies that takes a receipt key's place: ``HOST-next.pub`` beside it."""
    return receipt_key.with_name(f"{receipt_key.stem}-next{receipt_key.suffix}")
