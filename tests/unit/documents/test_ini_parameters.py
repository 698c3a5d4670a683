"""The order of the arguments of the library's handlers."""

from __future__ import annotations

import inspect
import logging
import logging.handlers
import operator
from typing import TYPE_CHECKING

import pytest

from sealwire.documents.ini_parameters import HANDLER_PARAMETERS, bind
from sealwire.errors import MalformedError, Reason
from sealwire.policy import HANDLER_ARGUMENTS

if TYPE_CHECKING:
    from sealwire.documents import JsonValue

FILE = "logging.FileHandler"
MEMORY = "logging.handlers.MemoryHandler"


def refusal(class_name: str, values: list[JsonValue], pairs: dict[str, JsonValue]) -> str:
    """Give the detail with which arguments are refused."""
    with pytest.raises(MalformedError) as caught:
        bind(class_name, values, pairs, "handler_h")
    assert Reason.DOCUMENT_INVALID is caught.value.reason
    return caught.value.detail


@pytest.mark.parametrize("class_name", HANDLER_PARAMETERS)
def test_the_order_is_the_one_of_this_python(class_name: str) -> None:
    """A release may add arguments behind the known ones, and does not change their order."""
    found = operator.attrgetter(class_name.removeprefix("logging."))(logging)
    names = tuple(inspect.signature(found).parameters)
    expected = HANDLER_PARAMETERS[class_name]
    assert expected
    assert expected == names[: len(expected)]


def test_every_class_of_the_default_policy_is_known() -> None:
    """With the names of arguments that policy has for it."""
    for class_name, parameters in HANDLER_ARGUMENTS.items():
        assert set(parameters) <= set(HANDLER_PARAMETERS[class_name])


def test_values_get_the_names_of_their_places() -> None:
    """Those of ``args=`` by their order, those of ``kwargs=`` by their names."""
    expected = {"filename": "x", "mode": "a", "delay": True}
    assert expected == bind(FILE, ["x", "a"], {"delay": True}, "handler_h")
    assert {} == bind(FILE, [], {}, "handler_h")
    assert {"anything": [1, 2]} == bind("a.Handler", [], {"anything": [1, 2]}, "handler_h")


def test_no_target_is_none() -> None:
    """None keeps the place of a memory handler's target for the argument behind it."""
    expected = {"capacity": 10, "flushLevel": 40, "flushOnClose": False}
    assert expected == bind(MEMORY, [10, 40, None, False], {}, "handler_h")
    assert {"capacity": 10} == bind(MEMORY, [10], {"target": None}, "handler_h")
    # To another class the word may mean anything.
    assert {"target": "x"} == bind("a.Handler", [], {"target": "x"}, "handler_h")


@pytest.mark.parametrize(
    ("class_name", "values", "pairs", "expected"),
    [
        (
            "a.Handler",
            [1],
            {},
            "handler_h.args: the order of the arguments of 'a.Handler' is not known here;",
        ),
        (
            "logging.StreamHandler",
            [None, 1],
            {},
            "handler_h.args: 2 values, and logging.StreamHandler takes 1",
        ),
        (FILE, ["x"], {"filename": "y"}, "handler_h.kwargs: 'filename' stands in args= already"),
        (
            FILE,
            ["x"],
            {"level": 10},
            "handler_h: level is no argument here; write level= in the section",
        ),
        (
            "logging.NullHandler",
            [10],
            {},
            "handler_h: level is no argument here; write level= in the section",
        ),
        (
            FILE,
            [],
            {"class": "os.system"},
            "handler_h: class is no argument here; write class= in the section",
        ),
        (
            FILE,
            [],
            {"formatter": "f"},
            "handler_h: formatter is no argument here; write formatter= in the section",
        ),
        (
            FILE,
            [],
            {"filters": []},
            "handler_h: filters is no argument here; this language has no filters",
        ),
        (
            MEMORY,
            [10, 40, "h"],
            {},
            "handler_h: the target is no argument here; name a handler in target=",
        ),
        (
            MEMORY,
            [],
            {"target": "h"},
            "handler_h: the target is no argument here; name a handler in target=",
        ),
    ],
)
def test_what_cannot_be_bound_is_refused(
    class_name: str, values: list[JsonValue], pairs: dict[str, JsonValue], expected: str
) -> None:
    """Too many, twice, or what the section has an option for."""
    assert refusal(class_name, values, pairs).startswith(expected)
