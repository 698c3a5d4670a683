"""What we rest on in ``logging`` without being promised it, on the Python at hand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire import listen
from sealwire.errors import ConfigurationError
from sealwire.logtree.internals import check_private_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refusal(call: Callable[[], object]) -> str:
    """Give the text of the refusal."""
    try:
        call()
    except ConfigurationError as error:
        return str(error)
    raise AssertionError("it was not refused")


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
