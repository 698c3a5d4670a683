"""A FastAPI application whose workers let one message change the logging of all of them.

SEALWIRE_SETTINGS=made/service.toml uvicorn --workers 4 --app-dir examples fastapi_app:app
"""

from __future__ import annotations

import logging

from fastapi import FastAPI

from sealwire.integrations.asgi import Listening

logging.basicConfig(level=logging.INFO, format="%(process)d %(levelname)s %(name)s: %(message)s")
app = FastAPI()
app.add_middleware(Listening)


@app.get("/")
async def order() -> str:
    """Take an order."""
    logging.getLogger("shop.db").info("an order")
    logging.getLogger("shop.db").debug("what it took to read it")
    return "done"
