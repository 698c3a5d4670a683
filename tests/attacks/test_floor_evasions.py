"""Ways around floors, ceilings, leases and roles: each refused, and by the rule it ought to be.

All of them are well-formed, signed by somebody who is trusted, and made of classes, files and
formats that the host allows: nothing but what would become of the logging speaks against them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.attacks.conftest import AUDIT_FILE, BASE, FORMAT, result

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.errors import PolicyError
from sealwire.policy import Floors

if TYPE_CHECKING:
    from tests.attacks.conftest import Court

FILE = "logging.FileHandler"
ROTATING = "logging.handlers.RotatingFileHandler"
AUDIT = {"class": FILE, "filename": AUDIT_FILE, "formatter": "f", "encoding": "utf-8"}
FORMATTERS = {"f": {"format": FORMAT}, "bare": {"format": "%(message)s"}}
NULL = {"class": "logging.NullHandler"}
OTHER = {"class": FILE, "filename": "/var/log/app/other.log"}


class Evasion(NamedTuple):
    """A configuration, and the rule that refuses what it would do."""

    name: str
    rule: str
    document: dict[str, Any]


def logger(name: str, rule: str, of: str, **entries: object) -> Evasion:
    """Give an evasion that is one logger of an incremental configuration."""
    return Evasion(name, rule, {"incremental": True, "loggers": {of: entries}})


def handlers(name: str, rule: str, **made: object) -> Evasion:
    """Give an evasion that defines handlers."""
    return Evasion(name, rule, {"formatters": FORMATTERS, "handlers": made})


EVASIONS = [
    # ---- levels -----------------------------------------------------------------------------
    logger("the level raised", "floor-level", "payments.audit", level="WARNING"),
    logger("the level raised a little", "floor-level", "payments.audit", level=21),
    logger("a level beyond CRITICAL", "floor-level", "payments.audit", level=1_000_000),
    logger("inherits a higher level", "floor-level", "payments.audit", level="ERROR"),
    logger("a child raised", "floor-level", "payments.audit.login", level="CRITICAL"),
    logger("a child raised that nobody made", "floor-level", "payments.audit.new", level="ERROR"),
    logger("a grandchild raised", "floor-level", "payments.audit.login.sso", level="ERROR"),
    Evasion(
        "a parent raised, and the logger inherits",
        "floor-level",
        {
            "incremental": True,
            "loggers": {"payments": {"level": "ERROR"}, "payments.audit": {"level": "NOTSET"}},
        },
    ),
    Evasion(
        "the root raised, above a logger that inherits",
        "floor-level",
        {"incremental": True, "root": {"level": "ERROR"}},
    ),
    Evasion(
        "the root raised by another name",
        "floor-level",
        {"incremental": True, "loggers": {"root": {"level": "CRITICAL"}}},
    ),
    Evasion(
        "the handler raised",
        "floor-level",
        {"incremental": True, "handlers": {"audit": {"level": "CRITICAL"}}},
    ),
    Evasion(
        "the handler of a parent raised",
        "floor-level",
        {"incremental": True, "handlers": {"console": {"level": "CRITICAL"}}},
    ),
    handlers("the handler defined with a level", "floor-level", audit={**AUDIT, "level": "ERROR"}),
    # ---- handlers taken away ----------------------------------------------------------------
    Evasion("the handlers left out", "floor-reach", {"loggers": {"payments.audit": {}}}),
    Evasion(
        "the handlers left out, the level kept",
        "floor-reach",
        {"loggers": {"payments.audit": {"level": "INFO", "handlers": []}}},
    ),
    Evasion(
        "reset as the child of a logger that is named",
        "floor-reach",
        {"loggers": {"payments": {"level": "INFO"}}},
    ),
    Evasion("the root reset", "floor-reach", {"root": {"level": "WARNING"}}),
    Evasion("the root emptied", "floor-reach", {"root": {"handlers": []}}),
    Evasion("the root reset by another name", "floor-reach", {"loggers": {"": {"level": 30}}}),
    Evasion(
        "another handler in its place",
        "floor-reach",
        {"handlers": {"h": OTHER}, "loggers": {"payments.audit": {"handlers": ["h"]}}},
    ),
    Evasion(
        "a handler of a like name",
        "floor-reach",
        {"handlers": {"audit ": OTHER}, "loggers": {"payments.audit": {"handlers": ["audit "]}}},
    ),
    Evasion(
        "a buffer in front of it",
        "floor-reach",
        {
            "formatters": FORMATTERS,
            "handlers": {
                "audit": AUDIT,
                "m": {
                    "class": "logging.handlers.MemoryHandler",
                    "capacity": 10_000,
                    "flushLevel": 1_000_000,
                    "target": "audit",
                },
            },
            "loggers": {"payments.audit": {"level": "INFO", "handlers": ["m"]}},
        },
    ),
    Evasion(
        "a stop between logger and root",
        "floor-reach",
        {"incremental": True, "loggers": {"security": {"propagate": False}}},
    ),
    logger("a child that does not pass on", "floor-reach", "payments.audit.login", propagate=False),
    logger("a new child that does not", "floor-reach", "payments.audit.new", propagate=False),
    Evasion(
        "a child with handlers of its own",
        "floor-reach",
        {
            "handlers": {"h": OTHER},
            "loggers": {
                "payments.audit.login": {"handlers": ["h"], "propagate": False, "level": "INFO"}
            },
        },
    ),
    # ---- propagate, disabled, filters -------------------------------------------------------
    logger("not passed on any more", "floor-propagate", "payments.audit", propagate=False),
    Evasion("everything else disabled", "floor-disabled", {"disable_existing_loggers": True}),
    Evasion(
        "disabled beside a logger that is named",
        "floor-disabled",
        {"disable_existing_loggers": True, "loggers": {"payments.db": {"level": "INFO"}}},
    ),
    Evasion(
        "a filter on the logger",
        "floor-filters",
        {
            "formatters": FORMATTERS,
            "filters": {"none": {"name": "no.such"}},
            "handlers": {"audit": AUDIT},
            "loggers": {
                "payments.audit": {"level": "INFO", "handlers": ["audit"], "filters": ["none"]}
            },
        },
    ),
    Evasion(
        "a filter on a child",
        "floor-filters",
        {
            "filters": {"none": {"name": "no.such"}},
            "loggers": {"payments.audit.login": {"filters": ["none"]}},
        },
    ),
    Evasion(
        "a filter on the handler",
        "floor-filters",
        {
            "formatters": FORMATTERS,
            "filters": {"none": {"name": "no.such"}},
            "handlers": {"audit": {**AUDIT, "filters": ["none"]}},
        },
    ),
    # ---- another handler under the same name ------------------------------------------------
    handlers("a handler that throws away", "floor-handler", audit=NULL),
    handlers("another file", "floor-handler", audit={**AUDIT, "filename": "/var/log/app/x.log"}),
    handlers(
        "a stream", "floor-handler", audit={"class": "logging.StreamHandler", "formatter": "f"}
    ),
    handlers(
        "the format without name and time", "floor-handler", audit={**AUDIT, "formatter": "bare"}
    ),
    handlers(
        "no format at all",
        "floor-handler",
        audit={"class": FILE, "filename": AUDIT_FILE, "encoding": "utf-8"},
    ),
    handlers(
        "an encoding that loses records", "floor-handler", audit={**AUDIT, "encoding": "ascii"}
    ),
    handlers("its encoding left out", "floor-handler", audit={**AUDIT, "encoding": None}),
    handlers(
        "errors that are another matter", "floor-handler", audit={**AUDIT, "errors": "strict"}
    ),
    handlers(
        "a file that rotates away",
        "floor-handler",
        audit={**AUDIT, "class": ROTATING, "maxBytes": 65_536, "backupCount": 1},
    ),
    handlers(
        "a buffer under its name",
        "floor-handler",
        audit={"class": "logging.handlers.MemoryHandler", "capacity": 10_000, "target": "o"},
        o=OTHER,
    ),
    handlers("the parent's handler redefined", "floor-handler", console=NULL),
    handlers(
        "the parent's handler elsewhere",
        "floor-handler",
        console={"class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
    ),
    # ---- a second writer --------------------------------------------------------------------
    handlers(
        "a second handler on the file", "floor-file", h={"class": FILE, "filename": AUDIT_FILE}
    ),
    handlers(
        "a second handler that rotates the file",
        "floor-file",
        h={"class": ROTATING, "filename": AUDIT_FILE, "maxBytes": 65_536, "backupCount": 1},
    ),
    handlers(
        "a handler whose rotation ends on the file",
        "floor-file",
        h={"class": ROTATING, "filename": "/var/log/app/audit", "backupCount": 1},
    ),
    handlers(
        "a handler on what rotation made of the file",
        "floor-file",
        h={"class": FILE, "filename": f"{AUDIT_FILE}.1"},
    ),
    # ---- ceilings ---------------------------------------------------------------------------
    Evasion("too loud", "ceiling", {"incremental": True, "root": {"level": "DEBUG"}}),
    Evasion("loudest of all", "ceiling", {"incremental": True, "root": {"level": "NOTSET"}}),
    logger("too loud beneath", "ceiling", "vault.keys", level="DEBUG"),
    logger("too loud by its own level", "ceiling", "vault", level="INFO"),
    Evasion("too loud by inheriting", "ceiling", {"incremental": True, "root": {"level": "INFO"}}),
]


def test_the_table_is_of_some_length() -> None:
    """There are as many evasions as there ought to be, each with a name of its own."""
    assert 50 <= len(EVASIONS) == len({evasion.name for evasion in EVASIONS})


@pytest.mark.parametrize("evasion", EVASIONS, ids=[evasion.name for evasion in EVASIONS])
def test_every_evasion_is_refused(court: Court, evasion: Evasion) -> None:
    """By the rule in the table, and with the line of the policy."""
    request = court.apply(evasion.document)
    assert evasion.rule in court.refusals(request)
    with pytest.raises(PolicyError) as refused:
        court.judge(request)
    assert refused.value.source.startswith("policy.toml:")


def loses(tree: Tree) -> bool:
    """Whether ``logging`` itself would keep back a record that the floors are to keep."""
    audit = ("payments.audit", "payments.audit.login", "payments.audit.login.sso")
    return any(
        handler not in tree.emission(name, level).emitting
        for name, level, handler in (
            *((name, 20, "audit") for name in (*audit, "payments.audit.new")),
            ("security", 30, "console"),
        )
    )


@pytest.mark.parametrize(
    "evasion",
    [each for each in EVASIONS if each.rule in {"floor-level", "floor-reach", "floor-disabled"}],
    ids=lambda evasion: evasion.name,
)
def test_what_is_called_an_evasion_is_one(court: Court, evasion: Evasion) -> None:
    """A record would be lost: the table refuses no harmless change."""
    assert not loses(BASE)
    assert loses(result(BASE, court.apply(evasion.document)))


def test_what_the_evasions_are_made_of_is_allowed(court: Court) -> None:
    """The same loggers, handlers and files, without the harm: what refuses is the harm."""
    innocent: list[dict[str, Any]] = [
        {"incremental": True, "loggers": {"payments.audit": {"level": "DEBUG"}}},
        {"incremental": True, "loggers": {"payments.db": {"level": "ERROR", "propagate": False}}},
        {"incremental": True, "handlers": {"audit": {"level": "INFO"}}},
        {"handlers": {"h": OTHER}, "loggers": {"payments.db": {"handlers": ["h"]}}},
        {
            "formatters": FORMATTERS,
            "handlers": {"audit": AUDIT, "h": OTHER},
            "loggers": {
                "payments.audit": {"level": "INFO", "handlers": ["audit", "h"]},
                "payments.audit.login": {"level": "DEBUG", "handlers": ["h"]},
            },
        },
    ]
    for document in innocent:
        assert [] == court.refusals(court.apply(document))


# ---- a floor of a handler alone -------------------------------------------------------------

DETACHED: dict[str, dict[str, Any]] = {
    "the root without it": {"root": {"level": "WARNING", "handlers": []}},
    "the root with another one": {"handlers": {"h": OTHER}, "root": {"handlers": ["h"]}},
    "defined, and given to nobody": {
        "formatters": FORMATTERS,
        "handlers": {"audit": AUDIT},
        "root": {"handlers": []},
    },
    "behind a buffer": {
        "formatters": FORMATTERS,
        "handlers": {
            "audit": AUDIT,
            "m": {"class": "logging.handlers.MemoryHandler", "capacity": 9, "target": "audit"},
        },
        "root": {"handlers": ["m"]},
    },
}


@pytest.mark.parametrize("document", DETACHED.values(), ids=DETACHED)
def test_a_protected_handler_is_not_detached(court: Court, document: dict[str, Any]) -> None:
    """Where no logger's floor names it, too."""
    alone = replace(court.policy, floors=Floors(handlers=court.policy.floors.handlers))
    court = replace(court, policy=alone)
    base = changed(
        a=BASE.logger("")._replace(handlers=("console", "audit")),
        b=BASE.logger("payments.audit")._replace(handlers=()),
    )
    assert ["floor-handler"] == court.refusals(court.apply(document), base)


def test_a_protected_handler_may_go_from_one_logger_to_another(court: Court) -> None:
    """Whose records it writes is a matter of the floors of loggers."""
    alone = Floors(handlers=court.policy.floors.handlers)
    moved = changed(
        a=BASE.logger("")._replace(handlers=("console", "audit")),
        b=BASE.logger("payments.audit")._replace(handlers=()),
    )
    assert [] == list(alone.tree(BASE, moved))


# ---- names that a configuration gives -------------------------------------------------------


FILTERS = ["Filter(payments)", "app.Redact"]
"""What a tree says of filters that are there, and what a configuration may call its own."""


@pytest.mark.parametrize("named", FILTERS)
@pytest.mark.parametrize("place", ["handlers", "loggers"])
def test_a_filter_is_not_taken_for_another_because_of_its_name(
    court: Court, place: str, named: str
) -> None:
    """A filter that lets nothing pass, called what the tree calls the one that is there."""
    base = kept(filters=(named,)) if place == "handlers" else filtered(named)
    audit = {**AUDIT, "filters": [named]} if place == "handlers" else AUDIT
    on = {"filters": [named]} if place == "loggers" else {}
    document = {
        "formatters": FORMATTERS,
        "filters": {named: {"name": "no.such"}},
        "handlers": {"audit": audit},
        "loggers": {"payments.audit": {"level": "INFO", "handlers": ["audit"], **on}},
    }
    assert ["floor-filters"] == court.refusals(court.apply(document), base)


@pytest.mark.parametrize("place", ["handlers", "loggers"])
def test_a_filter_that_does_the_same_is_the_same(court: Court, place: str) -> None:
    """Whatever a configuration calls it."""
    base = kept(filters=("Filter(payments)",)) if place == "handlers" else filtered(FILTERS[0])
    audit = {**AUDIT, "filters": ["f"]} if place == "handlers" else AUDIT
    on = {"filters": ["f"]} if place == "loggers" else {}
    document = {
        "formatters": FORMATTERS,
        "filters": {"f": {"name": "payments"}},
        "handlers": {"audit": audit},
        "loggers": {"payments.audit": {"level": "INFO", "handlers": ["audit"], **on}},
    }
    assert [] == court.refusals(court.apply(document), base)


# ---- parents that code has given to loggers -------------------------------------------------

THROUGH_THE_PARENT: dict[str, tuple[str, dict[str, Any]]] = {
    "its level raised": ("floor-level", {"incremental": True, "loggers": {"jobs": {"level": 50}}}),
    "its handlers taken": ("floor-reach", {"loggers": {"jobs": {"level": "INFO"}}}),
    "another parent taken by a logger that is made": (
        "floor-reach",
        {"incremental": True, "loggers": {"payments": {"level": "INFO"}}},
    ),
}


@pytest.mark.parametrize(("rule", "document"), THROUGH_THE_PARENT.values(), ids=THROUGH_THE_PARENT)
def test_a_floor_looks_at_the_parent_that_a_logger_has(
    court: Court, rule: str, document: dict[str, Any]
) -> None:
    """And not at the one that it would have by its name."""
    base = BASE._replace(
        loggers=(
            LoggerState("", 30, ("console",)),
            LoggerState("jobs", 20, ("audit",), propagate=False),
            LoggerState("payments.audit", parent="jobs"),
            LoggerState("security"),
        )
    )
    assert rule in court.refusals(court.apply(document), base)


def test_a_lease_does_not_take_a_logger_from_its_parent(court: Court) -> None:
    """A lease makes loggers too."""
    base = BASE._replace(
        loggers=(
            LoggerState("", 30, ("console",)),
            LoggerState("jobs", 20, ("audit",), propagate=False),
            LoggerState("payments.audit", parent="jobs"),
            LoggerState("security"),
        )
    )
    assert "floor-reach" in court.refusals(court.lease(levels={"payments": "DEBUG"}), base)


# ---- what no configuration can do, but a process can -----------------------------------------


def changed(**loggers: LoggerState) -> Tree:
    """Give the base with these loggers otherwise."""
    names = {**BASE.by_name(), **{each.name: each for each in loggers.values()}}
    return BASE._replace(loggers=tuple(names[name] for name in sorted(names)))


def kept(**handler: Any) -> Tree:  # noqa: ANN401 - fields of a handler
    """Give the base with another handler ``audit``."""
    made = [each._replace(**handler) if each.key == "audit" else each for each in BASE.handlers]
    return BASE._replace(handlers=tuple(made))


def filtered(words: str) -> Tree:
    """Give the base with a filter on the protected logger."""
    return changed(a=BASE.logger("payments.audit")._replace(filters=(words,)))


TREES = {
    "logging.disable": ("floor-disable", BASE._replace(disable=20)),
    "logging.disable above": ("floor-disable", BASE._replace(disable=50)),
    "a logger disabled": (
        "floor-disabled",
        changed(a=LoggerState("payments.audit", 20, ("audit",), disabled=True)),
    ),
    "a child disabled": (
        "floor-disabled",
        changed(a=LoggerState("payments.audit.login", disabled=True)),
    ),
    "the handler gone": ("floor-handler", BASE._replace(handlers=BASE.handlers[1:])),
    "a new handler of the name, and the old one elsewhere": (
        "floor-reach",
        changed(
            a=LoggerState("payments.audit", 20, ("audit #2",)),
            b=LoggerState("payments.db", 0, ("audit",)),
        )._replace(
            handlers=(
                BASE.handlers[0],
                HandlerState("audit #2", "logging.NullHandler"),
                BASE.handlers[1],
            )
        ),
    ),
    "a handler of the name on the same file": (
        "floor-file",
        BASE._replace(
            handlers=(
                BASE.handlers[0],
                BASE.handlers[0]._replace(key="audit #2"),
                BASE.handlers[1],
            )
        ),
    ),
    "a handler without a name": ("floor-handler", kept(named=False)),
    "a handler of somebody else": ("floor-handler", kept(foreign=True)),
    "a formatter of another class": (
        "floor-handler",
        kept(formatter=FormatterState("app.Formatter", FORMAT)),
    ),
    "a formatter that writes nothing": ("floor-handler", kept(formatter=FormatterState(format=""))),
    "a formatter with another time": (
        "floor-handler",
        kept(formatter=FormatterState(format=FORMAT, datefmt="x")),
    ),
    "a second handler on the file, by Windows's name": (
        "floor-handler",
        kept(target=r"C:\audit.log"),
    ),
    "a filter that was not there": ("floor-filters", kept(filters=("app.Filter",))),
}


@pytest.mark.parametrize(("rule", "after"), TREES.values(), ids=TREES)
def test_a_tree_below_a_floor_is_refused(court: Court, rule: str, after: Tree) -> None:
    """Whatever led to it, and also without a request."""
    assert rule in [each.rule for each in court.policy.tree_objections(None, BASE, after)]


# ---- leases and roles -----------------------------------------------------------------------

LEASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "quieter": ("lease-direction", "alice", {"levels": {"payments.db": "ERROR"}}),
    "quieter by a little": ("lease-direction", "alice", {"levels": {"payments": 21}}),
    "quieter than a level that is inherited": (
        "lease-direction",
        "alice",
        {"levels": {"payments.new": "WARNING"}},
    ),
    "below a floor, with the right to be quiet": (
        "floor-level",
        "quentin",
        {"levels": {"payments.audit": "ERROR"}},
    ),
    "below a floor by a child": (
        "floor-level",
        "quentin",
        {"levels": {"payments.audit.login": "WARNING"}},
    ),
    "too loud": ("ceiling", "alice", {"levels": {"root": "DEBUG"}}),
    "too loud by inheriting": ("ceiling", "alice", {"levels": {"root": "INFO"}}),
    "too long": ("lease-length", "alice", {"levels": {"payments": "DEBUG"}, "for_s": 3601}),
    "too long for the role": (
        "lease-length",
        "olivia",
        {"levels": {"payments": "DEBUG"}, "for_s": 1801, "why": "INC-1"},
    ),
    "a library that writes secrets": (
        "lease-secrets",
        "alice",
        {"levels": {"botocore": "DEBUG"}},
    ),
    "a part of a library that writes secrets": (
        "lease-secrets",
        "alice",
        {"levels": {"botocore.auth": "DEBUG"}},
    ),
    "secrets below DEBUG": ("lease-secrets", "alice", {"levels": {"urllib3": 1}}),
    "values of statements at INFO": (
        "lease-secrets",
        "alice",
        {"levels": {"sqlalchemy.engine.Engine": "INFO"}},
    ),
    "secrets by inheriting": ("lease-secrets", "olivia", {"levels": {"root": "DEBUG"}}),
    "secrets by inheriting from a near one": (
        "lease-secrets",
        "quentin",
        {"levels": {"payments.db": "DEBUG", "sqlalchemy.engine": "DEBUG"}},
    ),
    "another logger": ("role-loggers", "olivia", {"levels": {"vault": "INFO"}}),
    "another level": ("role-levels", "olivia", {"levels": {"payments": 5}}),
    "another handler": (
        "role-through",
        "olivia",
        {"levels": {"payments": "DEBUG"}, "through": ["audit"], "why": "INC-1"},
    ),
    "no reason": ("role-why", "olivia", {"levels": {"payments": "DEBUG"}}),
    "another reason": ("role-why", "olivia", {"levels": {"payments": "DEBUG"}, "why": "x INC-1"}),
    "alone where two are asked for": ("threshold", "peter", {"levels": {"payments": "DEBUG"}}),
    "somebody who may only look": ("role-verbs", "lookout", {"levels": {"payments": "DEBUG"}}),
    "somebody unknown": ("no-role", "mallory", {"levels": {"payments": "DEBUG"}}),
}


@pytest.mark.parametrize(("rule", "issuer", "members"), LEASES.values(), ids=LEASES)
def test_every_lease_is_refused(
    court: Court, rule: str, issuer: str, members: dict[str, Any]
) -> None:
    """By the rule in the table."""
    assert rule in court.refusals(court.lease(issuer, **members))


def test_leases_that_harm_nobody_are_allowed(court: Court) -> None:
    """Louder, as long as allowed, with reason; a harmless level named for what writes secrets."""
    for issuer, members in (
        ("alice", {"levels": {"payments": "DEBUG"}, "for_s": 3600}),
        ("alice", {"levels": {"payments.audit": "DEBUG"}, "through": ["audit"]}),
        ("olivia", {"levels": {"payments": "DEBUG"}, "for_s": 1800, "why": "INC-4711"}),
        ("quentin", {"levels": {"payments.db": "ERROR"}}),
        ("quentin", {"levels": {"botocore": "DEBUG"}}),
        ("alice", {"levels": {"botocore": "INFO"}}),
    ):
        assert [] == court.refusals(court.lease(issuer, **members))


ROLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another logger": ("role-loggers", "olivia", {"loggers": {"vault": {"level": "INFO"}}}),
    "all other loggers": ("role-loggers", "olivia", {"disable_existing_loggers": True}),
    "a handler of loggers of others": (
        "role-loggers",
        "quentin",
        {"incremental": True, "handlers": {"console": {"level": "DEBUG"}}},
    ),
    "another level": (
        "role-levels",
        "olivia",
        {"incremental": True, "loggers": {"payments.db": {"level": "ERROR"}}},
    ),
    "another level, on a handler": (
        "role-levels",
        "olivia",
        {"incremental": True, "handlers": {"audit": {"level": "ERROR"}}},
    ),
    "alone": ("threshold", "paula", {"incremental": True}),
    "without the verb": ("role-verbs", "lookout", {"incremental": True}),
    "unknown": ("no-role", "mallory", {"incremental": True}),
}


@pytest.mark.parametrize(("rule", "issuer", "document"), ROLES.values(), ids=ROLES)
def test_every_configuration_beyond_a_role_is_refused(
    court: Court, rule: str, issuer: str, document: dict[str, Any]
) -> None:
    """By the rule in the table, judged on the request or on what it would do to others."""
    assert rule in court.refusals(court.apply(document, issuer))


def test_a_handler_named_as_status_prints_it_is_not_taken_over(court: Court) -> None:
    """A handler without a name can be protected, and a new one of that name is another one."""
    policy = court.policy
    key = "StreamHandler(stderr)"
    floors = policy.floors
    floor = floors.loggers[1].__class__("security", 30, (key,))
    console = HandlerState(key, "logging.StreamHandler", target="stderr", named=False)
    base = Tree((LoggerState("", 30, (key,)),), (console,))
    after = base._replace(handlers=(console._replace(named=True),))
    protected = floors.__class__((floor,))
    assert ["floor-handler"] == [each.rule for each in protected.tree(base, after)]
