"""Reading rollups: counts and duration histograms, added up over a span and grouped as asked. Read-only, on the replica where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics.periods import Span
from chalicelib.core import db

# What executions and node runs can be grouped by: the name asked for -> the expression.
EXECUTION_GROUPS = {
    "workflow": "r.workflow_id",
    "version": "r.workflow_id || ':' || r.version",
    "trigger": "r.trigger_id",
    "error": "r.error",
    "label": "label.value",
}
NODE_GROUPS = {"node": "r.workflow_id || ':' || r.node_id", "type": "r.type", "node_error": "r.workflow_id || ':' || r.node_id || ':' || r.error"}

_ALL = "''::text"
_STEP = "%(origin)s::timestamptz + floor(extract(epoch FROM r.bucket - %(origin)s::timestamptz) / %(step)s) * make_interval(secs => %(step)s)"
_OF_NODES = "node_rollups r"
_OF_EXECUTIONS = "execution_rollups r"
_BY_LABEL = "(execution_rollups r JOIN workflows w ON w.id = r.workflow_id CROSS JOIN LATERAL jsonb_array_elements_text(w.labels) AS label(value))"
_WHERE = """
  (%(workflow_id)s::text IS NULL OR r.workflow_id = %(workflow_id)s)
  AND (%(label)s::jsonb IS NULL OR r.workflow_id IN (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> %(label)s::jsonb))
"""
_WHERE_EXECUTIONS = """
  AND (%(version)s::int IS NULL OR r.version = %(version)s) AND (%(trigger_id)s::text IS NULL OR r.trigger_id = %(trigger_id)s)
"""


def _grouped(source: str, key: str, where: str, retries: str, kind: str) -> str:
    """A query that adds up rollups by a key: counts by status, sums, and the slots in which the percentiles of what was not cancelled lie."""
    return f"""
WITH added AS (
  SELECT {key} AS key, min({kind}) AS type, r.status, r.slot, sum(r.n) AS n, sum({retries}) AS retries, sum(r.milliseconds) AS milliseconds
  FROM unnest(%(levels)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s(level, since, until)
  JOIN {source} ON r.workspace_id = %(workspace_id)s AND r.level = s.level AND r.bucket >= s.since AND r.bucket < s.until
  WHERE {where} GROUP BY 1, 3, 4
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


def scope_params(scope: Scope, span: Span) -> dict[str, Any]:
    """Parameters of a query of rollups: whose, and which buckets of which levels."""
    return {
        "workspace_id": scope.workspace_id,
        "workflow_id": scope.workflow_id,
        "version": scope.version,
        "trigger_id": scope.trigger_id,
        "label": scope.label,
        "levels": [segment.level for segment in span.segments],
        "starts": [segment.start for segment in span.segments],
        "ends": [segment.end for segment in span.segments],
    }


def executions(connection: Connection, scope: Scope, span: Span, by: str | None = None) -> Sequence[Mapping[str, Any]]:
    """Rows of key, total, succeeded, failed, cancelled, retries, milliseconds, and p50, p95, p99 as slots; one row for all, or one for each of a group of
    EXECUTION_GROUPS. A workflow counts under each of its labels. Nothing ended: no row."""
    source = _BY_LABEL if by == "label" else _OF_EXECUTIONS
    key = EXECUTION_GROUPS[by] if by else _ALL
    return _rows(connection, source, key, _WHERE + _WHERE_EXECUTIONS, "0", _ALL, scope, span)


def execution_series(connection: Connection, scope: Scope, span: Span) -> Sequence[Mapping[str, Any]]:
    """The same rows, one for each step in which something ended; the key is where the step begins."""
    return _rows(connection, _OF_EXECUTIONS, _STEP, _WHERE + _WHERE_EXECUTIONS, "0", _ALL, scope, span)


def nodes(connection: Connection, scope: Scope, span: Span, by: str | None = None) -> Sequence[Mapping[str, Any]]:
    """The same rows of node runs, with their type; by one of NODE_GROUPS. Node runs know neither version nor trigger."""
    return _rows(connection, _OF_NODES, NODE_GROUPS[by] if by else _ALL, _WHERE, "r.retries", "r.type", scope, span)


def pending(connection: Connection) -> Mapping[str, Any]:
    """How many facts are not folded yet, and how old the oldest is, in seconds (None: there is none)."""
    return db.rows(connection, _PENDING)[0]


def queue(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """What is alive now: due, running, waiting, oldest_due_seconds."""
    return db.rows(connection, _QUEUE, {"workspace_id": scope.workspace_id, "workflow_id": scope.workflow_id})[0]


def workflow_names(connection: Connection, workspace_id: str, ids: Sequence[str]) -> dict[str, str]:
    """Names of workflows that still exist."""
    return {row["id"]: row["name"] for row in db.rows(connection, _WORKFLOW_NAMES, {"workspace_id": workspace_id, "ids": list(ids)})}


def _rows(
    connection: Connection, source: str, key: str, where: str, retries: str, kind: str, scope: Scope, span: Span
) -> Sequence[Mapping[str, Any]]:
    params = {**scope_params(scope, span), "origin": span.start, "step": span.step.total_seconds()}
    return db.rows(connection, _grouped(source, key, where, retries, kind), params)
