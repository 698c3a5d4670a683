"""Settings: the TOML file of a service, and the one of an operator."""

from sealwire.settings.allow import PolicySettings
from sealwire.settings.keyring import KeyringSettings
from sealwire.settings.operator import OperatorSettings, Target, next_receipt_key
from sealwire.settings.pinning import with_receipt_keys
from sealwire.settings.places import (
    Place,
    default_service_settings,
    find_operator_settings,
)
from sealwire.settings.policy_file import (
    PolicyFile,
    load_any_policy,
    load_policy_file,
    parse_policy,
)
from sealwire.settings.reading import (
    NO_OPERATOR_YET,
    load_operator_settings,
    load_service_settings,
    notes_of,
    parse_operator,
    parse_service,
    read_settings,
)
from sealwire.settings.service import ServiceSettings
from sealwire.settings.signing import AgentName, SigningPlace
from sealwire.settings.starting_policy import STARTING_POLICY
from sealwire.settings.writing import (
    render_operator,
    render_service,
    write_settings,
)

__all__ = [
    "NO_OPERATOR_YET",
    "STARTING_POLICY",
    "AgentName",
    "KeyringSettings",
    "OperatorSettings",
    "Place",
    "PolicyFile",
    "PolicySettings",
    "ServiceSettings",
    "SigningPlace",
    "Target",
    "default_service_settings",
    "find_operator_settings",
    "load_any_policy",
    "load_operator_settings",
    "load_policy_file",
    "load_service_settings",
    "next_receipt_key",
    "notes_of",
    "parse_operator",
    "parse_policy",
    "parse_service",
    "read_settings",
    "render_operator",
    "render_service",
    "with_receipt_keys",
    "write_settings",
]
