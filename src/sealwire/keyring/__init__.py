"""The keyring: whose keys are trusted, for what, and how that changes while services run."""

from sealwire.keyring.chains import keyring_chain
from sealwire.keyring.document import read_keyring, write_keyring
from sealwire.keyring.live import KeysInForce, LiveKeyring
from sealwire.keyring.model import (
    MAX_SUSPENSION_S,
    REQUEST_ROLES,
    SECRET_ROLES,
    Keyring,
    Owner,
    OwnerKind,
    RingKey,
    Role,
    State,
    only_suspends,
)
from sealwire.keyring.signed import (
    MAX_LIST,
    SignedKeyring,
    add_signature,
    claims_of,
    looks_like_list,
    peek_keyring,
    read_history,
    read_list,
    sign_keyring,
    succeed,
    succeed_all,
    verify_first,
    write_list,
)

__all__ = [
    "MAX_LIST",
    "MAX_SUSPENSION_S",
    "REQUEST_ROLES",
    "SECRET_ROLES",
    "Keyring",
    "KeysInForce",
    "LiveKeyring",
    "Owner",
    "OwnerKind",
    "RingKey",
    "Role",
    "SignedKeyring",
    "State",
    "add_signature",
    "claims_of",
    "keyring_chain",
    "looks_like_list",
    "only_suspends",
    "peek_keyring",
    "read_history",
    "read_keyring",
    "read_list",
    "sign_keyring",
    "succeed",
    "succeed_all",
    "verify_first",
    "write_keyring",
    "write_list",
]
