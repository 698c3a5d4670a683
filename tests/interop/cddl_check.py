"""Answer whether values are what the specification's CDDL says; run in an environment of its own.

The schema is the argument. Each line of the input is ``[rule, kind, value]``, where the kind is
``cbor``, with hex digits, or ``json``, with a document; each line of the output is true or false.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cddl_verifier import Validator

validator = Validator(Path(sys.argv[1]))
for line in sys.stdin:
    rule, kind, value = json.loads(line)
    data = bytes.fromhex(value) if kind == "cbor" else json.loads(value)
    print(json.dumps(validator.validate(data, root_type=rule).valid), flush=True)
