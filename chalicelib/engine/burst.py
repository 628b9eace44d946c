"""A burst: one worker carries one execution as far as it goes, until it ends or only waits.

What is committed when: the result of an effect is committed before any effect that may depend on it starts, and before the worker waits for anything. Pure
nodes cost no commit of their own: their results ride with the next one, and after a crash are computed again with the same outcome. No transaction and no
lock is held while an action runs.

The mechanisms have modules of their own: effects.py, loops.py, children.py, waits.py, undo.py. What needs the database before the burst can go on (an output
to load, a workflow to look up) is an errand, run by the loop between two rounds of deciding.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.definitions.graph import Graph, GraphNode
from chalicelib.engine import planner
from chalicelib.engine.admission import Admission
from chalicelib.engine.children import Children
from chalicelib.engine.course import Course, Frame
from chalicelib.engine.effects import Effects
from chalicelib.engine.held import Held
from chalicelib.engine.history import error_of, run_row
from chalicelib.engine.loops import Loops
from chalicelib.engine.nodes import Prepared, prepare, run_pure
from chalicelib.engine.repository import WORKER_LOST, EngineRepository, Signal
from chalicelib.engine.retry import plan_retry
from chalicelib.engine.saves import Finish, Flusher, LeaseLost, Links, PersistFailed, Save
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import CHILD_PORT, ENDED, ExecutionState, Key, NodeRun
from chalicelib.engine.undo import Undo
from chalicelib.engine.waits import Waits
from chalicelib.registry.catalogue import ActionCatalogue
from chalicelib.registry.spec import TIMEOUT_PORT, ActionError, Done, End, Listen, Loop, Outcome, Sleep, Start, Wait

MAX_RECOVERIES = 5
MAX_NODE_RUNS = 100_000
MAX_OUTPUT_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Tools:
    """What a burst needs of its worker. `now` is the database's clock, never ahead of it."""

    catalogue: ActionCatalogue
    flusher: Flusher
    now: Callable[[], datetime]
    inbox: Callable[[str], Awaitable[list[Signal]]]
    extend: Callable[[Held, float], None]
    has_time_for: Callable[[float], bool]
    clients: Mapping[str, Any]
    repository: EngineRepository
    randomness: Callable[[], float] = random.random


class Burst:
    """Runs one execution. After `run` returns, `finish` says how it ended; None: it waits, until `next_at`."""

    def __init__(self, held: Held, graph: Graph, state: ExecutionState, tools: Tools) -> None:
        self.held, self.graph, self.state, self.tools = held, graph, state, tools
        self.course = Course(graph, state, tools.catalogue, tools.now)
        self.effects = Effects(self)
        self.loops = Loops(self)
        self.children = Children(self)
        self.waits = Waits(self)
        self.undo = Undo(self)
        self.admission = Admission(self)
        self.next_at: datetime | None = None
        self.seen = 0
        self._blocked: list[Key] = []  # runs that could not be prepared before an output is loaded
        self._woken: set[Key] = set()
        self._stopping = self._cut = False

    @property
    def finish(self) -> Finish | None:
        """How the execution ends; None while it goes on."""
        return self.course.finish

    @property
    def interrupted(self) -> bool:
        """Whether it was let go before its time, so that what is in memory is not what the rows say."""
        return self._stopping

    # -- the loop ------------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on until the execution ends or only waits. Raises LeaseLost; cancelled when the lease runs out."""
        try:
            if not await self._adopt():
                return
            while not await self._round():
                pass
        except PersistFailed as error:
            await self._give_up(error)
        finally:
            await self.effects.cancel_all()

    async def _round(self) -> bool:
        """Decide what can be decided, then do the one thing that comes next. True when the execution has ended or was let go."""
        self._settle()
        if self.finish is None and await self._errand():
            return False
        if self.finish is not None:
            return not await self.undo.takes_over() and await self._end()
        if self.effects.starting:
            self.effects.before_launch()
            if self.course.dirty:
                await self.checkpoint()
                return False
            self._stopping = not self.effects.launch(self._stopping) or self._stopping
        if not self.effects.tasks:
            return await self._park()
        if self.course.dirty:
            await self.checkpoint()
            return False
        await self._wait()
        return False

    def stop(self, *, cut: bool = False) -> None:
        """Ask to let go: no further effect starts, and when those running have ended the execution is due again at once. With `cut` they are cut off,
        which history then says."""
        self._stopping = True
        self._cut = cut
        self.held.nudged.set()

    async def _adopt(self) -> bool:
        """Take up where the rows left off: what a lost worker had begun, attempts that failed and have a next one, signals. False when it may not run yet."""
        if self.held.claim.recoveries > MAX_RECOVERIES:
            message = f"{MAX_RECOVERIES} workers in a row died or lost their lease while running this execution; see the logs of the workers"
            self.course.finish = Finish("failed", error=error_of("engine.crash_loop", message))
        if not await self.admission.enter():
            return False
        if self.finish is not None:
            return True
        if self.state.part is not None:
            self.loops.adopt_part()
        else:
            self.adopt_frame(self.course.open_frame(self.graph, "", self.state.started_at))
        self.waits.adopt()
        if self.held.signals:
            await self.read_signals()
        return True

    def adopt_frame(self, frame: Frame) -> None:
        """Take up what has begun in a frame, and look at all that has not."""
        for node_id, node in frame.graph.nodes.items():
            run = self.state.runs.get((node_id, frame.iteration))
            if run is None:
                continue
            if run.status == "running" and node.body is not None:
                self.loops.resumed.add(run.key)
                self._prepare(frame, node, run)
            elif run.status == "running":
                self.left_behind(run)
            elif run.status == "failed" and not run.final:
                self.begin(frame, node, run)
        if self.state.unwinding is None:
            self.course.candidates.extend((node_id, frame.iteration) for node_id in planner.frontier(frame.graph, self.state, frame.iteration))
        self.course.stirred[frame.iteration] = None

    def _settle(self) -> None:
        """Everything that needs no waiting: timers that are due, nodes that are ready, skipped or pure. May decide how the execution ends."""
        course = self.course
        if self.finish is not None or self._over_budget():
            return
        self.waits.take_answers()
        for run in self._due(self.tools.now()):
            self._wake_up(run)
        while self.finish is None:
            while course.candidates and self.finish is None:
                self._decide(*course.candidates.popleft())
                self.waits.take_answers()
            if self.finish is not None or not self.loops.advance():
                break
        idle = not self.effects.busy and not self._blocked and not self.children.requests
        if self.finish is None and idle and self.state.part is None and not self.state.open_runs():
            if self.state.unwinding is not None:
                self.undo.next()
            else:
                self._succeed()

    def _over_budget(self) -> bool:
        """Whether a limit that no execution may pass has ended this one."""
        state = self.state
        if self.tools.now() >= planner.deadline(self.graph, state):
            seconds = self.graph.settings.timeout_seconds or planner.MAX_EXECUTION_SECONDS
            message = f"the execution took longer than its {seconds:g} seconds"
            self.course.finish = Finish("failed", error=error_of("execution_timeout", message))
        elif state.unwinding is None and state.seq // 2 + state.spent > MAX_NODE_RUNS:
            message = f"an execution may have at most {MAX_NODE_RUNS} node runs, those of its loops' items included"
            self.course.finish = Finish("failed", error=error_of("budget_exceeded", message))
        elif state.unwinding is None and state.bytes > MAX_OUTPUT_BYTES:
            message = f"the outputs of an execution may have at most {MAX_OUTPUT_BYTES // 1024**2} MB together"
            self.course.finish = Finish("failed", error=error_of("budget_exceeded", message))
        return self.finish is not None

    def _due(self, now: datetime) -> list[NodeRun]:
        """Waits that are over, by a signal or by the time; those in a loop that is not taken up again yet must be patient."""
        woken = [run for run in self.state.open_runs() if run.waits and run.key in self._woken] if self._woken else []
        found = [*woken, *(run for run in planner.due(self.state, now) if run not in woken)]
        return [run for run in found if run.iteration in self.course.frames]

    def _decide(self, node_id: str, iteration: str) -> None:
        frame = self.course.frames.get(iteration)
        if frame is None or (node_id, iteration) in self.state.runs:
            return
        node = frame.graph.nodes[node_id]
        fate = planner.node_fate(node, self.state.runs, iteration)
        if fate is planner.Fate.READY:
            if frame.graph.races and node_id in planner.useless(frame.graph, self.state.runs, iteration):
                self.course.skip(frame, node)
            else:
                self.begin(frame, node, None)
        elif fate is planner.Fate.SKIPPED:
            self.course.skip(frame, node)

    async def _errand(self) -> bool:
        """One thing that needs the database before the burst can go on; False when there is none."""
        if self.course.wanted:
            await self.load_outputs()
        elif self.children.requests:
            await self.children.resolve()
        elif self.children.ended:
            await self.children.collect()
        elif self.loops.errands or self.loops.orphaned:
            await self.loops.run_errand()
        elif self.waits.pending:
            await self.waits.run_errand()
        else:
            return False
        return True

    async def load_outputs(self) -> None:
        """Load what expressions have asked for, and try again what was put off."""
        wanted, self.course.wanted = self.course.wanted, set()
        for key in wanted:
            run = self.state.runs[key]
            self.course.load(key, await self.tools.repository.output(self.state.execution_id, key, run.attempt))
        blocked, self._blocked = self._blocked, []
        for key in blocked:
            held_up = self.state.runs.get(key)
            if held_up is not None and held_up.status == "running":
                frame = self.course.frame_of(held_up)
                self._prepare(frame, frame.graph.nodes[key[0]], held_up)

    # -- beginning and ending a node -----------------------------------------------------------------------------------------------

    def begin(self, frame: Frame, node: GraphNode, before: NodeRun | None) -> None:
        """The next attempt of a node that is ready: computed at once when it is pure, put on the list of what to launch when it is an effect."""
        run = self.course.begin(frame, node, before)
        if node.join != "all" and before is None:
            self._drop_losers(frame)
        if node.disabled:
            self.outcome(run, Done(None))
        else:
            self._prepare(frame, node, run)

    def _prepare(self, frame: Frame, node: GraphNode, run: NodeRun) -> None:
        try:
            prepared = prepare(self.course, frame, node, run, self.tools.clients)
            if isinstance(prepared, ActionError):
                self.failed(run, prepared)
            elif prepared.spec.effect == "effect" and not prepared.spec.coordinates:
                self.effects.starting.append(prepared)
            else:
                self.outcome(run, run_pure(prepared))
        except Missing as missing:
            self.course.wanted |= missing.keys
            self._blocked.append(run.key)

    def outcome(self, run: NodeRun, outcome: Outcome | ActionError) -> None:
        """What came of an attempt."""
        match outcome:
            case ActionError():
                self.failed(run, outcome)
            case Done(output, port):
                run.output, run.port = output, port
                self.course.ended(run, "succeeded")
            case Sleep(until, output):
                run.output, run.port = output, "main"
                self._lie_down(run, until)
            case Wait(until):
                run.port = TIMEOUT_PORT  # a run that waits for an answer says already how it ends without one
                self._lie_down(run, until)
            case Listen():
                self.waits.listen(run, outcome)
                run.port = TIMEOUT_PORT
                self._lie_down(run, outcome.until)
            case Loop():
                self.loops.open(run, outcome)
            case Start():
                self.children.requests.append((run, outcome))
            case End(status, output, message):
                self._end_all(run, status, output, message)

    def _lie_down(self, run: NodeRun, until: datetime | None) -> None:
        run.wake_at = until
        run.move("waiting")
        self.course.touch(run)
        if until is not None and until <= self.tools.now():
            self._wake_up(run)

    def _end_all(self, run: NodeRun, status: str, output: Any, message: str) -> None:
        """A node that ends the whole execution, of whatever loop it is part."""
        if status == "failed":
            run.error = error_of("failed", message, run.node_id)
            self.course.finish = Finish("failed", error=run.error if self.state.part is None else {**run.error, "ends": True})
        else:
            run.output, run.port = output, "main"
            self.course.finish = Finish("succeeded", output=output if self.state.part is None else {"end": output})
        self.course.ended(run, status)

    def failed(self, run: NodeRun, error: ActionError) -> None:
        """A failed attempt: another one later, or the error goes where `on_error` says."""
        node = self.course.node_of(run)
        run.output = error.output
        run.error = error_of(error.code, error.message, node.id, error.error_class)
        pause = None
        if node.delivery != "at_most_once":
            pause = plan_retry(node.retry, run.attempt - run.lost, error.error_class, error.retry_after, self.tools.randomness())
        if pause is not None:
            self._retry_in(node, run, pause)
            return
        if node.on_error == "continue":
            run.port, run.output = "main", None
        elif node.on_error == "branch":
            run.port = "error"
        self.course.ended(run, "failed")
        if run.port is None:
            self._fail(self.course.frame_of(run), run.error)

    def _fail(self, frame: Frame, error: dict[str, Any]) -> None:
        """A node failed and nobody takes its error: its item fails, or else the execution."""
        if frame.loop is not None:
            self.loops.item_failed(frame, error)
        elif self.state.unwinding is None:
            self.course.finish = self.finish or Finish("failed", error=error)

    def _retry_in(self, node: GraphNode, run: NodeRun, seconds: float) -> None:
        now = self.tools.now()
        run.finished_at, run.finished_seq = now, self.state.next_seq()
        run.move("failed")
        self.course.touch(run)
        following = NodeRun(node.id, node.type, run.attempt + 1, "waiting", run.iteration, started_seq=self.state.next_seq())
        following.lost, following.first_started_at = run.lost, run.first_started_at
        following.wake_at = now + timedelta(seconds=seconds)
        self.state.runs[run.key] = following
        self.course.touch(following)

    def _wake_up(self, run: NodeRun) -> None:
        """A wait is over: a delay is done, a back-off leads to the next attempt. One ended early is a fact that must be durable before anything uses it."""
        if run.port == TIMEOUT_PORT:
            self.waits.time_up(run)
            return
        if run.key in self._woken:
            self._woken.discard(run.key)
            self.course.dirty = True
        node = self.course.node_of(run)
        if node.effect and run.port != CHILD_PORT:
            self.begin(self.course.frame_of(run), node, run)
        else:
            self.course.ended(run, "succeeded")

    def left_behind(self, run: NodeRun) -> None:
        """A run that a vanished worker had begun: it may have acted. History says so, whatever comes next."""
        frame, node = self.course.frame_of(run), self.course.node_of(run)
        run.lost += 1
        message = "the worker running this attempt vanished; the action may or may not have taken place"
        if node.delivery == "at_most_once":
            self.failed(run, ActionError("outcome_unknown", message + ", and is not repeated (delivery: at_most_once)"))
            return
        run.error = error_of(WORKER_LOST, message, node.id)
        run.finished_at, run.finished_seq = self.tools.now(), self.state.next_seq()
        run.move("failed")
        self.course.touch(run)
        self.course.dirty = True
        self.begin(frame, node, run)

    def cut(self, run: NodeRun) -> None:
        """End an open run as cancelled: what runs is stopped, what it waits for is told."""
        if run.status in ENDED:
            return
        self.effects.drop(run)
        self.children.cancel(run)
        self.loops.abandon(run)
        self.course.ended(run, "cancelled")

    def _drop_losers(self, frame: Frame) -> None:
        """A join went on before all its edges were decided: what still runs only for it is cancelled."""
        for node_id in planner.useless(frame.graph, self.state.runs, frame.iteration):
            run = self.state.runs.get((node_id, frame.iteration))
            if run is not None:
                self.cut(run)

    # -- waiting and signals -------------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until an effect ends, a timer is due, a signal came, or it is time to show what is running."""
        await self.effects.wait((planner.next_wake(self.graph, self.state) - self.tools.now()).total_seconds())
        if self._cut:
            await self.effects.cut_off()
        if self.held.signals != self.seen:
            await self.read_signals()
        self.effects.show_running()

    async def read_signals(self) -> None:
        """Read the inbox and act on it. Entries stay until the execution ends, and acting on one twice is harmless."""
        counter = self.held.signals
        for signal in await self.tools.inbox(self.state.execution_id):
            payload = signal.payload
            if signal.kind == "cancel":
                self.course.finish = Finish("cancelled", error=error_of("cancelled", "the execution was cancelled"))
            elif signal.kind == "wake":
                self._woken_by(payload)
            elif signal.kind == "answer":
                self.waits.answers[(payload["node_id"], payload.get("iteration", ""))] = payload
            elif signal.kind == "child":
                self.children.on_signal(payload)
        self.seen = counter

    async def look_again(self) -> None:
        """Read where the execution stands. Raises LeaseLost when somebody else holds it."""
        found = await self.tools.repository.standing(self.state.execution_id)
        if found is None or found[0] != self.held.epoch:
            raise LeaseLost(self.state.execution_id)
        self.held.signals = found[1]

    def _woken_by(self, payload: Mapping[str, Any]) -> None:
        """`wake` names a node and the attempt that waited; another attempt's wait is not its business."""
        run = self.state.runs.get((payload["node_id"], payload.get("iteration", "")))
        if run is not None and run.waits and run.attempt == payload["attempt"]:
            self._woken.add(run.key)

    # -- saving --------------------------------------------------------------------------------------------------------------------

    async def checkpoint(self) -> None:
        """Make everything so far durable and keep the lease."""
        self.course.dirty = False
        await self.save(hold=True)

    async def _park(self) -> bool:
        """Nothing runs: save, and give the lease back until the next timer."""
        now = self.tools.now()
        self.next_at = now if self._stopping else planner.next_wake(self.graph, self.state)
        await self.save(hold=False, next_at=self.next_at)
        return True

    async def _end(self) -> bool:
        """End the execution; False when a signal came in between and must be read first."""
        self.effects.collect()
        await self.effects.cancel_all()
        for run in self.state.open_runs():
            self.cut(run)
        await self.loops.find_orphans()
        assert self.finish is not None
        ending = await self.children.at_the_end(self.finish)
        if not await self.save(hold=False, finish=self.finish, ending=ending):
            await self.read_signals()
            return False
        return True

    async def save(
        self,
        *,
        hold: bool,
        next_at: datetime | None = None,
        finish: Finish | None = None,
        ending: Links | None = None,
        closing: NodeRun | None = None,
    ) -> bool:
        """Write what has changed. With `closing`, a run that an answer from outside could still end otherwise, it lands only if every signal was seen; a save
        that ends the execution always does so. Returns whether it landed."""
        course = self.course
        touched, course.touched = course.touched, {}
        links, course.links = course.links, Links(listens=course.links.listens)
        sent_at = time.monotonic()
        save = Save(
            self.state.execution_id,
            self.held.epoch,
            self.seen,
            hold,
            next_at,
            finish,
            last_seq=self.state.next_seq() if finish else 0,
            started_at=self.state.started_at,
            runs=[run_row(self.state, run) for run in touched.values()],
            strict=closing is not None,
            links=links.with_more(ending) or None,
            slot=self._slot if finish else None,
        )
        if closing is not None:
            save.runs.append(run_row(self.state, closing))
        self.held.saving = True
        try:
            result = await self.tools.flusher.save(save)
        finally:
            self.held.saving = False
        self.held.epoch, self.held.signals = result.epoch, result.signals
        if not result.landed:
            course.touched = {**touched, **course.touched}
            course.links = links.with_more(course.links)
        elif hold:
            self.tools.extend(self.held, sent_at)
        if hold and result.signals != self.seen:
            await self.read_signals()
        return result.landed

    @property
    def _slot(self) -> tuple[str, str] | None:
        place = self.admission.place
        return None if place is None else (place.workflow_id, place.key)

    async def _give_up(self, error: PersistFailed) -> None:
        """History cannot be written as it is: end the execution with that said, and nothing else."""
        message = f"the execution's history could not be stored: {error}"
        self.course.finish = Finish("failed", error=error_of("engine.persist_failed", message))
        self.course.touched, self.course.links = {}, Links()
        await self.save(hold=False, finish=self.finish, ending=self.children.report(self.course.finish))

    def _succeed(self) -> None:
        """The end is reached: the execution's output is what the definition's `output` gives, else each succeeded end node's output by id."""
        frame = self.course.frames[""]
        try:
            output = self.frame_output(frame, f"{self.state.key_origin}.output")
            self.course.finish = Finish("succeeded", output=output)
        except Missing as missing:
            self.course.wanted |= missing.keys
        except ExpressionError as error:
            self.course.finish = Finish("failed", error=error_of(error.code, f"the workflow's output: {error.detail}"))

    def frame_output(self, frame: Frame, seed: str) -> Any:
        """What a frame gives: its `output`, else an object of each succeeded end node's output by id. Raises Missing, ExpressionError."""
        if frame.graph.output is not None:
            return frame.graph.output.render(self.course.scope(frame, self.course.ended_at(frame), seed))
        runs = [self.state.runs.get((node_id, frame.iteration)) for node_id in frame.graph.ends]
        ended = [run for run in runs if run is not None and run.status == "succeeded"]
        missing = frozenset(run.key for run in ended if run.unloaded)
        if missing:
            raise Missing(missing)
        return {run.node_id: run.output for run in ended}


__all__ = ["Burst", "Held", "Tools", "Prepared"]
