"""A burst: one worker carries one execution as far as it goes, until it ends or only waits.

What is committed when: the result of an effect is committed before any effect that may depend on it starts, and before the worker waits for anything. Pure
nodes cost no commit of their own: their results ride with the next one, and after a crash are computed again with the same outcome. No transaction and no
lock is held while an action runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.definitions.graph import Graph, GraphNode
from chalicelib.engine import planner
from chalicelib.engine.history import error_of, run_row, scope_value
from chalicelib.engine.links import links
from chalicelib.engine.nodes import Prepared, prepare, run_effect, run_pure, scope_for
from chalicelib.engine.repository import WORKER_LOST, Claim, Signal
from chalicelib.engine.retry import plan_retry
from chalicelib.engine.saves import Finish, Flusher, PersistFailed, Save
from chalicelib.engine.state import ENDED, ExecutionState, NodeRun
from chalicelib.registry.catalogue import ActionCatalogue
from chalicelib.registry.spec import TIMEOUT_PORT, ActionError, Done, End, Outcome, Sleep, Wait

MAX_RECOVERIES = 5
SHOW_RUNNING_AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Held:
    """An execution this worker holds. `deadline` is on the monotonic clock: no effect may start or go on after it."""

    claim: Claim
    epoch: int
    signals: int
    deadline: float
    saving: bool = False
    cached: bool = False
    nudged: asyncio.Event = field(default_factory=asyncio.Event)


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
    randomness: Callable[[], float] = random.random


class Burst:
    """Runs one execution. After `run` returns, `finish` says how it ended; None: it waits, until `next_at`."""

    def __init__(self, held: Held, graph: Graph, state: ExecutionState, tools: Tools) -> None:
        self.held, self.graph, self.state, self.tools = held, graph, state, tools
        self.finish: Finish | None = None
        self.next_at: datetime | None = None
        self._seen = 0
        self._candidates: deque[str] = deque()
        self._starting: list[Prepared] = []
        self._tasks: dict[asyncio.Task[Outcome | ActionError], NodeRun] = {}
        self._touched: dict[tuple[str, str, int], NodeRun] = {}
        self._dirty = False  # an effect's result, or another fact that must be durable before anything depends on it
        self._announced: set[tuple[str, str]] = set()  # effects whose row says `running`
        self._lost_said = False
        self._launched_at = 0.0
        self._woken: set[str] = set()
        self._answers: dict[str, dict[str, Any]] = {}  # by node id; one may come before its node waits
        self._links: dict[str, str] = {}
        self._ready_memo: dict[str, datetime] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._stopping = self._cut = False

    @property
    def interrupted(self) -> bool:
        """Whether it was let go before its time, so that what is in memory is not what the rows say."""
        return self._stopping

    # -- the loop ------------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on until the execution ends or only waits. Raises LeaseLost; cancelled when the lease runs out."""
        try:
            await self._adopt()
            while True:
                self._settle()
                if self.finish is not None:
                    if await self._end():
                        return
                    continue
                if self._starting:
                    self._before_launch()
                    if self._dirty:
                        await self._checkpoint()
                        continue
                    self._launch()
                if not self._tasks:
                    await self._park()
                    return
                if self._dirty:
                    await self._checkpoint()
                    continue
                await self._wait()
        except PersistFailed as error:
            await self._give_up(error)
        finally:
            await self._cancel_tasks()

    def stop(self, *, cut: bool = False) -> None:
        """Ask to let go: no further effect starts, and when those running have ended the execution is due again at once. With `cut` they are cut off,
        which history then says."""
        self._stopping = True
        self._cut = cut
        self.held.nudged.set()

    async def _adopt(self) -> None:
        """Take up where the rows left off: what a lost worker had begun, attempts that failed and have a next one, signals."""
        self._links = links(self.graph, self.state.execution_id, self.tools.catalogue)
        self._values = {node_id: {"callback_url": self._links[node_id]} if node_id in self._links else {} for node_id in self.graph.nodes}
        for run in self.state.runs.values():
            self._values[run.node_id] = scope_value(run, self._links.get(run.node_id))
        if self.held.claim.recoveries > MAX_RECOVERIES:
            message = f"{MAX_RECOVERIES} workers in a row died or lost their lease while running this execution; see the logs of the workers"
            self.finish = Finish("failed", error=error_of("engine.crash_loop", message))
            return
        for run in list(self.state.runs.values()):
            if run.status == "running":
                self._left_behind(run)
            elif run.status == "failed" and not run.final:
                self._begin(self.graph.nodes[run.node_id], run)
        self._candidates.extend(planner.frontier(self.graph, self.state))
        if self.held.signals:
            await self._read_signals()

    def _settle(self) -> None:
        """Everything that needs no waiting: timers that are due, nodes that are ready, skipped or pure. May decide how the execution ends."""
        if self.finish is not None:
            return
        now = self.tools.now()
        if now >= planner.deadline(self.graph, self.state):
            seconds = self.graph.settings.timeout_seconds or planner.MAX_EXECUTION_SECONDS
            self.finish = Finish(
                "failed", error=error_of("execution_timeout", f"the execution took longer than its {seconds:g} seconds")
            )
            return
        self._take_answers()
        for run in self._due(now):
            self._wake_up(run)
        while self._candidates and self.finish is None:
            self._decide(self.graph.nodes[self._candidates.popleft()])
            self._take_answers()
        if self.finish is None and not self._starting and not self._tasks and not self.state.open_runs():
            self.finish = self._succeeded()

    def _due(self, now: datetime) -> list[NodeRun]:
        woken = [run for run in self.state.open_runs() if run.waits and run.node_id in self._woken]
        return [*woken, *(run for run in planner.due(self.state, now) if run not in woken)]

    def _decide(self, node: GraphNode) -> None:
        if (node.id, "") in self.state.runs:
            return
        fate = planner.node_fate(node, self.state.runs)
        if fate is planner.Fate.READY:
            self._begin(node, None)
        elif fate is planner.Fate.SKIPPED:
            run = NodeRun(node.id, node.type, 0, "queued", started_seq=self.state.next_seq(), started_at=self.tools.now())
            self._ended(run, "skipped")

    # -- beginning and ending a node -----------------------------------------------------------------------------------------------

    def _begin(self, node: GraphNode, before: NodeRun | None) -> None:
        """The next attempt of a node that is ready: computed at once when it is pure, put on the list of what to launch when it is an effect."""
        now = self.tools.now()
        if before is not None and before.status == "waiting":
            run = before
            run.started_at = now
            run.move("running")
        else:
            run = NodeRun(node.id, node.type, before.attempt + 1 if before else 1, "running", started_seq=self.state.next_seq())
            run.started_at = now
            run.first_started_at = before.first_started_at if before else now
            run.lost = before.lost if before else 0
        self.state.runs[run.key] = run
        if node.disabled:
            self._outcome(node, run, Done(None))
            return
        ready = planner.ready_at(self.graph, self.state, node.id, self._ready_memo)
        prepared = prepare(node, run, self.state, self._values, ready, self.tools.catalogue, self.tools.clients)
        if isinstance(prepared, ActionError):
            self._failed(node, run, prepared)
        elif prepared.spec.effect == "effect":
            self._starting.append(prepared)
        else:
            self._outcome(node, run, run_pure(prepared))

    def _outcome(self, node: GraphNode, run: NodeRun, outcome: Outcome | ActionError) -> None:
        match outcome:
            case ActionError():
                self._failed(node, run, outcome)
            case Done(output, port):
                run.output, run.port = output, port
                self._ended(run, "succeeded")
            case Sleep(until, output):
                run.output, run.wake_at, run.port = output, until, "main"
                run.move("waiting")
                self._touch(run)
                if until <= self.tools.now():
                    self._wake_up(run)
            case Wait(until):
                run.port, run.wake_at = TIMEOUT_PORT, until  # a run that waits for an answer says already how it ends without one
                run.move("waiting")
                self._touch(run)
            case End(status, output, message):
                run.output, run.port = output, None if status == "failed" else "main"
                if status == "failed":
                    run.error = error_of("failed", message, node.id)
                    self.finish = Finish("failed", error=run.error)
                else:
                    self.finish = Finish("succeeded", output=output)
                self._ended(run, status)

    def _failed(self, node: GraphNode, run: NodeRun, error: ActionError) -> None:
        """A failed attempt: another one later, or the error goes where `on_error` says."""
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
        else:
            self.finish = self.finish or Finish("failed", error=run.error)
        self._ended(run, "failed")

    def _retry_in(self, node: GraphNode, run: NodeRun, seconds: float) -> None:
        now = self.tools.now()
        run.finished_at, run.finished_seq = now, self.state.next_seq()
        run.move("failed")
        self._touch(run)
        following = NodeRun(node.id, node.type, run.attempt + 1, "waiting", started_seq=self.state.next_seq())
        following.lost, following.first_started_at = run.lost, run.first_started_at
        following.wake_at = now + timedelta(seconds=seconds)
        self.state.runs[run.key] = following
        self._touch(following)

    def _ended(self, run: NodeRun, status: str) -> None:
        """Record a node's end and look at what follows it."""
        run.finished_at = self.tools.now()
        run.finished_seq, run.final = self.state.next_seq(), True
        run.move(status)
        self.state.runs[run.key] = run
        self._values[run.node_id] = scope_value(run, self._links.get(run.node_id))
        self._touch(run)
        node = self.graph.nodes[run.node_id]
        if node.effect or node.type == "respond":
            self._dirty = True
        self._candidates.extend(planner.successors(self.graph, (run.node_id,)))

    def _wake_up(self, run: NodeRun) -> None:
        """A wait is over: a delay is done, a back-off leads to the next attempt. One ended early is a fact that must be durable before anything uses it."""
        if run.node_id in self._woken:
            self._woken.discard(run.node_id)
            self._dirty = True
        if self.graph.nodes[run.node_id].effect:
            self._begin(self.graph.nodes[run.node_id], run)
        else:
            self._ended(run, "succeeded")

    def _take_answers(self) -> None:
        """End the nodes whose answer has come. It is kept until the execution ends, but only a commit makes the moment it was taken durable."""
        for node_id in list(self._answers):
            run = self.state.runs.get((node_id, ""))
            if run is not None and run.waits and run.port == TIMEOUT_PORT:
                answer = self._answers.pop(node_id)
                run.output, run.port, run.wake_at = answer["output"], answer["port"], self.tools.now()
                self._dirty = True
                self._ended(run, "succeeded")

    def _left_behind(self, run: NodeRun) -> None:
        """A run that a vanished worker had begun: it may have acted. History says so, whatever comes next."""
        node = self.graph.nodes[run.node_id]
        run.lost += 1
        message = "the worker running this attempt vanished; the action may or may not have taken place"
        if node.delivery == "at_most_once":
            self._failed(node, run, ActionError("outcome_unknown", message + ", and is not repeated (delivery: at_most_once)"))
            return
        run.error = error_of(WORKER_LOST, message, node.id)
        run.finished_at, run.finished_seq = self.tools.now(), self.state.next_seq()
        run.move("failed")
        self._touch(run)
        self._dirty = True
        self._begin(node, run)

    def _touch(self, run: NodeRun) -> None:
        self._touched[(run.node_id, run.iteration, run.attempt)] = run

    # -- effects -------------------------------------------------------------------------------------------------------------------

    def _before_launch(self) -> None:
        """What must be in history before the effects on the list may start; sets `_dirty` when there is something."""
        if self.held.claim.lost and not self._lost_said:
            self._lost_said = True
            ready, self._starting = self._starting, []
            for prepared in ready:
                self._left_behind(prepared.run)
        for prepared in self._starting:
            if prepared.node.delivery == "at_most_once" and prepared.run.key not in self._announced:
                self._announced.add(prepared.run.key)
                self._touch(prepared.run)
                self._dirty = True

    def _launch(self) -> None:
        """Start the effects on the list, unless this worker is to let go or has not the time for them."""
        starting, self._starting = self._starting, []
        if self._stopping or not all(self.tools.has_time_for(prepared.node.timeout_seconds) for prepared in starting):
            self._stopping = True
            for prepared in starting:
                self.state.runs.pop(prepared.run.key, None)  # never begun; whoever comes next reads the rows
            return
        self._launched_at = time.monotonic()
        for prepared in starting:
            task = asyncio.create_task(run_effect(prepared))
            task.add_done_callback(lambda _task: self.held.nudged.set())
            self._tasks[task] = prepared.run

    async def _wait(self) -> None:
        """Until an effect ends, a timer is due, a signal came, or it is time to show what is running."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience()):
                await self.held.nudged.wait()
        self.held.nudged.clear()
        self._collect()
        if self._cut:
            await self._cut_off()
        if self.held.signals != self._seen:
            await self._read_signals()
        if time.monotonic() - self._launched_at >= SHOW_RUNNING_AFTER_SECONDS:
            self._show_running()

    def _patience(self) -> float:
        """Seconds until something other than an effect's end needs attention."""
        now = self.tools.now()
        seconds = (planner.next_wake(self.graph, self.state) - now).total_seconds()
        if any(run.key not in self._announced for run in self._tasks.values()):
            seconds = min(seconds, SHOW_RUNNING_AFTER_SECONDS - (time.monotonic() - self._launched_at))
        return max(0.0, seconds)

    def _collect(self) -> None:
        for task in [task for task in self._tasks if task.done()]:
            run = self._tasks.pop(task)
            if not task.cancelled():
                self._outcome(self.graph.nodes[run.node_id], run, task.result())

    def _show_running(self) -> None:
        """Effects that take long get a row while they run, so that a reader sees them, and a successor knows of them."""
        for run in self._tasks.values():
            if run.key not in self._announced:
                self._announced.add(run.key)
                self._touch(run)
                self._dirty = True

    async def _cut_off(self) -> None:
        """This worker must go now: what runs is cut off and said to have been, and the next worker tries again."""
        runs = list(self._tasks.values())
        await self._cancel_tasks()
        for run in runs:
            if run.status == "running":
                self._left_behind(run)
        self._starting = []

    async def _cancel_tasks(self) -> None:
        tasks, self._tasks = list(self._tasks), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- signals -------------------------------------------------------------------------------------------------------------------

    async def _read_signals(self) -> None:
        """Read the inbox and act on it. Entries stay until the execution ends, and acting on one twice is harmless."""
        counter = self.held.signals
        for signal in await self.tools.inbox(self.state.execution_id):
            if signal.kind == "cancel":
                self.finish = Finish("cancelled", error=error_of("cancelled", "the execution was cancelled"))
            elif signal.kind == "wake":
                self._woken_by(signal)
            elif signal.kind == "answer":
                self._answers[signal.payload["node_id"]] = signal.payload
        self._seen = counter

    def _woken_by(self, signal: Signal) -> None:
        """`wake` names a node and the attempt that waited; another attempt's wait is not its business."""
        run = self.state.runs.get((signal.payload["node_id"], ""))
        if run is not None and run.waits and run.attempt == signal.payload["attempt"]:
            self._woken.add(run.node_id)

    # -- saving --------------------------------------------------------------------------------------------------------------------

    async def _checkpoint(self) -> None:
        """Make everything so far durable and keep the lease."""
        self._dirty = False
        await self._save(hold=True)

    async def _park(self) -> None:
        """Nothing runs: save, and give the lease back until the next timer."""
        now = self.tools.now()
        self.next_at = now if self._stopping else planner.next_wake(self.graph, self.state)
        await self._save(hold=False, next_at=self.next_at)

    async def _end(self) -> bool:
        """End the execution; False when a signal came in between and must be read first."""
        self._collect()
        await self._cancel_tasks()
        for prepared in self._starting:
            self.state.runs.pop(prepared.run.key, None)
        self._starting = []
        for run in self.state.open_runs():
            run.finished_at, run.finished_seq = self.tools.now(), self.state.next_seq()
            run.move("cancelled")
            self._touch(run)
        if not await self._save(hold=False, finish=self.finish):
            await self._read_signals()
            return False
        return True

    async def _save(self, *, hold: bool, next_at: datetime | None = None, finish: Finish | None = None) -> bool:
        touched, self._touched = self._touched, {}
        sent_at = time.monotonic()
        save = Save(
            self.state.execution_id,
            self.held.epoch,
            self._seen,
            hold,
            next_at,
            finish,
            last_seq=self.state.next_seq() if finish else 0,
            started_at=self.state.started_at,
            runs=[run_row(self.state, run) for run in touched.values()],
        )
        self.held.saving = True
        try:
            result = await self.tools.flusher.save(save)
        finally:
            self.held.saving = False
        self.held.epoch, self.held.signals = result.epoch, result.signals
        if not result.landed:
            self._touched = {**touched, **self._touched}
        elif hold:
            self.tools.extend(self.held, sent_at)
            if result.signals != self._seen:
                await self._read_signals()
        return result.landed

    async def _give_up(self, error: PersistFailed) -> None:
        """History cannot be written as it is: end the execution with that said, and nothing else."""
        message = f"the execution's history could not be stored: {error}"
        self.finish = Finish("failed", error=error_of("engine.persist_failed", message))
        self._touched = {}
        await self._save(hold=False, finish=self.finish)

    def _succeeded(self) -> Finish:
        """The execution's output: what the definition's `output` gives, else each succeeded end node's output by id."""
        if self.graph.output is None:
            ends = (self.state.runs.get((node_id, "")) for node_id in self.graph.ends)
            return Finish(
                "succeeded", output={run.node_id: run.output for run in ends if run is not None and run.status == "succeeded"}
            )
        latest = max(
            (planner.ready_at(self.graph, self.state, run.node_id, self._ready_memo) for run in self._decided()),
            default=self.state.started_at,
        )
        scope = scope_for(self.state, self._values, latest, f"{self.state.key_origin}.output")
        try:
            return Finish("succeeded", output=self.graph.output.render(scope))
        except ExpressionError as error:
            return Finish("failed", error=error_of(error.code, f"the workflow's output: {error.detail}"))

    def _decided(self) -> list[NodeRun]:
        return [run for run in self.state.runs.values() if run.status in ENDED and run.status != "skipped"]
