"""What a service and an operator have settled, as values, and what is made of them.

Rules this module keeps:

1. Settings name key files and hold no keys. Having settings opens no key file; making a chain or a
   sealer of them does.
2. What can be checked without opening a file is checked when the value is made.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire import recommended
from sealwire.adopting import OnNewSetup
from sealwire.chain import Chain
from sealwire.checks.freshness import STANDING_S, lifetimes
from sealwire.documents.reading import did_you_mean
from sealwire.errors import ConfigurationError, KeyFileError, shorten
from sealwire.inforce import check_instance
from sealwire.keyfiles import (
    Ask,
    LockedSigner,
    PassphraseCommand,
    is_credential,
    load_aead_key,
    load_mac_key,
    load_signing_key,
    load_verify_key,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey, check_name
from sealwire.policy import Policy, Rule
from sealwire.recommended import Recommended, Signatures
from sealwire.recording import Trail
from sealwire.sealer import Sealer, SealerState
from sealwire.settings.allow import NOTHING_SAID, PolicySettings
from sealwire.settings.keyring import KeyringSettings
from sealwire.settings.signing import SigningPlace, load_signer
from sealwire.settings.trail import TrailSettings
from sealwire.settings.trusting import Trusted, load_trusted
from sealwire.sshkeys import SshSigner
from sealwire.transports.addresses import parse_address

if TYPE_CHECKING:
    from sealwire.agent import AgentKey
    from sealwire.keyringfiles import KeyringFiles
    from sealwire.sshkeys import SshVerifyKey


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """A service's part: who it is, where it listens, whom it trusts, what it allows.

    Attributes:
        path: the file, absolute.
        audience: the service, such as ``payments@prod``.
        address: where it listens, such as ``unix:/run/payments/log.sock``.
        kind: which recommended chain.
        trusted: public key files of everybody who may change the logging.
        gate: MAC key files, for ``network`` alone.
        encryption: AES key files, for ``network`` alone.
        receipt_key: the host's signing key file, for receipts; ``None`` answers unsigned.
        challenge: whether requests have to carry what was drawn at the start; ``None`` is the
            listener's default.
        allow_example_keys: whether the published example keys are taken.
        trust_group: whether secrets of root's that a group of ours may read are taken.
        standing_s: how long a configuration may stand between sealing and delivery, seconds;
            ``None`` is seven days.
        allow_uids: who may connect; ``None`` is the listener's default.
        group: whose members may connect too.
        beyond_loopback: whether other machines may reach a TCP address.
        skew_s: how far ahead a sealer's clock may be, seconds; ``None`` is the listener's default.
        state: the directory for what is to outlive the process; ``None`` forgets it.
        on_new_setup: what becomes of a configuration if the application has set itself up
            differently since.
        workers: whether several processes listen with these settings, and one of them serves.
        instance: what the names of this host's processes begin with; ``None`` is the host's name.
        policy: what a configuration may contain, where no file of its own says it.
        policy_file: the policy's own file.
        policy_sources: where each rule's key stands in this file.
        trail: where what happens is recorded; ``None`` is nowhere.
        keyring: where the keyring lies that settles the keys, in the place of lists of them.
        allowed_signers: OpenSSH's file of who may change the logging and signs as SSHSIG.
        revoked_keys: a list of public keys that are not taken, wherever they are named.
        signatures: how many a message carries; several where the policy has a threshold above 1.

    Raises:
        ConfigurationError: names or address are none, the keys do not fit the chain, or keys or
            policy stand in two places.
    """

    path: Path
    audience: str
    address: str
    kind: Recommended
    trusted: tuple[Path, ...] = ()
    gate: tuple[Path, ...] = ()
    encryption: tuple[Path, ...] = ()
    receipt_key: Path | None = None
    challenge: bool | None = None
    allow_example_keys: bool = False
    trust_group: bool = False
    standing_s: int | None = None
    allow_uids: tuple[int, ...] | None = None
    group: str | None = None
    beyond_loopback: bool = False
    skew_s: int | None = None
    state: Path | None = None
    on_new_setup: OnNewSetup = OnNewSetup.APPLICATION
    workers: bool = False
    instance: str | None = None
    policy: PolicySettings = NOTHING_SAID
    policy_file: Path | None = None
    policy_sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    trail: TrailSettings | None = None
    keyring: KeyringSettings | None = None
    allowed_signers: Path | None = None
    revoked_keys: Path | None = None
    signatures: Signatures = Signatures.ONE

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        parse_address(self.address)
        if self.instance is not None:
            check_instance(self.instance)
        if self.standing_s is not None:
            lifetimes(self.standing_s)
        if self.keyring is None:
            _check_fit(self.kind, "keys.gate", "keys.encryption", self.gate, self.encryption)
        elif any(
            (self.trusted, self.gate, self.encryption, self.allowed_signers, self.revoked_keys)
        ):
            raise ConfigurationError(
                "[keyring] settles whose keys are trusted, and [keys] lists some as well; remove "
                "the table [keys]"
            )
        elif self.kind is Recommended.NETWORK and self.keyring.secrets is None:
            raise ConfigurationError(
                'chain "network" needs keyring.secrets, the folder with the files of its keys; '
                'write: secrets = "secrets"'
            )
        if self.workers and self.state is None:
            raise ConfigurationError(
                "workers is true, and there is no state, which all of them follow; name a "
                'directory that sealwire state init made: state = "state"'
            )
        if self.challenge and self.receipt_key is None:
            raise ConfigurationError(
                "challenge is true, and there is no receipt_key, whose receipts hand it out; name "
                'one: receipt_key = "receipt.key"'
            )
        if self.policy_file is not None and self.policy != NOTHING_SAID:
            raise ConfigurationError(
                "policy.file names a file, and [policy] has lists as well; move these to that "
                "file's [allow]"
            )
        if not self.trusted and self.allowed_signers is None and self.keyring is None:
            raise ConfigurationError(
                "keys.trusted is empty, so nobody could change anything; name public key files: "
                'trusted = ["alice.pub"]'
            )

    def keyring_files(self) -> KeyringFiles | None:
        """Say where the keyring lies; ``None`` where keys are listed. Nothing is opened."""
        if self.keyring is None:
            return None
        # Late, because a service whose settings list keys does not need it.
        from sealwire.keyringfiles import KEPT_NAME, KeyringFiles

        return KeyringFiles(
            self.audience,
            pinned=self.keyring.pinned,
            file=self.keyring.file,
            secrets=self.keyring.secrets,
            kept=None if self.state is None else self.state / KEPT_NAME,
            receipt_key=self.receipt_key,
            allow_example_keys=self.allow_example_keys,
            trust_group=self.trust_group,
        )

    def chain(self, keyring: KeyringFiles | None = None) -> Chain:
        """Load the keys and make the chain.

        Args:
            keyring: where the keyring lies, as `keyring_files` says, for whoever follows it.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: two keys have one id, a key is another audience's, all are revoked,
                or the chain cannot have both kinds of signature.
        """
        files = keyring or self.keyring_files()
        if files is not None:
            from sealwire.keyring import keyring_chain

            return keyring_chain(
                files.open(),
                self.kind,
                standing_s=self._standing_s,
                several=self.signatures is Signatures.SEVERAL,
            )
        example = self.allow_example_keys
        trusted = self.load_trusted()
        if not trusted.keys:
            raise ConfigurationError(
                f"{self.path}: of the keys that are trusted none is left: all of them are revoked, "
                "or for other namespaces; trust another one"
            )
        several = self.signatures is Signatures.SEVERAL
        if self.kind is Recommended.LOCAL:
            return recommended.local(
                self.audience,
                trusted.plain,
                sshsig=trusted.sshsig,
                standing_s=self._standing_s,
                several=several,
            )
        group = self.trust_group
        gate = [
            load_mac_key(path, allow_example_keys=example, trust_group=group) for path in self.gate
        ]
        encryption = [
            load_aead_key(path, allow_example_keys=example, trust_group=group)
            for path in self.encryption
        ]
        held: tuple[MacKey | AeadKey, ...] = (*gate, *encryption)
        for key in held:
            if key.audience != self.audience:
                raise ConfigurationError(
                    f"{self.path}: {key!r} is for {key.audience}, and this service is "
                    f"{self.audience}; make a key of its own for each audience"
                )
        return recommended.network(
            self.audience,
            gate=gate,
            encryption=encryption,
            trusted=trusted.plain,
            sshsig=trusted.sshsig,
            standing_s=self._standing_s,
            several=several,
        )

    def load_trusted(self) -> Trusted:
        """Load the public keys of everybody who may change the logging.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: a line of ``allowed_signers`` or ``revoked_keys`` is not understood.
        """
        return load_trusted(
            self.trusted,
            self.allowed_signers,
            self.revoked_keys,
            allow_example_keys=self.allow_example_keys,
        )

    def load_receipt_key(self) -> SigningKey | None:
        """Load the key that signs receipts, if one is named.

        Raises:
            KeyFileError: its file is missing, malformed, too open or an example.
        """
        if self.receipt_key is None:
            return None
        return load_signing_key(
            self.receipt_key,
            allow_example_keys=self.allow_example_keys,
            trust_group=self.trust_group,
        )

    @property
    def _standing_s(self) -> int:
        return STANDING_S if self.standing_s is None else self.standing_s

    def make_policy(self) -> Policy:
        """Read the policy's own file if there is one, resolve the directories, make the policy.

        Raises:
            ConfigurationError: the file cannot be read or is no policy, or a directory is not
                there or cannot be allowed.
        """
        if self.policy_file is not None:
            # Late, because that file is read with what this module defines.
            from sealwire.settings.policy_file import load_policy_file

            return load_policy_file(self.policy_file).make_policy()
        return Policy(self.policy.rules(self.path, "policy"), sources=self.policy_sources)

    def make_trail(self) -> Trail | None:
        """Load the key that signs the trail's checkpoints; give what the trail is to be.

        Raises:
            KeyFileError: the key file is missing, malformed, too open or an example.
        """
        if self.trail is None:
            return None
        return self.trail.make(
            allow_example_keys=self.allow_example_keys, trust_group=self.trust_group
        )

    def rules(self) -> tuple[Rule, ...]:
        """Give the rules of `make_policy`, which are not all of a policy.

        Raises:
            ConfigurationError: as `make_policy`.
        """
        return self.make_policy().rules


@dataclass(frozen=True, slots=True)
class Target:
    """A service that an operator seals for.

    Attributes:
        audience: the service.
        address: where it listens.
        kind: which recommended chain it has.
        gate: the MAC key file, for ``network`` alone.
        encryption: the AES key file, for ``network`` alone.
        receipt_key: the public half of the host's receipt key; ``None`` where it is not known, and
            what the service answers cannot be verified.
        sshsig: whether the service takes ordinary keys as SSHSIG, too, because they stand in its
            ``allowed_signers``.
        signatures: how many its messages carry, as in its own settings.

    Raises:
        ConfigurationError: name or address are none, or the keys do not fit the chain.
    """

    audience: str
    address: str
    kind: Recommended
    gate: Path | None = None
    encryption: Path | None = None
    receipt_key: Path | None = None
    sshsig: bool = False
    signatures: Signatures = Signatures.ONE

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        parse_address(self.address)
        _check_fit(self.kind, "gate", "encryption", self.gate, self.encryption)


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
        """Load the key by which a target's receipts are verified, if it is known.

        Raises:
            KeyFileError: its file is missing, malformed, too open or an example.
        """
        if target.receipt_key is None:
            return None
        if not is_credential(target.receipt_key) and not os.path.lexists(target.receipt_key):
            raise KeyFileError(
                f"{target.receipt_key} is not there; get receipt.key.pub from the service's host, "
                f"then: sealwire trust {target.audience} --key receipt.key.pub, or take "
                f"receipt_key out of {self.path.name}, and answers are unverified"
            )
        return load_verify_key(target.receipt_key, allow_example_keys=self.allow_example_keys)

    def load_next_receipt_key(self, target: Target) -> VerifyKey | None:
        """Load the key that a target's host goes over to, if there is one: `next_receipt_key`.

        Raises:
            KeyFileError: its file is malformed or too open.
        """
        if target.receipt_key is None or is_credential(target.receipt_key):
            return None
        path = next_receipt_key(target.receipt_key)
        return load_verify_key(path) if os.path.lexists(path) else None


def next_receipt_key(receipt_key: Path) -> Path:
    """Say where the key lies that takes a receipt key's place: ``HOST-next.pub`` beside it."""
    return receipt_key.with_name(f"{receipt_key.stem}-next{receipt_key.suffix}")


def _check_fit(kind: Recommended, gate_name: str, encryption_name: str, *keys: object) -> None:
    wanted = kind is Recommended.NETWORK
    for name, given in zip((gate_name, encryption_name), keys, strict=True):
        if wanted and not given:
            raise ConfigurationError(
                f'chain "network" needs {name}; make a key with: sealwire keys new --owner NAME'
            )
        if given and not wanted:
            raise ConfigurationError(
                f'chain "local" has no use for {name}; remove it, or write chain = "network"'
            )
