"""What became of messages: facts of the delivery ledger folded into rollups by channel, provider and reason, and the question about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics.periods import Span
from chalicelib.analytics.repository import Scope, buckets, scope_params
from chalicelib.core import db

COUNTS = ("sent", "delivered", "failed", "unknown")

# `moved` has delivery ids and what happened. The rows say when: each thing happens to a delivery at most once.
_COUNTED = """
counted AS MATERIALIZED (
  SELECT d.workspace_id, d.workflow_id, d.channel, d.provider, m.what, CASE WHEN m.what = 'failed' THEN d.reason ELSE '' END AS reason,
    CASE m.what WHEN 'sent' THEN d.handed_at WHEN 'unknown' THEN d.unknown_at ELSE d.settled_at END AS at
  FROM moved m JOIN deliveries d ON d.id = m.id
), levels AS (
  SELECT * FROM (VALUES ('minute', %(minute)s::timestamptz), ('hour', %(hour)s), ('day', %(day)s)) AS l(level, since)
), added AS (
  INSERT INTO delivery_rollups AS r (workspace_id, level, bucket, workflow_id, channel, provider, what, reason, n)
  SELECT workspace_id, level, date_trunc(level, at, 'UTC'), workflow_id, channel, provider, what, reason, count(*)
  FROM counted, levels WHERE at >= since GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ON CONFLICT (workspace_id, level, bucket, workflow_id, channel, provider, what, reason) DO UPDATE SET n = r.n + excluded.n
)
SELECT count(*) AS n FROM moved
"""

FOLD = f"""
WITH moved AS (
  DELETE FROM facts WHERE id IN (SELECT id FROM facts WHERE kind = 'delivery' ORDER BY id LIMIT %(limit)s)
  RETURNING split_part(subject, ':', 1) AS id, split_part(subject, ':', 2) AS what
), {_COUNTED}"""  # noqa: S608 - constants only

FORGET_PENDING = "DELETE FROM facts WHERE kind = 'delivery' AND at >= %(start)s AND at < %(end)s"
RECOUNT = f"""
WITH moved AS (
  SELECT id, 'sent' AS what FROM deliveries WHERE handed_at >= %(start)s AND handed_at < %(end)s
  UNION ALL SELECT id, 'unknown' FROM deliveries WHERE unknown_at >= %(start)s AND unknown_at < %(end)s
  UNION ALL SELECT id, status FROM deliveries WHERE settled_at >= %(start)s AND settled_at < %(end)s
), {_COUNTED}"""  # noqa: S608
_READ = """
SELECT r.channel, r.provider, r.what, r.reason, sum(r.n)::bigint AS n
FROM {buckets}
WHERE (%(workflow_id)s::text IS NULL OR r.workflow_id = %(workflow_id)s)
  AND (%(label)s::jsonb IS NULL OR r.workflow_id IN (SELECT id FROM workflows WHERE workspace_id = %(workspace_id)s AND labels @> %(label)s::jsonb))
GROUP BY 1, 2, 3, 4
"""


def fold(connection: Connection, limit: int, since: Mapping[str, datetime]) -> int:
    """Fold up to `limit` facts of deliveries; returns how many."""
    done = db.row(connection, FOLD, {"limit": limit, **since})
    return int(done["n"]) if done else 0


def recount(connection: Connection, span: Mapping[str, datetime], since: Mapping[str, datetime]) -> None:
    """Count the span anew from the ledger, within the projector's recount, which has cleared it."""
    db.run(connection, FORGET_PENDING, span)
    db.rows(connection, RECOUNT, {**span, **since})


def read(connection: Connection, scope: Scope, span: Span) -> Sequence[Mapping[str, Any]]:
    """Rows of channel, provider, what, reason, n. Deliveries know the workflow, neither version nor trigger."""
    return db.rows(connection, _READ.format(buckets=buckets("delivery_rollups", span)), scope_params(scope, span))


def by_provider(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One item for each channel and provider: counts, and why messages failed, the most frequent reason first."""
    items: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        fresh: dict[str, Any] = {"channel": row["channel"], "provider": row["provider"], **dict.fromkeys(COUNTS, 0), "reasons": {}}
        item = items.setdefault((row["channel"], row["provider"]), fresh)
        item[row["what"]] += row["n"]
        if row["what"] == "failed":
            item["reasons"][row["reason"]] = item["reasons"].get(row["reason"], 0) + row["n"]
    for item in items.values():
        ranked = sorted(item["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
        item["reasons"] = [{"reason": reason, "count": count} for reason, count in ranked]
    return [items[key] for key in sorted(items)]
