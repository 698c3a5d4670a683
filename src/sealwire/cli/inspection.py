"""``sealwire inspect``: what a message looks like, without any key."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from sealwire.cli.anatomy import look_at
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.parameters import in_words, read_input
from sealwire.cli.terminal import say, say_fields, say_json
from sealwire.cli.wording import ALGORITHMS, claims_as_json, claims_in_words
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.unfinished import looks_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.cli.anatomy import Anatomy, Layer
    from sealwire.cli.terminal import JsonOutput


@click.command(
    short_help="Show a message from outside; verify nothing.",
    epilog="""\b
Examples:
  sealwire inspect message.sealed
  sealwire seal debug.json | sealwire inspect - --json
""",
)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: str, *, as_json: bool) -> Exit:
    """Show what FILE looks like from outside; nothing is verified.

    FILE is a sealed message, or - for standard input. Layers, key ids and, where nothing is
    encrypted, claims are shown as they stand in it; whoever wrote it chose them all. To verify a
    message use: sealwire open.
    """
    content = read_input(file, MAX_FRAME_BYTES)
    seen = look_at(content)
    if as_json:
        say_json(_as_json(seen))
    else:
        _say(seen)
    if seen.problem:
        raise CommandError(
            Exit.REFUSED,
            f"{in_words(file)} cannot be read to its end: {seen.problem}",
            f"it is an unfinished message: sealwire cosign {shlex.quote(file)} --show"
            if looks_unfinished(content)
            else "compare it with what was sealed, or seal anew: sealwire seal CONFIG -o FILE",
        )
    return Exit.OK


def _say(seen: Anatomy) -> None:
    say(("not verified", "bold yellow"))
    say_fields(_fields(seen))


def _fields(seen: Anatomy) -> Iterator[tuple[str, object]]:
    yield "message", f"{seen.size_bytes} bytes"
    for place, layer in enumerate(seen.layers):
        yield f"layer {place}", _layer_in_words(layer)
    if seen.hidden_bytes:
        yield "inside", f"encrypted, {seen.hidden_bytes} bytes"
    if seen.claims is not None:
        yield from claims_in_words(seen.claims)
        yield "content", f"{seen.content_type}, {len(seen.document)} bytes"


def _layer_in_words(layer: Layer) -> str:
    shape = layer.shape
    ids = " and ".join(each.hex() for each in (layer.key_id, *layer.cosigners))
    return (
        f"{shape.name} (tag {shape.tag}), {ALGORITHMS[shape.algorithm]} ({shape.algorithm}), "
        f"key id {ids}, {layer.size_bytes} bytes"
    )


def _as_json(seen: Anatomy) -> dict[str, JsonOutput]:
    return {
        "verified": False,
        "bytes": seen.size_bytes,
        "layers": [
            {
                "kind": layer.shape.name,
                "tag": layer.shape.tag,
                "algorithm": layer.shape.algorithm,
                "algorithm_name": ALGORITHMS[layer.shape.algorithm],
                "key_id": layer.key_id.hex(),
                "cosigners": [each.hex() for each in layer.cosigners],
                "bytes": layer.size_bytes,
            }
            for layer in seen.layers
        ],
        "encrypted_bytes": seen.hidden_bytes,
        "claims": None if seen.claims is None else claims_as_json(seen.claims),
        "content_type": seen.content_type,
        "document_bytes": len(seen.document),
        "problem": seen.problem,
    }
