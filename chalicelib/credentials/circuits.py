"""Circuit breakers, one for each credential and host: after many failures in a row calls are held back for a while, then one is let through to see. Pure; time is
an argument, in seconds on any clock that only goes forward.

    closed --(FAILURES_TO_OPEN in a row)--> open --(its time is up: one call)--> half open --(it succeeds)--> closed
                                              ^-----------------------------------(it fails: open again, longer)--'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FAILURES_TO_OPEN = 10
OPEN_SECONDS = 30.0
MAX_OPEN_SECONDS = 300.0
PROBE_SECONDS = 60.0  # a probe that says nothing for so long counts no more

State = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class Circuit:
    """One breaker. `breaks` False only counts: calls without a credential share a host with others who have nothing to do with them."""

    breaks: bool = True
    failures: int = 0
    openings: int = 0
    opened_until: float | None = None
    probing_since: float | None = None

    def state(self, now: float) -> State:
        """Closed, open, or half open: its time is up and the next call shows whether the other side is back."""
        if self.opened_until is None:
            return "closed"
        return "open" if now < self.opened_until else "half_open"

    def held_back(self, now: float) -> float | None:
        """For how many seconds a call must wait; None: it may go. Half open, the first to ask goes, as the probe."""
        match self.state(now):
            case "closed":
                return None
            case "open":
                assert self.opened_until is not None
                return self.opened_until - now
        if self.probing_since is not None and now - self.probing_since < PROBE_SECONDS:
            return OPEN_SECONDS / 10
        self.probing_since = now
        return None

    def succeeded(self) -> bool:
        """A call got an answer; True when this closes the circuit."""
        closes = self.opened_until is not None
        self.failures, self.openings, self.opened_until, self.probing_since = 0, 0, None, None
        return closes

    def failed(self, now: float) -> bool:
        """A call got none, or a 5xx; True when this opens the circuit."""
        self.failures += 1
        probe = self.state(now) == "half_open"
        self.probing_since = None
        if not self.breaks or (not probe and (self.opened_until is not None or self.failures < FAILURES_TO_OPEN)):
            return False
        self.openings += 1
        self.opened_until = now + open_seconds(self.openings)
        return True

    def opened_elsewhere(self, until: float, openings: int) -> None:
        """Another process opened it: hold back here too."""
        if self.breaks and (self.opened_until is None or self.opened_until < until):
            self.opened_until, self.openings, self.probing_since = until, max(self.openings, openings), None


def open_seconds(openings: int) -> float:
    """How long the n-th opening in a row lasts: 30 seconds, doubling, five minutes at most."""
    return min(OPEN_SECONDS * 2 ** min(openings - 1, 10), MAX_OPEN_SECONDS)
