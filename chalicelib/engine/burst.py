"""A burst: one worker carries one execution as far as it goes, until it ends or only waits.

What is committed when: the result of an effect is committed before any effect that may depend on it starts, and before the worker waits for anything. Pure
nodes cost no commit of their own: their results ride with the next one, and after a crash are computed again with the same outcome. No transaction and no
lock is held while an action runs.

The mechanisms have modules of their own: attempts.py (one node), effects.py, loops.py, children.py, waits.py, undo.py; incoming.py and saving.py are the ways
in from the rows and out to them. What needs the database before the burst can go on (an output to load, a workflow to look up) is an errand, run by the loop
between two rounds of deciding.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.definitions.graph import Graph
from chalicelib.engine import planner
from chalicelib.engine.admission import Admission
from chalicelib.engine.attempts import Attempts
from chalicelib.engine.children import Children
from chalicelib.engine.course import Course, Frame
from chalicelib.engine.effects import Effects
from chalicelib.engine.held import Held
from chalicelib.engine.history import error_of
from chalicelib.engine.incoming import Incoming
from chalicelib.engine.loops import Loops
from chalicelib.engine.saves import Finish, PersistFailed
from chalicelib.engine.saving import Saving
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import ExecutionState, NodeRun
from chalicelib.engine.tools import Tools
from chalicelib.engine.turns import Turns
from chalicelib.engine.undo import Undo
from chalicelib.engine.waits import Waits

MAX_RECOVERIES = 5
MAX_NODE_RUNS = 100_000
MAX_OUTPUT_BYTES = 1024 * 1024 * 1024


class Burst:
    """Runs one execution. After `run` returns, `finish` says how it ended; None: it waits, until `next_at`."""

    def __init__(self, held: Held, graph: Graph, state: ExecutionState, tools: Tools) -> None:
        self.held, self.graph, self.state, self.tools = held, graph, state, tools
        self.course = Course(graph, state, tools.catalogue, tools.now)
        self.attempts = Attempts(self)
        self.incoming = Incoming(self)
        self.saving = Saving(self)
        self.effects = Effects(self)
        self.turns = Turns(self)
        self.loops = Loops(self)
        self.children = Children(self)
        self.waits = Waits(self)
        self.undo = Undo(self)
        self.admission = Admission(self)
        self.next_at: datetime | None = None
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
            await self.saving.give_up(error)
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
                await self.saving.checkpoint()
                return False
            self._stopping = not self.effects.launch(self._stopping) or self._stopping
        if not self.effects.tasks:
            return await self._park()
        if self.course.dirty:
            await self.saving.checkpoint()
            return False
        await self._wait()
        return False

    def stop(self, *, cut: bool = False) -> None:
        """Ask to let go: no further effect starts, and when those running have ended the execution is due again at once. With `cut` they are cut off,
        which history then says."""
        self._stopping = True
        self._cut = cut
        self.held.nudged.set()

    def take_apart(self) -> None:
        """Last of all: the burst and its mechanisms refer to each other, and together to all that the execution holds. Left as they are they would keep that, which may be
        megabytes, until the collector's next full round, and small objects alone never cause one."""
        self.__dict__.clear()

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
            await self.incoming.read()
        return True

    def adopt_frame(self, frame: Frame) -> None:
        """Take up what has begun in a frame, and look at all that has not."""
        for node_id, node in frame.graph.nodes.items():
            run = self.state.runs.get((node_id, frame.iteration))
            if run is None:
                continue
            if run.status == "running" and node.body is not None:
                self.loops.resumed.add(run.key)
                self.attempts.prepare(frame, node, run)
            elif run.status == "running":
                self.attempts.left_behind(run)
            elif run.status == "failed" and not run.final:
                self.attempts.begin(frame, node, run)
        if self.state.unwinding is None:
            self.course.candidates.extend((node_id, frame.iteration) for node_id in planner.frontier(frame.graph, self.state, frame.iteration))
        self.course.stirred[frame.iteration] = None

    def _settle(self) -> None:
        """Everything that needs no waiting: timers that are due, nodes that are ready, skipped or pure. May decide how the execution ends."""
        if self.finish is not None or self._over_budget():
            return
        self.waits.take_answers()
        for run in self._due(self.tools.now()):
            self.attempts.wake_up(run)
        self._decide_all()
        while self.state.unwinding is not None and self._at_rest() and self.undo.next():
            self._decide_all()
        if self.state.unwinding is None and self._at_rest():
            self._succeed()

    def _decide_all(self) -> None:
        course = self.course
        while self.finish is None:
            while course.candidates and self.finish is None:
                self._decide(*course.candidates.popleft())
                self.waits.take_answers()
            if self.finish is not None or not self.loops.advance():
                break

    def _at_rest(self) -> bool:
        """Whether nothing runs, waits or is asked for, so that the execution ends unless something is left to undo."""
        idle = not self.effects.busy and not self.attempts.blocked and not self.children.requests
        return self.finish is None and idle and self.state.part is None and not self.state.open_runs()

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
        woken = [run for run in self.state.open_runs() if run.waits and run.key in self.incoming.woken] if self.incoming.woken else []
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
                self.attempts.begin(frame, node, None)
        elif fate is planner.Fate.SKIPPED:
            self.course.skip(frame, node)

    async def _errand(self) -> bool:
        """One thing that needs the database before the burst can go on; False when there is none."""
        if self.course.wanted:
            await self.load_outputs()
        elif self.turns.pending:
            await self.turns.reserve()
        elif self.children.requests:
            await self.children.resolve()
        elif self.children.ended:
            await self.children.collect()
        elif self.loops.parts.pending:
            await self.loops.parts.run_errand()
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
        self.attempts.retry_blocked()

    # -- waiting and signals -------------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until an effect ends, a timer is due, a signal came, or it is time to show what is running."""
        await self.effects.wait((planner.next_wake(self.graph, self.state) - self.tools.now()).total_seconds())
        if self._cut:
            await self.effects.cut_off()
        if self.incoming.unread:
            await self.incoming.read()
        self.effects.show_running()

    # -- letting go and ending ------------------------------------------------------------------------------------------------------

    async def _park(self) -> bool:
        """Nothing runs: save, and give the lease back until the next timer."""
        now = self.tools.now()
        self.next_at = now if self._stopping else planner.next_wake(self.graph, self.state)
        await self.saving.save(hold=False, next_at=self.next_at)
        return True

    async def _end(self) -> bool:
        """End the execution; False when a signal came in between and must be read first."""
        self.effects.collect()
        await self.effects.cancel_all()
        for run in self.state.open_runs():
            self.attempts.cut(run)
        await self.loops.parts.find_orphans()
        assert self.finish is not None
        ending = await self.children.at_the_end(self.finish)
        if not await self.saving.save(hold=False, finish=self.finish, ending=ending):
            await self.incoming.read()
            return False
        return True

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
