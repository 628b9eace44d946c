"""What became of what came to triggers: facts that the database noted, folded into rollups by trigger, outcome and reason, and the questions about them.

Outcomes: `fired`, `late`, `skipped` (planned instants of schedules, with how late they were), `duplicate`, `debounced`, `refused` (HTTP), `dead_letter`,
`passed_over` (Kafka; the latter of workflow triggers too). What started an execution is counted with the executions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics.histogram import seconds_of
from chalicelib.analytics.periods import Span
from chalicelib.analytics.repository import Scope, buckets, scope_params
from chalicelib.core import db

PLANNED = ("fired", "late", "skipped")
TURNED_AWAY = ("duplicate", "debounced", "refused", "dead_letter", "passed_over")

# `moved` has rows of trigger_facts. Only what ran has a lateness.
_COUNTED = """
levels AS (
  SELECT * FROM (VALUES ('minute', %(minute)s::timestamptz), ('hour', %(hour)s), ('day', %(day)s)) AS l(level, since)
), added AS (
  INSERT INTO trigger_rollups AS r (workspace_id, level, bucket, workflow_id, trigger_id, type, outcome, reason, slot, n)
  SELECT workspace_id, level, date_trunc(level, at, 'UTC'), workflow_id, trigger_id, type, outcome, reason,
    CASE WHEN outcome IN ('fired', 'late') THEN duration_slot(milliseconds) ELSE 0 END, sum(n)
  FROM moved, levels WHERE at >= since GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 HAVING sum(n) <> 0
  ON CONFLICT (workspace_id, level, bucket, workflow_id, trigger_id, type, outcome, reason, slot) DO UPDATE SET n = r.n + excluded.n
)
SELECT count(*) AS n FROM moved
"""
_FOLD = f"""
WITH moved AS (DELETE FROM trigger_facts WHERE id IN (SELECT id FROM trigger_facts ORDER BY id LIMIT %(limit)s) RETURNING *), {_COUNTED}"""  # noqa: S608

# Only the ledger of schedules is history from which can be counted anew; what HTTP and Kafka turned away was counted as it came.
_FORGET_PENDING = "DELETE FROM trigger_facts WHERE type = 'schedule' AND at >= %(start)s AND at < %(end)s"
_CLEAR = """
DELETE FROM trigger_rollups r USING workspaces w, unnest(ARRAY['minute', 'hour', 'day']) AS l(level)
WHERE r.workspace_id = w.id AND r.level = l.level AND r.bucket >= %(start)s AND r.bucket < %(end)s AND r.type = 'schedule'
"""
_RECOUNT = f"""
WITH moved AS (
  SELECT t.workspace_id, t.workflow_id, t.id AS trigger_id, t.type, o.outcome, coalesce(o.reason, '') AS reason, 1 AS n,
    (extract(epoch FROM o.recorded_at - o.planned_at) * 1000)::double precision AS milliseconds, o.planned_at AS at
  FROM triggers t JOIN occurrences o ON o.trigger_id = t.id AND o.planned_at >= %(start)s AND o.planned_at < %(end)s
  WHERE t.type = 'schedule' AND o.outcome <> 'pending'
), {_COUNTED}"""  # noqa: S608

_READ = """
WITH added AS (
  SELECT {key} AS key, {of} AS type, {workflow} AS workflow_id, r.outcome, r.reason, r.slot, sum(r.n::int) AS n
  FROM {buckets}
  WHERE (%(workflow_id)s::text IS NULL OR r.workflow_id = %(workflow_id)s) AND (%(trigger_id)s::text IS NULL OR r.trigger_id = %(trigger_id)s)
    AND (%(label)s::jsonb IS NULL OR r.workflow_id IN (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> %(label)s::jsonb))
  GROUP BY 1, 2, 3, 4, 5, 6
), running AS (
  SELECT key, slot, sum(sum(n)) OVER (PARTITION BY key ORDER BY slot) AS below, sum(sum(n)) OVER (PARTITION BY key) AS whole
  FROM added WHERE outcome IN ('fired', 'late') GROUP BY key, slot
), percentiles AS (
  SELECT key, min(slot) FILTER (WHERE below >= ceil(0.5 * whole)) AS p50, min(slot) FILTER (WHERE below >= ceil(0.95 * whole)) AS p95,
    min(slot) FILTER (WHERE below >= ceil(0.99 * whole)) AS p99
  FROM running WHERE whole > 0 GROUP BY key
)
SELECT key, type, workflow_id, outcome, reason, sum(n)::bigint AS n, min(p50) AS p50, min(p95) AS p95, min(p99) AS p99
FROM added LEFT JOIN percentiles USING (key) GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) > 0
"""


def fold(connection: Connection, limit: int, since: Mapping[str, datetime]) -> int:
    """Fold up to `limit` facts of triggers; returns how many."""
    done = db.row(connection, _FOLD, {"limit": limit, **since})
    return int(done["n"]) if done else 0


def recount(connection: Connection, span: Mapping[str, datetime], since: Mapping[str, datetime]) -> None:
    """Count the span's planned instants anew from the ledger, within the projector's recount."""
    db.run(connection, _FORGET_PENDING, span)
    db.run(connection, _CLEAR, span)
    db.rows(connection, _RECOUNT, {**span, **since})


def read(connection: Connection, scope: Scope, span: Span, *, by_trigger: bool = False) -> Sequence[Mapping[str, Any]]:
    """Rows of key (the trigger, or '' for all together), type, workflow_id, outcome, reason, n; with the slots p50, p95, p99 of the key's lateness."""
    columns = {"key": "r.trigger_id", "of": "r.type", "workflow": "r.workflow_id"} if by_trigger else dict.fromkeys(("key", "of", "workflow"), "''::text")
    return db.rows(connection, _READ.format(**columns, buckets=buckets("trigger_rollups", span)), scope_params(scope, span))


def outcomes(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the rows of one key: how many had each outcome, the reasons of each by number, and lateness in seconds (None: nothing was planned)."""
    counts = dict.fromkeys((*PLANNED, *TURNED_AWAY), 0)
    reasons: dict[tuple[str, str], int] = defaultdict(int)
    slots: dict[str, int | None] = dict.fromkeys(("p50", "p95", "p99"))
    for row in rows:
        counts[row["outcome"]] += row["n"]
        if row["reason"]:
            reasons[row["outcome"], row["reason"]] += row["n"]
        slots = {name: row[name] for name in slots}
    ranked = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        **counts,
        "reasons": [{"outcome": outcome, "reason": reason, "count": count} for (outcome, reason), count in ranked],
        "lateness": {name: None if slot is None else seconds_of(slot) for name, slot in slots.items()},
    }
