"""What a configuration of these tests builds, and leaves a line about, so that it is counted."""

from __future__ import annotations

import logging
import os


def counted(label: str, counts: str) -> logging.Handler:
    """Build a handler, and add to the file ``counts`` which process has built what."""
    descriptor = os.open(counts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{os.getpid()} {label}\n".encode())
    finally:
        os.close(descriptor)
    return logging.NullHandler()
