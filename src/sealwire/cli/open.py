"""``sealwire open``: verify a message as a service would, and print what is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealwire.algebra import Guarantee
from sealwire.cli.endings import Exit
from sealwire.cli.parameters import instant, read_input
from sealwire.cli.terminal import printable_lines, say, say_fields, say_json
from sealwire.cli.wording import ALGORITHMS, claims_as_json, claims_in_words, time_in_words
from sealwire.clock import wall_clock_ms
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.settings import load_service_settings

if TYPE_CHECKING:
    from sealwire.chain import Chain
    from sealwire.cli.terminal import JsonOutput
    from sealwire.stages import Evidence, Opened


@click.command(
    "open",
    short_help="Verify a message, and print what is inside.",
    epilog="""\b
Examples:
  sealwire open debug.sealed --service /etc/sealwire/payments@prod/service.toml
  sealwire open debug.sealed --service service.toml --at 2026-11-23T09:00:00Z --json
""",
)
@click.argument("file")
@click.option(
    "--service", metavar="FILE", required=True, help="The service's settings, service.toml."
)
@click.option(
    "--at",
    "at_ms",
    type=instant,
    metavar="TIME",
    help="Judge as of this time (RFC 3339), and not as of now.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def open_message(file: str, service: str, at_ms: int | None, *, as_json: bool) -> Exit:
    """Verify FILE with a service's chain, and print claims, evidence and document.

    FILE is a sealed message, or - for standard input. Every layer and the message's age are
    judged. Whether the service has taken it before, or something newer, and whether its policy
    allows it, only the running service knows.
    """
    sealed = read_input(file, MAX_FRAME_BYTES)
    chain = load_service_settings(service).chain()
    now_ms = wall_clock_ms() if at_ms is None else at_ms
    opened = chain.open(sealed, now_ms=now_ms)
    if as_json:
        say_json(_as_json(opened, chain, now_ms))
    else:
        _say(opened, chain, now_ms)
    return Exit.OK


def _say(opened: Opened, chain: Chain, now_ms: int) -> None:
    say(("verified", "bold green"), (f" as of {time_in_words(now_ms)}", ""))
    say_fields(
        [
            *((f"layer {i}", _in_words(each)) for i, each in enumerate(opened.evidence)),
            ("shown", ", ".join(_shown(chain))),
            ("not judged", "whether it was taken before, and what policy says"),
            *claims_in_words(opened.claims),
            ("content", f"{opened.content_type}, {len(opened.document)} bytes"),
        ]
    )
    say(("", ""))
    say((printable_lines(_text(opened.document)).rstrip("\n"), ""))


def _shown(chain: Chain) -> list[str]:
    """Name what an opened message is; the rest of a chain's guarantees need a running service."""
    return sorted(each.value for each in chain.guarantees - {Guarantee.ONCE, Guarantee.ORDERED})


def _in_words(shown: Evidence) -> str:
    algorithm = ALGORITHMS.get(shown.algorithm, "another algorithm")
    return f"{shown.verifier}, {algorithm} ({shown.algorithm}), " + " and ".join(
        f"key {each.thumbprint[:8].hex()} of {each.owner}" for each in (shown, *shown.cosigners)
    )


def _as_json(opened: Opened, chain: Chain, now_ms: int) -> dict[str, JsonOutput]:
    return {
        "verified": True,
        "as_of_ms": now_ms,
        "claims": claims_as_json(opened.claims),
        "evidence": [
            {
                "verifier": shown.verifier,
                "algorithm": shown.algorithm,
                "thumbprint": shown.thumbprint.hex(),
                "owner": shown.owner,
                "cosigners": [
                    {"thumbprint": each.thumbprint.hex(), "owner": each.owner}
                    for each in shown.cosigners
                ],
            }
            for shown in opened.evidence
        ],
        "shown": _shown(chain),
        "digest": opened.digest.hex(),
        "content_type": opened.content_type,
        "document": _text(opened.document),
    }


def _text(document: bytes) -> str:
    return document.decode(errors="backslashreplace")
