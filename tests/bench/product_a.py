"""Delays and fairness through the running product.

    python -m tests.servers run --no-kafka -- python -m tests.bench.product_a delays|fairness|overload [--scale 0.1]

delays: 1,000 executions with a delay of 5 s, started at 64 concurrent: how late each ended, and whether any ended early. fairness: how long executions of one workflow
wait for their first claim, alone and while 50,000 of another are queued. overload: three times what the workers do is sent while the queue has a low bound: what is
answered, and that everything accepted ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.bed import queue
from tests.bench.workload_a import load
from tests.e2e.conftest import product_environment
from tests.support.product import Product
from tests.support.workflows import Database, Published, definition

ONE = {"id": "a", "type": "transform", "config": {"assign": {"x": "1"}}}
LIMIT = 500


def made(product: Product, path: str, body: dict[str, Any]) -> str:
    """A published workflow behind a trigger; returns its id."""
    workflow = product.api("POST", "/workflows", {"name": path, "definition": body})
    product.api("POST", f"/workflows/{workflow['id']}/publish")
    product.api("POST", "/triggers", {"workflow_id": workflow["id"], "type": "api", "config": {"path": path}})
    return str(workflow["id"])


async def send(url: str, count: int, concurrency: int = 64, pause: float = 0.0) -> Counter[int]:
    """So many requests, `concurrency` at a time, each sender with a pause after each; returns how often which status came."""
    left = iter(range(count))
    statuses: Counter[int] = Counter()

    async def one(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, json={}) as response:
                await response.read()
                statuses[response.status] += 1
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        await asyncio.gather(*(one(session) for _ in range(concurrency)))
    return statuses


def settled(database: Database) -> None:
    """Until nothing is alive."""
    while database.one("SELECT EXISTS (SELECT 1 FROM wakes) AS more")["more"]:
        time.sleep(0.1)


def delays(product: Product, database: Database, _scale: float) -> None:
    """Lateness of delays, in milliseconds."""
    made(product, "delays", definition({"id": "d", "type": "delay", "config": {"seconds": 5}}, ONE, edges=[("d", "a")]))
    print(json.dumps(asyncio.run(send(f"{product.run['url']}api/trigger/delays", 1_000))))
    settled(database)
    late = [row["ms"] for row in database.execute("SELECT (extract(epoch FROM finished_at - wake_at) * 1000)::float8 AS ms FROM node_runs WHERE type = 'delay'")]
    cuts = statistics.quantiles(late, n=100)
    print(json.dumps({"delays": len(late), "early": sum(ms < 0 for ms in late), "late_ms_p50": round(cuts[49], 1), "late_ms_p99": round(cuts[98], 1)}))


def fairness(product: Product, database: Database, scale: float) -> None:
    """Milliseconds from an execution's creation to its first claim, for one of two workflows."""
    workflow = made(product, "quick", definition(ONE))
    crowd = made(product, "crowd", definition(ONE))

    def waits() -> dict[str, Any]:
        since = database.one("SELECT now() AS now")["now"]
        sent = asyncio.run(send(f"{product.run['url']}api/trigger/quick", 400, concurrency=4, pause=0.05))
        left = database.one("SELECT count(*) AS n FROM wakes")["n"]
        while database.one("SELECT count(*) AS n FROM executions WHERE workflow_id = %(id)s AND status = 'queued'", id=workflow)["n"]:
            time.sleep(0.1)
        rows = database.execute(
            "SELECT (extract(epoch FROM started_at - created_at) * 1000)::float8 AS ms FROM executions WHERE workflow_id = %(id)s AND created_at >= %(since)s",
            {"id": workflow, "since": since},
        )
        cuts = statistics.quantiles([row["ms"] for row in rows], n=100)
        return {"statuses": sent, "start_ms_p50": round(cuts[49], 1), "start_ms_p99": round(cuts[98], 1), "left_in_queue": left}

    waits()
    print(json.dumps({"queued_of_another": 0, **waits()}), flush=True)
    many = round(50_000 * scale)
    definition_id = database.one("SELECT definition_id FROM workflow_versions WHERE workflow_id = %(id)s", id=crowd)["definition_id"]
    queue(database, Published(crowd, definition_id), many)
    print(json.dumps({"queued_of_another": many, **waits()}), flush=True)
    database.execute("DELETE FROM wakes")


def overload(product: Product, database: Database, _scale: float) -> None:
    """A queue with a low bound, and more senders than the workers can serve."""
    busy = definition(*({"id": f"n{n}", "type": "transform", "config": {"assign": {"x": "1"}}} for n in range(60)))
    workflow = made(product, "flood", busy)
    statuses = asyncio.run(send(f"{product.run['url']}api/trigger/flood", 8_000))
    metrics = product.call("GET", "/metrics").body.decode()
    settled(database)
    counts = {row["status"]: row["n"] for row in database.execute("SELECT status, count(*) AS n FROM executions WHERE workflow_id = %(id)s GROUP BY 1", {"id": workflow})}
    oldest = next(line for line in metrics.splitlines() if line.startswith("millrace_queue_oldest_due_seconds"))
    print(json.dumps({"limit": LIMIT, "answers": statuses, "executions": counts, "metric": oldest}))


PARTS = {"delays": delays, "fairness": fairness, "overload": overload}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    environment = {**product_environment(), "LOG_LEVEL": "WARNING"}
    if options.part == "overload":
        environment["MILLRACE_QUEUE_LIMIT"] = str(LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data", "--workers", str(options.workers), environment=environment)
        try:
            made(product, "warm", definition(ONE))
            asyncio.run(load(f"{product.run['url']}api/trigger/warm", 8, 1))
            PARTS[options.part](product, Database(environment["DATABASE_URL"]), options.scale)
        finally:
            product.stop()


if __name__ == "__main__":
    main()
