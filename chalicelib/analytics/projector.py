"""Folding facts into rollups, exactly once, and counting anew from history.

A fact leaves the outbox in the transaction that adds it to the rollups: whoever is killed in between has done neither. One projector folds at a time (an
advisory lock that ends with its transaction); a second one finds it taken and leaves. No bucket is ever closed, so a late fact is simply added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics import deliveries, entrances
from chalicelib.analytics.periods import KEPT
from chalicelib.core import db
from chalicelib.engine.listing import ERROR_CODE

BATCH = 5_000
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('millrace.analytics')) AS won"
_WAIT_FOR_LOCK = "SELECT pg_advisory_xact_lock(hashtext('millrace.analytics'))"

# What is counted: executions that have ended (`ended` has their ids), and the last attempt of each of their node runs. Runs that a retry took over from an
# earlier execution ended before it was created, and were counted there; what never ran is not counted. A part of a long loop is no execution to anybody, but
# its node runs are.
_COUNTED = """
counted AS MATERIALIZED (
  SELECT e.id, e.workspace_id, e.workflow_id, coalesce(e.version, 0) AS version, coalesce(e.trigger_id, '') AS trigger_id, e.status, e.part, e.created_at,
    coalesce(substring(e.error FROM %(code)s), '') AS error, e.finished_at,
    greatest(0, extract(epoch FROM e.finished_at - coalesce(e.started_at, e.created_at)) * 1000)::double precision AS milliseconds
  FROM executions e JOIN ended ON ended.id = e.id
), runs AS MATERIALIZED (
  SELECT DISTINCT ON (n.execution_id, n.node_id, n.iteration) n.execution_id, n.node_id, n.type, n.status,
    CASE WHEN n.status = 'failed' THEN coalesce(substring(n.error FROM %(code)s), '') ELSE '' END AS error,
    greatest(0, n.attempt - 1) AS retries, n.finished_at,
    greatest(0, extract(epoch FROM n.finished_at - min(n.started_at) OVER (PARTITION BY n.execution_id, n.node_id, n.iteration)) * 1000)::double precision
      AS milliseconds
  FROM node_runs n JOIN counted ON counted.id = n.execution_id
  WHERE n.status IN ('succeeded', 'failed', 'cancelled') AND n.finished_at >= counted.created_at
  ORDER BY n.execution_id, n.node_id, n.iteration, n.attempt DESC
), levels AS (
  SELECT * FROM (VALUES ('minute', %(minute)s::timestamptz), ('hour', %(hour)s), ('day', %(day)s)) AS l(level, since)
), executions_added AS (
  INSERT INTO execution_rollups AS r (workspace_id, level, bucket, workflow_id, version, trigger_id, status, error, slot, n, milliseconds)
  SELECT workspace_id, level, date_trunc(level, finished_at, 'UTC'), workflow_id, version, trigger_id, status, error, duration_slot(milliseconds), count(*),
    sum(milliseconds)
  FROM counted, levels WHERE finished_at >= since AND part IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ON CONFLICT (workspace_id, level, bucket, workflow_id, version, trigger_id, status, error, slot)
  DO UPDATE SET n = r.n + excluded.n, milliseconds = r.milliseconds + excluded.milliseconds
), nodes_added AS (
  INSERT INTO node_rollups AS r (workspace_id, level, bucket, workflow_id, node_id, type, status, error, slot, n, retries, milliseconds)
  SELECT counted.workspace_id, level, date_trunc(level, counted.finished_at, 'UTC'), counted.workflow_id, runs.node_id, runs.type, runs.status, runs.error,
    duration_slot(runs.milliseconds), count(*), sum(runs.retries), sum(runs.milliseconds)
  FROM runs JOIN counted ON counted.id = runs.execution_id, levels WHERE counted.finished_at >= since GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ON CONFLICT (workspace_id, level, bucket, workflow_id, node_id, type, status, error, slot)
  DO UPDATE SET n = r.n + excluded.n, retries = r.retries + excluded.retries, milliseconds = r.milliseconds + excluded.milliseconds
)
SELECT count(*) AS n FROM ended
"""

_FOLD = f"""
WITH ended AS (
  DELETE FROM facts WHERE id IN (SELECT id FROM facts WHERE kind = 'execution' ORDER BY id LIMIT %(limit)s) RETURNING subject AS id
), {_COUNTED}"""  # noqa: S608 - constants only

_RECOUNT = f"""
WITH ended AS (
  SELECT id FROM executions WHERE finished_at >= %(start)s AND finished_at < %(end)s AND id < %(end_id)s
), {_COUNTED}"""  # noqa: S608

_FORGET_PENDING = """
DELETE FROM facts f USING executions e WHERE f.kind = 'execution' AND e.id = f.subject AND e.finished_at >= %(start)s AND e.finished_at < %(end)s
"""
# Workspace and level first: that is how the rollups' primary keys begin.
_CLEAR = """
DELETE FROM {table} r USING workspaces w, unnest(ARRAY['minute', 'hour', 'day']) AS l(level)
WHERE r.workspace_id = w.id AND r.level = l.level AND r.bucket >= %(start)s AND r.bucket < %(end)s
"""
_EXPIRE = """
DELETE FROM {table} r USING workspaces w, (VALUES ('minute', %(minute)s::timestamptz), ('hour', %(hour)s), ('day', %(day)s)) AS old(level, since)
WHERE r.workspace_id = w.id AND r.level = old.level AND r.bucket < old.since
"""
_ROLLUPS = ("execution_rollups", "node_rollups", "delivery_rollups", "trigger_rollups")


@dataclass(frozen=True, slots=True)
class Folded:
    """What one call did: how many facts, and whether it may have left some."""

    facts: int
    more: bool


def fold_facts(connection: Connection, now: datetime, limit: int = BATCH) -> Folded:
    """Fold up to `limit` facts in this transaction. Nothing is done while another projector is at it."""
    won = db.row(connection, _LOCK)
    if won is None or not won["won"]:
        return Folded(0, False)
    done = db.row(connection, _FOLD, {"limit": limit, **_folding(now)})
    count = int(done["n"]) if done else 0
    messages = deliveries.fold(connection, limit, _since(now))
    turned = entrances.fold(connection, limit, _since(now))
    return Folded(count + messages + turned, limit in (count, messages, turned))


def recount(connection: Connection, start: datetime, end: datetime, end_id: str, now: datetime) -> int:
    """Throw away the rollups of whole days [start, end) and count them anew from history; returns how many executions. `end_id` is an execution id no younger
    than `end`.

    The transaction must be REPEATABLE READ: then what ended before its snapshot is counted here and loses its fact, and what ends after keeps its own.
    """
    db.rows(connection, _WAIT_FOR_LOCK)
    span = {"start": start, "end": end}
    db.run(connection, _FORGET_PENDING, span)
    for table in ("execution_rollups", "node_rollups", "delivery_rollups"):
        db.run(connection, _CLEAR.format(table=table), span)
    deliveries.recount(connection, span, _since(now))
    entrances.recount(connection, span, _since(now))
    done = db.row(connection, _RECOUNT, {**span, "end_id": end_id, **_folding(now)})
    return int(done["n"]) if done else 0


def expire(connection: Connection, now: datetime) -> int:
    """Delete buckets older than their level is kept; returns how many rows."""
    return sum(db.run(connection, _EXPIRE.format(table=table), _since(now)) for table in _ROLLUPS)


def _since(now: datetime) -> dict[str, datetime]:
    return {level: now - kept for level, kept in KEPT.items()}


def _folding(now: datetime) -> dict[str, Any]:
    return {"code": ERROR_CODE, **_since(now)}
