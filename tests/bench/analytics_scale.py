"""Analytics at scale: ten million node runs over ninety days, folded, and then every question of the pages asked.

    python -m tests.servers run --no-kafka -- python -m tests.bench.analytics_scale [--executions 2500000] [--days 90] [--questions 5] [--database NAME]

Prints how fast facts are folded, how large the rollups are, and how long each question takes (median and worst of a few). With `--database` a database of that name
is made, or asked again as it is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from chalicelib.analytics import projector, service
from chalicelib.analytics.repository import Scope
from chalicelib.core import config, db
from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps
from chalicelib.engine import listing
from infra.migrations.runner import upgrade
from tests.support.workflows import Database, api_trigger, definition, published

NODES = 4
WORKFLOWS = 40
TRIGGERS = 3  # of each workflow; a quarter of the executions is started by hand
LABELS = ("billing", "orders", "nightly", "partners")

_EXECUTIONS = """
INSERT INTO executions (id, workspace_id, workflow_id, definition_id, version, status, trigger_id, trigger, input, output, error, created_at, started_at, finished_at,
  last_seq)
SELECT left(id_bound(at), 14) || left(md5(n::text), 16), %(ws)s, w.id, v.definition_id, 1, s.status, w.triggers[1 + (n / 7) %% 4], '{}', '{}',
  CASE WHEN s.status = 'succeeded' THEN '{}' END, CASE WHEN s.status = 'failed' THEN '{"code":"' || (ARRAY['timeout','http.500','expression_error'])[1 + n %% 3] || '"}' END,
  at, at + interval '3 ms', at + make_interval(secs => 0.02 * exp(4 * random())), 12
FROM generate_series(%(first)s::int, %(last)s::int) n
CROSS JOIN LATERAL (SELECT %(start)s::timestamptz + make_interval(secs => n * %(step)s) AS at) times
CROSS JOIN LATERAL (SELECT (ARRAY['succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','failed'])[1 + (n * 7) %% 10] AS status) s
JOIN (
  SELECT id, row_number() OVER (ORDER BY id) AS k, ARRAY(SELECT t.id FROM triggers t WHERE t.workflow_id = workflows.id ORDER BY t.id) AS triggers FROM workflows
) w ON w.k = 1 + (n * 13) %% %(workflows)s
JOIN workflow_versions v ON v.workflow_id = w.id
"""

_NODE_RUNS = """
INSERT INTO node_runs (execution_id, node_id, iteration, attempt, workspace_id, type, status, port, output, error, started_seq, finished_seq, started_at, finished_at)
SELECT e.id, 'node_' || k, '', CASE WHEN k = 2 AND random() < 0.05 THEN 2 ELSE 1 END, e.workspace_id, (ARRAY['transform','http.request','condition','kafka.publish'])[k],
  CASE WHEN k = 4 THEN e.status ELSE 'succeeded' END, 'main', '{"x":1}', CASE WHEN k = 4 THEN e.error END, 1 + 2 * k, 2 + 2 * k,
  e.started_at + (e.finished_at - e.started_at) * ((k - 1) / 4.0), e.started_at + (e.finished_at - e.started_at) * (k / 4.0)
FROM executions e, generate_series(1, 4) k WHERE e.id >= %(low)s AND e.id < %(high)s
"""
_FACTS = "INSERT INTO facts (kind, workspace_id, subject) SELECT 'execution', workspace_id, id FROM executions WHERE id >= %(low)s AND id < %(high)s"
_PARTITIONS = """
DO $do$ DECLARE made record; BEGIN
  FOR made IN SELECT parent, parent || to_char(month, '"_"YYYY"_"MM') AS child, id_bound(month AT TIME ZONE 'UTC') AS low,
      id_bound((month + interval '1 month') AT TIME ZONE 'UTC') AS high
    FROM date_trunc('month', '{at}'::timestamptz AT TIME ZONE 'UTC') AS month, unnest(ARRAY['executions', 'node_runs']) AS parent
  LOOP
    IF to_regclass(made.child) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', made.child, made.parent, made.low, made.high);
    END IF;
  END LOOP;
END $do$
"""
_SCHEDULE = """
INSERT INTO triggers (id, workspace_id, workflow_id, type, config) VALUES (%(id)s, %(ws)s, %(wf)s, 'schedule', '{"cron": "*/5 * * * *"}')
"""
_OCCURRENCES = """
INSERT INTO occurrences (trigger_id, planned_at, workspace_id, outcome, reason, execution_id, recorded_at)
SELECT %(id)s, at, %(ws)s, CASE WHEN k < 0.01 THEN 'skipped' WHEN k < 0.02 THEN 'late' ELSE 'fired' END, CASE WHEN k < 0.01 THEN 'overlap' END,
  CASE WHEN k >= 0.01 THEN left(id_bound(at), 14) || left(md5(at::text || %(id)s), 16) END, at + make_interval(secs => CASE WHEN k < 0.02 THEN 90 ELSE 1 END * random())
FROM (SELECT at, random() AS k FROM generate_series(date_trunc('hour', %(start)s::timestamptz), %(end)s, interval '5 minutes') AS at) planned
"""
CHUNK = 100_000


def seed(database: Database, executions: int, days: int) -> None:
    """Fill history, the schedules' ledger and the outbox, a chunk at a time."""
    body = definition(*({"id": f"node_{k}", "type": "transform", "config": {"assign": {"x": "1"}}} for k in range(1, NODES + 1)))
    start = utc_now() - timedelta(days=days)
    for month in range(days // 28 + 2):  # as if ticks had made them
        database.execute(_PARTITIONS.replace("{at}", to_text(start + timedelta(days=28 * month))))
    for number in range(WORKFLOWS):
        workflow = published(database, body)
        database.execute(
            "UPDATE workflows SET labels = %(labels)s, name = %(name)s WHERE id = %(id)s",
            {"labels": dumps([LABELS[number % len(LABELS)]] if number % 3 else []), "name": f"Workflow {number + 1}", "id": workflow.workflow_id},
        )
        values = {"id": new_id("trg"), "ws": DEFAULT_WORKSPACE, "wf": workflow.workflow_id, "start": start, "end": utc_now()}
        database.execute(_SCHEDULE, values)
        database.execute(_OCCURRENCES, values)
        for k in range(1, TRIGGERS):
            api_trigger(database, workflow, f"scale-{number}-{k}")
    step = days * 86400 / executions
    began = time.monotonic()
    for first in range(0, executions, CHUNK):
        last = min(first + CHUNK, executions) - 1
        values = {"ws": DEFAULT_WORKSPACE, "first": first, "last": last, "start": start, "step": step, "workflows": WORKFLOWS}
        database.execute(_EXECUTIONS, values)
        edges = [start + timedelta(seconds=n * step) for n in (first - 0.5, last + 0.5)]
        low, high = (database.one("SELECT left(id_bound(%(at)s), 14) AS id", at=edge)["id"] for edge in edges)
        database.execute(_NODE_RUNS, {"low": low, "high": high})
        database.execute(_FACTS, {"low": low, "high": high})
        print(f"\r  {last + 1:,} executions in {time.monotonic() - began:.0f} s", end="", flush=True)
    print()
    database.execute("ANALYZE")


def fold(limit: int) -> tuple[int, float]:
    """Fold everything; returns how many facts and how many seconds."""
    began, facts = time.monotonic(), 0
    while True:
        with db.transaction() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            folded = projector.fold_facts(connection, utc_now(), limit)
        facts += folded.facts
        print(f"\r  {facts:,} facts in {time.monotonic() - began:.0f} s", end="", flush=True)
        if not folded.more:
            print()
            return facts, time.monotonic() - began


def questions(workflow_id: str) -> dict[str, Callable[[Connection], Any]]:
    """What the pages ask, over a day, a month and ninety days."""
    now = utc_now()
    all_of, one, label = Scope(DEFAULT_WORKSPACE), Scope(DEFAULT_WORKSPACE, workflow_id=workflow_id), Scope(DEFAULT_WORKSPACE, label=dumps([LABELS[1]]))
    found: dict[str, Callable[[Connection], Any]] = {}
    for days in (1, 30, 90):
        start = now - timedelta(days=days)
        found |= {
            f"summary, {days} d": lambda c, s=start: service.summary(c, all_of, s, now, now),
            f"timeseries, {days} d": lambda c, s=start: service.timeseries(c, all_of, s, now, now, None),
            f"timeseries of one workflow, {days} d": lambda c, s=start: service.timeseries(c, one, s, now, now, None),
            f"timeseries of a label, {days} d": lambda c, s=start: service.timeseries(c, label, s, now, now, None),
            f"workflows, {days} d": lambda c, s=start: service.breakdown(c, all_of, s, now, now, "workflow", "total", 50, compare=True),
            f"labels, {days} d": lambda c, s=start: service.breakdown(c, all_of, s, now, now, "label", "total", 50, compare=True),
            f"nodes, slowest, {days} d": lambda c, s=start: service.breakdown(c, all_of, s, now, now, "node", "slowest", 50, compare=True),
            f"node errors, {days} d": lambda c, s=start: service.breakdown(c, all_of, s, now, now, "node_error", "failed", 50, compare=True),
            f"triggers, {days} d": lambda c, s=start: service.triggers(c, all_of, s, now, now),
            f"messages, {days} d": lambda c, s=start: service.deliveries(c, all_of, s, now, now),
            f"workflow page, {days} d": lambda c, s=start: service.workflow(c, one, s, now, now),
        }
    found["drill-down: failed executions of one workflow"] = lambda c: listing.list_executions(
        c, DEFAULT_WORKSPACE, listing.ExecutionFilter(workflow_id, None, ("failed",), now - timedelta(days=7), now, None), 51, None
    )
    hour = listing.ExecutionFilter(finished_from=now - timedelta(days=60), finished_to=now - timedelta(days=60) + timedelta(hours=1))
    found["drill-down: what ended in an hour, sixty days ago"] = lambda c: listing.list_executions(c, DEFAULT_WORKSPACE, hour, 51, None)
    found["drill-down: how many ended in that hour"] = lambda c: listing.count_executions(c, DEFAULT_WORKSPACE, hour)
    return found


def main() -> None:
    """Seed, fold, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=2_500_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--database", default="")
    asked = parser.parse_args()
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    name = asked.database or f"scale_{uuid.uuid4().hex[:8]}"
    url = server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    os.environ["DATABASE_URL"] = url
    config.settings.cache_clear()
    upgrade(database_url=url)
    database = Database(url)
    if not database.execute("SELECT 1 FROM workflows LIMIT 1"):
        print(f"seeding {asked.executions:,} executions, {asked.executions * NODES:,} node runs over {asked.days} days")
        seed(database, asked.executions, asked.days)
    facts, seconds = fold(20_000)
    if facts:
        print(f"folded {facts:,} facts in {seconds:.0f} s: {facts / seconds:,.0f} facts/s, {1000 * seconds / facts:.3f} ms each")
        database.execute("ANALYZE execution_rollups, node_rollups, trigger_rollups")
    for table in ("execution_rollups", "node_rollups", "trigger_rollups"):
        size = database.one(
            f"SELECT (SELECT count(*) FROM {table}) AS n, pg_size_pretty(sum(pg_total_relation_size(relid))) AS size FROM pg_partition_tree('{table}')"
        )
        print(f"{table}: {size['n']:,} rows, {size['size']}")
    workflow_id = database.one("SELECT min(id) AS id FROM workflows")["id"]
    print(f"{'question':<50}{'median ms':>10}{'worst ms':>10}")
    for name, ask in questions(workflow_id).items():
        taken = []
        for _ in range(asked.questions):
            began = time.monotonic()
            with db.transaction(read_only=True) as connection:
                ask(connection)
            taken.append((time.monotonic() - began) * 1000)
        print(f"{name:<50}{statistics.median(taken):>10.0f}{max(taken):>10.0f}")


if __name__ == "__main__":
    main()
