"""What errors promise: two branches, one text for every refusal, and pickling."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from sealwire import errors
from sealwire.errors import (
    ApplyError,
    ConfigurationError,
    KeyFileError,
    MalformedError,
    NoAnswerError,
    PolicyError,
    Reason,
    RefusedError,
    SealError,
    SealwireError,
    Stage,
    StateError,
    TransportError,
    UntrustedAnswerError,
    VerificationError,
    counted,
    shorten,
)

EXAMPLES: list[SealwireError] = [
    SealwireError("a"),
    ConfigurationError("move the check behind the layer"),
    KeyFileError("gate.key: mode 0644"),
    SealError("too long"),
    RefusedError(Reason.INTERNAL, Stage.CHECK, "ValueError in a plug-in"),
    MalformedError(Reason.FRAME_TRUNCATED, Stage.FRAME),
    VerificationError(Reason.MAC_INVALID, Stage.LAYER, "the HMAC is wrong"),
    PolicyError("handler-classes", "handlers.console.class", "not listed"),
    PolicyError("floor-level", "loggers.audit.level", "would be 40", "policy.toml:12"),
    ApplyError("no such file"),
    StateError("the journal ends early"),
    TransportError(111, "connection refused"),
    TransportError("no such host"),
    UntrustedAnswerError("signed by another key", claimed="applied"),
    NoAnswerError("the listener closed"),
]
REFUSALS = [error for error in EXAMPLES if isinstance(error, RefusedError)]


def in_words(error: SealwireError) -> str:
    """Name a case by its class and how it was made."""
    return f"{type(error).__name__}-{len(error.args)}"


def test_there_is_an_example_of_every_class() -> None:
    """A new error class has to be added to the examples of this file."""
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, SealwireError)
    }
    assert classes == {type(error) for error in EXAMPLES}


@pytest.mark.parametrize("error", EXAMPLES, ids=in_words)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_class_pickles(error: SealwireError, protocol: int) -> None:
    """Type, attributes and text survive, in every protocol of pickle."""
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(error) is type(back)
    assert vars(error) == vars(back)
    assert str(error) == str(back)


@pytest.mark.parametrize("error", EXAMPLES, ids=in_words)
def test_every_error_class_copies(error: SealwireError) -> None:
    """`copy` and `deepcopy` give an equal error, as process pools and queues do."""
    for back in (copy.copy(error), copy.deepcopy(error)):
        assert type(error) is type(back)
        assert vars(error) == vars(back)


@pytest.mark.parametrize("error", REFUSALS, ids=in_words)
def test_str_of_every_refusal_is_the_same(error: RefusedError) -> None:
    """Neither `str` nor the last line of a traceback says which check failed."""
    assert str(error) == "the message was refused"
    (line,) = traceback.format_exception_only(error)
    assert line.endswith(": the message was refused\n")


def test_str_is_the_same_for_every_reason_and_stage() -> None:
    """All causes at all stages give one text."""
    texts = {
        str(kind(reason, stage, "detail"))
        for kind in (RefusedError, MalformedError, VerificationError)
        for reason in Reason
        for stage in Stage
    }
    assert texts == {"the message was refused"}


def test_a_refusal_says_its_cause_in_attributes() -> None:
    """Reason, stage and detail are there for the receiving side's own log."""
    error = VerificationError(Reason.EXPIRED, Stage.CHECK, "expired 3 ms ago")
    assert (error.reason, error.stage, error.detail) == (
        Reason.EXPIRED,
        Stage.CHECK,
        "expired 3 ms ago",
    )
    assert MalformedError(Reason.EXPIRED, Stage.CHECK).detail == ""


def test_a_policy_refusal_says_rule_and_place() -> None:
    """A `PolicyError` is a refusal of stage and reason *policy* with two attributes more."""
    error = PolicyError("paths", "handlers.file.filename", "'/etc/passwd' is not allowed")
    assert (error.reason, error.stage) == (Reason.POLICY, Stage.POLICY)
    assert (error.rule, error.where) == ("paths", "handlers.file.filename")
    assert error.detail == "'/etc/passwd' is not allowed"
    assert error.source == ""


@pytest.mark.parametrize(
    ("error", "explained"),
    [
        (PolicyError("r", "w", "d", "policy.toml:12"), "r: w: d (policy.toml:12)"),
        (PolicyError("r", "w", "d"), "r: w: d"),
        (PolicyError("r", "", "d"), "r: d"),
    ],
)
def test_a_policy_refusal_explains_itself(error: PolicyError, explained: str) -> None:
    """In one line for the log; what is not there leaves no gap."""
    assert explained == error.explained


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (ConfigurationError, (SealwireError, ValueError)),
        (KeyFileError, (ConfigurationError,)),
        (SealError, (SealwireError,)),
        (MalformedError, (RefusedError,)),
        (VerificationError, (RefusedError,)),
        (PolicyError, (RefusedError,)),
        (ApplyError, (SealwireError,)),
        (StateError, (SealwireError,)),
        (TransportError, (SealwireError, OSError)),
        (NoAnswerError, (TransportError,)),
    ],
)
def test_the_tree(kind: type[SealwireError], bases: tuple[type[Exception], ...]) -> None:
    """Every class hangs where the documentation says."""
    assert bases == kind.__bases__


def test_local_misuse_and_a_peers_misbehaviour_are_different_branches() -> None:
    """Catching one of them never catches the other."""
    ours = {ConfigurationError, KeyFileError, SealError, ApplyError, StateError, TransportError}
    assert not any(issubclass(kind, RefusedError) for kind in ours)
    assert not issubclass(RefusedError, (ValueError, OSError))


@pytest.mark.parametrize(
    ("stage", "authenticated"),
    [
        (Stage.FRAME, False),
        (Stage.LAYER, False),
        (Stage.BODY, True),
        (Stage.CHECK, True),
        (Stage.ADMISSION, True),
        (Stage.DOCUMENT, True),
        (Stage.STANDING, True),
        (Stage.POLICY, True),
    ],
)
def test_what_is_before_authentication(stage: Stage, authenticated: bool) -> None:
    """Up to the layers nobody has proved anything, so nobody is told anything."""
    assert authenticated is stage.authenticated


def test_the_table_of_stages_is_whole() -> None:
    """The table above has a row for each stage."""
    assert len(Stage) == 8


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_written_as_it_is_named(reason: Reason) -> None:
    """The value on the wire is the name in lower case with hyphens."""
    assert reason.name.lower().replace("_", "-") == reason.value


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("a", 80, "'a'"),
        ("x" * 78, 80, repr("x" * 78)),
        ("x" * 79, 80, "'" + "x" * 78 + "…"),
        ("line\nbreak", 80, r"'line\nbreak'"),
        ("\x1b[31m", 80, r"'\x1b[31m'"),
        (b"\x00\xff", 80, r"b'\x00\xff'"),
        ("abcdef", 4, "'ab…"),
    ],
)
def test_a_quoted_peer_is_escaped_and_short(text: object, limit: int, expected: str) -> None:
    """Control characters are escaped, and the result never has more than ``limit`` characters."""
    assert expected == shorten(text, limit)
    assert len(shorten(text, limit)) <= limit


def test_the_usual_length_of_a_quote() -> None:
    """A line of a log stays a line."""
    assert 80 == len(shorten("x" * 1000))


def test_what_is_counted_has_an_s_unless_it_is_one() -> None:
    """As people write it."""
    assert ("0 loggers", "1 logger", "2 loggers") == tuple(counted(n, "logger") for n in range(3))
