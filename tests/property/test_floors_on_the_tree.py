"""No sequence of requests lowers a floor of the logging that really runs.

As `test_policy_sequences`, which is about trees as values; but each request goes the receiver's way
through an engine, to the logging of this process, and what is promised is seen in the files that
protected handlers write. The application changes nothing here: what it does is its own affair.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealwire import changing
from sealwire import engine as engine_module
from sealwire.documents import FormatterState
from sealwire.engine import Engine
from sealwire.errors import ApplyError, RefusedError
from sealwire.policy import (
    Ceiling,
    Direction,
    Floors,
    HandlerFloor,
    LeaseLimits,
    LoggerFloor,
    Loggers,
    Policy,
    Role,
    default_rules,
)
from sealwire.requests import CONTENT_TYPE_REQUEST, Request, Verb, read_request, write_request
from sealwire.stages import Claims, Opened, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

START_S = 1_800_000_000
LOGGERS = ["root", "a", "a.b", "a.b.c", "a.b.d", "x", "c"]
LEVELS = [0, 10, 20, 21, 30, 50]
FORMAT = "%(name)s %(message)s"
FILES = ["kept", "kept.1", "other"]


def policy(folder: Path) -> Policy:
    """Protect two loggers and what they write to; let some be loud, some both, and some neither."""
    return Policy(
        default_rules([str(folder)]),
        Floors(
            (LoggerFloor("a.b", 20, ("kept",)), LoggerFloor("x", 30, ("console",))),
            (
                HandlerFloor(
                    "kept",
                    "logging.FileHandler",
                    str(folder / "kept"),
                    formatter=FormatterState(format=FORMAT),
                ),
                HandlerFloor("console", "logging.StreamHandler", "stderr"),
            ),
        ),
        (Ceiling("root", 20), Ceiling("c", 20)),
        roles=(
            Role("both", frozenset({"alice"}), loggers=Loggers(("*",)), direction=Direction.BOTH),
            Role("some", frozenset({"carol"}), loggers=Loggers(("a", "a.*", "c"))),
            Role("all", frozenset({"*"}), through=None),
        ),
        leases=LeaseLimits(min_free_percent=0),
    )


class Service:
    """An application that has set itself up, and an engine that serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = policy(folder)
        self.errors = io.StringIO()
        self.now_s = 0
        self.done = 0
        self.ids: list[str] = []
        self._serial = itertools.count(1)
        self.engine = Engine()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Set the tree up, and the clock."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", self.errors)
            for module in (engine_module, changing):
                patch.setattr(module, "boot_ms", lambda: self.now_s * 1000)
            patch.setattr(engine_module, "monotonic_ms", lambda: self.now_s * 1000)
            console = logging.StreamHandler(self.errors)
            console.name = "console"
            kept = logging.FileHandler(self.folder / "kept")
            kept.name = "kept"
            kept.setFormatter(logging.Formatter(FORMAT))
            logging.root.addHandler(console)
            logging.getLogger("a").setLevel(20)
            logging.getLogger("a.b").addHandler(kept)
            for name in ("a.b.c", "a.b.c.e", "x.y", "c"):
                logging.getLogger(name)
            self.engine.begin(self.policy)
            yield

    def ask(self, issuer: str, verb: Verb, stream: Stream, **members: Any) -> None:  # noqa: ANN401 - what the verb has
        """Ask as a message does; what is refused, or cannot be done, changes nothing."""
        document = write_request(verb, **members)
        second = START_S + self.now_s
        cti = next(self._serial).to_bytes(16, "big")
        claims = Claims(issuer, "a@b", second + 300, second, cti, second * 1000, stream)
        opened = Opened(document, claims, CONTENT_TYPE_REQUEST, document, evidence=())
        with contextlib.suppress(ApplyError, RefusedError):
            self._judge_and_perform(read_request(opened))
            self.ids.append(cti.hex())
            self.done += 1

    def _judge_and_perform(self, request: Request) -> None:
        now_ms = (START_S + self.now_s) * 1000
        self.policy.judge(request)
        self.engine.in_force.check(request, now_ms)
        if self.policy.looks_at_trees(request):
            self.policy.judge_tree(request, *self.engine.survey(request))
        self.engine.perform(request, now_ms, self.policy)

    def leases(self) -> list[str]:
        """Give the ids of those that run."""
        return [each.id for each in self.engine.in_force.overlay.leases]

    def check(self) -> None:
        """Check what is promised, by what is written."""
        token = f"record {next(self._serial)}"
        for name in ("a.b", "a.b.c", "a.b.d", "a.b.c.e"):
            logging.getLogger(name).log(20, token)
            assert f"{name} {token}\n" in (self.folder / "kept").read_text(), name
        for name in ("x", "x.y"):
            logging.getLogger(name).log(30, "%s %s", name, token)
            assert f"{name} {token}\n" in self.errors.getvalue(), name
        for logger in (logging.root, logging.getLogger("c")):
            assert 20 <= logger.getEffectiveLevel(), logger
            assert not logger.isEnabledFor(19), logger


issuers = st.sampled_from(["alice", "bob", "carol"])
names = st.sampled_from(LOGGERS)
levels = st.sampled_from(LEVELS)
keys = st.sampled_from(["kept", "console", "new"])
handlers = st.one_of(
    st.just({"class": "logging.NullHandler"}),
    st.just({"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}),
    st.fixed_dictionaries(
        {"class": st.just("logging.FileHandler"), "filename": st.sampled_from(FILES)},
        optional={
            "level": levels,
            "formatter": st.sampled_from(["f", "g"]),
            "filters": st.just(["none"]),
        },
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a configuration; most are harmful, some are not."""
    levels_only = st.fixed_dictionaries({}, optional={"level": levels, "propagate": st.booleans()})
    found: dict[str, Any]
    if draw(st.booleans()):
        found = {
            "incremental": True,
            "loggers": draw(st.dictionaries(names, levels_only, max_size=3)),
            "handlers": draw(
                st.dictionaries(keys, st.fixed_dictionaries({"level": levels}), max_size=1)
            ),
        }
    else:
        made = draw(st.dictionaries(keys, handlers, max_size=3))
        attached = st.lists(st.sampled_from(sorted(made)), unique=True) if made else st.just([])
        whole = st.fixed_dictionaries(
            {"handlers": attached},
            optional={"level": levels, "propagate": st.booleans(), "filters": st.just(["none"])},
        )
        found = {
            "formatters": {"f": {"format": FORMAT}, "g": {"format": "%(message)s"}},
            "filters": {"none": {"name": "no.such"}},
            "handlers": made,
            "loggers": draw(st.dictionaries(names, whole, max_size=3)),
            "disable_existing_loggers": draw(st.sampled_from([False, False, True])),
        }
    if "root" in found["loggers"]:
        found["root"] = found["loggers"].pop("root")
        found["root"].pop("propagate", None)
    return {"version": 1, **found}


leased = st.dictionaries(names, st.sampled_from(LEVELS[1:]), min_size=1, max_size=3)
through = st.lists(st.sampled_from(["kept", "console"]), unique=True, max_size=1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), issuers, documents(), st.sampled_from([0, 0, 30])),
        st.tuples(st.just("lease"), issuers, leased, st.sampled_from([10, 60, 900]), through),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["back", "confirm", "restart"])),
        st.tuples(st.just("wait"), st.sampled_from([5, 30, 60])),
    ),
    max_size=15,
)


def take(service: Service, step: tuple[Any, ...]) -> None:
    """Do one step."""
    match step:
        case "apply", issuer, config, trial_s:
            asked = json.loads(json.dumps(config))
            for each in asked.get("handlers", {}).values():
                if "filename" in each:
                    each["filename"] = str(service.folder / each["filename"])
            service.ask(issuer, Verb.APPLY, Stream.BASE, config=asked, confirm_within_s=trial_s)
        case "lease", issuer, wanted, for_s, keys:
            more = {"levels": wanted, "for_s": for_s, "through": keys}
            service.ask(issuer, Verb.LEASE, Stream.LEASE, **more)
        case "end", which:
            if which < len(service.leases()):
                service.ask("bob", Verb.REVERT, Stream.LEASE, id=service.leases()[which])
        case ("back",):
            service.ask("bob", Verb.REVERT, Stream.BASE)
        case ("confirm",):
            if (pending := service.engine.in_force.trial) is not None:
                service.ask("bob", Verb.CONFIRM, Stream.BASE, id=pending.id)
        case ("restart",):
            service.engine.end(service.policy)
            service.check()
            service.engine.begin(service.policy)
        case "wait", seconds:
            service.now_s += seconds
            service.engine.let_time_pass()


INCREMENTAL = {"version": 1, "incremental": True, "handlers": {}}
# A base lifts a protected logger above its parent, so that a lease may silence the parent.
LIFTED = {**INCREMENTAL, "loggers": {"a.b": {"level": 20}, "a.b.c": {"level": 0}}}
# A base shuts a logger with a ceiling off from its parents.
SHUT = {**INCREMENTAL, "loggers": {"c": {"level": 30}}}


@given(asked=steps, order=st.randoms(use_true_random=False))
@example([("apply", "bob", LIFTED, 0), ("lease", "alice", {"a": 50}, 60, []), ("back",)], None)
@example([("apply", "bob", LIFTED, 30), ("lease", "alice", {"a": 50}, 60, []), ("wait", 30)], None)
@example([("apply", "bob", SHUT, 0), ("lease", "bob", {"root": 20}, 60, []), ("back",)], None)
@settings(max_examples=250 if settings().max_examples <= 100 else 5_000)
def test_no_sequence_lowers_a_floor(
    own_tree: Callable[[], AbstractContextManager[None]],
    asked: list[tuple[Any, ...]],
    order: Any,  # noqa: ANN401 - random.Random, or nothing in an example
) -> None:
    """After each step, and while the leases that are left end in any order."""
    with tempfile.TemporaryDirectory() as path, own_tree():
        service = Service(Path(path))
        with service.running():
            service.check()
            for step in asked:
                take(service, step)
                service.check()
            leases = service.leases()
            if order is not None:
                order.shuffle(leases)
            for lease in leases:
                service.ask("bob", Verb.REVERT, Stream.LEASE, id=lease)
                service.check()
            assert [] == service.leases()
            service.ask("bob", Verb.REVERT, Stream.BASE)
            service.check()


def test_some_steps_are_done(own_tree: Callable[[], AbstractContextManager[None]]) -> None:
    """A policy that refuses everything would keep its promise as well."""
    with tempfile.TemporaryDirectory() as path, own_tree():
        service = Service(Path(path))
        new = {"class": "logging.FileHandler", "filename": "other"}
        with service.running():
            for step in (
                ("apply", "bob", LIFTED, 30),
                ("confirm",),
                ("lease", "alice", {"a": 50}, 60, []),
                ("lease", "bob", {"a.b.c": 10}, 60, ["kept"]),
                ("apply", "carol", {"version": 1, "loggers": {"c": {"level": 30}}}, 0),
                ("apply", "bob", {"version": 1, "handlers": {"new": new}}, 0),
                ("end", 0),
                ("back",),
            ):
                take(service, step)
                service.check()
            assert 8 == service.done


@pytest.mark.parametrize(("name", "level"), [("a", 21), ("x", 31), ("c", 10), (None, 19)])
def test_what_is_broken_is_seen(
    own_tree: Callable[[], AbstractContextManager[None]], name: str | None, level: int
) -> None:
    """Otherwise the check above would show nothing."""
    with tempfile.TemporaryDirectory() as path, own_tree():
        service = Service(Path(path))
        with service.running():
            service.check()
            logging.getLogger(name).setLevel(level)
            with pytest.raises(AssertionError):
                service.check()
