"""A Flask application whose workers let one message change the logging of all of them.

    SEALWIRE_SETTINGS=made/service.toml gunicorn --workers 4 --config examples/gunicorn.conf.py \
        --chdir examples flask_app:app

Nothing of sealwire stands here: gunicorn's configuration has the one line.
"""

from __future__ import annotations

import logging

from flask import Flask

logging.basicConfig(level=logging.INFO, format="%(process)d %(levelname)s %(name)s: %(message)s")
app = Flask(__name__)


@app.get("/")
def order() -> str:
    """Take an order."""
    logging.getLogger("shop.db").info("an order")
    logging.getLogger("shop.db").debug("what it took to read it")
    return "done\n"
