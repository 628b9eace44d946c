"""SQL of credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run

Row = Mapping[str, Any]

_COLUMNS = (
    "c.id, c.workspace_id, c.slug, c.name, c.type, c.hosts, c.workflows, c.public, c.secrets, c.rate_limit, c.revision, c.created_at, c.updated_at, "
    "c.last_used_at, c.last_used_by, c.tested_at, c.test_status, c.test_message, t.granted_at, t.expires_at, t.problem"
)
_SEALED = (
    "c.sealed, c.data_key, c.key_id, t.sealed AS token_sealed, t.data_key AS token_data_key, t.key_id AS token_key_id, t.version AS token_version"
)
_FROM = "FROM credentials c LEFT JOIN credential_tokens t ON t.credential_id = c.id AND t.sealed IS NOT NULL"

_INSERT = """
INSERT INTO credentials (id, workspace_id, slug, name, type, hosts, workflows, rate_limit, public, secrets, sealed, data_key, key_id)
VALUES (%(id)s, %(workspace_id)s, %(slug)s, %(name)s, %(type)s, %(hosts)s, %(workflows)s, %(rate_limit)s, %(public)s, %(secrets)s, %(sealed)s, %(data_key)s, %(key_id)s)
ON CONFLICT (workspace_id, slug) DO NOTHING RETURNING id
"""
_UPDATE = """
UPDATE credentials SET slug = %(slug)s, name = %(name)s, hosts = %(hosts)s, workflows = %(workflows)s, rate_limit = %(rate_limit)s, public = %(public)s, secrets = %(secrets)s,
  sealed = %(sealed)s, data_key = %(data_key)s, key_id = %(key_id)s, revision = revision + 1, updated_at = now()
WHERE id = %(id)s AND workspace_id = %(workspace_id)s
"""
_BY_REF = f"""
SELECT {_COLUMNS}, {_SEALED} {_FROM}
WHERE c.workspace_id = %(workspace_id)s AND (c.id = %(ref)s OR c.slug = %(ref)s) ORDER BY c.id = %(ref)s DESC LIMIT 1
"""  # noqa: S608
_BY_REFS = f"""
SELECT {_COLUMNS} {_FROM} WHERE c.workspace_id = %(workspace_id)s AND (c.id = ANY(%(refs)s) OR c.slug = ANY(%(refs)s))
"""  # noqa: S608
_LOCK = "SELECT id FROM credentials WHERE id = %(id)s AND workspace_id = %(workspace_id)s FOR UPDATE"
_PAGE = f"""
SELECT {_COLUMNS} {_FROM}
WHERE c.workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR c.id < %(after)s) AND (%(type)s::text IS NULL OR c.type = %(type)s)
ORDER BY c.id DESC LIMIT %(limit)s
"""  # noqa: S608
_DELETE = "DELETE FROM credentials WHERE id = %(id)s AND workspace_id = %(workspace_id)s"
_SLUGS = "SELECT slug FROM credentials WHERE workspace_id = %(workspace_id)s AND slug LIKE %(pattern)s"
_TOUCH = """
UPDATE credentials SET last_used_at = now(), last_used_by = %(by)s
WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at < now() - interval '10 seconds')
"""
_TESTED = """
UPDATE credentials SET tested_at = now(), test_status = %(status)s, test_message = %(message)s WHERE id = %(id)s AND revision = %(revision)s
"""
_WORKFLOWS = "SELECT id, slug FROM workflows WHERE workspace_id = %(workspace_id)s AND (id = ANY(%(refs)s) OR slug = ANY(%(refs)s))"
_USERS = """
SELECT w.id, w.slug FROM workflows w
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
LEFT JOIN definitions d ON d.id = v.definition_id
WHERE w.workspace_id = %(workspace_id)s
  AND (w.definition LIKE ANY(%(patterns)s) OR d.body LIKE ANY(%(patterns)s)) ORDER BY w.id LIMIT 100
"""
_STALE = {
    "credentials": "SELECT id, workspace_id, sealed, data_key, key_id FROM credentials WHERE key_id <> %(key_id)s ORDER BY id LIMIT %(limit)s FOR UPDATE",
    "credential_tokens": """
      SELECT credential_id AS id, workspace_id, sealed, data_key, key_id FROM credential_tokens
      WHERE key_id <> %(key_id)s ORDER BY credential_id LIMIT %(limit)s FOR UPDATE""",
}
_REWRAP = {
    "credentials": "UPDATE credentials SET data_key = %(data_key)s, key_id = %(key_id)s WHERE id = %(id)s",
    "credential_tokens": "UPDATE credential_tokens SET data_key = %(data_key)s, key_id = %(key_id)s WHERE credential_id = %(id)s",
}


def insert(connection: Connection, values: Row) -> bool:
    """Store a new credential; False when its slug is taken."""
    return row(connection, _INSERT, values) is not None


def update(connection: Connection, values: Row) -> None:
    """Replace a credential and raise its revision."""
    run(connection, _UPDATE, values)


def lock(connection: Connection, workspace_id: str, credential_id: str) -> bool:
    """Keep others from changing it until the transaction ends."""
    return row(connection, _LOCK, {"workspace_id": workspace_id, "id": credential_id}) is not None


def by_ref(connection: Connection, workspace_id: str, ref: str) -> Row | None:
    """A credential by id or slug, with its sealed part."""
    return row(connection, _BY_REF, {"workspace_id": workspace_id, "ref": ref})


def by_refs(connection: Connection, workspace_id: str, refs: Sequence[str]) -> Sequence[Row]:
    """Credentials by ids or slugs, without their sealed parts."""
    return rows(connection, _BY_REFS, {"workspace_id": workspace_id, "refs": list(refs)}) if refs else []


def page(connection: Connection, workspace_id: str, after: str | None, limit: int, type: str | None) -> Sequence[Row]:
    """Credentials of a workspace, newest first."""
    return rows(connection, _PAGE, {"workspace_id": workspace_id, "after": after, "limit": limit, "type": type})


def delete(connection: Connection, workspace_id: str, credential_id: str) -> bool:
    """Delete; False when there is none."""
    return run(connection, _DELETE, {"workspace_id": workspace_id, "id": credential_id}) > 0


def slugs_like(connection: Connection, workspace_id: str, base: str) -> set[str]:
    """Slugs that begin like this."""
    pattern = base.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%") + "%"
    return {found["slug"] for found in rows(connection, _SLUGS, {"workspace_id": workspace_id, "pattern": pattern})}


def touch(connection: Connection, credential_id: str, by: str) -> None:
    """Note who used it last, at most every ten seconds."""
    run(connection, _TOUCH, {"id": credential_id, "by": by})


def tested(connection: Connection, credential_id: str, revision: int, status: str, message: str) -> None:
    """Note what a test found, unless the credential was changed meanwhile."""
    run(connection, _TESTED, {"id": credential_id, "revision": revision, "status": status, "message": message})


def workflow_ids(connection: Connection, workspace_id: str, refs: Sequence[str]) -> dict[str, str]:
    """Ids of workflows by the ids or slugs given."""
    found = rows(connection, _WORKFLOWS, {"workspace_id": workspace_id, "refs": list(refs)}) if refs else []
    return {key: each["id"] for each in found for key in (each["id"], each["slug"]) if key in refs}


def users(connection: Connection, workspace_id: str, refs: Sequence[str]) -> Sequence[Row]:
    """Workflows whose draft or live version names one of these references: {id, slug}."""
    escaped = [ref.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%") for ref in refs]
    return rows(connection, _USERS, {"workspace_id": workspace_id, "patterns": [f'%"credential":"{ref}"%' for ref in escaped]})


TABLES = tuple(_STALE)


def stale(connection: Connection, table: str, key_id: str, limit: int) -> Sequence[Row]:
    """Rows of one of TABLES whose data key another master key wrapped, locked."""
    return rows(connection, _STALE[table], {"key_id": key_id, "limit": limit})


def rewrap(connection: Connection, table: str, row_id: str, data_key: str, key_id: str) -> None:
    """Replace a row's wrapped data key."""
    run(connection, _REWRAP[table], {"id": row_id, "data_key": data_key, "key_id": key_id})
