"""When a trail that cannot be written is tried again."""

from __future__ import annotations

from sealwire.recording.outage import FIRST_RETRY_S, LAST_RETRY_S, Outage


def test_the_first_reason_counts_until_it_is_over() -> None:
    """And the next one is a new one."""
    outage = Outage()
    assert not outage
    assert outage.begin("the disk is full", 5)
    assert not outage.begin("something else", 6)
    assert ("the disk is full", 5, True) == (outage.why, outage.since_ms, bool(outage))
    outage.end()
    assert not outage
    assert outage.begin("something else", 7)
    assert ("something else", 7) == (outage.why, outage.since_ms)


def test_it_is_tried_soon_and_then_later_and_later() -> None:
    """Up to a limit; whoever comes before it is time puts nothing off. An end begins it anew."""
    outage, now_s, waits = Outage(), 100.0, []
    outage.begin("it fails", 5)
    for _ in range(6):
        outage.put_off(now_s)
        outage.put_off(outage.next_try_s - 0.001)
        waits.append(outage.next_try_s - now_s)
        now_s = outage.next_try_s
    assert [1.0, 2.0, 4.0, 8.0, LAST_RETRY_S, LAST_RETRY_S] == waits
    outage.end()
    outage.begin("it fails again", 6)
    outage.put_off(now_s)
    assert FIRST_RETRY_S == outage.next_try_s - now_s


def test_what_else_is_looked_for() -> None:
    """A sink soon, and not sooner for being asked about often; room some time."""
    outage = Outage()
    outage.look_soon(100.0)
    outage.look_soon(100.5)
    assert 100.0 + FIRST_RETRY_S == outage.next_try_s
    outage.look_rarely(200.0)
    assert 200.0 + LAST_RETRY_S / 3 == outage.next_try_s
    outage.look_soon(201.0)
    assert 201.0 + FIRST_RETRY_S == outage.next_try_s
