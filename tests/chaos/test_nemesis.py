"""Executions of every shape while processes are killed and frozen, connections cut, Redis flushed and PostgreSQL killed; an outside witness of the effects.

    ./test chaos -k nemesis                                   1,000 executions, for every change
    MILLRACE_CHAOS_LONG=1 ./test chaos -k nemesis             10,000 executions, 300 kills, 20 kills of the database

Then: no execution is lost or stuck, each ended as it should (at least 95 of 100, and the rest said why), every effect was made, one that came twice carried its
key and is explained by an attempt in history, and what an edge joins happened in that order.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.support.product import Product
from tests.support.recorder import Recorder
from tests.support.workflows import definition

LONG = bool(os.environ.get("MILLRACE_CHAOS_LONG"))
EXECUTIONS, KILLS, DATABASE_KILLS, FREEZES = (10_000, 300, 20, 5) if LONG else (1_000, 24, 2, 1)
LEASE_SECONDS = 30.0


def call(node_id: str, url: str, **rest: Any) -> dict[str, Any]:
    body = {"n": "{{ input.n }}"}
    retry = {"max_attempts": 8, "initial_seconds": 0.2, "max_seconds": 2}
    return {"id": node_id, "type": "http.request", "config": {"method": "POST", "url": f"{url}/{node_id}", "body": body}, "retry": retry, **rest}


def shapes(url: str) -> dict[str, tuple[dict[str, Any], str, list[str]]]:
    """Definition, how it must end, and the nodes whose effects must have been made, in the order of the edges (loops' items as one)."""
    inner = {"nodes": [call("item", url)], "edges": [], "output": "{{ index }}"}
    loop = {"id": "each", "type": "map", "config": {"items": "{{ [1, 2, 3] }}", "body": inner, "max_parallel": 2}}
    order = definition(
        call("first", url), loop, {"id": "pause", "type": "delay", "config": {"seconds": 0.5}},
        {"id": "child", "type": "workflow.run", "config": {"workflow": "nemesis-child", "input": "{{ input }}"}}, call("last", url),
        edges=[("first", "each"), ("each", "pause"), ("pause", "child"), ("child", "last")],
    )  # fmt: skip
    both = definition(
        call("left", url), call("right", url), call("merge", url),
        {"id": "hear", "type": "wait.event", "config": {"name": "nemesis", "key": "{{ input.n }}", "look_back_seconds": 86400}}, call("heard", url),
        edges=[("left", "merge"), ("right", "merge"), ("merge", "hear"), ("hear", "heard")],
    )  # fmt: skip
    saga = definition(
        call("book", url, undo="free"), call("free", url), {"id": "end", "type": "fail", "config": {"message": "as it must"}}, edges=[("book", "end")]
    )
    one = definition(call("alone", url), settings={"concurrency": {"key": "{{ 'k' + string(input.n % 20) }}", "limit": 3}})
    return {
        "nemesis-order": (order, "succeeded", ["first", "item", "inside", "last"]),
        "nemesis-both": (both, "succeeded", ["left", "merge", "heard"]),
        "nemesis-saga": (saga, "failed", ["book", "free"]),
        "nemesis-one": (one, "succeeded", ["alone"]),
    }


class Nemesis(threading.Thread):
    """Does harm until it is told to stop, or has done its share."""

    def __init__(self, product: Product) -> None:
        super().__init__(daemon=True)
        self.product, self.done = product, threading.Event()
        self.choose = random.Random(11)
        self.harm: dict[str, int] = defaultdict(int)
        plan = ["kill a worker"] * KILLS + ["kill the database"] * DATABASE_KILLS + ["freeze a worker"] * FREEZES
        plan += ["cut the connections"] * (KILLS // 4) + ["flush Redis"] * (KILLS // 4) + ["kill the front"] * (KILLS // 8)
        self.choose.shuffle(plan)
        self.plan = plan

    def run(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "kill a worker": lambda: self._signal("worker", signal.SIGKILL),
            "kill the front": lambda: self._signal("front", signal.SIGKILL),
            "kill the database": lambda: self._signal("postgres", signal.SIGKILL),
            "freeze a worker": self._freeze,
            "cut the connections": self._cut,
            "flush Redis": lambda: redis.Redis.from_url(self.product.run["redis_url"]).flushall(),
        }
        for act in self.plan:
            if self.done.is_set():
                return
            with contextlib.suppress(OSError, psycopg.Error, redis.RedisError, IndexError):
                acts[act]()
                self.harm[act] += 1
            self.done.wait(self.choose.uniform(0.3, 1.5) if not LONG else self.choose.uniform(0.5, 3.0))

    def _victim(self, kind: str) -> int:
        return self.choose.choice([pid for name, pid in self.product.children().items() if name.startswith(kind)])

    def _signal(self, kind: str, what: int) -> None:
        os.kill(self._victim(kind), what)

    def _freeze(self) -> None:
        """Longer than a lease: somebody else takes over, and then it wakes up."""
        victim = self._victim("worker")
        os.kill(victim, signal.SIGSTOP)

        def thaw() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGCONT)

        threading.Timer(LEASE_SECONDS + 5, thaw).start()

    def _cut(self) -> None:
        with psycopg.connect(self.product.run["database_url"], autocommit=True, connect_timeout=2) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def stubborn(product: Product, method: str, path: str, body: Any) -> Any:
    """A call whose sender tries again until it is answered with success, as a good client does."""
    for _ in range(600):
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = product.call(method, "/api" + path, body)
            if 200 <= reply.status < 300:
                return reply.json()
            assert reply.status in (429, 500, 502, 503), reply.body
        time.sleep(0.2)
    raise AssertionError(f"{method} {path} was never answered")


@pytest.mark.slow
@pytest.mark.timeout(10_000 if LONG else 900)
def test_nemesis(tmp_path: Path, recorder: Recorder) -> None:
    environment = {"KAFKA_BOOTSTRAP_SERVERS": "none", "MILLRACE_EGRESS_ALLOW": "127.0.0.1", "LOG_LEVEL": "WARNING"}
    product = Product(tmp_path / "data", "--workers", "2", environment=environment)
    try:
        known = shapes(recorder.url)
        ids = _workflows(product, recorder.url, known)
        nemesis = Nemesis(product)
        nemesis.start()
        begun = time.monotonic()
        started = _start_all(product, ids, known)
        nemesis.join(3600 if LONG else 200)
        nemesis.done.set()
        last_fault = time.monotonic()
        rows = _ended(product, started)
        print(f"\n{len(started)} executions, {dict(nemesis.harm)}; started within {last_fault - begun:.0f} s, all ended {time.monotonic() - last_fault:.0f} s after the last fault")
        _check(product, recorder, rows, started, known)
    finally:
        product.stop()


def _workflows(product: Product, url: str, known: dict[str, Any]) -> dict[str, str]:
    found = {}
    bodies = {"nemesis-child": definition(call("inside", url)), **{slug: body for slug, (body, _, _) in known.items()}}
    for slug, body in bodies.items():
        made = product.api("POST", "/workflows", {"name": slug, "slug": slug, "definition": body})
        product.api("POST", f"/workflows/{made['id']}/publish")
        found[slug] = made["id"]
    return found


def _start_all(product: Product, ids: dict[str, str], known: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Execution -> (shape, n). Each is started under a key, so that asking again starts nothing."""
    started: dict[str, tuple[str, int]] = {}
    numbers = iter(range(EXECUTIONS))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            shape = list(known)[n % len(known)]
            answer = stubborn(product, "POST", f"/workflows/{ids[shape]}/executions", {"input": {"n": n}, "idempotency_key": f"n{n}"})
            with lock:
                started[answer["id"]] = (shape, n)
            if shape == "nemesis-both":
                stubborn(product, "POST", "/events", {"name": "nemesis", "key": str(n), "payload": n})

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == EXECUTIONS
    return started


def _ended(product: Product, started: dict[str, tuple[str, int]]) -> dict[str, Any]:
    """Their rows, once all have ended; within two minutes of the last fault (a lease, and time for a frozen worker to wake up)."""
    end = time.monotonic() + 120
    while True:
        with contextlib.suppress(psycopg.Error), psycopg.connect(product.run["database_url"], autocommit=True) as connection:
            live = connection.execute("SELECT execution_id, wake_at, worker, lease_epoch, signals FROM wakes").fetchall()
            if not live:
                rows = connection.execute("SELECT id, status, output, error FROM executions WHERE id = ANY(%s)", (list(started),)).fetchall()
                return {row[0]: row[1:] for row in rows}
            assert time.monotonic() < end, f"{len(live)} are stuck, such as {live[:3]}"
        time.sleep(0.5)


def _check(product: Product, recorder: Recorder, rows: dict[str, Any], started: dict[str, tuple[str, int]], known: dict[str, Any]) -> None:
    assert set(rows) == set(started), "executions were lost"
    with psycopg.connect(product.run["database_url"], autocommit=True) as connection:
        attempts = connection.execute(
            """SELECT coalesce(e.key_origin, e.id) || '.' || n.node_id || CASE WHEN n.iteration = '' THEN '' ELSE '.' || n.iteration END, count(*)
               FROM node_runs n JOIN executions e ON e.id = n.execution_id WHERE n.attempt > 0 GROUP BY 1"""
        ).fetchall()
        assert connection.execute("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM concurrency_slots)").fetchone() == (0,)
    by_key = dict(attempts)
    first: dict[str, int] = {}
    sent: dict[str, int] = defaultdict(int)
    bodies: dict[str, set[str]] = defaultdict(set)
    for place, made in enumerate(recorder.calls()):
        first.setdefault(made["key"], place)
        sent[made["key"]] += 1
        bodies[made["key"]].add(json.dumps(made["body"]))
    repeats = {key: count for key, count in sent.items() if count > 1}
    unexplained = {key: count for key, count in repeats.items() if count > by_key.get(key, 0)}
    as_expected = [execution_id for execution_id, (shape, _) in started.items() if rows[execution_id][0] == known[shape][1]]
    print(f"{len(as_expected)} ended as they should; {len(sent)} effects, {len(repeats)} came again under their key, {len(unexplained)} of them unexplained")
    others = {rows[execution_id][2] for execution_id in started if execution_id not in as_expected}
    assert len(as_expected) >= 0.95 * len(started), list(others)[:5]
    assert not unexplained, list(unexplained.items())[:5]
    assert all(len(kinds) == 1 for kinds in bodies.values()), "an effect was sent again with another body"
    for execution_id in as_expected:
        shape, _ = started[execution_id]
        order = [[place for key, place in _keys(first, execution_id, node_id)] for node_id in known[shape][2]]
        assert all(order), (shape, execution_id, "an effect is missing")
        assert all(max(before) < min(after) for before, after in zip(order, order[1:], strict=False)), (shape, execution_id)


def _keys(first: dict[str, int], execution_id: str, node_id: str) -> list[tuple[str, int]]:
    names = {"item": [f"item.each:{n}" for n in range(3)], "inside": ["child.inside"]}.get(node_id, [node_id])
    wanted = [f"{execution_id}.{name}" for name in names]
    return [(key, first[key]) for key in wanted if key in first]
