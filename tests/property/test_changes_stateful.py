"""Any sequence of requests, time and changes by the application, against a simple model.

The engine works on this process's own logging tree, which is put aside for each example. The model
knows, for each logger, what it has beneath all leases; who leases it at which level; and what the
application set over a lease. Where the model has to know an object, it is the object itself.

Longer than other test files: model and machine are of no use without each other, and test files
cannot import one another.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from sealwire import changing
from sealwire import engine as engine_module
from sealwire.changing import MAX_LEASES_OF_ONE
from sealwire.engine import Engine
from sealwire.errors import ApplyError, Reason, RefusedError
from sealwire.inforce import Base
from sealwire.logtree import swapping
from sealwire.logtree.internals import named_handlers
from sealwire.policy import Direction, Floors, LeaseLimits, LoggerFloor, Policy, Role
from sealwire.requests import (
    CONTENT_TYPE_REQUEST,
    Apply,
    Request,
    Verb,
    read_request,
    write_request,
)
from sealwire.stages import Claims, Opened, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

START_S = 1_800_000_000
LEVELS = (10, 20, 30, 40)
NAMES = ("", "m", "m.a", "m.a.b", "m.c", "n.new", "n.newer")
KEYS = ("h1", "h2", "h3")
FILES = ("one.log", "two.log")


class Unbound(Role):
    """A role that leases both ways, and is limited to no loggers, as no policy allows it."""

    def __post_init__(self) -> None:
        """Check nothing."""


ANYBODY = Unbound("any", frozenset({"*"}), through=None, direction=Direction.BOTH)
ANYTHING = Policy((), roles=(ANYBODY,), leases=LeaseLimits(min_free_percent=0))


class ForeignHandler(logging.Handler):
    """What a third party has put somewhere."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""


# ---- the model ----------------------------------------------------------------------------------


@dataclass
class Part:
    """What a logger has beneath all leases."""

    level: int = 0
    propagate: bool = True
    disabled: bool = False
    handlers: list[logging.Handler] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)

    def copy(self) -> Part:
        """Give another one that is the same now."""
        return replace(self, handlers=[*self.handlers], filters=[*self.filters])


@dataclass
class Own:
    """What a handler has beneath all leases, and by which definition it could have been made."""

    handler: logging.Handler
    level: int
    formatter: logging.Formatter | None
    made_as: object
    by_us: bool = False


class Snapshot(NamedTuple):
    """Everything that going back gives back."""

    loggers: dict[str, Part]
    handlers: dict[int, tuple[int, logging.Formatter | None]]
    names: dict[str, logging.Handler]


class Way(NamedTuple):
    """The base that one goes back to, and the change that is undone."""

    to: Base
    before: Snapshot
    left: Snapshot


class Running(NamedTuple):
    """A lease."""

    id: str
    issuer: str
    loggers: dict[str, int]
    handlers: dict[str, int]
    ends_s: int


class Model:
    """What logging should be."""

    def __init__(self) -> None:
        self.loggers: dict[str, Part] = {}
        self.handlers: dict[int, Own] = {}
        self.names: dict[str, logging.Handler] = {}
        self.leases: list[Running] = []
        self.ways: list[Way] = []
        self.base = Base()
        self.trial: tuple[str, int] | None = None
        # Handlers that leases go through and that were there; another of that name is a stranger.
        self.held: set[str] = set()
        # What the application set while a lease was in force there.
        self.meddled: dict[str, int] = {}
        self.meddled_handlers: dict[str, int] = {}

    # What is in force.

    def leased(self, name: str) -> int | None:
        """Give what the newest lease says."""
        found = [each.loggers[name] for each in self.leases if name in each.loggers]
        return found[-1] if found else None

    def leased_handler(self, key: str) -> int | None:
        """Give what the loudest lease says; none of them raises a handler's own level."""
        found = [each.handlers[key] for each in self.leases if key in each.handlers]
        if not found or key not in self.held:
            return None
        if key in self.names:
            found.append(self.handlers[id(self.names[key])].level)
        return min(found)

    def level(self, name: str) -> int:
        """Give a logger's own level."""
        leased = self.leased(name)
        return self.loggers[name].level if leased is None else self.meddled.get(name, leased)

    def handler_level(self, own: Own) -> int:
        """Give a handler's level."""
        for key, handler in self.names.items():
            leased = self.leased_handler(key)
            if handler is own.handler and leased is not None:
                return self.meddled_handlers.get(key, leased)
        return own.level

    def effective(self, name: str) -> int:
        """Give the level in force."""
        while name not in self.loggers or (name and not self.level(name)):
            name = name.rpartition(".")[0]
        return self.level(name)

    # What leases do.

    def set_leases(self, leases: list[Running]) -> None:
        """Let other leases run."""
        names = {name for each in [*self.leases, *leases] for name in each.loggers}
        keys = {key for each in [*self.leases, *leases] for key in each.handlers}
        was = {name: self.leased(name) for name in names}
        had = {key: self.leased_handler(key) for key in keys}
        for name in names:
            self.loggers.setdefault(name, Part())
        new = [each for each in leases if each not in self.leases]
        self.leases = leases
        self.held = {
            key for each in leases for key in each.handlers if each in new or key in self.held
        }
        for name in names:
            self._settle(was[name], self.leased(name), name, self.meddled, self.loggers[name])
        for key in (self.held | {key for key in keys if had[key] is not None}) & self.names.keys():
            own = self.handlers[id(self.names[key])]
            self._settle(had[key], self.leased_handler(key), key, self.meddled_handlers, own)

    def _settle(
        self, was: int | None, now: int | None, name: str, meddled: dict[str, int], own: Part | Own
    ) -> None:
        if now is None and name in meddled:
            own.level = meddled.pop(name)
        elif now != was:
            meddled.pop(name, None)

    def meddle(self, name: str, level: int) -> None:
        """Let the application set a logger's level."""
        part = self.loggers.setdefault(name, Part())
        self._meddle(self.leased(name), name, level, self.meddled, part)

    def meddle_handler(self, handler: logging.Handler, level: int) -> None:
        """Let the application set a handler's level."""
        own = self.handlers[id(handler)]
        key = next((key for key, each in self.names.items() if each is handler), "")
        leased = self.leased_handler(key)
        self._meddle(leased, key, level, self.meddled_handlers, own)

    def _meddle(
        self, leased: int | None, name: str, level: int, meddled: dict[str, int], own: Part | Own
    ) -> None:
        meddled.pop(name, None)
        if leased is None:
            own.level = level
        elif level != leased:
            meddled[name] = level

    # What bases do.

    @contextlib.contextmanager
    def beneath(self) -> Iterator[None]:
        """Do something beneath the leases: what the application set belongs to the base."""
        loggers, handlers = self.meddled, self.meddled_handlers
        self.meddled, self.meddled_handlers = {}, {}
        for name, level in loggers.items():
            self.loggers[name].level = level
        for key, level in handlers.items():
            self.handlers[id(self.names[key])].level = level
        yield
        self.held = {key for each in self.leases for key in each.handlers if key in self.names}
        # A level that the change did not touch is the application's still.
        for name, level in loggers.items():
            if self.loggers[name].level == level != self.leased(name):
                self.meddled[name] = level
        for key, level in handlers.items():
            leased = self.leased_handler(key)
            if leased is not None and self.handlers[id(self.names[key])].level == level != leased:
                self.meddled_handlers[key] = level

    def snapshot(self) -> Snapshot:
        """Take everything down."""
        return Snapshot(
            {name: part.copy() for name, part in self.loggers.items()},
            {key: (own.level, own.formatter) for key, own in self.handlers.items()},
            dict(self.names),
        )

    def attached(self) -> set[int]:
        """Give the handlers that loggers have."""
        return {id(handler) for part in self.loggers.values() for handler in part.handlers}

    def drop(self, had: set[int], stay: set[int]) -> None:
        """Take away the names of handlers that nobody uses any more."""
        made = {id(each) for each in self.names.values() if self.handlers[id(each)].by_us}
        gone = (had | made) - self.attached() - stay
        self.names = {name: each for name, each in self.names.items() if id(each) not in gone}

    def go_back(self) -> None:
        """Go back to the base before."""
        self.trial = None
        if not self.ways:
            return
        with self.beneath():
            way = self.ways.pop()
            self._undo(way.before, way.left)
            self.base = way.to

    def _undo(self, before: Snapshot, left: Snapshot) -> None:
        for name, now in self.loggers.items():
            if name not in left.loggers:
                continue
            new, old = left.loggers[name], before.loggers.get(name, Part())
            now.level = _back(old.level, new.level, now.level)
            now.propagate = _back(old.propagate, new.propagate, now.propagate)
            now.disabled = _back(old.disabled, new.disabled, now.disabled)
            now.handlers = _list_back(old.handlers, new.handlers, now.handlers)
            now.filters = _list_back(old.filters, new.filters, now.filters)
        for key, (level, formatter) in left.handlers.items():
            if key in before.handlers:
                own, (old_level, old_formatter) = self.handlers[key], before.handlers[key]
                own.level = _back(old_level, level, own.level)
                if own.formatter is formatter:
                    own.formatter = old_formatter
        for name, handler in left.names.items():
            if self.names.get(name) is handler and before.names.get(name) is not handler:
                del self.names[name]
        for name, handler in before.names.items():
            self.names.setdefault(name, handler)

    def join(self) -> None:
        """Make one way of the first two: the base between them is forgotten.

        What others did between them is no part of it, as it would have stayed.
        """
        first, second = self.ways[:2]
        between = Model()
        between.loggers = second.before.loggers
        between.handlers = {
            key: replace(self.handlers[key], level=level, formatter=formatter)
            for key, (level, formatter) in second.before.handlers.items()
        }
        between.names = second.before.names
        for key in first.left.handlers.keys() - first.before.handlers.keys():
            del between.handlers[key]
        between._undo(first.before, first.left)
        self.ways[:2] = [Way(first.to, between.snapshot(), second.left)]


def _back(old: Any, left: Any, now: Any) -> Any:  # noqa: ANN401 - a level or a switch
    return old if now == left else now


def _list_back(old: list[Any], left: list[Any], now: list[Any]) -> list[Any]:
    """Give the old list, with what the application has added since and without what it removed."""
    gone = [id(each) for each in left if id(each) not in map(id, now)]
    known = [id(each) for each in [*old, *left]]
    return [each for each in old if id(each) not in gone] + [
        each for each in now if id(each) not in known
    ]


# ---- the machine --------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
levels = st.sampled_from(LEVELS)
switches = st.booleans()
keys = st.sampled_from(KEYS)
issuers = st.sampled_from(["alice", "bob"])
lengths_s = st.sampled_from([5, 60, 900])
kinds = st.sampled_from(["logging.NullHandler", "logging.StreamHandler", *FILES])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a configuration; files have no folder yet."""
    part = {"level": levels, "propagate": switches}
    if draw(st.integers(0, 3)) == 0:
        found: dict[str, Any] = {
            "incremental": True,
            "handlers": draw(st.dictionaries(keys, st.fixed_dictionaries({"level": levels}))),
            "loggers": draw(st.dictionaries(names, st.fixed_dictionaries({}, optional=part))),
        }
    else:
        handler = st.fixed_dictionaries(
            {"class": kinds},
            optional={"level": levels, "formatter": st.sampled_from(["%(message)s", "%(name)s"])},
        )
        made = draw(st.dictionaries(keys, handler))
        attached = st.lists(st.sampled_from(sorted(made)), unique=True) if made else st.just([])
        logger = st.fixed_dictionaries(
            {}, optional={**part, "handlers": attached, "filters": st.just(["only"])}
        )
        found = {
            "handlers": made,
            "loggers": draw(st.dictionaries(names, logger, max_size=3)),
            "disable_existing_loggers": draw(st.sampled_from([False, False, True])),
        }
    if "" in found["loggers"]:
        found["root"] = found["loggers"].pop("")
        found["root"].pop("propagate", None)
    return found


class Machine(stateful.RuleBasedStateMachine):
    """An engine, an application, and the model."""

    own_tree: Callable[[], AbstractContextManager[None]]

    def __init__(self) -> None:
        super().__init__()
        self.undo = contextlib.ExitStack()
        self.now_s = 0
        self.serial = itertools.count(1)
        self.folder = Path(self.undo.enter_context(tempfile.TemporaryDirectory()))
        patch = self.undo.enter_context(pytest.MonkeyPatch.context())
        for module in (engine_module, changing):
            patch.setattr(module, "boot_ms", lambda: 7_000 + self.now_s * 1000)
            patch.setattr(module, "monotonic_ms", lambda: 3_000 + self.now_s * 1000)
        self.undo.enter_context(type(self).own_tree())
        self.model = Model()
        self.known: set[int] = set()
        self.named: set[int] = set()
        self._set_up()
        self.sound = self.meddled = False
        self.begun = whole()
        self.engine = Engine()
        self.engine.begin(ANYTHING)

    def _set_up(self) -> None:
        """Be an application that has begun."""
        model = self.model
        for name in NAMES[:-2]:
            model.loggers[name] = Part(30 if name in {"", "m.a"} else 0)
            _logger(name).setLevel(model.loggers[name].level)
        for name, key, kind in (
            ("", "", "stream"),
            ("", "", "foreign"),
            ("m.a", "h1", "one.log"),
            ("m.c", "own", "stream"),
        ):
            handler = self._make(kind, key)
            _logger(name).addHandler(handler)
            model.loggers[name].handlers.append(handler)
        only = logging.Filter("m")
        _logger("m").addFilter(only)
        model.loggers["m"].filters.append(only)

    def _make(self, kind: str, key: str) -> logging.Handler:
        """Make a handler of the application's."""
        made_as: object = None
        if kind == "stream":
            handler: logging.Handler = logging.StreamHandler(io.StringIO())
        elif kind == "foreign":
            handler = ForeignHandler()
        else:
            handler = logging.FileHandler(self.folder / kind)
            made_as = ("logging.FileHandler", str(self.folder / kind))
        if key:
            handler.name = key
            self.model.names[key] = handler
        self.model.handlers[id(handler)] = Own(handler, 0, None, made_as)
        return handler

    # Requests.

    def request(
        self,
        stream: Stream,
        verb: Verb,
        issuer: str = "alice",
        **members: Any,  # noqa: ANN401 - what the verb has
    ) -> Request:
        """Give a request that has been opened."""
        document = write_request(verb, **members)
        second = START_S + self.now_s
        cti = next(self.serial).to_bytes(16, "big")
        claims = Claims(issuer, "a@b", second + 300, second, cti, second * 1000, stream)
        opened = Opened(document, claims, CONTENT_TYPE_REQUEST, document, evidence=())
        return read_request(opened)

    def perform(self, request: Request, policy: Policy = ANYTHING) -> None:
        """Do as a service does with what a policy has allowed."""
        self.sound = False
        now_ms = (START_S + self.now_s) * 1000
        self.engine.in_force.check(request, now_ms)
        self.engine.survey(request)
        self.engine.perform(request, now_ms, policy)

    def refused(self, request: Request, policy: Policy = ANYTHING) -> Reason | None:
        """Check that a request cannot be done, and changes nothing; give why it was refused."""
        before, reason = whole(), None
        try:
            self.perform(request, policy)
        except RefusedError as refusal:
            reason = refusal.reason
        except ApplyError:
            pass
        else:
            pytest.fail("it was done")
        assert before == whole()
        return reason

    def configuration(self, document: dict[str, Any]) -> dict[str, Any]:
        """Give a drawn configuration with files and formatters."""
        made = {"version": 1, **document}
        if "incremental" in document:
            return made
        made["formatters"] = {text: {"format": text} for text in ("%(message)s", "%(name)s")}
        made["filters"] = {"only": {"name": "m"}}
        made["handlers"] = {
            key: {
                **each,
                "class": "logging.FileHandler",
                "filename": str(self.folder / each["class"]),
            }
            if each["class"] in FILES
            else each
            for key, each in document["handlers"].items()
        }
        return made

    @initialize(document=documents(), wanted=st.dictionaries(names, levels, max_size=2))
    def begin(self, document: dict[str, Any], wanted: dict[str, int]) -> None:
        """Begin where much is in force, or with nothing."""
        if wanted:
            self.apply(document, "alice", 0)
            through = [key for key in KEYS if key in self.model.names][:1]
            self.lease(wanted, through, 60, "alice")

    @rule(document=documents(), issuer=issuers, trial=st.sampled_from([0, 0, 60]))
    def apply(self, document: dict[str, Any], issuer: str, trial: int) -> None:
        """Put another base beneath the leases."""
        config = self.configuration(document)
        request = self.request(
            Stream.BASE, Verb.APPLY, issuer, config=config, confirm_within_s=trial
        )
        assert isinstance(request, Apply)
        if self.model.trial is not None:
            assert Reason.CONFIRMATION_DUE is self.refused(request)
            return
        unknown = "incremental" in config and set(config["handlers"]) - self.model.names.keys()
        if unknown:
            assert self.refused(request) is None
            return
        self.perform(request)
        self._expect(config)
        digest = request.plan.digest().hex()
        self.model.base = Base(digest, issuer, request.id, (START_S + self.now_s) * 1000)
        if trial:
            self.model.trial = (request.id, self.now_s + trial)

    def _expect(self, config: dict[str, Any]) -> None:
        """Tell the model of a new base; what is new in the tree is known from here on."""
        model, base = self.model, self.model.base
        with model.beneath():
            before, had = model.snapshot(), model.attached()
            self.named = {id(handler) for handler in model.names.values()}
            if "incremental" in config:
                stay = {id(handler) for handler in model.names.values()}
                for key, each in config["handlers"].items():
                    model.handlers[id(model.names[key])].level = each["level"]
            else:
                stay = self._expect_handlers(config)
            # One filter of a configuration is one object, which nobody had before.
            self.known = {id(one) for part in model.loggers.values() for one in part.filters}
            parts = dict(config["loggers"])
            # As in the library, an empty one is none.
            if config.get("root"):
                parts[""] = config["root"]
            for name, each in parts.items():
                part = model.loggers.setdefault(name, Part())
                part.level = each.get("level", part.level)
                part.propagate = each.get("propagate", part.propagate)
                if "incremental" not in config:
                    self._expect_named(name, part, each)
            model.drop(had, stay)
            model.ways.append(Way(base, before, model.snapshot()))
        if len(model.ways) > 2:
            model.join()

    def _expect_named(self, name: str, part: Part, each: dict[str, Any]) -> None:
        names = self.model.names
        foreign = [one for one in part.handlers if self._is_foreign(one)]
        part.handlers = [names[key] for key in each.get("handlers", [])] + foreign
        part.disabled = part.disabled and not name
        live = _logger(name).filters
        assert not any(map(self.known.__contains__, map(id, live)))
        assert len(each.get("filters", [])) == len(live)
        assert all(type(one) is logging.Filter and one.name == "m" for one in live)
        part.filters = [*live]

    def _is_foreign(self, handler: logging.Handler) -> bool:
        # By now it may have lost a name that it had before the change.
        return isinstance(handler, ForeignHandler) and id(handler) not in self.named

    def _expect_handlers(self, config: dict[str, Any]) -> set[int]:
        model, live, replaced = self.model, dict(named_handlers()), {}
        was = dict(model.names)
        for key, each in config["handlers"].items():
            made_as = (each["class"], each.get("filename"))
            old, text = was.get(key), each.get("formatter")
            if old is not None and model.handlers[id(old)].made_as == made_as:
                own = model.handlers[id(old)]
                assert own.handler is live[key]
            else:
                own = Own(live[key], 0, None, made_as, by_us=True)
                assert id(own.handler) not in model.handlers
                model.handlers[id(own.handler)] = own
                if old is not None:
                    replaced[id(old)] = own.handler
                model.names[key] = own.handler
            own.level = each.get("level", 0)
            if text is None:
                own.formatter = None
            elif own.formatter is None or vars(own.formatter)["_fmt"] != text:
                own.formatter = own.handler.formatter
                assert own.formatter is not None
                assert text == vars(own.formatter)["_fmt"]
        named = set(config["loggers"])
        for name, part in model.loggers.items():
            above = {name[:at] for at, sign in enumerate(name) if sign == "."}
            if name in named:
                continue
            if name and above & named:
                part.level, part.propagate = 0, True
                part.handlers = [one for one in part.handlers if self._is_foreign(one)]
                continue
            part.handlers = [replaced.get(id(one), one) for one in part.handlers]
            if name:
                part.disabled = config["disable_existing_loggers"]
        return {id(model.names[key]) for key in config["handlers"]}

    @rule(
        document=documents(),
        fault=st.sampled_from(["class", "folder", "floor", "late", "mismatch"]),
    )
    def fail_to_apply(self, document: dict[str, Any], fault: str) -> None:
        """A configuration that cannot be, or may not be, leaves everything as it was."""
        config = self.configuration(document)
        if fault != "late":
            config.pop("incremental", None)
        config["handlers"] = {
            key: each
            for key, each in config["handlers"].items()
            if "class" in each or ("incremental" in config and key in self.model.names)
        }
        if not config["handlers"]:
            for each in (*config["loggers"].values(), config.get("root", {})):
                each.pop("handlers", None)
        policy, members = ANYTHING, {}
        handlers = config["handlers"]
        if fault == "class":
            handlers["z"] = {"class": "logging.NoSuchHandler"}
        elif fault == "folder":
            path = str(self.folder / "nowhere" / "x")
            handlers["z"] = {"class": "logging.FileHandler", "filename": path}
        elif fault == "floor":
            config.pop("disable_existing_loggers", None)
            config["loggers"]["m.c"] = {"handlers": [], "level": 50}
            policy = replace(ANYTHING, floors=Floors((LoggerFloor("m.c", 10, ("own",)),)))
        elif fault == "mismatch":
            members["replaces"] = "00" * 32
        request = self.request(Stream.BASE, Verb.APPLY, config=config, **members)
        with pytest.MonkeyPatch.context() as patch:
            if fault == "late":
                patch.setattr(swapping, "clear_level_caches", _fail)
            self.refused(request, policy)

    @rule(
        wanted=st.dictionaries(names, levels, min_size=1, max_size=3),
        through=st.lists(keys, unique=True, max_size=2),
        for_s=lengths_s,
        issuer=issuers,
    )
    def lease(self, wanted: dict[str, int], through: list[str], for_s: int, issuer: str) -> None:
        """Lease levels of one or several loggers, perhaps through handlers."""
        model = self.model
        asked = {name or "root": level for name, level in wanted.items()}
        request = self.request(
            Stream.LEASE, Verb.LEASE, issuer, levels=asked, for_s=for_s, through=through
        )
        own = sum(lease.issuer == issuer for lease in model.leases)
        if own >= MAX_LEASES_OF_ONE or any(key not in model.names for key in through):
            assert self.refused(request) is None
            return
        loudest = min(wanted.values())
        handlers = {}
        for key in through:
            # Without leases, but as the application left it.
            beneath = model.handlers[id(model.names[key])].level
            handlers[key] = min(loudest, model.meddled_handlers.get(key, beneath))
        self.perform(request)
        running = Running(request.id, issuer, wanted, handlers, self.now_s + for_s)
        model.set_leases([*model.leases, running])

    @rule(for_s=lengths_s)
    def lease_late(self, for_s: int) -> None:
        """A lease that comes when it is over is refused."""
        members: dict[str, Any] = {"levels": {"m": 10}, "for_s": for_s}
        request = self.request(Stream.LEASE, Verb.LEASE, **members)
        self.now_s += for_s
        assert Reason.LEASE_OVER is self.refused(request)
        self.pass_time(0)

    @precondition(lambda self: self.model.leases)
    @rule(which=st.integers(0, 20))
    def revert_lease(self, which: int) -> None:
        """End one lease."""
        leases = self.model.leases
        if which >= len(leases):
            nobody: dict[str, Any] = {"id": "ff" * 16}
            request = self.request(Stream.LEASE, Verb.REVERT, **nobody)
            assert Reason.NOT_IN_FORCE is self.refused(request)
            return
        ended = leases[which]
        self.perform(self.request(Stream.LEASE, Verb.REVERT, id=ended.id))
        self.model.set_leases([each for each in leases if each is not ended])

    @precondition(lambda self: self.model.leases)
    @rule()
    def revert_leases(self) -> None:
        """End all leases."""
        self.perform(self.request(Stream.LEASE, Verb.REVERT))
        self.model.set_leases([])

    @precondition(lambda self: self.model.ways)
    @rule(by_id=switches)
    def revert_base(self, by_id: bool) -> None:
        """Go back to the base before."""
        what = self.model.base.id if by_id else ""
        self.perform(self.request(Stream.BASE, Verb.REVERT, id=what))
        self.model.go_back()

    @rule(verb=st.sampled_from([Verb.REVERT, Verb.CONFIRM]))
    def name_what_is_unknown(self, verb: Verb) -> None:
        """What is not in force cannot be gone back from, nor confirmed."""
        nobody: dict[str, Any] = {"id": "ff" * 16}
        request = self.request(Stream.BASE, verb, **nobody)
        assert Reason.NOT_IN_FORCE is self.refused(request)

    @precondition(lambda self: self.model.trial)
    @rule()
    def confirm(self) -> None:
        """Keep what is on trial."""
        assert self.model.trial is not None
        self.perform(self.request(Stream.BASE, Verb.CONFIRM, id=self.model.trial[0]))
        self.model.trial = None

    @rule()
    def look(self) -> None:
        """Asking for the status, or for what would change, changes nothing."""
        before = whole()
        self.perform(self.request(Stream.READ, Verb.STATUS))
        assert before == whole()

    @rule(document=documents())
    def plan(self, document: dict[str, Any]) -> None:
        """Asking what would change changes nothing."""
        before = whole()
        config = self.configuration(document)
        self.perform(self.request(Stream.READ, Verb.PLAN, config=config))
        assert before == whole()

    # Time, and the listener.

    @rule(seconds=st.sampled_from([1, 4, 30, 60, 900]))
    def pass_time(self, seconds: int) -> None:
        """Leases and a trial end when their time is over."""
        model = self.model
        self.now_s += seconds
        self.engine.let_time_pass()
        left = [each for each in model.leases if each.ends_s > self.now_s]
        if len(left) < len(model.leases):
            model.set_leases(left)
        if model.trial is not None and model.trial[1] <= self.now_s:
            model.go_back()

    @precondition(lambda self: self.model.leases or self.model.trial)
    @rule()
    def restart(self) -> None:
        """With the last listener, everything ends that was for a time."""
        self.engine.end(ANYTHING)
        self.model.set_leases([])
        if self.model.trial is not None:
            self.model.go_back()
        self.engine.begin(ANYTHING)

    # The application.

    @rule(name=names, level=st.sampled_from([0, *LEVELS, 25]))
    def application_sets_level(self, name: str, level: int) -> None:
        """A level, perhaps of a logger that is made for it."""
        if level or name:
            self.meddled = True
            _logger(name).setLevel(level)
            self.model.meddle(name, level)

    @rule(
        name=names,
        kind=st.sampled_from(["stream", "foreign", *FILES]),
        key=st.sampled_from(["", *KEYS]),
    )
    def application_adds_handler(self, name: str, kind: str, key: str) -> None:
        """A handler, with a name that is free or with none."""
        self.meddled = True
        handler = self._make(kind, "" if key in self.model.names else key)
        _logger(name).addHandler(handler)
        self.model.loggers.setdefault(name, Part()).handlers.append(handler)

    @rule(name=names, which=st.integers(0, 9))
    def application_adds_own_again(self, name: str, which: int) -> None:
        """A handler of its own, which a configuration may have taken out of use."""
        own = [each.handler for each in self.model.handlers.values() if not each.by_us]
        handler = own[which % len(own)]
        part = self.model.loggers.setdefault(name, Part())
        self.meddled = True
        _logger(name).addHandler(handler)
        if all(each is not handler for each in part.handlers):
            part.handlers.append(handler)

    @rule(name=names, which=st.integers(0, 3))
    def application_removes_handler(self, name: str, which: int) -> None:
        """A handler that a logger has."""
        part = self.model.loggers.setdefault(name, Part())
        handlers = _logger(name).handlers
        if which < len(handlers):
            self.meddled = True
            handler = handlers[which]
            _logger(name).removeHandler(handler)
            part.handlers = [each for each in part.handlers if each is not handler]

    @rule(which=st.integers(0, 9), level=st.sampled_from([0, *LEVELS]))
    def application_sets_handler_level(self, which: int, level: int) -> None:
        """The level of a handler that is in use, or is not."""
        every = [*self.model.handlers.values()]
        handler = every[which % len(every)].handler
        self.meddled = True
        handler.setLevel(level)
        self.model.meddle_handler(handler, level)

    @rule(name=names, on=switches, what=st.sampled_from(["propagate", "disabled"]))
    def application_switches(self, name: str, on: bool, what: str) -> None:
        """A switch of a logger."""
        self.meddled = True
        setattr(_logger(name), what, on)
        setattr(self.model.loggers.setdefault(name, Part()), what, on)

    @rule(name=names)
    def application_adds_filter(self, name: str) -> None:
        """A filter."""
        self.meddled = True
        new = logging.Filter("m")
        _logger(name).addFilter(new)
        self.model.loggers.setdefault(name, Part()).filters.append(new)

    # What holds after every step.

    @stateful.invariant()
    def all_is_the_models(self) -> None:
        """Tree, handlers, and what is in force."""
        self.sound = False
        self.the_tree_is_the_models()
        self.the_handlers_are_the_models()
        self.what_is_in_force_is_the_models()
        self.sound = True

    def the_tree_is_the_models(self) -> None:
        """Levels, effective levels, switches, handlers and filters of every logger."""
        found: dict[str, logging.Logger] = {"": logging.root}
        known = logging.root.manager.loggerDict.items()
        found |= {name: each for name, each in known if isinstance(each, logging.Logger)}
        assert found.keys() == self.model.loggers.keys()
        for name, logger in found.items():
            part, effective = self.model.loggers[name], self.model.effective(name)
            assert (self.model.level(name), effective) == (
                logger.level,
                logger.getEffectiveLevel(),
            ), name
            assert (part.propagate, part.disabled) == (logger.propagate, logger.disabled), name
            assert [*map(id, part.handlers)] == [*map(id, logger.handlers)], (
                name,
                part,
                logger.handlers,
            )
            assert [*map(id, part.filters)] == [*map(id, logger.filters)], name
            for level in LEVELS:
                # What the library remembers of earlier answers is asked as well.
                enabled = level >= effective and not part.disabled
                assert enabled == logger.isEnabledFor(level), (name, level)

    def the_handlers_are_the_models(self) -> None:
        """Names, levels and formatters; and files are open where they have to be alone."""
        assert {**self.model.names} == {**named_handlers()}
        attached, open_files = self.model.attached(), 0
        names = {id(handler) for handler in self.model.names.values()}
        for own in self.model.handlers.values():
            assert self.model.handler_level(own) == own.handler.level
            assert own.formatter is own.handler.formatter
            if isinstance(own.handler, logging.FileHandler):
                stream = own.handler.stream
                open_files += stream is not None
                # One that was out of use and has come back is opened by the next record.
                if own.by_us and id(own.handler) not in attached | names:
                    assert stream is None
        assert open_files == _descriptors(self.folder)

    def what_is_in_force_is_the_models(self) -> None:
        """Base, trial, and leases with what they hold."""
        model, in_force = self.model, self.engine.in_force
        assert model.base == in_force.base
        trial = in_force.trial
        assert model.trial == (trial and (trial.id, (trial.ends_ms - 7_000) // 1000))
        assert [each.id for each in model.leases] == [each.id for each in in_force.overlay.leases]
        loggers = {name for each in model.leases for name in each.loggers}
        assert {
            name: (model.loggers[name].level, model.leased(name)) for name in loggers
        } == in_force.overlay.loggers
        assert {
            key: (model.handlers[id(model.names[key])].level, model.leased_handler(key))
            for key in model.held
        } == in_force.overlay.handlers

    def teardown(self) -> None:
        """At last everything ends; if nobody else changed anything, all is as in the beginning."""
        try:
            if not self.sound:
                # It has failed already, and what fails here would hide that.
                return
            self.revert_leases()
            while self.model.ways:
                self.revert_base(by_id=True)
                self.all_is_the_models()
            if not self.meddled:
                assert self.begun[0] == whole()[0]
                for own in self.model.handlers.values():
                    if id(own.handler) in self.model.attached():
                        own.handler.handle(logging.makeLogRecord({}))
                assert 1 == _descriptors(self.folder)
        finally:
            self.undo.close()


def _fail() -> None:
    raise MemoryError


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(name) if name else logging.root


def _descriptors(folder: Path) -> int:
    """Count this process's open files in a folder."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        # The one that lists them is gone by now.
        with contextlib.suppress(OSError):
            count += folder == entry.readlink().parent
    return count


def whole() -> tuple[object, object]:
    """Give everything there is, down to the objects, but for loggers that have nothing.

    What is open comes apart: a handler that was out of use opens its file at the next record.
    """
    places = {"": logging.root, **logging.root.manager.loggerDict}
    loggers = {
        name: (
            id(each),
            each.level,
            each.propagate,
            each.disabled,
            id(each.parent),
            [*map(id, each.handlers)],
            [*map(id, each.filters)],
        )
        for name, each in places.items()
        if isinstance(each, logging.Logger)
        if each.level or each.handlers or each.filters or not each.propagate or each.disabled
    }
    registered = [each() for each in vars(logging)["_handlerList"]]
    # One that is closed may wait there for the garbage collector.
    alive = [each for each in registered if each and not vars(each).get("_closed")]
    every = {id(each): each for each in (*named_handlers().values(), *alive)}
    for logger in places.values():
        for handler in getattr(logger, "handlers", ()):
            every[id(handler)] = handler
    handlers = {
        key: (
            each.name,
            each.level,
            id(each.formatter),
            [*map(id, each.filters)],
            each.__dict__.get("emit"),
        )
        for key, each in every.items()
    }
    streams = {key: id(getattr(each, "stream", None)) for key, each in every.items()}
    return (loggers, handlers, {**named_handlers()}, logging.root.manager.disable), streams


@pytest.fixture
def machine(own_tree: Callable[[], AbstractContextManager[None]]) -> type[Machine]:
    """Give the machine, whose examples begin with an empty tree."""

    class Example(Machine):
        pass

    Example.own_tree = own_tree
    return Example


def test_changes_are_as_the_model_says(machine: type[Machine]) -> None:
    """In few examples, which take seconds; in many more with the profile ``explore``."""
    examples = 100 if settings().max_examples <= 100 else 3_000
    some = settings(max_examples=examples, stateful_step_count=30)
    stateful.run_state_machine_as_test(machine, settings=some)


def _apply(**config: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - the sections
    usual: dict[str, Any] = {"handlers": {}, "loggers": {}}
    if "incremental" not in config:
        config.setdefault("disable_existing_loggers", False)
    return "apply", {"document": {**usual, **config}, "issuer": "alice", "trial": 0}


def _lease(wanted: dict[str, int], *through: str) -> tuple[str, dict[str, Any]]:
    return "lease", {"wanted": wanted, "through": [*through], "for_s": 60, "issuer": "alice"}


_NULL = {"class": "logging.NullHandler"}
_NOTHING = _apply(incremental=True)
_LOWER = _apply(incremental=True, handlers={"h1": {"level": 10}})

# The shortest sequences by which the machine found that model and engine differed; and what few
# examples may miss.
FOUND: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "new loggers had their lists in common": [
        _apply(incremental=True, loggers={"n.new": {}, "n.newer": {}}),
        ("application_adds_filter", {"name": "n.new"}),
    ],
    "a lease went on to another handler of the name": [
        _apply(handlers={"h1": _NULL, "h2": _NULL}),
        _lease({"": 10}, "h1", "h2"),
        ("revert_base", {"by_id": False}),
        _lease({"": 10}),
    ],
    "a handler that went took the level of a lease along": [
        _apply(handlers={"h1": _NULL, "h2": {"class": "one.log"}}),
        _lease({"": 10}, "h1", "h2"),
        _apply(),
    ],
    "over two bases, what was added between them was lost": [
        _NOTHING,
        ("application_adds_handler", {"name": "", "kind": "stream", "key": ""}),
        _NOTHING,
        _NOTHING,
    ],
    "over two bases, a handler that had left kept a level": [
        _LOWER,
        _apply(handlers={"h1": _NULL}),
        _NOTHING,
    ],
    "the same over three": [_LOWER, _apply(handlers={"h1": _NULL}), _NOTHING, _NOTHING],
    "a forgotten base's handler was not closed": [
        _apply(loggers={"m": {}}),
        _apply(handlers={"h1": _NULL}),
        _NOTHING,
        _apply(),
        _NOTHING,
    ],
    "a base was told, and another level was kept beneath a lease": [
        _lease({"": 10}),
        ("application_sets_level", {"name": "", "level": 20}),
        _NOTHING,
        _lease({"": 30}),
    ],
    "the same with a handler": [
        _lease({"": 10}, "h1"),
        ("application_sets_handler_level", {"which": 2, "level": 40}),
        _NOTHING,
        _lease({"": 30}, "h1"),
    ],
    "what the application set over a lease stays": [
        _lease({"": 10, "m": 10}, "h1"),
        ("application_sets_level", {"name": "m", "level": 40}),
        ("application_sets_handler_level", {"which": 2, "level": 40}),
        ("revert_leases", {}),
    ],
    "a handler that the application had put back came twice": [
        _apply(root={"level": 10}),
        ("application_adds_own_again", {"name": "", "which": 0}),
    ],
}


@pytest.mark.parametrize("steps", FOUND.values(), ids=FOUND)
def test_what_was_found(machine: type[Machine], steps: list[tuple[str, dict[str, Any]]]) -> None:
    """Each once, whatever the examples above are."""
    made = machine()
    try:
        made.all_is_the_models()
        for name, arguments in steps:
            getattr(made, name)(**arguments)
            made.all_is_the_models()
    finally:
        made.teardown()
