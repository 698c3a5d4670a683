"""gunicorn's configuration: every worker listens, with the settings of ``$SEALWIRE_SETTINGS``."""

from sealwire.integrations.gunicorn import post_worker_init

__all__ = ["post_worker_init"]
