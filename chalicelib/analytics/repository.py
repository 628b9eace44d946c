"""Reading rollups: counts and duration histograms, added up over a span and grouped as asked. Read-only, on the replica where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics.periods import Span
from chalicelib.core import db

_FILTER = """
  r.workspace_id = %(workspace_id)s AND r.level = %(level)s AND r.bucket >= %(start)s AND r.bucket < %(end)s
  AND (%(workflow_id)s::text IS NULL OR r.workflow_id = %(workflow_id)s)
  AND (%(label)s::jsonb IS NULL OR r.workflow_id IN (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> %(label)s::jsonb))
"""
_EXECUTION_FILTER = (
    _FILTER
    + """
  AND (%(version)s::int IS NULL OR r.version = %(version)s) AND (%(trigger_id)s::text IS NULL OR r.trigger_id = %(trigger_id)s)
"""
)

# What executions and node runs can be grouped by: the name asked for -> the expression.
EXECUTION_GROUPS = {
    "workflow": "r.workflow_id",
    "version": "r.workflow_id || ':' || r.version",
    "trigger": "r.trigger_id",
    "error": "r.error",
    "label": "label.value",
}
NODE_GROUPS = {"node": "r.workflow_id || ':' || r.node_id", "type": "r.type", "node_error": "r.workflow_id || ':' || r.node_id || ':' || r.error"}

_POINT = "%(origin)s::timestamptz + floor(extract(epoch FROM r.bucket - %(origin)s::timestamptz) / %(step)s) * make_interval(secs => %(step)s)"

_PENDING = "SELECT count(*) AS facts, extract(epoch FROM now() - min(at))::float AS oldest_seconds FROM facts"

_QUEUE = """
SELECT count(*) FILTER (WHERE w.wake_at <= now() AND w.worker IS NULL) AS due,
  count(*) FILTER (WHERE w.worker IS NOT NULL) AS running,
  count(*) FILTER (WHERE w.worker IS NULL AND w.lease_epoch > 0 AND (w.wake_at IS NULL OR w.wake_at > now())) AS waiting,
  coalesce(extract(epoch FROM now() - min(w.wake_at) FILTER (WHERE w.wake_at <= now() AND w.worker IS NULL)), 0)::float AS oldest_due_seconds
FROM wakes w JOIN executions e ON e.id = w.execution_id
WHERE e.workspace_id = %(workspace_id)s AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
"""

_OCCURRENCES = """
SELECT o.outcome, coalesce(o.reason, '') AS reason, count(*) AS n,
  percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM o.recorded_at - o.planned_at)::float)
    FILTER (WHERE o.outcome <> 'skipped') AS lateness
FROM triggers t JOIN occurrences o ON o.trigger_id = t.id AND o.planned_at >= %(start)s AND o.planned_at < %(end)s
WHERE t.workspace_id = %(workspace_id)s AND t.type = 'schedule' AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
  AND (%(trigger_id)s::text IS NULL OR t.id = %(trigger_id)s)
GROUP BY 1, 2
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


def execution_slots(connection: Connection, scope: Scope, span: Span) -> Sequence[Mapping[str, Any]]:
    """Rows of status, slot, n, milliseconds."""
    sql = f"SELECT r.status, r.slot, sum(r.n)::bigint AS n, sum(r.milliseconds) AS milliseconds FROM execution_rollups r WHERE {_EXECUTION_FILTER} GROUP BY 1, 2"  # noqa: S608 - constants only
    return db.rows(connection, sql, _params(scope, span))


def execution_series(connection: Connection, scope: Scope, span: Span) -> Sequence[Mapping[str, Any]]:
    """Rows of at (where a step begins), status, slot, n."""
    sql = f"SELECT {_POINT} AS at, r.status, r.slot, sum(r.n)::bigint AS n FROM execution_rollups r WHERE {_EXECUTION_FILTER} GROUP BY 1, 2, 3"  # noqa: S608
    return db.rows(connection, sql, {**_params(scope, span), "origin": span.start, "step": span.step.total_seconds()})


def execution_groups(connection: Connection, scope: Scope, span: Span, by: str) -> Sequence[Mapping[str, Any]]:
    """Rows of key, status, slot, n, milliseconds, grouped by one of EXECUTION_GROUPS. Labels: a workflow counts under each of its own."""
    labels = "JOIN workflows w ON w.id = r.workflow_id CROSS JOIN LATERAL jsonb_array_elements_text(w.labels) AS label(value)" if by == "label" else ""
    sql = f"""SELECT {EXECUTION_GROUPS[by]} AS key, r.status, r.slot, sum(r.n)::bigint AS n, sum(r.milliseconds) AS milliseconds
      FROM execution_rollups r {labels} WHERE {_EXECUTION_FILTER} GROUP BY 1, 2, 3"""  # noqa: S608
    return db.rows(connection, sql, _params(scope, span))


def node_groups(connection: Connection, scope: Scope, span: Span, by: str) -> Sequence[Mapping[str, Any]]:
    """Rows of key, status, slot, n, retries, milliseconds, type, grouped by one of NODE_GROUPS. Node runs know no version and no trigger."""
    sql = f"""SELECT {NODE_GROUPS[by]} AS key, min(r.type) AS type, r.status, r.slot, sum(r.n)::bigint AS n, sum(r.retries)::bigint AS retries,
      sum(r.milliseconds) AS milliseconds FROM node_rollups r WHERE {_FILTER} GROUP BY 1, 3, 4"""  # noqa: S608
    return db.rows(connection, sql, _params(scope, span))


def pending(connection: Connection) -> Mapping[str, Any]:
    """How many facts are not folded yet, and how old the oldest is, in seconds (None: there is none)."""
    return db.rows(connection, _PENDING)[0]


def queue(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """What is alive now: due, running, waiting, oldest_due_seconds."""
    return db.rows(connection, _QUEUE, {"workspace_id": scope.workspace_id, "workflow_id": scope.workflow_id})[0]


def occurrences(connection: Connection, scope: Scope, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
    """What became of planned instants: outcome, reason, n, lateness [p50, p95, p99] in seconds of those that fired."""
    where = {"workspace_id": scope.workspace_id, "workflow_id": scope.workflow_id, "trigger_id": scope.trigger_id}
    return db.rows(connection, _OCCURRENCES, {**where, "start": start, "end": end})


def workflow_names(connection: Connection, workspace_id: str, ids: Sequence[str]) -> dict[str, str]:
    """Names of workflows that still exist."""
    return {row["id"]: row["name"] for row in db.rows(connection, _WORKFLOW_NAMES, {"workspace_id": workspace_id, "ids": list(ids)})}


def _params(scope: Scope, span: Span) -> dict[str, Any]:
    return {
        "workspace_id": scope.workspace_id,
        "workflow_id": scope.workflow_id,
        "version": scope.version,
        "trigger_id": scope.trigger_id,
        "label": scope.label,
        "level": span.level,
        "start": span.start,
        "end": span.end,
    }
