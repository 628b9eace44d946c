"""Nodes that wait for an answer or an event from outside, and the races between an answer and the end of the wait.

An answer may come before its node waits. When a wait's time is up, or a look back finds an event, the row is written by a save that lands only if every signal
was seen: so an answer that was accepted outside is never overtaken by a timeout that was decided without knowing of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import to_text
from chalicelib.core.expressions import compile_expression
from chalicelib.core.jsontext import dumps
from chalicelib.engine.events import as_seen, hears
from chalicelib.engine.scopes import pruned
from chalicelib.engine.state import Key, NodeRun
from chalicelib.registry.spec import TIMEOUT_PORT, Listen

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


LISTENING_TYPE = "wait.event"


class Waits:
    """`answers` came from outside, by the run they are for."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.answers: dict[Key, dict[str, Any]] = {}
        self._closing: deque[NodeRun] = deque()
        self._look_back = False  # a node began to wait for an event, or may have before its worker died

    @property
    def pending(self) -> bool:
        """Whether there is something that needs the database."""
        return bool(self._closing) or self._look_back

    def adopt(self) -> None:
        """An earlier worker may have died between letting a node wait for an event and looking back."""
        listening = [run for run in self._burst.state.runs.values() if run.type == LISTENING_TYPE]
        if listening:
            self._burst.course.links.listens = True
            self._look_back = any(run.waits for run in listening)

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
        """Let a node wait for an event, from the next save on. Raises Missing, before anything has changed."""
        course = self._burst.course
        frame = course.frame_of(run)
        scope = {}
        if wish.match is not None:
            scope = pruned(compile_expression(wish.match).branches, {**course.names, **frame.extra, "nodes": frame.values})
        course.links.listens = True
        course.links.waits.append(
            {
                "execution_id": course.state.execution_id,
                "node_id": run.node_id,
                "iteration": run.iteration,
                "workspace_id": course.state.workspace_id,
                "name": wish.name,
                "key": wish.key,
                "match": wish.match,
                "scope": dumps(scope),
                "since": to_text(wish.since),
                "ready_at": to_text(course.ready_at(frame, run.node_id)),
                "seed": course.seed_of(run.node_id, run.iteration),
            }
        )
        self._look_back = True

    async def run_errand(self) -> None:
        """Close one wait whose time is up, or look back for events that came before their nodes waited."""
        if not self._look_back:
            await self._close(self._closing.popleft(), TIMEOUT_PORT, None)
            return
        if self._burst.course.links.waits:
            await self._burst.saving.checkpoint()
        self._look_back = False
        heard: set[Key] = set()
        for row in await self._burst.tools.repository.events_before(self._burst.state.execution_id):
            key = (row["node_id"], row["iteration"])
            run = self._burst.state.runs.get(key)
            if run is None or not run.waits or key in heard:
                continue
            event = as_seen({**row, "name": row["event_name"], "key": row["event_key"]})
            if hears(row, event):
                heard.add(key)
                await self._close(run, "main", event)

    async def _close(self, run: NodeRun, port: str, output: Any) -> None:
        """End a wait that nothing from outside has ended so far; if something just has, that stands, and is read now."""
        if not run.waits:
            return
        burst = self._burst
        now = burst.tools.now()
        ended = replace(run, status="succeeded", port=port, output=output, finished_at=now, finished_seq=burst.state.next_seq())
        burst.course.dirty = False
        if await burst.saving.save(hold=True, closing=ended):
            run.port, run.output, run.finished_at, run.finished_seq = port, output, ended.finished_at, ended.finished_seq
            burst.course.ended(run, "succeeded", saved=True)
