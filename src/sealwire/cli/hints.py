"""The next step for every reason why a message can be refused.

``docs/reference/messages.md`` explains the same reasons at length. A test holds the enum, that page
and this table together.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sealwire.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

HINTS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.FRAME_TOO_LARGE: (
            "send a smaller configuration; what takes the room is shown by: sealwire inspect FILE"
        ),
        Reason.FRAME_TRUNCATED: "send the whole message: sealwire send FILE",
        Reason.FRAME_TIMEOUT: "send the message in one go: sealwire send FILE",
        Reason.CROWDED_OUT: "send the same message again: sealwire send FILE",
        Reason.PEER_NOT_ALLOWED: (
            "send as the service's user; or, in the service's settings, name a group of yours in "
            "socket.group and, where there is one, add your number (id -u) to socket.allow_uids"
        ),
        Reason.VERIFY_DECLINED: (
            "find the service's verify callable, the second argument of its listen(), and see what "
            "it accepts"
        ),
        Reason.ENVELOPE_MALFORMED: (
            "compare the layers, which sealwire inspect FILE shows, with the service's chain; "
            'where it expected Sign (tag 98), write into its target signatures = "several", and '
            "where it has too many signatures remove that; on the host: sealwire doctor --service "
            "FILE"
        ),
        Reason.KEY_UNKNOWN: (
            "find the key by its id: sealwire inspect FILE; then add its public half to "
            "keys.trusted in the service's settings, and start the service again; where a keyring "
            "settles that, see: sealwire keys list"
        ),
        Reason.KEY_CHECK_FAILED: (
            "give both sides the same encryption key; compare: sealwire keys show FILE"
        ),
        Reason.MAC_INVALID: (
            "the message was changed on its way, or is for another audience; seal it anew: "
            "sealwire send CONFIG --to AUDIENCE"
        ),
        Reason.DECRYPTION_FAILED: (
            "the message was changed on its way, or is for another audience; seal it anew: "
            "sealwire send CONFIG --to AUDIENCE"
        ),
        Reason.SIGNATURE_INVALID: (
            "the message was changed on its way, or is for another audience; seal it anew: "
            "sealwire send CONFIG --to AUDIENCE"
        ),
        Reason.SIGNATURES_MISSING: (
            "have others sign it, who hold a root key: sealwire keys sign FILE; then: sealwire "
            "keys push"
        ),
        Reason.KEYRING_OUT_OF_ORDER: (
            "send every version that is missing there, from the keyring with all of them: sealwire "
            "keys push; what it says: sealwire keys list"
        ),
        Reason.BODY_MALFORMED: (
            "seal with the version of sealwire that the service has; compare: sealwire --version"
        ),
        Reason.AUDIENCE_MISMATCH: "seal for this service: sealwire send CONFIG --to AUDIENCE",
        Reason.ISSUER_MISMATCH: (
            "give the key and the settings one owner; compare: sealwire config where"
        ),
        Reason.NOT_YET_VALID: (
            "set the clocks (date -u, on both machines), then seal anew: sealwire send CONFIG"
        ),
        Reason.EXPIRED: (
            "seal anew: sealwire send CONFIG; if the way takes long, with a longer --lifetime"
        ),
        Reason.LIFETIME_TOO_LONG: (
            "seal anew for a shorter time: sealwire send CONFIG --lifetime 5m"
        ),
        Reason.KEY_NOT_IN_FORCE: (
            "seal with a key that is in service; which those are: sealwire keys list; whoever "
            "keeps the keyring puts it into service: sealwire keys promote KEY"
        ),
        Reason.VERSION_BEFORE_START: (
            "the service has started since this was sealed; seal anew: sealwire send CONFIG"
        ),
        Reason.CHALLENGE_REQUIRED: (
            "the service wants what it drew at its start, which its receipts bring; trust its "
            "receipt key, then ask anew: sealwire trust AUDIENCE --key FILE"
        ),
        Reason.VERSION_AHEAD: (
            "set the clocks (date -u, on both machines), then seal anew: sealwire send CONFIG"
        ),
        Reason.VERSION_SUPERSEDED: (
            "something newer was taken since, and this perhaps before it: sealwire status; if it "
            "is still wanted, seal anew: sealwire send CONFIG"
        ),
        Reason.EQUIVOCATION: (
            "two messages of one version were signed: if the sealer's state file was not put back "
            "or removed, somebody has the key, so make another: sealwire keys new --owner NAME"
        ),
        Reason.REPLAYED: (
            "this message was taken before; to ask for the same again, seal anew: sealwire send "
            "CONFIG"
        ),
        Reason.REPLAY_WINDOW_FULL: (
            "wait until earlier messages expire, then seal anew: sealwire send CONFIG --lifetime 1m"
        ),
        Reason.STATE_UNAVAILABLE: (
            "on the service's host, look at what it remembers: sealwire state check DIR; then send "
            "the same message again: sealwire send FILE"
        ),
        Reason.RECEIPT_MISMATCH: (
            "somebody answered with the receipt of another request; send the same message again: "
            "sealwire send FILE"
        ),
        Reason.CONTENT_TYPE_UNKNOWN: "seal a configuration in JSON or INI: sealwire send CONFIG",
        Reason.STREAM_MISMATCH: (
            "let the command line choose the stream; seal anew: sealwire send CONFIG"
        ),
        Reason.KEY_ROLE: (
            "ask for a lease instead: sealwire lease LOGGER=DEBUG --for 15m; or have somebody do "
            "it whose key has the role config: sealwire keys list"
        ),
        Reason.KEYRING_EXPIRED: (
            "have whoever keeps the keyring renew it: sealwire keys renew; then: sealwire keys push"
        ),
        Reason.DOCUMENT_MALFORMED: (
            "mend the document at the place named, then: sealwire send CONFIG"
        ),
        Reason.DOCUMENT_INVALID: (
            "mend the configuration at the place named, then: sealwire send CONFIG"
        ),
        Reason.VERB_NOT_SERVED: (
            "this service does not do that; what it does is in its documentation, and what is in "
            "force there: sealwire status"
        ),
        Reason.NOT_ADDRESSED: (
            "another instance was meant; leave --only out, or see the names: sealwire status"
        ),
        Reason.BASE_MISMATCH: (
            "somebody else has changed the configuration; look at it, then seal anew: sealwire "
            "status"
        ),
        Reason.NOT_IN_FORCE: (
            "it has ended already, or was never here; see what is running: sealwire status"
        ),
        Reason.CONFIRMATION_DUE: (
            "keep the one that is on trial, or go back from it: sealwire confirm ID or "
            "sealwire revert ID"
        ),
        Reason.LEASE_OVER: (
            "it came after its own end; ask again: sealwire lease LOGGER=LEVEL --for 15m"
        ),
        Reason.TRAIL_UNAVAILABLE: (
            "on the host, mend what the detail names: the disk or the sink of the trail; then ask "
            "again: sealwire status"
        ),
        Reason.POLICY: (
            "change the place named, or, on the host, the line of the policy; try it offline: "
            "sealwire policy check POLICY CONFIG"
        ),
        Reason.INTERNAL: (
            "a bug of sealwire or of a part you added; the traceback is in the service's log: "
            "please report it"
        ),
    }
)
"""One hint for every reason."""

UNTOLD: Final = (
    'the service\'s log names the reason (logger "sealwire"); usual ones: a key that it does not '
    "trust, another audience, another chain or signatures, a user who may not connect; look closer "
    "with: sealwire why, sealwire doctor"
)
"""The hint where a service gave no reason, as it does until it knows who is asking."""

FAILED_HINT: Final = (
    'the service\'s log names the cause (logger "sealwire"); mend the configuration, then: '
    "sealwire send CONFIG"
)
"""The hint where a request was accepted and logging could not be changed."""

_BY_VALUE: Final = {reason.value: hint for reason, hint in HINTS.items()}


def hint_for(reason: str) -> str:
    """Give the hint for a reason as an answer carries it.

    Args:
        reason: a `Reason`'s value; ``""`` where none was given. A peer may have written it.
    """
    return _BY_VALUE.get(reason, UNTOLD)
