"""The deliveries log: what came in at an `api` trigger and what became of it, for a week, and any of it once more.

What starts an execution is written by the very statement that starts it, duplicates and refusals afterwards (delivery_notes.py).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import Conflict, MillraceError, NotFound, Unavailable
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import loads
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.triggers.bodies import parse_body
from chalicelib.triggers.doors import Door, door_of
from chalicelib.triggers.mapping import prepare_input
from chalicelib.triggers.refusals import refusal
from chalicelib.triggers.visits import kept_apart

KEPT_DAYS = 7
_LIST = """
SELECT id, received_at, method, outcome, status, code, detail, execution_id, replay_of, body_bytes, times,
  request IS NOT NULL OR execution_id IS NOT NULL AS replayable
FROM trigger_deliveries
WHERE trigger_id = %(trigger_id)s AND (%(after)s::text IS NULL OR id < %(after)s) AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
ORDER BY id DESC LIMIT %(limit)s
"""
_ONE = """
SELECT *, request IS NOT NULL OR execution_id IS NOT NULL AS replayable FROM trigger_deliveries
WHERE trigger_id = %(trigger_id)s AND id = %(id)s
"""
_EXECUTION = "SELECT input, trigger FROM executions WHERE id = %(id)s AND workspace_id = %(workspace_id)s"
_FORGET = """
DELETE FROM trigger_deliveries WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM trigger_deliveries WHERE received_at < now() - make_interval(days => %(days)s) LIMIT %(limit)s))
"""


def list_page(
    connection: Connection, trigger: Mapping[str, Any], after: str | None, limit: int, outcome: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Lines of a trigger's log, newest first; one more than `limit` when there are more. Raises Conflict for a trigger of another type."""
    _require_api(trigger)
    return db.rows(connection, _LIST, {"trigger_id": trigger["id"], "after": after, "limit": limit + 1, "outcome": outcome})


def get(connection: Connection, trigger: Mapping[str, Any], delivery_id: str) -> Mapping[str, Any]:
    """One delivery with its request. Raises NotFound."""
    _require_api(trigger)
    found = db.row(connection, _ONE, {"trigger_id": trigger["id"], "id": delivery_id}) if is_id(delivery_id, "dlv") else None
    if found is None:
        raise NotFound("this trigger's log has no delivery of this id; lines are kept for a week")
    return {**found, "held": _held(connection, trigger, found)}


def _held(connection: Connection, trigger: Mapping[str, Any], line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is kept of the request: itself, or what its execution holds."""
    if line["request"] is not None:
        return loads(line["request"])
    if line["execution_id"] is None:
        return None
    execution = db.row(connection, _EXECUTION, {"id": line["execution_id"], "workspace_id": trigger["workspace_id"]})
    if execution is None:
        return None
    context = loads(execution["trigger"])
    return {name: context.get(name) for name in ("method", "path", "headers", "query", "claims")} | {
        "input": loads(execution["input"])
    }


def _require_api(trigger: Mapping[str, Any]) -> None:
    if trigger["type"] != "api":
        raise Conflict(
            "only api triggers have deliveries; schedules have occurrences, Kafka triggers dead letters", code="not_an_api_trigger"
        )


def show(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line as the API answers it; `request` {method, path, headers, query, body} only when one delivery is read."""
    names = ("id", "method", "outcome", "status", "code", "detail", "execution_id", "replay_of", "body_bytes", "times", "replayable")
    shown = {name: line[name] for name in names} | {"received_at": to_text(line["received_at"])}
    held = line.get("held")
    if held is None:
        return shown
    return shown | {
        "request": {name: held.get(name) for name in ("method", "path", "headers", "query")} | {"body": _shown_body(held)}
    }


def _shown_body(held: Mapping[str, Any]) -> Any:
    try:
        return _raw(held)
    except MillraceError:  # what could not be parsed is shown as it came
        return {
            "content_type": (held.get("headers") or {}).get("content-type", "application/octet-stream"),
            "base64": held["base64"],
        }


def _raw(held: Mapping[str, Any]) -> Any:
    return held["input"] if "input" in held else parse_body(held.get("headers") or {}, base64.b64decode(held["base64"]))


def replay(connection: Connection, trigger: Mapping[str, Any], delivery_id: str) -> str:
    """Start a new execution of what a delivery brought, with the trigger and the live version of now; answers its id. Call `wake()` after the commit.

    It is not checked again who sent it, nor whether it came before. Raises NotFound, Conflict (`not_replayable`, disabled, not published), and what the body,
    the mapping and the input schema say.
    """
    line = get(connection, trigger, delivery_id)
    held = line["held"]
    if held is None:
        raise Conflict("of this delivery nothing was kept that could be sent again", code="not_replayable")
    door = door_of(db.executor(connection), trigger["id"])
    if door is None or door.closed:
        raise refusal(door.closed if door and door.closed else "gone")
    context = {"type": "api", "id": trigger["id"]} | {name: held.get(name) for name in ("method", "path", "headers", "query")}
    if held.get("claims") is not None:
        context["claims"] = held["claims"]
    started = start_executions(db.executor(connection), [_again(door, held, context, line)])[0]
    if started.verdict != "started" or started.execution_id is None:
        if started.verdict == "changed":
            raise Unavailable("the trigger or its workflow was changed in this moment; replay again")
        raise refusal(started.verdict)
    return started.execution_id


def _again(door: Door, held: Mapping[str, Any], context: Mapping[str, Any], line: Mapping[str, Any]) -> StartRow:
    execution_id = new_id("exe")
    delivery = {"id": new_id("dlv"), "method": line["method"], "body_bytes": line["body_bytes"], "replay_of": line["id"]}
    if kept_apart(door) and line["request"] is not None:
        delivery["request"] = line["request"]
    return StartRow(
        workspace_id=door.row["workspace_id"],
        workflow_id=door.row["workflow_id"],
        input=prepare_input(door.row, _raw(held), context, door.input_schema, seed=execution_id),
        trigger=context,
        trigger_id=door.row["id"],
        trigger_revision=door.row["revision"],
        definition_id=door.row["definition_id"],
        version=door.row["version"],
        execution_id=execution_id,
        delivery=delivery,
    )


def forget_old(connection: Connection, limit: int) -> int:
    """Delete at most `limit` lines older than KEPT_DAYS; returns how many."""
    return db.run(connection, _FORGET, {"days": KEPT_DAYS, "limit": limit})
