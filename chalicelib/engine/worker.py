"""The worker: claims what is due, runs it, renews its leases, and sleeps until it is woken or a timer it knows of is due.

The same worker serves all homes: on the host `run` goes on until it is stopped, on Lambda `drain` goes on until nothing is due or the time is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from chalicelib.core import metrics
from chalicelib.core.cache_async import AsyncCache
from chalicelib.core.ids import new_id
from chalicelib.engine.burst import Burst
from chalicelib.engine.children import report
from chalicelib.engine.claiming import Queue
from chalicelib.engine.contexts import Contexts, DefinitionUnusable, Graphs
from chalicelib.engine.database import AsyncConnection, is_transient
from chalicelib.engine.held import Held
from chalicelib.engine.history import error_of
from chalicelib.engine.repository import LEASE_SECONDS, Claim, EngineRepository, Signal
from chalicelib.engine.saves import Finish, Flusher, LeaseLost, Save
from chalicelib.engine.state import ExecutionState
from chalicelib.engine.tools import Tools
from chalicelib.registry.catalogue import ActionCatalogue, catalogue

log = logging.getLogger("millrace.engine")

LEASE_MARGIN_SECONDS = 2.0
GAP_SECONDS = 0.003
MAX_BUSY = 96  # held executions that want this process or the database, and not only an answer from elsewhere: more of them would only wait here instead of in the queue
OUTAGE_PAUSE_SECONDS = 0.5


class Found(Enum):
    """What a claim brought: all it had room for, so that more is likely due; some; nothing."""

    FULL = "full"
    SOME = "some"
    NOTHING = "nothing"


@dataclass
class WorkerOptions:
    """How a worker behaves; the defaults are the host's."""

    database_url: str
    redis_url: str | None = None
    max_held: int = 256
    claim_size: int = 64
    poll_seconds: float = 1.0
    lease_seconds: float = LEASE_SECONDS
    prepare: bool = True
    clients: Mapping[str, Any] = field(default_factory=dict)
    types: ActionCatalogue | None = None


class DatabaseClock:
    """The database's clock, carried on by the monotonic clock since the last claim. It is never ahead of the database, so no timer is early."""

    def __init__(self) -> None:
        self._base: tuple[datetime, float] | None = None

    def read(self, now: datetime) -> None:
        """The database just said `now`."""
        self._base = (now, time.monotonic())

    def now(self) -> datetime:
        """The present, by the database."""
        if self._base is None:
            raise RuntimeError("the clock is read at the first claim")
        base, at = self._base
        return base + timedelta(seconds=time.monotonic() - at)

    def seconds_until(self, when: datetime) -> float:
        """How long until `when`."""
        return (when - self.now()).total_seconds()


class Worker:
    """One event loop's engine. Create it, then `await run()`; `wake()` from the same loop, `stop()` to end."""

    def __init__(self, options: WorkerOptions) -> None:
        self.id = new_id("wrk")
        self.options = options
        self._connection = AsyncConnection(options.database_url, prepare=options.prepare)
        self._saving = AsyncConnection(options.database_url, prepare=options.prepare)
        self._cache = AsyncCache(options.redis_url)
        types = options.types or catalogue()
        self._repository = EngineRepository(self._connection, self.id, options.lease_seconds)
        self._flusher = Flusher(self._saving, self.id, options.lease_seconds, self.wake)
        self._graphs = Graphs(self._cache, types, self._repository.definition)
        self._contexts = Contexts(self._cache)
        self._clock = DatabaseClock()
        self._queue = Queue()
        self._tools = Tools(types, self._flusher, self._clock.now, self._inbox, self._extend, self._has_time_for, options.clients, self._repository)
        self._held: dict[str, tuple[Held, asyncio.Task[None]]] = {}
        self._bursts: dict[str, Burst] = {}
        self._timers: list[float] = []
        self._woken = asyncio.Event()
        self._stopping = False
        self._until: float | None = None  # monotonic; on Lambda, when the time is up

    @property
    def held(self) -> int:
        """How many executions this worker holds now."""
        return len(self._held)

    @property
    def statements(self) -> int:
        """SQL statements sent so far."""
        return self._connection.statements + self._saving.statements

    def wake(self) -> None:
        """Something may be due. Call it in the worker's loop."""
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop`. Goes on through outages of the database."""
        renewing = asyncio.create_task(self._renew_for_ever())
        try:
            while not self._stopping:
                found = await self._claim_once()
                if found is not Found.FULL:
                    await self._pause(found)
            if self._held:  # a claim was under way when the worker was stopped: what it took is given back too
                await self.stop(grace=0.0)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def drain(self, seconds: float) -> int:
        """Work until nothing is due and nothing is held, or no effect could be finished within `seconds`; returns how many executions were claimed."""
        self._until = time.monotonic() + seconds
        self._stopping = False
        claimed = 0
        renewing = asyncio.create_task(self._renew_for_ever())
        try:
            while self._until - time.monotonic() > 0:
                before = len(self._held)
                found = await self._claim_once()
                claimed += max(0, len(self._held) - before)
                if not self._held and found is not Found.FULL and not self._due_soon():
                    break
                await self._pause(found)
        finally:
            await self.stop(grace=0.0)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            self._until = None
        return claimed

    async def stop(self, grace: float = 5.0) -> None:
        """Claim nothing more, let running effects end within `grace` seconds, cut off the rest, give every lease back."""
        self._stopping = True
        self._woken.set()
        for burst in list(self._bursts.values()):
            burst.stop()
        tasks = {task for _, task in self._held.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for burst in list(self._bursts.values()):
            burst.stop(cut=True)
        tasks = {task for _, task in self._held.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=LEASE_MARGIN_SECONDS)
        await self._flusher.drain()

    async def close(self) -> None:
        """Close the connections, after `stop`."""
        await self._connection.close()
        await self._saving.close()
        await self._cache.close()

    # -- claiming ------------------------------------------------------------------------------------------------------------------

    async def _claim_once(self) -> Found:
        """One claim, and what came of it."""
        left = self.options.max_held - len(self._held)
        if left <= 0:
            return Found.NOTHING
        room = min(self._queue.size(self.options.claim_size), left)
        if self._busy() + room > MAX_BUSY:
            return Found.SOME  # soon there will be more room
        sent_at = time.monotonic()
        self._woken.clear()
        try:
            claims = await self._repository.claim(room, fairly=self._queue.fairly, floor=self._queue.floor(sent_at))
            self._queue.note(claims, room)
            if claims:
                self._clock.read(claims[0].now)
                await self._take(claims, sent_at)
        except Exception as error:
            if not is_transient(error):
                log.exception("claiming failed in a way that was not foreseen")
            else:
                log.warning("the database does not answer, trying again: %s", type(error).__name__)
            await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
            return Found.NOTHING
        return Found.NOTHING if not claims else Found.FULL if len(claims) == room else Found.SOME

    def _busy(self) -> int:
        return sum(not held.at_rest for held, _ in self._held.values())

    async def _take(self, claims: list[Claim], sent_at: float) -> None:
        """Load the claimed executions, from Redis where their context is there, and start a burst for each."""
        states = await self._contexts.find(claims)
        cached = set(states)
        missing = [claim for claim in claims if claim.execution_id not in states]
        if missing:
            states.update(await self._repository.load(missing))
        for claim in claims:
            state = states.get(claim.execution_id)
            if state is None:
                log.error("an execution in the queue has no row", extra={"execution_id": claim.execution_id})
                continue
            deadline = sent_at + self.options.lease_seconds - LEASE_MARGIN_SECONDS
            held = Held(claim, claim.epoch, claim.signals, deadline, cached=claim.execution_id in cached)
            self._held[claim.execution_id] = (held, asyncio.create_task(self._carry(held, state)))

    async def _carry(self, held: Held, state: ExecutionState) -> None:
        """One execution's burst, and what follows it."""
        execution_id = state.execution_id
        try:
            graph, types = await self._graphs.get(state.definition_id)
            tools = self._tools if types is self._tools.catalogue else replace(self._tools, catalogue=types)
            burst = self._bursts[execution_id] = Burst(held, graph, state, tools)
            if self._stopping:
                burst.stop()
            await burst.run()
            await self._after(held, burst)
        except DefinitionUnusable as error:
            await self._cannot_run(held, state, error)
        except LeaseLost:
            log.info("lease lost, leaving the execution to its holder", extra={"execution_id": execution_id})
        except asyncio.CancelledError:
            log.warning("lease ran out, work on the execution was cut off", extra={"execution_id": execution_id})
        except Exception:
            log.exception("a burst failed in a way that was not foreseen", extra={"execution_id": execution_id})
        finally:
            over = self._bursts.pop(execution_id, None)
            if over is not None:
                over.take_apart()
            self._held.pop(execution_id, None)
            self._woken.set() if len(self._held) + 1 >= self.options.max_held or self._until else None

    async def _after(self, held: Held, burst: Burst) -> None:
        if burst.finish is not None:
            seconds = (self._clock.now() - burst.state.created_at).total_seconds()
            metrics.count("executions_finished", status=burst.finish.status)
            metrics.duration("execution_seconds", seconds, status=burst.finish.status)
            log.info(
                "execution %s",
                burst.finish.status,
                extra={
                    "execution_id": burst.state.execution_id,
                    "workflow_id": burst.state.workflow_id,
                    "seconds": round(seconds, 3),
                },
            )
            if held.cached or held.claim.epoch > 1:
                await self._contexts.forget(burst.state.execution_id)
        elif burst.next_at is not None:
            self._remember(burst.next_at)
            if not burst.interrupted:
                await self._contexts.keep(burst.state, held.epoch, burst.next_at, self._clock.now())

    async def _cannot_run(self, held: Held, state: ExecutionState, error: DefinitionUnusable) -> None:
        finish = Finish("failed", error=error_of("engine.definition_unusable", str(error)))
        links = report(
            state.execution_id, state.parent_id, state.parent_node, state.parent_iteration, state.part, finish, state.seq
        )
        await self._flusher.save(
            Save(
                state.execution_id,
                held.epoch,
                held.signals,
                False,
                finish=finish,
                last_seq=state.next_seq(),
                started_at=state.started_at,
                links=links or None,
            )
        )

    # -- waiting -------------------------------------------------------------------------------------------------------------------

    def _remember(self, when: datetime) -> None:
        """A local timer for what this worker parked; the row is the truth, this only makes it punctual."""
        seconds = self._clock.seconds_until(when)
        if seconds < 3600:
            heapq.heappush(self._timers, time.monotonic() + seconds)

    def _due_soon(self) -> bool:
        """On Lambda: whether a timer is so near that waiting for it beats another invocation."""
        return bool(self._timers) and self._timers[0] - time.monotonic() < 1.0

    async def _pause(self, found: Found) -> None:
        """After a claim that brought something a short gap, in which more gathers; where one came more come, sooner than a wake could say. Else until a wake, the
        next timer or the next poll."""
        if self._held or found is Found.SOME:
            await asyncio.sleep(GAP_SECONDS)
        now = time.monotonic()
        seconds = self.options.poll_seconds
        if self._timers:
            seconds = min(seconds, self._timers[0] - now)
        if self._until is not None:
            seconds = min(seconds, self._until - now)
        if seconds > 0 and found is Found.NOTHING:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
        now = time.monotonic()
        while self._timers and self._timers[0] <= now:
            heapq.heappop(self._timers)

    def _has_time_for(self, seconds: float) -> bool:
        """On Lambda an effect starts only when its timeout fits the time that is left."""
        return not self._stopping and (self._until is None or time.monotonic() + seconds < self._until)

    # -- leases --------------------------------------------------------------------------------------------------------------------

    def _extend(self, held: Held, sent_at: float) -> None:
        held.deadline = sent_at + self.options.lease_seconds - LEASE_MARGIN_SECONDS

    async def _renew_for_ever(self) -> None:
        """Renew leases, and cut off what runs past its lease: each by itself, since a renewal may get no answer."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._cut_off_for_ever())
            while True:
                await asyncio.sleep(self.options.lease_seconds / 30)
                with contextlib.suppress(Exception):
                    await self._renew_once()

    async def _cut_off_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.options.lease_seconds / 30)
            now = time.monotonic()
            for held, task in list(self._held.values()):
                if held.deadline <= now:
                    task.cancel()

    async def _renew_once(self) -> None:
        """Renew the leases past half their time, in one statement, and notice signals to all that are held."""
        sent_at = time.monotonic()
        half = sent_at + self.options.lease_seconds / 2
        held_now = [held for held, _ in self._held.values() if not held.saving]
        old = [held for held in held_now if held.deadline < half]
        if len(old) < len(held_now):
            await self._notice_signals(held_now)
        if not old:
            return
        asked = {held.claim.execution_id: held.epoch for held in old}
        ours = await self._repository.renew(list(asked.items()))
        for held in old:
            execution_id = held.claim.execution_id
            if held.saving or held.epoch != asked[execution_id]:
                continue  # a save overtook the renewal, and says itself what became of it
            if execution_id not in ours:
                self._held[execution_id][1].cancel() if execution_id in self._held else None
                continue
            self._extend(held, sent_at)
            self._nudge(held, ours[execution_id])

    async def _notice_signals(self, held_now: list[Held]) -> None:
        counters = await self._repository.signals([held.claim.execution_id for held in held_now])
        for held in held_now:
            if not held.saving:
                self._nudge(held, counters.get(held.claim.execution_id, held.signals))

    @staticmethod
    def _nudge(held: Held, counter: int) -> None:
        if counter > held.signals:
            held.signals = counter
            held.nudged.set()

    async def _inbox(self, execution_id: str) -> list[Signal]:
        return (await self._repository.inbox([execution_id]))[execution_id]
