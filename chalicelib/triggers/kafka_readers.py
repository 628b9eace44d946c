"""What the host's pollers say of the consumer groups they read: how far behind, and what troubles them. On AWS the event source mappings' own metrics say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.jsontext import dumps, loads
from chalicelib.triggers.health import printable

# Older than that, a poller is gone.
READERS = (
    "SELECT group_name, trouble, lag FROM kafka_readers WHERE said_at > now() - interval '30 seconds' ORDER BY group_name, holder"
)

_SAY = """
INSERT INTO kafka_readers (holder, group_name, trouble, lag)
SELECT %(holder)s, group_name, coalesce(trouble, 'the brokers have no topic ' || array_to_string(nullif(missing, '{}'), ', ')), lag
FROM json_to_recordset(%(said)s::json) AS v(group_name text, trouble text, missing text[], lag text)
ON CONFLICT (holder, group_name) DO UPDATE SET trouble = excluded.trouble, lag = excluded.lag, said_at = now()
"""
_FORGET = """
DELETE FROM kafka_readers
WHERE holder = %(holder)s AND group_name <> ALL (%(groups)s::text[]) OR said_at < now() - interval '1 hour'
"""
# A group in trouble makes its triggers unhealthy, a topic that is not there those that read it; what is read again is well. Other reasons are not touched.
_JUDGE = """
WITH said AS (SELECT * FROM json_to_recordset(%(said)s::json) AS v(group_name text, trouble text, missing text[])),
 seen AS (
  SELECT t.id, 'reading Kafka: ' || CASE WHEN t.topic = ANY (said.missing) THEN 'the brokers have no topic ' || t.topic ELSE said.trouble END AS reason FROM said
  JOIN triggers t ON t.type = 'kafka' AND (t.id = said.group_name OR position('"group":' || to_json(said.group_name)::text IN t.config) > 0)
  WHERE t.paused_at IS NULL AND (t.unhealthy_reason IS NULL OR t.unhealthy_reason LIKE 'reading Kafka: %%'))
UPDATE triggers t SET unhealthy_reason = seen.reason FROM seen
WHERE t.id = seen.id AND t.unhealthy_reason IS DISTINCT FROM seen.reason
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """`lags`: (group, "topic/partition") to records not read yet. `troubles`: in words."""

    lags: Mapping[tuple[str, str], int]
    troubles: Sequence[str]
    groups: int

    @property
    def total(self) -> int:
        """Records not read yet by all groups together."""
        return sum(self.lags.values())


def say(connection: Connection, holder: str, said: Sequence[Mapping[str, Any]]) -> None:
    """What a poller has to say now of all its groups: {group, trouble, missing: topics that are not there, lag: {"topic/partition": records}}."""
    rows = [
        {
            "group_name": each["group"],
            "trouble": None if each["trouble"] is None else printable(each["trouble"]),
            "missing": list(each["missing"]),
            "lag": dumps(each["lag"]),
        }
        for each in sorted(said, key=lambda each: each["group"])
    ]
    db.run(connection, _FORGET, {"holder": holder, "groups": [row["group_name"] for row in rows]})
    if rows:
        db.run(connection, _SAY, {"holder": holder, "said": dumps(rows)})
        db.run(connection, _JUDGE, {"said": dumps(rows)})


def judge(connection: Connection, troubles: Mapping[str, str | None]) -> None:
    """Make the triggers of groups in trouble unhealthy, and those of the others well. `troubles`: group to what keeps it from being read, None when nothing does."""
    rows = [{"group_name": group, "trouble": None if trouble is None else printable(trouble)[:400]} for group, trouble in sorted(troubles.items())]
    if rows:
        db.run(connection, _JUDGE, {"said": dumps(rows)})


def reading(connection: Connection) -> Reading:
    """What all pollers say."""
    rows = db.rows(connection, READERS)
    troubles = sorted({f"{row['group_name']}: {row['trouble']}" for row in rows if row["trouble"]})
    return Reading(lags_of(rows), troubles[:5], len({row["group_name"] for row in rows}))


def lags_of(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """From rows of READERS: (group, "topic/partition") to records not read yet."""
    return {(row["group_name"], place): behind for row in rows for place, behind in loads(row["lag"]).items()}


def lag_of(lags: Mapping[tuple[str, str], int], group: str, topic: str) -> int | None:
    """Records of a topic that a group has not read yet; None when nobody reads it."""
    found = [behind for (reader, place), behind in lags.items() if reader == group and place.rpartition("/")[0] == topic]
    return sum(found) if found else None
