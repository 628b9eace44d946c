"""SQL of workflows, their versions and the immutable definitions both point at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run

Row = Mapping[str, Any]

_HEAD = "id, slug, name, description, labels, enabled, revision, live_version, last_version, created_at, updated_at"
_ALL = f"{_HEAD}, workspace_id, definition"

_INSERT = f"""
INSERT INTO workflows (id, workspace_id, slug, name, description, labels, enabled, definition)
VALUES (%(id)s, %(workspace_id)s, %(slug)s, %(name)s, %(description)s, %(labels)s::jsonb, %(enabled)s, %(definition)s)
ON CONFLICT (workspace_id, slug) DO NOTHING RETURNING {_ALL}
"""  # noqa: S608
_BY_ID = f"SELECT {_ALL} FROM workflows WHERE workspace_id = %(workspace_id)s AND id = %(id)s"  # noqa: S608
_BY_SLUG = f"SELECT {_ALL} FROM workflows WHERE workspace_id = %(workspace_id)s AND slug = %(slug)s"  # noqa: S608
_PAGE = f"""
SELECT {_HEAD} FROM workflows
WHERE workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
  AND (%(q)s::text IS NULL OR strpos(lower(name), lower(%(q)s)) > 0 OR strpos(slug, lower(%(q)s)) > 0)
  AND (%(label)s::text IS NULL OR labels ? %(label)s) AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY id DESC LIMIT %(limit)s
"""  # noqa: S608
_UPDATE = f"""
UPDATE workflows SET slug = %(slug)s, name = %(name)s, description = %(description)s, labels = %(labels)s::jsonb,
  enabled = %(enabled)s, definition = %(definition)s, revision = revision + 1, updated_at = clock_timestamp()
WHERE workspace_id = %(workspace_id)s AND id = %(id)s RETURNING {_ALL}
"""  # noqa: S608
_SLUG_TAKEN = "SELECT 1 FROM workflows WHERE workspace_id = %(workspace_id)s AND slug = %(slug)s AND id <> %(id)s"
_LIKE_SLUGS = """
SELECT slug FROM workflows WHERE workspace_id = %(workspace_id)s AND (slug = %(slug)s OR starts_with(slug, %(slug)s || '-'))
"""
_DELETE = "DELETE FROM workflows WHERE workspace_id = %(workspace_id)s AND id = %(id)s"
_LIVE_EXECUTIONS = """
SELECT count(*) AS live FROM (
  SELECT 1 FROM wakes JOIN executions e ON e.id = wakes.execution_id WHERE wakes.lane = (SELECT lane FROM workflows WHERE id = %(id)s)
    AND e.workflow_id = %(id)s LIMIT 1000) AS found
"""
_INSERT_DEFINITION = """
INSERT INTO definitions (id, workspace_id, workflow_id, body, actions)
VALUES (%(id)s, %(workspace_id)s, %(workflow_id)s, %(body)s, %(actions)s)
"""
_SAME_DEFINITION = """
SELECT id FROM definitions
WHERE workflow_id = %(workflow_id)s AND body = %(body)s AND actions IS NOT DISTINCT FROM %(actions)s LIMIT 1
"""
_PUBLISH = """
WITH raised AS (
  UPDATE workflows SET last_version = last_version + 1, live_version = last_version + 1, share = %(share)s, updated_at = clock_timestamp()
  WHERE workspace_id = %(workspace_id)s AND id = %(workflow_id)s RETURNING last_version
)
INSERT INTO workflow_versions (workflow_id, version, workspace_id, definition_id)
SELECT %(workflow_id)s, last_version, %(workspace_id)s, %(definition_id)s FROM raised RETURNING version, created_at
"""
_SET_LIVE = """
UPDATE workflows w SET live_version = v.version, share = %(share)s, updated_at = clock_timestamp() FROM workflow_versions v
WHERE w.workspace_id = %(workspace_id)s AND w.id = %(id)s AND v.workflow_id = w.id AND v.version = %(version)s RETURNING w.id
"""
_VERSIONS = """
SELECT v.version, v.created_at, v.version = w.live_version AS live FROM workflow_versions v JOIN workflows w ON w.id = v.workflow_id
WHERE w.workspace_id = %(workspace_id)s AND w.id = %(id)s AND (%(after)s::int IS NULL OR v.version < %(after)s)
ORDER BY v.version DESC LIMIT %(limit)s
"""
_VERSION = """
SELECT v.version, v.definition_id, v.created_at, coalesce(v.version = w.live_version, false) AS live, d.body AS definition
FROM workflow_versions v JOIN workflows w ON w.id = v.workflow_id JOIN definitions d ON d.id = v.definition_id
WHERE w.workspace_id = %(workspace_id)s AND w.id = %(id)s AND v.version = %(version)s
"""


def insert(connection: Connection, values: Row) -> Row | None:
    """Store a new workflow; None when its slug is taken."""
    return row(connection, _INSERT, values)


def by_id(connection: Connection, workspace_id: str, workflow_id: str, *, lock: bool = False) -> Row | None:
    """One workflow with its draft; `lock` holds it until the transaction ends."""
    return row(connection, _BY_ID + (" FOR UPDATE" if lock else ""), {"workspace_id": workspace_id, "id": workflow_id})


def by_slug(connection: Connection, workspace_id: str, slug: str, *, lock: bool = False) -> Row | None:
    """One workflow by its slug."""
    return row(connection, _BY_SLUG + (" FOR UPDATE" if lock else ""), {"workspace_id": workspace_id, "slug": slug})


def page(
    connection: Connection, workspace_id: str, after: str | None, limit: int, q: str | None, label: str | None, slug: str | None
) -> Sequence[Row]:
    """Workflows without their drafts, newest first."""
    wanted = {"workspace_id": workspace_id, "after": after, "limit": limit, "q": q, "label": label, "slug": slug}
    return rows(connection, _PAGE, wanted)


def update(connection: Connection, values: Row) -> Row:
    """Replace every field of a workflow that the caller has locked."""
    changed = row(connection, _UPDATE, values)
    assert changed is not None
    return changed


def slug_taken(connection: Connection, workspace_id: str, slug: str, workflow_id: str) -> bool:
    """Whether another workflow has this slug."""
    return row(connection, _SLUG_TAKEN, {"workspace_id": workspace_id, "slug": slug, "id": workflow_id}) is not None


def slugs_like(connection: Connection, workspace_id: str, slug: str) -> set[str]:
    """The slugs that are this one or continue it with a hyphen."""
    return {found["slug"] for found in rows(connection, _LIKE_SLUGS, {"workspace_id": workspace_id, "slug": slug})}


def delete(connection: Connection, workspace_id: str, workflow_id: str) -> None:
    """Delete a workflow with its versions and triggers; history stays."""
    run(connection, _DELETE, {"workspace_id": workspace_id, "id": workflow_id})


def live_executions(connection: Connection, workflow_id: str) -> int:
    """How many executions of it have not ended, counted up to 1,000."""
    found = row(connection, _LIVE_EXECUTIONS, {"id": workflow_id})
    return found["live"] if found else 0


def insert_definition(
    connection: Connection, definition_id: str, workspace_id: str, workflow_id: str, body: str, actions: str | None
) -> None:
    """Freeze a body, with the workspace's own node types that it names."""
    values = {"id": definition_id, "workspace_id": workspace_id, "workflow_id": workflow_id, "body": body, "actions": actions}
    run(connection, _INSERT_DEFINITION, values)


def same_definition(connection: Connection, workflow_id: str, body: str, actions: str | None) -> str | None:
    """The id of a frozen body equal to this one, with the same node types."""
    found = row(connection, _SAME_DEFINITION, {"workflow_id": workflow_id, "body": body, "actions": actions})
    return found["id"] if found else None


def publish(connection: Connection, workspace_id: str, workflow_id: str, definition_id: str, share: int) -> Row:
    """Make a frozen body the next version, live at once, with this share of the workers."""
    values = {"workspace_id": workspace_id, "workflow_id": workflow_id, "definition_id": definition_id, "share": share}
    made = row(connection, _PUBLISH, values)
    assert made is not None
    return made


def set_live(connection: Connection, workspace_id: str, workflow_id: str, version: int, share: int) -> bool:
    """Make a version live, with this share of the workers; False when there is none of that number."""
    values = {"workspace_id": workspace_id, "id": workflow_id, "version": version, "share": share}
    return row(connection, _SET_LIVE, values) is not None


def versions(connection: Connection, workspace_id: str, workflow_id: str, after: int | None, limit: int) -> Sequence[Row]:
    """Versions without their bodies, newest first."""
    return rows(connection, _VERSIONS, {"workspace_id": workspace_id, "id": workflow_id, "after": after, "limit": limit})


def version(connection: Connection, workspace_id: str, workflow_id: str, number: int) -> Row | None:
    """One version with its body."""
    return row(connection, _VERSION, {"workspace_id": workspace_id, "id": workflow_id, "version": number})
