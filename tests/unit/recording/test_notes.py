"""Whoever waits is told once."""

from __future__ import annotations

from sealwire.recording.notes import Ticket


def test_a_ticket() -> None:
    """It waits until it is settled, for better or worse."""
    ticket = Ticket()
    assert not ticket.wait(0)
    ticket.settle("the disk is full")
    assert ticket.wait(0)
    assert "the disk is full" == ticket.trouble
