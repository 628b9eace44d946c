"""What one worker costs on Workload A, apart from everything else: executions are inserted beforehand, then one worker in this process runs them all.

    python -m tests.servers run --no-kafka -- python -m tests.bench.worker_cpu [--executions 2000] [--profile FILE]

Prints CPU of this process and of PostgreSQL per execution, statements per execution, and with `--profile` the functions that took longest (cProfile, which
makes everything slower: read its shares, not its times).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import os
import pstats
import time
from typing import Any

import psycopg

from chalicelib.core import metrics
from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.engine.worker import Worker, WorkerOptions
from infra.migrations.runner import upgrade
from tests.bench.cpu import cpu_seconds, descendants
from tests.bench.workload_a import echo, postmaster, workload
from tests.e2e.conftest import product_environment
from tests.support.workflows import Database, Published, published

PORT = 18_766


def queue(database: Database, workflow: Published, count: int) -> None:
    """Executions of a workflow, due now, inserted in groups."""
    trigger = {"type": "api", "id": None, "method": "POST", "path": "bench", "headers": {"content-type": "application/json"}, "query": {}}
    for begin in range(0, count, 300):
        wish = StartRow(DEFAULT_WORKSPACE, workflow.workflow_id, {"total": 60.5, "customer": "ada"}, trigger)
        start_executions(database.execute, [wish] * min(300, count - begin))


async def drain(worker: Worker, database: Database) -> None:
    """Run until nothing is left."""
    task = asyncio.create_task(worker.run())
    while await asyncio.to_thread(lambda: database.one("SELECT EXISTS (SELECT 1 FROM wakes) AS more")["more"]):
        await asyncio.sleep(0.05)
    await worker.stop()
    await task


async def run(environment: dict[str, str], count: int, profile: str | None) -> dict[str, Any]:
    """One measurement; a few executions beforehand warm everything up."""
    database = Database(environment["DATABASE_URL"])
    workflow = published(database, workload(f"http://127.0.0.1:{PORT}/echo"))
    for warm in (200, 0):
        options = WorkerOptions(environment["DATABASE_URL"], environment["REDIS_URL"])
        queue(database, workflow, warm or count)
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            server = postmaster(connection)
        worker = Worker(options)
        before, began, wall = sum(cpu_seconds(pid) for pid in descendants(server)), time.process_time(), time.perf_counter()
        profiler = cProfile.Profile(time.thread_time) if profile and not warm else None
        if profiler:
            profiler.enable()
        await drain(worker, database)
        if profiler:
            profiler.disable()
            profiler.dump_stats(profile or "")
        used, took = time.process_time() - began, time.perf_counter() - wall
        after = sum(cpu_seconds(pid) for pid in descendants(server))
        statements = worker.statements
        await worker.close()
    return {
        "executions": count,
        "worker_cpu_ms": round(used * 1000 / count, 3),
        "postgres_cpu_ms": round((after - before) * 1000 / count, 3),
        "statements": round(statements / count, 3),
        "per_second": round(count / took, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--profile")
    options = parser.parse_args()
    environment = product_environment()
    upgrade(database_url=environment["DATABASE_URL"])
    metrics.use_sink(None)
    process = multiprocessing.Process(target=echo, args=(PORT,), daemon=True)
    process.start()
    os.environ.update(environment)
    try:
        import uvloop

        found = uvloop.run(run(environment, options.executions, options.profile))
    finally:
        process.terminate()
    print(json.dumps(found), flush=True)
    if options.profile:
        pstats.Stats(options.profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
