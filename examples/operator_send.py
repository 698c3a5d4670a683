"""Seal a logging configuration and send it: what `sealwire send` does, in a few lines.

    python examples/operator_send.py unix:/tmp/orders/log.sock alice.signing examples/debug.json

It prints the answer. Where several programs seal with one key, they share a file of the versions
they used (`sealwire.sealerstate.FileSealerState`); this one seals once and remembers nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sealwire
from sealwire.keyfiles import load_signing_key


def main(address: str, key_file: str, configuration: str) -> int:
    """Seal, send, and say what came of it."""
    key = load_signing_key(key_file)
    sealer = sealwire.Sealer(
        "orders@test",
        [sealwire.Ed25519Signer(key)],
        issuer=key.owner,
        state=sealwire.MemorySealerState(),
        clock=sealwire.wall_clock_ms,
    )
    sealed = sealer.seal(Path(configuration).read_bytes())
    try:
        answer = sealwire.deliver(address, sealed)
    except sealwire.TransportError as error:
        print(error, file=sys.stderr)
        return 3
    print(answer.outcome.name.lower(), answer.reason, answer.detail)
    return 0 if answer.outcome is sealwire.Outcome.APPLIED else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
