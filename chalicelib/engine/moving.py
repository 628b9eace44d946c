"""Executions that have not ended, for moving them to another definition: read without a lock, moved by compare-and-set.

An execution's facts change only by saves, and every save and every claim raises `lease_epoch`. So what was read at an epoch is still so while the epoch is the
same; and a row that a worker holds, or is taking at this moment, is passed over, not waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.ids import bound
from chalicelib.core.jsontext import dumps
from chalicelib.engine.listing import CLOCK_SLACK
from chalicelib.engine.moves import Standing
from chalicelib.engine.repository import add_run, state_of

_LIVE = """
SELECT e.id, e.workspace_id, e.workflow_id, e.definition_id, e.version, e.trigger, e.input, coalesce(e.key_origin, e.id) AS key_origin, e.created_at,
  e.parent_id, e.parent_node, e.parent_iteration, e.part, e.depth, e.error, w.lease_epoch AS epoch, w.worker IS NOT NULL AS held, w.started_at,
  s.execution_id IS NOT NULL AS placed, now() AS now
FROM wakes w JOIN executions e ON e.id = w.execution_id LEFT JOIN concurrency_slots s ON s.execution_id = e.id
WHERE e.workspace_id = %(workspace_id)s AND e.workflow_id = %(workflow_id)s AND e.part IS NULL AND e.version IS DISTINCT FROM %(target)s
  AND (%(after)s::text IS NULL OR e.id > %(after)s)
  AND (%(ids)s::text[] IS NULL OR e.id = ANY(%(ids)s))
  AND (%(version)s::int IS NULL OR e.version = %(version)s)
  AND (%(from)s::timestamptz IS NULL OR (e.created_at >= %(from)s AND e.id >= %(from_id)s))
  AND (%(to)s::timestamptz IS NULL OR (e.created_at < %(to)s AND e.id < %(to_id)s))
  AND (%(node_id)s::text IS NULL OR EXISTS (SELECT 1 FROM node_runs n WHERE n.execution_id = e.id AND n.node_id = %(node_id)s AND n.status = 'waiting'))
ORDER BY e.id LIMIT %(limit)s
"""

_RUNS = """
SELECT execution_id, node_id, iteration, attempt, type, status, port, error, started_seq, finished_seq, started_at, finished_at, wake_at,
  NULL AS output, NULL AS bytes
FROM node_runs WHERE execution_id = ANY(%(ids)s) AND iteration = '' ORDER BY execution_id, attempt
"""

_DEFINITIONS = "SELECT id, body, actions FROM definitions WHERE id = ANY(%(ids)s)"

# Due at once: whoever takes it up looks at the new graph, starts what it lets start, and parks it again.
MOVE = """
WITH v AS (
  SELECT * FROM json_to_recordset(%(moves)s::json) AS v(id text, epoch int)
), locked AS MATERIALIZED (
  SELECT w.execution_id, v.epoch FROM wakes w JOIN v ON v.id = w.execution_id WHERE w.worker IS NULL AND w.lease_epoch = v.epoch
  ORDER BY 1 FOR UPDATE OF w SKIP LOCKED
), moved AS (
  UPDATE wakes w SET lease_epoch = w.lease_epoch + 1, wake_at = least(w.wake_at, now())
  FROM locked WHERE w.execution_id = locked.execution_id AND w.worker IS NULL AND w.lease_epoch = locked.epoch RETURNING w.execution_id
), noted AS (
  INSERT INTO execution_moves (execution_id, workspace_id, from_definition_id, from_version, to_definition_id, to_version, moved_by)
  SELECT e.id, e.workspace_id, e.definition_id, e.version, %(definition_id)s, %(version)s, %(moved_by)s
  FROM executions e JOIN moved ON moved.execution_id = e.id
)
UPDATE executions e SET definition_id = %(definition_id)s, version = %(version)s FROM moved WHERE e.id = moved.execution_id RETURNING e.id
"""


@dataclass(frozen=True, slots=True)
class MoveFilter:
    """Which of a workflow's executions; None: any. `node_id` is a node that they wait at."""

    ids: tuple[str, ...] | None = None
    version: int | None = None
    node_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An execution that has not ended, as it stood at `epoch`. `held`: a worker has it now, and only that is known of it."""

    execution_id: str
    version: int | None
    definition_id: str
    epoch: int
    held: bool
    standing: Standing


def find(
    connection: Connection, workspace_id: str, workflow_id: str, target: int, wanted: MoveFilter, after: str | None, limit: int
) -> list[Candidate]:
    """A workflow's executions that have not ended and are not of the version `target`, by id, with where they stand."""
    params = {
        "workspace_id": workspace_id,
        "workflow_id": workflow_id,
        "target": target,
        "ids": list(wanted.ids) if wanted.ids is not None else None,
        "version": wanted.version,
        "node_id": wanted.node_id,
        "from": wanted.created_from,
        "from_id": bound("exe", wanted.created_from - CLOCK_SLACK) if wanted.created_from else None,
        "to": wanted.created_to,
        "to_id": bound("exe", wanted.created_to + CLOCK_SLACK) if wanted.created_to else None,
        "after": after,
        "limit": limit,
    }
    rows = db.rows(connection, _LIVE, params)
    states = {row["id"]: state_of(row, row["started_at"] or row["created_at"]) for row in rows}
    free = [row["id"] for row in rows if not row["held"]]
    for run in db.rows(connection, _RUNS, {"ids": free}) if free else ():
        add_run(states[run["execution_id"]], run)
    return [_candidate(row, Standing(states[row["id"]], _begun(row, states), row["placed"], row["now"])) for row in rows]


def _begun(row: Mapping[str, Any], states: Mapping[str, Any]) -> bool:
    return row["started_at"] is not None or bool(states[row["id"]].runs)


def _candidate(row: Mapping[str, Any], standing: Standing) -> Candidate:
    return Candidate(row["id"], row["version"], row["definition_id"], row["epoch"], row["held"], standing)


def definitions(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Frozen definitions by id: the body, and the workspace's own node types it was frozen with, both as JSON text."""
    return {row["id"]: (row["body"], row["actions"]) for row in db.rows(connection, _DEFINITIONS, {"ids": list(ids)})}


def move(connection: Connection, candidates: Sequence[Candidate], definition_id: str, version: int, moved_by: str) -> set[str]:
    """Pin those to another definition that still stand as they did, and note it in their history; returns which. Call `wake()` after the commit."""
    wanted = dumps([{"id": candidate.execution_id, "epoch": candidate.epoch} for candidate in candidates])
    params = {"moves": wanted, "definition_id": definition_id, "version": version, "moved_by": moved_by}
    return {row["id"] for row in db.rows(connection, MOVE, params)} if candidates else set()
