"""Recording: what a running service decides and what happens in it, written into its trail.

`options` says what a trail is to be, `recorder` is what a service talks to; behind it `scribe` and
`keeper` write and recover, with `backlog` for what waits and `outage` for why; `turning` makes the
records, `outlets` and `sinks` hand them on.
"""

from sealwire.recording.options import OnFailure, Trail
from sealwire.recording.recorder import Recorder
from sealwire.trail.condition import TrailState

__all__ = ["OnFailure", "Recorder", "Trail", "TrailState"]
