"""Places under concurrency keys: the statements, and the order in which they must be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps

LOCK_KEYS = """
INSERT INTO concurrency_keys (workflow_id, key) SELECT workflow_id, key FROM json_to_recordset(%(keys)s::json) AS k(workflow_id text, key text)
ORDER BY 1, 2 ON CONFLICT (workflow_id, key) DO UPDATE SET key = excluded.key
"""

# A place is free when fewer hold one, or wait for one since longer, than there are places.
TAKE_PLACE = """
INSERT INTO concurrency_slots (execution_id, workflow_id, key, places, held)
SELECT %(id)s, %(workflow_id)s, %(key)s, %(places)s,
  (SELECT count(*) FROM concurrency_slots s WHERE s.workflow_id = %(workflow_id)s AND s.key = %(key)s AND s.execution_id <> %(id)s
     AND (s.held OR s.execution_id < %(id)s)) < %(places)s
ON CONFLICT (execution_id) DO UPDATE SET held = concurrency_slots.held OR excluded.held RETURNING held
"""

PARK = """
UPDATE wakes w SET worker = NULL, wake_at = NULL, lease_epoch = lease_epoch + 1, started_at = NULL
FROM concurrency_slots s WHERE s.execution_id = %(id)s AND NOT s.held AND %(queue)s
  AND w.execution_id = %(id)s AND w.lease_epoch = %(epoch)s AND w.signals = %(seen)s RETURNING w.execution_id
"""

TELL_HOLDERS = """
WITH holders AS (
  SELECT w.execution_id FROM wakes w JOIN concurrency_slots s USING (execution_id)
  WHERE s.workflow_id = %(workflow_id)s AND s.key = %(key)s AND s.execution_id < %(id)s AND %(replace)s ORDER BY 1 FOR UPDATE OF w
), letters AS (
  INSERT INTO inbox (execution_id, kind, key) SELECT execution_id, 'cancel', '' FROM holders ON CONFLICT DO NOTHING RETURNING execution_id
)
UPDATE wakes w SET signals = w.signals + 1, wake_at = CASE WHEN w.worker IS NULL THEN least(w.wake_at, now()) ELSE w.wake_at END
FROM letters WHERE w.execution_id = letters.execution_id
"""

LEAVE = """
DELETE FROM concurrency_slots s WHERE s.execution_id = ANY(%(ids)s) AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.execution_id = s.execution_id)
"""

HAND_ON = """
WITH waiting AS (
  SELECT s.execution_id, s.places, row_number() OVER (PARTITION BY s.workflow_id, s.key ORDER BY s.execution_id) AS place,
    (SELECT count(*) FROM concurrency_slots h WHERE h.workflow_id = s.workflow_id AND h.key = s.key AND h.held) AS held
  FROM concurrency_slots s JOIN json_to_recordset(%(keys)s::json) AS k(workflow_id text, key text) USING (workflow_id, key) WHERE NOT s.held
), chosen AS (
  UPDATE concurrency_slots s SET held = true FROM waiting WHERE waiting.execution_id = s.execution_id AND waiting.held + waiting.place <= waiting.places
  RETURNING s.execution_id
)
UPDATE wakes w SET signals = w.signals + 1, wake_at = CASE WHEN w.worker IS NULL THEN now() ELSE w.wake_at END
FROM chosen WHERE w.execution_id = chosen.execution_id
"""

FORGET_KEYS = """
DELETE FROM concurrency_keys k USING json_to_recordset(%(keys)s::json) AS v(workflow_id text, key text)
WHERE k.workflow_id = v.workflow_id AND k.key = v.key
  AND NOT EXISTS (SELECT 1 FROM concurrency_slots s WHERE s.workflow_id = k.workflow_id AND s.key = k.key)
"""

LEFT_BEHIND = """
SELECT s.execution_id, s.workflow_id, s.key FROM concurrency_slots s
WHERE NOT EXISTS (SELECT 1 FROM wakes w WHERE w.execution_id = s.execution_id) ORDER BY 1 LIMIT %(limit)s
"""

Statement = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """What an execution holds or waits for."""

    workflow_id: str
    key: str

    def as_json(self) -> dict[str, str]:
        """A row of the statements' `keys`."""
        return {"workflow_id": self.workflow_id, "key": self.key}


def locking(places: Sequence[Place]) -> Statement:
    """The statement that comes first, in a transaction of its own kind: everything after it sees what earlier holders of the lock did."""
    return LOCK_KEYS, {"keys": _keys(places)}


def releasing(ids: Sequence[str], places: Sequence[Place]) -> list[Statement]:
    """What follows the end of these executions, under the lock: their places go to those that have waited longest."""
    keys = {"keys": _keys(places)}
    return [(LEAVE, {"ids": list(ids)}), (HAND_ON, keys), (FORGET_KEYS, keys)]


def _keys(places: Sequence[Place]) -> str:
    return dumps([place.as_json() for place in sorted(set(places), key=lambda place: (place.workflow_id, place.key))])


def free_left_places(connection: Connection, limit: int) -> int:
    """Hand on places whose executions ended in another way than by a save (a workflow that was deleted, a definition that cannot be run); returns how many."""
    left = db.rows(connection, LEFT_BEHIND, {"limit": limit})
    if left:
        places = [Place(row["workflow_id"], row["key"]) for row in left]
        for sql, params in (locking(places), *releasing([row["execution_id"] for row in left], places)):
            db.run(connection, sql, params)
    return len(left)
