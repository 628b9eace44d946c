"""Loops: a body of nodes run once for each item, a bounded number at a time, the outputs kept in order.

Up to INLINE_ITEMS items run in the execution itself, each in a frame of its own. More are run by hidden executions (parts.py).

An item begins when the loop does, or at the logical end of the item that made room for it: facts that the rows hold, so that what `now()` gives in a body, and
when a delay in it ends, is the same after a crash.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import ExpressionError
from chalicelib.definitions.graph import Graph, GraphNode
from chalicelib.engine import open_loop
from chalicelib.engine.course import Frame
from chalicelib.engine.history import error_of
from chalicelib.engine.nodes import prepare, run_pure
from chalicelib.engine.open_loop import Open
from chalicelib.engine.parts import Parts
from chalicelib.engine.saves import Finish
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import ENDED, Key, NodeRun, item_iteration
from chalicelib.registry.spec import ActionError, Done, Loop

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst

MAX_ERRORS_TOLD = 100


class Loops:
    """The loops of one execution. `resumed` are runs of loops that an earlier worker began."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._course = burst.course
        self._open: dict[Key, Open] = {}
        self._part: Open | None = None  # this execution is a part of another's loop
        self.resumed: set[Key] = set()
        self.parts = Parts(burst)

    # -- beginning -----------------------------------------------------------------------------------------------------------------

    def open(self, run: NodeRun, wish: Loop) -> None:
        """Begin, or take up again, a loop."""
        frame, node = self._course.frame_of(run), self._course.node_of(run)
        assert node.body is not None
        self._course.touch(run)
        inline = open_loop.INLINE_ITEMS_WITH_UNDO if node.body.has_undo else open_loop.INLINE_ITEMS
        loop = Open(run.key, node, frame, wish, 0, self._course.ready_at(frame, node.id))
        if len(wish.items) <= inline:
            self.resumed.discard(run.key)
            self._open[run.key] = loop
            self._begin_items(loop)
        elif node.body.has_undo:
            message = f"a loop whose body has undo takes at most {inline} items, this one was given {len(wish.items)}"
            self._burst.attempts.failed(run, ActionError("too_many_items", message))
        else:
            self._open[run.key] = loop
            self.parts.open(loop)

    def adopt_part(self) -> None:
        """This execution runs some items of its parent's loop: take them up."""
        state = self._burst.state
        graph = self._burst.graph
        for step in state.parent_iteration.split("/") if state.parent_iteration else ():
            graph = _body(graph, step.rpartition(":")[0])
        node = graph.nodes[state.parent_node or ""]
        around = Frame(graph, state.parent_iteration, state.started_at, dict(state.input["scope"].get("nodes", {})))
        wish = Loop(state.input["items"], state.input["max_parallel"], state.input["go_on"])
        self._part = Open((node.id, state.parent_iteration), node, around, wish, state.part or 0, state.started_at)
        self._begin_items(self._part)

    def open_for_undo(self) -> None:
        """See to it that every item that has begun has a frame, of loops whose bodies have something to undo. Raises Missing."""
        pending = list(self._course.frames.values())
        while pending:
            frame = pending.pop()
            for node in frame.graph.nodes.values():
                run = self._burst.state.runs.get((node.id, frame.iteration))
                if node.body is not None and node.body.has_undo and run is not None and not node.disabled:
                    pending += self._item_frames(frame, node, run)

    def _item_frames(self, frame: Frame, node: GraphNode, run: NodeRun) -> list[Frame]:
        prepared = prepare(self._course, frame, node, replace(run), {})
        wish = None if isinstance(prepared, ActionError) else run_pure(prepared)
        if not isinstance(wish, Loop):
            return []
        loop = Open(run.key, node, frame, wish, 0, self._course.ready_at(frame, node.id))
        iterations = {iteration for _, iteration in self._burst.state.runs}
        begun = [place for place in range(len(wish.items)) if loop.iteration(place) in iterations]
        for place in begun:
            if loop.iteration(place) not in self._course.frames:
                self._burst.adopt_frame(self._open_item(loop, place))
        return [self._course.frames[loop.iteration(place)] for place in begun]

    def _begin_items(self, loop: Open) -> None:
        """Items that an earlier worker brought to their end come first, in the order in which they ended; then those it had begun; then new ones."""
        finished: list[tuple[int, int]] = []
        runs = self._burst.state.runs
        iterations = {iteration for _, iteration in runs} if runs else set()
        loop.known = {place for place in range(len(loop.wish.items)) if loop.iteration(place) in iterations}
        for place in loop.known:
            seq = self._finished_seq(loop, place)
            if seq is not None:
                finished.append((seq, place))
        for _, place in sorted(finished):
            if self._goes_on(loop):
                self._item_over(self._open_item(loop, place))
        for place in sorted(loop.known - {place for _, place in finished}):
            if self._goes_on(loop):
                self._burst.adopt_frame(self._open_item(loop, place))
        loop.gathering = False
        if self._goes_on(loop):
            self._fill(loop)

    def _goes_on(self, loop: Open) -> bool:
        return self._course.finish is None and (self._part is loop or self._open.get(loop.key) is loop)

    def _finished_seq(self, loop: Open, place: int) -> int | None:
        """When an item ended, if the rows say that it did: every node decided, or one failed with nobody to take its error."""
        assert loop.node.body is not None
        runs = [self._burst.state.runs.get((node_id, loop.iteration(place))) for node_id in loop.node.body.nodes]
        there = [run for run in runs if run is not None]
        if any(run.status not in ENDED or not run.final for run in there):
            return None
        fatal = any(run.status == "failed" and run.port is None for run in there)
        if len(there) < len(runs) - len(loop.node.body.off_path) and not fatal:
            return None
        return max(run.finished_seq or 0 for run in there)

    def _open_item(self, loop: Open, place: int) -> Frame:
        body, width = loop.node.body, loop.wish.max_parallel
        assert body is not None
        began = loop.began if place < width or place - width >= len(loop.ends) else max(loop.began, loop.ends[place - width])
        extra = {**loop.around.extra, "item": loop.wish.items[place], "index": loop.first + place}
        loop.active.add(place)
        iteration = loop.iteration(place)
        return self._course.open_frame(body, iteration, began, around=loop.around, extra=extra, loop=loop.key, place=place)

    def _fill(self, loop: Open) -> None:
        """Begin further items while there is room; end the loop when none is left."""
        if loop.gathering:
            return
        while len(loop.active) < loop.wish.max_parallel and loop.begun < len(loop.wish.items):
            place, loop.begun = loop.begun, loop.begun + 1
            if place not in loop.known:
                frame = self._open_item(loop, place)
                self._course.candidates.extend((node_id, frame.iteration) for node_id in frame.graph.roots)
        if not loop.active and loop.begun == len(loop.wish.items):
            self._over(loop)

    # -- items that end ------------------------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """End the items in which nothing is open any more; whether that made something else ready."""
        stirred, self._course.stirred = self._course.stirred, {}
        moved = False
        for iteration in stirred:
            frame = self._course.frames.get(iteration)
            if frame is not None and frame.loop is not None and not self._course.has_open(frame):
                moved = self._item_over(frame) or moved
        return moved

    def _item_over(self, frame: Frame) -> bool:
        """Nothing in an item is open any more. False when its output needs what is not loaded; that is asked for, and this comes again."""
        loop = self._loop_of(frame)
        if loop is None or frame.place not in loop.active:
            return False
        if frame.place not in loop.errors:
            fatal = next((run for run in self._runs_in(frame) if run.status == "failed" and run.port is None), None)
            if fatal is not None and fatal.error is not None:
                self.item_failed(frame, fatal.error)
                return True
        if frame.place not in loop.counted:
            loop.counted.add(frame.place)
            loop.ends.append(self._course.ended_at(frame))
        try:
            self._harvest(loop, frame)
        except Missing as missing:
            self._course.wanted |= missing.keys
            self._course.stirred[frame.iteration] = None
            return False
        if self._loop_of(frame) is loop:
            loop.active.discard(frame.place)
            self._fill(loop)
        return True

    def _harvest(self, loop: Open, frame: Frame) -> None:
        if frame.place in loop.errors:
            return
        try:
            seed = self._course.seed_of(loop.node.id, frame.iteration)
            loop.outputs[frame.place] = self._burst.frame_output(frame, seed)
        except ExpressionError as error:
            self.item_failed(frame, error_of(error.code, f"the body's output: {error.detail}", loop.node.id))

    def item_failed(self, frame: Frame, error: dict[str, Any]) -> None:
        """Something in an item failed and nobody takes the error: the item is over, and without `continue` the loop too."""
        loop = self._loop_of(frame)
        if loop is None or frame.place in loop.errors:
            return
        loop.errors[frame.place] = error
        if not loop.wish.go_on:
            self._fail(loop, frame.place, error)
            return
        self._cut_below(frame.iteration)
        for run in self._runs_in(frame):
            self._burst.attempts.cut(run)
        self._course.stirred[frame.iteration] = None

    def _runs_in(self, frame: Frame) -> list[NodeRun]:
        runs = (self._burst.state.runs.get((node_id, frame.iteration)) for node_id in frame.graph.nodes)
        return [run for run in runs if run is not None]

    def is_open(self, loop: Open) -> bool:
        """Whether it is still under way."""
        return self._open.get(loop.key) is loop

    def at(self, key: Key) -> Open | None:
        """The loop that this run is, if it is under way."""
        return self._open.get(key)

    def _loop_of(self, frame: Frame) -> Open | None:
        if self._part is not None and frame.loop == self._part.key:
            return self._part
        return self._open.get(frame.loop) if frame.loop is not None else None

    # -- the end of a loop ---------------------------------------------------------------------------------------------------------

    def _over(self, loop: Open) -> None:
        """Every item has ended."""
        outputs = [loop.outputs.get(place) for place in range(len(loop.wish.items))]
        errors = {loop.first + place: error for place, error in sorted(loop.errors.items())}
        if loop is self._part:
            told = [{**error, "index": index} for index, error in errors.items()]
            self._course.finish = Finish("succeeded", output={"outputs": outputs, "errors": told})
            return
        self.succeed(loop, outputs, [{**error, "index": index} for index, error in errors.items()])

    def succeed(self, loop: Open, outputs: list[Any], errors: list[dict[str, Any]]) -> None:
        """All items have ended: the outputs, in order, are the loop's."""
        del self._open[loop.key]
        run = self._burst.state.runs[loop.key]
        if errors:
            message = f"{len(errors)} of {len(outputs)} items failed; their outputs are null"
            run.error = {**error_of("items_failed", message, loop.node.id), "items": errors[:MAX_ERRORS_TOLD]}
        self._burst.attempts.outcome(run, Done(outputs))

    def _fail(self, loop: Open, place: int, error: dict[str, Any]) -> None:
        """An item failed, and with it the loop: the others are cancelled."""
        told = {**error, "message": f"item {loop.first + place}: {error['message']}"}
        if loop is self._part:
            for run in self._burst.state.open_runs():
                self._burst.attempts.cut(run)
            self._course.finish = Finish("failed", error=told)
            return
        run = self._burst.state.runs[loop.key]
        self.abandon(run)
        self._burst.attempts.failed(run, ActionError(told["code"], told["message"], output={"index": loop.first + place, "node_id": error.get("node_id")}))

    def abandon(self, run: NodeRun) -> None:
        """Stop a loop: what runs in it is cancelled."""
        loop = self._open.pop(run.key, None)
        if run.key in self.resumed:
            self.resumed.discard(run.key)
            self.parts.orphaned.add(run.key)
        if loop is None:
            return
        prefix = item_iteration(loop.key[1], loop.node.id, 0).rpartition(":")[0] + ":"
        for inner in [inner for inner in self._burst.state.open_runs() if inner.iteration.startswith(prefix)]:
            self._burst.attempts.cut(inner)
        self.parts.abandon(loop)

    def _cut_below(self, iteration: str) -> None:
        """Cancel what runs in loops within an item."""
        for run in [run for run in self._burst.state.open_runs() if run.iteration.startswith(iteration + "/")]:
            self._burst.attempts.cut(run)


def _body(graph: Graph, node_id: str) -> Graph:
    body = graph.nodes[node_id].body
    assert body is not None
    return body
