"""What the installed package is: its files, its dependencies, and how little it loads."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import sealwire

# P3: a service that imports sealwire pays for none of these.
NOT_LOADED = {
    *("asyncio", "click", "configparser", "logging.config", "rich", "ssl", "tomllib"),
    *("prometheus_client", "sealwire.integrations"),
    *("sealwire.client", "sealwire.results", "sealwire.settings", "sealwire.testing"),
}


def fresh_python(program: str) -> str:
    """Run a program in an interpreter that nothing was imported into, and give what it prints."""
    command = [sys.executable, "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_installed_wheel_is_what_is_tested() -> None:
    """Tests that import src/ would pass without the files a wheel forgot."""
    installed = importlib.metadata.distribution("sealwire").locate_file("sealwire/__init__.py")
    assert Path(str(installed)) == Path(sealwire.__file__)


def test_the_version_is_told_once() -> None:
    """The package and its metadata tell the same version."""
    assert importlib.metadata.version("sealwire") == sealwire.__version__


def test_the_package_is_typed() -> None:
    """Type checkers read a package's annotations only if it holds this file."""
    installed = importlib.metadata.files("sealwire") or []
    assert "sealwire/py.typed" in {file.as_posix() for file in installed}


def test_the_wheel_holds_only_the_package() -> None:
    """Nothing beside the package itself lands in site-packages."""
    installed = importlib.metadata.files("sealwire") or []
    inside = {file.parts[0] for file in installed if file.parts[0] != ".."}
    version = importlib.metadata.version("sealwire")
    assert {"sealwire", f"sealwire-{version}.dist-info"} == inside


def test_there_are_two_runtime_dependencies() -> None:
    """A third one would be code in every service that listens."""
    required = importlib.metadata.requires("sealwire") or []
    assert {"cryptography>=46.0.7", "pynacl>=1.6.2"} == {
        requirement for requirement in required if "extra ==" not in requirement
    }


def test_the_command_line_is_an_extra() -> None:
    """Click and rich come with ``sealwire[cli]`` alone."""
    required = importlib.metadata.requires("sealwire") or []
    of_cli = {requirement for requirement in required if requirement.endswith("extra == 'cli'")}
    assert {"click", "rich"} == {requirement.partition(">=")[0] for requirement in of_cli}


def test_gunicorn_is_an_extra() -> None:
    """What `sealwire demo` starts comes with ``sealwire[demo]``, and the command with it."""
    required = importlib.metadata.requires("sealwire") or []
    of_demo = {requirement for requirement in required if requirement.endswith("extra == 'demo'")}
    assert {"click", "gunicorn", "rich"} == {each.partition(">=")[0] for each in of_demo}


def test_the_command_is_there() -> None:
    """The ``sealwire`` command starts the same function as ``python -m sealwire``."""
    commands = importlib.metadata.entry_points(group="console_scripts", name="sealwire")
    assert ["sealwire.__main__:main"] == [command.value for command in commands]


def test_importing_sealwire_loads_little() -> None:
    """``import sealwire`` in a fresh interpreter brings in none of the slow modules."""
    show = (
        "import json, sys; before = sorted(sys.modules); import sealwire; "
        "print(json.dumps([before, sorted(sys.modules)]))"
    )
    before, after = (set(names) for names in json.loads(fresh_python(show)))
    assert "sealwire" in after - before
    assert set() == NOT_LOADED & before
    assert set() == NOT_LOADED & after


def test_importing_sealwire_changes_nothing() -> None:
    """An import starts no thread, gives the root logger no handler and installs no signal."""
    show = (
        "import logging, signal, threading; "
        "look = lambda: [threading.active_count(), list(logging.getLogger().handlers), "
        "[signal.getsignal(number) for number in sorted(signal.valid_signals())]]; "
        "before = look(); import sealwire; print(before == look())"
    )
    assert "True" == fresh_python(show).strip()
