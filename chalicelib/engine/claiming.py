"""Which claim comes next: oldest first as long as claims keep up, by turns between workflows once they do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.engine.repository import Claim

# Rows that became due in a transaction that committed late are older than the floor; a claim without one finds them.
FLOORLESS_SECONDS = 2.0
MARGIN = timedelta(seconds=1)
IN_ORDER_EVERY = 4
BACKLOG_SIZE = 32  # small, so that who comes next in a backlog does not wait long for the next claim


class Queue:
    """Decides from what the claims before brought. Times are seconds of the monotonic clock, `floor` is the database's time.

    While a snapshot is open somewhere, vacuum cannot remove the index entries of what was claimed, and each claim would walk over all of them: the floor, a little
    before the oldest row of the last claim in order, keeps it behind them. It stands only while claims bring something, and every FLOORLESS_SECONDS one goes without.
    """

    def __init__(self) -> None:
        self.fairly = False  # whether the next claim is by turns
        self._backlog = False
        self._floor: datetime | None = None
        self._floorless_at = float("-inf")
        self._turns = 0

    def size(self, most: int) -> int:
        """How many to claim next, of at most so many."""
        return min(most, BACKLOG_SIZE) if self._backlog else most

    def floor(self, now: float) -> datetime | None:
        """From when on to look for what is due; None: from the beginning."""
        if self._floor is None or now - self._floorless_at >= FLOORLESS_SECONDS:
            self._floorless_at = now
            return None
        return self._floor

    def note(self, claims: Sequence[Claim], room: int) -> None:
        """What a claim for at most `room` executions brought."""
        if not self.fairly:
            self._floor = min(claim.due_at for claim in claims) - MARGIN if claims else None
        self._turns += 1
        self._backlog = len(claims) >= room
        self.fairly = self._backlog and self._turns % IN_ORDER_EVERY != 0
