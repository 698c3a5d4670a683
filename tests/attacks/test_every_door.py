"""Every gadget through every door: refused by the same reason or rule, and nothing runs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sealwire.errors import Reason
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.requests import CONTENT_TYPE_INI, CONTENT_TYPE_JSON

HERE = Path(__file__).parent
PROGRAM = HERE / "doors_program.py"
PATIENCE_S = 100
LEAST = 160
WRAPPING_BYTES = 1024


def corpus(name: str) -> list[Any]:
    """Give the gadgets of the test module ``name`` beside this one."""
    found = importlib.util.spec_from_file_location(f"corpus_{name}", HERE / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return list(module.GADGETS)


GADGETS = [
    *((CONTENT_TYPE_JSON, gadget) for gadget in corpus("test_gadget_documents")),
    *((CONTENT_TYPE_INI, gadget) for gadget in corpus("test_gadget_ini_documents")),
]
# The others cannot be sealed at all, nor sent: they are longer than a frame.
FITTING = [
    (kind, gadget)
    for kind, gadget in GADGETS
    if len(gadget.document) + WRAPPING_BYTES <= MAX_FRAME_BYTES
]


def sent_through(door: str) -> dict[str, Any]:
    """Send every gadget through ``door``, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), door],
        input=json.dumps([(kind, gadget.document.hex()) for kind, gadget in FITTING]),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def named(expected: Reason | str) -> str:
    """Give a reason's value, or the name of a rule."""
    return expected.value if isinstance(expected, Reason) else expected


def test_nearly_all_of_them_fit() -> None:
    """What is left out is long, and there is little of it."""
    assert LEAST <= len(FITTING)
    assert len(GADGETS) - len(FITTING) <= 3


@pytest.mark.parametrize("door", ["unix", "tcp", "library"])
def test_each_is_refused_as_expected(door: str) -> None:
    """Sealed by somebody who may; the reason is the table's, and nothing runs."""
    found = sent_through(door)
    assert ["applied", "applied"] == found["honest"]
    assert [] == found["ran"]
    expected = {gadget.name: named(gadget.expected) for _, gadget in FITTING}
    names = [gadget.name for _, gadget in FITTING]
    assert expected == dict(zip(names, found["outcomes"], strict=True))


def test_each_is_refused_by_the_pair_of_the_librarys_shape() -> None:
    """A document has no content type there, so JSON is what begins with a brace."""
    found = sent_through("compat")
    assert ["applied", "applied"] == found["honest"]
    assert [] == found["ran"]
    for (kind, gadget), outcome in zip(FITTING, found["outcomes"], strict=True):
        if not gadget.document:
            assert outcome == "frame-too-large"  # nothing is no frame
            continue
        begins = gadget.document.lstrip()[:1] == b"{"
        if begins == (kind == CONTENT_TYPE_JSON):
            assert named(gadget.expected) == outcome, gadget.name
        elif gadget.name == "JSON":
            # Its attack is to call itself INI, which cannot be said here; it changes nothing.
            assert outcome == "applied"
        else:
            assert outcome in {"document-malformed", "document-invalid"}, gadget.name
