"""SQL of the ledger. That a status never goes back, and that no second message is under way under one key, is the schema's own doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps

Row = Mapping[str, Any]

_MINE = """
  d.workspace_id = %(workspace_id)s AND d.idempotency_key = %(key)s AND d.channel = %(channel)s AND d.recipient_digest = ANY(%(digests)s)
"""
_THIS_RUN = "(d.execution_id = %(execution_id)s AND d.node_id = %(node_id)s AND d.iteration = %(iteration)s AND d.attempt = %(attempt)s)"

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(workspace_id)s || %(key)s, 0))"

_ORPHANS = f"""
UPDATE deliveries d SET status = 'unknown', reason = 'worker_lost', detail = 'the worker vanished while it sent this'
WHERE {_MINE} AND d.status = 'accepted' AND d.handed_at IS NULL AND NOT {_THIS_RUN}
"""  # noqa: S608 - constants only

_EARLIER = f"""
SELECT d.* FROM deliveries d WHERE {_MINE} AND (d.status IN ('delivered', 'unknown') OR d.handed_at IS NOT NULL) ORDER BY d.id
"""  # noqa: S608

_ACCEPT = """
INSERT INTO deliveries AS d (id, workspace_id, workflow_id, execution_id, node_id, iteration, attempt, idempotency_key, channel, recipient, recipient_digest,
  provider, credential_id)
SELECT v.id, %(workspace_id)s, %(workflow_id)s, %(execution_id)s, %(node_id)s, %(iteration)s, %(attempt)s, %(key)s, %(channel)s, v.recipient, v.digest,
  %(provider)s, %(credential_id)s
FROM json_to_recordset(%(rows)s::json) AS v(id text, recipient text, digest text)
ON CONFLICT (execution_id, node_id, iteration, attempt, channel, recipient_digest)
DO UPDATE SET provider = excluded.provider, credential_id = excluded.credential_id WHERE d.status = 'accepted'
RETURNING d.id, d.recipient_digest
"""

_TURN = """
UPDATE deliveries SET provider = %(provider)s, credential_id = %(credential_id)s, tried = tried || %(tried)s::jsonb WHERE id = %(id)s AND status = 'accepted'
"""

_HAND = """
UPDATE deliveries SET handed_at = now(), message_id = %(message_id)s, provider = %(provider)s, credential_id = %(credential_id)s,
  status = CASE WHEN %(status)s = 'delivered' AND status IN ('accepted', 'unknown') THEN 'delivered' ELSE status END
WHERE id = %(id)s RETURNING status
"""

_SETTLE = """
UPDATE deliveries SET status = %(status)s, reason = %(reason)s, detail = %(detail)s
WHERE id = %(id)s AND status IN ('accepted', 'unknown') AND status <> %(status)s
"""

_NOTE = "UPDATE deliveries SET detail = %(detail)s WHERE id = %(id)s AND detail = ''"

_BY_MESSAGE = """
SELECT * FROM deliveries WHERE message_id = %(message_id)s AND provider = ANY(%(providers)s) AND credential_id = %(credential_id)s ORDER BY id LIMIT 1000
"""

_LIST = """
SELECT * FROM deliveries WHERE workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
  AND (%(execution_id)s::text IS NULL OR execution_id = %(execution_id)s) AND (%(workflow_id)s::text IS NULL OR workflow_id = %(workflow_id)s)
  AND (%(channel)s::text IS NULL OR channel = %(channel)s) AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY id DESC LIMIT %(limit)s
"""

_GET = "SELECT * FROM deliveries WHERE id = %(id)s AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)"


def lock(connection: Connection, run: Mapping[str, Any]) -> None:
    """One at a time within a key, until the transaction ends."""
    db.rows(connection, _LOCK, run)


def give_up_orphans(connection: Connection, run: Mapping[str, Any], digests: Sequence[str]) -> int:
    """Earlier attempts that never said how they ended become `unknown`."""
    return db.run(connection, _ORPHANS, {**run, "digests": list(digests)})


def earlier(connection: Connection, run: Mapping[str, Any], digests: Sequence[str]) -> Sequence[Row]:
    """Rows under the same key whose message is on its way, has arrived or may have."""
    return db.rows(connection, _EARLIER, {**run, "digests": list(digests)})


def accept(connection: Connection, run: Mapping[str, Any], rows: Sequence[Mapping[str, str]], provider: str, credential_id: str) -> Sequence[Row]:
    """Write `accepted` for each recipient; returns id and recipient_digest of those that this run may send."""
    return db.rows(connection, _ACCEPT, {**run, "rows": dumps(rows), "provider": provider, "credential_id": credential_id})


def turn_to(connection: Connection, id: str, provider: str, credential_id: str, tried: Mapping[str, Any]) -> None:
    """The next provider is tried; `tried` says what the one before answered."""
    db.run(connection, _TURN, {"id": id, "provider": provider, "credential_id": credential_id, "tried": dumps([tried])})


def hand(connection: Connection, id: str, provider: str, credential_id: str, message_id: str | None, status: str) -> str | None:
    """The provider has taken it; returns the status it has now."""
    params = {"id": id, "provider": provider, "credential_id": credential_id, "message_id": message_id, "status": status}
    found = db.row(connection, _HAND, params)
    return found["status"] if found else None


def settle(connection: Connection, id: str, status: str, reason: str, detail: str) -> bool:
    """Move on to `unknown`, `delivered` or `failed`, unless it is past that; whether it moved."""
    return db.run(connection, _SETTLE, {"id": id, "status": status, "reason": reason, "detail": detail}) > 0


def note(connection: Connection, id: str, detail: str) -> None:
    """Words beside a settled row that has none."""
    db.run(connection, _NOTE, {"id": id, "detail": detail})


def by_message(connection: Connection, providers: Sequence[str], credential_id: str, message_id: str) -> Sequence[Row]:
    """The rows of one message, of any recipient."""
    return db.rows(connection, _BY_MESSAGE, {"providers": list(providers), "credential_id": credential_id, "message_id": message_id})


def get(connection: Connection, id: str, workspace_id: str | None = None) -> Row | None:
    """One row."""
    return db.row(connection, _GET, {"id": id, "workspace_id": workspace_id})


def workspace_of_credential(connection: Connection, credential_id: str) -> str | None:
    """The workspace a credential belongs to."""
    found = db.row(connection, "SELECT workspace_id FROM credentials WHERE id = %(id)s", {"id": credential_id})
    return found["workspace_id"] if found else None


def list_rows(connection: Connection, workspace_id: str, **filters: Any) -> Sequence[Row]:
    """Rows, newest first. Filters: limit, after, execution_id, workflow_id, channel, status."""
    return db.rows(connection, _LIST, {"workspace_id": workspace_id, **filters})
