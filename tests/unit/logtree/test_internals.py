"""What we rest on in ``logging`` without being promised it, on the Python at hand."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire import listen
from sealwire.errors import ConfigurationError
from sealwire.logtree.internals import check_private_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def refusal(call: Callable[[], object]) -> str:
    """Give the text of the refusal."""
    try:
        call()
    except ConfigurationError as error:
        return str(error)
    raise AssertionError("it was not refused")


def private_names(source: str) -> Iterator[str]:
    """Give the private names that a program asks for by text, where no linter sees it."""
    for node in ast.walk(ast.parse(source)):
        asked: list[ast.expr] = []
        if isinstance(node, ast.Subscript):
            asked = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked = node.args[1:] if node.func.id in {"getattr", "hasattr", "setattr"} else []
        for each in asked:
            name = each.value if isinstance(each, ast.Constant) else None
            if isinstance(name, str) and name.startswith("_") and not name.startswith("__"):
                yield name


def test_no_other_module_has_them() -> None:
    """What is not checked here would be missed when it is gone."""
    package = Path(sealwire.__file__).parent
    found = {
        path.relative_to(package).as_posix(): names
        for path in sorted(package.rglob("*.py"))
        if (names := set(private_names(path.read_text(encoding="utf-8"))))
    }
    assert {"_lock", "_handlers", "_handlerList", "_cache"} <= found.pop("logtree/internals.py")
    assert {} == found


def test_this_python_has_them() -> None:
    """A Python that changes one fails here first."""
    check_private_names()


@pytest.mark.parametrize("name", ["_lock", "_handlers", "_handlerList"])
@pytest.mark.parametrize("value", [None, ()])
def test_a_name_that_became_something_else_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    """Before anything is changed, and the name is said."""
    # For a moment only: pytest's own logging needs them too.
    with monkeypatch.context() as changed:
        changed.setattr(logging, name, value)
        text = refusal(check_private_names)
    assert text.startswith(f"logging.{name} is not what it is in Python 3.11 to 3.13")


def test_an_attribute_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the one that is an attribute of an object."""
    with monkeypatch.context() as changed:
        changed.setattr(logging.root.manager, "loggerDict", None)
        text = refusal(check_private_names)
    assert text.startswith("logging.root.manager.loggerDict is not what it is")


def test_a_listener_checks_them_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is bound on a Python that is not known."""
    key = sealwire.SigningKey(bytes(range(32)), owner="alice").verify_key
    chain = sealwire.Chain(
        "payments@test",
        [sealwire.Ed25519Verifier([key]), sealwire.Freshness(), sealwire.Once()],
    )
    with monkeypatch.context() as changed:
        changed.delattr(logging, "_handlerList")
        text = refusal(lambda: listen(f"unix:{tmp_path}/s", chain=chain))
    assert text.startswith("logging._handlerList is not what it is")
    assert not (tmp_path / "s").exists()
