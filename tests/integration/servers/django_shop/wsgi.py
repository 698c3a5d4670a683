"""What a server of WSGI loads."""

import os

import ticking
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "django_shop.settings"
application = get_wsgi_application()
if "TICKING_AT_ONCE" in os.environ:
    # Where no hook of the server's begins to.
    ticking.start()
