"""What the pages say of the code is so: help texts, settings, guarantees, figures, names.

That every example runs is `test_docs_examples`; that links lead somewhere, `test_readme` and the
build of the pages (``make docs``).
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import sealwire
from sealwire import AnyOf, Chain, ConfigurationError, compat, recommended
from sealwire.changing import MAX_LEASES, MAX_LEASES_OF_ONE
from sealwire.checks.freshness import MAX_LIFETIME_S
from sealwire.documents import read_ini_plan, read_plan
from sealwire.documents.ini_literals import MAX_LITERAL_CHARS, MAX_LITERAL_DEPTH, MAX_PIECES
from sealwire.documents.ini_sections import MAX_GAP_CHARS, MAX_INI_BYTES, MAX_LINES
from sealwire.documents.reading import LEVELS, MAX_LEVEL
from sealwire.documents.references import MAX_COPIED_CHARS, MAX_STEPS
from sealwire.documents.strict_json import MAX_DEPTH, MAX_DOCUMENT_BYTES
from sealwire.keyfiles import new_aead_key, new_mac_key, new_signing_key
from sealwire.listener import REMOTE_SKEW_S
from sealwire.logtree.builder import BUILD_S
from sealwire.logtree.locks import WAIT_S
from sealwire.policy.factories import MAX_ATTRIBUTE_CHARS, MAX_QUEUED_RECORDS
from sealwire.policy.formats import MAX_PADDING_CHARS
from sealwire.policy.secretive import SECRETIVE
from sealwire.requests import CONTENT_TYPE_INI, CONTENT_TYPE_JSON, Apply
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.settings import (
    PolicySettings,
    parse_operator,
    parse_policy,
    parse_service,
    render_operator,
    render_service,
)
from sealwire.settings.reading import MAX_SETTINGS_BYTES
from sealwire.stages import Claims, Opened, Stream
from sealwire.testing import pair
from sealwire.transports.addresses import MAX_PATH_BYTES
from sealwire.watching import LOOK_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(DOCS.rglob("*.md"))
PATIENCE_S: Final = 60


def text_of(page: str) -> str:
    """Give the text of a page."""
    return (DOCS / page).read_text(encoding="utf-8")


def plain(markdown: str) -> str:
    """Give text on one line, without the marks of code."""
    return " ".join(markdown.replace("`", "").split())


def section(markdown: str, title: str) -> str:
    """Give what stands below a heading, up to the next one."""
    parts = re.split(rf"^#+ {re.escape(title)}$", markdown, flags=re.MULTILINE)
    assert 2 == len(parts), title
    return re.split(r"^#+ ", parts[1], flags=re.MULTILINE)[0]


def rows(markdown: str) -> list[list[str]]:
    """Give the rows of a table without its head."""
    lines = re.findall(r"^\| (.*) \|$", markdown, flags=re.MULTILINE)
    return [line.split(" | ") for line in lines][1:]


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_cli_page() -> Any:  # noqa: ANN401 - a program that is no module of ours
    """Give the program that writes the page."""
    spec = importlib.util.spec_from_file_location("make_cli_page", DOCS / "make_cli_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_help_texts_are_on_the_page(make_cli_page: Any) -> None:  # noqa: ANN401 - see above
    """What is wrapped otherwise by another click is the same text."""
    written = text_of("reference/cli.md")
    expected = make_cli_page.page(written)
    assert expected.split() == written.split(), "run: python docs/make_cli_page.py"


def test_the_page_shows_what_is_printed(make_cli_page: Any) -> None:  # noqa: ANN401 - see above
    """Every command, asked for its help as somebody at a terminal would."""
    commands = [path for path, _ in make_cli_page.help_texts()]
    assert len(commands) > 10
    page = " ".join(text_of("reference/cli.md").split())
    for path in commands:
        name, *arguments = path.split()
        assert "sealwire" == name
        command = [sys.executable, "-m", name, *arguments, "--help"]
        printed = subprocess.check_output(command, text=True, encoding="utf-8")
        assert f"## {path} ```text {' '.join(printed.split())} ```" in page


# ---- settings ------------------------------------------------------------------------------------

SERVICE: Final = 'audience = "a"\naddress = "tcp:127.0.0.1:1"\nchain = "local"\n'
OPERATOR: Final = 'issuer = "a"\nsigning_key = "a"\n'


def known_keys(parse: Callable[[Path, str], object], text: str) -> list[str]:
    """Give the keys that are known where ``text`` has one that is not, as the error lists them."""
    with pytest.raises(ConfigurationError, match="is not known here") as refusal:
        parse(Path("/there/settings.toml"), text)
    return str(refusal.value).partition("what is: ")[2].split(", ")


@pytest.mark.parametrize(
    ("title", "parse", "text"),
    [
        ("A service's settings", parse_service, "other = 1\n"),
        ("`[keys]`", parse_service, f"{SERVICE}[keys]\nother = 1\n"),
        ("`[keyring]`", parse_service, f"{SERVICE}[keyring]\nother = 1\n"),
        ("`[socket]`", parse_service, f"{SERVICE}[socket]\nother = 1\n"),
        ("`[policy]`", parse_service, f"{SERVICE}[policy]\nother = 1\n"),
        ("`[trail]`", parse_service, f"{SERVICE}[trail]\nother = 1\n"),
        ("An operator's settings", parse_operator, "other = 1\n"),
        (
            '`[targets."AUDIENCE"]`',
            parse_operator,
            f'{OPERATOR}[targets."a"]\nother = 1\n',
        ),
    ],
    ids=["service", "keys", "keyring", "socket", "policy", "trail", "operator", "target"],
)
def test_every_setting_is_on_the_page(
    title: str, parse: Callable[[Path, str], object], text: str
) -> None:
    """Each key that is read has a row, in the order of the reader, and there are no others."""
    page = text_of("reference/settings.md")
    tables = {"keys", "keyring", "socket", "policy", "trail", "targets"}
    known = [key for key in known_keys(parse, text) if key not in tables]
    assert known == [row[0].strip("`") for row in rows(section(page, title))]


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("The outermost keys", "other = 1\n"),
        ("`[allow]`", "[allow]\nother = 1\n"),
        ('`[floors.loggers."NAME"]`', "[floors.loggers.a]\nother = 1\n"),
        ('`[floors.handlers."NAME"]`', "[floors.handlers.a]\nother = 1\n"),
        ("`[lease]`", "[lease]\nother = 1\n"),
        ('`[roles."NAME"]`', "[roles.a]\nother = 1\n"),
    ],
    ids=["outermost", "allow", "loggers", "handlers", "lease", "roles"],
)
def test_every_key_of_a_policy_is_on_the_page(title: str, text: str) -> None:
    """Each key that is read has a row, in the order of the reader, and there are no others."""
    tables = {"allow", "lease", "floors", "ceilings", "roles"}
    known = [key for key in known_keys(parse_policy, text) if key not in tables]
    page = text_of("reference/policy.md")
    assert known == [row[0].strip("`") for row in rows(section(page, title))]


def test_the_examples_on_the_page_of_policies_are_policies() -> None:
    """Together, but for the first, which belongs into the settings."""
    blocks = re.findall(
        r"^```toml\n(.*?)^```$", text_of("reference/policy.md"), re.MULTILINE | re.DOTALL
    )
    policy = parse_policy(Path("/there/policy.toml"), "\n".join(blocks[1:])).policy
    assert ["payments.audit"] == [floor.logger for floor in policy.floors.loggers]
    assert ["on-call", "config"] == [role.name for role in policy.roles]


def test_every_rule_and_every_secretive_logger_is_on_the_page() -> None:
    """By its name, as refusals tell it."""
    page = text_of("reference/policy.md")
    listed = {
        name
        for row in rows(section(page, "Rules by name"))
        for name in row[0].replace("`", "").split(", ")
    }
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "src" / "sealwire" / "policy").glob("*.py")
    )
    named = set(re.findall(r'"((?:role|lease|floor)-[a-z]+)"', sources))
    content = {rule.name for rule in sealwire.default_rules()}
    others = {"lock", "new-loggers", "no-role", "threshold", "ceiling", "no-rules", "verb"}
    assert listed == named | content | others
    lease = plain(section(page, "`[lease]`"))
    assert [] == [name for name in SECRETIVE if f" {name}" not in lease]


def settings_examples() -> list[str]:
    """Give the blocks of the page of settings."""
    return re.findall(
        r"^```toml\n(.*?)^```$", text_of("reference/settings.md"), re.MULTILINE | re.DOTALL
    )


def test_the_examples_are_settings() -> None:
    """They are read, and writing them anew loses nothing but defaults."""
    service, keyring, _, trail, operator = settings_examples()
    path = Path("/there/settings.toml")
    ours, theirs = parse_service(path, f"{service}\n{trail}"), parse_operator(path, operator)
    assert ours == parse_service(path, render_service(ours))
    assert theirs == parse_operator(path, render_operator(theirs))
    assert "network" == ours.kind.value
    with_ring = parse_service(path, service.partition("[keys]")[0] + keyring)
    assert with_ring.keyring is not None
    assert with_ring == parse_service(path, render_service(with_ring))
    assert 2 == len(theirs.targets)


def test_the_defaults_of_the_policy_are_those_of_the_code() -> None:
    """All of them, written out."""
    _, _, policy, _, _ = settings_examples()
    written = tomllib.loads(policy)["policy"]
    defaults = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(PolicySettings()).items()
    }
    assert defaults == written
    everything = parse_service(
        Path("/there/settings.toml"), f'{SERVICE}[keys]\ntrusted = ["a.pub"]\n{policy}'
    )
    assert PolicySettings() == everything.policy


def test_the_figures_are_those_of_the_code() -> None:
    """Each limit that a page names, from where it is kept."""
    settings, limits = (
        plain(text_of("reference/settings.md")),
        plain(text_of("explanation/limits.md")),
    )
    assert f"at most {MAX_SETTINGS_BYTES // 1024} KiB" in settings
    assert f"may have {MAX_PATH_BYTES} bytes" in settings
    assert f"may have {MAX_DOCUMENT_BYTES // 1024} KiB" in limits
    assert f"an INI document {MAX_INI_BYTES // 1024} KiB" in limits
    assert f"waits for them for {WAIT_S:.0f} seconds at most" in limits
    assert f"for {WAIT_S:.0f} seconds at most, while a handler behind it" in limits
    assert f"waited for no longer than {BUILD_S:.0f} seconds" in limits
    assert f"At most {MAX_LEASES} run at once, and {MAX_LEASES_OF_ONE} of one issuer" in limits
    assert f"At most {MAX_LEASES} run at once, and {MAX_LEASES_OF_ONE} of one operator" in plain(
        text_of("how-to/debug-for-a-while.md")
    )
    assert 60_000 == LOOK_MS
    assert "it is looked for once a minute" in limits
    assert f"by {REMOTE_SKEW_S:.0f} seconds if nothing else was said" in limits
    assert f"The default is {DEFAULT_LIFETIME_S // 60} minutes" in limits
    days = MAX_LIFETIME_S[Stream.BASE] // 86_400
    assert f"a change may live for {days} days" in text_of("explanation/guarantees.md")
    assert f"{REMOTE_SKEW_S:.0f} seconds by default beyond loopback" in plain(
        text_of("how-to/tcp.md")
    )


# ---- documents -----------------------------------------------------------------------------------


def test_the_two_documents_are_one_configuration() -> None:
    """The examples of the page are read, and mean the same."""
    page = text_of("reference/documents.md")
    as_json, as_ini = re.findall(
        r"^```{code-block} text\n:caption: as \w+\n\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    assert read_plan(as_json.encode()) == read_ini_plan(as_ini.encode())


def test_the_limits_of_documents_are_those_of_the_code() -> None:
    """Each figure, the content types and the levels, from where they are kept."""
    page = plain(text_of("reference/documents.md"))
    for said in (
        f"| {CONTENT_TYPE_JSON} | {CONTENT_TYPE_INI} |",
        f"| {MAX_DOCUMENT_BYTES // 1024} KiB, {MAX_DEPTH} levels deep |",
        f"| {MAX_INI_BYTES // 1024} KiB, {MAX_LINES:,} lines |",
        f"{', '.join(LEVELS)}, or a number from 0 to {MAX_LEVEL:,}",
        f"add {MAX_PADDING_CHARS:,} characters to a record at most",
        f"{MAX_LITERAL_CHARS:,} characters and {MAX_PIECES} pieces",
        f"pieces, nested {MAX_LITERAL_DEPTH} deep",
        f"more than {MAX_GAP_CHARS} blanks in a row",
        f"{MAX_STEPS} pointers on one way, and {MAX_COPIED_CHARS:,} characters are copied",
    ):
        assert said in page
    policy = plain(text_of("reference/policy.md"))
    assert f"Its maxsize is 0, or up to {MAX_QUEUED_RECORDS:,}." in policy
    assert f"an attribute has {MAX_ATTRIBUTE_CHARS} characters at most" in policy


def test_the_handler_of_a_factory_on_the_page_is_read_and_allowed() -> None:
    """The document of one page under the policy of the other, and not without it."""
    document = re.findall(
        r":caption: a handler that the application makes\n\n(.*?)^```$",
        text_of("reference/documents.md"),
        re.MULTILINE | re.DOTALL,
    )[0]
    policy = re.findall(
        r":caption: a queue, a function of the application, and two attributes\n\n(.*?)^```$",
        text_of("reference/policy.md"),
        re.MULTILINE | re.DOTALL,
    )[0]
    plan = read_plan(document.encode())
    named = parse_policy(Path("/there/policy.toml"), policy).make_policy().rules
    request = Apply(
        Opened(b"", Claims("a", "a", 0, 0, bytes(16), 0, Stream.BASE), "", b"", ()), plan
    )
    assert [] == [found for rule in named for found in rule.judge(request)]
    refused = {rule.name for rule in sealwire.default_rules() if list(rule.judge(request))}
    assert {"factory", "attribute"} == refused


# ---- guarantees ----------------------------------------------------------------------------------


def parts_of(written: str) -> Iterator[Any]:
    """Give the parts that a row of a table names, in backticks, each with a key of its own."""
    same = new_signing_key("alice").verify_key

    def part(name: str) -> Any:  # noqa: ANN401 - a part of any kind
        key = same if "with the same key" in written else new_signing_key("alice").verify_key
        keys: dict[str, object] = {
            "Ed25519Verifier": key,
            "HmacVerifier": new_mac_key("alice", "payments@prod"),
            "AesGcmOpener": new_aead_key("alice", "payments@prod"),
        }
        kind = getattr(sealwire, name)
        return kind([keys[name]]) if name in keys else kind()

    for place in written.partition(" (the chain")[0].split(", "):
        names = re.findall(r"`(\w+)`", place)
        if names:
            alternatives = [part(name) for name in names]
            yield AnyOf(*alternatives) if " or " in place else alternatives[0]


def guarantee_rows(title: str) -> list[list[str]]:
    """Give the rows of a table of chains."""
    found = rows(section(text_of("explanation/guarantees.md"), title))
    assert found
    return found


@pytest.mark.parametrize(
    ("chain", "shown"), guarantee_rows("Legal chains") + guarantee_rows("Alternatives")
)
def test_legal_chains_guarantee_what_is_shown(chain: str, shown: str) -> None:
    """Each row is constructed."""
    made = Chain("payments@prod", parts_of(chain))
    assert shown.split(", ") == sorted(guarantee.value for guarantee in made.guarantees)


@pytest.mark.parametrize(("chain", "said"), guarantee_rows("Illegal chains"))
def test_illegal_chains_say_what_is_shown(chain: str, said: str) -> None:
    """No row can be constructed."""
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Chain("payments@prod", parts_of(chain))


def test_the_recommended_chains_are_among_them() -> None:
    """As they are in the code."""
    verify_key = new_signing_key("alice").verify_key
    gate, encryption = new_mac_key("alice", "a"), new_aead_key("alice", "a")
    local = recommended.local("a", [verify_key])
    network = recommended.network("a", gate=[gate], encryption=[encryption], trusted=[verify_key])
    listed = {
        row[0].partition(" (the chain `")[2].rstrip("`)"): re.findall(r"`(\w+)`,?", row[0])
        for row in guarantee_rows("Legal chains")
    }
    assert local.describe() == " → ".join(listed["local"][:-1])
    assert network.describe() == " → ".join(listed["network"][:-1])


def test_every_guarantee_is_explained() -> None:
    """One row each, in the order of the enum."""
    words = [row[0] for row in guarantee_rows("What the words mean")]
    assert [guarantee.value for guarantee in sealwire.Guarantee] == words


def test_the_exceptions_from_the_librarys_tests_are_those_of_the_list() -> None:
    """Reasons in their words and with their numbers, and the counts of each Python."""
    path = ROOT / "tests" / "conformance" / "config_exceptions.toml"
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    reasons = [
        [reason["words"], str(len(reason["tests"]))] for reason in listed["reasons"].values()
    ]
    instead = [name for each in listed["reasons"].values() for name in each.get("instead", [])]
    counts = [
        [version, *(str(count[key]) for key in ("tests", "passed", "listed", "skipped"))]
        for version, count in listed["counts"].items()
    ]
    passing = [[str(len(instead))], [str(len(listed["untouched"]))]]
    assert counts == guarantee_rows("How much of dictConfig")
    assert reasons == guarantee_rows("What is on the list")
    assert passing == [row[1:] for row in guarantee_rows("What passes and shows less")]


# ---- what else is in several places --------------------------------------------------------------


def test_every_public_name_is_in_the_reference() -> None:
    """Names of the package, and of the modules that applications import from."""
    described = re.findall(
        r"^\.\. (?:auto(?:class|function|exception|data)|py:class|py:data):: ([\w.]+)",
        text_of("reference/api.md"),
        flags=re.MULTILINE,
    )
    names = {each.rpartition(".")[2] for each in described}
    public = {*sealwire.__all__, *compat.__all__, "local", "network", "local_layers"}
    assert set() == public - {"__version__"} - names


def test_the_members_of_reports_are_on_the_page() -> None:
    """What a service reports is what the page lists, by method, and nothing else."""
    level = {"version": 1, "incremental": True, "root": {"level": "DEBUG"}}
    with pair() as service:
        client = service.client
        plan = client.plan(level).report
        reports = {
            "plan": [plan],
            "apply": [client.apply(level, confirm_within_s=60).report],
            "lease": [client.lease({"a": "DEBUG"}).report],
            "status": [client.status().report],
            "revert": [client.revert().report, client.revert(of=Stream.BASE).report],
        }
    reported = {
        method: {name for each in told for name in each} for method, told in reports.items()
    }
    listed = rows(section(text_of("how-to/from-python.md"), "What is in the report"))
    named = {
        method.strip("`"): set(re.findall(r"`(\w+)`", words.partition(":")[0]))
        for method, words in listed
    }
    assert reported == named
    assert {"where", "before", "after"} == plan["changes"][0].keys()


def test_every_limit_of_the_threat_model_is_explained() -> None:
    """What SECURITY.md names in bold has a heading on the page of limits."""
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    known = section(security, "Known limits of this version")
    named = re.findall(r"^- \*\*(.*?)\.?\*\*", known, flags=re.MULTILINE)
    assert len(named) > 5
    headings = re.findall(r"^## (.*)$", text_of("explanation/limits.md"), flags=re.MULTILINE)
    assert [] == [name for name in named if name not in headings]


def test_every_decision_is_listed() -> None:
    """With its number and its title."""
    listed = dict(
        re.findall(
            r"^\| \[(\d{4})\]\(\1[\w-]*\.md\) \| (.*?) \| ", text_of("adr/README.md"), re.MULTILINE
        )
    )
    titles = {
        page.name[:4]: re.findall(
            r"^# \d{4}: (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE
        )[0]
        for page in DOCS.glob("adr/0*.md")
    }
    assert len(titles) > 4
    assert {number: plain(title).lower() for number, title in titles.items()} == {
        number: plain(title).lower() for number, title in listed.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_page_leads_to_another_machine(page: Path) -> None:
    """Pages are read, and built, where there is no network."""
    text = page.read_text(encoding="utf-8")
    schemes = set(re.findall(r"(\w+)://", text))
    assert schemes <= {"ext", "cfg"}


def test_make_docs_refuses_warnings_and_runs_the_examples() -> None:
    """And `.ci/run` runs it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    printed = subprocess.check_output(["make", "docs", "--dry-run"], cwd=ROOT, env=clean, text=True)
    build, tests = printed.splitlines()[-2:]
    assert " -m sphinx " in build
    assert " -W " in build
    assert {"tests/integration/test_docs.py", "tests/integration/test_docs_examples.py"} <= set(
        tests.split()
    )
    assert "\nmake docs\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


# ---- what is said of the standard library --------------------------------------------------------

LIBRARY: Final = """
import json, logging, logging.config, os, socket, struct, sys, threading, time

def until(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.005)

def listen(verify):
    thread = logging.config.listen(0, verify=verify)
    thread.daemon = True
    thread.start()
    thread.ready.wait(30)
    return thread.port

def send(port, message):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(struct.pack(">L", len(message)) + message)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1)
"""

INI: Final = """[loggers]
keys=root
[handlers]
keys=gadget
[formatters]
keys=
[logger_root]
handlers=gadget
[handler_gadget]
class=StreamHandler
args=(__import__("os").mkdir("made") or sys.stdout,)
"""

FACTS: Final = {
    "every connection is a thread": (
        """
port = listen(lambda received: None)
before = threading.active_count()
open_ones = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
until(lambda: threading.active_count() >= before + 20)
print("20 threads")
""",
        "20 threads",
        "",
    ),
    "a port that is taken is no error": (
        """
with socket.create_server(("127.0.0.1", 0)) as taken:
    thread = logging.config.listen(taken.getsockname()[1], verify=lambda received: None)
    thread.start()
    thread.join(30)
print(thread.is_alive(), thread.ready.is_set())
""",
        "False False",
        "",
    ),
    "what is not JSON is evaluated": (
        f"""
port = listen(lambda received: received)
send(port, {INI!r}.encode())
print(os.path.isdir("made"))
""",
        "True",
        "",
    ),
    "what fails is printed": (
        """
port = listen(lambda received: received)
handler = {"class": "logging.handlers.SMTPHandler", "credentials": ["alice", "correct horse"]}
send(port, json.dumps({"version": 1, "handlers": {"mail": handler}}).encode())
""",
        "",
        "correct horse",
    ),
    "signed bytes are good for ever": (
        """
from sealwire.keyfiles import new_signing_key
alice = new_signing_key("alice")
document = json.dumps({"version": 1, "incremental": True, "root": {"level": "DEBUG"}}).encode()
signed = alice.sign(document) + document
key = alice.verify_key
port = listen(lambda got: got[64:] if key.verifies(got[64:], got[:64]) else None)
send(port, bytes(64) + document)
assert logging.root.level != logging.DEBUG
for _ in range(2):
    logging.root.setLevel(logging.INFO)
    send(port, signed)
    print(logging.getLevelName(logging.root.level))
""",
        "DEBUG\nDEBUG",
        "",
    ),
    "verify runs in several threads at once": (
        """
both, together = threading.Barrier(2), []
def verify(received):
    both.wait(30)
    together.append(received)
port = listen(verify)
senders = [threading.Thread(target=send, args=(port, b"{}")) for _ in range(2)]
for each in senders:
    each.start()
for each in senders:
    each.join(30)
print(together)
""",
        "[b'{}', b'{}']",
        "",
    ),
    "nobody is told": (
        """
port = listen(lambda received: received)
answers = send(port, b'{"version": 1, "incremental": true}'), send(port, b"junk")
print(answers)
""",
        "(b'', b'')",
        "",
    ),
}


@pytest.mark.parametrize(("program", "printed", "on_stderr"), FACTS.values(), ids=FACTS)
def test_what_is_said_of_the_library_is_so(
    program: str, printed: str, on_stderr: str, tmp_path: Path
) -> None:
    """In the Python that runs this; a page that says more than is so has to be changed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{LIBRARY}{program}\nsys.stdout.flush(); os._exit(0)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    assert (0, printed) == (done.returncode, done.stdout.strip()), done.stderr
    assert on_stderr in done.stderr
