"""A flood, in a process of its own: everything that strangers can send, as fast as they can.

Standard input is one line of JSON: where to, how long, and the messages to spoil. At the end the
counts are printed. It holds a bounded number of connections, and ends by itself.
"""

from __future__ import annotations

import itertools
import json
import random
import socket
import sys
import time
from collections import Counter, deque
from typing import Any

QUICK = 32
"""Connections whose answer is waited for, at a time."""

SLOW = 300
"""Connections that never finish: more than a listener holds, so that some are crowded out."""

ONE_IN = 10
"""One slow connection among so many."""

CONNECT_S = 0.01
"""On one machine a connect takes microseconds, or else the backlog is full."""

SEND_S = 0.5
TURNED_AWAY_S = 0.001
HALF_BYTES = 150 * 1024


class Flood:
    """Sends in turns every kind that it was told."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Keep what is wanted; nothing is sent yet."""
        scheme, _, rest = wanted["address"].partition(":")
        host, _, port = rest.rpartition(":")
        self._family = socket.AF_UNIX if scheme == "unix" else socket.AF_INET
        self._address = rest if scheme == "unix" else (host, int(port))
        self._seconds = wanted["seconds"]
        self._chance = random.Random(wanted["seed"])
        self._frame = bytes.fromhex(wanted["frame"])
        self._quick_kinds = itertools.cycle(wanted["quick"])
        self._slow_kinds = itertools.cycle(wanted["slow"])
        self._quick: deque[socket.socket] = deque()
        self._slow: deque[socket.socket] = deque()
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        """Send until the time is over."""
        ends_s = time.monotonic() + self._seconds
        for number in itertools.count():
            if time.monotonic() >= ends_s:
                break
            slow = number % ONE_IN == 0
            kind = next(self._slow_kinds if slow else self._quick_kinds)
            self._begin(kind, self._slow if slow else self._quick, SLOW if slow else QUICK)
            if self._slow:
                self._trickle(self._chance.choice(self._slow))
        for connection in (*self._quick, *self._slow):
            connection.close()

    def _begin(self, kind: str, among: deque[socket.socket], most: int) -> None:
        connection = socket.socket(self._family, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_S)
        try:
            connection.connect(self._address)
            connection.settimeout(SEND_S)
        except OSError:
            # The backlog is full: the listener is busy, which is what a flood is for.
            connection.close()
            self.counts["turned away"] += 1
            time.sleep(TURNED_AWAY_S)
            return
        self.counts[kind] += 1
        try:
            connection.sendall(self._bytes_of(kind))
        except OSError:
            self.counts["closed while sending"] += 1
        if kind == "hang-up":
            connection.close()
            return
        connection.settimeout(0)
        among.append(connection)
        if len(among) > most:
            among.popleft().close()

    def _bytes_of(self, kind: str) -> bytes:
        frame, chance = self._frame, self._chance
        body = frame[4:]
        if kind == "junk":
            return frame[:4] + chance.randbytes(len(body))
        if kind == "wrong byte":
            at = chance.randrange(len(body))
            return frame[:4] + body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]
        if kind == "long length":
            return b"\xff\xff\xff\xff" + body
        if kind == "other protocol":
            return b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        if kind == "hang-up":
            return frame[: chance.randrange(len(frame))]
        if kind == "half":
            return (HALF_BYTES + 1000).to_bytes(4, "big") + bytes(HALF_BYTES)
        if kind == "trickle":
            return frame[: chance.randrange(8)]
        assert kind == "silent", kind
        return b""

    def _trickle(self, connection: socket.socket) -> None:
        try:
            connection.send(b"\0")
        except OSError:
            # Closed by the listener, as it should be; it leaves the queue when its turn comes.
            return


def main() -> None:
    """Flood as told."""
    flood = Flood(json.loads(sys.stdin.readline()))
    flood.run()
    print(json.dumps(flood.counts))


if __name__ == "__main__":
    main()
