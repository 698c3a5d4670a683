"""Settings that name a key in an agent, FIDO keys, and OpenSSH's lists."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import FIDO, PLAIN, SoftAgent, SoftKey, running_agent

from sealwire import cose
from sealwire.agent import AgentKey
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import EXAMPLE_KEYS, write_key_file
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.recommended import Recommended
from sealwire.sealer import MemorySealerState
from sealwire.settings import (
    AgentName,
    OperatorSettings,
    ServiceSettings,
    Target,
    parse_operator,
    parse_service,
    render_operator,
    render_service,
)
from sealwire.settings.trusting import load_readable
from sealwire.sshkeys import SshSigner
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW_MS = 1_800_000_000_000
AUDIENCE = "payments@prod"
ADDRESS = "unix:/run/payments/log.sock"
FILE_KEY = SigningKey(b"f" * 32, owner="alice")
GATE = MacKey(b"g" * 32, owner="alice", audience=AUDIENCE)
ENCRYPTION = AeadKey(b"e" * 32, owner="alice", audience=AUDIENCE)

OPERATOR_TEXT = """\
# An operator's part: who seals, with which key, for whom.
issuer = "alice"
signing_key = "{key}"

[targets."payments@prod"]
address = "unix:/run/payments/log.sock"
chain = "local"
"""


@pytest.fixture
def soft(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftAgent]:
    """Run an agent and let everybody know it."""
    with running_agent({PLAIN: b"alice@laptop", FIDO: b"alice's blue one"}) as running:
        monkeypatch.setenv("SSH_AUTH_SOCK", running.path)
        yield running


def line_of(key: SoftKey, owner: str = "alice") -> str:
    """Write a key as OpenSSH does."""
    return f"{key.kind.decode()} {base64.b64encode(key.blob).decode()} {owner}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the keys of a service and of an operator."""
    (tmp_path / "fido.pub").write_text(line_of(FIDO))
    (tmp_path / "plain.pub").write_text(line_of(PLAIN))
    (tmp_path / "signers").write_text(f"alice {line_of(FIDO)}alice {line_of(PLAIN)}")
    (tmp_path / "revoked").write_text(line_of(FIDO))
    write_key_file(tmp_path / "alice.pub", FILE_KEY.verify_key)
    write_key_file(tmp_path / "alice.signing", FILE_KEY)
    write_key_file(tmp_path / "alice.mac", GATE)
    write_key_file(tmp_path / "alice.aead", ENCRYPTION)
    return tmp_path


def service(
    folder: Path,
    *trusted: str,
    kind: Recommended = Recommended.LOCAL,
    signers: str | None = None,
    revoked: str | None = None,
) -> ServiceSettings:
    """Give settings of a service, in ``folder``."""
    network = kind is Recommended.NETWORK
    return ServiceSettings(
        folder / "service.toml",
        AUDIENCE,
        ADDRESS,
        kind,
        tuple(folder / each for each in trusted),
        gate=(folder / "alice.mac",) if network else (),
        encryption=(folder / "alice.aead",) if network else (),
        allowed_signers=None if signers is None else folder / signers,
        revoked_keys=None if revoked is None else folder / revoked,
    )


def operator(folder: Path, key: Path | AgentName, *targets: Target) -> OperatorSettings:
    """Give settings of an operator, in ``folder``."""
    return OperatorSettings(folder / "operator.toml", "alice", key, targets)


def sealed(settings: OperatorSettings, target: Target) -> bytes:
    """Seal a document with what the settings say."""
    sealer = settings.sealer(target, MemorySealerState(), lambda: NOW_MS)
    return sealer.seal(b"{}")


LOCAL = Target(AUDIENCE, (ADDRESS,), Recommended.LOCAL)


@pytest.mark.parametrize("name", ["SHA256:abc", "alice@laptop", "a key: mine", "x/../y"])
def test_a_key_in_an_agent_is_named_by_the_settings(name: str) -> None:
    """Read, and written again the same; it is no path, whatever stands in it."""
    text = OPERATOR_TEXT.format(key=f"agent:{name}")
    settings = parse_operator(Path("/etc/operator.toml"), text)
    assert AgentName(name) == settings.signing_key
    assert f"agent:{name}" == str(settings.signing_key)
    assert text == render_operator(settings)


def test_a_file_that_is_called_so_is_named_by_its_folder() -> None:
    """What begins with ``agent:`` is no file, and a path can begin otherwise."""
    text = OPERATOR_TEXT.format(key="./agent:x")
    assert Path("/etc/agent:x") == parse_operator(Path("/etc/operator.toml"), text).signing_key
    for wrong in ("agent:", "agent:a\\u0000b"):
        with pytest.raises(ConfigurationError, match=r"operator.toml:3: signing_key names no key"):
            parse_operator(Path("/etc/operator.toml"), OPERATOR_TEXT.format(key=wrong))


def test_lists_are_named_by_the_settings() -> None:
    """And stand in for ``trusted``."""
    text = (
        f'audience = "{AUDIENCE}"\naddress = "{ADDRESS}"\nchain = "local"\n\n[keys]\n'
        'allowed_signers = "allowed_signers"\nrevoked_keys = "/etc/revoked"\n'
    )
    settings = parse_service(Path("/etc/service.toml"), text)
    assert (Path("/etc/allowed_signers"), Path("/etc/revoked"), ()) == (
        settings.allowed_signers,
        settings.revoked_keys,
        settings.trusted,
    )
    assert settings == parse_service(Path("/etc/service.toml"), render_service(settings))
    with pytest.raises(ConfigurationError, match=r"keys.trusted is empty"):
        parse_service(Path("/etc/service.toml"), text.replace("allowed_signers =", "#"))


@pytest.mark.parametrize(
    ("name", "trusted", "verifier"),
    [
        ("alice@laptop", "plain.pub", "Ed25519Verifier"),
        ("alice's blue one", "fido.pub", "SshsigVerifier"),
        (PublicKey.parse(FIDO.blob).fingerprint, "fido.pub", "SshsigVerifier"),
    ],
)
def test_the_kind_of_key_says_how_it_signs(
    soft: SoftAgent, folder: Path, name: str, trusted: str, verifier: str
) -> None:
    """An agent's key opens for a service that trusts its public half, which is a file as always."""
    message = sealed(operator(folder, AgentName(name)), LOCAL)
    chain = service(folder, "alice.pub", trusted).chain()
    opened = chain.open(message, now_ms=NOW_MS)
    assert [verifier] == [shown.verifier for shown in opened.evidence]
    assert "alice" == opened.claims.iss
    assert 2 == len(soft.asked)


def test_a_key_file_still_opens_beside_them(folder: Path) -> None:
    """What has no agent needs none."""
    message = sealed(operator(folder, folder / "alice.signing"), LOCAL)
    chain = service(folder, "alice.pub", "fido.pub").chain()
    assert b"{}" == chain.open(message, now_ms=NOW_MS).document


@pytest.mark.parametrize("kind", list(Recommended))
def test_keys_that_are_listed_sign_sshsig(soft: SoftAgent, folder: Path, kind: Recommended) -> None:
    """All of them, so that a network takes both; ``sshsig`` says so to an operator."""
    network = kind is Recommended.NETWORK
    target = Target(
        AUDIENCE,
        (ADDRESS,),
        kind,
        folder / "alice.mac" if network else None,
        folder / "alice.aead" if network else None,
        sshsig=True,
    )
    (folder / "signers").write_text(
        f"alice {line_of(FIDO)}alice {line_of(PLAIN)}alice {line_of(SoftKey(b'f' * 32))}"
    )
    chain = service(folder, kind=kind, signers="signers").chain()
    for key in (AgentName("alice@laptop"), AgentName("alice's blue one"), folder / "alice.signing"):
        message = sealed(operator(folder, key), target)
        shown = chain.open(message, now_ms=NOW_MS).evidence[-1]
        assert (cose.SSHSIG, "alice") == (shown.algorithm, shown.owner)
    settings = operator(folder, folder / "alice.signing", target)
    assert settings == parse_operator(settings.path, render_operator(settings))
    loaded = settings.load_signing_key(as_sshsig=True)
    assert isinstance(loaded, SshSigner)
    assert isinstance(settings.load_signing_key(), SigningKey)
    assert isinstance(operator(folder, AgentName("alice@laptop")).load_signing_key(), AgentKey)
    assert soft.asked


def test_a_network_takes_one_kind(folder: Path) -> None:
    """The error says what to do."""
    with pytest.raises(ConfigurationError, match=r"allowed_signers.*sshsig = true"):
        service(folder, "alice.pub", "fido.pub", kind=Recommended.NETWORK).chain()
    chain = service(folder, "fido.pub", kind=Recommended.NETWORK).chain()
    assert "SshsigVerifier" in chain.describe()


def test_what_is_revoked_is_not_taken(folder: Path) -> None:
    """Wherever it is named; with nobody left there is no service."""
    settings = service(folder, "alice.pub", "fido.pub", revoked="revoked")
    assert [FILE_KEY.verify_key] == list(settings.load_trusted().keys)
    assert "Ed25519Verifier → Freshness → Once" == settings.chain().describe()
    listed = service(folder, signers="signers", revoked="revoked").load_trusted()
    assert [PLAIN.blob] == [key.public_key.encode() for key in listed.sshsig]
    (folder / "revoked").write_text(line_of(FIDO) + line_of(PLAIN))
    for nobody in (
        service(folder, "fido.pub", "plain.pub", revoked="revoked"),
        service(folder, signers="signers", revoked="revoked"),
    ):
        with pytest.raises(ConfigurationError, match="none is left"):
            nobody.chain()


def test_what_can_be_read_is_read(folder: Path) -> None:
    """For whoever explains settings that a service refuses."""
    (folder / "bad").write_text("alice cert-authority x\n")
    files = (folder / "alice.pub", folder / "nowhere.pub", folder / "fido.pub")
    keys, problems = load_readable(files, folder / "bad", None)
    assert [FILE_KEY.thumbprint] == [key.thumbprint for key in keys[:1]]
    assert 2 == len(keys)
    assert ["nowhere.pub is not there", "bad:1: "] == [
        said
        for said, told in zip(("nowhere.pub is not there", "bad:1: "), problems, strict=True)
        if said in told
    ]
    (folder / "revoked").write_text("nonsense")
    keys, problems = load_readable(files[:1], None, folder / "revoked")
    assert [] == keys
    assert 1 == len(problems)


def test_lists_are_read_as_key_files_are(folder: Path) -> None:
    """Whoever could write them would be trusted with everything."""
    settings = service(folder, signers="signers", revoked="revoked")
    for name in ("signers", "revoked"):
        (folder / name).chmod(0o666)
        with pytest.raises(KeyFileError, match="chmod go-w"):
            settings.load_trusted()
        (folder / name).chmod(0o644)
    (folder / "revoked").unlink()
    with pytest.raises(KeyFileError, match="revoked is not there"):
        settings.load_trusted()


def test_example_keys_are_refused_there_too(
    soft: SoftAgent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that everybody has, in an agent or in a list."""
    example = AgentName("alice@laptop").load("alice")
    for module in ("signing", "trusting"):
        monkeypatch.setattr(
            f"sealwire.settings.{module}.EXAMPLE_KEYS",
            EXAMPLE_KEYS | {example.thumbprint.hex()},
        )
    with pytest.raises(KeyFileError, match="example key"):
        AgentName("alice@laptop").load("alice")
    assert example.id == AgentName("alice@laptop").load("alice", allow_example_keys=True).id
    settings = service(folder, signers="signers")
    with pytest.raises(KeyFileError, match=r"signers names the key .* an example"):
        settings.load_trusted()
    assert soft.asked


def test_an_agent_without_the_key_is_told_at_once(soft: SoftAgent, folder: Path) -> None:
    """Before anything is sealed, with what to do."""
    soft.keys.clear()
    with pytest.raises(KeyFileError, match="ssh-add"):
        sealed(operator(folder, AgentName("alice@laptop")), LOCAL)
