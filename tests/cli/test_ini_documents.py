"""An INI file on the command line: sealed as what it is, looked at before, and applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import socket

    from tests.cli.conftest import Service, Shell


INI = """\
# Everything from DEBUG up, to standard output.
[loggers]
keys=root

[handlers]
keys=console

[formatters]
keys=short

[logger_root]
level=DEBUG
handlers=console

[handler_console]
class=StreamHandler
formatter=short
args=(sys.stdout,)

[formatter_short]
format=%(levelname)s %(name)s %(message)s
"""

GADGET = INI.replace("sys.stdout,", '__import__("os").system("id"),')


def content_types(shell: Shell, document: bytes, *options: str) -> tuple[str, str]:
    """Seal a document; give its content type as it stands in the message, and the document."""
    shell.done("seal", "-", "-o", "x.sealed", "--force", *options, given=document)
    told = json.loads(shell.done("inspect", "x.sealed", "--json"))
    opened = json.loads(shell.done("open", "x.sealed", "--service", "made/service.toml", "--json"))
    assert told["content_type"] == opened["content_type"]
    return opened["content_type"], opened["document"]


def test_an_ini_file_changes_what_a_running_service_logs(shell: Shell, service: Service) -> None:
    """The whole way, through both chains: no DEBUG line before, DEBUG lines after."""
    (shell.folder / "debug.ini").write_text(INI)
    assert ["INFO payments.db at info: before"] == service.logs("before")
    assert f"{shell.says('applied')}\n" == shell.done("send", "debug.ini")
    assert "DEBUG payments.db at debug: after" in service.logs("after")


def test_each_language_is_sealed_as_what_it_is(shell: Shell, local_parts: str) -> None:
    """The first character tells, behind blanks; the bytes are sealed as they are."""
    debug = (shell.folder / "debug.json").read_text()
    for document in (debug, f" \n\t{debug}"):
        assert ("application/json", document) == content_types(shell, document.encode())
    for document in (INI, f"\n{INI}", INI.replace("#", ";")):
        kind = "application/vnd.sealwire.ini"
        assert (kind, document) == content_types(shell, document.encode())


def test_unchecked_does_not_change_the_language(shell: Shell, local_parts: str) -> None:
    """What nobody has read is still told to be what it begins as."""
    for document, kind in ((b"{x", "application/json"), (b"[x", "application/vnd.sealwire.ini")):
        assert (kind, document.decode()) == content_types(shell, document, "--unchecked")


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (GADGET, "document-invalid: handler_console.args: "),
        (f"[DEFAULT]\nlevel=INFO\n{INI}", "document-invalid: DEFAULT: "),
        (INI.replace("keys=short", "keys=other"), "document-invalid: formatters.keys: "),
        ("version: 1\nroot: {}\n", "document-malformed: line 1: stands before the first [section]"),
        ("\ufeff{}", "document-malformed: starts with a byte order mark"),
        (f"{INI}\n;{'x' * 32 * 1024}", "over the limit of 32768"),
    ],
    ids=["gadget", "defaults", "unlisted", "another language", "byte order mark", "too long"],
)
def test_a_slip_in_ini_is_told_before_anything_is_sent(
    shell: Shell, bare_service: socket.socket, document: str, error: str
) -> None:
    """In the terms of INI; and whoever meant another language is told how it was read."""
    ended = shell.run("send", "-", given=document.encode())
    assert 3 == ended.status
    assert ended.error.startswith("standard input would be refused, and was not sealed: ")
    assert error in ended.error
    assert ended.hint.startswith("it was read as INI, because JSON begins with {; ")
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()


def test_a_service_evaluates_nothing(shell: Shell, local_service: Service) -> None:
    """Whoever does not look beforehand is refused there, with the place."""
    ended = shell.run("send", "-", "--unchecked", given=GADGET.encode())
    assert 1 == ended.status
    assert ended.error.startswith(shell.refused("document-invalid: handler_console.args: "))
    assert "mend the configuration at the place named" in ended.hint
    assert ["INFO payments.db at info: after"] == [
        line for line in local_service.logs("after") if "payments.db" in line
    ]


def test_a_slip_in_json_is_told_in_terms_of_json(shell: Shell, local_parts: str) -> None:
    """No word of INI where the document begins as JSON does."""
    ended = shell.run("seal", "-", given=b'{"version": 1,}')
    assert "document-malformed: not JSON" in ended.error
    assert "INI" not in ended.stderr
