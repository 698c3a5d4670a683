"""An application of ASGI, which our module goes around; its processes log while it runs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import ticking
from fastapi import FastAPI

from sealwire.integrations.asgi import Listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ticking.set_up()


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    ticking.start()
    yield


application = FastAPI(lifespan=_lifespan)
application.add_middleware(Listening)
