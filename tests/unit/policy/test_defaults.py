"""The rules a host gets by default, and how it widens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import ConfigurationError, MalformedError, PolicyError
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
        "factory",
        "attribute",
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
        "factories",
        "attributes",
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


NETWORK: dict[str, dict[str, Any]] = {
    "logging.handlers.SocketHandler": {"host": "h", "port": 9},
    "logging.handlers.DatagramHandler": {"host": "h", "port": 9},
    "logging.handlers.HTTPHandler": {"host": "h:9", "url": "/", "method": "POST", "secure": True},
    "logging.handlers.SMTPHandler": {
        "mailhost": ["h", 9],
        "fromaddr": "a@h",
        "toaddrs": ["b@h"],
        "subject": "s",
    },
}


@pytest.mark.parametrize("class_name", NETWORK)
def test_what_sends_to_other_machines_has_to_be_named(ask: Ask, class_name: str) -> None:
    """The class and where it sends; neither is there by default, and credentials never are."""
    handler = {"class": class_name, **NETWORK[class_name]}
    named = default_rules(handler_classes=[class_name], destinations=[("h", 9)])
    judge(named, ask(handlers={"h": handler}))
    unsent = default_rules(handler_classes=[class_name])
    assert "destination" == refusal(unsent, ask, handlers={"h": handler})
    assert "handler-class" == refusal(default_rules(), ask, handlers={"h": handler})
    secret = {**handler, "credentials": ["a", "b"]}
    assert "handler-argument" == refusal(named, ask, handlers={"h": secret})
    for key in NETWORK[class_name]:
        less = {other: value for other, value in handler.items() if other != key}
        if key not in {"method", "secure"}:
            assert refusal(named, ask, handlers={"h": less}) in {"handler-argument", "destination"}


@pytest.mark.parametrize("addresses", [[], [1], {"a": 1}, 1])
def test_mail_goes_to_addresses(ask: Ask, addresses: object) -> None:
    """A text or a list of texts."""
    mail = "logging.handlers.SMTPHandler"
    rules = default_rules(handler_classes=[mail], destinations=[("h", 9)])
    handler = {"class": mail, **NETWORK[mail], "toaddrs": addresses}
    try:
        found = refusal(rules, ask, handlers={"h": handler})
    except MalformedError:
        found = "malformed"
    assert found == ("malformed" if isinstance(addresses, dict) else "handler-argument")
