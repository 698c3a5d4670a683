"""``python -m sealwire``, and the command ``sealwire``.

What the command line is made of comes with the extra ``cli``; without it this module says so.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

_EXTRA: Final = ("click", "rich")
_LOCAL_FAILURE: Final = 3
_INTERRUPTED: Final = 130


def main() -> int:
    """Run the command line on the arguments of this process.

    Returns:
        The exit status: see `sealwire.cli.endings.Exit`.
    """
    try:
        for name in _EXTRA:
            importlib.import_module(name)
    except ImportError:
        sys.stderr.write(
            'sealwire: error: the command line needs the extra "cli"\n'
            'sealwire: hint: pip install "sealwire[cli]"\n'
        )
        return _LOCAL_FAILURE
    try:
        from sealwire.cli.app import run
    except KeyboardInterrupt:
        return _INTERRUPTED
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
