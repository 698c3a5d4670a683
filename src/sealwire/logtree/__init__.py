"""The logging tree of this process: the one room that touches the internals of ``logging``."""

from sealwire.logtree.configure import apply, check, try_out
from sealwire.logtree.levels import set_levels
from sealwire.logtree.reading import read

__all__ = ["apply", "check", "read", "set_levels", "try_out"]
