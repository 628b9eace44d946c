"""Workload A: webhook -> transform -> http.request to a local echo -> condition -> transform, through the real front, all on this machine.

    python -m tests.servers run --no-kafka -- python -m tests.bench.workload_a [--concurrency 64] [--seconds 10] [--workers 2]

Prints completed executions per second, CPU per execution of the front, the workers and PostgreSQL, how long a webhook takes to its answer and to its action, and
what analytics costs of that and how far behind it is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from aiohttp import web

from tests.bench.analytics_cost import LagSampler, folding_cost
from tests.bench.cpu import cpu_seconds, descendants
from tests.e2e.conftest import product_environment
from tests.support.product import Product
from tests.support.workflows import definition


def echo(port: int) -> None:
    """The API that the workflow calls."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(await request.json())

    application = web.Application()
    application.router.add_post("/echo", answer)
    web.run_app(application, host="127.0.0.1", port=port, print=None)


def workload(url: str) -> dict[str, Any]:
    """The workflow."""
    return definition(
        {"id": "cents", "type": "transform", "config": {"assign": {"cents": "input.total * 100", "customer": "input.customer"}}},
        {"id": "charge", "type": "http.request", "config": {"method": "POST", "url": url, "body": "{{ nodes.cents.output }}"}},
        {"id": "large", "type": "condition", "config": {"expression": "nodes.charge.output.body.cents > 1000"}},
        {"id": "done", "type": "transform", "config": {"assign": {"charged": "nodes.charge.output.body.cents"}}},
        edges=[("cents", "charge"), ("charge", "large"), ("large", "true", "done")],
    )


def postmaster(connection: psycopg.Connection[Any]) -> int:
    """The pid of the server's first process."""
    backend = connection.execute("SELECT pg_backend_pid()").fetchone()[0]  # type: ignore[index]
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


async def load(url: str, concurrency: int, seconds: float) -> list[float]:
    """Send requests in a closed loop; returns the times to the answers, in seconds."""
    times: list[float] = []
    end = time.monotonic() + seconds

    async def one(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            began = time.perf_counter()
            async with session.post(url, json={"total": 60.5, "customer": "ada"}) as response:
                assert response.status == 202, await response.text()
                await response.read()
            times.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        await asyncio.gather(*(one(session) for _ in range(concurrency)))
    return times


def measure(product: Product, database_url: str, concurrency: int, seconds: float, workflow_id: str) -> dict[str, Any]:
    """One run at one concurrency."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        groups = {
            "front": [product.children()["front"]],
            "workers": [pid for name, pid in product.children().items() if name.startswith("worker")],
            "postgres": [postmaster(connection)],
        }
        before = {name: sum(cpu_seconds(p) for pid in pids for p in descendants(pid)) for name, pids in groups.items()}
        since = connection.execute("SELECT now()").fetchone()[0]  # type: ignore[index]
        with LagSampler(database_url) as lag:
            times = asyncio.run(load(f"http://{product.host}:{product.port}/api/trigger/bench", concurrency, seconds))
        while connection.execute("SELECT count(*) FROM wakes").fetchone()[0]:  # type: ignore[index]
            time.sleep(0.05)
        after = {name: sum(cpu_seconds(p) for pid in pids for p in descendants(pid)) for name, pids in groups.items()}
        row = connection.execute(
            """SELECT count(*), extract(epoch FROM max(e.finished_at) - min(e.created_at)),
                 percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM n.started_at - e.created_at) * 1000)
               FROM executions e JOIN node_runs n ON n.execution_id = e.id AND n.node_id = 'charge'
               WHERE e.created_at >= %s AND e.workflow_id = %s AND e.status = 'succeeded'""",
            (since, workflow_id),
        ).fetchone()
    assert row is not None
    done, took, action = row
    return {
        "concurrency": concurrency,
        "executions": done,
        "per_second": round(done / float(took), 1),
        "answer_ms": {"p50": round(statistics.median(times) * 1000, 1), "p99": round(statistics.quantiles(times, n=100)[98] * 1000, 1)},
        "to_action_ms": {"p50": round(action[0], 1), "p99": round(action[1], 1)},
        "cpu_ms_per_execution": {name: round((after[name] - before[name]) * 1000 / done, 2) for name in groups},
        "analytics": {"folding_cpu_ms_per_execution": folding_cost(database_url, since), "lag_seconds": lag.seconds()},
    }


def main() -> None:
    """Run at 1 and at the given concurrency, and print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    environment = product_environment()
    process = multiprocessing.Process(target=echo, args=(18_765,), daemon=True)
    process.start()
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data", "--workers", str(options.workers), environment={**environment, "LOG_LEVEL": "WARNING"})
        try:
            body = {"name": "Bench", "definition": workload("http://127.0.0.1:18765/echo")}
            workflow = product.api("POST", "/workflows", body)
            product.api("POST", f"/workflows/{workflow['id']}/publish")
            product.api("POST", "/triggers", {"workflow_id": workflow["id"], "type": "api", "config": {"path": "bench"}})
            asyncio.run(load(f"http://{product.host}:{product.port}/api/trigger/bench", 8, 2))
            for concurrency in (1, options.concurrency):
                print(json.dumps(measure(product, environment["DATABASE_URL"], concurrency, options.seconds, workflow["id"])), flush=True)
        finally:
            product.stop()
            process.terminate()


if __name__ == "__main__":
    main()
