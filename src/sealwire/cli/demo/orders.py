"""An application of WSGI as anybody could have it: it takes orders, and logs what it does.

The demo lays a copy into a folder, where the workers of a server load it. It knows nothing of
sealwire: what lets alice change its logging stands in the server's configuration.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

TAKES_S: Final = 0.05
"""While a worker is at an order, others have to take those that come."""

logging.basicConfig(
    level=logging.INFO,
    stream=sys.stdout,
    format="%(levelname)s worker %(process)d: %(name)s: %(message)s",
)
_orders, _database, _web = map(logging.getLogger, ("orders", "orders.db", "orders.web"))


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Take an order."""
    _database.debug("insert into orders: 1 row")
    _web.debug("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
    time.sleep(TAKES_S)
    _orders.info("order taken")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"taken\n"]
