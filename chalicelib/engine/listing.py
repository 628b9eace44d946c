"""Which executions there are: the list that the API gives out a page at a time, how many it holds, and what both can be narrowed by. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.ids import bound
from chalicelib.engine.outcomes import STATUS
from chalicelib.engine.queries import COLUMNS, summary

CLOCK_SLACK = timedelta(hours=1)  # ids carry the starter's clock, created_at the database's
COUNT_LIMIT = 10_000
DRAFT = 0  # in a filter; the column is null

# An error's code, which stands first in its JSON. Read as text: a message may hold an escaped NUL, over which json's operators stumble.
ERROR_CODE = r'^\s*\{\s*"code"\s*:\s*"([A-Za-z0-9_.-]{1,100})"'

# Node runs of `e` and of the hidden executions that run parts of its loops, as analytics counts them: of each iteration the last attempt, when it ended there.
# One that a retry took over from the execution before ended before `e` was made.
_NODE_RUNS = """
  WITH RECURSIVE family AS (
    SELECT e.id, e.created_at UNION ALL
    SELECT p.id, p.created_at FROM executions p JOIN family ON p.parent_id = family.id WHERE p.id > e.id AND p.part IS NOT NULL
  ), latest AS (
    SELECT DISTINCT ON (n.execution_id, n.iteration) n.status, n.error, n.attempt
    FROM family JOIN node_runs n ON n.execution_id = family.id AND n.node_id = %(node_id)s
    WHERE n.status IN ('succeeded', 'failed', 'cancelled') AND n.finished_at >= family.created_at
    ORDER BY n.execution_id, n.iteration, n.attempt DESC
  )
  SELECT count(*) FROM latest
  WHERE (%(node_status)s::text IS NULL OR status = %(node_status)s) AND (%(node_retried)s::bool IS NULL OR (attempt > 1) = %(node_retried)s)
    AND (%(node_error)s::text IS NULL OR (status = 'failed' AND substring(error FROM %(code)s) = %(node_error)s))
"""

_WHERE = f"""
FROM executions e LEFT JOIN wakes w ON w.execution_id = e.id
WHERE e.workspace_id = %(workspace_id)s AND e.part IS NULL
  AND (%(before)s::text IS NULL OR e.id < %(before)s)
  AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
  AND (%(label)s::text IS NULL OR e.workflow_id IN
    (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> jsonb_build_array(%(label)s::text)))
  AND (%(version)s::int IS NULL OR coalesce(e.version, 0) = %(version)s)
  AND (%(trigger_id)s::text IS NULL OR e.trigger_id = %(trigger_id)s)
  AND (%(parent_id)s::text IS NULL OR e.parent_id = %(parent_id)s)
  AND (%(statuses)s::text[] IS NULL OR {STATUS} = ANY(%(statuses)s))
  AND (%(due)s::bool IS NULL OR (e.status = 'queued' AND w.worker IS NULL AND coalesce(w.wake_at <= now(), false) = %(due)s))
  AND (%(created_from)s::timestamptz IS NULL OR (e.created_at >= %(created_from)s AND e.id >= %(created_from_id)s))
  AND (%(created_to)s::timestamptz IS NULL OR (e.created_at < %(created_to)s AND e.id < %(created_to_id)s))
  AND (%(finished_from)s::timestamptz IS NULL OR e.finished_at >= %(finished_from)s)
  AND (%(finished_to)s::timestamptz IS NULL OR (e.finished_at < %(finished_to)s AND e.id < %(finished_to_id)s))
  AND (%(error)s::text IS NULL OR substring(e.error FROM %(code)s) = %(error)s)
  AND (%(q)s::text IS NULL OR e.id = %(q)s OR strpos(lower(e.input), lower(%(q)s)) > 0 OR strpos(lower(e.error), lower(%(q)s)) > 0)
  AND (%(node_id)s::text IS NULL OR ({_NODE_RUNS}) > 0)
"""  # noqa: S608 - constants only

_LIST = f"SELECT {COLUMNS} {_WHERE} ORDER BY e.id DESC LIMIT %(limit)s"  # noqa: S608

# By when they ended: those made within the span are found by their ids, and are most; those made before it, which may be in any partition, by the index of ends.
# In one condition the planner expects to find the first page soon, and reads whole months that hold none of it.
_LIST_ENDED = f"""
WITH before_it AS MATERIALIZED (
  SELECT id FROM executions WHERE workspace_id = %(workspace_id)s AND part IS NULL AND id < %(finished_from_id)s
    AND finished_at >= %(finished_from)s AND (%(finished_to)s::timestamptz IS NULL OR finished_at < %(finished_to)s)
)
(SELECT {COLUMNS} {_WHERE} AND e.id >= %(finished_from_id)s ORDER BY e.id DESC LIMIT %(limit)s)
UNION ALL
(SELECT {COLUMNS} {_WHERE} AND e.id IN (SELECT id FROM before_it) ORDER BY e.id DESC LIMIT %(limit)s)
ORDER BY id DESC LIMIT %(limit)s
"""  # noqa: S608

_COUNT = f"""
SELECT count(*) AS executions, sum(runs)::bigint AS node_runs FROM (
  SELECT CASE WHEN %(node_id)s::text IS NOT NULL THEN ({_NODE_RUNS}) END AS runs {_WHERE} LIMIT %(limit)s
) AS found
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """What lists of executions can be narrowed by; None, and no statuses, mean any.

    `version` DRAFT: of the draft. `error`, `node_error`: the error's code. `due`: not held by a worker, and overdue (True) or waiting for a time or a signal (False).
    The last three are of runs of the node `node_id`, and mean nothing without it.
    """

    workflow_id: str | None = None
    trigger_id: str | None = None
    statuses: tuple[str, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str | None = None
    parent_id: str | None = None
    version: int | None = None
    label: str | None = None
    finished_from: datetime | None = None
    finished_to: datetime | None = None
    error: str | None = None
    due: bool | None = None
    node_id: str | None = None
    node_status: str | None = None
    node_error: str | None = None
    node_retried: bool | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many executions a filter matches, and how many runs of its node they hold (None: it names none). `more`: there are over COUNT_LIMIT, and these are the first."""

    executions: int
    node_runs: int | None
    more: bool


def list_executions(connection: Connection, workspace_id: str, wanted: ExecutionFilter, limit: int, before: str | None) -> list[dict[str, Any]]:
    """Newest first, without payloads and node runs; `before` is the last id of the page before."""
    sql = _LIST if wanted.finished_from is None else _LIST_ENDED
    return [summary(row) for row in db.rows(connection, sql, _params(workspace_id, wanted, limit, before))]


def count_executions(connection: Connection, workspace_id: str, wanted: ExecutionFilter) -> Count:
    """How many there are, up to COUNT_LIMIT."""
    found = db.rows(connection, _COUNT, _params(workspace_id, wanted, COUNT_LIMIT + 1, None))[0]
    more = found["executions"] > COUNT_LIMIT
    return Count(min(found["executions"], COUNT_LIMIT), (found["node_runs"] or 0) if wanted.node_id else None, more)


def _params(workspace_id: str, wanted: ExecutionFilter, limit: int, before: str | None) -> Mapping[str, Any]:
    plain = ("workflow_id", "trigger_id", "parent_id", "version", "label", "q", "error", "due", "created_from", "created_to", "finished_from", "finished_to")
    return {
        **{name: getattr(wanted, name) for name in (*plain, "node_id", "node_status", "node_error", "node_retried")},
        "workspace_id": workspace_id,
        "statuses": list(wanted.statuses) or None,
        "created_from_id": bound("exe", wanted.created_from - CLOCK_SLACK) if wanted.created_from else None,
        "created_to_id": bound("exe", wanted.created_to + CLOCK_SLACK) if wanted.created_to else None,
        "finished_from_id": bound("exe", wanted.finished_from - CLOCK_SLACK) if wanted.finished_from else None,
        "finished_to_id": bound("exe", wanted.finished_to + CLOCK_SLACK) if wanted.finished_to else None,
        "code": ERROR_CODE,
        "limit": limit,
        "before": before,
    }
