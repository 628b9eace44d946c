"""Undoing: when an execution fails, the undo nodes of what succeeded run, the latest first.

That it undoes, and why, is durable before the first of them runs. An undo node that fails stops nothing; what became of each is in the execution's error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import to_text
from chalicelib.core.jsontext import dumps
from chalicelib.engine.course import Frame
from chalicelib.engine.saves import Finish
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import ENDED, Key, shown_iteration

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


@dataclass(frozen=True, slots=True)
class Step:
    """One node that succeeded, and the run that undoes it, in a frame of its own where the undo node has more than one use."""

    undone: Key
    undo: Key
    frame: Frame


class Undo:
    """Nothing, until the execution fails with something to undo."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._course = burst.course
        self._steps: list[Step] | None = None

    async def takes_over(self) -> bool:
        """Whether there is something to undo before the execution may fail. The failure is then remembered, and everything that still runs is cancelled."""
        finish, state = self._course.finish, self._burst.state
        if finish is None or finish.status != "failed" or state.unwinding is not None or state.part is not None:
            return False
        if not self._burst.graph.has_undo:
            return False
        await self._open_frames()
        if not self._any():
            return False
        for run in state.open_runs():
            self._burst.attempts.cut(run)
        self._course.candidates.clear()
        state.unwinding = {**(finish.error or {}), "failed_at": to_text(self._course.now())}
        self._course.links.mark = dumps(state.unwinding)
        self._course.finish = None
        self._course.dirty = True
        return True

    async def _open_frames(self) -> None:
        """Items of loops that ended before this worker took the execution up have no frames yet."""
        while True:
            try:
                self._burst.loops.open_for_undo()
                return
            except Missing as missing:
                self._course.wanted |= missing.keys
                await self._burst.load_outputs()

    def _any(self) -> bool:
        frames = self._course.frames
        return any(
            run.status == "succeeded" and run.iteration in frames and self._course.node_of(run).undo is not None
            for run in self._burst.state.runs.values()
        )

    def next(self) -> bool:
        """Begin the next undo node; end the execution when there is none. True when there may be more to decide at once, as after a node that is pure."""
        state = self._burst.state
        try:
            steps = self._planned()
        except Missing as missing:
            self._course.wanted |= missing.keys
            return False
        for step in steps:
            if step.undo not in state.runs:
                self._burst.attempts.begin(step.frame, step.frame.graph.nodes[step.undo[0]], None)
                return True
            if state.runs[step.undo].status not in ENDED:
                return False  # taken up just now
        if self._course.candidates:
            return True
        error = {**(state.unwinding or {}), "undo": [self._outcome(step) for step in steps]}
        self._course.finish = Finish("failed", error=error)
        return False

    def _outcome(self, step: Step) -> dict[str, Any]:
        run = self._burst.state.runs[step.undo]
        told = {"node_id": run.node_id, "undoes": step.undone[0], "status": run.status}
        if step.undone[1]:
            told["iteration"] = shown_iteration(step.undone[1]) or ""
        return {**told, "error": run.error} if run.error is not None else told

    def _planned(self) -> list[Step]:
        """Every step, the node that succeeded last first. Raises Missing."""
        if self._steps is None:
            self._burst.loops.open_for_undo()
            self._steps = [self._step(frame, node_id) for _, frame, node_id in sorted(self._undoable(), key=lambda found: -found[0])]
        return self._steps

    def _undoable(self) -> Iterator[tuple[int, Frame, str]]:
        """(finished_seq, frame, node) of what succeeded and has an undo, without what only undoes."""
        for run in list(self._burst.state.runs.values()):
            frame = self._course.frames.get(run.iteration)
            node = frame.graph.nodes.get(run.node_id) if frame is not None else None
            if frame is None or node is None or node.undo is None or node.disabled or run.status != "succeeded":
                continue
            if node.id not in frame.graph.off_path and run.finished_seq is not None:
                yield run.finished_seq, frame, node.id

    def _step(self, around: Frame, node_id: str) -> Step:
        graph = around.graph
        undo = graph.nodes[node_id].undo or ""
        frame = around
        if graph.nodes[undo].incoming or len(graph.undoes[undo]) > 1:
            iteration = f"{around.iteration}/undo:{node_id}" if around.iteration else f"undo:{node_id}"
            frame = Frame(graph, iteration, around.began, dict(around.values), around.extra, links=around.links)
            self._course.frames[iteration] = frame
            self._course.let_undo(frame)
            self._burst.adopt_frame(frame)
        self._course.let_undo(frame)
        followers = [other for other in graph.nodes if other in graph.off_path and graph.nodes[other].incoming]
        self._course.candidates.extend((other, frame.iteration) for other in followers)
        return Step((node_id, around.iteration), (undo, frame.iteration), frame)
