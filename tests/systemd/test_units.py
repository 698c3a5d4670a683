"""The example units: what systemd says of how much they leave a service.

They are not started here: that needs a machine whose first process is systemd.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "examples" / "systemd"
MOST = {"payments.service": 1.0, "payments-tcp.service": 1.5}
"""From 0, which leaves nothing, to 10; a unit without any of this has 9.2."""


def exposure(unit: Path) -> float:
    """Give the exposure of a unit."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    ).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert found is not None, told
    return float(found[1])


def test_every_unit_is_looked_at() -> None:
    """One that is added has to be added here."""
    assert MOST.keys() == {each.name for each in UNITS.iterdir()}


@pytest.mark.parametrize("name", MOST)
def test_a_unit_leaves_little(name: str) -> None:
    """Less than the goal, with the score of the systemd that is there."""
    assert exposure(UNITS / name) <= MOST[name]


@pytest.mark.parametrize("name", MOST)
def test_a_unit_without_its_sandbox_is_seen(name: str, tmp_path: Path) -> None:
    """So that the figure is of these lines."""
    text = (UNITS / name).read_text(encoding="utf-8")
    plain = tmp_path / name
    plain.write_text(text.partition("\nUMask=")[0] + "\n", encoding="utf-8")
    assert exposure(plain) > 5
