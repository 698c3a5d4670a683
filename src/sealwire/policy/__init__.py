"""Policy: rules over a request, each of which can refuse it."""

from sealwire.policy.accepts import Accepts, Address, Either, Flag, Object, OneOf, Text, Whole
from sealwire.policy.arguments import HANDLER_ARGUMENTS, HandlerArguments, Parameter
from sealwire.policy.ceilings import Ceiling
from sealwire.policy.classes import FormatterClasses, HandlerClasses
from sealwire.policy.counts import Counts
from sealwire.policy.dates import DateFormats
from sealwire.policy.defaults import default_rules
from sealwire.policy.destinations import Destination, Destinations
from sealwire.policy.externals import Externals
from sealwire.policy.factories import AttributeNames, Factories
from sealwire.policy.floors import Floors, LoggerFloor
from sealwire.policy.formats import FormatStrings
from sealwire.policy.handler_floors import HandlerFloor
from sealwire.policy.leases import MAX_LEASE_S, MIN_FREE_PERCENT, LeaseLimits
from sealwire.policy.loggers import Loggers
from sealwire.policy.objection import Objection
from sealwire.policy.paths import FilePaths
from sealwire.policy.policy import MAX_NEW_LOGGERS, Policy
from sealwire.policy.quorum import Quorum
from sealwire.policy.roles import ANYBODY, Direction, Role
from sealwire.policy.rule import Rule, Violation, judge

__all__ = [
    "ANYBODY",
    "HANDLER_ARGUMENTS",
    "MAX_LEASE_S",
    "MAX_NEW_LOGGERS",
    "MIN_FREE_PERCENT",
    "Accepts",
    "Address",
    "AttributeNames",
    "Ceiling",
    "Counts",
    "DateFormats",
    "Destination",
    "Destinations",
    "Direction",
    "Either",
    "Externals",
    "Factories",
    "FilePaths",
    "Flag",
    "Floors",
    "FormatStrings",
    "FormatterClasses",
    "HandlerArguments",
    "HandlerClasses",
    "HandlerFloor",
    "LeaseLimits",
    "LoggerFloor",
    "Loggers",
    "Object",
    "Objection",
    "OneOf",
    "Parameter",
    "Policy",
    "Quorum",
    "Role",
    "Rule",
    "Text",
    "Violation",
    "Whole",
    "default_rules",
    "judge",
]
