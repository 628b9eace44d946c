"""SQL of provider health."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import rows
from chalicelib.core.jsontext import dumps

Rows = Sequence[Mapping[str, Any]]
Execute = Callable[[str, Mapping[str, Any]], Rows]

# Rows go in in one order, so that two processes never wait for each other in a circle. What is older than thirty days goes.
_MERGE = """
WITH given AS (
  SELECT * FROM json_to_recordset(%(rows)s::json) AS r(workspace_id text, credential_id text, host text, calls bigint, errors bigint, milliseconds bigint,
    failures int, openings int, open_seconds float8, last_error text, last_error_at float8, last_success_at float8)
  ORDER BY workspace_id, credential_id, host
), old AS (DELETE FROM provider_health WHERE updated_at < now() - interval '30 days')
INSERT INTO provider_health AS p (workspace_id, credential_id, host, calls, errors, milliseconds, failures, openings, opened_until, last_error, last_error_at,
  last_success_at)
SELECT workspace_id, credential_id, host, calls, errors, milliseconds, failures, openings, now() + make_interval(secs => open_seconds), last_error,
  to_timestamp(last_error_at), to_timestamp(last_success_at)
FROM given
ON CONFLICT (workspace_id, credential_id, host) DO UPDATE SET calls = p.calls + excluded.calls, errors = p.errors + excluded.errors,
  milliseconds = p.milliseconds + excluded.milliseconds, failures = excluded.failures, openings = excluded.openings, opened_until = excluded.opened_until,
  last_error = coalesce(excluded.last_error, p.last_error), last_error_at = coalesce(excluded.last_error_at, p.last_error_at),
  last_success_at = coalesce(excluded.last_success_at, p.last_success_at), updated_at = now()
"""
_OPEN = """
SELECT workspace_id, credential_id, host, openings, extract(epoch FROM opened_until - now()) AS seconds
FROM provider_health WHERE opened_until > now() LIMIT 1000
"""
_PAGE = """
SELECT h.*, c.slug, c.name,
  CASE WHEN h.opened_until IS NULL THEN 'closed' WHEN h.opened_until > now() THEN 'open' ELSE 'half_open' END AS state
FROM provider_health h LEFT JOIN credentials c ON c.id = h.credential_id
WHERE h.workspace_id = %(workspace_id)s AND (h.credential_id = '' OR c.id IS NOT NULL)
ORDER BY h.opened_until IS NULL, h.failures DESC, h.updated_at DESC LIMIT 500
"""


def merge(execute: Execute, given: Sequence[Mapping[str, Any]]) -> Rows:
    """Add counts to the table; returns the circuits that are open, with the seconds they still are."""
    if given:
        execute(_MERGE, {"rows": dumps([dict(each) for each in given])})
    return execute(_OPEN, {})


def page(connection: Connection, workspace_id: str) -> Rows:
    """A workspace's rows, those in trouble first."""
    return rows(connection, _PAGE, {"workspace_id": workspace_id})
