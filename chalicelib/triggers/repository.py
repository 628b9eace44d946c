"""SQL of triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run

Row = Mapping[str, Any]

_READ = """
SELECT t.*, w.enabled AS workflow_enabled, w.live_version FROM triggers t JOIN workflows w ON w.id = t.workflow_id
WHERE t.workspace_id = %(workspace_id)s
"""
_INSERT = """
INSERT INTO triggers (id, workspace_id, workflow_id, type, config, input, enabled, path, topic, source_workflow_id, planned_through, next_fire_at,
  created_at, updated_at)
VALUES (%(id)s, %(workspace_id)s, %(workflow_id)s, %(type)s, %(config)s, %(input)s, %(enabled)s, %(path)s, %(topic)s,
  %(source_workflow_id)s, %(planned_through)s, %(next_fire_at)s, %(created_at)s, %(created_at)s)
ON CONFLICT (path) DO NOTHING
"""
_UPDATE = """
UPDATE triggers SET config = %(config)s, input = %(input)s, enabled = %(enabled)s, path = %(path)s, topic = %(topic)s,
  source_workflow_id = %(source_workflow_id)s,
  planned_through = %(planned_through)s, next_fire_at = %(next_fire_at)s, unhealthy_reason = %(unhealthy_reason)s,
  paused_at = %(paused_at)s, failures_in_a_row = CASE WHEN %(paused_at)s::timestamptz IS NULL THEN 0 ELSE failures_in_a_row END,
  revision = revision + 1, updated_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(id)s
"""
_NEW_BUCKET = "DELETE FROM trigger_limits WHERE trigger_id = %(id)s"
_PATH_TAKEN = "SELECT 1 FROM triggers WHERE path = %(path)s AND id <> %(id)s"
_DELETE = "DELETE FROM triggers WHERE workspace_id = %(workspace_id)s AND id = %(id)s"
_BY_NAME = "SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND (id = %(name)s OR slug = %(name)s) FOR KEY SHARE"
_WORKFLOW = "SELECT 1 FROM workflows WHERE workspace_id = %(workspace_id)s AND id = %(id)s FOR KEY SHARE"


def workflow_exists(connection: Connection, workspace_id: str, workflow_id: str) -> bool:
    """Whether the workspace has this workflow; holds it against deletion until the transaction ends."""
    return row(connection, _WORKFLOW, {"workspace_id": workspace_id, "id": workflow_id}) is not None


def workflow_by_name(connection: Connection, workspace_id: str, name: str) -> str | None:
    """The id of the workflow with this id or slug."""
    found = row(connection, _BY_NAME, {"workspace_id": workspace_id, "name": name})
    return found["id"] if found else None


def database_now(connection: Connection) -> datetime:
    """The database's clock, which decides when schedules are due."""
    found = row(connection, "SELECT now() AS now")
    assert found is not None
    return found["now"]


def insert(connection: Connection, values: Row) -> bool:
    """Store a new trigger; False when its path is taken."""
    return run(connection, _INSERT, values) > 0


def by_id(connection: Connection, workspace_id: str, trigger_id: str, *, lock: bool = False) -> Row | None:
    """One trigger with what its state depends on: its workflow's `workflow_enabled` and `live_version`."""
    sql = f"{_READ} AND t.id = %(id)s" + (" FOR UPDATE OF t" if lock else "")
    return row(connection, sql, {"workspace_id": workspace_id, "id": trigger_id})


def page(
    connection: Connection, workspace_id: str, after: str | None, limit: int, workflow_id: str | None, type: str | None
) -> Sequence[Row]:
    """Triggers, newest first."""
    sql = f"""{_READ} AND (%(after)s::text IS NULL OR t.id < %(after)s) AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
              AND (%(type)s::text IS NULL OR t.type = %(type)s) ORDER BY t.id DESC LIMIT %(limit)s"""
    wanted = {"workspace_id": workspace_id, "after": after, "limit": limit, "workflow_id": workflow_id, "type": type}
    return rows(connection, sql, wanted)


def update(connection: Connection, values: Row) -> None:
    """Replace what of a trigger can change; raises its revision, so that nothing starts on what was read before. Its rate limit begins anew."""
    run(connection, _UPDATE, values)
    run(connection, _NEW_BUCKET, {"id": values["id"]})


def path_taken(connection: Connection, path: str, trigger_id: str) -> bool:
    """Whether another trigger of the installation has this path."""
    return row(connection, _PATH_TAKEN, {"path": path, "id": trigger_id}) is not None


def delete(connection: Connection, workspace_id: str, trigger_id: str) -> bool:
    """Delete; False when the workspace has no such trigger. Executions it started stay."""
    return run(connection, _DELETE, {"workspace_id": workspace_id, "id": trigger_id}) > 0
