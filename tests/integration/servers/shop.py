"""An application of WSGI that says which process has answered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import ticking

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

ticking.set_up()
if "SHOP_LISTENS" in os.environ:
    # As no application should that is preloaded: the process that loads it listens then.
    import sealwire

    listener = sealwire.listen_from(os.environ["SEALWIRE_SETTINGS"])


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the number of this process."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
