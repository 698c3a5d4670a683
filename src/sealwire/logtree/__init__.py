"""The logging tree of this process: the one room that touches the internals of ``logging``."""

from sealwire.logtree.arrangement import reachable
from sealwire.logtree.closing import close_all
from sealwire.logtree.configure import apply, apply_as_base, check, go_back, try_out
from sealwire.logtree.levels import relevel
from sealwire.logtree.making import count_new
from sealwire.logtree.reading import read

__all__ = [
    "apply",
    "apply_as_base",
    "check",
    "close_all",
    "count_new",
    "go_back",
    "reachable",
    "read",
    "relevel",
    "try_out",
]
