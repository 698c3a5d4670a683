"""Programs that are not ours, run against the port as somebody would by mistake or to try it.

They are needed here: a machine without curl and openssl cannot show this, and fails.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import document

from sealwire import Outcome, deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

PATIENCE_S = 20

PROGRAMS = {
    "curl, HTTP": ("curl", "--silent", "--show-error", "--max-time", "10", "http://{port}/"),
    "curl, HTTPS": ("curl", "--silent", "--insecure", "--max-time", "10", "https://{port}/"),
    "curl, a large upload": (
        *("curl", "--silent", "--show-error", "--max-time", "10"),
        *("--upload-file", "/dev/zero"),
        "http://{port}/",
    ),
    "openssl s_client": ("openssl", "s_client", "-connect", "{port}"),
}


@pytest.mark.parametrize("command", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_program_of_another_protocol_ends_by_itself(
    request: pytest.FixtureRequest,
    serve: Callable[..., Running],
    operator: Operator,
    until: Callable[[Callable[[], bool]], float],
    note: Callable[..., None],
    command: tuple[str, ...],
) -> None:
    """It ends with an error of its own, leaves nothing, and an honest message is applied."""
    program = shutil.which(command[0])
    assert program is not None, f"install {command[0]}: this test runs it"
    ours = serve(address="tcp:127.0.0.1:0")
    port = ours.address.removeprefix("tcp:")
    descriptors, threads = ours.descriptors(), ours.threads()
    ended = subprocess.run(
        [program, *(part.format(port=port) for part in command[1:])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode != 0
    until(lambda: ours.figures()["refused"] >= 1)
    until(lambda: ours.descriptors() == descriptors)
    answer = deliver(ours.address, operator.network_sealer().seal(document(200)))
    assert Outcome.APPLIED is answer.outcome
    told = ours.figures()
    assert (told["applied"], told["buffered_bytes"]) == (1, 0)
    assert threads == ours.threads()
    note("S4", f"5 {request.node.callspec.id}", ours=f"refused: {told['reasons'][0]}")
