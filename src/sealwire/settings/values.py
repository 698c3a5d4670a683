"""What a service and an operator have settled, as values, and what is made of them.

Rules this module keeps:

1. Settings name key files and hold no keys. Having settings opens no key file; making a chain or a
   sealer of them does.
2. What can be checked without opening a file is checked when the value is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from sealwire import recommended
from sealwire.chain import Chain
from sealwire.documents.reading import did_you_mean
from sealwire.errors import ConfigurationError, shorten
from sealwire.keyfiles import load_aead_key, load_mac_key, load_signing_key, load_verify_key
from sealwire.keys import AeadKey, MacKey, check_name
from sealwire.policy import HANDLER_ARGUMENTS, Destination, Rule, default_rules
from sealwire.policy.counts import MAX_HANDLERS, MAX_LOGGERS
from sealwire.policy.defaults import STANDARD_DESTINATIONS, STANDARD_EXTERNALS
from sealwire.recommended import Recommended
from sealwire.sealer import Sealer, SealerState
from sealwire.transports.addresses import parse_address


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What a configuration may contain; `default_rules` says what each of these means."""

    directories: tuple[str, ...] = ()
    handler_classes: tuple[str, ...] = tuple(HANDLER_ARGUMENTS)
    formatter_classes: tuple[str, ...] = ()
    externals: tuple[str, ...] = STANDARD_EXTERNALS
    destinations: tuple[Destination, ...] = STANDARD_DESTINATIONS
    extra_fields: tuple[str, ...] = ()
    max_handlers: int = MAX_HANDLERS
    max_loggers: int = MAX_LOGGERS


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
        allow_example_keys: whether the published example keys are taken.
        allow_uids: who may connect; ``None`` is the listener's default.
        group: whose members may connect too.
        beyond_loopback: whether other machines may reach a TCP address.
        skew_s: how far ahead a sealer's clock may be, seconds; ``None`` is the listener's default.
        policy: what a configuration may contain.

    Raises:
        ConfigurationError: names or address are none, or the keys do not fit the chain.
    """

    path: Path
    audience: str
    address: str
    kind: Recommended
    trusted: tuple[Path, ...]
    gate: tuple[Path, ...] = ()
    encryption: tuple[Path, ...] = ()
    allow_example_keys: bool = False
    allow_uids: tuple[int, ...] | None = None
    group: str | None = None
    beyond_loopback: bool = False
    skew_s: int | None = None
    policy: PolicySettings = PolicySettings()

    def __post_init__(self) -> None:
        """Check what can be checked without opening a key file."""
        check_name(self.audience, "audience")
        parse_address(self.address)
        _check_fit(self.kind, "keys.gate", "keys.encryption", self.gate, self.encryption)
        if not self.trusted:
            raise ConfigurationError(
                "keys.trusted is empty, so nobody could change anything; name public key files: "
                'trusted = ["alice.pub"]'
            )

    def chain(self) -> Chain:
        """Load the keys and make the chain.

        Raises:
            KeyFileError: a key file is missing, malformed, too open or an example.
            ConfigurationError: two keys have one id, or a key is another audience's.
        """
        example = self.allow_example_keys
        trusted = [load_verify_key(path, allow_example_keys=example) for path in self.trusted]
        if self.kind is Recommended.LOCAL:
            return recommended.local(self.audience, trusted)
        gate = [load_mac_key(path, allow_example_keys=example) for path in self.gate]
        encryption = [load_aead_key(path, allow_example_keys=example) for path in self.encryption]
        held: tuple[MacKey | AeadKey, ...] = (*gate, *encryption)
        for key in held:
            if key.audience != self.audience:
                raise ConfigurationError(
                    f"{self.path}: {key!r} is for {key.audience}, and this service is "
                    f"{self.audience}; make a key of its own for each audience"
                )
        return recommended.network(self.audience, gate=gate, encryption=encryption, trusted=trusted)

    def rules(self) -> tuple[Rule, ...]:
        """Resolve the directories and make the rules.

        Raises:
            ConfigurationError: a directory is not there or cannot be allowed.
        """
        policy = {each.name: getattr(self.policy, each.name) for each in fields(self.policy)}
        policy["directories"] = [self._resolved(each) for each in self.policy.directories]
        return default_rules(**policy)

    def _resolved(self, directory: str) -> str:
        try:
            resolved = Path(directory).resolve()
        except (OSError, RuntimeError):
            resolved = None
        if resolved is None or not resolved.is_dir():
            raise ConfigurationError(
                f"{self.path}: policy.directories: {directory} is not a directory; make it, or "
                "remove it from the list"
            )
        return str(resolved)


@dataclass(frozen=True, slots=True)
class Target:
    """A service that an operator seals for.

    Attributes:
        audience: the service.
        address: where it listens.
        kind: which recommended chain it has.
        gate: the MAC key file, for ``network`` alone.
        encryption: the AES key file, for ``network`` alone.

    Raises:
        ConfigurationError: name or address are none, or the keys do not fit the chain.
    """

    audience: str
    address: str
    kind: Recommended
    gate: Path | None = None
    encryption: Path | None = None

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
        signing_key: the key file.
        targets: the services, each audience once.
        allow_example_keys: whether the published example keys are taken.

    Raises:
        ConfigurationError: ``issuer`` is not a name, or two targets have one audience.
    """

    path: Path
    issuer: str
    signing_key: Path
    targets: tuple[Target, ...] = ()
    allow_example_keys: bool = False

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
        example = self.allow_example_keys
        signing = load_signing_key(self.signing_key, allow_example_keys=example)
        layers = recommended.local_layers(signing)
        if target.gate is not None and target.encryption is not None:
            gate = load_mac_key(target.gate, allow_example_keys=example)
            encryption = load_aead_key(target.encryption, allow_example_keys=example)
            layers = recommended.network_layers(gate, encryption, signing)
        return Sealer(target.audience, layers, issuer=self.issuer, state=state, clock=clock)


def _check_fit(kind: Recommended, gate_name: str, encryption_name: str, *keys: object) -> None:
    wanted = kind is Recommended.NETWORK
    for name, given in zip((gate_name, encryption_name), keys, strict=True):
        if wanted and not given:
            raise ConfigurationError(
                f'chain "network" needs {name}; make a key with: sealwire keys new'
            )
        if given and not wanted:
            raise ConfigurationError(
                f'chain "local" has no use for {name}; remove it, or write chain = "network"'
            )
