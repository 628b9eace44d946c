"""Events from outside, and the nodes that wait for them.

A publisher commits the event, then tells those who wait. A node's wait is committed, then the node looks back. Each writes before it reads, so whichever comes
second sees the other: no event falls between. `matched_at` stays NULL until everybody was told; the tick finishes what a crash left.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps
from chalicelib.engine.signals import leave_signal

log = logging.getLogger("millrace.engine")

AT_A_TIME = 500
LEFT_AFTER_SECONDS = 60
KEPT_DAYS = 8

_INSERT = """
INSERT INTO events (id, workspace_id, name, key, payload) VALUES (%(id)s, %(workspace_id)s, %(name)s, %(key)s, %(payload)s)
RETURNING id, workspace_id, name, key, payload, created_at
"""

_WAITING = """
SELECT w.execution_id, w.node_id, w.iteration, w.match, w.scope, w.ready_at, w.seed FROM event_waits w
WHERE w.workspace_id = %(workspace_id)s AND w.name = %(name)s AND (w.key IS NULL OR w.key = %(key)s) AND w.since <= %(created_at)s
  AND (w.execution_id, w.node_id, w.iteration) > (%(after_execution)s, %(after_node)s, %(after_iteration)s)
  AND EXISTS (SELECT 1 FROM node_runs n WHERE n.execution_id = w.execution_id AND n.node_id = w.node_id AND n.iteration = w.iteration
              AND n.status = 'waiting')
ORDER BY w.execution_id, w.node_id, w.iteration LIMIT %(limit)s
"""

_DONE = "UPDATE events SET matched_at = now() WHERE id = %(id)s"

_LEFT = """
SELECT id, workspace_id, name, key, payload, created_at FROM events
WHERE matched_at IS NULL AND created_at < now() - make_interval(secs => %(seconds)s) ORDER BY created_at LIMIT 1
"""

_FORGET = """
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < now() - make_interval(days => %(days)s) AND matched_at IS NOT NULL LIMIT %(limit)s)
"""

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Published:
    """`matched` counts the nodes that this event woke."""

    id: str
    matched: int


def publish(transaction: Transaction, workspace_id: str, name: str, key: str | None, payload: Any) -> Published:
    """Publish an event and tell every node that waits for it, in transactions of their own. Call `wake()` afterwards."""
    params = {"id": new_id("evt"), "workspace_id": workspace_id, "name": name, "key": key, "payload": dumps(payload)}
    with transaction() as connection:
        event = db.row(connection, _INSERT, params)
    assert event is not None
    return Published(event["id"], _tell(transaction, event))


def finish_left(transaction: Transaction) -> bool:
    """Tell those who wait for one event whose publisher died; whether there was one. Telling somebody twice is telling once."""
    with transaction() as connection:
        event = db.row(connection, _LEFT, {"seconds": LEFT_AFTER_SECONDS})
    if event is None:
        return False
    _tell(transaction, event)
    return True


def forget(connection: Connection, limit: int) -> int:
    """Delete events older than any node looks back; returns how many."""
    return db.run(connection, _FORGET, {"days": KEPT_DAYS, "limit": limit})


def _tell(transaction: Transaction, event: Mapping[str, Any]) -> int:
    shown = as_seen(event)
    after = {"after_execution": "", "after_node": "", "after_iteration": ""}
    matched = 0
    while True:
        with transaction() as connection:
            waits = db.rows(connection, _WAITING, {**event, **after, "limit": AT_A_TIME})
            for wait in waits:
                if hears(wait, shown):
                    answer = {"node_id": wait["node_id"], "iteration": wait["iteration"], "port": "main", "output": shown}
                    key = f"{wait['node_id']} {wait['iteration']}".rstrip()
                    matched += leave_signal(db.executor(connection), wait["execution_id"], "answer", key, answer).new
            if len(waits) < AT_A_TIME:
                db.run(connection, _DONE, {"id": event["id"]})
                return matched
        last = waits[-1]
        after = {"after_execution": last["execution_id"], "after_node": last["node_id"], "after_iteration": last["iteration"]}


def as_seen(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as expressions and outputs see it: {id, name, key, payload, at}."""
    payload = json.loads(event["payload"])
    return {"id": event["id"], "name": event["name"], "key": event["key"], "payload": payload, "at": to_text(event["created_at"])}


def hears(wait: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether a waiting node's `match` is true of an event. One that cannot be evaluated on it (a field is missing) does not match."""
    if wait["match"] is None:
        return True
    scope = Scope({**json.loads(wait["scope"]), "event": event}, now=wait["ready_at"], seed=wait["seed"])
    try:
        return scope.evaluate(wait["match"]) is True
    except ExpressionError:
        return False
