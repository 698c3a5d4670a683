"""Settings: read strictly, refused with the line, written so that they read back equal."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire import keyfiles
from sealwire.checks.freshness import MAX_STANDING_S, STANDING_S
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.policy import FilePaths, HandlerClasses, default_rules
from sealwire.recommended import Recommended, Signatures
from sealwire.recording import OnFailure
from sealwire.sealer import MemorySealerState
from sealwire.settings import (
    OperatorSettings,
    Place,
    PolicySettings,
    ServiceSettings,
    Target,
    default_service_settings,
    find_operator_settings,
    load_operator_settings,
    load_service_settings,
    parse_operator,
    parse_service,
    render_operator,
    render_service,
    write_settings,
)
from sealwire.settings.trail import TrailSettings
from sealwire.transports.addresses import parse_address

NOW_MS = 1_790_000_000_000
AUDIENCE = "payments@prod"
SIGNING = SigningKey(bytes(range(32)), owner="alice")
GATE = MacKey(bytes(range(1, 33)), owner="alice", audience=AUDIENCE)
ENCRYPTION = AeadKey(bytes(range(2, 34)), owner="alice", audience=AUDIENCE)

HERE = Path("/etc/sealwire")
SERVICE = HERE / "service.toml"
OPERATOR = HERE / "operator.toml"

LOCAL_TEXT = """\
audience = "payments@prod"
address = "unix:/run/payments/log.sock"
chain = "local"

[keys]
trusted = ["alice.pub", "/srv/keys/bob.pub"]
"""

NETWORK_TEXT = """\
# who we are
audience = "payments@prod"
address = "unix:/run/payments/log.sock"
chain = "network"
receipt_key = "receipt.key"
allow_example_keys = true

[keys]
trusted = ["alice.pub"]
gate = ["alice.mac"]
encryption = ["alice.aead"]

[socket]
allow_uids = [0, 1000]
group = "ops"

[policy]
directories = ["/var/log/payments"]
handler_classes = ["logging.StreamHandler"]
formatter_classes = ["pythonjsonlogger.JsonFormatter"]
factories = ["payments.logs.make_handler"]
attributes = ["logging.StreamHandler.terminator"]
externals = []
destinations = ["/dev/log", ["localhost", 514]]
extra_fields = ["trace_id"]
max_handlers = 4
max_loggers = 5
"""

OPERATOR_TEXT = """\
issuer = "alice"
signing_key = "alice.signing"

[targets."payments@prod"]
address = "unix:/run/payments/log.sock"
chain = "local"

[targets."billing/eu"]
address = "unix:/run/billing/log.sock"
chain = "network"
gate = "billing.mac"
encryption = "billing.aead"
receipt_key = "billing-host.pub"
"""

LOCAL = ServiceSettings(
    path=SERVICE,
    audience=AUDIENCE,
    address="unix:/run/payments/log.sock",
    kind=Recommended.LOCAL,
    trusted=(HERE / "alice.pub", Path("/srv/keys/bob.pub")),
)
NETWORK = ServiceSettings(
    path=SERVICE,
    audience=AUDIENCE,
    address="unix:/run/payments/log.sock",
    kind=Recommended.NETWORK,
    trusted=(HERE / "alice.pub",),
    gate=(HERE / "alice.mac",),
    encryption=(HERE / "alice.aead",),
    receipt_key=HERE / "receipt.key",
    allow_example_keys=True,
    allow_uids=(0, 1000),
    group="ops",
    policy=PolicySettings(
        directories=("/var/log/payments",),
        handler_classes=("logging.StreamHandler",),
        formatter_classes=("pythonjsonlogger.JsonFormatter",),
        factories=("payments.logs.make_handler",),
        attributes=("logging.StreamHandler.terminator",),
        externals=(),
        destinations=("/dev/log", ("localhost", 514)),
        extra_fields=("trace_id",),
        max_handlers=4,
        max_loggers=5,
    ),
)
OPERATORS = OperatorSettings(
    path=OPERATOR,
    issuer="alice",
    signing_key=HERE / "alice.signing",
    targets=(
        Target(AUDIENCE, ("unix:/run/payments/log.sock",), Recommended.LOCAL),
        Target(
            "billing/eu",
            ("unix:/run/billing/log.sock",),
            Recommended.NETWORK,
            HERE / "billing.mac",
            HERE / "billing.aead",
            (HERE / "billing-host.pub",),
        ),
    ),
)


def refusal(step: Callable[[], object]) -> str:
    """Give the text of the ConfigurationError that ``step`` raises."""
    with pytest.raises(ConfigurationError) as caught:
        step()
    return str(caught.value)


def write_keys(folder: Path) -> None:
    """Write a real key of each kind."""
    keyfiles.write_key_file(folder / "alice.signing", SIGNING)
    keyfiles.write_key_file(folder / "alice.pub", SIGNING.verify_key)
    keyfiles.write_key_file(folder / "alice.mac", GATE)
    keyfiles.write_key_file(folder / "alice.aead", ENCRYPTION)


# ---- reading --------------------------------------------------------------------------------


def test_a_service_file_is_read() -> None:
    """Everything that can be said, and everything that need not be."""
    assert LOCAL == parse_service(SERVICE, LOCAL_TEXT)
    assert NETWORK == parse_service(SERVICE, NETWORK_TEXT)


def test_a_service_may_be_on_several_hosts() -> None:
    """With a key each, or the same; by name, or by address."""
    text = OPERATOR_TEXT.replace(
        'address = "unix:/run/billing/log.sock"',
        'address = ["tcp:192.0.2.1:9030", "tcp:pods.example:9030"]',
    ).replace('"billing-host.pub"', '["billing-host.pub", "b.pub"]')
    target = parse_operator(OPERATOR, text).target("billing/eu")
    assert ("tcp:192.0.2.1:9030", "tcp:pods.example:9030") == target.addresses
    assert (HERE / "billing-host.pub", HERE / "b.pub") == target.receipt_keys
    one = target.at("tcp:192.0.2.1:9030")
    assert (("tcp:192.0.2.1:9030",), target.receipt_keys) == (one.addresses, one.receipt_keys)
    assert [False, True] == [each.is_one_address for each in (target, one)]
    assert not one.at("tcp:pods.example:9030").is_one_address


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[]", "address is an empty list"),
        ('["unix:/a", "unix:/a"]', "address names one twice"),
        ('["unix:/a", 1]', "address is not a text"),
        (json.dumps([f"unix:/{at}" for at in range(65)]), "address has 65 entries; 64 hosts"),
        ('["unix:/a", "a"]', "is not an address"),
        ('"tcp:127.1:9"', "neither an IP address nor a host's name"),
    ],
)
def test_what_is_no_list_of_addresses(value: str, said: str) -> None:
    """Refused with the line."""
    text = OPERATOR_TEXT.replace('"unix:/run/payments/log.sock"', value)
    assert said in refusal(lambda: parse_operator(OPERATOR, text))


def test_a_service_listens_at_one_address() -> None:
    """And at no name."""
    for value in ('["unix:/a", "unix:/b"]', '"tcp:pods.example:9030"'):
        text = LOCAL_TEXT.replace('"unix:/run/payments/log.sock"', value)
        assert "address" in refusal(lambda text=text: parse_service(SERVICE, text))  # type: ignore[misc]


def test_the_receipt_keys_of_all_hosts_are_loaded(tmp_path: Path) -> None:
    """With those that they go over to; one that is missing is an error, and not passed over."""
    keys = [keyfiles.new_signing_key(f"host-{number}") for number in range(3)]
    for name, key in zip(("a.pub", "b.pub", "b-next.pub"), keys, strict=True):
        keyfiles.write_key_file(tmp_path / name, key.verify_key)
    paths = tmp_path / "a.pub", tmp_path / "b.pub"
    target = replace(OPERATORS.targets[0], receipt_keys=paths)
    loaded = OPERATORS.load_receipt_keys(target)
    assert dict(zip(paths, [key.verify_key for key in keys], strict=False)) == loaded
    assert keys[0].verify_key == OPERATORS.load_receipt_key(target)
    assert (keys[2].verify_key,) == OPERATORS.load_next_receipt_keys(target)
    paths[1].unlink()
    with pytest.raises(KeyFileError, match=r"b\.pub is not there"):
        OPERATORS.load_receipt_keys(target)


def test_an_operator_file_is_read() -> None:
    """With two targets, and with none."""
    assert OPERATORS == parse_operator(OPERATOR, OPERATOR_TEXT)
    alone = parse_operator(OPERATOR, 'issuer = "alice"\nsigning_key = "/k/alice.signing"\n')
    assert OperatorSettings(OPERATOR, "alice", Path("/k/alice.signing")) == alone


def test_what_a_policy_does_not_say_is_the_default() -> None:
    """The settings' defaults are the ones of `default_rules`."""
    settings = parse_service(SERVICE, LOCAL_TEXT)
    assert PolicySettings() == settings.policy
    parameters = inspect.signature(default_rules).parameters
    for field in fields(PolicySettings):
        assert parameters[field.name].default == getattr(settings.policy, field.name)
    assert [type(rule) for rule in default_rules()] == [type(rule) for rule in settings.rules()]


def test_settings_do_not_change() -> None:
    """They are values."""
    for value in (LOCAL, OPERATORS, OPERATORS.targets[0], LOCAL.policy):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            value.address = "unix:/elsewhere"  # type: ignore[union-attr, misc]


WRONG_SERVICES = {
    # what is put in place of what, the line that is named, and words of the refusal
    "misspelt": ("address =", "adress =", 2, "adress is not known here; did you mean address?"),
    "misspelt-table": ("[keys]", "[key]", 5, "key is not known here; did you mean keys?"),
    "misspelt-in-table": ("trusted =", "trustet =", 6, "keys.trustet is not known here"),
    "missing": ('audience = "payments@prod"\n', "", None, "audience is missing; add a line"),
    "number-for-text": ('"payments@prod"', "5", 1, "audience is not a text"),
    "list-for-text": ('"payments@prod"', '["a"]', 1, "audience is not a text"),
    "no-audience": ("payments@prod", "Payments", 1, "audience 'Payments' is not a name"),
    "no-address": ("unix:/run", "http:/run", 2, "address "),
    "relative-address": ("unix:/run", "unix:run", 2, "address "),
    "no-chain": ('"local"', '"lokal"', 3, 'chain is neither "local" nor "network"'),
    "signatures": (
        'chain = "local"\n', 'chain = "local"\nsignatures = "two"\n', 4,
        'signatures is neither "one" nor "several"',
    ),
    "signatures-number": (
        'chain = "local"\n', 'chain = "local"\nsignatures = 2\n', 4,
        'signatures is neither "one" nor "several"',
    ),
    "chain-number": ('"local"', "1", 3, 'chain is neither "local" nor "network"'),
    "text-for-list": ('["alice.pub", ', '"alice.pub" # ', 6, "keys.trusted is not a list"),
    "number-in-list": ('["alice.pub", ', "[7, ", 6, "keys.trusted is not a text"),
    "empty-path": ('"alice.pub"', '""', 6, "keys.trusted is not a text"),
    "nul-in-path": ('"alice.pub"', '"a\\u0000"', 6, "keys.trusted is not a text"),
    "nobody-trusted": ('"alice.pub", "/srv/keys/bob.pub"', "", None, "keys.trusted is empty"),
    "no-keys": ("[keys]", "[policy]", 6, "policy.trusted is not known here"),
    "value-for-table": ("[keys]\n", "socket = 3\n[keys]\n", 5, "socket is no table"),
    "flag": ("[keys]\n", 'allow_example_keys = "yes"\n[keys]\n', 5, "neither true nor false"),
    "flag-number": ("[keys]\n", "allow_example_keys = 1\n[keys]\n", 5, "neither true nor false"),
    "gate-too-much": ("[keys]\n", '[keys]\ngate = ["a"]\n', None, "no use for keys.gate"),
    "network-lacks": ('"local"', '"network"', None, '"network" needs keys.gate'),
    "uid-flag": ("[keys]\n", "[socket]\nallow_uids = [true]\n[keys]\n", 6, "not a whole number"),
    "uid-negative": ("[keys]\n", "[socket]\nallow_uids = [-1]\n[keys]\n", 6, "not a whole number"),
    "uid-text": ("[keys]\n", '[socket]\nallow_uids = ["a"]\n[keys]\n', 6, "not a whole number"),
    "group-number": ("[keys]\n", "[socket]\ngroup = 4\n[keys]\n", 6, "socket.group is not a text"),
    "standing-short": ("[keys]\n", 'standing = "1h"\n[keys]\n', None, "standing is 3600 s"),
    "instance-pattern": ("[keys]\n", 'instance = "a/*"\n[keys]\n', None, "write 1 to 64"),
    "instance-number": ("[keys]\n", "instance = 4\n[keys]\n", 5, "instance is not a text"),
    "beyond-text": ("[keys]\n", '[socket]\nbeyond_loopback = "yes"\n[keys]\n', 6, "neither true"),
    "skew-fraction": ("[keys]\n", "[socket]\nskew_s = 1.5\n[keys]\n", 6, "not a whole number"),
    "directory": ("[keys]\n", '[policy]\ndirectories = ["log"]\n[keys]\n', 6, "a relative path"),
    "destination": ("[keys]\n", "[policy]\ndestinations = [[1, 2]]\n[keys]\n", 6, "neither"),
    "port": ("[keys]\n", '[policy]\ndestinations = [["a", true]]\n[keys]\n', 6, "neither"),
    "handlers": ("[keys]\n", "[policy]\nmax_handlers = 1.5\n[keys]\n", 6, "not a whole number"),
    "inline-table": ("[keys]\n", "socket = { grup = 1 }\n[keys]\n", 5, "socket.grup is not"),
    "key-pasted": ('"alice.pub"', f'"{keyfiles.public_line(SIGNING)}"', 6, "trusted holds a key"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said"), WRONG_SERVICES.values(), ids=WRONG_SERVICES.keys()
)
def test_wrong_settings_are_refused_with_their_line(
    old: str, new: str, line: int | None, said: str
) -> None:
    """File, line where known, what is wrong, and a remedy behind a semicolon where it helps."""
    assert old in LOCAL_TEXT
    text = refusal(lambda: parse_service(SERVICE, LOCAL_TEXT.replace(old, new, 1)))
    assert text.startswith(f"{SERVICE}:{line}: " if line else f"{SERVICE}: ")
    assert said in text


_TRAIL = '[trail]\nfolder = "trail"\nkey = "trail.signing"\n'

WRONG_TRAILS = {
    "unknown": ('"trail"', '"trail"\nfoldr = 1', 9, "trail.foldr is not known here; did you mean"),
    "no-folder": ('folder = "trail"\n', "", 7, "trail.folder is missing"),
    "no-key": ('key = "trail.signing"\n', "", 7, "trail.key is missing"),
    "failure": ("[trail]\n", '[trail]\non_audit_failure = "go-on"\n', 8, "refuse"),
    "no-spill": ("[trail]\n", '[trail]\non_audit_failure = "spill"\n', 7, "second folder"),
    "spill-alone": ("[trail]\n", '[trail]\nspill = "other"\n', 7, "second folder"),
    "spill-same": (
        "[trail]\n",
        '[trail]\non_audit_failure = "spill"\nspill = "trail"\n',
        7,
        "name another",
    ),
    "sink": ("[trail]\n", '[trail]\nrequired_sinks = ["stderr"]\n', 8, "'stderr' is no sink"),
    "sink-port": (
        "[trail]\n",
        '[trail]\nrequired_sinks = ["syslog:tcp:a:65536"]\n',
        8,
        "is no sink",
    ),
    "sink-path": ("[trail]\n", '[trail]\nrequired_sinks = ["syslog:unix:a"]\n', 8, "is no sink"),
    "sink-twice": (
        "[trail]\n",
        '[trail]\nrequired_sinks = ["stdout", "stdout"]\n',
        7,
        "each of them once",
    ),
    "heartbeat": ("[trail]\n", "[trail]\nheartbeat = 15\n", 8, "length of time"),
    "segment": ("[trail]\n", "[trail]\nsegment_bytes = 1024\n", 7, "under 65536"),
}


@pytest.mark.parametrize(
    ("old", "new", "line", "said"), WRONG_TRAILS.values(), ids=WRONG_TRAILS.keys()
)
def test_wrong_trails_are_refused_with_their_line(old: str, new: str, line: int, said: str) -> None:
    """A misspelt setting of a trail would look like evidence that is kept."""
    text = LOCAL_TEXT + _TRAIL
    assert old in _TRAIL
    changed = text.replace(_TRAIL, _TRAIL.replace(old, new, 1))
    found = refusal(lambda: parse_service(SERVICE, changed))
    assert found.startswith(f"{SERVICE}:{line}: ")
    assert said in found


def test_a_heartbeat_is_a_second_at_least() -> None:
    """In code, where no unit says it."""
    text = refusal(lambda: TrailSettings(HERE, HERE / "key", heartbeat_s=0))
    assert "under a second" in text


def test_a_trail_is_made_with_its_key(tmp_path: Path) -> None:
    """The key file is opened then, and not before."""
    settings = parse_service(tmp_path / "service.toml", LOCAL_TEXT + _TRAIL)
    with pytest.raises(KeyFileError, match=r"trail\.signing is not there"):
        settings.make_trail()
    keyfiles.write_key_file(tmp_path / "trail.signing", SIGNING)
    trail = settings.make_trail()
    assert trail is not None
    assert (tmp_path / "trail", SIGNING.verify_key) == (trail.folder, trail.key.verify_key)
    assert None is parse_service(SERVICE, LOCAL_TEXT).make_trail()


WRONG_OPERATORS = {
    "no-issuer": ('issuer = "alice"\n', "", None, "issuer is missing"),
    "issuer-no-name": ('"alice"', '"Alice"', 1, "issuer 'Alice' is not a name"),
    "no-key": ('signing_key = "alice.signing"\n', "", None, "signing_key is missing"),
    "key-pasted": ("alice.signing", keyfiles.format_key(SIGNING)[:-1], 2, "key holds a key"),
    "unknown": ("signing_key", "signingkey", 2, "signingkey is not known here; did you mean"),
    "target-unknown": ('chain = "local"', 'chian = "local"', 6, "chian is not known here"),
    "target-signatures": (
        'chain = "local"\n', 'chain = "local"\nsignatures = true\n', 7,
        'signatures is neither "one" nor "several"',
    ),
    "target-lacks": ('chain = "local"\n', "", 4, "chain is missing"),
    "target-no-name": ('"payments@prod"', '"Payments"', 4, "'Payments' is not a name"),
    "target-no-table": ("[targets.", "[targets]\nx = 1\n[targets.", 5, "targets.x is no table"),
    "target-lacks-key": ('gate = "billing.mac"\n', "", 8, '"network" needs gate'),
    "target-needs-no-key": ('"network"', '"local"', 8, '"local" has no use for gate'),
    "target-address": ("unix:/run/billing", "billing", 9, "address"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said"), WRONG_OPERATORS.values(), ids=WRONG_OPERATORS.keys()
)
def test_wrong_operators_are_refused_with_their_line(
    old: str, new: str, line: int | None, said: str
) -> None:
    """The same for the operator's file."""
    changed = OPERATOR_TEXT.replace(old, new, 1)
    assert changed != OPERATOR_TEXT
    text = refusal(lambda: parse_operator(OPERATOR, changed))
    assert text.startswith(f"{OPERATOR}:{line}: " if line else f"{OPERATOR}: ")
    assert said in text
    assert keyfiles.format_key(SIGNING).split()[-1] not in text


@pytest.mark.parametrize(
    "text",
    [
        'audience = "payments@prod',
        "audience = payments",
        'audience = "a"\naudience = "b"\n',
        "x = " + "9" * 5000,
        "x = " + "[" * 30_000,
        "x = 2026-02-31",
        "\x00",
    ],
    ids=["open-string", "no-quotes", "twice", "long-number", "deep", "no-date", "nul"],
)
def test_what_is_no_toml_is_refused(text: str) -> None:
    """With what the parser says, where it says a place."""
    said = refusal(lambda: parse_service(SERVICE, text))
    assert f"{SERVICE} is not TOML: " in said


def test_targets_are_tables() -> None:
    """One value under their name is refused."""
    text = 'issuer = "alice"\nsigning_key = "k"\ntargets = 1\n'
    assert f"{OPERATOR}:3: targets is no table" in refusal(lambda: parse_operator(OPERATOR, text))


def test_the_line_of_a_syntax_error_is_told() -> None:
    """TOML's own message has it."""
    assert "line 2" in refusal(lambda: parse_service(SERVICE, '# ok\naudience = "a\n'))


# ---- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "text"),
    [(load_service_settings, LOCAL_TEXT), (load_operator_settings, OPERATOR_TEXT)],
    ids=["service", "operator"],
)
def test_a_file_that_others_may_write_is_refused(
    tmp_path: Path, load: Callable[[Path], object], text: str
) -> None:
    """They would decide who is trusted; the command in the refusal mends it."""
    path = tmp_path / "settings.toml"
    write_settings(path, text)
    path.chmod(0o664)
    said = refusal(lambda: load(path))
    assert f"{path} has mode 0664, so others can change it" in said
    subprocess.run(said.partition("run: ")[2], shell=True, check=True)  # noqa: S602 - as a user
    load(path)


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    """Missing, a link, another encoding, too large: each by name, and none as a key file."""
    path = tmp_path / "service.toml"
    assert "is not there; make the service's part with: sealwire init" in refusal(
        lambda: load_service_settings(path)
    )
    assert "is not there; try things out with: sealwire init AUDIENCE --both, or" in refusal(
        lambda: load_operator_settings(path)
    )
    path.symlink_to(tmp_path / "real")
    assert "is a symbolic link" in refusal(lambda: load_service_settings(path))
    path.unlink()
    path.write_bytes(b"# \xff\n")
    assert "is not UTF-8 text at byte 2" in refusal(lambda: load_service_settings(path))
    path.write_bytes(b"#" * 65_537)
    with pytest.raises(ConfigurationError, match="has more than 65536 bytes") as caught:
        load_service_settings(path)
    assert not isinstance(caught.value, KeyFileError)


def test_a_relative_path_is_the_files_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the process was started, and wherever it goes."""
    (tmp_path / "settings").mkdir()
    write_settings(tmp_path / "settings" / "service.toml", LOCAL_TEXT)
    monkeypatch.chdir(tmp_path)
    settings = load_service_settings("settings/service.toml")
    assert tmp_path / "settings" / "service.toml" == settings.path
    assert (tmp_path / "settings" / "alice.pub", Path("/srv/keys/bob.pub")) == settings.trusted


# ---- what is made of them -------------------------------------------------------------------


@pytest.mark.parametrize("kind", Recommended)
def test_what_an_operator_seals_the_service_opens(tmp_path: Path, kind: Recommended) -> None:
    """From two files to one message, with keys from real key files."""
    write_keys(tmp_path)
    network = kind is Recommended.NETWORK
    service = ServiceSettings(
        path=tmp_path / "service.toml",
        audience=AUDIENCE,
        address="unix:/run/x.sock",
        kind=kind,
        trusted=(tmp_path / "alice.pub",),
        gate=(tmp_path / "alice.mac",) if network else (),
        encryption=(tmp_path / "alice.aead",) if network else (),
    )
    target = Target(
        AUDIENCE,
        ("unix:/run/x.sock",),
        kind,
        tmp_path / "alice.mac" if network else None,
        tmp_path / "alice.aead" if network else None,
    )
    operator = OperatorSettings(
        tmp_path / "operator.toml", "alice", tmp_path / "alice.signing", (target,)
    )
    write_settings(service.path, render_service(service))
    write_settings(operator.path, render_operator(operator))
    chain = load_service_settings(service.path).chain()
    read = load_operator_settings(operator.path)
    sealer = read.sealer(read.target(), MemorySealerState(), lambda: NOW_MS)
    sealer.check_matches(chain)
    opened = chain.open(sealer.seal(b"{}"), now_ms=NOW_MS)
    assert ("alice", AUDIENCE, b"{}") == (opened.claims.iss, opened.claims.aud, opened.document)


def test_key_files_are_checked_when_they_are_used(tmp_path: Path) -> None:
    """Reading settings opens none; a chain and a sealer need them all."""
    write_settings(tmp_path / "service.toml", LOCAL_TEXT)
    write_settings(tmp_path / "operator.toml", OPERATOR_TEXT)
    service = load_service_settings(tmp_path / "service.toml")
    operator = load_operator_settings(tmp_path / "operator.toml")
    with pytest.raises(KeyFileError, match=r"alice\.pub is not there"):
        service.chain()
    with pytest.raises(KeyFileError, match=r"alice\.signing is not there"):
        operator.sealer(operator.targets[0], MemorySealerState(), lambda: NOW_MS)
    write_keys(tmp_path)
    with pytest.raises(KeyFileError, match=r"billing\.mac is not there"):
        operator.sealer(operator.targets[1], MemorySealerState(), lambda: NOW_MS)


def test_a_receipt_key_is_loaded_as_every_key_is(tmp_path: Path) -> None:
    """A host's private half, an operator's public one; neither where none is named."""
    write_keys(tmp_path)
    service = replace(LOCAL, receipt_key=tmp_path / "host.key")
    target = replace(OPERATORS.targets[0], receipt_keys=(tmp_path / "host.pub",))
    with pytest.raises(KeyFileError, match=r"host\.key is not there"):
        service.load_receipt_key()
    with pytest.raises(KeyFileError, match=r"host\.pub is not there"):
        OPERATORS.load_receipt_key(target)
    key = keyfiles.new_signing_key("host-a")
    keyfiles.write_key_file(tmp_path / "host.key", key)
    keyfiles.write_key_file(tmp_path / "host.pub", key.verify_key)
    loaded = service.load_receipt_key()
    assert loaded is not None
    assert key.verify_key == loaded.verify_key == OPERATORS.load_receipt_key(target)
    (tmp_path / "host.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod"):
        service.load_receipt_key()
    assert LOCAL.load_receipt_key() is None
    assert OPERATORS.load_receipt_key(OPERATORS.targets[0]) is None


def test_a_challenge_needs_a_receipt_key() -> None:
    """Nobody could hand it out."""
    assert "there is no receipt_key" in refusal(lambda: replace(LOCAL, challenge=True))
    assert replace(NETWORK, challenge=True).challenge
    assert not replace(LOCAL, challenge=False).challenge


def test_example_keys_need_their_setting(tmp_path: Path) -> None:
    """On both sides alike."""
    for path in (Path(__file__).parents[2] / "keys-example").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o600)
    service = ServiceSettings(
        path=tmp_path / "service.toml",
        audience=AUDIENCE,
        address="unix:/run/x.sock",
        kind=Recommended.NETWORK,
        trusted=(tmp_path / "alice-ssh.pub",),
        gate=(tmp_path / "payments.mac",),
        encryption=(tmp_path / "payments.aead",),
    )
    target = Target(
        AUDIENCE, (service.address,), service.kind, service.gate[0], service.encryption[0]
    )
    operator = OperatorSettings(
        tmp_path / "operator.toml", "alice", tmp_path / "alice.signing", (target,)
    )
    state = MemorySealerState()
    with pytest.raises(KeyFileError, match="example key"):
        service.chain()
    with pytest.raises(KeyFileError, match="example key"):
        operator.sealer(target, state, lambda: NOW_MS)
    allowed = replace(operator, allow_example_keys=True)
    sealer = allowed.sealer(target, state, lambda: NOW_MS)
    sealer.check_matches(replace(service, allow_example_keys=True).chain())


def test_a_key_for_another_service_is_refused(tmp_path: Path) -> None:
    """It would never match a message, and nobody would know why."""
    write_keys(tmp_path)
    other = MacKey(bytes(range(3, 35)), owner="alice", audience="billing@prod")
    keyfiles.write_key_file(tmp_path / "alice.mac", other, force=True)
    settings = ServiceSettings(
        path=tmp_path / "service.toml",
        audience=AUDIENCE,
        address="unix:/run/x.sock",
        kind=Recommended.NETWORK,
        trusted=(tmp_path / "alice.pub",),
        gate=(tmp_path / "alice.mac",),
        encryption=(tmp_path / "alice.aead",),
    )
    text = refusal(settings.chain)
    assert "is for billing@prod, and this service is payments@prod" in text


def test_the_rules_are_the_settings(tmp_path: Path) -> None:
    """Directories are resolved when rules are made; what is not there is refused by name."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "logs")
    policy = replace(NETWORK.policy, directories=(str(tmp_path / "link"),))
    rules = replace(NETWORK, policy=policy).rules()
    assert FilePaths((str((tmp_path / "logs").resolve()),)) in rules
    assert HandlerClasses(frozenset({"logging.StreamHandler"})) in rules
    for name in ("missing", "file", "loop"):
        (tmp_path / "file").touch()
        if name == "loop":
            (tmp_path / name).symlink_to(tmp_path / name)
        policy = replace(NETWORK.policy, directories=(str(tmp_path / name),))
        text = refusal(replace(NETWORK, policy=policy).rules)
        assert f"{SERVICE}: policy.directories: {tmp_path / name} is not a directory" in text


def test_the_target_that_is_meant() -> None:
    """By name; without one, the only one there is."""
    payments, billing = OPERATORS.targets
    assert payments is OPERATORS.target(AUDIENCE)
    assert billing is OPERATORS.target("billing/eu")
    alone = replace(OPERATORS, targets=(billing,))
    assert billing is alone.target()
    assert f"{OPERATOR}: which service? say one of: payments@prod, billing/eu" == refusal(
        OPERATORS.target
    )
    assert "'payment@prod' is none of: payments@prod, billing/eu; did you mean" in refusal(
        lambda: OPERATORS.target("payment@prod")
    )
    assert 'add one: [targets."payments@prod"]' in refusal(replace(OPERATORS, targets=()).target)


def test_one_target_stands_once() -> None:
    """Two of one audience would make the choice a matter of order."""
    target = OPERATORS.targets[0]
    assert "two targets are payments@prod" in refusal(
        lambda: replace(OPERATORS, targets=(target, target))
    )


def test_the_state_lies_beside_the_settings() -> None:
    """Under the name of the settings, so that two operators in one folder share none."""
    assert HERE / "operator-state.json" == OPERATORS.state_path
    assert HERE / "bob-state.json" == replace(OPERATORS, path=HERE / "bob.toml").state_path


# ---- writing --------------------------------------------------------------------------------

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
names = st.from_regex(r"[a-z0-9][a-z0-9._@/-]{0,127}", fullmatch=True)
# A path is compared as Path compares it, and what begins with a key's words is taken for a key.
paths = st.builds(lambda tail: HERE / f"keys{tail}", texts) | st.builds(
    lambda tail: Path(f"/srv/{tail}"), texts
)
numbers = st.integers(0, 2**63 - 1)
several = st.lists(texts, max_size=3).map(tuple)
flags = st.none() | st.booleans()
kinds = st.sampled_from(Recommended)


@st.composite
def trails(draw: Callable[[st.SearchStrategy[Any]], Any]) -> TrailSettings:
    """Make settings of a trail."""
    how = draw(st.sampled_from(OnFailure))
    sinks = ("stdout", "syslog:unix:/dev/log", "syslog:tcp:[::1]:514", "syslog:udp:collector:514")
    return TrailSettings(
        folder=HERE / "trail",
        key=draw(paths),
        on_audit_failure=how,
        spill=draw(paths) if how is OnFailure.SPILL else None,
        required_sinks=tuple(draw(st.lists(st.sampled_from(sinks), unique=True))),
        heartbeat_s=draw(st.integers(1, 10**7)),
        segment_bytes=draw(st.integers(64 * 1024, 2**40)),
    )


@st.composite
def services(draw: Callable[[st.SearchStrategy[Any]], Any]) -> ServiceSettings:
    """Make settings of a service that hold anything they can."""
    kind = draw(kinds)
    some = st.lists(paths, min_size=1, max_size=3).map(tuple)
    secret = some if kind is Recommended.NETWORK else st.just(())
    destinations = st.lists(texts | st.tuples(texts, numbers), max_size=3).map(tuple)
    return ServiceSettings(
        path=SERVICE,
        audience=draw(names),
        address="unix:/run/x.sock",
        kind=kind,
        trusted=draw(some),
        gate=draw(secret),
        encryption=draw(secret),
        receipt_key=(receipt_key := draw(st.none() | paths)),
        challenge=draw(st.none() | st.just(False)) if receipt_key is None else draw(flags),
        allow_example_keys=draw(st.booleans()),
        allow_uids=draw(st.none() | st.lists(numbers, max_size=3).map(tuple)),
        group=draw(st.none() | texts),
        standing_s=draw(st.none() | st.integers(STANDING_S, MAX_STANDING_S)),
        beyond_loopback=draw(st.booleans()),
        skew_s=draw(st.none() | numbers),
        policy=PolicySettings(
            directories=draw(several.map(lambda tails: tuple(f"/{tail}" for tail in tails))),
            handler_classes=draw(several),
            formatter_classes=draw(several),
            factories=draw(several.map(lambda names: tuple(f"app.a{len(name)}" for name in names))),
            attributes=draw(st.sampled_from([(), ("app.Handler.tag", "app.make.a1")])),
            externals=draw(several),
            destinations=draw(destinations),
            extra_fields=draw(several),
            max_handlers=draw(numbers),
            max_loggers=draw(numbers),
        ),
        trail=draw(st.none() | trails()),
        instance=draw(st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)),
        signatures=draw(st.sampled_from(Signatures)),
    )


WHERE = ("unix:/run/x.sock", "tcp:192.0.2.1:9030", "tcp:pods.example:9030")


@st.composite
def operators(draw: Callable[[st.SearchStrategy[Any]], Any]) -> OperatorSettings:
    """Make settings of an operator that hold anything they can."""
    targets = []
    for audience in draw(st.lists(names, max_size=3, unique=True)):
        kind = draw(kinds)
        secret = paths if kind is Recommended.NETWORK else st.none()
        receipt_keys = draw(st.lists(paths, max_size=3, unique=True))
        addresses = draw(st.lists(st.sampled_from(WHERE), min_size=1, unique=True))
        signatures = draw(st.sampled_from(Signatures))
        target = Target(
            audience,
            tuple(addresses),
            kind,
            draw(secret),
            draw(secret),
            tuple(receipt_keys),
            sshsig=draw(st.booleans()),
            signatures=signatures,
        )
        targets.append(target)
    return OperatorSettings(OPERATOR, draw(names), draw(paths), tuple(targets), draw(st.booleans()))


@given(services())
def test_a_service_reads_back_equal(settings: ServiceSettings) -> None:
    """Whatever is in its names and paths, control characters included."""
    text = render_service(settings)
    assert settings == parse_service(SERVICE, text)
    assert text == render_service(parse_service(SERVICE, text))


@given(operators())
def test_an_operator_reads_back_equal(settings: OperatorSettings) -> None:
    """Whatever is in its names and paths, control characters included."""
    text = render_operator(settings)
    assert settings == parse_operator(OPERATOR, text)
    assert text == render_operator(parse_operator(OPERATOR, text))


def test_what_is_written_is_for_people() -> None:
    """Paths in the file's folder are short, and what is the default is not there."""
    text = render_service(LOCAL)
    assert 'trusted = ["alice.pub", "/srv/keys/bob.pub"]' in text
    for absent in (
        "gate",
        "receipt",
        "allow_uids",
        "max_handlers",
        "allow_example_keys",
        "beyond",
        "skew_s",
    ):
        assert absent not in text
    assert '[targets."billing/eu"]' in render_operator(OPERATORS)


def test_a_path_that_is_no_text_is_not_written() -> None:
    """The bytes could not be read back."""
    path = HERE / os.fsdecode(b"alice-\xff.pub")
    assert "a path is not UTF-8" in refusal(lambda: render_service(replace(LOCAL, trusted=(path,))))
    assert "a path is not UTF-8" in refusal(
        lambda: render_operator(replace(OPERATORS, signing_key=path))
    )


def test_settings_are_written_once(tmp_path: Path) -> None:
    """A file that is there stays unless ``force`` is given; all may read it, and we alone write."""
    path = tmp_path / "service.toml"
    write_settings(path, render_service(LOCAL))
    assert 0 == path.stat().st_mode & 0o133
    with pytest.raises(ConfigurationError, match="is there already") as caught:
        write_settings(path, "")
    assert not isinstance(caught.value, KeyFileError)
    write_settings(path, render_service(NETWORK), force=True)
    assert NETWORK == replace(
        load_service_settings(path),
        path=SERVICE,
        trusted=NETWORK.trusted,
        gate=NETWORK.gate,
        encryption=NETWORK.encryption,
        receipt_key=NETWORK.receipt_key,
    )


# ---- where they lie -------------------------------------------------------------------------


def test_which_operator_settings_are_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, then the variable, then the folder for settings; a relative one is ignored."""
    home = tmp_path / "home"
    everything = {"SEALWIRE_CONFIG": "/a/s.toml", "XDG_CONFIG_HOME": "/xdg", "HOME": str(home)}
    assert Place(Path("/b/o.toml"), "--config") == find_operator_settings("/b/o.toml", everything)
    assert Place(Path("/a/s.toml"), "$SEALWIRE_CONFIG") == find_operator_settings(None, everything)
    everything["SEALWIRE_CONFIG"] = ""
    assert Place(Path("/xdg/sealwire/operator.toml"), "$XDG_CONFIG_HOME") == find_operator_settings(
        None, everything
    )
    usual = Place(home / ".config" / "sealwire" / "operator.toml", "the default")
    for xdg in ("", "relative"):
        everything["XDG_CONFIG_HOME"] = xdg
        assert usual == find_operator_settings(None, everything)
    assert usual == find_operator_settings(None, {"HOME": str(home)})
    monkeypatch.chdir(tmp_path)
    assert Place(tmp_path / "o.toml", "--config") == find_operator_settings("o.toml", {})
    monkeypatch.setenv("HOME", str(home))
    assert usual == find_operator_settings(None, {})


def test_somebody_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is the option."""

    def nowhere() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", nowhere)
    for environ in ({}, {"HOME": ""}, {"HOME": "relative"}):
        assert "name the file with --config" in refusal(
            partial(find_operator_settings, None, environ)
        )


def test_where_a_service_has_its_settings() -> None:
    """Root's under /etc, everybody else's at home, one folder a service."""
    environ = {"XDG_CONFIG_HOME": "/xdg"}
    assert Place(Path("/etc/sealwire/payments@prod/service.toml"), "root") == (
        default_service_settings(AUDIENCE, environ, root=True)
    )
    assert Place(
        Path("/xdg/sealwire/services/payments@prod/service.toml"), "$XDG_CONFIG_HOME"
    ) == default_service_settings(AUDIENCE, environ, root=False)
    expected = default_service_settings(AUDIENCE, environ, root=os.geteuid() == 0)
    assert expected == default_service_settings(AUDIENCE, environ)
    for wrong in ("../x", "", "/etc", "Payments"):
        assert "is not a name" in refusal(partial(default_service_settings, wrong, environ))


@given(st.lists(names, min_size=2, max_size=2, unique=True))
def test_every_service_has_one_folder_of_its_own(audiences: list[str]) -> None:
    """One name is one folder, directly under the root of all; no name leads elsewhere."""
    root = Path("/etc/sealwire")
    folders = [default_service_settings(each, {}, root=True).path.parent for each in audiences]
    assert 2 == len(set(folders))
    for folder in folders:
        assert root == folder.parent
        assert folder == Path(os.path.normpath(folder))
        assert len(folder.name) <= 128


def test_a_name_cannot_climb_out() -> None:
    """The one sign that leads upwards is not in the folder's name."""
    place = default_service_settings("a/../../b", {}, root=True)
    assert Path("/etc/sealwire/a+..+..+b/service.toml") == place.path


def test_toml_is_loaded_when_a_file_is_read() -> None:
    """Importing sealwire, or these settings, does not load ``tomllib``."""
    program = (
        "import sys, pathlib, sealwire, sealwire.settings; before = 'tomllib' in sys.modules\n"
        "try: sealwire.settings.parse_operator(pathlib.Path('/x'), '')\n"
        "except sealwire.ConfigurationError: print(before, 'tomllib' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "False True\n" == shown


def test_addresses_are_the_ones_that_listeners_take() -> None:
    """What settings accept can be listened on."""
    for settings in (LOCAL, NETWORK):
        assert settings.address == str(parse_address(settings.address))
