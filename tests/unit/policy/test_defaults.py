"""The rules a host gets by default, and how it widens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import ConfigurationError, PolicyError
from sealwire.policy import OneOf, Parameter, Rule, default_rules, judge

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask

USUAL: dict[str, object] = {
    "formatters": {"f": {"format": "%(asctime)s %(message)s", "datefmt": "%H:%M"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "f",
            "stream": "ext://sys.stderr",
        },
        "syslog": {"class": "logging.handlers.SysLogHandler", "address": "/dev/log"},
    },
    "loggers": {"payments.db": {"level": "DEBUG"}},
    "root": {"level": "INFO", "handlers": ["console", "syslog"]},
}
FILE = {"class": "logging.FileHandler", "filename": "/var/log/app/x.log"}


def refusal(rules: tuple[Rule, ...], ask: Ask, **sections: object) -> str:
    """Give the name of the rule that refuses."""
    with pytest.raises(PolicyError) as caught:
        judge(rules, ask(**sections))
    return caught.value.rule


def test_a_usual_configuration_is_allowed(ask: Ask) -> None:
    """Streams, the local syslog, levels; files too where a directory is named."""
    judge(default_rules(), ask(**USUAL))
    judge(default_rules(["/var/log/app"]), ask(handlers={"h": FILE}))


def test_files_are_refused_by_default(ask: Ask) -> None:
    """A host that names no directory has no files written."""
    assert "file-path" == refusal(default_rules(), ask, handlers={"h": FILE})


def test_each_list_can_be_replaced(ask: Ask) -> None:
    """What one host allows, another does not."""
    rules = default_rules(
        handler_classes=["app.Handler", "logging.handlers.SysLogHandler"],
        formatter_classes=["app.Formatter"],
        arguments={"app.Handler": {"colour": Parameter(OneOf(("red",)))}},
        externals=["app.stream"],
        destinations=[("logs.example", 514)],
        extra_fields=["request_id"],
        max_handlers=2,
        max_loggers=1,
    )
    handler = {"class": "app.Handler", "colour": "red"}
    judge(
        rules,
        ask(
            formatters={"f": {"class": "app.Formatter", "format": "%(request_id)s"}},
            handlers={
                "h": handler,
                "s": {
                    "class": "logging.handlers.SysLogHandler",
                    "address": ["logs.example", 514],
                    "socktype": "ext://app.stream",
                },
            },
            loggers={"a": {}},
        ),
    )
    assert "handler-class" == refusal(rules, ask, **USUAL)
    three = {f"h{number}": handler for number in range(3)}
    assert "count" == refusal(rules, ask, handlers=three)
    assert "count" == refusal(rules, ask, loggers={"a": {}, "b": {}})


def test_the_order_stops_code_first() -> None:
    """Rules about what would run come before rules about what it would be given."""
    assert [
        "handler-class",
        "formatter-class",
        "external",
        "handler-argument",
        "file-path",
        "destination",
        "format-string",
        "date-format",
        "count",
    ] == [rule.name for rule in default_rules()]


@pytest.mark.parametrize(
    "parameter",
    [
        "directories",
        "handler_classes",
        "formatter_classes",
        "externals",
        "destinations",
        "extra_fields",
    ],
)
def test_one_string_is_no_list(parameter: str) -> None:
    """Its characters would be taken for the entries, "/" among them."""
    arguments: dict[str, Any] = {parameter: "/dev/log"}
    with pytest.raises(ConfigurationError, match=f"{parameter} is one string"):
        default_rules(**arguments)


def test_an_unfit_directory_does_not_construct() -> None:
    """A relative directory would move with the process."""
    with pytest.raises(ConfigurationError, match="'logs' cannot be allowed"):
        default_rules(["logs"])
