"""Its settings: logging as an application has it, and our one line."""

import os

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_shop.urls"
INSTALLED_APPS: list[str] = []
LOGGING_CONFIG = "sealwire.integrations.django.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "file": {
            "class": "logging.FileHandler",
            "filename": os.environ["TICKING_LOG"],
            "formatter": "plain",
        }
    },
    "root": {"handlers": ["file"], "level": "WARNING"},
}
