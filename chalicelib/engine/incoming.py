"""What comes in for one execution while a worker holds it: signals, by its inbox, and whether it is still held at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.engine.history import error_of
from chalicelib.engine.saves import Finish, LeaseLost
from chalicelib.engine.state import Key

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


class Incoming:
    """`seen` is the counter of signals up to which the inbox was read, `woken` are runs whose wait somebody has ended."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.seen = 0
        self.woken: set[Key] = set()

    @property
    def unread(self) -> bool:
        """Whether signals have come that were not read yet."""
        return self._burst.held.signals != self.seen

    async def read(self) -> None:
        """Read the inbox and act on it. Entries stay until the execution ends, and acting on one twice is harmless."""
        burst = self._burst
        counter = burst.held.signals
        for signal in await burst.tools.inbox(burst.state.execution_id):
            payload = signal.payload
            if signal.kind == "cancel":
                burst.course.finish = Finish("cancelled", error=error_of("cancelled", "the execution was cancelled"))
            elif signal.kind == "wake":
                self._woken_by(payload)
            elif signal.kind == "answer":
                burst.waits.answers[(payload["node_id"], payload.get("iteration", ""))] = payload
            elif signal.kind == "child":
                burst.children.on_signal(payload)
        self.seen = counter

    async def look_again(self) -> None:
        """Read where the execution stands. Raises LeaseLost when somebody else holds it."""
        found = await self._burst.tools.repository.standing(self._burst.state.execution_id)
        if found is None or found[0] != self._burst.held.epoch:
            raise LeaseLost(self._burst.state.execution_id)
        self._burst.held.signals = found[1]

    def _woken_by(self, payload: Mapping[str, Any]) -> None:
        """`wake` names a node and the attempt that waited; another attempt's wait is not its business."""
        run = self._burst.state.runs.get((payload["node_id"], payload.get("iteration", "")))
        if run is not None and run.waits and run.attempt == payload["attempt"]:
            self.woken.add(run.key)
