"""Django sets up logging as ever, and then listens: one setting.

    LOGGING_CONFIG = "sealwire.integrations.django.configure"

It listens where ``$SEALWIRE_SETTINGS`` names settings, and only there: name them in the server's
environment, and ``manage.py migrate`` and its like do not listen. Where a server's own hook begins
to listen in each worker (gunicorn, celery), this leaves it to that.
"""

from __future__ import annotations

from logging.config import dictConfig
from typing import TYPE_CHECKING, Any

from sealwire.integrations.starting import is_left_to_workers, listen_here, settings_path

if TYPE_CHECKING:
    from collections.abc import Mapping


def configure(logging_settings: Mapping[str, Any]) -> None:
    """Set up logging from Django's ``LOGGING``, and listen.

    Raises:
        SealwireError: as of `sealwire.listen_from`.
    """
    dictConfig(dict(logging_settings))
    if settings_path() is not None and not is_left_to_workers():
        listen_here()
