"""Effects of one execution: launched as tasks, collected when they end, cut off when they must go."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.engine.nodes import Prepared, run_effect
from chalicelib.engine.state import Key, NodeRun
from chalicelib.registry.spec import ActionError, Outcome

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst

SHOW_RUNNING_AFTER_SECONDS = 1.0
SHOW_OUTPUT_EVERY_SECONDS = 1.0
Task = asyncio.Task[Outcome | ActionError]


class Effects:
    """`starting` are prepared and not launched yet, `tasks` run now."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.starting: list[Prepared] = []
        self.tasks: dict[Task, NodeRun] = {}
        self._dropped: list[Task] = []
        self._announced: set[Key] = set()  # effects whose row says `running`
        self._lost_said = False
        self._launched_at = 0.0
        self._partial: dict[Key, tuple[Prepared, Any]] = {}  # what runs has of its output, and history has not
        self._shown_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether anything runs or is about to."""
        return bool(self.starting or self.tasks)

    def before_launch(self) -> None:
        """What must be in history before the effects on the list may start; marks the course dirty when there is something."""
        if self._burst.held.claim.lost and not self._lost_said:
            self._lost_said = True
            ready, self.starting = self.starting, []
            for prepared in ready:
                self._burst.attempts.left_behind(prepared.run)
        for prepared in self.starting:
            if prepared.node.delivery == "at_most_once" and prepared.run.key not in self._announced:
                self._announce(prepared.run)

    def launch(self, stopping: bool) -> bool:
        """Start the effects on the list; False, and none starts, when the worker is to let go or has not the time for them."""
        starting, self.starting = self.starting, []
        has_time = self._burst.tools.has_time_for
        if stopping or not all(has_time(prepared.node.timeout_seconds) for prepared in starting):
            for prepared in starting:
                self._burst.state.runs.pop(prepared.run.key, None)  # never begun; whoever comes next reads the rows
            return False
        self._launched_at = time.monotonic()
        if not self._partial:
            self._shown_at = self._launched_at
        nudged = self._burst.held.nudged
        for prepared in starting:
            prepared.context.show = partial(self._show, prepared)
            task = asyncio.create_task(run_effect(prepared))
            task.add_done_callback(lambda _task: nudged.set())
            self.tasks[task] = prepared.run
        return True

    async def wait(self, seconds: float) -> None:
        """Until an effect ends, something nudges, `seconds` are over, or it is time to show what is running; then take what has ended."""
        if any(run.key not in self._announced for run in self.tasks.values()):
            seconds = min(seconds, SHOW_RUNNING_AFTER_SECONDS - (time.monotonic() - self._launched_at))
        if self._partial:
            seconds = min(seconds, SHOW_OUTPUT_EVERY_SECONDS - (time.monotonic() - self._shown_at))
        held = self._burst.held
        held.at_rest = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await held.nudged.wait()
        held.at_rest = False
        held.nudged.clear()
        self.collect()

    def collect(self) -> None:
        """Hand on the outcomes of what has ended."""
        for task in [task for task in self.tasks if task.done()]:
            run = self.tasks.pop(task, None)
            if run is not None and not task.cancelled() and run.status == "running":
                self._burst.attempts.outcome(run, task.result())

    def show_running(self) -> None:
        """Effects that take long get a row while they run, so that a reader sees them, and a successor knows of them."""
        self._show_partial()
        if time.monotonic() - self._launched_at < SHOW_RUNNING_AFTER_SECONDS:
            return
        for run in self.tasks.values():
            if run.key not in self._announced:
                self._announce(run)

    def _show(self, prepared: Prepared, output: Any) -> None:
        """An action's `show`: kept until it is time to write it down."""
        if not self._partial:
            self._burst.held.nudged.set()
        self._partial[prepared.run.key] = (prepared, output)

    def _show_partial(self) -> None:
        """What running effects have of their output goes into their rows, without secrets, beginnings of secrets at the end of a text included."""
        if not self._partial or time.monotonic() - self._shown_at < SHOW_OUTPUT_EVERY_SECONDS:
            return
        running = {id(run) for run in self.tasks.values()}
        for prepared, output in self._partial.values():
            if id(prepared.run) in running:
                prepared.run.output = prepared.context.secrets.clean_unfinished(output)
                self._announce(prepared.run)
        self._partial.clear()
        self._shown_at = time.monotonic()

    def _announce(self, run: NodeRun) -> None:
        self._announced.add(run.key)
        self._burst.course.touch(run)
        self._burst.course.dirty = True

    def drop(self, run: NodeRun) -> None:
        """Stop one effect, or do not start it."""
        self.starting = [prepared for prepared in self.starting if prepared.run is not run]
        for task in [task for task, own in self.tasks.items() if own is run]:
            del self.tasks[task]
            task.cancel()
            self._dropped.append(task)

    async def cut_off(self) -> None:
        """This worker must go now: what runs is cut off and said to have been, and the next worker tries again."""
        runs = list(self.tasks.values())
        await self.cancel_all()
        for run in runs:
            if run.status == "running":
                self._burst.attempts.left_behind(run)
        self.starting = []

    async def cancel_all(self) -> None:
        """Stop everything, and wait until it has stopped."""
        tasks = [*self.tasks, *self._dropped]
        self.tasks, self._dropped = {}, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
