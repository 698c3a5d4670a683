"""Who may sign, as OpenSSH writes it: ``allowed_signers`` files, and lists of revoked keys.

    alice namespaces="request@sealwire/1",valid-before="20271231Z" sk-ssh-ed25519@openssh.com AAAA…

Rules this module keeps:

1. The form is the one of ssh-keygen(1), "ALLOWED SIGNERS", and every line that is taken here means
   there what it means here. Less is taken: a principal is one owner's name and no pattern, and so
   is a namespace; a key is an Ed25519 key, plain or in an authenticator; a time is in UTC.
2. What is not understood is refused with file and line, and never passed over: an option that says
   "not so" must not look as if it were not there. A line whose namespaces do not name ours is for
   others, as git's are, and is read no further than its key.
3. One key is one owner's. It stands once.
4. A key that is revoked is not taken, wherever it is named.

Times are judged when a message is opened (`SshVerifyKey`), not when a file is read.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Final, NamedTuple

from sealwire.errors import ConfigurationError, MalformedError, shorten
from sealwire.keys import NAME_PATTERN
from sealwire.sshkeys import NAMESPACE, SshVerifyKey, Validity
from sealwire.sshwire import PublicKey, Reader

# What stands between fields is a space or a tab, as in OpenSSH: what looks like one to Python, such
# as a no-break space, belongs to the field there.
_SPACE: Final = " \t\r"

# A field may have quotes, with spaces inside them; behind the key stands whatever people write.
_KIND: Final = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+")
_FIELD: Final = r"(?:\"(?:[^\"\\]|\\.)*\"|[^ \t\"])+"
_LINE: Final = re.compile(
    rf"({_FIELD})[ \t]+(?:({_FIELD})[ \t]+)?({_KIND.pattern})[ \t]+([^ \t\"]+)(?:[ \t].*)?",
    re.DOTALL,
)
_OPTION: Final = re.compile(r"([a-z-]+)(?:=\"([^\"\\]*)\")?(?:,|$)")
_TIME: Final = re.compile(r"([0-9]{8})(?:([0-9]{4})([0-9]{2})?)?Z")
_NAMESPACES: Final = re.compile(r"[^*?!,\s]+(?:,[^*?!,\s]+)*")

_OPTIONS: Final = ("namespaces", "valid-after", "valid-before")


class _Line(NamedTuple):
    """One line of an ``allowed_signers`` file, by its fields."""

    owner: str
    options: str
    kind: str
    coded: str


def read_allowed_signers(
    content: bytes, source: str, *, revoked: frozenset[bytes] = frozenset()
) -> tuple[SshVerifyKey, ...]:
    """Read who may sign requests, from an ``allowed_signers`` file.

    Args:
        content: the whole file.
        source: its name, for whoever has to mend it.
        revoked: the blobs that `read_revoked` gave.

    Returns:
        The keys that are for our namespace and not revoked, in the order of the file. There may
        be none.

    Raises:
        ConfigurationError: a line is not understood; the text begins with file and line.
    """
    found: dict[bytes, SshVerifyKey] = {}
    for where, text in _lines(content, source):
        line = _fields(text, where)
        said = _options(line.options, where)
        if NAMESPACE not in said.get("namespaces", NAMESPACE).split(","):
            continue
        if not NAME_PATTERN.fullmatch(line.owner):
            raise ConfigurationError(
                f"{where}: the principal {shorten(line.owner)} is not one owner's name; write a "
                "line for each, and no patterns"
            )
        blob = _blob(line.kind, line.coded, where)
        if blob in revoked:
            continue
        validity = Validity(
            _time(said.get("valid-after"), where), _time(said.get("valid-before"), where)
        )
        try:
            key = SshVerifyKey(PublicKey.parse(blob), owner=line.owner, validity=validity)
        except MalformedError as error:
            raise ConfigurationError(f"{where}: {error.detail}") from None
        except ConfigurationError as error:
            raise ConfigurationError(f"{where}: {error}") from None
        if blob in found:
            raise ConfigurationError(
                f"{where}: the key {key.fingerprint} stands on a line before; write it once"
            )
        found[blob] = key
    return tuple(found.values())


def read_revoked(content: bytes, source: str) -> frozenset[bytes]:
    """Read which keys are revoked: OpenSSH public keys of any kind, one a line.

    OpenSSH's binary lists (KRL) are not read.

    Args:
        content: the whole file.
        source: its name, for whoever has to mend it.

    Returns:
        The keys' blobs.

    Raises:
        ConfigurationError: a line is no key; the text begins with file and line.
    """
    found = set()
    for where, text in _lines(content, source):
        kind, *rest = re.split("[ \t]+", text)
        if not _KIND.fullmatch(kind) or not rest:
            raise ConfigurationError(
                f"{where}: no public key; write one as its .pub file has it: ssh-ed25519 AAAA…"
            )
        found.add(_blob(kind, rest[0], where))
    return frozenset(found)


def _lines(content: bytes, source: str) -> list[tuple[str, str]]:
    """Give every line that says something, each with file and number in front."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{source}:{line}: not UTF-8 text; a list of public keys is due here"
        ) from None
    numbered = enumerate(text.split("\n"), start=1)
    return [
        (f"{source}:{number}", line.strip(_SPACE))
        for number, line in numbered
        if line.strip(_SPACE) and not line.lstrip(_SPACE).startswith("#")
    ]


def _fields(text: str, where: str) -> _Line:
    match = _LINE.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"{where}: not: owner, options if any, kind of key, key; such as: alice "
            f'namespaces="{NAMESPACE}" ssh-ed25519 AAAA…'
        )
    return _Line(*match.groups(""))


def _options(text: str, where: str) -> dict[str, str]:
    said: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        name = match[1] if match else ""
        if match is None or name not in _OPTIONS or match[2] is None:
            if name == "cert-authority":
                problem = "certificates are not taken here; write a line for each key"
            else:
                problem = f'what is known here: {", ".join(_OPTIONS)}, each written as name="…"'
            raise ConfigurationError(f"{where}: the options {shorten(text[at:])}: {problem}")
        if name in said:
            raise ConfigurationError(f"{where}: {name} stands twice")
        said[name] = match[2]
        at = match.end()
    if text.endswith(","):
        raise ConfigurationError(f"{where}: the options end with a comma")
    if "namespaces" in said and not _NAMESPACES.fullmatch(said["namespaces"]):
        raise ConfigurationError(
            f"{where}: namespaces are names with commas between them, and no patterns: "
            f'namespaces="{NAMESPACE}"'
        )
    return said


def _time(text: str | None, where: str) -> int | None:
    """Read a time in UTC; give seconds since the epoch."""
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        digits = match[1] + (match[2] or "0000") + (match[3] or "00")
        return int(datetime.strptime(digits + "+0000", "%Y%m%d%H%M%S%z").timestamp())
    except ValueError:
        raise ConfigurationError(
            f"{where}: {shorten(text)} is no time in UTC; write it as 20271231Z or 202712312359Z "
            "or 20271231235959Z"
        ) from None


def _blob(kind: str, coded: str, where: str) -> bytes:
    """Decode a key's blob: its one spelling alone, and of the kind that stands in front of it."""
    try:
        blob = base64.b64decode(coded, validate=True)
        if base64.b64encode(blob).decode() != coded or Reader(blob).text() != kind:
            raise ValueError
    except (binascii.Error, ValueError, MalformedError):
        raise ConfigurationError(
            f"{where}: the {kind} key is damaged; copy it again from its .pub file"
        ) from None
    return blob
