"""Pointers within a document: what they lead to stands in their place, or they are refused."""

from __future__ import annotations

import json

import pytest

from sealwire.documents import External, LoggingPlan, plan_from, read_json, read_plan
from sealwire.documents.dict_schema import read_schema
from sealwire.documents.references import MAX_COPIED_CHARS, MAX_STEPS, follow
from sealwire.errors import MalformedError, Reason

CONSOLE = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
MEMORY = {"class": "logging.handlers.MemoryHandler", "capacity": 10}


def plan(**sections: object) -> LoggingPlan:
    """Read a document of version 1 with these sections."""
    return read_plan(json.dumps({"version": 1, **sections}).encode())


def refusal(**sections: object) -> str:
    """Give the detail with which a document of these sections is refused."""
    with pytest.raises(MalformedError) as caught:
        plan(**sections)
    assert Reason.DOCUMENT_INVALID is caught.value.reason
    return caught.value.detail


def test_a_pointer_stands_for_what_it_points_to() -> None:
    """Text, numbers, lists and objects of the process; and the digest is the same."""
    pointing: dict[str, object] = {
        "handlers": {
            "a b": {**CONSOLE, "level": "DEBUG", "to": ["x", "y"]},
            "c": {
                "class": "cfg://handlers[a b].class",
                "stream": "cfg://handlers[a b][stream]",
                "level": "cfg://root.level",
                "to": "cfg://handlers[a b].to",
                "first": "cfg://handlers[a b].to[0]",
            },
        },
        "root": {"level": "cfg://handlers[a b].level", "handlers": ["c"]},
    }
    written: dict[str, object] = {
        "handlers": {
            "a b": {**CONSOLE, "level": "DEBUG", "to": ["x", "y"]},
            "c": {**CONSOLE, "level": 10, "to": ["x", "y"], "first": "x"},
        },
        "root": {"level": 10, "handlers": ["c"]},
    }
    found = plan(**pointing)
    assert plan(**written).digest() == found.digest()
    assert dict(found.handlers[1].arguments)["stream"] == External("sys.stdout")
    assert b"cfg://" not in found.canonical()


def test_the_target_of_a_memory_handler_is_a_name() -> None:
    """As the documentation of the library writes it; what is built is not copied."""
    found = plan(handlers={"m": {**MEMORY, "target": "cfg://handlers.file"}, "file": CONSOLE})
    assert dict(found.handlers[1].arguments)["target"] == "file"


SECRET = "hunter2"

REFUSED = {
    "nothing": ("cfg://", "is no pointer such as"),
    "no step": (f"cfg://.{SECRET}", "is no pointer such as"),
    "a dot too many": (f"cfg://root..{SECRET}", "is no pointer such as"),
    "a call": (f"cfg://root.level({SECRET})", "is no pointer such as"),
    "a bracket left open": (f"cfg://root[{SECRET}", "is no pointer such as"),
    "a very long one": (f"cfg://root.{'a' * 600}", "is no pointer such as"),
    "other letters": (f"cfg://r\u043e\u043et.{SECRET}", "is no pointer such as"),
    "nowhere": (f"cfg://{SECRET}", "points to nothing in this document"),
    "nearly there": (
        "cfg://handler.h",
        "points to nothing in this document; did you mean handlers?",
    ),
    "an attribute of text": (f"cfg://handlers.h.class.{SECRET}", "points to nothing in this"),
    "an attribute of a list": ("cfg://handlers.h.l.append", "points to nothing in this document"),
    "beyond a list": ("cfg://handlers.h.l[1]", "points to nothing in this document"),
    "before a list": ("cfg://handlers.h.l[-1]", "points to nothing in this document"),
    "far beyond a list": (f"cfg://handlers.h.l[{'9' * 400}]", "points to nothing in this document"),
    "a number for a key": ("cfg://handlers.h[0]", "points to nothing in this document"),
    "an object": ("cfg://handlers.h", "points to an object, which would be shared"),
    "the document": ("cfg://handlers", "points to an object, which would be shared"),
    "itself": ("cfg://handlers.x.to", "points to itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_a_pointer_may_not_lead(name: str) -> None:
    """The place is named, the pointer is not quoted: it could be a password."""
    pointer, expected = REFUSED[name]
    handlers = {
        "h": {**CONSOLE, "l": [1]},
        "x": {"class": "a.B", "to": pointer},
    }
    detail = refusal(handlers=handlers)
    assert detail.startswith(f"handlers.x.to: {expected}")
    assert SECRET not in detail


@pytest.mark.parametrize(
    "section",
    [
        {"handlers": {"x": {"class": "a.B", "target": "cfg://handlers.x"}}},
        {"handlers": {"x": {"class": "a.B", "more": {"target": "cfg://handlers.x"}}}},
        {"formatters": {"x": {"()": "a.b", "target": "cfg://handlers.x"}}, "handlers": {"x": {}}},
        {"handlers": {"x": {**MEMORY, "target": "cfg://handlers"}}},
        {"handlers": {"x": {**MEMORY, "target": "cfg://loggers.x"}}, "loggers": {"x": {}}},
    ],
)
def test_only_a_target_is_a_name(section: dict[str, object]) -> None:
    """What looks like one elsewhere stays refused, and a handler is not its own target."""
    assert refusal(**section)


def test_pointers_to_pointers_are_followed_a_few_times() -> None:
    """As many as the limit, not one more, and never in a circle."""

    def chain(length: int) -> dict[str, object]:
        steps: dict[str, object] = {f"a{n}": f"cfg://handlers.h.a{n + 1}" for n in range(length)}
        return {"h": {"class": "a.B", **steps, f"a{length}": "there"}}

    found = plan(handlers=chain(MAX_STEPS))
    assert {"there"} == {value for _, value in found.handlers[0].arguments}
    detail = refusal(handlers=chain(MAX_STEPS + 1))
    assert f"handlers.h.a0: leads through more than {MAX_STEPS} pointers" == detail
    circle = {"class": "a.B", "a": "cfg://handlers.h.b", "b": "cfg://handlers.h.a"}
    assert "handlers.h.a: points to itself" in refusal(handlers={"h": circle})


def test_what_is_copied_is_bounded() -> None:
    """A quarter of a megabyte of pointers to a long list would be gigabytes."""
    long = ["x" * 50] * (MAX_COPIED_CHARS // 4 // 54)
    entries: dict[str, object] = {f"a{n}": "cfg://handlers.h.long" for n in range(4)}
    assert plan(handlers={"h": {"class": "a.B", "long": long, **entries}})
    entries["a4"] = "cfg://handlers.h.long"
    detail = refusal(handlers={"h": {"class": "a.B", "long": long, **entries}})
    assert f"handlers.h.a4: all that is pointed to is over {MAX_COPIED_CHARS} characters" == detail


def test_a_pointer_in_a_list_stays_and_is_refused() -> None:
    """The library resolves it at some places, and not where it goes through the list."""
    assert "is resolved to an object" in refusal(root={"handlers": ["cfg://root.level"]})
    assert ["cfg://a"] == follow({"a": 1, "b": ["cfg://a"]})["b"]


def test_a_document_without_pointers_is_the_same() -> None:
    """Whatever it holds; and what was translated is not followed at all."""
    document = read_json(b'{"version": 1, "handlers": {"h": {"class": "a.B", "x": [1, null]}}}')
    assert document == follow(document)
    assert plan_from(document) == read_schema(document)
    document["root"] = {"level": "cfg://version"}
    with pytest.raises(MalformedError) as caught:
        read_schema(document)
    assert caught.value.detail.startswith("root.level: ")
