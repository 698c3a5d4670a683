"""What the tests of forks need: that their program is a module of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

# The modules beside this one are a package of the repository, which is not installed.
sys.path.append(str(Path(__file__).parents[2]))
