"""Policy: rules over a request, each of which can refuse it."""

from sealwire.policy.accepts import Accepts, Address, Either, Flag, Object, OneOf, Text, Whole
from sealwire.policy.arguments import HANDLER_ARGUMENTS, HandlerArguments, Parameter
from sealwire.policy.classes import FormatterClasses, HandlerClasses
from sealwire.policy.counts import Counts
from sealwire.policy.dates import DateFormats
from sealwire.policy.defaults import default_rules
from sealwire.policy.destinations import Destination, Destinations
from sealwire.policy.externals import Externals
from sealwire.policy.formats import FormatStrings
from sealwire.policy.paths import FilePaths
from sealwire.policy.rule import Rule, Violation, judge

__all__ = [
    "HANDLER_ARGUMENTS",
    "Accepts",
    "Address",
    "Counts",
    "DateFormats",
    "Destination",
    "Destinations",
    "Either",
    "Externals",
    "FilePaths",
    "Flag",
    "FormatStrings",
    "FormatterClasses",
    "HandlerArguments",
    "HandlerClasses",
    "Object",
    "OneOf",
    "Parameter",
    "Rule",
    "Text",
    "Violation",
    "Whole",
    "default_rules",
    "judge",
]
