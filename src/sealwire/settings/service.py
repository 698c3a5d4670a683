"""What a service has settled, as a value, and what is made of it; `operator` is the other side.

Rules this module keeps:

1. Settings name key files and hold no keys. Having settings opens no key file; making a chain or a
   sealer of them does.
2. What can be checked without opening a file is checked when the value is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire import recommended
from sealwire.adopting import OnNewSetup
from sealwire.chain import Chain
from sealwire.checks.freshness import STANDING_S, lifetimes
from sealwire.errors import ConfigurationError
from sealwire.inforce import check_instance
from sealwire.keyfiles import (
    load_aead_key,
    load_mac_key,
    load_signing_key,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, check_name
from sealwire.policy import Policy, Rule
from sealwire.recommended import Recommended, Signatures
from sealwire.recording import Trail
from sealwire.settings.allow import NOTHING_SAID, PolicySettings
from sealwire.settings.keyring import KeyringSettings
from sealwire.settings.kinds import check_fit
from sealwire.settings.trail import TrailSettings
from sealwire.settings.trusting import Trusted, load_trusted
from sealwire.transports.addresses import parse_address

if TYPE_CHECKING:
    from sealwire.keyringfiles import KeyringFiles


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
            check_fit(self.kind, "keys.gate", "keys.encryption", self.gate, self.encryption)
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
