"""Which files a request may write.

Rules this module keeps:

1. A path is judged as text and as nothing else: absolute, written in its only normal form, and
   beneath a directory that the host names. No directory, no files.
2. The host gives its directories resolved. What links do beneath them is not seen here; whoever
   opens the file follows none of them (see `sealwire.logtree`).
3. Two handlers never share a file: records get lost when either of them rotates it.

Not guaranteed: that a file beneath a directory is a log. A handler that rotates renames and deletes
files that were there before, so a directory for remote configurations holds nothing else.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sealwire.documents.reading import place
from sealwire.errors import ConfigurationError, shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

FILE_ARGUMENT = "filename"

_DRIVE = re.compile(r"[A-Za-z]:\\")
# Names that Windows takes for devices in every directory, whatever follows the first dot.
_DEVICES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3]) *(\..*)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FilePaths:
    """The argument ``filename`` of any handler is a path beneath one of ``directories``.

    Attributes:
        directories: absolute, normal and already resolved paths. Empty: no files at all.
        windows: whether paths are those of Windows; by default those of this system.

    Raises:
        ConfigurationError: a directory is relative, not normal, or a whole file system.
    """

    name: ClassVar[str] = "file-path"
    directories: tuple[str, ...] = ()
    windows: bool = sys.platform == "win32"

    def __post_init__(self) -> None:
        """Check the directories."""
        for directory in self.directories:
            if problem := self._problem(directory):
                raise ConfigurationError(
                    f"the directory {shorten(directory)} cannot be allowed: it {problem}"
                )

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other path, and to a path that stands twice."""
        seen: dict[str, str] = {}
        for handler in request.plan.handlers:
            for key, value in handler.arguments:
                if key != FILE_ARGUMENT:
                    continue
                where = place("handlers", handler.name, key)
                if not isinstance(value, str):
                    yield Violation(where, "is not text")
                    continue
                if problem := self._problem(value) or self._outside(value):
                    yield Violation(where, f"the path {shorten(value)} {problem}")
                other = seen.setdefault(self._folded(value), handler.name)
                if other != handler.name:
                    yield Violation(where, f"is the file of {place('handlers', other)} as well")

    def _problem(self, path: str) -> str:
        """Say what is wrong with ``path`` wherever it leads, or ``""``."""
        if not path.isprintable():
            return "holds characters that do not print"
        if self.windows:
            return _windows_problem(path)
        if not path.startswith("/"):
            return "is not absolute"
        # normpath() leaves two leading slashes alone, because POSIX lets them mean something else.
        if path.startswith("//") or posixpath.normpath(path) != path:
            return f"is not written in its normal form, {shorten(posixpath.normpath(path))}"
        return "is the root of the file system" if path == "/" else ""

    def _outside(self, path: str) -> str:
        folded = self._folded(path)
        separator = "\\" if self.windows else "/"
        for directory in self.directories:
            if folded.startswith(self._folded(directory) + separator):
                return ""
        allowed = ", ".join(shorten(each) for each in self.directories) or "none is allowed"
        return f"is not beneath an allowed directory ({allowed})"

    def _folded(self, path: str) -> str:
        return path.casefold() if self.windows else path


def _windows_problem(path: str) -> str:
    # Asks for a drive, and so leaves out network shares and the device namespace.
    if _DRIVE.match(path) is None:
        return "does not start with a drive such as C:\\"
    if ntpath.normpath(path) != path:
        return f"is not written in its normal form, {shorten(ntpath.normpath(path))}"
    parts = path[3:].split("\\")
    if parts == [""]:
        return "is the root of a drive"
    for part in parts:
        # A colon names another stream of the file; Windows drops dots and spaces at the end.
        if ":" in part or part.endswith((".", " ")) or _DEVICES.fullmatch(part):
            return f"has the part {shorten(part)}, which Windows does not take for a name"
    return ""
