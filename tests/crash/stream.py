"""A stream of changes, and a service that is killed in it again and again, at any instant."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from tests.crash.following import Follower

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.following import Unanswered
    from tests.crash.running import Nursery, Service

_STREAM_S = 0.12
_START_S = 0.06
_OF_STARTS = 0.15
"""How many kills come while the service starts."""


def killed(nursery: Nursery, settings: Path, kills: int, seed: int) -> Follower:
    """Kill a service so many times; give who has followed it."""
    chance = random.Random(seed)
    follower = Follower(nursery, settings, chance)
    left: Unanswered | None = None
    while follower.kills < kills:
        left = _until_killed(follower, chance.uniform(0, _STREAM_S))
        while chance.random() < _OF_STARTS:
            service = nursery.prepare(settings)
            _kill_in_start(service, chance.uniform(0, _START_S))
        follower.recover(left)
    return follower


def _until_killed(follower: Follower, in_s: float) -> Unanswered | None:
    service = follower.service
    timer = threading.Timer(in_s, service.shoot)
    timer.start()
    left = None
    while left is None and not service.is_dead(0):
        left = follower.ask(follower.any())
    timer.join()
    service.kill()
    return left


def _kill_in_start(service: Service, in_s: float) -> None:
    timer = threading.Timer(in_s, service.shoot)
    timer.start()
    service.listen()
    timer.join()
    service.kill()
