"""Everything about triggers in one table: how their executions ended, what came and started nothing, how late schedules were, how far behind Kafka is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.analytics import entrances, repository
from chalicelib.analytics.periods import Span
from chalicelib.analytics.repository import Scope
from chalicelib.core import db
from chalicelib.core.jsontext import loads
from chalicelib.triggers import kafka_readers
from chalicelib.triggers.types import kafka

Row = Mapping[str, Any]

_TRIGGERS = """
SELECT t.id, t.type, t.workflow_id, t.config, t.topic, t.path, t.enabled, t.unhealthy_reason FROM triggers t JOIN workflows w ON w.id = t.workflow_id
WHERE t.workspace_id = %(workspace_id)s AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
  AND (%(trigger_id)s::text IS NULL OR t.id = %(trigger_id)s) AND (%(label)s::jsonb IS NULL OR w.labels @> %(label)s::jsonb)
  AND (NOT %(kafka)s OR t.type = 'kafka')
"""


def known(connection: Connection, scope: Scope, *, kafka_only: bool = False) -> Sequence[Row]:
    """The scope's triggers as they are now."""
    asked = {"workspace_id": scope.workspace_id, "workflow_id": scope.workflow_id, "trigger_id": scope.trigger_id, "label": scope.label}
    return db.rows(connection, _TRIGGERS, {**asked, "kafka": kafka_only})


def kafka_now(connection: Connection, scope: Scope) -> dict[str, Any] | None:
    """How far behind the scope's Kafka triggers are now: {triggers, groups, lag, troubles}; None without such a trigger. Lag is None when nobody reads."""
    triggers = known(connection, scope, kafka_only=True)
    if not triggers:
        return None
    reading = kafka_readers.reading(connection)
    places = {(_group(row), row["topic"]) for row in triggers}
    lags = [kafka_readers.lag_of(reading.lags, group, topic) for group, topic in places]
    groups = {group for group, _ in places}
    troubles = [trouble for trouble in reading.troubles if trouble.partition(": ")[0] in groups]
    counted = [lag for lag in lags if lag is not None]
    return {"triggers": len(triggers), "groups": len(groups), "lag": sum(counted) if counted else None, "troubles": troubles}


def table(connection: Connection, scope: Scope, span: Span) -> list[dict[str, Any]]:
    """One item for each trigger that exists or of which the span knows something: its executions (a row of the repository, None: none), outcomes, lag."""
    ended = {row["key"]: row for row in repository.executions(connection, scope, span, "trigger") if row["key"]}
    turned: defaultdict[str, list[Row]] = defaultdict(list)
    for row in entrances.read(connection, scope, span, by_trigger=True):
        turned[row["key"]].append(row)
    now = {row["id"]: row for row in known(connection, scope)}
    lags = kafka_readers.reading(connection).lags if any(row["type"] == "kafka" for row in now.values()) else {}
    return [_item(trigger_id, now.get(trigger_id), ended.get(trigger_id), turned[trigger_id], lags) for trigger_id in {*now, *ended, *turned}]


def _item(trigger_id: str, now: Row | None, ended: Row | None, turned: Sequence[Row], lags: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    first = turned[0] if turned else None
    return {
        "trigger_id": trigger_id,
        "type": now["type"] if now else first["type"] if first else None,
        "name": _name(now) if now else None,
        "workflow_id": now["workflow_id"] if now else first["workflow_id"] if first else None,
        "exists": now is not None,
        "unhealthy_reason": now["unhealthy_reason"] if now else None,
        "executions": ended,
        "outcomes": entrances.outcomes(turned),
        "lag": kafka_readers.lag_of(lags, _group(now), now["topic"]) if now and now["type"] == "kafka" else None,
    }


def _name(row: Row) -> str:
    """What a person knows the trigger by: its path, topic or expression."""
    if row["path"] or row["topic"]:
        return str(row["path"] or row["topic"])
    config = loads(row["config"])
    return str(config.get("cron") or config.get("at") or config.get("workflow") or f"every {config.get('every_seconds')} s")


def _group(row: Row) -> str:
    return kafka.group_of(row["id"], kafka.KafkaConfig.model_validate(loads(row["config"])))
