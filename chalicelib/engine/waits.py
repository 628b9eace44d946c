"""Nodes that wait for an answer or an event from outside, and the races between an answer and the end of the wait.

An answer may come before its node waits. When a wait's time is up, or a look back finds an event, the row is written by a save that lands only if every signal
was seen: so an answer that was accepted outside is never overtaken by a timeout that was decided without knowing of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.engine.state import Key, NodeRun
from chalicelib.registry.spec import TIMEOUT_PORT, Listen

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


class Waits:
    """`answers` came from outside, by the run they are for."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.answers: dict[Key, dict[str, Any]] = {}
        self._closing: deque[NodeRun] = deque()

    @property
    def pending(self) -> bool:
        """Whether there is something that needs the database."""
        return bool(self._closing)

    def take_answers(self) -> None:
        """End the nodes whose answer has come. It is kept until the execution ends, but only a commit makes the moment it was taken durable."""
        if not self.answers:
            return
        for key in list(self.answers):
            run = self._burst.state.runs.get(key)
            if run is not None and run.waits and run.port == TIMEOUT_PORT and run.iteration in self._burst.course.frames:
                answer = self.answers.pop(key)
                run.output, run.port, run.wake_at = answer["output"], answer["port"], self._burst.tools.now()
                self._burst.course.dirty = True
                self._burst.course.ended(run, "succeeded")

    def time_up(self, run: NodeRun) -> None:
        """Nothing came in time."""
        if run not in self._closing:
            self._closing.append(run)

    def listen(self, run: NodeRun, wish: Listen) -> None:
        """Begin to wait for an event."""
        raise NotImplementedError

    async def run_errand(self) -> None:
        """Close one wait."""
        await self._close(self._closing.popleft(), TIMEOUT_PORT, None)

    async def _close(self, run: NodeRun, port: str, output: Any) -> None:
        """End a wait that nothing from outside has ended so far; if something just has, that stands, and is read now."""
        if not run.waits:
            return
        burst = self._burst
        now = burst.tools.now()
        ended = replace(run, status="succeeded", port=port, output=output, finished_at=now, finished_seq=burst.state.next_seq())
        burst.course.dirty = False
        if await burst.save(hold=True, closing=ended):
            run.port, run.output, run.finished_at, run.finished_seq = port, output, ended.finished_at, ended.finished_seq
            burst.course.ended(run, "succeeded", saved=True)
