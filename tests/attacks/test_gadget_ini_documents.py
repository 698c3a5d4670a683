"""INI that would run code if anybody evaluated it, or that reads differently than it looks.

As in the table of JSON gadgets, every one of them is signed by somebody who may send
configurations: the reading of the document and the default policy are all that stands between it
and the process. Those marked as evaluated are known to run code in the standard library.
"""

from __future__ import annotations

import builtins
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sealwire.errors import MalformedError, PolicyError, Reason
from sealwire.policy import default_rules, judge
from sealwire.requests import CONTENT_TYPE_INI, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from tests.conftest import Operator

INVALID = Reason.DOCUMENT_INVALID
MALFORMED = Reason.DOCUMENT_MALFORMED

DIRECTORY = "/var/log/app"
LOG = f"{DIRECTORY}/x.log"

# What an attack runs where it is evaluated: it leaves a trace in the program at the end.
RUN = "sys.modules['__main__'].ran.append(1)"


class Gadget(NamedTuple):
    """An attack, the document it comes in, what refuses it, and from which Python on it runs."""

    name: str
    document: bytes
    expected: Reason | str
    runs_from: tuple[int, int] | None = None

    @property
    def evaluated(self) -> bool:
        """Whether the library runs code for it on this Python."""
        return self.runs_from is not None and sys.version_info >= self.runs_from


def document(
    *, handler: str = "class=NullHandler", formatter: str = "format=%(message)s", more: str = ""
) -> str:
    """Write a document with one handler and one formatter."""
    return (
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n"
        "[logger_root]\nlevel=INFO\nhandlers=h\n"
        f"[formatter_f]\n{formatter}\n[handler_h]\n{handler}\n{more}"
    )


def whole(
    name: str,
    expected: Reason | str,
    text: str | bytes,
    *,
    runs: bool = False,
    since: tuple[int, int] = (3, 11),
) -> Gadget:
    """Give a gadget that is a whole document."""
    raw = text if isinstance(text, bytes) else text.encode()
    return Gadget(name, raw, expected, since if runs else None)


def options(name: str, expected: Reason | str, handler: str, *, runs: bool = False) -> Gadget:
    """Give a gadget that is the options of a handler."""
    return whole(name, expected, document(handler=handler), runs=runs)


def args(name: str, text: str, *, runs: bool = True) -> Gadget:
    """Give a gadget in the arguments of a handler."""
    return options(name, INVALID, f"class=NullHandler\nargs={text}", runs=runs)


def handler(name: str, expected: Reason | str, class_name: str, text: str = "()") -> Gadget:
    """Give a gadget that is a class with its arguments."""
    return options(name, expected, f"class={class_name}\nargs={text}")


def form(name: str, text: str | bytes, *, runs: bool = False) -> Gadget:
    """Give a gadget that is refused before its options are looked at."""
    return whole(name, MALFORMED, text, runs=runs)


def formatter(
    name: str,
    expected: Reason | str,
    text: str,
    *,
    runs: bool = False,
    since: tuple[int, int] = (3, 11),
) -> Gadget:
    """Give a gadget that is the options of a formatter."""
    return whole(name, expected, document(formatter=text), runs=runs, since=since)


SPLIT = document(handler="class=NullHandler\nargs=({},)")
BUFFERS = document().replace("keys=h", "keys=h,b") + "[handler_b]\nclass=handlers.MemoryHandler\n"

GADGETS = [
    # ---- code in args= ----------------------------------------------------------------------
    args("a call", f"({RUN},)"),
    args("a call in place of a tuple", f"{RUN} or ()"),
    args("a call without its tuple", RUN),
    args("an import", "(__import__('sys').modules['__main__'].ran.append(1),)"),
    args("a name looked up", f"(getattr(sys, 'modules')['__main__'].ran.append(1), {RUN})"),
    args("a name looked up in a dictionary", f"(vars(sys)['modules'], {RUN})"),
    args("code compiled", f'(eval("{RUN}"),)'),
    args("code executed", f'(exec("import sys; {RUN}"),)'),
    args("a text with code in it", f'(f"{{{RUN}}}",)'),
    args("a raw text with code in it", f'(rf"{{{RUN}}}",)'),
    args("a text with code in its width", f'(f"{{1:{{{RUN}}}}}",)'),
    args("a text of three quotes with code in it", f'(f"""{{{RUN}}}""",)'),
    args("a function called", f"((lambda: {RUN})(),)"),
    args("a default of a function", f"(lambda x={RUN}: x,)"),
    args("a comprehension", f"[{RUN} for _ in (1,)]"),
    args("a comprehension's condition", f"[1 for _ in (1,) if {RUN}]"),
    args("a generator, starred", f"(*({RUN} for _ in (1,)),)"),
    args("a list, starred", f"(*[{RUN}],)"),
    args("a walrus", f"((x := {RUN}),)"),
    args("a condition", f"({RUN} if 1 else 0,)"),
    args("an or", f"(None or {RUN},)"),
    args("a comparison", f"({RUN} is None,)"),
    args("a not", f"(not {RUN},)"),
    args("an addition", f"(1 + len([{RUN}]),)"),
    args("an index", f"([1, 2][len([{RUN}])],)"),
    args("a slice", f"([1, 2][{RUN}:],)"),
    args("a set", f"{{{RUN}}}"),
    args("a dictionary inside", f"({{1: {RUN}}},)"),
    args("an argument by name", f"(dict(x={RUN}),)"),
    args("letters that look alike", f"(\uff53\uff59\uff53{RUN[3:]},)"),
    args("a comment behind it", f"({RUN},) # a handler of nothing"),
    args("several lines", f"(\n  # nothing\n\n   {RUN},\n )"),
    args("a line that goes on", f"(\\\n  {RUN},)"),
    args("a parenthesis around a name", "((sys).modules['__main__'].ran.append(1),)"),
    args("a tab before the dot", f"({RUN.replace('.', '\t.')},)".replace("'__main__'\t.", "'__m")
         if False else f"({RUN.replace('sys.', 'sys . ')},)"),
]
