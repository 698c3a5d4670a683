"""Signing with the keys that an ssh-agent holds: no key file, and a touch where the key is FIDO's.

Rules this module keeps:

1. An agent is asked for two things: which keys it has, and to sign with one of them
   (draft-ietf-sshm-ssh-agent, sections 3.5 and 3.6).
2. What an agent says is bounded and read strictly, and each exchange has a deadline. A signature
   is verified before it is used, so that an agent that signs with another key is found out here.
3. A key is named by the fingerprint that ``ssh-add -l`` prints, or by its comment, and the name
   must mean exactly one key.
4. An ordinary Ed25519 key signs the same bytes as a key in a file. A FIDO key signs SSHSIG, because
   that is what OpenSSH signs with it; and any key does if SSHSIG is asked for.

Not guaranteed: that somebody agreed. Whoever reaches the agent's socket can have it sign; a FIDO
key wants a touch for each signature, and ``ssh-add -c`` asks before each use of an ordinary one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.errors import KeyFileError, MalformedError, Reason, SealError, Stage, shorten
from sealwire.keys import VerifyKey
from sealwire.sshkeys import SshSigner, SshVerifyKey
from sealwire.sshwire import PublicKey, Reader, Signature, string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SOCKET_VARIABLE: Final = "SSH_AUTH_SOCK"

MAX_ANSWER_BYTES: Final = 256 * 1024
"""OpenSSH's agent and its clients have the same limit."""

MAX_KEYS: Final = 2048
"""As many as OpenSSH's clients read."""

ASKING_S: Final = 10.0
"""How long an agent may take to list its keys. It asks nobody for that."""

SIGNING_S: Final = 60.0
"""How long it may take to sign: somebody has to touch a key, or to agree in a window."""

FINGERPRINT_PREFIX: Final = "SHA256:"

_FAILURE: Final = 5
_REQUEST_IDENTITIES: Final = 11
_IDENTITIES_ANSWER: Final = 12
_SIGN_REQUEST: Final = 13
_SIGN_RESPONSE: Final = 14

_NO_FLAGS: Final = bytes(4)

_LOOK: Final = "look at what answers there: ssh-add -l"


class Identity(NamedTuple):
    """A key that an agent holds and that can sign requests.

    Attributes:
        public_key: the key.
        comment: what its owner calls it.
    """

    public_key: PublicKey
    comment: str

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is its fingerprint, or its comment."""
        return name in {self.public_key.fingerprint, self.comment}


class Agent:
    """An ssh-agent, by the path of its socket. Each exchange is a connection of its own."""

    def __init__(
        self, path: str, *, asking_s: float = ASKING_S, signing_s: float = SIGNING_S
    ) -> None:
        """Ask the agent at ``path``; nothing is opened yet.

        Args:
            path: its socket.
            asking_s: how long it may take to list its keys, seconds.
            signing_s: how long it may take to sign, seconds.
        """
        self.path = path
        self._asking_s = asking_s
        self._signing_s = signing_s

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] | None = None) -> Agent:
        """Give the agent that ``$SSH_AUTH_SOCK`` names.

        Raises:
            KeyFileError: it names none.
        """
        path = (os.environ if environ is None else environ).get(SOCKET_VARIABLE, "")
        if not path:
            raise KeyFileError(
                f"no ssh-agent is known here: {SOCKET_VARIABLE} is not set; start one and give it "
                'your key: eval "$(ssh-agent)" && ssh-add'
            )
        return cls(path)

    def identities(self) -> list[Identity]:
        """List the keys that can sign requests; those of other kinds are left out.

        Raises:
            KeyFileError: there is no agent, or it does not answer as one.
        """
        try:
            answer = self._exchange(bytes((_REQUEST_IDENTITIES,)), self._asking_s)
            return _identities(answer)
        except OSError as failure:
            raise KeyFileError(f"{self._unreached(failure)}; {_LOOK}") from None
        except MalformedError as error:
            raise KeyFileError(
                f"what listens at {self.path} does not answer as an ssh-agent does: "
                f"{error.detail}; {_LOOK}"
            ) from None

    def find(self, name: str) -> Identity:
        """Give the one key of this fingerprint or comment.

        Raises:
            KeyFileError: there is no agent, no such key, or several.
        """
        held = self.identities()
        found = [each for each in held if each.is_called(name)]
        if len(found) == 1:
            return found[0]
        if found:
            one = found[0].public_key.fingerprint
            raise KeyFileError(
                f"the ssh-agent holds {len(found)} keys called {shorten(name)}; name one by its "
                f"fingerprint, such as agent:{one} (ssh-add -l lists them)"
            )
        there = ", ".join(f"{each.public_key.fingerprint} {each.comment}" for each in held)
        raise KeyFileError(
            f"the ssh-agent holds no Ed25519 key called {shorten(name)}; what it holds: "
            f"{shorten(there, 400) if there else 'none'}; list them with ssh-add -l, and add the "
            "key with: ssh-add FILE"
        )

    def sign(self, public_key: PublicKey, data: bytes) -> bytes:
        """Have ``data`` signed; give SSH's signature blob, not verified.

        Raises:
            SealError: there is no agent, it does not answer in time, or it does not sign.
        """
        request = bytes((_SIGN_REQUEST,)) + string(public_key.encode()) + string(data) + _NO_FLAGS
        named = f"the key {public_key.fingerprint}"
        try:
            answer = self._exchange(request, self._signing_s)
            reader = Reader(answer)
            kind = reader.byte()
            if kind == _FAILURE:
                raise SealError(f"the ssh-agent did not sign with {named}; {_why(public_key)}")
            signature = reader.string()
            reader.check_end()
            if kind != _SIGN_RESPONSE:
                raise SealError(f"the ssh-agent answered with {kind} when it was to sign; {_LOOK}")
        except TimeoutError:
            raise SealError(
                f"the ssh-agent did not sign with {named} within {self._signing_s:g} s; "
                f"{_why(public_key)}"
            ) from None
        except OSError as failure:
            raise SealError(f"{self._unreached(failure)}; {_LOOK}") from None
        except MalformedError as error:
            raise _unreadable(error) from None
        return signature

    def _exchange(self, request: bytes, within_s: float) -> bytes:
        """Send one request; give the answer's content, which has at least a byte."""
        deadline = time.monotonic() + within_s
        with _connected(self.path, within_s) as connection:
            connection.sendall(string(request))
            length = int.from_bytes(_receive(connection, 4, deadline))
            if not 1 <= length <= MAX_ANSWER_BYTES:
                raise OSError(f"an answer of {length} bytes, where {MAX_ANSWER_BYTES} are the most")
            return _receive(connection, length, deadline)

    def _unreached(self, failure: OSError) -> str:
        reason = failure.strerror or str(failure)
        return f"the ssh-agent at {self.path} ({SOCKET_VARIABLE}) cannot be asked: {reason}"


class AgentKey:
    """A key in an agent: it signs in the name of ``owner``, as `keys.Signer` says."""

    def __init__(
        self, agent: Agent, identity: Identity, *, owner: str, as_sshsig: bool = False
    ) -> None:
        """Sign with a key of ``agent``.

        Args:
            agent: who holds it.
            identity: which key, as `Agent.find` gave it.
            owner: whose it is; the service must hold it under the same name.
            as_sshsig: whether an ordinary key is to sign SSHSIG too, as a FIDO key does anyway.

        Raises:
            ConfigurationError: ``owner`` is no name, or the key is none that anybody may trust.
        """
        self.identity = identity
        public_key = identity.public_key
        self.verify_key: VerifyKey | SshVerifyKey
        self._sign: Callable[[bytes], bytes]
        if as_sshsig or public_key.in_authenticator:
            self.verify_key = SshVerifyKey(public_key, owner=owner)
            self._sign = SshSigner(self.verify_key, partial(agent.sign, public_key)).sign
        else:
            self.verify_key = VerifyKey(public_key.public, owner=owner)
            self._sign = partial(_sign_plainly, agent, public_key, self.verify_key)
        self.algorithm = self.verify_key.algorithm
        self.owner = owner
        self.thumbprint = self.verify_key.thumbprint
        self.id = self.verify_key.id

    @property
    def fingerprint(self) -> str:
        """The key id in hex, for people; ``ssh-add -l`` prints another one."""
        return self.id.hex()

    def __repr__(self) -> str:
        """Say type, id and owner."""
        return f"<AgentKey {self.fingerprint} of {self.owner}>"

    def sign(self, signed: bytes) -> bytes:
        """Give the signature over ``signed``: 64 bytes, or an SSHSIG blob.

        Raises:
            SealError: the agent does not sign, or with another key.
        """
        return self._sign(signed)


def _sign_plainly(
    agent: Agent, public_key: PublicKey, verify_key: VerifyKey, signed: bytes
) -> bytes:
    """Give the 64 bytes of an ordinary signature, verified."""
    try:
        signature = Signature.parse(agent.sign(public_key, signed)).value
    except MalformedError as error:
        raise _unreadable(error) from None
    if not verify_key.verifies(signed, signature):
        raise SealError(f"the ssh-agent's signature is not this key's; {_LOOK}")
    return signature


def _connected(path: str, within_s: float) -> socket.socket:
    if sys.platform == "win32":
        raise OSError("there are no Unix sockets here")
    else:  # noqa: RET506 - a type checker reads one platform's branch
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(within_s)
            connection.connect(path)
        except BaseException:
            connection.close()
            raise
        return connection


def _receive(connection: socket.socket, count: int, deadline: float) -> bytes:
    """Receive exactly ``count`` bytes before ``deadline``, of the monotonic clock."""
    received = bytearray()
    while len(received) < count:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("it did not answer in time")
        connection.settimeout(left_s)
        chunk = connection.recv(count - len(received))
        if not chunk:
            raise ConnectionResetError("it closed the connection")
        received += chunk
    return bytes(received)


def _identities(answer: bytes) -> list[Identity]:
    reader = Reader(answer)
    if (kind := reader.byte()) != _IDENTITIES_ANSWER:
        raise _unexpected(f"an answer of kind {kind}, and no list of keys")
    if (count := reader.uint32()) > MAX_KEYS:
        raise _unexpected(f"{count} keys, where {MAX_KEYS} are the most")
    listed = [
        (reader.string(MAX_ANSWER_BYTES), reader.string(MAX_ANSWER_BYTES)) for _ in range(count)
    ]
    reader.check_end()
    held = []
    for blob, comment in listed:
        # Keys of other kinds, certificates among them, are no business of ours.
        with contextlib.suppress(MalformedError):
            held.append(Identity(PublicKey.parse(blob), comment.decode(errors="replace")))
    return held


def _unreadable(error: MalformedError) -> SealError:
    return SealError(f"the ssh-agent's signature cannot be read: {error.detail}; {_LOOK}")


def _unexpected(what: str) -> MalformedError:
    return MalformedError(Reason.ENVELOPE_MALFORMED, Stage.FRAME, what)


def _why(public_key: PublicKey) -> str:
    if public_key.in_authenticator:
        return "touch the authenticator when it blinks; is it plugged in? (ssh-add -l, ssh-add -T)"
    return "unlock it (ssh-add -X), agree where it asks, or add the key again: ssh-add FILE"
