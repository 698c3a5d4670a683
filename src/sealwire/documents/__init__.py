"""Documents: strict JSON and INI without evaluation into a typed, frozen `LoggingPlan`."""

from sealwire.documents.dict_schema import plan_from, read_plan
from sealwire.documents.ini import read_ini_plan
from sealwire.documents.plan import (
    Argument,
    External,
    Factory,
    FilterPlan,
    FormatterPlan,
    HandlerPlan,
    LoggerPlan,
    LoggingPlan,
    QueuePlan,
    Scalar,
)
from sealwire.documents.strict_json import JsonValue, canonical_json, read_json
from sealwire.documents.tree import (
    Emission,
    FormatterState,
    HandlerState,
    Hidden,
    Levels,
    LoggerState,
    Tree,
)

__all__ = [
    "Argument",
    "Emission",
    "External",
    "Factory",
    "FilterPlan",
    "FormatterPlan",
    "FormatterState",
    "HandlerPlan",
    "HandlerState",
    "Hidden",
    "JsonValue",
    "Levels",
    "LoggerPlan",
    "LoggerState",
    "LoggingPlan",
    "QueuePlan",
    "Scalar",
    "Tree",
    "canonical_json",
    "plan_from",
    "read_ini_plan",
    "read_json",
    "read_plan",
]
