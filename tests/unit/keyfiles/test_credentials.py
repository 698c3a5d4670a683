"""Keys that systemd hands to a service, as settings name them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import (
    load_signing_key,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    read_key_file,
    walking,
    write_key_file,
)
from sealwire.settings import load_operator_settings, load_service_settings
from sealwire.settings.reading import parse_service
from sealwire.settings.writing import render_operator, render_service

KEY = new_signing_key("host")

SERVICE = """\
audience = "payments@prod"
address = "tcp:127.0.0.1:9030"
chain = "network"
receipt_key = "credential:receipt.key"
trust_group = true

[keys]
trusted = ["alice.pub"]
gate = ["credential:gate"]
encryption = ["credential:aead"]

[trail]
folder = "trail"
key = "credential:trail.signing"
"""

OPERATOR = """\
issuer = "host"
signing_key = "credential:host.signing"
trust_group = true

[targets."payments@prod"]
address = "tcp:127.0.0.1:9030"
chain = "network"
gate = "credential:gate"
encryption = "credential:aead"
receipt_key = "credential:host.pub"
"""


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with credentials, as a service finds it."""
    folder = tmp_path / "credentials"
    folder.mkdir(0o700)
    for name in ("receipt.key", "trail.signing", "host.signing"):
        write_key_file(folder / name, KEY)
    write_key_file(folder / "host.pub", KEY.verify_key)
    write_key_file(folder / "gate", new_mac_key("host", "payments@prod"))
    write_key_file(folder / "aead", new_aead_key("host", "payments@prod"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def written(path: Path, text: str) -> Path:
    """Write a file that its owner alone can change."""
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_a_service_takes_its_keys_from_there(tmp_path: Path, given: Path) -> None:
    """All of them; and the settings read as they are written."""
    write_key_file(tmp_path / "alice.pub", new_signing_key("alice").verify_key)
    settings = load_service_settings(written(tmp_path / "service.toml", SERVICE))
    assert Path("credential:receipt.key") == settings.receipt_key
    assert settings.trust_group
    assert settings.chain().audience == "payments@prod"
    assert KEY == settings.load_receipt_key()
    trail = settings.make_trail()
    assert trail is not None
    assert KEY == trail.key
    assert settings == parse_service(settings.path, render_service(settings))


def test_an_operator_does_as_well(tmp_path: Path, given: Path) -> None:
    """For a program that changes the logging of others."""
    settings = load_operator_settings(written(tmp_path / "operator.toml", OPERATOR))
    assert KEY == settings.load_signing_key()
    assert KEY.verify_key == settings.load_receipt_key(settings.target())
    assert 'signing_key = "credential:host.signing"\n' in render_operator(settings)


@pytest.mark.parametrize("folder", [None, "", "relative"])
def test_where_there_are_none(monkeypatch: pytest.MonkeyPatch, folder: str | None) -> None:
    """The line for the unit is told."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if folder is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder)
    with pytest.raises(KeyFileError) as caught:
        load_signing_key("credential:receipt.key")
    assert "$CREDENTIALS_DIRECTORY is not set" in str(caught.value)
    assert str(caught.value).endswith("LoadCredential=receipt.key:/etc/sealwire/receipt.key")


@pytest.mark.parametrize("name", ["", "../receipt.key", "a/b", ".hidden", "a b", "a" * 129])
def test_what_is_no_credentials_name(tmp_path: Path, given: Path, name: str) -> None:
    """It leads nowhere else, and the settings' line is told."""
    with pytest.raises(KeyFileError, match=r"no credential's name"):
        load_signing_key(f"credential:{name}")
    text = SERVICE.replace("credential:receipt.key", f"credential:{name}")
    with pytest.raises(ConfigurationError, match=r"service.toml:4: receipt_key cannot be that"):
        load_service_settings(written(tmp_path / "service.toml", text))


def test_an_access_list_shows_as_a_group(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of root's is given to the service by one, on a mount that can be read alone."""
    (given / "receipt.key").chmod(0o440)
    fstat = os.fstat

    def of_root(descriptor: int) -> os.stat_result:
        status = list(fstat(descriptor))
        status[stat.ST_UID], status[stat.ST_GID] = 0, 54321
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", of_root)
    with pytest.raises(KeyFileError, match="has mode 0440"):
        load_signing_key("credential:receipt.key")
    monkeypatch.setattr(walking, "is_read_only", lambda _: True)
    monkeypatch.setattr("sealwire.keyfiles.checked.is_read_only", lambda _: True)
    file = read_key_file("credential:receipt.key")
    assert KEY == file.key
    assert f"{given / 'receipt.key'} belongs to root, and its group may read it" in file.notes
    with pytest.raises(KeyFileError, match="has mode 0440"):
        load_signing_key(given / "receipt.key", trust_group=True)


def test_no_secret_comes_from_the_environment(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is a folder; a key in it is none."""
    line = (given / "receipt.key").read_text()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", line)
    with pytest.raises(KeyFileError) as caught:
        load_signing_key("credential:receipt.key")
    assert line.split(" ")[-1].strip() not in str(caught.value)
