"""SQL of API keys and workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run

_COLUMNS = "id, workspace_id, name, role, created_at, last_used_at, revoked_at"

_BY_ID = f"SELECT {_COLUMNS}, secret_hash FROM api_keys WHERE id = %(id)s"  # noqa: S608
_TOUCH = """
UPDATE api_keys SET last_used_at = now()
WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""
_INSERT = f"""
INSERT INTO api_keys (id, workspace_id, name, role, secret_hash)
VALUES (%(id)s, %(workspace_id)s, %(name)s, %(role)s, %(secret_hash)s) RETURNING {_COLUMNS}
"""  # noqa: S608
_PAGE = f"""
SELECT {_COLUMNS} FROM api_keys
WHERE workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s
"""  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM api_keys WHERE id = %(id)s AND workspace_id = %(workspace_id)s"  # noqa: S608
_REVOKE = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s AND workspace_id = %(workspace_id)s
"""
_WORKSPACES = """
SELECT id, slug, name, created_at FROM workspaces
WHERE (%(only)s::text IS NULL OR id = %(only)s OR id IN (SELECT workspace_id FROM members WHERE subject = %(subject)s)) AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s
"""
_INSERT_WORKSPACE = """
INSERT INTO workspaces (id, slug, name) VALUES (%(id)s, %(slug)s, %(name)s) ON CONFLICT (slug) DO NOTHING RETURNING id, slug, name, created_at
"""
_UPDATE_WORKSPACE = """
UPDATE workspaces SET slug = %(slug)s, name = %(name)s
WHERE id = %(id)s AND NOT EXISTS (SELECT 1 FROM workspaces WHERE slug = %(slug)s AND id <> %(id)s) RETURNING id, slug, name, created_at
"""
_WORKSPACE_BY_REF = "SELECT id FROM workspaces WHERE id = %(ref)s OR slug = %(ref)s ORDER BY id = %(ref)s DESC LIMIT 1"
_WORKSPACE = "SELECT id, slug, name, created_at FROM workspaces WHERE id = %(id)s"


def key_by_id(connection: Connection, key_id: str) -> Mapping[str, Any] | None:
    """A key of any workspace with its secret's hash: for authentication only."""
    return row(connection, _BY_ID, {"id": key_id})


def touch_key(connection: Connection, key_id: str) -> None:
    """Note that the key was used, at most once a minute."""
    run(connection, _TOUCH, {"id": key_id})


def insert_key(connection: Connection, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Store a new key."""
    made = row(connection, _INSERT, values)
    assert made is not None
    return made


def keys_page(connection: Connection, workspace_id: str, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """Keys of a workspace, newest first, revoked ones too."""
    return rows(connection, _PAGE, {"workspace_id": workspace_id, "after": after, "limit": limit})


def key_of(connection: Connection, workspace_id: str, key_id: str) -> Mapping[str, Any] | None:
    """One key of this workspace."""
    return row(connection, _ONE, {"workspace_id": workspace_id, "id": key_id})


def revoke_key(connection: Connection, workspace_id: str, key_id: str) -> bool:
    """Revoke; False when the workspace has no such key. Revoking twice keeps the first time."""
    return run(connection, _REVOKE, {"workspace_id": workspace_id, "id": key_id}) > 0


def workspace_by_id(connection: Connection, workspace_id: str) -> Mapping[str, Any] | None:
    """A workspace."""
    return row(connection, _WORKSPACE, {"id": workspace_id})


def workspaces_page(connection: Connection, only: str | None, subject: str | None, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """Workspaces, newest first: all, or only this one and those that the person is a member of."""
    return rows(connection, _WORKSPACES, {"only": only, "subject": subject, "after": after, "limit": limit})


def workspace_by_ref(connection: Connection, ref: str) -> Mapping[str, Any] | None:
    """A workspace by id or slug."""
    return row(connection, _WORKSPACE_BY_REF, {"ref": ref})


def insert_workspace(connection: Connection, workspace_id: str, name: str, slug: str) -> Mapping[str, Any] | None:
    """Store a new workspace; None when its slug is taken."""
    return row(connection, _INSERT_WORKSPACE, {"id": workspace_id, "name": name, "slug": slug})


def update_workspace(connection: Connection, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replace name and slug; None when the slug is another's."""
    return row(connection, _UPDATE_WORKSPACE, values)
