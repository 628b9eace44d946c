"""SQL of a workspace's own node types: one row for each version, which never changes, and one that says which is current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run

Row = Mapping[str, Any]

_CURRENT = """
SELECT a.type, a.version, a.created_at, a.updated_at, v.document FROM custom_actions a
JOIN custom_action_versions v ON v.workspace_id = a.workspace_id AND v.type = a.type AND v.version = a.version
WHERE a.workspace_id = %(workspace_id)s AND NOT a.deleted AND (%(types)s::text[] IS NULL OR a.type = ANY(%(types)s::text[])) ORDER BY a.type
"""
_LOCK = "SELECT type, version, deleted FROM custom_actions WHERE workspace_id = %(workspace_id)s AND type = %(type)s FOR UPDATE"
_INSERT = """
INSERT INTO custom_actions (workspace_id, type, version) VALUES (%(workspace_id)s, %(type)s, 1) ON CONFLICT DO NOTHING RETURNING version
"""
_RAISE = """
UPDATE custom_actions SET version = version + 1, deleted = false, updated_at = now() WHERE workspace_id = %(workspace_id)s AND type = %(type)s
RETURNING version
"""
_VERSION = """
INSERT INTO custom_action_versions (workspace_id, type, version, document) VALUES (%(workspace_id)s, %(type)s, %(version)s, %(document)s)
"""
_VERSIONS = """
SELECT version, document, created_at FROM custom_action_versions WHERE workspace_id = %(workspace_id)s AND type = %(type)s ORDER BY version DESC LIMIT 200
"""
_DELETE = """
UPDATE custom_actions SET deleted = true, updated_at = now() WHERE workspace_id = %(workspace_id)s AND type = %(type)s AND NOT deleted
"""


def current(connection: Connection, workspace_id: str, types: Sequence[str] | None = None) -> Sequence[Row]:
    """The current versions of all types, or of these."""
    return rows(connection, _CURRENT, {"workspace_id": workspace_id, "types": list(types) if types is not None else None})


def lock(connection: Connection, workspace_id: str, type: str) -> Row | None:
    """A type's row, deleted or not, locked."""
    return row(connection, _LOCK, {"workspace_id": workspace_id, "type": type})


def insert(connection: Connection, workspace_id: str, type: str) -> int | None:
    """The first version's number; None when the type has been there."""
    made = row(connection, _INSERT, {"workspace_id": workspace_id, "type": type})
    return made["version"] if made else None


def raise_version(connection: Connection, workspace_id: str, type: str) -> int:
    """The next version's number."""
    made = row(connection, _RAISE, {"workspace_id": workspace_id, "type": type})
    assert made is not None
    return int(made["version"])


def add_version(connection: Connection, workspace_id: str, type: str, version: int, document: str) -> None:
    """Store a version, for good."""
    run(connection, _VERSION, {"workspace_id": workspace_id, "type": type, "version": version, "document": document})


def versions(connection: Connection, workspace_id: str, type: str) -> Sequence[Row]:
    """All versions of a type, newest first."""
    return rows(connection, _VERSIONS, {"workspace_id": workspace_id, "type": type})


def delete(connection: Connection, workspace_id: str, type: str) -> bool:
    """Take a type away; what is published keeps its version. False when there is none."""
    return run(connection, _DELETE, {"workspace_id": workspace_id, "type": type}) > 0
