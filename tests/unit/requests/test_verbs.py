"""Requests with a verb: what each may hold, and what is refused at which place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import LoggerPlan, LoggingPlan
from sealwire.errors import MalformedError, Reason
from sealwire.requests import (
    ASKED,
    CONTENT_TYPE_REQUEST,
    Apply,
    Confirm,
    DryRun,
    Lease,
    Request,
    Revert,
    Status,
    Verb,
    read_request,
    write_request,
)
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

CONFIG = {"version": 1, "root": {"level": "DEBUG"}}
PLAN = LoggingPlan(root=LoggerPlan("", 10))
INI = (
    "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n"
    "[logger_root]\nlevel=DEBUG\nhandlers=\n"
)
ID = "0123456789abcdef" * 2
DIGEST = "ab" * 32


def message(operator: Operator, document: object, stream: Stream) -> Opened:
    """Give a message as a chain would, with this document in it."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Opened(body, operator.claims(stream=stream), CONTENT_TYPE_REQUEST, body, ())


def refusal(operator: Operator, document: object, stream: Stream) -> MalformedError:
    """Read a document that must be refused."""
    with pytest.raises(MalformedError) as caught:
        read_request(message(operator, document, stream))
    return caught.value


READ: list[tuple[Stream, dict[str, Any], type[Request], dict[str, Any]]] = [
    (Stream.BASE, {"verb": "apply", "config": CONFIG}, Apply, {"plan": PLAN}),
    (Stream.BASE, {"verb": "apply", "ini": INI}, Apply, {"plan": PLAN}),
    (
        Stream.BASE,
        {
            "verb": "apply",
            "config": CONFIG,
            "confirm_within_s": 600,
            "replaces": DIGEST,
            "why": "INC-4711",
            "only": "web*/worker-[12]",
        },
        Apply,
        {
            "plan": PLAN,
            "confirm_within_s": 600,
            "replaces": DIGEST,
            "why": "INC-4711",
            "only": "web*/worker-[12]",
        },
    ),
    (Stream.READ, {"verb": "plan", "config": CONFIG}, DryRun, {"plan": PLAN}),
    (
        Stream.LEASE,
        {"verb": "lease", "levels": {"payments.db": "DEBUG", "root": 20}},
        Lease,
        {"levels": (("", 20), ("payments.db", 10)), "for_s": 900},
    ),
    (
        Stream.LEASE,
        {"verb": "lease", "levels": {"a": 5}, "for_s": 60, "through": ["console", "#2"]},
        Lease,
        {"levels": (("a", 5),), "for_s": 60, "through": ("console", "#2")},
    ),
    (Stream.LEASE, {"verb": "revert"}, Revert, {"what": ""}),
    (Stream.BASE, {"verb": "revert", "id": ID}, Revert, {"what": ID}),
    (Stream.BASE, {"verb": "confirm", "id": ID}, Confirm, {"what": ID}),
    (Stream.READ, {"verb": "status"}, Status, {}),
]


@pytest.mark.parametrize(("stream", "document", "kind", "members"), READ)
def test_each_verb_is_read(
    alice: Operator,
    stream: Stream,
    document: dict[str, Any],
    kind: type[Request],
    members: dict[str, Any],
) -> None:
    """A request holds the message it came in and the members of its verb."""
    opened = message(alice, document, stream)
    assert kind(opened, **members) == read_request(opened)


@pytest.mark.parametrize(("stream", "document", "kind", "members"), READ)
def test_what_is_written_is_read(
    alice: Operator,
    stream: Stream,
    document: dict[str, Any],
    kind: type[Request],
    members: dict[str, Any],
) -> None:
    """The client's half and the service's agree."""
    verb = Verb(document["verb"])
    rest = {key: value for key, value in document.items() if key != "verb"}
    opened = message(alice, write_request(verb, **rest), stream)
    assert kind(opened, **members) == read_request(opened)


def test_what_is_at_its_default_is_not_written() -> None:
    """One request has one text."""
    written = write_request(Verb.LEASE, levels={"a": "DEBUG"}, through=(), why="", for_s=None)
    assert b'{"levels":{"a":"DEBUG"},"verb":"lease"}' == written


def test_what_no_document_holds_is_not_written() -> None:
    """A float would be read by nobody."""
    with pytest.raises(TypeError, match="holds no float"):
        write_request(Verb.LEASE, for_s=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb in ASKED])
def test_a_verb_belongs_to_its_streams(alice: Operator, verb: Verb) -> None:
    """Anything else would slip past the order that protects it."""
    for stream in set(Stream) - set(verb.streams):
        found = refusal(alice, {"verb": verb.value}, stream)
        assert Reason.STREAM_MISMATCH is found.reason
        assert f"{verb.value} belongs to the stream" in found.detail


WRONG: list[tuple[Stream, dict[str, Any], str]] = [
    (Stream.READ, {}, "verb: None is none of"),
    (Stream.READ, {"verb": 1}, "verb: 1 is none of"),
    (Stream.READ, {"verb": "statu"}, "did you mean status?"),
    (Stream.READ, {"verb": "status", "x": 1}, "'x' is not a key here"),
    (Stream.READ, {"verb": "status", "config": CONFIG}, "'config' is not a key here"),
    (Stream.READ, {"verb": "status", "why": 1}, "why: is a number"),
    (Stream.READ, {"verb": "status", "why": "a\nb"}, "why: is not one printable line"),
    (Stream.READ, {"verb": "status", "why": "x" * 201}, "why: is not one printable line"),
    (Stream.READ, {"verb": "status", "only": "a b"}, "only: 'a b' is not a pattern"),
    (Stream.READ, {"verb": "status", "only": "x" * 257}, "is not a pattern"),
    (Stream.READ, {"verb": "plan"}, "config: give either"),
    (Stream.READ, {"verb": "plan", "config": CONFIG, "ini": INI}, "config: give either"),
    (Stream.READ, {"verb": "plan", "config": []}, "config: is a list"),
    (Stream.READ, {"verb": "plan", "ini": 1}, "ini: is a number"),
    (Stream.READ, {"verb": "plan", "config": {"version": 2}}, "version: is 2"),
    (Stream.BASE, {"verb": "apply", "config": CONFIG, "confirm_within_s": 0}, "1 to"),
    (Stream.BASE, {"verb": "apply", "config": CONFIG, "confirm_within_s": True}, "not a number of"),
    (Stream.BASE, {"verb": "apply", "config": CONFIG, "confirm_within_s": "9"}, "not a number of"),
    (Stream.BASE, {"verb": "apply", "config": CONFIG, "replaces": "AB"}, "replaces: 'AB' is not"),
    (Stream.LEASE, {"verb": "lease"}, "levels: is null"),
    (Stream.LEASE, {"verb": "lease", "levels": {}}, "levels: names 0 loggers"),
    (Stream.LEASE, {"verb": "lease", "levels": {f"l{i}": 10 for i in range(101)}}, "names 101"),
    (Stream.LEASE, {"verb": "lease", "levels": {"a": "DEBG"}}, "did you mean DEBUG?"),
    (Stream.LEASE, {"verb": "lease", "levels": {"a": "NOTSET"}}, "levels.a: 0 inherits"),
    (Stream.LEASE, {"verb": "lease", "levels": {"": 10, "root": 10}}, "stands here already"),
    (Stream.LEASE, {"verb": "lease", "levels": {"a\u200b": 10}}, "do not print"),
    (Stream.LEASE, {"verb": "lease", "levels": {"a": 10}, "for_s": 366 * 86400 + 1}, "1 to"),
    (
        Stream.LEASE,
        {"verb": "lease", "levels": {"a": 10}, "through": "console"},
        "is not a list of",
    ),
    (
        Stream.LEASE,
        {"verb": "lease", "levels": {"a": 10}, "through": ["h"] * 21},
        "through: is not",
    ),
    (Stream.LEASE, {"verb": "lease", "levels": {"a": 10}, "through": ["h", "h"]}, "twice"),
    (Stream.LEASE, {"verb": "lease", "levels": {"a": 10}, "through": [1]}, "through: is a number"),
    (Stream.LEASE, {"verb": "revert", "id": "x"}, "id: 'x' is not an id"),
    (Stream.BASE, {"verb": "confirm"}, "id: is missing"),
    (Stream.BASE, {"verb": "confirm", "id": ID.upper()}, "is not an id"),
]


@pytest.mark.parametrize(("stream", "document", "detail"), WRONG)
def test_what_a_verb_does_not_hold_is_refused(
    alice: Operator, stream: Stream, document: dict[str, Any], detail: str
) -> None:
    """Each refusal begins with the place, and none is read as something else."""
    found = refusal(alice, document, stream)
    assert Reason.DOCUMENT_INVALID is found.reason
    assert detail in found.detail


def test_a_request_is_named_by_its_message(alice: Operator) -> None:
    """What reverts and confirms name is the id that the sender drew."""
    opened = message(alice, {"verb": "status"}, Stream.READ)
    assert opened.claims.cti.hex() == read_request(opened).id
