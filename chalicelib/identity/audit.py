"""The audit log: who changed what. An entry is written in the transaction of the change, or neither is. It names fields, never what is in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, rows, run
from chalicelib.core.jsontext import dumps
from chalicelib.identity.service import Caller

_APPEND = """
SELECT append_audit(%(workspace_id)s, %(actor_id)s, %(actor_name)s, %(action)s, %(resource)s, %(fields)s::jsonb, %(request_id)s, %(address)s)
"""
_PAGE = """
SELECT seq, at, actor_id, actor_name, action, resource, fields, request_id, address, hash FROM audit_log
WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR seq < %(before)s)
  AND (%(actor)s::text IS NULL OR actor_id = %(actor)s) AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(resource)s::text IS NULL OR starts_with(resource, %(resource)s))
  AND (%(from)s::timestamptz IS NULL OR at >= %(from)s) AND (%(to)s::timestamptz IS NULL OR at < %(to)s)
ORDER BY seq DESC LIMIT %(limit)s
"""
_CHECK = """
SELECT coalesce((SELECT seq FROM audit_heads WHERE workspace_id = %(workspace_id)s), 0) AS entries,
  (SELECT hash FROM audit_heads WHERE workspace_id = %(workspace_id)s) AS hash, audit_broken_at(%(workspace_id)s) AS broken_at
"""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What GET /audit can be narrowed by; `resource` is the beginning of a path."""

    actor: str | None = None
    action: str | None = None
    resource: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(
    connection: Connection, caller: Caller, action: str, resource: str, fields: Collection[str], *, request_id: str, address: str
) -> None:
    """Write an entry for a change that this transaction makes. Call it last: the workspace's next entry waits until the transaction ends."""
    values = {
        "workspace_id": caller.workspace_id,
        "actor_id": caller.key_id,
        "actor_name": caller.name,
        "action": action,
        "resource": resource,
        "fields": dumps(sorted(fields)),
        "request_id": request_id,
        "address": address,
    }
    run(connection, _APPEND, values)


def list_page(connection: Connection, workspace_id: str, wanted: AuditFilter, before: int | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """Entries, newest first; one more than `limit` when there are more."""
    params = {
        "workspace_id": workspace_id,
        "before": before,
        "actor": wanted.actor,
        "action": wanted.action,
        "resource": wanted.resource,
        "from": wanted.since,
        "to": wanted.until,
        "limit": limit + 1,
    }
    return rows(connection, _PAGE, params)


def check(connection: Connection, workspace_id: str) -> Mapping[str, Any]:
    """{entries, hash, broken_at}: how many there should be, the hash of the last, and the first that is not what was written (None: all are)."""
    found = row(connection, _CHECK, {"workspace_id": workspace_id})
    assert found is not None
    return found
