"""Workload A: webhook -> transform -> http.request to a local echo -> condition -> transform, through the real front, all on this machine.

    python -m tests.servers run --no-kafka -- python -m tests.bench.workload_a [--concurrency 64] [--seconds 10] [--workers 2] [--py-spy PATH]

Prints completed executions per second, CPU per execution of the front, the workers and PostgreSQL, how long a webhook takes to its answer and to its action, and
what analytics costs of that and how far behind it is. With `--py-spy` (the program of that name) each process is sampled during one
more measurement, and the functions that took most are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from aiohttp import web

from infra.host.servers import free_port
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


def resident_mb(pid: int) -> int:
    """The memory of a process that is in use now."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def transactions(connection: psycopg.Connection[Any]) -> int:
    """Transactions committed so far in this database. Ours are of one statement each, but for the few that hand on places of concurrency keys; sessions report what
    they did after a second, hence the pause."""
    time.sleep(1.5)
    row = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return int(row[0])  # type: ignore[index]


def postmaster(connection: psycopg.Connection[Any]) -> int:
    """The pid of the server's first process."""
    backend = connection.execute("SELECT pg_backend_pid()").fetchone()[0]  # type: ignore[index]
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


async def load(url: str, concurrency: int, seconds: float, statuses: tuple[int, ...] = (202,)) -> list[float]:
    """Send requests in a closed loop; returns the times to the answers, in seconds. Any other status is an error."""
    times: list[float] = []
    end = time.monotonic() + seconds

    async def one(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            began = time.perf_counter()
            async with session.post(url, json={"total": 60.5, "customer": "ada"}) as response:
                assert response.status in statuses, await response.text()
                await response.read()
            times.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        await asyncio.gather(*(one(session) for _ in range(concurrency)))
    return times


class Profiles:
    """Samples processes by py-spy; `print` says where their time went."""

    def __init__(self, program: str, pids: dict[str, int], folder: Path, seconds: float) -> None:
        self._files = {name: folder / f"{name}.raw" for name in pids}
        self._running = [
            subprocess.Popen(
                [program, "record", "--pid", str(pid), "--rate", "200", "--format", "raw", "--duration", str(round(seconds)), "--output", str(self._files[name])],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for name, pid in pids.items()
        ]

    def print(self, most: int = 40) -> None:
        """For each process the functions with the most samples of their own, and those with the most below them."""
        for process in self._running:
            process.wait()
        for name, path in self._files.items():
            own: Counter[str] = Counter()
            below: Counter[str] = Counter()
            for line in path.read_text().splitlines():
                stack, _, samples = line.rpartition(" ")
                frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
                own[frames[-1]] += int(samples)
                for frame in set(frames):
                    below[frame] += int(samples)
            total = sum(own.values())
            print(f"{name}: {total} samples")
            for (mine, samples), (theirs, sums) in zip(own.most_common(most), below.most_common(most), strict=False):
                print(f"  {samples / total:6.1%} {mine:60} {sums / total:6.1%} {theirs}")


def measure(product: Product, database_url: str, concurrency: int, seconds: float, workflow_id: str) -> dict[str, Any]:
    """One run at one concurrency."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        groups = {
            "front": [product.children()["front"]],
            "workers": [pid for name, pid in product.children().items() if name.startswith("worker")],
            "postgres": [postmaster(connection)],
        }
        sent = transactions(connection)
        before = {name: sum(cpu_seconds(p) for pid in pids for p in descendants(pid)) for name, pids in groups.items()}
        since = connection.execute("SELECT now()").fetchone()[0]  # type: ignore[index]
        with LagSampler(database_url) as lag:
            times = asyncio.run(load(f"http://{product.host}:{product.port}/api/trigger/bench", concurrency, seconds))
        while connection.execute("SELECT count(*) FROM wakes").fetchone()[0]:  # type: ignore[index]
            time.sleep(0.05)
        after = {name: sum(cpu_seconds(p) for pid in pids for p in descendants(pid)) for name, pids in groups.items()}
        sent = transactions(connection) - sent
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
        "statements": round(sent / done, 3),
        "resident_mb": {name: resident_mb(pid) for name, pid in product.children().items() if name == "front" or name.startswith("worker")},
        "cpu_ms_per_execution": {name: round((after[name] - before[name]) * 1000 / done, 2) for name in groups},
        "analytics": {"folding_cpu_ms_per_execution": folding_cost(database_url, since), "lag_seconds": lag.seconds()},
    }


def main() -> None:
    """Run at 1 and at the given concurrency, and print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--py-spy")
    options = parser.parse_args()
    environment = product_environment()
    port = free_port()
    process = multiprocessing.Process(target=echo, args=(port,), daemon=True)
    process.start()
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data", "--workers", str(options.workers), environment={**environment, "LOG_LEVEL": "WARNING"})
        try:
            body = {"name": "Bench", "definition": workload(f"http://127.0.0.1:{port}/echo")}
            workflow = product.api("POST", "/workflows", body)
            product.api("POST", f"/workflows/{workflow['id']}/publish")
            product.api("POST", "/triggers", {"workflow_id": workflow["id"], "type": "api", "config": {"path": "bench"}})
            asyncio.run(load(f"http://{product.host}:{product.port}/api/trigger/bench", 8, 2))
            for concurrency in (1, options.concurrency):
                print(json.dumps(measure(product, environment["DATABASE_URL"], concurrency, options.seconds, workflow["id"])), flush=True)
            if options.py_spy:
                pids = {name: pid for name, pid in product.children().items() if name in ("front", "worker-1")}
                profiles = Profiles(options.py_spy, pids, Path(folder), options.seconds)
                measure(product, environment["DATABASE_URL"], options.concurrency, options.seconds, workflow["id"])
                profiles.print()
        finally:
            product.stop()
            process.terminate()


if __name__ == "__main__":
    main()
