"""SQL of the Kafka entrance: who reads which topic, what was counted, and the dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps, loads

Row = Mapping[str, Any]

_ROUTE = """
SELECT t.*, w.enabled AS workflow_enabled, v.definition_id, v.version
FROM triggers t
JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.type = 'kafka'
"""

# `failing`: how many records at the end of the batch could not be used; `whole`: none before them could.
_COUNT = """
WITH v AS (SELECT * FROM json_to_recordset(%(counts)s::json)
   AS v(id text, started int, skipped int, failing int, whole boolean, pause boolean, pause_after int, reason text)),
 held AS MATERIALIZED (SELECT t.id FROM triggers t WHERE t.id IN (SELECT id FROM v) ORDER BY t.id FOR NO KEY UPDATE)
UPDATE triggers t SET skipped_records = t.skipped_records + v.skipped,
  last_fired_at = CASE WHEN v.started > 0 THEN now() ELSE t.last_fired_at END,
  failures_in_a_row = CASE WHEN v.whole THEN t.failures_in_a_row ELSE 0 END + v.failing,
  paused_at = CASE WHEN v.pause OR CASE WHEN v.whole THEN t.failures_in_a_row ELSE 0 END + v.failing >= v.pause_after
    THEN coalesce(t.paused_at, now()) ELSE t.paused_at END,
  unhealthy_reason = CASE
    WHEN v.pause THEN 'paused in front of a record that cannot be used: ' || v.reason
    WHEN CASE WHEN v.whole THEN t.failures_in_a_row ELSE 0 END + v.failing >= v.pause_after
    THEN 'paused: ' || CASE WHEN v.whole THEN t.failures_in_a_row ELSE 0 END + v.failing || ' records in a row could not be used; the last: ' || v.reason
    ELSE t.unhealthy_reason END
FROM v JOIN held USING (id) WHERE t.id = v.id
"""

_BURY = """
INSERT INTO dead_letters (id, workspace_id, trigger_id, topic, partition, record_offset, record_timestamp, record, code, reason)
SELECT id, workspace_id, trigger_id, topic, partition, record_offset, record_timestamp, record, code, reason
FROM json_to_recordset(%(letters)s::json) AS v(id text, workspace_id text, trigger_id text, topic text, partition int, record_offset bigint,
  record_timestamp bigint, record text, code text, reason text)
ORDER BY trigger_id, topic, partition, record_offset
ON CONFLICT DO NOTHING
"""

_LIST = """
SELECT d.*, t.workflow_id FROM dead_letters d JOIN triggers t ON t.id = d.trigger_id
WHERE d.workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR d.id < %(after)s)
  AND (%(trigger_id)s::text IS NULL OR d.trigger_id = %(trigger_id)s)
ORDER BY d.id DESC LIMIT %(limit)s
"""


def routes_of_topics(connection: Connection, topics: Sequence[str]) -> Sequence[Row]:
    """Every Kafka trigger of these topics, with its workflow's state and live version, in the order of their ids."""
    return db.rows(connection, _ROUTE + " AND t.topic = ANY(%(topics)s) ORDER BY t.id", {"topics": list(topics)})


def routes_of_triggers(connection: Connection, trigger_ids: Sequence[str]) -> Sequence[Row]:
    """The same for triggers by id; those that are gone are left out."""
    return db.rows(connection, _ROUTE + " AND t.id = ANY(%(ids)s) ORDER BY t.id", {"ids": list(trigger_ids)})


def input_schema(connection: Connection, definition_id: str) -> Any:
    """The `input_schema` of a published definition, None when it has none."""
    found = db.row(connection, "SELECT body FROM definitions WHERE id = %(id)s", {"id": definition_id})
    return (
        loads(found["body"]).get("input_schema") if found else None
    )  # not in SQL: a cast to json refuses lone surrogates in the body


def subscriptions(connection: Connection) -> Sequence[Row]:
    """What a poller needs of every Kafka trigger: id, config, updated_at, last_fired_at, paused_at. Disabled ones too: their records are read and skipped."""
    return db.rows(
        connection, "SELECT id, config, updated_at, last_fired_at, paused_at FROM triggers WHERE type = 'kafka' ORDER BY id"
    )


_CLAIM_KEYS = """
INSERT INTO start_keys (trigger_id, key, workspace_id, execution_id, body_hash)
SELECT %(trigger_id)s, key, %(workspace_id)s, %(execution_id)s, '' FROM unnest(%(keys)s::text[]) AS v(key) ORDER BY key
ON CONFLICT DO NOTHING RETURNING key
"""


def claim_keys(connection: Connection, trigger_id: str, workspace_id: str, execution_id: str, keys: Sequence[str]) -> set[str]:
    """Take start keys for one execution; returns those that nobody had taken before."""
    values = {"trigger_id": trigger_id, "workspace_id": workspace_id, "execution_id": execution_id, "keys": list(keys)}
    return {row["key"] for row in db.rows(connection, _CLAIM_KEYS, values)}


def count_outcomes(connection: Connection, counts: Sequence[Mapping[str, Any]]) -> None:
    """Add what a batch did to the triggers' own counts, note that they fired, and pause those that are to be. Rows are locked in the order of their ids.

    Each is `{id, started, skipped, failing, whole, pause, pause_after, reason}`.
    """
    if counts:
        db.run(connection, _COUNT, {"counts": dumps(list(counts))})


def insert_dead_letters(connection: Connection, letters: Sequence[Mapping[str, Any]]) -> None:
    """Keep records that became no execution; one that is kept already stays as it is."""
    if letters:
        db.run(connection, _BURY, {"letters": dumps(list(letters))})


def list_dead_letters(
    connection: Connection, workspace_id: str, *, limit: int, after: str | None, trigger_id: str | None
) -> Sequence[Row]:
    """Newest first, beginning after the id `after`."""
    return db.rows(connection, _LIST, {"workspace_id": workspace_id, "limit": limit, "after": after, "trigger_id": trigger_id})


def get_dead_letter(connection: Connection, workspace_id: str, letter_id: str, *, lock: bool = False) -> Row | None:
    """One dead letter, locked against a second replay when `lock`."""
    sql = "SELECT d.*, t.workflow_id FROM dead_letters d JOIN triggers t ON t.id = d.trigger_id WHERE d.workspace_id = %(ws)s AND d.id = %(id)s"
    return db.row(connection, sql + (" FOR UPDATE OF d" if lock else ""), {"ws": workspace_id, "id": letter_id})


def mark_replayed(connection: Connection, letter_id: str, execution_id: str) -> Row | None:
    """Note the execution that a dead letter became; returns the row as it is now."""
    sql = """UPDATE dead_letters d SET replayed_at = now(), execution_id = %(execution_id)s FROM triggers t
             WHERE d.id = %(id)s AND t.id = d.trigger_id RETURNING d.*, t.workflow_id"""
    return db.row(connection, sql, {"id": letter_id, "execution_id": execution_id})
