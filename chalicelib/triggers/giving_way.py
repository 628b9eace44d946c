"""The door gives way: while executions of a workflow wait for workers, its callers get their answers a little later, so that who sends one request after the other
sends no faster than the work is done, instead of a queue that grows and takes the machine's time from the workers.

Nothing is refused, and nothing is held back: the execution is committed before the pause. Where another process makes room for work (Lambda) nobody gives way.
"""

from __future__ import annotations

from collections.abc import Callable

PATIENCE_SECONDS = 0.1  # what nobody is kept for: workers take work in groups
LONGEST_SECONDS = 0.25

_pause: Callable[[float], None] | None = None


def use_pause(pause: Callable[[float], None] | None) -> None:
    """Choose how this process pauses, without keeping others; None: not at all."""
    global _pause
    _pause = pause


def give_way(lag: float) -> None:
    """Pause before an answer, by the seconds for which the workflow's oldest execution has been due."""
    seconds = pause_for(lag)
    if seconds > 0 and _pause is not None:
        _pause(seconds)


def pause_for(lag: float) -> float:
    """Half of what is beyond patience, so that it settles and does not swing; never long, since nobody knows how patient a sender is."""
    return min(max(0.0, lag - PATIENCE_SECONDS) / 2, LONGEST_SECONDS)
