"""A service whose settings name a policy starts with a good one, and with no other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sealwire
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.settings import STARTING_POLICY, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def settings() -> Iterator[Path]:
    """Give the settings of a service that names ``policy.toml``, which is not there yet."""
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        path = Path(folder).resolve() / "service.toml"
        write_key_file(path.with_name("alice.pub"), new_signing_key("alice").verify_key)
        write_settings(
            path,
            f'audience = "a"\naddress = "unix:{path.parent}/run/log.sock"\nchain = "local"\n'
            '[keys]\ntrusted = ["alice.pub"]\n[policy]\nfile = "policy.toml"\n',
        )
        yield path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "policy.toml is not there; write one with: sealwire policy init FILE"),
        ("[flors]\n", "policy.toml:1: flors is not known here; did you mean floors?"),
        ("lock = yes\n", "policy.toml is not TOML: "),
        ('[allow]\ndirectories = ["/no/such"]\n', "allow.directories: /no/such is not a directory"),
    ],
)
def test_a_mistake_stops_the_start(settings: Path, text: str | None, said: str) -> None:
    """With file, line and hint; no socket is left behind."""
    if text is not None:
        write_settings(settings.with_name("policy.toml"), text)
    with pytest.raises(sealwire.ConfigurationError) as refused:
        sealwire.listen_from(settings)
    assert said in str(refused.value)
    assert not (settings.parent / "run").exists()


def test_a_good_policy_does_not(settings: Path) -> None:
    """The one that ``policy init`` writes."""
    write_settings(settings.with_name("policy.toml"), STARTING_POLICY)
    listener = sealwire.listen_from(settings)
    try:
        assert listener.is_alive()
    finally:
        listener.stop()
