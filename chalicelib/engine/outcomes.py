"""What became of an execution, for callers that wait at a door: its status, its answer. Over any connection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.hot import Execute

# Only start and end are written to `executions`; what is between follows from the queue's row.
STATUS = """CASE WHEN e.status <> 'queued' THEN e.status WHEN w.worker IS NOT NULL THEN 'running'
  WHEN w.started_at IS NOT NULL THEN 'waiting' ELSE 'queued' END"""

_ONE_STATUS = f"""
SELECT {STATUS} AS status FROM executions e LEFT JOIN wakes w ON w.execution_id = e.id
WHERE e.id = %(id)s AND (%(workspace_id)s::text IS NULL OR e.workspace_id = %(workspace_id)s)
"""  # noqa: S608

_ANSWERS = """
SELECT e.id, e.status, e.output, e.error, r.output AS reply FROM executions e
LEFT JOIN LATERAL (SELECT n.output FROM node_runs n WHERE n.execution_id = e.id AND n.type = 'respond' AND n.status = 'succeeded'
                   ORDER BY n.finished_seq LIMIT 1) r ON true
WHERE e.id = ANY(%(ids)s) AND (e.status <> 'queued' OR r.output IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller that waits may be told: the first `respond`'s {status, headers, body}, or how the execution ended."""

    status: str
    output: Any
    error: dict[str, Any] | None
    reply: dict[str, Any] | None


def execution_status(execute: Execute, execution_id: str, workspace_id: str | None = None) -> str | None:
    """The present status of one execution, None when there is none (or it is another workspace's)."""
    found = execute(_ONE_STATUS, {"id": execution_id, "workspace_id": workspace_id})
    return found[0]["status"] if found else None


def read_answers(execute: Execute, execution_ids: Sequence[str]) -> dict[str, Answer]:
    """For callers that wait: the answers that are there by now."""
    found = {}
    for row in execute(_ANSWERS, {"ids": list(execution_ids)}):
        found[row["id"]] = Answer(row["status"], _load(row["output"]), _load(row["error"]), _load(row["reply"]))
    return found


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)
