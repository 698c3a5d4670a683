"""An operator's signing key that is under a passphrase, in settings that ask for it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from tests.sshdoubles import FIDO

from sealwire.errors import SealError
from sealwire.keyfiles import (
    UNSAFE_COST_FOR_TESTS_ALONE,
    LockedSigner,
    Passphrase,
    new_signing_key,
    parse_foreign,
    protect,
    ssh_blob,
    write_key_file,
)
from sealwire.recommended import Recommended
from sealwire.settings import OperatorSettings, Target
from sealwire.sshkeys import SshSigner, SshVerifyKey

KEY = new_signing_key("alice")


def settings_of(folder: Path, asked: list[str]) -> OperatorSettings:
    """Give settings whose key is under a passphrase, and note who is asked."""

    def ask(what: str) -> Passphrase:
        asked.append(what)
        return Passphrase(b"correct horse battery")

    held = protect(KEY, Passphrase(b"correct horse battery"), UNSAFE_COST_FOR_TESTS_ALONE)
    write_key_file(folder / "k", held)
    return OperatorSettings(folder / "operator.toml", "alice", folder / "k", ask=ask)


def test_settings_that_were_opened_ask_no_more(tmp_path: Path) -> None:
    """The key is there for both kinds of signature, whatever becomes of its file."""
    asked: list[str] = []
    opened = settings_of(tmp_path, asked).opened()
    (tmp_path / "k").unlink()
    assert KEY == opened.load_signing_key()
    assert isinstance(opened.load_signing_key(as_sshsig=True), SshSigner)
    assert 1 == len(asked)


def test_settings_that_open_no_key_ask_nobody(tmp_path: Path) -> None:
    """They say which key it is, as it would sign, and sign nothing."""
    asked: list[str] = []
    settings = settings_of(tmp_path, asked)
    settings = OperatorSettings(settings.path, "alice", tmp_path / "k", opens_key=False)
    assert settings is settings.opened()
    signer = settings.load_signing_key(as_sshsig=True)
    assert isinstance(signer, LockedSigner)
    assert isinstance(signer.verify_key, SshVerifyKey)
    assert (KEY.thumbprint, SshVerifyKey.algorithm) == (signer.thumbprint, signer.algorithm)
    with pytest.raises(SealError, match="not opened"):
        signer.sign(b"")
    assert [] == asked


def test_a_credential_has_no_next_receipt_key(tmp_path: Path) -> None:
    """What lies beside it is not ours to look for."""
    target = Target(
        "p", ("unix:/x",), Recommended.LOCAL, receipt_keys=(Path("credential:host.pub"),)
    )
    settings = OperatorSettings(tmp_path / "operator.toml", "alice", tmp_path / "k", (target,))
    assert () == settings.load_next_receipt_keys(target)


def test_a_fido_keys_line_is_brought() -> None:
    """With the owner in the place of the comment."""
    line = b"%s %s somebody@laptop\n" % (FIDO.kind, base64.b64encode(FIDO.blob))
    found = parse_foreign(line, "alice", None).key
    assert isinstance(found, SshVerifyKey)
    assert ("alice", FIDO.blob) == (found.owner, ssh_blob(found))
