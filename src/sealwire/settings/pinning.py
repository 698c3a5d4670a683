"""Naming a service's receipt key in an operator's settings, with everything else left as it stands.

Rules this module keeps:

1. One line is put in or replaced. Comments, order and whatever people have written stay.
2. What was written is read once more before it counts: it has to say what it said, and the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sealwire.errors import ConfigurationError
from sealwire.settings.operator import OperatorSettings, Target
from sealwire.settings.reading import parse_operator

_HEADER = re.compile(r"^\s*\[\s*targets\s*\.\s*(?P<name>[^\]]+?)\s*\]\s*(?:#.*)?$")
_TABLE = re.compile(r"^\s*\[")
_LINE = re.compile(r"^\s*receipt_key\s*=")


def with_receipt_keys(
    settings: OperatorSettings, text: str, target: Target, receipt_keys: Sequence[Path]
) -> str:
    """Give the text of ``settings`` with the receipt keys of a target's hosts in it.

    Args:
        settings: what ``text`` says.
        text: the file as it stands.
        target: one of its targets.
        receipt_keys: the public key files, one or more.

    Raises:
        ConfigurationError: the target's table is written in a way that is not found here; the text
            says what to write by hand.
    """
    folder = settings.path.parent
    short = [
        str(path.relative_to(folder) if path.is_relative_to(folder) else path)
        for path in receipt_keys
    ]
    value = json.dumps(short[0] if len(short) == 1 else short, ensure_ascii=False)
    line = f"receipt_key = {value}"
    written = _put(text.splitlines(), target.audience, line)
    pinned = replace(target, receipt_keys=tuple(receipt_keys))
    targets = tuple(pinned if each == target else each for each in settings.targets)
    try:
        if parse_operator(settings.path, written) == replace(settings, targets=targets):
            return written
    except ConfigurationError:
        # Whatever it has become, it is not what was meant.
        pass
    raise ConfigurationError(
        f"{settings.path}: the table of {target.audience} is written in a way that is not changed "
        f'here; write into [targets."{target.audience}"]: {line}'
    )


def _put(lines: list[str], audience: str, line: str) -> str:
    written: list[str] = []
    inside = False
    for each in lines:
        if _TABLE.match(each):
            header = _HEADER.match(each)
            inside = header is not None and header["name"].strip("\"'") == audience
            written.append(each)
            if inside:
                written.append(line)
        elif not (inside and _LINE.match(each)):
            written.append(each)
    return "\n".join(written) + "\n"
