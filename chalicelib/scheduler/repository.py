"""The statements of the scheduler: claiming due schedules, the occurrence ledger, the tick's own row, and old start keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps

# The trigger's lock makes one tick the judge of its instants. The workflow's share lock holds publishing and disabling back until the batch has committed,
# so that the version read here is the one started. Neither waits: a row somebody is changing is left for the next round. NO KEY UPDATE lets rows that
# refer to the trigger be inserted meanwhile.
_CLAIM = """
SELECT t.*, w.enabled AS workflow_enabled, v.definition_id, v.version, now() AS now
FROM triggers t
JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.type = 'schedule' AND t.next_fire_at <= now() AND (%(only)s::text IS NULL OR t.id = %(only)s::text)
ORDER BY t.next_fire_at
LIMIT %(limit)s
FOR NO KEY UPDATE OF t SKIP LOCKED
FOR SHARE OF w SKIP LOCKED
"""

_DUE_IDS = "SELECT id FROM triggers WHERE type = 'schedule' AND next_fire_at <= now() ORDER BY next_fire_at LIMIT %(limit)s"

# What was planned after the last firing can only have been skipped, so the walk through the ledger begins at it.
_LIVE = """
SELECT t.id, recent.execution_id
FROM unnest(%(ids)s::text[]) AS asked(id)
JOIN triggers t ON t.id = asked.id
JOIN LATERAL (
  SELECT o.execution_id FROM occurrences o
  WHERE o.trigger_id = t.id AND o.planned_at <= t.last_fired_at AND o.execution_id IS NOT NULL
  ORDER BY o.planned_at DESC LIMIT 100
) recent ON true
JOIN wakes k ON k.execution_id = recent.execution_id
"""

_QUEUED = """
SELECT trigger_id AS id, count(*) AS n FROM occurrences WHERE outcome = 'pending' AND trigger_id = ANY(%(ids)s::text[]) GROUP BY trigger_id
"""

_CLAIM_QUEUED = """
SELECT t.*, w.enabled AS workflow_enabled, v.definition_id, v.version, now() AS now
FROM triggers t
JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.id IN (SELECT trigger_id FROM occurrences WHERE outcome = 'pending') AND NOT EXISTS (
  SELECT 1 FROM (
    SELECT o.execution_id FROM occurrences o
    WHERE o.trigger_id = t.id AND o.planned_at <= t.last_fired_at AND o.execution_id IS NOT NULL
    ORDER BY o.planned_at DESC LIMIT 100
  ) recent JOIN wakes k ON k.execution_id = recent.execution_id)
ORDER BY t.id
LIMIT %(limit)s
FOR NO KEY UPDATE OF t SKIP LOCKED
FOR SHARE OF w SKIP LOCKED
"""

_OLDEST_QUEUED = "SELECT min(planned_at) AS planned_at FROM occurrences WHERE trigger_id = %(id)s AND outcome = 'pending'"

_BODIES = "SELECT id, body FROM definitions WHERE id = ANY(%(ids)s::text[])"

_RECORD = """
INSERT INTO occurrences (trigger_id, planned_at, workspace_id, outcome, reason, execution_id)
SELECT trigger_id, planned_at, workspace_id, outcome, reason, execution_id
FROM json_to_recordset(%(rows)s::json)
  AS v(trigger_id text, planned_at timestamptz, workspace_id text, outcome text, reason text, execution_id text)
ON CONFLICT (trigger_id, planned_at) DO NOTHING
RETURNING trigger_id, planned_at
"""

_CORRECT = """
UPDATE occurrences o SET outcome = v.outcome, reason = v.reason, execution_id = v.execution_id
FROM json_to_recordset(%(rows)s::json) AS v(trigger_id text, planned_at timestamptz, outcome text, reason text, execution_id text)
WHERE o.trigger_id = v.trigger_id AND o.planned_at = v.planned_at
"""

_SETTLE = """
UPDATE triggers t SET planned_through = now(), next_fire_at = v.next_fire_at,
  last_fired_at = CASE WHEN v.fired THEN now() ELSE t.last_fired_at END,
  unhealthy_reason = CASE WHEN v.judged THEN v.unhealthy_reason ELSE t.unhealthy_reason END
FROM json_to_recordset(%(rows)s::json) AS v(id text, next_fire_at timestamptz, fired boolean, judged boolean, unhealthy_reason text)
WHERE t.id = v.id
"""

_POSTPONE = """
UPDATE triggers SET next_fire_at = now() + interval '5 minutes', unhealthy_reason = %(reason)s
WHERE id = %(id)s AND next_fire_at <= now()
"""

_LEDGER = """
SELECT planned_at, outcome, reason, execution_id FROM occurrences
WHERE trigger_id = %(trigger_id)s AND (%(before)s::timestamptz IS NULL OR planned_at < %(before)s::timestamptz)
ORDER BY planned_at DESC LIMIT %(limit)s
"""

_REGISTER = """
INSERT INTO ticks (name, holder) VALUES ('scheduler', %(holder)s)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, started_at = now()
"""

_PROBE = """
SELECT (SELECT holder FROM ticks WHERE name = 'scheduler') AS holder,
  (SELECT extract(epoch FROM min(next_fire_at) - now())::float8 FROM triggers WHERE next_fire_at IS NOT NULL) AS next_fire_in,
  (SELECT extract(epoch FROM min(wake_at) - now())::float8 FROM wakes WHERE wake_at IS NOT NULL) AS next_wake_in,
  (SELECT count(*) FROM (SELECT 1 FROM wakes WHERE wake_at <= now() LIMIT 1000) AS due) AS wakes_due,
  EXISTS (SELECT 1 FROM occurrences WHERE outcome = 'pending') AS queued,
  EXISTS (SELECT 1 FROM endings) AS endings
"""

# ARRAY makes the inner query run once. As a join it may run again for every row, skip what this very statement has deleted, and so go beyond its limit.
_FORGET_KEYS = """
DELETE FROM start_keys WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM start_keys WHERE created_at < now() - make_interval(hours => %(hours)s)
  ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""

# What waits, or runs still, is no history: the overlap rules read it.
_FORGET_OCCURRENCES = """
DELETE FROM occurrences WHERE ctid = ANY (ARRAY(
  SELECT o.ctid FROM occurrences o
  WHERE o.outcome <> 'pending' AND o.recorded_at < now() - make_interval(days => %(days)s)
    AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.execution_id = o.execution_id)
  ORDER BY o.recorded_at LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED))
"""


def claim_due(connection: Connection, limit: int, only: str | None = None) -> Sequence[Mapping[str, Any]]:
    """Lock and return at most `limit` due schedules that nobody else holds, the longest due first; with `only`, just that one if it is due.

    Each row is the trigger with `workflow_enabled`, the live `definition_id` and `version` (None: nothing is published), and the database's `now`.
    """
    return db.rows(connection, _CLAIM, {"limit": limit, "only": only})


def due_ids(connection: Connection, limit: int) -> list[str]:
    """The ids of due schedules, without locking any."""
    return [row["id"] for row in db.rows(connection, _DUE_IDS, {"limit": limit})]


def live_runs(connection: Connection, ids: list[str]) -> dict[str, list[str]]:
    """The runs of these schedules that have not ended (of their newest hundred); schedules without one are left out."""
    found: dict[str, list[str]] = {}
    for row in db.rows(connection, _LIVE, {"ids": ids}) if ids else ():
        found.setdefault(row["id"], []).append(row["execution_id"])
    return found


def count_queued(connection: Connection, ids: list[str]) -> dict[str, int]:
    """How many instants of these schedules wait for their turn."""
    return {row["id"]: row["n"] for row in db.rows(connection, _QUEUED, {"ids": ids})} if ids else {}


def claim_queued(connection: Connection, limit: int) -> Sequence[Mapping[str, Any]]:
    """Lock and return at most `limit` schedules of which an instant waits and which nobody else holds; rows as those of `claim_due`."""
    return db.rows(connection, _CLAIM_QUEUED, {"limit": limit})


def note_fired(connection: Connection, trigger_id: str) -> None:
    """A waiting instant has run."""
    db.run(connection, "UPDATE triggers SET last_fired_at = now() WHERE id = %(id)s", {"id": trigger_id})


def oldest_queued(connection: Connection, trigger_id: str) -> datetime | None:
    """The oldest waiting instant of a schedule that the caller has locked."""
    found = db.row(connection, _OLDEST_QUEUED, {"id": trigger_id})
    return found["planned_at"] if found else None


def definition_bodies(connection: Connection, ids: list[str]) -> dict[str, str]:
    """The JSON text of immutable definitions, by id."""
    return {row["id"]: row["body"] for row in db.rows(connection, _BODIES, {"ids": ids})} if ids else {}


def record(connection: Connection, occurrences: list[dict[str, Any]]) -> set[tuple[str, datetime]]:
    """Insert ledger rows; returns the (trigger_id, planned_at) that were not there before."""
    found = db.rows(connection, _RECORD, {"rows": dumps(occurrences)}) if occurrences else []
    return {(row["trigger_id"], row["planned_at"]) for row in found}


def correct(connection: Connection, occurrences: list[dict[str, Any]]) -> None:
    """Rewrite the fate of rows recorded earlier in this transaction."""
    if occurrences:
        db.run(connection, _CORRECT, {"rows": dumps(occurrences)})


def settle(connection: Connection, states: list[dict[str, Any]]) -> None:
    """Everything up to the transaction's now() has been decided for these triggers; keep when each is next due."""
    if states:
        db.run(connection, _SETTLE, {"rows": dumps(states)})


def postpone(connection: Connection, trigger_id: str, reason: str) -> None:
    """Look at this trigger again in five minutes. Nothing is lost: planned_through stays."""
    db.run(connection, _POSTPONE, {"id": trigger_id, "reason": reason})


def ledger(connection: Connection, trigger_id: str, limit: int, before: datetime | None) -> Sequence[Mapping[str, Any]]:
    """Recorded occurrences planned before `before`, newest first."""
    return db.rows(connection, _LEDGER, {"trigger_id": trigger_id, "limit": limit, "before": before})


def database_now(connection: Connection) -> datetime:
    """The transaction's now(): the clock that decides what is due."""
    found = db.row(connection, "SELECT now() AS now")
    assert found is not None
    return found["now"]


def register_tick(connection: Connection, holder: str) -> None:
    """Make `holder` the newest tick."""
    db.run(connection, _REGISTER, {"holder": holder})


def probe(connection: Connection) -> Mapping[str, Any]:
    """The newest tick's `holder`, seconds to the next firing and the next wake (None: none; not positive: due), how many wakes are due (at most
    1000), whether a schedule's instant is `queued`, and whether there are
    `endings` of executions that somebody listens to."""
    found = db.row(connection, _PROBE)
    assert found is not None
    return found


def ensure_partitions(connection: Connection, months_ahead: int) -> int:
    """Make the partitions of the coming months that are missing. Gives up after two seconds rather than queue behind a long transaction."""
    db.run(connection, "SET LOCAL lock_timeout = '2s'")
    found = db.row(connection, "SELECT ensure_partitions(%(months)s) AS made", {"months": months_ahead})
    return found["made"] if found else 0


def forget_start_keys(connection: Connection, hours: int, limit: int) -> int:
    """Delete at most `limit` start keys older than `hours`; returns how many."""
    return db.run(connection, _FORGET_KEYS, {"hours": hours, "limit": limit})


def forget_occurrences(connection: Connection, days: int, limit: int) -> int:
    """Delete at most `limit` lines of the ledger that were settled more than `days` ago, and whose executions have ended; returns how many."""
    return db.run(connection, _FORGET_OCCURRENCES, {"days": days, "limit": limit})
