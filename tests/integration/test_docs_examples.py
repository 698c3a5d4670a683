"""Every command and every program on the pages for users runs here, and prints what is shown.

A page is taken as a script, in its order:

1. A block with a caption is a file of that name. So ``service.py`` and ``debug.json`` are written
   into a folder of the page's own, in which everything runs.
2. An ``sh`` block is typed, line by line. A ``text`` block behind it is what its last line prints,
   all of it; ``…`` stands for anything, and alone on a line for any number of lines. It shows
   ``sealwire: error:`` exactly if the command fails.
3. ``python FILE`` whose output is not shown runs on as the service, until another one is started or
   the page ends. A ``text`` block with the caption "the service writes" waits for these lines.
4. A ``python`` block without a caption is a program that ends.

What cannot be had on any machine is put in its place by `Page.here`, and nothing else is changed.
"""

from __future__ import annotations

import contextlib
import grp
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PATIENCE_S: Final = 60
SERVICE_WRITES: Final = "the service writes"
ERROR: Final = "sealwire: error:"

# Directives that show nothing of their own, or what another test runs.
NOT_EXAMPLES: Final = {"{toctree}", "{include}", "{literalinclude}", "{eval-rst}"}


class Block(NamedTuple):
    """A block of code on a page: its language, its caption if it has one, and its text."""

    kind: str
    caption: str
    text: str


def blocks(markdown: str) -> list[Block]:
    """Give the blocks of a page, in their order."""
    found = []
    fence = re.compile(r"^```(\S*)(?: ([^\n]*))?\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
    for name, argument, body in fence.findall(markdown):
        kind, caption, text = name, "", body
        if name == "{code-block}":
            options, _, text = body.partition("\n\n")
            kind, caption = argument, options.removeprefix(":caption: ")
        found.append(Block(kind, caption, text))
    return found


def pattern_of(shown: str) -> re.Pattern[str]:
    """Give what matches the output that a page shows."""
    lines = []
    for line in shown.rstrip("\n").split("\n"):
        inside = ".*".join(map(re.escape, line.rstrip().split("…")))
        lines.append("(?:.*\n)*" if line == "…" else f"{inside} *\n")
    return re.compile("".join(lines))


def examples(page: Path) -> list[Block]:
    """Give the blocks of a page that are not a matter of other tests."""
    found = blocks(page.read_text(encoding="utf-8"))
    return [block for block in found if block.kind not in NOT_EXAMPLES]


# `make openssh` runs this one, because it needs OpenSSH.
BY_OPENSSH: Final = DOCS / "how-to" / "ssh-agent.md"

RUN: Final = sorted(
    page
    for folder in ("tutorial", "how-to", "explanation")
    for page in (DOCS / folder).glob("*.md")
    if examples(page) and page != BY_OPENSSH
)
NOT_RUN: Final = sorted(set(DOCS.rglob("*.md")) - set(RUN))


class Service:
    """A program that runs on, and what it has written so far."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.read_to = 0
        self._more = threading.Condition()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            # Of its own group, since it may have workers, which would go on without it.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()

    def wait_for(self, shown: str, patience_s: float) -> None:
        """Wait for the lines that are shown, in their order, behind those shown before."""
        for line in shown.splitlines():
            pattern = pattern_of(line)
            with self._more:
                there = self._more.wait_for(lambda: self._find(pattern), patience_s)  # noqa: B023
            assert there, f"the service never wrote {line!r}; it wrote {self.lines[self.read_to :]}"

    def _find(self, pattern: re.Pattern[str]) -> bool:
        for index in range(self.read_to, len(self.lines)):
            if pattern.fullmatch(self.lines[index]):
                self.read_to = index + 1
                return True
        return False

    def end(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join(PATIENCE_S)
        self._process.communicate()


class Page:
    """A page that is followed by somebody with a folder, a home and a terminal."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.service: Service | None = None
        self._patience_s = patience_s
        with (
            socket.create_server(("127.0.0.1", 0)) as probe,
            socket.create_server(("127.0.0.1", 0)) as another,
        ):
            port, metrics_port = probe.getsockname()[1], another.getsockname()[1]
        group = grp.getgrgid(os.getegid()).gr_name
        self._here = {
            "/srv/payments": f"{folder}/srv",
            "192.0.2.10": "127.0.0.1",
            "9030": str(port),
            "9108": str(metrics_port),
            '"ops"': f'"{group}"',
            " ops ": f" {group} ",
        }
        self._prepare()
        hidden = ("SEALWIRE_", "XDG_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self._environment = {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
        }

    def _prepare(self) -> None:
        self.home.mkdir()
        (self.folder / "bin").mkdir()
        for name, arguments in (("sealwire", "-P -m sealwire"), ("python", "")):
            program = self.folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            program.chmod(0o755)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "examples", self.folder / "examples", ignore=ignored)

    def here(self, text: str) -> str:
        """Give what a page says with this folder, a free port and a group that this user has."""
        for there, here in self._here.items():
            text = text.replace(there, here)
        return text

    def follow(self, page: list[Block]) -> None:
        """Do what the blocks of a page say, and compare what they show."""
        compared = False
        for block, after in zip(page, [*page[1:], Block("", "", "")], strict=True):
            shown = after.text if (after.kind, after.caption) == ("text", "") else None
            match block:
                case Block("text", ""):
                    assert compared, f"it is not said what printed this:\n{block.text}"
                    compared = False
                case Block("text", caption):
                    assert SERVICE_WRITES == caption
                    assert self.service is not None
                    self.service.wait_for(self.here(block.text), self._patience_s)
                case Block("sh", ""):
                    self._type(self.here(block.text), shown)
                    compared = shown is not None
                case Block("python", ""):
                    self._write("program.py", self.here(block.text))
                    self._run("python program.py", shown or "")
                    compared = shown is not None
                case Block("python" | "json" | "toml", caption):
                    self._write(self.here(caption), self.here(block.text))
                case _:
                    pytest.fail(f"nothing runs a block of the kind {block.kind!r}")

    def _write(self, name: str, text: str) -> None:
        path = Path(name.replace("~", str(self.home), 1) if name[:1] == "~" else name)
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _type(self, commands: str, shown: str | None) -> None:
        *earlier, last = commands.splitlines()
        for command in earlier:
            self._run(command, None)
        if shown is None and last.startswith("python "):
            self.end()
            self.service = Service(["sh", "-c", f"exec {last}"], self.folder, self._environment)
            return
        self._run(last, shown)

    def _run(self, command: str, shown: str | None) -> None:
        """Run a command to its end; compare what it prints, if that is shown."""
        if command.startswith("pip install "):
            # The tests of README look at this one: it would need a network here.
            assert f"\n{command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
            return
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=self._patience_s,
            check=False,
        )
        fails = shown is not None and ERROR in shown
        assert fails == bool(done.returncode), f"{command}: {done.returncode}: {done.stdout}"
        if shown is not None:
            expected = self.here(shown).replace("~/", f"{self.home}/")
            assert pattern_of(expected).fullmatch(done.stdout), f"{command}:\n{done.stdout}"

    def end(self) -> None:
        """End the service, if one runs."""
        if self.service is not None:
            self.service.end()
            self.service = None


@contextlib.contextmanager
def somebody(patience_s: float = PATIENCE_S) -> Iterator[Page]:
    """Give somebody who follows a page, in a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        page = Page(Path(folder).resolve(), patience_s)
        try:
            yield page
        finally:
            page.end()


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_page_does_what_it_says(page: Path) -> None:
    """Its files are written, its commands typed, and what it shows is what is printed."""
    with somebody() as reader:
        reader.follow(examples(page))


def test_there_are_pages() -> None:
    """Nothing is run where nothing is found."""
    stems = {page.stem for page in RUN}
    assert {"first-service", "one-host", "tcp", "standard-library", "write-a-verifier"} <= stems
    assert "protect-the-audit-logger" in stems
    kinds = {block.kind for page in RUN for block in examples(page)}
    assert {"sh", "python", "json", "toml", "text"} == kinds


def test_other_pages_hold_nothing_to_run() -> None:
    """A command or a program there would be run nowhere; help texts and settings are looked at."""
    assert {"messages", "settings", "cli", "api"} <= {page.stem for page in NOT_RUN}
    for page in set(NOT_RUN) - {BY_OPENSSH}:
        # `make interop` holds the specification's CDDL against the vectors.
        assert {block.kind for block in examples(page)} <= {"text", "toml", "cddl"}, page


# ---- a page that is wrong is noticed -------------------------------------------------------------

WRONG: Final = {
    "another output": "```sh\necho one\n```\n```text\ntwo\n```\n",
    "one line more": "```sh\necho one; echo two\n```\n```text\none\n```\n",
    "one line less": "```sh\necho one\n```\n```text\none\ntwo\n```\n",
    "a command that fails": "```sh\nfalse\n```\n",
    "a command that fails on the way": "```sh\nfalse\ntrue\n```\n",
    "an error that does not come": f"```sh\necho '{ERROR} x'\n```\n```text\n{ERROR} x\n```\n",
    "an output of nothing": "```text\none\n```\n",
    "another language": "```ruby\nputs 1\n```\n",
    "another caption": "```{code-block} text\n:caption: somebody writes\n\none\n```\n",
    "a program that fails": "```python\nraise SystemExit(1)\n```\n",
    "an installation of something else": "```sh\npip install something\n```\n",
    "a service that writes something else": (
        "```{code-block} python\n:caption: service.py\n\nprint('one', flush=True)\n```\n"
        "```sh\npython service.py\n```\n"
        "```{code-block} text\n:caption: the service writes\n\ntwo\n```\n"
    ),
    "a service that writes in another order": (
        "```{code-block} python\n:caption: service.py\n\nprint('one\\ntwo', flush=True)\n```\n"
        "```sh\npython service.py\n```\n"
        "```{code-block} text\n:caption: the service writes\n\ntwo\none\n```\n"
    ),
}


@pytest.mark.parametrize("markdown", WRONG.values(), ids=WRONG)
def test_a_page_that_is_wrong_fails(markdown: str) -> None:
    """What is shown, and does not happen."""
    with somebody(patience_s=2) as reader, pytest.raises((AssertionError, pytest.fail.Exception)):
        reader.follow(blocks(markdown))


def test_a_page_that_is_right_passes() -> None:
    """Every kind of block, as in the pages."""
    page = (
        "```{code-block} json\n:caption: ~/deep/file.json\n\n{}\n```\n"
        "```sh\nmkdir folder\ncat ~/deep/file.json; echo home ~ today\n```\n"
        "```text\n{}\nhome …\n```\n"
        "```sh\nprintf 'a\\nb\\nc\\n'\n```\n```text\na\n…\nc\n```\n"
        "```python\nprint('one')\n```\n```text\none\n```\n"
        "```{code-block} python\n:caption: service.py\n\n"
        "print('one\\ntwo\\nthree', flush=True); import time; time.sleep(60)\n```\n"
        "```sh\npython service.py\n```\n"
        "```{code-block} text\n:caption: the service writes\n\none\nth…\n```\n"
    )
    with somebody() as reader:
        reader.follow(blocks(page))
        assert reader.service is not None
        assert 3 == reader.service.read_to
