"""Reading rollups: counts and duration histograms, added up over a span and grouped as asked. Read-only, on the replica where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics.periods import Span
from chalicelib.core import db

# What executions and node runs can be grouped by: the name asked for -> the columns, and the key made of them. Rows are added up by columns first and keys made of
# what is left: most of a question's time goes into reading rows, of which there are many more than groups.
EXECUTION_GROUPS = {
    "workflow": ("r.workflow_id", "workflow_id"),
    "version": ("r.workflow_id, r.version", "workflow_id || ':' || version"),
    "trigger": ("r.trigger_id", "trigger_id"),
    "error": ("r.error", "error"),
    "label": ("r.workflow_id", "label.value"),
}
NODE_GROUPS = {
    "node": ("r.workflow_id, r.node_id, r.type", "workflow_id || ':' || node_id"),
    "type": ("r.type", "type"),
    "node_error": ("r.workflow_id, r.node_id, r.type, r.error", "workflow_id || ':' || node_id || ':' || error"),
}

_ALL = ("r.level", "''::text")
_STEP = (
    "r.bucket",
    "%(origin)s::timestamptz + floor(extract(epoch FROM bucket - %(origin)s::timestamptz) / %(step)s) * make_interval(secs => %(step)s)",
)
_LABELS = " JOIN workflows w ON w.id = fine.workflow_id CROSS JOIN LATERAL jsonb_array_elements_text(w.labels) AS label(value)"
_WHERE = """
  (%(workflow_id)s::text IS NULL OR r.workflow_id = %(workflow_id)s)
  AND (%(label)s::jsonb IS NULL OR r.workflow_id IN (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> %(label)s::jsonb))
"""
_WHERE_EXECUTIONS = """
  AND (%(version)s::int IS NULL OR r.version = %(version)s) AND (%(trigger_id)s::text IS NULL OR r.trigger_id = %(trigger_id)s)
"""
_WHERE_NODES = " AND (%(types)s::text[] IS NULL OR r.type = ANY (%(types)s))"


def _grouped(source: str, group: tuple[str, str], where: str, *, nodes: bool, more: str = "") -> str:
    """A query that adds up rollups by a key: counts by status, sums, and the slots in which the percentiles of what was not cancelled lie."""
    columns, key = group
    kind = "type" if nodes and "r.type" in columns else "''::text"
    return f"""
WITH fine AS (
  SELECT {columns}, r.status, r.slot, sum(r.n::int) AS n, {"sum(r.retries::int)" if nodes else "0"} AS retries, sum(r.milliseconds) AS milliseconds
  FROM {source} WHERE {where} GROUP BY {columns}, r.status, r.slot
), added AS (
  SELECT {key} AS key, min({kind}) AS type, status, slot, sum(n) AS n, sum(retries) AS retries, sum(milliseconds) AS milliseconds
  FROM fine{more} GROUP BY 1, 3, 4
), running AS (
  SELECT key, slot, sum(sum(n)) OVER (PARTITION BY key ORDER BY slot) AS below, sum(sum(n)) OVER (PARTITION BY key) AS whole
  FROM added WHERE status <> 'cancelled' GROUP BY key, slot
), percentiles AS (
  SELECT key, min(slot) FILTER (WHERE below >= ceil(0.5 * whole)) AS p50, min(slot) FILTER (WHERE below >= ceil(0.95 * whole)) AS p95,
    min(slot) FILTER (WHERE below >= ceil(0.99 * whole)) AS p99
  FROM running GROUP BY key
)
SELECT key, min(type) AS type, sum(n)::bigint AS total, coalesce(sum(n) FILTER (WHERE status = 'succeeded'), 0)::bigint AS succeeded,
  coalesce(sum(n) FILTER (WHERE status = 'failed'), 0)::bigint AS failed, coalesce(sum(n) FILTER (WHERE status = 'cancelled'), 0)::bigint AS cancelled,
  sum(retries)::bigint AS retries, coalesce(sum(milliseconds) FILTER (WHERE status <> 'cancelled'), 0)::float AS milliseconds, min(p50) AS p50, min(p95) AS p95, min(p99) AS p99
FROM added LEFT JOIN percentiles USING (key) GROUP BY key
"""  # noqa: S608 - constants only


_PENDING = """
SELECT (SELECT count(*) FROM facts) + (SELECT count(*) FROM trigger_facts) AS facts,
  (SELECT extract(epoch FROM now() - min(at))::float FROM facts) AS oldest_seconds
"""

_QUEUE = """
SELECT count(*) FILTER (WHERE w.wake_at <= now() AND w.worker IS NULL) AS due,
  count(*) FILTER (WHERE w.worker IS NOT NULL) AS running,
  count(*) FILTER (WHERE w.worker IS NULL AND w.lease_epoch > 0 AND (w.wake_at IS NULL OR w.wake_at > now())) AS waiting,
  coalesce(extract(epoch FROM now() - min(w.wake_at) FILTER (WHERE w.wake_at <= now() AND w.worker IS NULL)), 0)::float AS oldest_due_seconds
FROM wakes w JOIN executions e ON e.id = w.execution_id
WHERE e.workspace_id = %(workspace_id)s AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
"""

_WORKFLOW_NAMES = "SELECT id, name FROM workflows WHERE workspace_id = %(workspace_id)s AND id = ANY(%(ids)s)"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures: a workspace's, narrowed by what is not None. Draft runs have version 0."""

    workspace_id: str
    workflow_id: str | None = None
    version: int | None = None
    trigger_id: str | None = None
    label: str | None = None  # as a JSON list with one text


def buckets(table: str, span: Span) -> str:
    """The rows of a table of rollups that answer a span, as `r`; takes the parameters of `scope_params`. Each segment is a query of its own with bounds that the
    planner can see: joined with a list of bounds it would read the whole table."""
    parts = (
        f"SELECT * FROM {table} WHERE workspace_id = %(workspace_id)s AND level = '{segment.level}' AND bucket >= %(start{n})s AND bucket < %(end{n})s"  # noqa: S608
        for n, segment in enumerate(span.segments)
    )
    return f"({' UNION ALL '.join(parts)}) AS r"


def scope_params(scope: Scope, span: Span) -> dict[str, Any]:
    """Parameters of a query of rollups: whose, and where its segments begin and end."""
    bounds = {f"start{n}": segment.start for n, segment in enumerate(span.segments)} | {f"end{n}": segment.end for n, segment in enumerate(span.segments)}
    return bounds | {
        "workspace_id": scope.workspace_id,
        "workflow_id": scope.workflow_id,
        "version": scope.version,
        "trigger_id": scope.trigger_id,
        "label": scope.label,
    }


def executions(connection: Connection, scope: Scope, span: Span, by: str | None = None) -> Sequence[Mapping[str, Any]]:
    """Rows of key, total, succeeded, failed, cancelled, retries, milliseconds, and p50, p95, p99 as slots; one row for all, or one for each of a group of
    EXECUTION_GROUPS. A workflow counts under each of its labels. Nothing ended: no row."""
    group = EXECUTION_GROUPS[by] if by else _ALL
    sql = _grouped(buckets("execution_rollups", span), group, _WHERE + _WHERE_EXECUTIONS, nodes=False, more=_LABELS if by == "label" else "")
    return db.rows(connection, sql, scope_params(scope, span))


def execution_series(connection: Connection, scope: Scope, span: Span) -> Sequence[Mapping[str, Any]]:
    """The same rows, one for each step in which something ended; the key is where the step begins."""
    sql = _grouped(buckets("execution_rollups", span), _STEP, _WHERE + _WHERE_EXECUTIONS, nodes=False)
    return db.rows(connection, sql, {**scope_params(scope, span), "origin": span.start, "step": span.step.total_seconds()})


def nodes(
    connection: Connection, scope: Scope, span: Span, by: str | None = None, types: Sequence[str] | None = None
) -> Sequence[Mapping[str, Any]]:
    """The same rows of node runs (with `types`, of these only), with their type; by one of NODE_GROUPS. Node runs know neither version nor trigger."""
    sql = _grouped(buckets("node_rollups", span), NODE_GROUPS[by] if by else _ALL, _WHERE + _WHERE_NODES, nodes=True)
    return db.rows(connection, sql, {**scope_params(scope, span), "types": None if types is None else list(types)})


def pending(connection: Connection) -> Mapping[str, Any]:
    """How many facts are not folded yet, and how old the oldest is, in seconds (None: there is none)."""
    return db.rows(connection, _PENDING)[0]


def queue(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """What is alive now: due, running, waiting, oldest_due_seconds."""
    return db.rows(connection, _QUEUE, {"workspace_id": scope.workspace_id, "workflow_id": scope.workflow_id})[0]


def workflow_names(connection: Connection, workspace_id: str, ids: Sequence[str]) -> dict[str, str]:
    """Names of workflows that still exist."""
    return {row["id"]: row["name"] for row in db.rows(connection, _WORKFLOW_NAMES, {"workspace_id": workspace_id, "ids": list(ids)})}
