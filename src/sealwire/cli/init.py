"""``sealwire init``: make a service's part on its host, and say who needs what of it."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealwire.cli import parameters
from sealwire.cli.endings import Exit
from sealwire.cli.keyring_part import KeyringPart, keyring_part
from sealwire.cli.keys import file_name, public_path_of
from sealwire.cli.operator_part import operator_part
from sealwire.cli.service_part import make_service_part, places_for
from sealwire.cli.terminal import printable, say
from sealwire.keyfiles import load_trusted_key, load_verify_key, ssh_blob
from sealwire.keys import NAME_PATTERN
from sealwire.recommended import Recommended, Signatures
from sealwire.settings import (
    OperatorSettings,
    Target,
    default_service_settings,
    find_operator_settings,
    load_operator_settings,
    render_operator,
)
from sealwire.settings.signing import AgentName
from sealwire.sshwire import PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealwire.cli.making import Item
    from sealwire.keys import VerifyKey
    from sealwire.settings import ServiceSettings
    from sealwire.sshkeys import SshVerifyKey

_TRY = '{"version": 1, "incremental": true, "root": {"level": "DEBUG"}}'


@click.command(
    short_help="Make a service's part, on its host.",
    epilog="""\b
Examples:
  sealwire init payments@prod --trust alice.pub
  sealwire init payments@prod --trust bob=/home/bob/.ssh/id_ed25519.pub --chain network
  sealwire init payments@prod --keyring payments.keyring
  sealwire init payments@test --both
""",
)
@click.argument("audience", type=parameters.audience)
@click.option(
    "--trust",
    multiple=True,
    metavar="[NAME=]FILE",
    help="A public key that may change the logging: ours, or OpenSSH's. Repeatable.",
)
@click.option(
    "--keyring",
    "ring",
    metavar="FILE",
    help="In place of --trust: a keyring with all its versions, or the first alone.",
)
@click.option(
    "--keyring-file",
    metavar="FILE",
    help="Where others bring the versions that follow; by default a file beside the settings.",
)
@click.option("--both", is_flag=True, help="Make the operator's part as well, for trying out.")
@click.option(
    "--owner",
    type=parameters.owner,
    metavar="NAME",
    help="With --both: who the operator is; by default this user.",
)
@click.option("--dir", "folder", metavar="DIR", help="Where to put everything.")
@click.option(
    "--address",
    type=parameters.address,
    metavar="ADDRESS",
    help="Where the service listens, such as unix:/run/payments/log.sock.",
)
@click.option(
    "--chain",
    type=click.Choice([each.value for each in Recommended]),
    default=Recommended.LOCAL.value,
    show_default=True,
    help="local: signatures; network: a gate and encryption in front of them.",
)
@click.option(
    "--signatures",
    type=click.Choice([each.value for each in Signatures]),
    default=Signatures.ONE.value,
    show_default=True,
    help="How many a message carries: several where the policy wants two people for something.",
)
@click.option(
    "--config",
    metavar="FILE",
    help="With --both: the operator's settings; otherwise $SEALWIRE_CONFIG, then the usual place.",
)
@click.option("--force", is_flag=True, help="Replace what is there, but for secret keys.")
def init(
    audience: str,
    trust: tuple[str, ...],
    folder: str | None,
    address: str | None,
    chain: str,
    signatures: str,
    owner: str | None,
    config: str | None,
    ring: str | None,
    keyring_file: str | None,
    *,
    both: bool,
    force: bool,
) -> Exit:
    """Make the part of the service AUDIENCE, on its host.

    Writes its settings, copies of the public keys it trusts and, for the chain "network", the
    secrets it shares with their owners; then prints what to paste into the service and what to send
    to whom. AUDIENCE is the service's name, such as payments@prod.
    """
    if ring is None and keyring_file is not None:
        raise click.UsageError(
            "--keyring-file says where versions come to; name the keyring itself with --keyring"
        )
    if ring is not None and (trust or both):
        raise click.UsageError(
            "a keyring settles who is trusted; leave --trust and --both out, or leave --keyring out"
        )
    if not trust and not both and ring is None:
        raise click.UsageError(
            "nobody is trusted; name public keys with --trust FILE, or a keyring with --keyring "
            "FILE, or make both parts here, for trying out, with --both"
        )
    if not both and (owner or config):
        raise click.UsageError("--owner and --config say whom to make; use them with --both")
    given = [_trusted(each) for each in trust]
    trusted = [key for key, _ in given]
    in_agents = {key.owner: agent for key, agent in given}
    path = _settings_path(audience, folder)
    places = places_for(
        audience, path, os.environ, alone=folder is not None, root=_is_root(), address=address
    )
    operator = None
    if both:
        theirs = _operator_path(path, folder, config)
        operator = operator_part(theirs, owner, audience, force=force)
        trusted.append(operator.public)
    kind = Recommended(chain)
    part = None if ring is None else keyring_part(ring, keyring_file, places.folder, kind)
    service, items = make_service_part(
        path,
        audience,
        kind,
        places,
        trusted,
        signatures=Signatures(signatures),
        force=force,
        ring=part,
    )
    if operator is not None:
        items += operator.write(_target(service, operator.public.owner))
    _say_items(items)
    _say_lines(service)
    for name in sorted({key.owner for key in trusted}):
        if operator is None or name != operator.public.owner:
            _say_what_to_send(service, name, items, in_agents.get(name))
    if part is not None:
        _say_keyring(service, part)
    if operator is not None:
        _say_both(operator.settings.path, service.audience)
    return Exit.OK


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _settings_path(audience: str, folder: str | None) -> Path:
    if folder is not None:
        return Path(folder).absolute() / "service.toml"
    return default_service_settings(audience, os.environ).path


def _operator_path(service: Path, folder: str | None, config: str | None) -> Path:
    """Say where the operator's part goes: with everything else, if that has a folder of its own."""
    if folder is not None and config is None and not os.environ.get("SEALWIRE_CONFIG"):
        return service.parent / "operator" / "operator.toml"
    return find_operator_settings(config, os.environ).path


def _trusted(written: str) -> tuple[VerifyKey | SshVerifyKey, AgentName | None]:
    """Load the key of one ``--trust``: a file, or its owner's name, ``=`` and a file.

    Returns:
        The key; and how its owner names it, where it is OpenSSH's: what signs is then no file of
        ours, but an agent.
    """
    name, separator, file = written.partition("=")
    if not (separator and NAME_PATTERN.fullmatch(name)) or Path(written).exists():
        name, file = "", written
    key = load_trusted_key(file, name or None)
    blob = ssh_blob(key)
    if base64.b64encode(blob) not in Path(file).read_bytes():
        return key, None
    return key, AgentName(PublicKey.parse(blob).fingerprint)


def _target(service: ServiceSettings, owner: str) -> Target:
    """Give the service as its operator's settings name it, on the same machine."""
    stem = file_name(owner)
    return Target(
        service.audience,
        (service.address,),
        service.kind,
        next((path for path in service.gate if path.stem == stem), None),
        next((path for path in service.encryption if path.stem == stem), None),
        () if service.receipt_key is None else (public_path_of(service.receipt_key),),
        signatures=service.signatures,
    )


# ---- what is told ---------------------------------------------------------------------------


def _say_items(items: Sequence[Item]) -> None:
    width = max(len(item.what) for item in items)
    for item in items:
        done = "kept" if item.kept else "made"
        say((f"{done}  ", "dim"), (f"{printable(item.what):<{width}}  {printable(item.path)}", ""))


def _say_text(text: str, lines: Iterable[str]) -> None:
    say(("", ""))
    say((f"{text}:", "bold"))
    say(("", ""))
    for line in lines:
        say((f"    {printable(line)}".rstrip(), ""))


def _say_lines(service: ServiceSettings) -> None:
    where = json.dumps(str(service.path), ensure_ascii=False)
    _say_text(
        "paste these lines into the service",
        [
            "# where it starts, behind its own logging set-up (in a worker: after the fork)",
            "import sealwire",
            f"listener = sealwire.listen_from({where})",
        ],
    )


def _say_what_to_send(
    service: ServiceSettings, owner: str, items: Sequence[Item], in_agent: AgentName | None
) -> None:
    """Print the operator's settings for ``owner``, and which secrets have to reach them.

    Args:
        service: the service.
        owner: the operator.
        items: what was made.
        in_agent: their key, where it is OpenSSH's, whose private half is no file of ours.
    """
    secrets = [item.path for item in items if item.shared_with == owner]
    # Names of their own, because on the operator's machine there are keys for other services too.
    stem = file_name(service.audience)
    copies = {path: Path(f"/{stem}{path.suffix}") for path in secrets}
    receipt_key = Path(f"/{stem}-host.pub")
    target = _target(service, owner)
    theirs = OperatorSettings(
        Path("/operator.toml"),
        owner,
        in_agent or Path(f"/{file_name(owner)}.signing"),
        (
            Target(
                service.audience,
                (service.address,),
                service.kind,
                None if target.gate is None else copies[target.gate],
                None if target.encryption is None else copies[target.encryption],
                (receipt_key,),
                signatures=service.signatures,
            ),
        ),
    )
    _say_text(
        f"send this to {owner}, for the file that sealwire config where names (where there is one, "
        "the table with this service is what is new)",
        render_operator(theirs).splitlines(),
    )
    for path in target.receipt_keys:
        key = load_verify_key(path)
        _say_text(
            "and this file, which is public and by which answers are verified, to lie beside it; "
            f"{owner} compares its fingerprint, {key.fingerprint}, by another way",
            [f"{path}  as  {receipt_key.name}"],
        )
    if secrets:
        _say_text(
            f"and these secrets, to lie beside it, by a way on which {owner} alone can read them",
            (f"{path}  as  {copies[path].name}" for path in secrets),
        )


def _say_keyring(service: ServiceSettings, ring: KeyringPart) -> None:
    """Say what comes from whoever keeps the keyring, and what people need from here."""
    stem = file_name(service.audience)
    encrypts = service.kind is Recommended.NETWORK
    target = Target(
        service.audience,
        (service.address,),
        service.kind,
        Path(f"/{stem}.mac") if encrypts else None,
        Path(f"/{stem}.aead") if encrypts else None,
        () if service.receipt_key is None else (Path(f"/{stem}-host.pub"),),
        signatures=service.signatures,
    )
    theirs = OperatorSettings(Path("/operator.toml"), "name", Path("/name.signing"), (target,))
    _say_text(
        "what operators need in the file that sealwire config where names",
        render_operator(theirs).partition("\n\n")[2].splitlines(),
    )
    if service.keyring is not None and service.keyring.secrets is not None:
        _say_text(
            "bring these files from whoever keeps the keyring, by a way on which nobody else can "
            "read them; until then nobody passes the gate",
            [f"secrets/{stem}/*  into  {service.keyring.secrets}"],
        )
    if service.receipt_key is not None:
        public = public_path_of(service.receipt_key)
        host = load_verify_key(public).owner
        _say_text(
            f"whoever keeps the keyring {ring.keyring.name} enrolls this host's receipt key, and "
            "operators trust it",
            [
                f"sealwire keys enroll {host} --role receipt --key {public.name}",
                f"sealwire trust {service.audience} --key {public.name}",
            ],
        )


def _say_both(operator: Path, audience: str) -> None:
    usual = find_operator_settings(None, os.environ).path
    option = "" if operator == usual else f" --config {operator}"
    if len(load_operator_settings(operator).targets) > 1:
        option = f" --to {audience}{option}"
    _say_text(
        "both parts are on this machine, which is for trying out: in earnest the signing key is "
        "made where the operator works (sealwire keys new) and stays there; once the service runs",
        [f"echo '{_TRY}' | sealwire send -{option}"],
    )
