"""Attempts at the nodes of one execution: begun, their outcomes taken, repeated after a failure, cut off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.definitions.graph import GraphNode
from chalicelib.engine import planner
from chalicelib.engine.course import Frame
from chalicelib.engine.history import error_of
from chalicelib.engine.nodes import Prepared, prepare, run_pure
from chalicelib.engine.repository import WORKER_LOST
from chalicelib.engine.retry import plan_retry
from chalicelib.engine.saves import Finish
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import CHILD_PORT, ENDED, Key, NodeRun
from chalicelib.registry.spec import TIMEOUT_PORT, ActionError, Done, End, Listen, Loop, Outcome, Sleep, Start, Wait

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


class Attempts:
    """`blocked` are runs that cannot be prepared before an output is loaded."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._course = burst.course
        self.blocked: list[Key] = []

    def begin(self, frame: Frame, node: GraphNode, before: NodeRun | None) -> None:
        """The next attempt of a node that is ready: computed at once when it is pure, put on the list of what to launch when it is an effect."""
        run = self._course.begin(frame, node, before)
        if node.join != "all" and before is None:
            self._drop_losers(frame)
        if node.disabled:
            self.outcome(run, Done(None))
        else:
            self.prepare(frame, node, run)

    def prepare(self, frame: Frame, node: GraphNode, run: NodeRun) -> None:
        """Fill in the config of an attempt that has begun, and go on with it."""
        try:
            prepared = prepare(self._course, frame, node, run, self._burst.tools.clients)
            if isinstance(prepared, ActionError):
                self.failed(run, prepared)
            elif not self._burst.turns.holds(prepared):
                self.go(prepared)
        except Missing as missing:
            self._course.wanted |= missing.keys
            self.blocked.append(run.key)

    def go(self, prepared: Prepared) -> None:
        """Launch an effect with the next ones; compute anything else now. Raises Missing."""
        if prepared.spec.effect == "effect" and not prepared.spec.coordinates:
            self._burst.effects.starting.append(prepared)
        else:
            self.outcome(prepared.run, run_pure(prepared))

    def retry_blocked(self) -> None:
        """What was put off waited for outputs that are here now: try again."""
        blocked, self.blocked = self.blocked, []
        for key in blocked:
            run = self._burst.state.runs.get(key)
            if run is not None and run.status == "running":
                frame = self._course.frame_of(run)
                self.prepare(frame, frame.graph.nodes[key[0]], run)

    def outcome(self, run: NodeRun, outcome: Outcome | ActionError) -> None:
        """What came of an attempt."""
        match outcome:
            case ActionError():
                self.failed(run, outcome)
            case Done(output, port):
                run.output, run.port = output, port
                self._course.ended(run, "succeeded")
            case Sleep(until, output):
                run.output, run.port = output, "main"
                self.lie_down(run, until)
            case Wait(until):
                run.port = TIMEOUT_PORT  # a run that waits for an answer says already how it ends without one
                self.lie_down(run, until)
            case Listen():
                self._burst.waits.listen(run, outcome)
                run.port = TIMEOUT_PORT
                self.lie_down(run, outcome.until)
            case Loop():
                self._burst.loops.open(run, outcome)
            case Start():
                self._burst.children.requests.append((run, outcome))
            case End(status, output, message):
                self._end_all(run, status, output, message)

    def lie_down(self, run: NodeRun, until: datetime | None) -> None:
        """Wait until an instant, or for somebody; `port` says what for."""
        run.wake_at = until
        run.move("waiting")
        self._course.touch(run)
        if until is not None and until <= self._burst.tools.now():
            self.wake_up(run)

    def _end_all(self, run: NodeRun, status: str, output: Any, message: str) -> None:
        """A node that ends the whole execution, of whatever loop it is part."""
        if status == "failed":
            run.error = error_of("failed", message, run.node_id)
            self._course.finish = Finish("failed", error=run.error if self._burst.state.part is None else {**run.error, "ends": True})
        else:
            run.output, run.port = output, "main"
            self._course.finish = Finish("succeeded", output=output if self._burst.state.part is None else {"end": output})
        self._course.ended(run, status)

    def failed(self, run: NodeRun, error: ActionError) -> None:
        """A failed attempt: another one later, or the error goes where `on_error` says."""
        node = self._course.node_of(run)
        run.output = error.output
        run.error = error_of(error.code, error.message, node.id, error.error_class)
        pause = None
        if node.delivery != "at_most_once":
            pause = plan_retry(node.retry, run.attempt - run.lost, error.error_class, error.retry_after, self._burst.tools.randomness())
        if pause is not None:
            self._retry_in(node, run, pause)
            return
        if node.on_error == "continue":
            run.port, run.output = "main", None
        elif node.on_error == "branch":
            run.port = "error"
        self._course.ended(run, "failed")
        if run.port is None:
            self._fail(self._course.frame_of(run), run.error)

    def _fail(self, frame: Frame, error: dict[str, Any]) -> None:
        """A node failed and nobody takes its error: its item fails, or else the execution."""
        if frame.loop is not None:
            self._burst.loops.item_failed(frame, error)
        elif self._burst.state.unwinding is None:
            self._course.finish = self._course.finish or Finish("failed", error=error)

    def _retry_in(self, node: GraphNode, run: NodeRun, seconds: float) -> None:
        """Let another attempt wait for its time. The end of this one, and that the other follows, are committed before it starts."""
        now = self._burst.tools.now()
        run.finished_at, run.finished_seq = now, self._burst.state.next_seq()
        run.move("failed")
        self._course.touch(run)
        following = NodeRun(node.id, node.type, run.attempt + 1, "waiting", run.iteration, started_seq=self._burst.state.next_seq())
        following.lost, following.first_started_at = run.lost, run.first_started_at
        following.wake_at = now + timedelta(seconds=seconds)
        self._burst.state.runs[run.key] = following
        self._course.touch(following)
        self._course.dirty = True  # or a worker that dies after the next attempt leaves two effects and one attempt

    def wake_up(self, run: NodeRun) -> None:
        """A wait is over: a delay is done, a back-off leads to the next attempt. One ended early is a fact that must be durable before anything uses it."""
        if run.port == TIMEOUT_PORT:
            self._burst.waits.time_up(run)
            return
        if run.key in self._burst.incoming.woken:
            self._burst.incoming.woken.discard(run.key)
            self._course.dirty = True
        node = self._course.node_of(run)
        if node.effect and run.port != CHILD_PORT:
            self.begin(self._course.frame_of(run), node, run)
        else:
            self._course.ended(run, "succeeded")

    def left_behind(self, run: NodeRun) -> None:
        """A run that a vanished worker had begun: it may have acted. History says so, whatever comes next."""
        frame, node = self._course.frame_of(run), self._course.node_of(run)
        run.lost += 1
        message = "the worker running this attempt vanished; the action may or may not have taken place"
        if node.delivery == "at_most_once":
            self.failed(run, ActionError("outcome_unknown", message + ", and is not repeated (delivery: at_most_once)"))
            return
        run.error = error_of(WORKER_LOST, message, node.id)
        run.finished_at, run.finished_seq = self._burst.tools.now(), self._burst.state.next_seq()
        run.move("failed")
        self._course.touch(run)
        self._course.dirty = True
        self.begin(frame, node, run)

    def cut(self, run: NodeRun) -> None:
        """End an open run as cancelled: what runs is stopped, what it waits for is told."""
        if run.status in ENDED:
            return
        self._burst.effects.drop(run)
        self._burst.children.cancel(run)
        self._burst.loops.abandon(run)
        self._course.ended(run, "cancelled")

    def _drop_losers(self, frame: Frame) -> None:
        """A join went on before all its edges were decided: what still runs only for it is cancelled."""
        for node_id in planner.useless(frame.graph, self._burst.state.runs, frame.iteration):
            run = self._burst.state.runs.get((node_id, frame.iteration))
            if run is not None:
                self.cut(run)
