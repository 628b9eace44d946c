"""What grows and what does not.

    python -m tests.servers run --no-kafka -- python -m tests.bench.growth drain|claim|bloat|nodes|map [--scale 0.1]

drain: one worker, with 1,000 executions queued and with 100,000, half of those in one lane. claim: the claim of 64 with nothing else in the table, and with a million
executions waiting, an old snapshot open and a million transitions behind it. bloat: the size of the queue's table and indexes while executions come and go.
nodes: CPU per node of workflows of 5 and of 500, two at a time. map: memory of a worker over 10,000 items. `--scale` makes the large numbers smaller; it is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop

from chalicelib.core import metrics
from chalicelib.engine.claiming import MARGIN
from chalicelib.engine.database import AsyncConnection
from chalicelib.engine.repository import EngineRepository
from chalicelib.engine.saves import Finish, Flusher, Save
from chalicelib.engine.statements import CLAIM, CLAIM_FAIRLY
from infra.host.servers import free_port
from tests.bench.bed import Meter, bed, queue, until, working
from tests.support.workflows import Database, definition, published, started

SMALL = definition({"id": "a", "type": "transform", "config": {"assign": {"x": "1"}}})
KEEP = 1_000
PACE = 900.0
ECHO_PORT = free_port()
ECHO_URL = f"http://127.0.0.1:{ECHO_PORT}/echo"


class Ended:
    """Counts the executions that a worker of this process ends; asking a long queue for its length would cost more than the work."""

    count = 0

    def add(self, name: str, _unit: str, value: float, _dimensions: Mapping[str, str]) -> None:
        """Take one measurement."""
        self.count += int(value) if name == "executions_finished" else 0

    def flush(self) -> None:
        """Nothing to send."""


async def drain(database: Database, scale: float) -> None:
    """The rate of the first 1,000 executions, by turns with few and with many queued."""
    large = round(100_000 * scale)
    crowd = published(database, SMALL)
    others = [published(database, SMALL) for _ in range(10)]
    for _ in range(3):
        for queued in (KEEP, large):
            queue(database, crowd, queued // 2)
            for other in others:
                queue(database, other, queued // 20)
            database.execute("VACUUM ANALYZE")  # else autovacuum comes to what was just inserted while the drain is measured
            database.execute("CHECKPOINT")
            meter = Meter(database)
            ended = Ended()
            metrics.use_sink(ended)
            async with working(database):
                while ended.count < KEEP:
                    await asyncio.sleep(0.005)
                found = meter.per(ended.count)
            print(json.dumps({"queued": queued, "in_one_lane": queued // 2, **found}), flush=True)
            database.execute("DELETE FROM wakes")


async def claim(database: Database, scale: float) -> None:
    """Milliseconds of a claim of 64, medians of 100: as the engine's connection sees it, the commit included, and what the server says of the statement alone.

    At PACE executions a second: what was claimed in the last second, the floor's margin, is what a claim still walks over while vacuum is held back.
    """
    workflow = published(database, SMALL)
    connection = AsyncConnection(database.url, prepare=True)
    repository = EngineRepository(connection, "bench")

    async def times(label: str, *, floored: bool) -> None:
        for fairly in (False, True):
            took, said = [], []
            for turn in range(200):
                next_at = time.perf_counter() + 64 / PACE
                queue(database, workflow, 64)
                floor = database.one("SELECT now() AS now")["now"] - MARGIN if floored else None
                if turn % 2:
                    statement, params = CLAIM_FAIRLY if fairly else CLAIM, {"lease": 30, "me": "bench", "floor": floor, "n": 64}
                    said.append(database.one(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", **params)["QUERY PLAN"][0]["Execution Time"])
                else:
                    began = time.perf_counter()
                    claims = await repository.claim(64, fairly=fairly, floor=floor)
                    took.append((time.perf_counter() - began) * 1000)
                    assert len(claims) == 64
                database.execute("DELETE FROM wakes WHERE wake_at BETWEEN now() AND now() + interval '1 day'")
                await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
            kind, figures = "by turns" if fairly else "in order", {"ms_p50": statistics.median(took), "statement_ms_p50": statistics.median(said)}
            print(json.dumps({"table": label, "claim": kind} | {name: round(each, 2) for name, each in figures.items()}), flush=True)

    await times("empty", floored=True)
    many = round(1_000_000 * scale)
    database.execute(
        "INSERT INTO wakes (execution_id, lane, wake_at) SELECT 'exe_w' || n, (SELECT min(lane) FROM workflows), now() - interval '1 hour' FROM generate_series(1, %(n)s) n",
        {"n": many},
    )
    with psycopg.connect(database.url) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM wakes LIMIT 1")
        database.execute("UPDATE wakes SET wake_at = now() + interval '30 days'")  # each a transition whose old entry the snapshot keeps
        database.execute("VACUUM ANALYZE wakes")
        await times(f"{many} waiting, an old snapshot, {many} transitions", floored=True)
        began = time.perf_counter()
        await repository.claim(64)
        print(json.dumps({"without_floor_ms": round((time.perf_counter() - began) * 1000, 1)}), flush=True)
    await connection.close()


async def bloat(database: Database, scale: float) -> None:
    """Executions come, are claimed and end, 300 at a time, by the engine's own statements; sizes at each tenth."""
    workflow = published(database, SMALL)
    one, two = AsyncConnection(database.url, prepare=True), AsyncConnection(database.url, prepare=True)
    repository, flusher = EngineRepository(one, "bench"), Flusher(two, "bench", 30.0)
    total, done, shown = round(1_000_000 * scale), 0, 0
    while done < total:
        await asyncio.to_thread(queue, database, workflow, 300)
        while claims := await repository.claim(64):
            now = datetime.now(UTC)
            saves = [Save(each.execution_id, each.epoch, each.signals, False, finish=Finish("succeeded"), last_seq=3, started_at=now) for each in claims]
            await asyncio.gather(*(flusher.save(save) for save in saves))
            done += len(claims)
        if done * 10 // total > shown:
            shown = done * 10 // total
            sizes = database.one(
                "SELECT pg_relation_size('wakes') AS heap, pg_relation_size('wakes_due') AS due, pg_relation_size('wakes_by_lane') AS lanes, pg_relation_size('wakes_pkey') AS ids"
            )
            print(json.dumps({"executions": done, **{name: f"{size // 1024} KB" for name, size in sizes.items()}}), flush=True)
    await one.close()
    await two.close()


async def nodes(database: Database, _scale: float) -> None:
    """Worker CPU per node, of a chain of pure nodes and of one of nodes that are saved one by one."""
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        "transform": lambda n: {"id": f"n{n}", "type": "transform", "config": {"assign": {"x": f"nodes.n{n - 1}.output.x + 1" if n else "1"}}},
        "delay of 0 s": lambda n: {"id": f"n{n}", "type": "delay", "config": {"seconds": 0}},
        "http.request": lambda n: {"id": f"n{n}", "type": "http.request", "config": {"url": ECHO_URL, "method": "POST", "body": {"n": n}}},
    }
    for kind, node in kinds.items():
        for size in (5, 500):
            chain = [node(n) for n in range(size)]
            workflow = published(database, definition(*chain, edges=[(f"n{n}", f"n{n + 1}") for n in range(size - 1)]))
            count = 1_000 // size
            together = 2  # the same for both sizes: what is saved at the same time shares a statement
            for turn in range(2):  # the first warms up
                queue(database, workflow, count)
                meter = Meter(database)
                async with working(database, max_held=together, claim_size=together):
                    await until(database, 0, pause=0.1)
                    found = meter.per(count * size)
                if turn:
                    print(json.dumps({"nodes": size, "of": kind, "cpu_us_per_node": round(found["worker_cpu_ms"] * 1000, 1), "postgres_us": round(found["postgres_cpu_ms"] * 1000, 1)}), flush=True)
    ended = database.execute("SELECT status, count(*) AS n FROM executions GROUP BY status")
    print(json.dumps({row["status"]: row["n"] for row in ended}))


async def mapped(database: Database, _scale: float) -> None:
    """The most memory a worker had over a map of 10,000 items; it runs in this process, which did little else."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = {"nodes": [{"id": "t", "type": "transform", "config": {"assign": {"double": "item.n * 2"}}}], "edges": []}
    workflow = published(database, definition({"id": "each", "type": "map", "config": {"items": "{{ input.items }}", "body": body}}))
    execution_id = started(database, workflow, {"items": [{"n": n, "text": "x" * 50} for n in range(10_000)]})
    began = time.perf_counter()
    async with working(database):
        await until(database, 0, pause=0.2)
    row = database.one("SELECT status, error FROM executions WHERE id = %(id)s", id=execution_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"items": 10_000, **row, "before_mb": before // 1024, "peak_mb": peak // 1024, "seconds": round(time.perf_counter() - began, 1)}))


PARTS = {"drain": drain, "claim": claim, "bloat": bloat, "nodes": nodes, "map": mapped}


def main() -> None:
    """Run one part."""
    from tests.bench.workload_a import echo

    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    database = bed()
    process = multiprocessing.Process(target=echo, args=(ECHO_PORT,), daemon=True)
    process.start()
    try:
        uvloop.run(PARTS[options.part](database, options.scale))
    finally:
        process.terminate()


if __name__ == "__main__":
    main()
