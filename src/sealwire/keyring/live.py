"""The keyring in force at one service, and what its layers and checks find there.

Rules this module keeps:

1. Replacing the keyring rotates the keys of a running chain: it needs no new chain, and forgets no
   nonce.
2. A key that was never there, is compromised or destroyed, or is another audience's is not found:
   who holds it is answered as a stranger is. One that is suspended or has left service is found, so
   that its owner is told why it is refused, and so that what it signed before can be opened again.
3. A key that is not in service yet opens reads alone: that is how it is rehearsed.
4. A keyring that has expired refuses what changes something; going back, reading, and the next
   keyring are never refused for that.
5. New requests are judged by the state at the time, or when the keyring was issued if that is
   later: who sets a host's clock back does not bring back a key that has left service. What was
   accepted and kept is opened again by the state at its own time.
6. Pure data: no clock, no files. `sealwire.keyring.KeysInForce` is the check that a chain needs
   beside these sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Generic, NamedTuple, TypeVar

from sealwire import cosesign
from sealwire.algebra import Guarantee
from sealwire.durations import in_words
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.keyring.document import read_keyring
from sealwire.keyring.model import REQUEST_ROLES, Role, State
from sealwire.keyring.signed import (
    check_issued,
    check_written_by,
    claims_of,
    looks_like_list,
    read_list,
    succeed_all,
    verify_again,
)
from sealwire.keys import AeadKey, Key, MacKey, VerifyKey
from sealwire.requests import Request, Verb
from sealwire.stages import Digest, Stream, digest_of, everybody
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.keyring.model import Keyring, RingKey
    from sealwire.keyring.signed import SignedKeyring
    from sealwire.stages import Claims, Context, Evidence, KeyId, Message

K = TypeVar("K", bound=Key)

_FOUND: Final = frozenset({State.PRE_ACTIVATION, State.ACTIVE, State.SUSPENDED, State.DEACTIVATED})

_READS: Final = frozenset({Verb.STATUS, Verb.PLAN})
_LEASES: Final = frozenset({Verb.LEASE, Verb.REVERT, *_READS})
_WHEN_EXPIRED: Final = frozenset({Verb.STATUS, Verb.PLAN, Verb.REVERT, Verb.KEYRING})


class _Followed(NamedTuple):
    """A keyring that was followed: its version, its object, and the root keys that can sign it."""

    version: int
    sealed: bytes
    roots: tuple[RingKey, ...]


class LiveKeyring:
    """What one service trusts now."""

    def __init__(
        self,
        audience: str,
        first: SignedKeyring,
        secrets: Iterable[MacKey | AeadKey] = (),
    ) -> None:
        """Begin with a keyring that is trusted.

        Args:
            audience: the service this is.
            first: the keyring in force.
            secrets: the bytes of secret keys that are at hand; what the keyring does not name, or
                has for another audience, is not used.
        """
        self.audience = audience
        self._current = first
        self._followed: tuple[bytes, ...] = ()
        self._known: dict[Digest, _Followed] = {}
        self._know(first, ())
        self._secrets: dict[bytes, MacKey | AeadKey] = {}
        self._found: dict[bytes, RingKey] = {}
        self._verify_keys: dict[bytes, VerifyKey] = {}
        self.hold(secrets)
        self.signers: Source[VerifyKey] = Source(self, REQUEST_ROLES, self._verify_key)
        self.gates: Source[MacKey] = Source(self, {Role.GATE}, self._mac_key)
        self.encryption: Source[AeadKey] = Source(self, {Role.ENCRYPT}, self._aead_key)
        self._look_up()

    @property
    def current(self) -> SignedKeyring:
        """The keyring in force."""
        return self._current

    @property
    def keyring(self) -> Keyring:
        """What the keyring in force says."""
        return self._current.keyring

    @property
    def followed(self) -> tuple[bytes, ...]:
        """Every signed keyring that was followed since this object was made, in order."""
        return self._followed

    @property
    def held(self) -> tuple[MacKey | AeadKey, ...]:
        """The secret keys at hand that the keyring names."""
        return tuple(key for key in self._secrets.values() if key.id in self._found)

    def hold(self, secrets: Iterable[MacKey | AeadKey]) -> None:
        """Replace the secret keys at hand.

        Raises:
            ConfigurationError: two have one id.
        """
        held: dict[bytes, MacKey | AeadKey] = {}
        for key in secrets:
            if held.setdefault(key.id, key) != key:
                raise ConfigurationError(f"two keys have the id {key.fingerprint}; remove one")
        self._secrets = held

    def replace(self, followed: Iterable[SignedKeyring]) -> None:
        """Put the last of keyrings that follow each other, and were verified, in force."""
        for each in followed:
            self._followed = (*self._followed, each.sealed)
            self._know(each, self.keyring.roots())
            self._current = each
        self._look_up()

    def is_known(self, sealed: bytes) -> bool:
        """Whether this is the text of a keyring that was followed, whoever has signed it since.

        Raises:
            MalformedError: it is no signed keyring.
        """
        return digest_of(cosesign.split(sealed).payload) in self._known

    def peek(self, sealed: bytes, beside: Iterable[RingKey] = ()) -> Keyring:
        """Read a keyring whose first signature is by a root key that has been in force here.

        Nothing else is verified: it may be an older one, or follow, or do neither.

        Args:
            sealed: the COSE_Sign object.
            beside: root keys of what has been verified, and is not in force yet.

        Raises:
            MalformedError: it is no signed keyring.
            VerificationError: the signature is wrong, or by nobody who was ever trusted.
        """
        apart = cosesign.split(sealed)
        roots = (root for followed in self._known.values() for root in followed.roots)
        check_written_by(apart, self.keyring.name, (*roots, *beside))
        return read_keyring(apart.payload)

    def _know(self, signed: SignedKeyring, before: tuple[RingKey, ...]) -> None:
        keyring = signed.keyring
        roots = (*before, *keyring.roots())
        self._known[signed.digest] = _Followed(keyring.version, signed.sealed, roots)

    def _look_up(self) -> None:
        found: dict[bytes, RingKey] = {}
        for key in self.keyring.keys:
            if key.state in _FOUND and key.serves(self.audience) and key.role is not Role.ROOT:
                found[key.id] = key
        # The tables are exchanged as a whole: a message that is being opened has the old ones.
        signing = [key for key in found.values() if key.role in REQUEST_ROLES]
        self._verify_keys = {key.id: key.verify_key() for key in signing}
        self._found = found

    def _verify_key(self, key_id: bytes) -> VerifyKey | None:
        return self._verify_keys.get(key_id)

    def _mac_key(self, key_id: bytes) -> MacKey | None:
        held = self._secrets.get(key_id)
        return held if isinstance(held, MacKey) else None

    def _aead_key(self, key_id: bytes) -> AeadKey | None:
        held = self._secrets.get(key_id)
        return held if isinstance(held, AeadKey) else None

    def find(self, key_id: bytes) -> RingKey | None:
        """Give the key of this id, if messages for this service may be opened with it."""
        return self._found.get(key_id)

    def usable(self) -> tuple[RingKey, ...]:
        """Give every key that `find` would give."""
        return tuple(self._found.values())

    # ---- what requests are judged by -----------------------------------------------------------

    def judge(self, request: Request, now_ms: int) -> None:
        """Judge whether the keys of a request allow what it asks for.

        Raises:
            RefusedError: with ``KEY_ROLE``, ``KEY_NOT_IN_FORCE`` or ``KEYRING_EXPIRED``.
        """
        verb = request.verb
        now = max(now_ms // 1000, self.keyring.issued)
        # Going back is no change that somebody has to be trusted with for longer.
        if now_ms // 1000 > self.keyring.expires and verb not in _WHEN_EXPIRED:
            ago = in_words(now_ms - self.keyring.expires * 1000)
            raise RefusedError(
                Reason.KEYRING_EXPIRED,
                Stage.POLICY,
                f"the keyring {self.keyring.name} {self.keyring.version} expired {ago} ago",
            )
        for shown in everybody(request.opened.evidence):
            _, state = self._state_of(shown, now)
            if not _serves(state, reads=verb in _READS):
                raise self._not_in_force(RefusedError, Stage.POLICY, shown, state)
        self.judge_roles(request)

    def judge_roles(self, request: Request) -> None:
        """Judge whether the roles of a request's keys allow it, whatever their states.

        That is for what was accepted and kept, whose keys may have left service since.

        Raises:
            RefusedError: with ``KEY_ROLE``.
        """
        verb, stream = request.verb, request.opened.claims.stream
        for shown in everybody(request.opened.evidence):
            key = self.keyring.named(shown.thumbprint)
            leases_only = key is not None and key.role is Role.LEASE
            if leases_only and (verb not in _LEASES or stream is Stream.BASE):
                raise RefusedError(
                    Reason.KEY_ROLE,
                    Stage.POLICY,
                    f"key {shown.thumbprint[:8].hex()} of {shown.owner} has the role lease, and "
                    f"{verb.value} in stream {stream.value} needs the role config",
                )

    def check_in_force(self, evidence: Iterable[Evidence], now: int, *, reads: bool) -> None:
        """Check that keys which a message shows are in service.

        Args:
            evidence: what it shows.
            now: the time by which it is judged, seconds since the epoch.
            reads: whether it changes nothing.

        Raises:
            VerificationError: one is not, with its state.
        """
        for shown in everybody(evidence):
            _, state = self._state_of(shown, now)
            if not _serves(state, reads=reads):
                raise self._not_in_force(VerificationError, Stage.CHECK, shown, state)

    def _state_of(self, shown: Evidence, now: int) -> tuple[RingKey | None, State]:
        key = self.keyring.named(shown.thumbprint)
        return key, State.DESTROYED if key is None else key.state_at(now)

    def _not_in_force(
        self, error: type[RefusedError], stage: Stage, shown: Evidence, state: State
    ) -> RefusedError:
        return error(
            Reason.KEY_NOT_IN_FORCE,
            stage,
            f"key {shown.thumbprint[:8].hex()} of {shown.owner} is {state.value} in the keyring "
            f"{self.keyring.name} {self.keyring.version}",
        )

    # ---- keyrings that come as messages --------------------------------------------------------

    def looks_like_list(self, data: bytes) -> bool:
        """Whether ``data`` is a list of keyrings and no request."""
        return looks_like_list(data)

    def open(self, data: bytes, now_ms: int) -> tuple[Claims, tuple[Evidence, ...]]:
        """Verify a list of keyrings; give claims that name it as those of a request do.

        Nothing is changed: `follow` does that. A list whose last keyring is in force is the same
        again; keyrings that were followed before may stand in front.

        Raises:
            RefusedError: it does not follow the keyring in force, or is from ahead of ``now_ms``.
        """
        followed = self.follow(data)
        last = followed[-1] if followed else self._current
        if followed:
            check_issued(last.keyring, now_ms)
        return claims_of(last.keyring, data, self.audience), last.evidence

    def claims(self, data: bytes) -> Claims:
        """Give claims for a refused list: those of the keyring in force, and its own id."""
        return claims_of(self.keyring, data, self.audience)

    def standing(self, data: bytes) -> Standing:
        """Say whether a list that opened is new."""
        return Standing.NEW if self._unknown(read_list(data)) else Standing.SAME

    def follow(self, data: bytes) -> tuple[SignedKeyring, ...]:
        """Verify a list of keyrings; give those that follow the one in force.

        Raises:
            RefusedError: it does not follow the keyring in force.
        """
        return succeed_all(self._current, self._unknown(read_list(data)))

    def _unknown(self, listed: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Give what stands in a list behind the keyrings that were followed before.

        Others of the same versions, which a root key has forked, are passed over where one follows
        behind them: the roots have signed that for whoever has either.

        Raises:
            RefusedError: these are not in order, do not reach the one in force, or one has a
                signature that is wrong.
        """
        version = passed = 0
        for sealed in listed:
            known = self._known.get(digest_of(cosesign.split(sealed).payload))
            if known is None:
                break
            passed += 1
            if version and known.version != version + 1:
                raise self._older(f"version {known.version} stands behind {version}")
            version = known.version
            if sealed != known.sealed:
                verify_again(sealed, self.keyring.name, known.roots)
        if version == self.keyring.version:
            return listed[passed:]
        unknown = listed[passed:]
        while unknown and (found := self.peek(unknown[0]).version) <= self.keyring.version:
            if version and found != version + 1:
                raise self._older(f"version {found} stands behind {version}")
            version, unknown = found, unknown[1:]
            if not unknown:
                following = self.keyring.version + 1
                raise self._older(f"this is another {version}; {following} is the next")
        if version and version != self.keyring.version:
            raise self._older(f"what is known of these ends with {version}")
        return unknown

    def _older(self, what: str) -> VerificationError:
        detail = f"version {self.keyring.version} is in force, and {what}"
        return VerificationError(Reason.KEYRING_OUT_OF_ORDER, Stage.ADMISSION, detail)


def _serves(state: State, *, reads: bool) -> bool:
    return state is State.ACTIVE or (reads and state is State.PRE_ACTIVATION)


class Source(Generic[K]):
    """The keys of some roles, as a layer looks for them (a `sealwire.keysource.KeySource`)."""

    def __init__(
        self, live: LiveKeyring, roles: Iterable[Role], get: Callable[[bytes], K | None]
    ) -> None:
        """Give what ``get`` has, where the keyring names it with one of ``roles``."""
        self._live, self._roles, self._get = live, frozenset(roles), get

    def find(self, key_id: bytes) -> K | None:
        """Give the key of this id, or ``None``."""
        named = self._live.find(key_id)
        if named is None or named.role not in self._roles:
            return None
        key = self._get(key_id)
        # The file says whose a secret is; the keyring decides whether that is so.
        same = key is not None and (key.thumbprint, key.owner) == (
            named.thumbprint,
            named.owner.id,
        )
        return key if same else None

    def ids(self) -> frozenset[KeyId]:
        """Give the ids of all keys."""
        ids = (key.id for key in self._live.usable() if key.role in self._roles)
        return frozenset(each for each in ids if self.find(each) is not None)


class KeysInForce:
    """Refuses messages of keys that are not in service at the time (rules 2 and 3)."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC})
    provides: ClassVar[frozenset[Guarantee]] = frozenset()

    def __init__(self, live: LiveKeyring) -> None:
        """Ask ``live`` for states."""
        self._live = live

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message unchanged.

        Raises:
            VerificationError: a key of it is not in force, with its state.
        """
        reads = message.claims is not None and message.claims.stream is Stream.READ
        self._live.check_in_force(message.evidence, context.now_ms // 1000, reads=reads)
        return message
