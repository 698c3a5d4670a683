"""Writing settings: what is written here reads back equal.

What is the default is left out, and a path in the file's own folder is written short.

Not guaranteed: that comments of a file survive being read and written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from sealwire.adopting import OnNewSetup
from sealwire.errors import ConfigurationError
from sealwire.keyfiles import StrPath, write_checked
from sealwire.recommended import Signatures
from sealwire.settings.allow import PolicySettings
from sealwire.settings.operator import OperatorSettings
from sealwire.settings.service import ServiceSettings
from sealwire.settings.signing import SigningPlace
from sealwire.settings.trail import TrailSettings


def render_service(settings: ServiceSettings) -> str:
    """Write settings as the text of their file; what is the default is left out.

    Raises:
        ConfigurationError: a path holds bytes that no text can.
    """
    folder = settings.path.parent
    policy = {
        each.name: value
        for each in fields(PolicySettings)
        if (value := getattr(settings.policy, each.name)) != each.default
    }
    return _checked(
        "# A service's part: who it is, and who may change its logging.",
        *_lines(
            audience=settings.audience,
            address=settings.address,
            chain=settings.kind.value,
            signatures=_signatures(settings.signatures),
            receipt_key=settings.receipt_key and _relative(folder, settings.receipt_key)[0],
            challenge=settings.challenge,
            allow_example_keys=settings.allow_example_keys or None,
            trust_group=settings.trust_group or None,
            standing=None if settings.standing_s is None else f"{settings.standing_s}s",
            state=settings.state and _relative(folder, settings.state)[0],
            on_new_setup=None
            if settings.on_new_setup is OnNewSetup.APPLICATION
            else settings.on_new_setup.value,
            workers=settings.workers or None,
            instance=settings.instance,
        ),
        *_keys(settings, folder),
        "",
        "[socket]  # who may connect",
        *_lines(
            allow_uids=settings.allow_uids,
            group=settings.group,
            beyond_loopback=settings.beyond_loopback or None,
            skew_s=settings.skew_s,
        ),
        "",
        "[policy]  # what a configuration may contain",
        *_lines(file=settings.policy_file and _relative(folder, settings.policy_file)[0], **policy),
        *([] if settings.trail is None else _trail(settings.trail, folder)),
    )


def render_operator(settings: OperatorSettings) -> str:
    """Write settings as the text of their file; what is the default is left out.

    Raises:
        ConfigurationError: a path holds bytes that no text can.
    """
    folder = settings.path.parent
    lines = [
        "# An operator's part: who seals, with which key, for whom.",
        *_lines(
            issuer=settings.issuer,
            signing_key=_signing(folder, settings.signing_key),
            passphrase_command=settings.passphrase_command or None,
            allow_example_keys=settings.allow_example_keys or None,
            trust_group=settings.trust_group or None,
        ),
    ]
    for target in settings.targets:
        lines += [
            "",
            f"[targets.{_toml(target.audience)}]",
            *_lines(
                address=_one_or_more(target.addresses),
                chain=target.kind.value,
                signatures=_signatures(target.signatures),
                gate=target.gate and _relative(folder, target.gate)[0],
                encryption=target.encryption and _relative(folder, target.encryption)[0],
                receipt_key=_one_or_more(_relative(folder, *target.receipt_keys)),
                sshsig=target.sshsig or None,
            ),
        ]
    return _checked(*lines)


def _one_or_more(values: Sequence[str]) -> str | Sequence[str] | None:
    """Give what stands alone where it is one, and in a list where there are several."""
    return values[0] if len(values) == 1 else values or None


def _keys(settings: ServiceSettings, folder: Path) -> list[str]:
    if (ring := settings.keyring) is not None:
        return [
            "",
            "[keyring]  # paths are relative to this file",
            *_lines(
                pinned=_relative(folder, ring.pinned)[0],
                file=ring.file and _relative(folder, ring.file)[0],
                secrets=ring.secrets and _relative(folder, ring.secrets)[0],
            ),
        ]
    return [
        "",
        "[keys]  # paths are relative to this file",
        *_lines(
            trusted=_relative(folder, *settings.trusted) or None,
            gate=_relative(folder, *settings.gate) or None,
            encryption=_relative(folder, *settings.encryption) or None,
            allowed_signers=settings.allowed_signers
            and _relative(folder, settings.allowed_signers)[0],
            revoked_keys=settings.revoked_keys and _relative(folder, settings.revoked_keys)[0],
        ),
    ]


def _trail(trail: TrailSettings, folder: Path) -> list[str]:
    default = {each.name: each.default for each in fields(TrailSettings)}
    said = {
        "on_audit_failure": trail.on_audit_failure.value,
        "required_sinks": trail.required_sinks,
        "heartbeat": f"{trail.heartbeat_s}s",
        "segment_bytes": trail.segment_bytes,
    }
    usual = {
        "on_audit_failure": "refuse",
        "required_sinks": (),
        "heartbeat": f"{default['heartbeat_s']}s",
        "segment_bytes": default["segment_bytes"],
    }
    return [
        "",
        "[trail]  # where what happens is recorded",
        *_lines(
            folder=_relative(folder, trail.folder)[0],
            key=_relative(folder, trail.key)[0],
            spill=trail.spill and _relative(folder, trail.spill)[0],
            **{name: value for name, value in said.items() if value != usual[name]},
        ),
    ]


def write_settings(path: StrPath, text: str, *, force: bool = False) -> None:
    """Write the text of a settings file, mode 0644.

    Args:
        path: the file, in a folder that is there.
        text: what `render_service` or `render_operator` gave.
        force: replace a file that is there.

    Raises:
        ConfigurationError: the file is there and ``force`` is not given, or it cannot be written.
    """
    write_checked(path, text.encode(), mode=0o644, force=force, error=ConfigurationError)


def _signatures(signatures: Signatures) -> str | None:
    return None if signatures is Signatures.ONE else signatures.value


def _relative(folder: Path, *paths: Path) -> tuple[str, ...]:
    return tuple(
        str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in paths
    )


def _signing(folder: Path, place: SigningPlace) -> str:
    return _relative(folder, place)[0] if isinstance(place, Path) else str(place)


def _lines(**values: object) -> Iterator[str]:
    return (f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # A JSON string is a TOML string, except that TOML wants DEL escaped as well.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _checked(*lines: str) -> str:
    text = "\n".join(lines) + "\n"
    if text.encode(errors="replace").decode() != text:
        raise ConfigurationError("a path is not UTF-8, and settings are; choose another path")
    return text
