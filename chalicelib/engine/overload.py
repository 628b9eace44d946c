"""The bound on the queue: past it every door that starts executions refuses, instead of accepting what nobody would come to for a long time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache

import psycopg

from chalicelib.core.config import settings
from chalicelib.core.errors import RateLimited
from chalicelib.core.hot import Execute, hot_execute
from chalicelib.engine.statements import COUNT_DUE

LOOK_SECONDS = 1.0
RETRY_AFTER_SECONDS = 5


class Bound:
    """How many executions are due is looked up at most every LOOK_SECONDS in each process, so that a little more than `limit` may be accepted. What waits for its time,
    or runs, does not count."""

    def __init__(self, execute: Execute, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._execute, self._limit, self._clock = execute, limit, clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._full = False

    def check(self) -> None:
        """Raises RateLimited while the queue is full. A database that is away is not a full queue: the insert will say what is wrong."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked_at = now
                self._full = self._execute(COUNT_DUE, {"limit": self._limit})[0]["due"] >= self._limit
            except psycopg.Error:
                self._full = False
            finally:
                self._lock.release()
        if self._full:
            raise RateLimited(f"{self._limit} executions are due and not begun yet; come back later", retry_after=RETRY_AFTER_SECONDS)


def check_queue() -> None:
    """Raises RateLimited while more is due than MILLRACE_QUEUE_LIMIT allows."""
    config = settings()
    _bound(config.require_database_url(), config.queue_limit).check()


@lru_cache(maxsize=4)  # one for each database and limit that this process has had
def _bound(_database_url: str, limit: int) -> Bound:
    return Bound(hot_execute, limit)
