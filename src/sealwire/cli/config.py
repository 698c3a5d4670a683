"""``sealwire config``: which settings are used, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealwire.cli.endings import Exit
from sealwire.cli.sealing import config_option
from sealwire.cli.terminal import say_fields, say_hint, say_json
from sealwire.recommended import Signatures
from sealwire.settings import NO_OPERATOR_YET, find_operator_settings, load_operator_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.terminal import JsonOutput
    from sealwire.settings import OperatorSettings, Place, Target


@click.group(no_args_is_help=False)
def config() -> None:
    """Show which settings are used."""


@config.command(
    short_help="Print which settings are used, and why.",
    epilog="""\b
Examples:
  sealwire config where
  SEALWIRE_CONFIG=staging.toml sealwire config where --json
""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def where(config: str | None, *, as_json: bool) -> Exit:
    """Print which operator's settings are used, why these, and what they say.

    A service's settings are where its program says: sealwire.listen_from("…/service.toml").
    """
    place = find_operator_settings(config, os.environ)
    there = os.path.lexists(place.path)
    settings = load_operator_settings(place.path) if there else None
    if as_json:
        say_json(_as_json(place, settings))
    else:
        say_fields(
            [
                ("settings", place.path),
                ("because of", place.why),
                *(() if settings is None else _fields(settings)),
            ]
        )
    if settings is None:
        say_hint(f"the file is not there; {NO_OPERATOR_YET}")
    return Exit.OK


def _fields(settings: OperatorSettings) -> Iterator[tuple[str, object]]:
    yield "issuer", settings.issuer
    yield "signing key", settings.signing_key
    yield "state", settings.state_path
    for target in settings.targets:
        several = ", several signatures" if target.signatures is Signatures.SEVERAL else ""
        where = ", ".join(target.addresses)
        words = f"{target.audience} at {where}, chain {target.kind.value}{several}"
        yield "target", words
        if target.gate is not None:
            yield "  gate key", target.gate
        if target.encryption is not None:
            yield "  encryption key", target.encryption
        for path in target.receipt_keys:
            yield "  receipt key", path


def _as_json(place: Place, settings: OperatorSettings | None) -> dict[str, JsonOutput]:
    told: dict[str, JsonOutput] = {
        "settings": str(place.path),
        "why": place.why,
        "exists": settings is not None,
    }
    if settings is not None:
        told |= {
            "issuer": settings.issuer,
            "signing_key": str(settings.signing_key),
            "state": str(settings.state_path),
            "allow_example_keys": settings.allow_example_keys,
            "targets": [_target_as_json(target) for target in settings.targets],
        }
    return told


def _target_as_json(target: Target) -> dict[str, JsonOutput]:
    return {
        "audience": target.audience,
        "addresses": list(target.addresses),
        "chain": target.kind.value,
        "signatures": target.signatures.value,
        "gate": None if target.gate is None else str(target.gate),
        "encryption": None if target.encryption is None else str(target.encryption),
        "receipt_keys": list(map(str, target.receipt_keys)),
    }
