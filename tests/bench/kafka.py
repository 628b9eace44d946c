"""Kafka into executions: 100,000 messages, published beforehand, read by the host's own poller.

    .venv/bin/python -m tests.servers run -- .venv/bin/python -m tests.bench.kafka [--messages 100000] [--partitions 8] [--pollers 1] [--batch N]

Prints messages per second and the CPU of the poller and of PostgreSQL for each, then checks that every message became exactly one execution (with --batch: is in
exactly one). No engine runs: what is measured is the way in.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaProducer

from chalicelib.core.config import settings
from tests.support.kafka_triggers import Broker, kafka_trigger
from tests.support.workflows import Database, definition, published

TICKS = os.sysconf("SC_CLK_TCK")


def postgres_cpu(admin: psycopg.Connection[Any]) -> float:
    """User and system seconds of the server's processes."""
    pid = admin.execute("SELECT pg_postmaster_start_time(), pg_backend_pid()").fetchone()
    assert pid is not None
    parent = int(Path(f"/proc/{pid[1]}/stat").read_text().rpartition(")")[2].split()[1])
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent or int(entry.name) == parent:
                total += sum(int(field) for field in fields[11:15]) / TICKS
    return total


def poll(stop: Any, spent: Any) -> None:
    """One poller in a process of its own."""
    from chalicelib.core import metrics
    from functions.kafka import handler
    from infra.host.kafka_poller import KafkaPoller
    from infra.host.loops import NoMetrics

    metrics.use_sink(NoMetrics())
    started = time.process_time()  # what importing took is not the messages'
    leaving = threading.Event()
    thread = threading.Thread(target=KafkaPoller(settings(), handler).run, args=(leaving,))
    thread.start()
    stop.wait()
    leaving.set()
    thread.join()
    spent.put(time.process_time() - started)


def publish(servers: str, topic: str, count: int) -> None:
    """The messages, as fast as they go."""
    producer = KafkaProducer(bootstrap_servers=servers, acks=1, linger_ms=20, batch_size=256 * 1024)
    for n in range(count):
        producer.send(topic, json.dumps({"n": n, "customer": f"c-{n % 997}", "text": "x" * 150}).encode(), key=str(n % 997).encode())
    producer.flush()
    producer.close()


def main() -> None:
    """Run it once and print a line of the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--partitions", type=int, default=8)
    options.add_argument("--pollers", type=int, default=1)
    options.add_argument("--batch", type=int, default=0)
    chosen = options.parse_args()
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    name = f"bench_{os.getpid()}"
    url, servers = server.rsplit("/", 1)[0] + "/" + name, os.environ["MILLRACE_TEST_KAFKA"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            measure(admin, url, servers, chosen)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def measure(admin: psycopg.Connection[Any], url: str, servers: str, chosen: argparse.Namespace) -> None:
    """Prepare, run, print, check."""
    from infra.migrations.runner import upgrade

    upgrade(database_url=url)
    os.environ.update(DATABASE_URL=url, REDIS_URL="none", KAFKA_BOOTSTRAP_SERVERS=servers)
    settings.cache_clear()
    database, broker = Database(url), Broker(servers)
    topic = broker.topic(partitions=chosen.partitions)
    publish(servers, topic, chosen.messages)
    workflow = published(database, definition({"id": "done", "type": "stop", "config": {}}))
    batch = {"batch": {"max_records": chosen.batch}} if chosen.batch else {}
    kafka_trigger(database, workflow, topic, start="earliest", **batch)
    context = multiprocessing.get_context("spawn")
    stop, spent = context.Event(), context.Queue()
    pollers = [context.Process(target=poll, args=(stop, spent)) for _ in range(chosen.pollers)]
    before = postgres_cpu(admin)
    for poller in pollers:
        poller.start()
    first = taken(database, 1)
    last = taken(database, chosen.messages)
    after = postgres_cpu(admin)
    stop.set()
    cpu = sum(spent.get(timeout=60) for _ in pollers)
    for poller in pollers:
        poller.join()
    n = chosen.messages
    made = database.one("SELECT count(*) AS n FROM executions")["n"]
    print(
        f"{n} messages, {chosen.partitions} partitions, {chosen.pollers} poller(s), batch {chosen.batch or 1}: {(n - first[1]) / (last[0] - first[0]):.0f}/s, "
        f"CPU per message: poller {cpu / n * 1e6:.0f} us, PostgreSQL {(after - before) / n * 1e6:.0f} us; {made} executions"
    )
    keys = database.one("SELECT count(DISTINCT key) AS n, count(DISTINCT execution_id) AS e FROM start_keys")
    assert keys["n"] == n, keys
    assert keys["e"] == made, keys
    assert database.one("SELECT count(*) AS n FROM dead_letters")["n"] == 0
    database.close()
    broker.close()


def taken(database: Database, count: int) -> tuple[float, int]:
    """Wait until so many records have their key; when that was, and how many they were by then."""
    while True:
        found = database.one("SELECT count(*) AS n FROM start_keys")["n"]
        if found >= count:
            return time.monotonic(), found
        time.sleep(0.2)


if __name__ == "__main__":
    main()
