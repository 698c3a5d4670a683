"""``sealwire lease``, ``revert`` and ``status``: what people see, and exit statuses."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import Ended, both_parts

from sealwire import cbor, deliver
from sealwire.answers import encode_answer
from sealwire.documents import Tree
from sealwire.inforce import InForce
from sealwire.leases import LiveLease, Overlay
from sealwire.policy import Floors
from sealwire.stages import Answer, Outcome
from sealwire.telling import status_report

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.cli.conftest import Service, Shell

    from sealwire.documents import JsonValue

ENCRYPTED = "the answer says no more, because requests to this service are encrypted"


def test_a_lease_is_told_and_can_be_ended(shell: Shell, local_service: Service) -> None:
    """Debug lines for as long as it stands; the command that ends it is on the screen."""
    said = shell.done("lease", "payments.db=debug", "--for", "15m", "--why", "INC-4711")
    lines = said.splitlines()
    assert shell.says("in force") == lines[0]
    assert lines[1].startswith("until ")
    assert "payments.db is DEBUG, was INFO" == lines[3]
    assert "  will write: StreamHandler(stdout)" == lines[4]
    assert "DEBUG payments.db at debug: meanwhile" in local_service.logs("meanwhile")

    status = shell.done("status")
    assert "payments.db=DEBUG until " in status
    assert "by alice: INC-4711" in status
    rows = [line.split(None, 3) for line in status.splitlines()]
    assert ["logger", "configured", "effective"] in rows
    (row,) = [row for row in rows if row[:1] == ["payments.db"]]
    assert ["payments.db", "-", "DEBUG"] == row[:3]
    assert row[3].startswith("leased until ")
    assert row[3].endswith(", in 15 min, by alice")

    program, *arguments = lines[2].split()
    assert "sealwire" == program
    assert shell.done(*arguments).endswith("1 lease ended\n")
    assert "DEBUG payments.db at debug: later" not in local_service.logs("later")
    assert "leases    none" in shell.done("status")


@pytest.mark.usefixtures("local_service")
def test_status_tells_what_was_refused_last(shell: Shell) -> None:
    """Whoever looks at night wants to know what somebody has tried; junk hides little of it."""
    assert "refused" not in shell.done("status")
    for _ in range(6):
        assert 1 == shell.run("lease", "payments.db=DEBUG", "--for", "30h").status
    for _ in range(6):
        deliver(f"unix:{shell.folder}/made/run/log.sock", b"junk")
    said = [line for line in shell.done("status").splitlines() if line.startswith("refused ")]
    assert 7 == len(said)
    assert 5 == sum(" of alice: policy: " in line and "uid " in line for line in said)


@pytest.mark.parametrize("chain", ["local", "network"])
def test_unsigned_through_an_encrypting_chain_the_outcome_alone_comes_back(
    shell: Shell, started: Callable[[str], Service], chain: str
) -> None:
    """Such an answer is in the clear: where requests are hidden, it hides as well."""
    printed = both_parts(shell, chain)
    shell.sign_nothing()
    service = started(printed)
    told = shell.done("lease", "payments.db=DEBUG", "--for", "10m")
    assert told.splitlines()[0] == shell.says(told.partition(", as ")[0], "the answer is unsigned")
    assert "DEBUG payments.db at debug: meanwhile" in service.logs("meanwhile")
    assert (chain == "network") == (ENCRYPTED in told)
    # The id, the end and the way back are known without the service.
    (until,) = [line for line in told.splitlines() if line.startswith("until ")]
    assert until.endswith(", in 10 min; to end it before:")
    (back,) = [line.split() for line in told.splitlines() if "sealwire revert " in line]
    shell.done(*back[1:])
    assert "DEBUG payments.db at debug: later" not in service.logs("later")


def test_a_receipt_tells_in_full(shell: Shell, service: Service) -> None:
    """Through both chains: it is encrypted where the request was."""
    told = shell.done("lease", "payments.db=DEBUG", "--for", "10m")
    assert "receipt verified" in told.splitlines()[0]
    assert ENCRYPTED not in told
    assert "payments.db" in told
    refused = shell.run("lease", "payments.db=DEBUG", "--for", "9d")
    assert 1 == refused.status
    assert "lease-length" in refused.error or "refused: policy: " in refused.error


def test_ids_are_known_without_the_service(shell: Shell, service: Service) -> None:
    """As JSON, and of a configuration: kept and taken back by the commands on the screen."""
    told = json.loads(shell.done("lease", "payments.db=DEBUG", "--json"))
    shell.done("revert", told["request_id"])
    said = shell.done("apply", "debug.json", "--confirm-within", "10m")
    assert ", in 10 min\n" in said
    commands = [line.partition("sealwire ")[2] for line in said.splitlines()]
    keep, back = [each.split() for each in commands if each]
    assert ("confirm", "revert") == (keep[0], back[0])
    shell.done(*keep)
    assert "DEBUG payments.db at debug: kept" in service.logs("kept")
    shell.done(*back)
    assert "DEBUG payments.db at debug: later" not in service.logs("later")
    assert "revert" not in shell.done("apply", "debug.json", "--dry-run")


def test_as_json(shell: Shell, local_service: Service) -> None:
    """One object a command, with the report inside."""
    told = json.loads(shell.done("lease", "payments.db=10", "--json"))
    assert ("applied", True) == (told["outcome"], told["signed"])
    assert (told["report"]["id"], "payments@test") == (told["request_id"], told["audience"])
    (level,) = told["report"]["levels"]
    assert ("payments.db", 10, 20) == (level["logger"], level["now"], level["before"])
    status = json.loads(shell.done("status", "--json"))["report"]
    assert [told["report"]["id"]] == [lease["id"] for lease in status["leases"]]
    ended = json.loads(shell.done("revert", told["report"]["id"], "--json"))["report"]
    assert [told["report"]["id"]] == ended["ended"]
    assert local_service.logs("still there")


def test_a_handler_that_hides_the_records_is_named(shell: Shell, local_service: Service) -> None:
    """A level alone often changes nothing; the next command is told."""
    content = b"""{"version": 1, "disable_existing_loggers": false,
        "handlers": {"quiet": {"class": "logging.StreamHandler", "level": "ERROR"}},
        "loggers": {"payments": {"handlers": ["quiet"], "propagate": false}}}"""
    shell.done("send", "-", given=content)
    ended = shell.run("lease", "payments.db=DEBUG")
    assert 0 == ended.status
    assert "  will not: quiet: " in ended.stdout
    command = "sealwire lease payments.db=DEBUG --through quiet"
    assert ended.stderr.endswith(f"lower one as well: {command}\n")
    shell.done("lease", "payments.db=DEBUG", "--through", "quiet")


def test_the_command_in_a_hint_is_the_whole_one(shell: Shell, local_service: Service) -> None:
    """What was typed is in it, once for all loggers, and a name near a handler's is mended."""
    content = b"""{"version": 1, "disable_existing_loggers": false,
        "handlers": {"quiet": {"class": "logging.StreamHandler", "level": "ERROR"}},
        "loggers": {"payments": {"handlers": ["quiet"], "propagate": false}}}"""
    shell.done("send", "-", given=content)
    typed = ["lease", "payments.db=DEBUG", "payments.web=DEBUG", "--for", "2h", "--why", "INC 1"]
    ended = shell.run(*typed, "--to", "payments@test")
    command = "lease payments.db=DEBUG payments.web=DEBUG --for 2h --why 'INC 1' --to payments@test"
    assert 1 == ended.stderr.count("hint: ")
    assert ended.stderr.endswith(f": sealwire {command} --through quiet\n")
    slip = shell.run(*typed, "--through", "quite")
    assert "did you mean quiet?" in slip.hint
    assert slip.hint.endswith("--why 'INC 1' --through quiet")
    other = shell.run(*typed, "--through", "elsewhere")
    assert "name one of these with --through" in other.hint
    assert local_service.until("no handler elsewhere")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["lease", "nope"], "'nope' is not LOGGER=LEVEL", "write payments.db=DEBUG"),
        (["lease", "payments=DEBUG", "--for", "0s"], "0s", ""),
        (["lease", "payments=DEBU"], "'DEBU' is not a level", "did you mean DEBUG? levels are C"),
        (["lease", "payments=LOUD"], "'LOUD' is not a level", "levels are CRITICAL, ERROR, WARN"),
        (["lease", "payments=0"], "inherits, and leases nothing", "name a level: CRITICAL"),
        (["lease", "payments=1000001"], "is not between 0 and 1000000", "levels are CRITICAL"),
        (["lease", "=DEBUG"], "'=DEBUG' names no logger", "the root logger is root=DEBUG"),
        (["lease", "a.b =DEBUG"], "'a.b ' has blanks at an end", "write a.b=DEBUG"),
        (["lease", "a\n.b=DEBUG"], "holds characters that do not print", "levels are CRITICAL"),
        (["lease", "a=DEBUG", "a=INFO"], "a is named twice", "give each logger one level"),
    ],
)
def test_a_slip_is_told_before_anything_is_sent(
    shell: Shell, bare_service: socket.socket, arguments: list[str], error: str, hint: str
) -> None:
    """What cannot be meant is not sealed."""
    ended = shell.run(*arguments)
    assert ended.status in {2, 3}
    assert error in ended.error
    assert hint in ended.hint
    bare_service.settimeout(0)
    with pytest.raises(BlockingIOError):
        bare_service.accept()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["revert", "0" * 32], "not-in-force"),
        (["lease", "payments=DEBUG", "--for", "5d"], "policy"),
        (["lease", "payments=DEBUG", "--only", "elsewhere/*"], "not-addressed"),
    ],
)
def test_a_refusal_ends_with_1_and_a_next_step(
    shell: Shell, local_service: Service, arguments: list[str], reason: str
) -> None:
    """The service says why, and nothing has changed."""
    ended = shell.run(*arguments)
    assert 1 == ended.status
    assert ended.error.startswith(shell.refused(reason))
    assert ended.hint
    assert "sealwire send" not in ended.hint
    assert "mend the configuration" not in ended.hint
    assert "DEBUG payments.db at debug: after" not in local_service.logs("after")


@pytest.mark.parametrize("command", [["lease", "payments=DEBUG"], ["revert"], ["status"]])
@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"levels": ' + b"[" * 100_000,
        b'{"levels": 5, "leases": {"a": 1}, "ended": 7}',
        b'{"until_ms": "soon", "id": "\\u001b[31m", "levels": [{}]}',
        b'{"instance": "\\u001b[2J", "base": {"issuer": 1, "since_ms": []}, "leases": [[]]}',
    ],
)
def test_a_report_of_a_squatter_ends_nothing(
    shell: Shell, bare_service: socket.socket, command: list[str], report: bytes
) -> None:
    """Whoever sits on the address may answer anything: no traceback, and no control characters."""
    process = shell.start(*command)
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        answer = encode_answer(Answer(Outcome.APPLIED, "", "", report=report))
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        stdout, stderr = process.communicate(timeout=30)
    assert 0 == process.returncode, stderr
    assert b"Traceback" not in stderr
    assert b"\x1b" not in stdout + stderr


def test_a_status_says_what_was_left_out(shell: Shell, bare_service: socket.socket) -> None:
    """Of the levels of a lease, and of the rows."""
    levels = tuple((f"{number:03}{'x' * 250}", 10) for number in range(100))
    leases = tuple(LiveLease(f"{each:032x}", "alice", "", levels, (), 1, 2) for each in range(64))
    report = status_report(Tree(), InForce(overlay=Overlay(leases)), Floors(), 1)
    process = shell.start("status")
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        answer = encode_answer(Answer(Outcome.APPLIED, "", "", report=report))
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        stdout, _ = process.communicate(timeout=30)
    assert 64 == stdout.count(b"=DEBUG and 97 more until ")


def answered(shell: Shell, bare_service: socket.socket, report: bytes, *command: str) -> Ended:
    """Run a command, and answer it with a report in the service's place."""
    process = shell.start(*command)
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        answer = encode_answer(Answer(Outcome.APPLIED, "", "", report=report))
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        stdout, stderr = process.communicate(timeout=30)
    return Ended(process.returncode, stdout.decode(), stderr.decode())


def logger_row(name: str) -> dict[str, JsonValue]:
    """Give what a status says of a logger."""
    return {
        "name": name,
        "configured": 20,
        "effective": 20,
        "leased": None,
        "handlers": [],
        "propagate": True,
        "disabled": False,
    }


def test_the_tree_of_a_status_indents_under_who_is_listed(
    shell: Shell, bare_service: socket.socket
) -> None:
    """A logger whose parent is left out is not the child of the line above it."""
    names = ["root", "a", "a-b", "a.b.c", "a.b.c.d", "sealwire", "shop.orders"]
    report = json.loads(status_report(Tree(), InForce(), Floors(), 1))
    report |= {"loggers": [logger_row(name) for name in names], "floors": ["audit: no handler x"]}
    said = answered(shell, bare_service, json.dumps(report).encode(), "status").stdout
    assert "a floor that keeps nothing: audit: no handler x" in said.splitlines()
    rows = said.partition("logger ")[2].splitlines()[1:8]
    assert [
        "root",
        "  a",
        "    a.b.c",
        "      a.b.c.d",
        "  a-b",
        "  sealwire",
        "  shop.orders",
    ] == [row.partition("INFO")[0].rstrip() for row in rows]


def status_with(**parts: list[JsonValue]) -> bytes:
    """Give a status with ``parts``."""
    report = json.loads(status_report(Tree(), InForce(), Floors(), 1))
    return json.dumps({**report, **parts}).encode()


DEEP: list[JsonValue] = [logger_row(".".join("a" * count)) for count in range(1, 220)]
LONG: list[JsonValue] = [logger_row(f"{number}{'x' * 20_000}") for number in range(8)]
MANY: list[JsonValue] = [logger_row(f"m{number}") for number in range(1_000)]
LEASED: list[JsonValue] = [
    {
        "id": "0" * 32,
        "issuer": "i" * 50_000,
        "why": "w" * 50_000,
        "levels": {f"l{number}": 10 for number in range(2_000)},
        "until_ms": 1,
    }
]
HANDLER: JsonValue = {"key": "k", "class": "c" * 100_000, "level": 0, "target": "t" * 50_000}
HANDLERS: list[JsonValue] = [{**logger_row("root"), "handlers": ["h"] * 20_000}]
DRIFT: JsonValue = {"where": "w", "found": "f", "expected": "e"}


@pytest.mark.parametrize(
    ("report", "told", "lines", "widest"),
    [
        (status_with(loggers=DEEP), "      INFO", 230, 500),
        (status_with(loggers=LONG), "… and 19701 characters more", 20, 400),
        (status_with(loggers=MANY), "and 500 loggers more, which --json prints", 520, 100),
        (status_with(loggers=[logger_row("a" + ".a" * 60_000)]), "characters more", 20, 400),
        (status_with(leases=LEASED), "l19=DEBUG and 1980 more until", 20, 1_200),
        (status_with(handlers=[HANDLER] * 1), "… and 99700 characters more", 20, 800),
        (status_with(loggers=HANDLERS), "h, h and 19980 more", 20, 200),
        (status_with(drift=[DRIFT] * 2_000), "and 1500 places more", 520, 100),
        (status_with(floors=["audit"] * 2_000), "and 1500 floors more", 520, 100),
    ],
)
def test_a_long_report_does_not_fill_the_screen(
    shell: Shell,
    bare_service: socket.socket,
    report: bytes,
    told: str,
    lines: int,
    widest: int,
) -> None:
    """Whoever wrote it: it is cut, and says by how much."""
    ended = answered(shell, bare_service, report, "status")
    assert "cannot be read" not in ended.stdout
    assert told in ended.stdout
    assert ended.stdout.count("\n") < lines
    assert max(map(len, ended.stdout.splitlines())) < widest


def test_with_json_nothing_is_cut(shell: Shell, bare_service: socket.socket) -> None:
    """Whoever wants all of it."""
    ended = answered(shell, bare_service, status_with(loggers=MANY), "status", "--json")
    assert 1_000 == len(json.loads(ended.stdout)["report"]["loggers"])


def test_a_long_lease_does_not_fill_the_screen(shell: Shell, bare_service: socket.socket) -> None:
    """Nor does the command that is next."""
    hidden: list[JsonValue] = [{"handler": f"h{'x' * 50_000}", "by": "its level"}]
    row = {"logger": "a", "now": 10, "before": 20, "emitting": [], "hidden": hidden, "stopped": ""}
    rows = [row, *({**row, "hidden": [{"handler": f"{n}", "by": "b"}]} for n in range(900))]
    report = {"id": "0" * 32, "until_ms": 1, "levels": rows, "through": []}
    ended = answered(shell, bare_service, json.dumps(report).encode(), "lease", "a=DEBUG")
    assert "and 401 levels more, which --json prints" in ended.stdout
    assert 20 == ended.stderr.count("--through")
    assert len(ended.stderr) < 2_000


def test_a_long_refusal_does_not_fill_the_screen(shell: Shell, bare_service: socket.socket) -> None:
    """Only a listener that is none of ours writes one."""
    process = shell.start("status")
    connection, _ = bare_service.accept()
    with connection:
        with connection.makefile("rb") as file:
            file.read(struct.unpack(">L", file.read(4))[0])
        table: dict[int | str, cbor.CborValue] = {1: 2, 2: "r" * 90_000, 3: "d" * 90_000}
        answer = cbor.encode(table)
        connection.sendall(struct.pack(">L", len(answer)) + answer)
        _, stderr = process.communicate(timeout=30)
    assert b"rrr\xe2\x80\xa6: ddd" in stderr
    assert len(stderr) < 1_000


def test_a_logger_that_nothing_has_asked_for_is_told(
    shell: Shell, bare_service: socket.socket
) -> None:
    """A name that is spelt wrong is a logger too, and never one that writes."""
    row = {"logger": "payments.bd", "now": 10, "before": 20, "known": False}
    row |= {"emitting": ["console"], "hidden": [], "stopped": ""}
    known = row | {"logger": "payments.db", "known": True}
    near = row | {"logger": "b", "near": ["c" * 400, "\x1b[2J"]}
    report = {"id": "0" * 32, "until_ms": 1, "levels": [row, known, near], "through": []}
    ended = answered(
        shell,
        bare_service,
        json.dumps(report).encode(),
        *("lease", "payments.bd=DEBUG", "payments.db=DEBUG"),
    )
    said = ended.stdout
    assert 2 == said.count("nothing has asked for a logger")
    assert "  nothing has asked for a logger payments.bd yet; is it spelt so?" in said.splitlines()
    assert "  nothing has asked for a logger b yet; did you mean ccc" in said
    assert r"c… and 100 characters more, \x1b[2J?" in said


def test_a_slip_in_a_logger_of_a_running_service_is_told(
    shell: Shell, local_service: Service
) -> None:
    """The name that the application uses is told from one that it does not."""
    assert local_service.logs("once, so that the logger is there")
    said = shell.done("lease", "payments.bd=DEBUG", "payments.db=DEBUG")
    assert 1 == said.count(
        "nothing has asked for a logger payments.bd yet; did you mean payments.db?"
    )
    assert 1 == said.count("nothing has asked for a logger ")


def test_no_service_means_nothing_was_sent(shell: Shell, local_parts: str) -> None:
    """As with ``send``."""
    ended: Ended = shell.run("lease", "payments.db=DEBUG")
    assert 3 == ended.status
    assert ended.error.endswith("nothing was sent")
