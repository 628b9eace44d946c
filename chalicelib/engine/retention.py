"""How long history is kept: `settings.retention_days` of a workflow's live version. Without it, for ever."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.ids import bound
from chalicelib.core.jsontext import loads

_LIMITED = """
SELECT w.id, d.body, now() AS now FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
JOIN definitions d ON d.id = v.definition_id WHERE strpos(d.body, '"retention_days"') > 0 ORDER BY w.id
"""

# Ids carry the time at which an execution was made, which is never later than its end.
_OLD = """
SELECT id FROM executions WHERE workflow_id = %(workflow_id)s AND id < %(bound)s AND status <> 'queued' AND finished_at < %(before)s ORDER BY id LIMIT %(limit)s
"""


def forget_history(connection: Connection, limit: int) -> int:
    """Delete executions, with their node runs, that ended longer ago than their workflow keeps them; at most `limit`, returns how many."""
    forgotten = 0
    for row in db.rows(connection, _LIMITED):
        days = loads(row["body"]).get("settings", {}).get("retention_days")
        if days is None or forgotten >= limit:
            continue
        before = row["now"] - timedelta(days=days)
        params = {"workflow_id": row["id"], "bound": bound("exe", before), "before": before, "limit": limit - forgotten}
        ids = [old["id"] for old in db.rows(connection, _OLD, params)]
        if ids:
            db.run(connection, "DELETE FROM node_runs WHERE execution_id = ANY(%(ids)s)", {"ids": ids})
            db.run(connection, "DELETE FROM executions WHERE id = ANY(%(ids)s)", {"ids": ids})
            forgotten += len(ids)
    return forgotten
