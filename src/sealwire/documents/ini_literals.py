"""The values of ``args=``, ``kwargs=`` and ``defaults=``: read, where the library evaluates them.

Rules this module keeps:

1. ``eval`` is never reached. The text is Python's, so Python's parser reads it, and the syntax tree
   is translated: text, integers, ``True``, ``False``, ``None``, tuples and lists, at the top of
   ``kwargs=`` and ``defaults=`` a dictionary, and the names in `NAMES`. Everything else is refused.
2. Python's parser is given short texts alone, made of the pieces that rule 1 needs: no operator, no
   f-string, no number that is not an integer written as JSON writes it. Deep nesting would exhaust
   its stack, a long integer takes quadratic time, a strange escape prints a warning.
3. A name stands for what it stands for in the library's ``logging`` package; a text is never an
   object, so one that ``dictConfig`` would resolve is refused.
4. No refusal quotes what stands in a value: it may be a password.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import MappingProxyType

from sealwire.documents.plan import EXTERNAL_PREFIX
from sealwire.documents.reading import LEVELS, did_you_mean, refuse
from sealwire.documents.strict_json import MAX_INTEGER, MIN_INTEGER, JsonValue
from sealwire.errors import shorten

# The arguments of SMTPHandler with fifty recipients are 1,500 characters in 160 pieces.
MAX_LITERAL_CHARS = 2_048
MAX_PIECES = 256
# kwargs= needs two: a dictionary of lists. The rest is for parentheses that change nothing.
MAX_LITERAL_DEPTH = 6

_FACILITIES = (
    *("KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON"),
    *("AUTHPRIV", "FTP", "NTP", "SECURITY", "CONSOLE", "SOLCRON"),
    *(f"LOCAL{number}" for number in range(8)),
)

NAMES: Mapping[str, str | int] = MappingProxyType(
    {
        "sys.stdout": f"{EXTERNAL_PREFIX}sys.stdout",
        "sys.stderr": f"{EXTERNAL_PREFIX}sys.stderr",
        **LEVELS,
        "handlers.DEFAULT_TCP_LOGGING_PORT": 9020,
        "handlers.DEFAULT_UDP_LOGGING_PORT": 9021,
        "handlers.DEFAULT_HTTP_LOGGING_PORT": 9022,
        "handlers.DEFAULT_SOAP_LOGGING_PORT": 9023,
        "handlers.SYSLOG_UDP_PORT": 514,
        "handlers.SYSLOG_TCP_PORT": 514,
        **{
            f"handlers.SysLogHandler.LOG_{facility}": code
            for code, facility in enumerate(_FACILITIES)
        },
    }
)
"""The names that stand for something: those that the library's documentation of ``args=`` shows,
with the others of each kind."""

_PIECE = re.compile(
    r"""
    (?P<blank> [ \t\n]+ | \#[^\n]* )
    | (?P<text>
        ' (?: [^'\\\n] | \\[\\'"nrt] )*+ '  |  " (?: [^"\\\n] | \\[\\'"nrt] )*+ "
        # In a raw string a backslash is text, and the quote behind it does not end the string.
        | [rR] (?:  ' (?: [^'\\\n] | \\[^\n] )*+ '  |  " (?: [^"\\\n] | \\[^\n] )*+ "  )
    )
    # At most 19 digits; whether they fit 64 bits is asked when they are a number.
    | (?P<number> -?(?: 0 | [1-9][0-9]{0,18} ) (?![0-9A-Za-z_.]) )
    # A quote behind a name makes another kind of string of it.
    | (?P<name> [A-Za-z_][A-Za-z0-9_]*+ (?!['"]) )
    | (?P<opening> [(\[{] )
    | (?P<closing> [)\]}] )
    | (?P<mark> [.,:] )
    | (?P<strange> . )
    """,
    re.VERBOSE,
)


def read_values(text: str, where: str) -> list[JsonValue]:
    """Read ``args=``: a tuple or a list.

    Returns:
        The values; tuples have become lists, and objects the text that ``dictConfig`` resolves.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``, for anything else.
    """
    node = _parse(text, where)
    if not isinstance(node, (ast.Tuple, ast.List)):
        refuse(where, "is neither a tuple nor a list; a tuple of one has a comma: (sys.stdout,)")
    return [_value(item, where) for item in node.elts]


def read_pairs(text: str, where: str) -> dict[str, JsonValue]:
    """Read ``kwargs=`` or ``defaults=``: a dictionary whose keys are text, each standing once.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``, for anything else.
    """
    node = _parse(text, where)
    if not isinstance(node, ast.Dict):
        refuse(where, "is not a dictionary written out")
    pairs: dict[str, JsonValue] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str):
            refuse(where, "holds a key that is not text")
        if name in pairs:
            refuse(where, f"the key {shorten(name)} stands twice")
        pairs[name] = _value(value, where)
    return pairs


def _parse(text: str, where: str) -> ast.expr:
    _check_pieces(text, where)
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Four ways in which the parser can say no; after the check above, the first is the usual
        # one. Its words quote the text.
        refuse(where, "is not an expression of Python")


def _check_pieces(text: str, where: str) -> None:
    if len(text) > MAX_LITERAL_CHARS:
        refuse(where, f"{len(text)} characters, over the limit of {MAX_LITERAL_CHARS}")
    depth = 0
    before: str | None = None
    for number, match in enumerate(_PIECE.finditer(text), 1):
        kind = match.lastgroup
        if number > MAX_PIECES:
            refuse(where, f"made of more than {MAX_PIECES} pieces")
        if kind == "blank":
            continue
        if kind == "strange":
            refuse(
                where,
                f"nothing that is read here starts at character {match.start() + 1}; what is read:"
                " text in quotes, integers, True, False, None, names, (), [] and {}",
            )
        if kind == before == "text":
            # Python makes one text of two. Three quotes, which open another kind of string, look
            # like an empty text beside another one.
            refuse(where, f"no comma between two texts at character {match.start() + 1}")
        depth += (kind == "opening") - (kind == "closing")
        if depth > MAX_LITERAL_DEPTH:
            refuse(where, f"nested deeper than {MAX_LITERAL_DEPTH}")
        before = kind


def _value(node: ast.expr, where: str) -> JsonValue:
    if isinstance(node, ast.Constant):
        return _constant(node.value, where)
    if isinstance(node, (ast.Tuple, ast.List)):
        return [_value(item, where) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        negative = node.operand.value if isinstance(node.operand, ast.Constant) else None
        if type(negative) is int:
            return _constant(-negative, where)
    if not isinstance(node, (ast.Name, ast.Attribute)):
        kind = type(node).__name__
        refuse(where, f"holds an expression of kind {kind}; nothing is evaluated here")
    name = _dotted(node)
    if name not in NAMES:
        refuse(where, f"names an object that is not read here{did_you_mean(name, NAMES)}")
    return NAMES[name]


def _constant(value: object, where: str) -> JsonValue:
    if isinstance(value, str):
        if value.startswith(EXTERNAL_PREFIX):
            refuse(where, f"holds text that starts with {EXTERNAL_PREFIX}; name the object itself")
        return value
    if value is not None and not isinstance(value, int):
        refuse(where, f"holds a value of type {type(value).__name__}; not taken as an argument")
    if value is not None and not MIN_INTEGER <= value <= MAX_INTEGER:
        refuse(where, "holds an integer outside 64 bits")
    return value


def _dotted(node: ast.expr) -> str:
    """Give ``a.b.c``, or ``""`` for an attribute of anything that is not a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
