"""Loggers that are known to write secrets, and the lowest level at which they do not.

Rules this module keeps:

1. A name stands here because of what its library writes: credentials, tokens, cookies, addresses
   with tokens in them, or the values of queries. That a library writes much is no reason.
2. The level is the lowest harmless one. Most write secrets at DEBUG; those that already do at INFO
   stand at WARNING.

Not guaranteed: that the list is whole. A host adds its own (``lease.secretive``), and a logger that
is made while a lease of one above it runs inherits its level.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INFO = 20
WARNING = 30

SECRETIVE: Mapping[str, int] = MappingProxyType(
    {
        # HTTP: whole addresses with tokens in their queries, headers with cookies and credentials.
        "urllib3": INFO,
        "requests": INFO,
        "requests_oauthlib": INFO,
        "oauthlib": INFO,
        "httpx": WARNING,
        "httpcore": INFO,
        "hpack": INFO,
        "websockets": INFO,
        "zeep": INFO,
        # Clouds: signed requests, session tokens, the bodies of answers with credentials in them.
        "botocore": INFO,
        "aiobotocore": INFO,
        "boto3": INFO,
        "s3transfer": INFO,
        "google": INFO,
        "azure": INFO,
        "kubernetes": INFO,
        "snowflake.connector": INFO,
        "stripe": INFO,
        # Databases: statements with their values, and rows.
        "sqlalchemy.engine": WARNING,
        "django.db.backends": INFO,
        "peewee": INFO,
        "aiosqlite": INFO,
        "pymongo": INFO,
        "elastic_transport": INFO,
        "opensearch": INFO,
        # Brokers: requests as they are sent, with what authenticates them.
        "kafka": INFO,
        "aiokafka": INFO,
    }
)
"""Lowest harmless level by logger; what is beneath a logger is as secretive."""
