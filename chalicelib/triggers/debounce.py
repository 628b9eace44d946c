"""Many calls, one execution: calls are held together in one that has not begun, which starts once they have stopped coming.

The first call makes the execution, due in the future; each further one replaces its input and moves it on, as long as no worker has claimed it. Whoever is
too late begins the next one. One lock decides: the row of `trigger_debounces`, then the execution's row in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps
from chalicelib.engine.starts import Started, StartRow, start_executions
from chalicelib.triggers.visits import evaluated_key

_HOLD = """
INSERT INTO trigger_debounces (trigger_id, key, execution_id, first_at, due_at) VALUES (%(trigger_id)s, %(key)s, '', now(), now())
ON CONFLICT (trigger_id, key) DO UPDATE SET key = excluded.key
RETURNING execution_id, first_at
"""
# Only what no worker has touched, and what is not due yet: a claim may be looking at the rest.
_UNTOUCHED = """
SELECT 1 FROM wakes WHERE execution_id = %(execution_id)s AND lease_epoch = 0 AND worker IS NULL AND wake_at > now() FOR UPDATE
"""
_STILL_SO = """
SELECT 1 FROM triggers t JOIN workflows w ON w.id = t.workflow_id JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.id = %(trigger_id)s AND t.enabled AND w.enabled AND t.revision = %(revision)s AND v.definition_id = %(definition_id)s
"""
_KEEP_KEY = """
INSERT INTO start_keys (trigger_id, key, workspace_id, execution_id, body_hash)
VALUES (%(trigger_id)s, %(key)s, %(workspace_id)s, %(execution_id)s, %(body_hash)s) ON CONFLICT DO NOTHING
"""
_KNOWN_KEY = "SELECT execution_id, body_hash FROM start_keys WHERE trigger_id = %(trigger_id)s AND key = %(key)s"
_REPLACE = """
UPDATE executions SET input = %(input)s, trigger = %(trigger)s, definition_id = %(definition_id)s, version = %(version)s
WHERE id = %(execution_id)s AND status = 'queued'
"""
_MOVE = """
WITH held AS (
  UPDATE trigger_debounces SET execution_id = %(execution_id)s, first_at = %(first_at)s,
    due_at = least(now() + make_interval(secs => %(seconds)s), %(first_at)s::timestamptz + make_interval(secs => %(max)s))
  WHERE trigger_id = %(trigger_id)s AND key = %(key)s RETURNING due_at
)
UPDATE wakes SET wake_at = greatest(held.due_at, now()) FROM held WHERE wakes.execution_id = %(execution_id)s
"""
_LOG = """
INSERT INTO trigger_deliveries (trigger_id, id, method, outcome, status, execution_id, body_bytes, request)
VALUES (%(trigger_id)s, %(id)s, %(method)s, 'debounced', 202, %(execution_id)s, %(body_bytes)s, %(request)s)
"""
NO_LIMIT = 10 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Held:
    """What became of a call: `merged` when it went into an execution that an earlier call had made."""

    started: Started
    merged: bool


def hold(connection: Connection, config: Mapping[str, Any], wish: StartRow, raw: Any) -> Held:
    """Make a call part of the execution that its key is held in, or begin one. The caller commits; no wake is needed, for it is due later.

    A verdict other than started and duplicate is that of `start_executions`; `changed` means that the door must be read again.
    """
    assert wish.trigger_id is not None
    source = config.get("key")
    key = "" if source is None else evaluated_key(source, raw, wish.trigger, wish.execution_id)
    row = db.row(connection, _HOLD, {"trigger_id": wish.trigger_id, "key": key})
    assert row is not None
    if row["execution_id"] and _untouched(connection, row["execution_id"]):
        return _merge(connection, config, wish, key, row)
    started = start_executions(db.executor(connection), [wish])[0]
    if started.verdict == "started" and started.execution_id is not None:
        now = db.row(connection, "SELECT now() AS now")
        assert now is not None
        _move(connection, config, wish, key, started.execution_id, now["now"])
    return Held(started, merged=False)


def _untouched(connection: Connection, execution_id: str) -> bool:
    return db.row(connection, _UNTOUCHED, {"execution_id": execution_id}) is not None


def _merge(connection: Connection, config: Mapping[str, Any], wish: StartRow, key: str, row: Mapping[str, Any]) -> Held:
    execution_id = row["execution_id"]
    read = {"trigger_id": wish.trigger_id, "revision": wish.trigger_revision, "definition_id": wish.definition_id}
    if db.row(connection, _STILL_SO, read) is None:
        return Held(Started("changed", None), merged=False)
    if wish.key is not None:
        kept = {"trigger_id": wish.trigger_id, "key": wish.key, "workspace_id": wish.workspace_id, "body_hash": wish.body_hash}
        if not db.run(connection, _KEEP_KEY, {**kept, "execution_id": execution_id}):
            first = db.row(connection, _KNOWN_KEY, kept)
            assert first is not None
            return Held(Started("duplicate", first["execution_id"], first["body_hash"]), merged=False)
    written = {
        "input": dumps(wish.input),
        "trigger": dumps(wish.trigger),
        "definition_id": wish.definition_id,
        "version": wish.version,
    }
    db.run(connection, _REPLACE, {**written, "execution_id": execution_id})
    _move(connection, config, wish, key, execution_id, row["first_at"])
    line = wish.delivery or {}
    db.run(connection, _LOG, {"request": None, **line, "trigger_id": wish.trigger_id, "execution_id": execution_id})
    return Held(Started("started", execution_id, version=wish.version), merged=True)


def _move(connection: Connection, config: Mapping[str, Any], wish: StartRow, key: str, execution_id: str, first_at: Any) -> None:
    values = {"trigger_id": wish.trigger_id, "key": key, "execution_id": execution_id, "first_at": first_at}
    db.run(connection, _MOVE, {**values, "seconds": config["seconds"], "max": config.get("max_seconds") or NO_LIMIT})
