"""The minute's tick: once a second, for seventy seconds, fire due schedules and wake the engine for whatever else is due.

EventBridge (on the host: the cron loop) calls it every minute. It stays longer than a minute, so that a late event leaves no gap, and leaves when a newer tick
has registered. Any number of ticks may run at once: what decides is in the database (service.py), the token in Redis only spares work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from chalicelib.core import db, metrics
from chalicelib.core.cache import cache
from chalicelib.core.config import settings
from chalicelib.core.errors import Unavailable
from chalicelib.core.logging import logger
from chalicelib.engine import events, forgetting
from chalicelib.engine.places import free_left_places
from chalicelib.engine.wake import wake
from chalicelib.scheduler import repository
from chalicelib.scheduler.queue import release_queued
from chalicelib.scheduler.service import Batch, fire_batch
from chalicelib.triggers.endings import fire_endings
from chalicelib.triggers.health import printable
from chalicelib.triggers.housekeeping import forget_old

STAY_SECONDS = 70.0
LONGEST_PAUSE = 1.0
SHORTEST_PAUSE = 0.05
BATCH = 500
LEAVE_AT_MS = 5000
TOKEN_MS = 1000
MONTHS_AHEAD = 3
KEYS_KEPT_HOURS = 8 * 24  # longer than Kafka keeps a group's position, after which records come again
OCCURRENCES_KEPT_DAYS = 90
KEYS_PER_ROUND = 5000
PLACES_PER_ROUND = 500
EXECUTIONS_PER_ROUND = 500

Transaction = Callable[[], AbstractContextManager[Connection]]


class Clock(Protocol):
    """Seconds that only grow, and waiting. Decides how long the tick stays, never what is due."""

    def monotonic(self) -> float:
        """Seconds since some fixed point."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(slots=True)
class TickReport:
    """What one tick did. `left` is why it ended: stayed, time, newer, rounds, or second (another tick had just begun)."""

    rounds: int = 0
    fired: int = 0
    late: int = 0
    skipped: int = 0
    released: int = 0
    followed: int = 0
    wakes: int = 0
    partitions_made: int = 0
    keys_forgotten: int = 0
    occurrences_forgotten: int = 0
    deliveries_forgotten: int = 0
    errors: list[str] = field(default_factory=list)
    left: str = "stayed"

    def as_dict(self) -> dict[str, Any]:
        """For the handler's answer and the log."""
        return asdict(self)


def run_tick(
    holder: str,
    *,
    rounds: int | None = None,
    remaining_ms: Callable[[], int] | None = None,
    clock: Clock = time,
    transaction: Transaction = db.transaction,
    batch: int = BATCH,
) -> TickReport:
    """Be the tick named `holder` (unique) for STAY_SECONDS, for `rounds` rounds, or until fewer than LEAVE_AT_MS milliseconds remain; one round at least.

    A failing round is logged and the next one tries again, since whatever failed was rolled back. Raises the last error when every round failed.
    """
    first = cache().set_nx(token(), holder, TOKEN_MS) is not False  # unknown counts as first: Redis may be gone
    tick = _Tick(holder, clock, transaction, batch, remaining_ms, first=first)
    return tick.run(rounds)


def token() -> str:
    """The key in Redis of who has just begun. It names the database, so that installations that share a Redis do not hold each other up."""
    return "tick:" + sha256((settings().database_url or "").encode()).hexdigest()[:16]


class _Tick:
    def __init__(
        self,
        holder: str,
        clock: Clock,
        transaction: Transaction,
        batch: int,
        remaining_ms: Callable[[], int] | None,
        *,
        first: bool,
    ) -> None:
        self.holder, self.clock, self.transaction, self.batch = holder, clock, transaction, batch
        self.remaining_ms = remaining_ms or (lambda: 1_000_000)
        self.first = first
        self.registered = False
        self.superseded = False
        self.chores = [self._make_partitions, self._forget_keys, self._forget_occurrences, self._forget_deliveries, self._finish_events, self._forget_events, self._free_places, self._forget_history] if first else []
        self.report = TickReport()
        self.log = logger("scheduler")

    def run(self, rounds: int | None) -> TickReport:
        """Rounds until something ends the tick."""
        until = self.clock.monotonic() + STAY_SECONDS
        while True:
            failure, pause = None, LONGEST_PAUSE
            try:
                pause = self._round()
            except Exception as error:  # rolled back, and reported; the database may be back in a second
                failure = error
                self.log.exception("a round of the tick failed")
                metrics.count("tick_rounds_failed")
                self.report.errors.append(_said(error)[:300])
            self.report.rounds += 1
            left = self._leaving(rounds, until)
            if left:
                self.report.left = left
                if failure is not None and len(self.report.errors) == self.report.rounds:
                    raise failure
                return self.report
            self.clock.sleep(pause)

    def _leaving(self, rounds: int | None, until: float) -> str | None:
        if self.superseded:
            return "newer"
        if not self.first:
            return "second"
        if rounds is not None and self.report.rounds >= rounds:
            return "rounds"
        if self.remaining_ms() < LEAVE_AT_MS:
            return "time"
        return "stayed" if self.clock.monotonic() >= until else None

    def _round(self) -> float:
        """Register if need be, look, fire, wake, one chore. Returns for how long nothing is known to come due, in seconds."""
        with self.transaction() as connection:
            if self.first and not self.registered:
                repository.register_tick(connection, self.holder)
            seen = repository.probe(connection)
        self.registered = self.first
        if self.registered and seen["holder"] != self.holder:
            self.superseded = True
            return 0.0
        fired = self._fire_due() if seen["next_fire_in"] is not None and seen["next_fire_in"] <= 0 else Batch()
        released = self._release_queued() if seen["queued"] else 0
        followed = self._follow_endings() if seen["endings"] else 0
        if fired.started or released or followed or seen["wakes_due"]:
            wake()
            self.report.wakes += 1
        self._next_chore()
        return _pause(fired, seen["next_fire_in"], seen["next_wake_in"])

    def _release_queued(self) -> int:
        """What waited for the end of an earlier run, where that has come."""
        with self.transaction() as connection:
            released = release_queued(connection, self.batch)
        self.report.released += released
        return released

    def _follow_endings(self) -> int:
        """What listens to the ends of executions."""
        with self.transaction() as connection:
            followed = fire_endings(connection, self.batch)
        self.report.followed += followed
        return followed

    def _fire_due(self) -> Batch:
        """Batches, each in its own transaction, until nothing is due or time runs out."""
        total = Batch()
        while True:
            began = self.clock.monotonic()
            done = self._fire_one_batch()
            total += done
            self._count(done, self.clock.monotonic() - began)
            if not done.more or self.remaining_ms() < LEAVE_AT_MS:
                return total

    def _fire_one_batch(self) -> Batch:
        try:
            with self.transaction() as connection:
                return fire_batch(connection, self.batch)
        except (OperationalError, Unavailable):
            raise
        except Exception:  # one trigger spoils the batch: find it, so that it harms nobody else
            self.log.exception("a batch of schedules failed; firing them one by one")
            return self._fire_one_by_one()

    def _fire_one_by_one(self) -> Batch:
        with self.transaction() as connection:
            ids = repository.due_ids(connection, self.batch)
        total = Batch(more=len(ids) == self.batch)
        for trigger_id in ids:
            try:
                with self.transaction() as connection:
                    done = fire_batch(connection, 1, only=trigger_id)
                total += replace(done, more=total.more)
            except (OperationalError, Unavailable):
                raise
            except Exception as error:
                self.log.exception("a schedule could not be fired; it is looked at again in five minutes", trigger_id=trigger_id)
                with self.transaction() as connection:
                    repository.postpone(connection, trigger_id, printable(f"firing failed: {_said(error)}"))
                total += Batch(claimed=1, more=total.more)
        return total

    def _count(self, done: Batch, seconds: float) -> None:
        self.report.fired += done.fired
        self.report.late += done.late
        self.report.skipped += done.skipped
        if not done.claimed:
            return
        for outcome in ("fired", "late", "skipped"):
            if getattr(done, outcome):
                metrics.count("schedule_occurrences", getattr(done, outcome), outcome=outcome)
        metrics.duration("schedule_batch", seconds)
        if done.started:
            metrics.duration("schedule_lag", done.lag_seconds)

    def _next_chore(self) -> None:
        """One small chore a round, so that none delays a firing by much. A chore that fails waits for the next tick."""
        if not self.chores:
            return
        chore = self.chores.pop(0)
        try:
            more = chore()
        except Exception:
            self.log.exception("a chore of the tick failed; the next tick tries again")
            metrics.count("tick_chores_failed")
            return
        if more:
            self.chores.insert(0, chore)

    def _make_partitions(self) -> bool:
        with self.transaction() as connection:
            self.report.partitions_made += repository.ensure_partitions(connection, MONTHS_AHEAD)
        return False

    def _forget_keys(self) -> bool:
        with self.transaction() as connection:
            forgotten = repository.forget_start_keys(connection, KEYS_KEPT_HOURS, KEYS_PER_ROUND)
        self.report.keys_forgotten += forgotten
        return forgotten == KEYS_PER_ROUND

    def _forget_occurrences(self) -> bool:
        with self.transaction() as connection:
            forgotten = repository.forget_occurrences(connection, OCCURRENCES_KEPT_DAYS, KEYS_PER_ROUND)
        self.report.occurrences_forgotten += forgotten
        return forgotten == KEYS_PER_ROUND

    def _finish_events(self) -> bool:
        """An event whose publisher died before all that waited for it were told."""
        if not events.finish_left(self.transaction):
            return False
        wake()
        return True

    def _free_places(self) -> bool:
        with self.transaction() as connection:
            freed = free_left_places(connection, PLACES_PER_ROUND)
        if freed:
            wake()
        return freed == PLACES_PER_ROUND

    def _forget_history(self) -> bool:
        return forgetting.forget(self.transaction, EXECUTIONS_PER_ROUND) >= EXECUTIONS_PER_ROUND

    def _forget_events(self) -> bool:
        with self.transaction() as connection:
            return events.forget(connection, KEYS_PER_ROUND) == KEYS_PER_ROUND

    def _forget_deliveries(self) -> bool:
        with self.transaction() as connection:
            forgotten = forget_old(connection, KEYS_PER_ROUND)
        self.report.deliveries_forgotten += forgotten
        return forgotten >= KEYS_PER_ROUND


def _said(error: Exception) -> str:
    """An error without the statement and its parameters, which hold what users wrote."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{type(cause).__name__}: {cause}"


def _pause(fired: Batch, next_fire_in: float | None, next_wake_in: float | None) -> float:
    """Until the next thing known to come due. After a firing look again soon: what follows is not known yet."""
    if fired.claimed:
        return SHORTEST_PAUSE
    ahead = [seconds for seconds in (next_fire_in, next_wake_in) if seconds is not None and seconds > 0]
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, min(ahead, default=LONGEST_PAUSE)))
