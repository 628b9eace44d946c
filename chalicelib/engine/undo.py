"""Undoing: when an execution fails, the undo nodes of what succeeded run, the latest first.

That it undoes, and why, is durable before the first of them runs. An undo node that fails stops nothing; what became of each is in the execution's error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.course import Frame
from chalicelib.engine.state import Key

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


@dataclass(frozen=True, slots=True)
class Step:
    """One node that succeeded, and what undoes it."""

    undone: Key
    frame: Frame
    undo: Key


class Undo:
    """Nothing, until the execution fails with something to undo."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._steps: list[Step] | None = None

    def takes_over(self) -> bool:
        """Whether there is something to undo before the execution may fail. The failure is then remembered, and everything that still runs is cancelled."""
        return False

    def adopt(self) -> None:
        """Take up undoing where an earlier worker left off."""

    def next(self) -> None:
        """Begin the next undo node; end the execution when there is none."""
