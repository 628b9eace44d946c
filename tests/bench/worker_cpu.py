"""What one worker costs on Workload A, apart from everything else: executions are inserted beforehand, then one worker in this process runs them all.

    python -m tests.servers run --no-kafka -- python -m tests.bench.worker_cpu [--executions 2000] [--times 3]

Prints CPU of this process and of PostgreSQL and statements, each per execution. To see where the time goes, run it under `py-spy record`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing

import uvloop

from infra.host.servers import free_port
from tests.bench.bed import Meter, bed, queue, until, working
from tests.bench.workload_a import echo, workload
from tests.support.workflows import Database, published

PORT = free_port()
INPUT = {"total": 60.5, "customer": "ada"}


async def measure(database: Database, count: int, times: int) -> None:
    """Measure so many times, after a few executions that warm everything up."""
    workflow = published(database, workload(f"http://127.0.0.1:{PORT}/echo"))
    for turn in range(times + 1):
        queue(database, workflow, count if turn else 200, INPUT)
        meter = Meter(database)
        async with working(database) as worker:
            await until(database, 0, pause=0.1)
            found = meter.per(count)
        if turn:
            print(json.dumps({**found, "statements": round(worker.statements / count, 3)}), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    database = bed()
    process = multiprocessing.Process(target=echo, args=(PORT,), daemon=True)
    process.start()
    try:
        uvloop.run(measure(database, options.executions, options.times))
    finally:
        process.terminate()


if __name__ == "__main__":
    main()
