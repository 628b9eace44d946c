"""What the benchmarks share: a migrated database of their own, executions put into the queue, and workers in this process or as processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from chalicelib.core import metrics
from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.engine.worker import Worker, WorkerOptions
from infra.migrations.runner import upgrade
from tests.bench.cpu import cpu_seconds, descendants
from tests.bench.workload_a import postmaster
from tests.e2e.conftest import product_environment
from tests.support.workflows import Database, Published

GROUP = 300


def bed() -> Database:
    """A new database with our schema, which this process then uses for everything."""
    environment = product_environment()
    os.environ.update(environment)
    upgrade(database_url=environment["DATABASE_URL"])
    metrics.use_sink(None)
    return Database(environment["DATABASE_URL"])


def queue(database: Database, workflow: Published, count: int, data: Any = None) -> None:
    """So many executions of a workflow, due now."""
    trigger = {"type": "api", "id": None, "method": "POST", "path": "bench", "headers": {"content-type": "application/json"}, "query": {}}
    for begin in range(0, count, GROUP):
        wish = StartRow(DEFAULT_WORKSPACE, workflow.workflow_id, data if data is not None else {}, trigger)
        start_executions(database.execute, [wish] * min(GROUP, count - begin))


@asynccontextmanager
async def working(database: Database, **options: Any) -> AsyncIterator[Worker]:
    """A worker of this process, running."""
    worker = Worker(WorkerOptions(database.url, os.environ["REDIS_URL"], **options))
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await worker.stop()
        await task
        await worker.close()


async def until(database: Database, left: int, pause: float = 0.02) -> None:
    """Until no more than `left` executions are alive."""
    while database.one("SELECT count(*) AS n FROM wakes")["n"] > left:
        await asyncio.sleep(pause)


class Meter:
    """CPU of this process and of PostgreSQL, and the time, since it was made."""

    def __init__(self, database: Database) -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            self._server = postmaster(connection)
        self._before, self._own, self._began = self._postgres(), time.process_time(), time.perf_counter()

    def _postgres(self) -> float:
        return sum(cpu_seconds(pid) for pid in descendants(self._server))

    def per(self, count: int) -> dict[str, float]:
        """By so many executions."""
        took = time.perf_counter() - self._began
        return {
            "worker_cpu_ms": round((time.process_time() - self._own) * 1000 / count, 3),
            "postgres_cpu_ms": round((self._postgres() - self._before) * 1000 / count, 3),
            "per_second": round(count / took, 1),
        }
