"""Reading executions and their history, for the API. Nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import NotFound
from chalicelib.engine.outcomes import STATUS
from chalicelib.engine.state import shown_iteration

COLUMNS = f"""e.id, e.workflow_id, e.version, e.definition_id, {STATUS} AS status, e.trigger_id, e.trigger, e.error, e.retry_of, e.created_at,
  coalesce(e.started_at, w.started_at) AS started_at, e.finished_at, e.last_seq,
  CASE WHEN w.worker IS NULL AND w.lease_epoch > 0 THEN w.wake_at END AS wake_at, e.parent_id"""  # noqa: S608 - constants only

_ONE = f"""
SELECT {COLUMNS}, e.input, e.output FROM executions e LEFT JOIN wakes w ON w.execution_id = e.id
WHERE e.id = %(id)s AND e.workspace_id = %(workspace_id)s AND e.part IS NULL
"""  # noqa: S608

_EVENTS = """
SELECT node_id, status, iteration, started_seq, finished_seq, started_at, finished_at, wake_at
FROM node_runs WHERE execution_id = %(id)s ORDER BY started_seq
"""

# An execution and the hidden ones that run parts of its loops.
_FAMILY = """
WITH RECURSIVE family AS (
  SELECT %(id)s::text COLLATE "C" AS id UNION ALL
  SELECT e.id FROM executions e JOIN family ON e.parent_id = family.id WHERE e.id > %(id)s AND e.part IS NOT NULL
)
SELECT id FROM family
"""

_HAS_LOOPS = "SELECT EXISTS (SELECT 1 FROM node_runs WHERE execution_id = %(id)s AND type = 'map') AS loops"

# Payloads as far as `budget` bytes go, the small ones first: what is left out is not read, and can be read by itself.
_RUNS = """
WITH sized AS (
  SELECT execution_id, node_id, type, status, iteration, attempt, error, started_seq, started_at, finished_at, wake_at,
    coalesce(octet_length(input), 0) AS input_bytes, coalesce(octet_length(output), 0) AS output_bytes
  FROM node_runs WHERE execution_id = ANY(%(ids)s) AND (%(node_id)s::text IS NULL OR node_id = %(node_id)s)
    AND (%(inside)s::bool IS NULL OR (iteration <> '') = %(inside)s)
  ORDER BY iteration <> '', started_at NULLS LAST, execution_id, attempt, started_seq OFFSET %(offset)s LIMIT %(limit)s
), counted AS (
  SELECT *, sum(input_bytes + output_bytes) OVER (ORDER BY input_bytes + output_bytes, execution_id, node_id, iteration, attempt) AS running FROM sized
)
SELECT c.*, n.input, n.output, n.console FROM counted c
LEFT JOIN node_runs n ON c.running <= %(budget)s AND n.execution_id = c.execution_id AND n.node_id = c.node_id AND n.iteration = c.iteration
  AND n.attempt = c.attempt
ORDER BY c.started_at NULLS LAST, c.attempt, c.started_seq
"""

_ONE_RUN = """
SELECT node_id, iteration, attempt, input, output FROM node_runs
WHERE execution_id = ANY(%(ids)s) AND node_id = %(node_id)s AND (%(attempt)s::int IS NULL OR attempt = %(attempt)s) ORDER BY attempt DESC, iteration
"""

_SENSITIVE = "SELECT body FROM definitions WHERE id = %(id)s"

_WAITING_RUNS = """
SELECT execution_id, iteration, attempt FROM node_runs
WHERE execution_id = ANY(%(ids)s) AND node_id = %(node_id)s AND status = 'waiting' AND (port IS NULL OR port = 'main')
"""

_MOVES = """
SELECT moved_at, from_version, to_version, moved_by FROM execution_moves WHERE execution_id = %(id)s ORDER BY moved_at
"""

_LIVE_OF_WORKFLOW = """
SELECT e.id FROM wakes w JOIN executions e ON e.id = w.execution_id WHERE e.workflow_id = %(workflow_id)s LIMIT %(limit)s
"""

REDACTED = "[redacted]"
MAX_RUNS_SHOWN = 5000
PAYLOAD_BUDGET = 3_000_000  # bytes of node payloads in one answer, which on AWS has a bound of 6 MB


def get_execution(connection: Connection, workspace_id: str, execution_id: str) -> dict[str, Any]:
    """The execution with its node runs, as the contract shows it: MAX_RUNS_SHOWN of them at most, with PAYLOAD_BUDGET bytes of payloads. Raises NotFound."""
    row = _one(connection, workspace_id, execution_id)
    ids = family(connection, execution_id)
    nodes = _read_runs(connection, row, ids, 0, MAX_RUNS_SHOWN + 1)
    more = len(nodes) > MAX_RUNS_SHOWN
    shown = {**summary(row), "input": _load(row["input"]), "output": _load(row["output"]), "nodes": nodes[:MAX_RUNS_SHOWN]}
    return {**shown, "moves": _read_moves(connection, execution_id), "more_nodes": more}


def list_node_runs(
    connection: Connection, workspace_id: str, execution_id: str, node_id: str | None, inside: bool | None, offset: int, limit: int
) -> list[dict[str, Any]]:
    """A page of an execution's node runs: those outside loops first. `inside`: only those of loops' items (True), or none of them. Raises NotFound."""
    row = _one(connection, workspace_id, execution_id)
    return _read_runs(connection, row, family(connection, execution_id), offset, limit, node_id, inside)


def node_payloads(
    connection: Connection, workspace_id: str, execution_id: str, node_id: str, iteration: str | None, attempt: int | None
) -> dict[str, Any]:
    """{input, output} of one node run, whatever their size; without `attempt` of the latest. Raises NotFound."""
    row = _one(connection, workspace_id, execution_id)
    hidden = _sensitive(connection, row["definition_id"]).get(node_id, ())
    params = {"ids": family(connection, execution_id), "node_id": node_id, "attempt": attempt}
    for run in db.rows(connection, _ONE_RUN, params):
        if shown_iteration(run["iteration"]) == iteration:
            return {"input": redact(_load(run["input"]), hidden), "output": redact(_load(run["output"]), hidden)}
    raise NotFound(f"node {node_id[:80]!r} has no such run in this execution")


def _read_moves(connection: Connection, execution_id: str) -> list[dict[str, Any]]:
    """When an execution went on with another version, and who wanted it."""
    moves = db.rows(connection, _MOVES, {"id": execution_id})
    return [{"at": to_text(row["moved_at"]), "from": row["from_version"] or "draft", "to": row["to_version"], "by": row["moved_by"]} for row in moves]


def family(connection: Connection, execution_id: str) -> list[str]:
    """The execution's id and those of the hidden executions that run parts of its loops."""
    found = db.row(connection, _HAS_LOOPS, {"id": execution_id})
    if found is None or not found["loops"]:
        return [execution_id]
    return [row["id"] for row in db.rows(connection, _FAMILY, {"id": execution_id})]


def _read_runs(
    connection: Connection,
    row: Mapping[str, Any],
    ids: Sequence[str],
    offset: int,
    limit: int,
    node_id: str | None = None,
    inside: bool | None = None,
) -> list[dict[str, Any]]:
    hidden = _sensitive(connection, row["definition_id"])
    params = {"ids": list(ids), "node_id": node_id, "inside": inside, "offset": offset, "limit": limit, "budget": PAYLOAD_BUDGET}
    return [_node(run, hidden.get(run["node_id"], ())) for run in db.rows(connection, _RUNS, params)]


def get_definition(connection: Connection, workspace_id: str, execution_id: str) -> str:
    """The body of the definition an execution is pinned to, as JSON text. Raises NotFound."""
    row = _one(connection, workspace_id, execution_id)
    found = db.row(connection, _SENSITIVE, {"id": row["definition_id"]})
    if found is None:
        raise NotFound(f"the definition of execution {execution_id} is gone")
    return str(found["body"])


def execution_events(connection: Connection, workspace_id: str, execution_id: str, after: int = 0) -> list[dict[str, Any]]:
    """What happened, in order: {seq, at, type, node_id?, iteration?, status}, with seq greater than `after`. Numbers never change and never come back."""
    row = _one(connection, workspace_id, execution_id)
    events = [_event(1, row["created_at"], "execution.created", "queued")]
    if row["started_at"] is not None:
        events.append(_event(2, row["started_at"], "execution.started", "running"))
    for run in db.rows(connection, _EVENTS, {"id": execution_id}):
        events.extend(_node_events(run))
    if row["finished_at"] is not None:
        events.append(_event(row["last_seq"], row["finished_at"], f"execution.{row['status']}", row["status"]))
    return sorted((event for event in events if event["seq"] > after), key=lambda event: event["seq"])


def waiting_attempts(connection: Connection, execution_id: str, node_id: str) -> list[tuple[str, str, int]]:
    """(execution, iteration, attempt) of each run of a node that waits now: for a delay's end, or before a retry."""
    found = db.rows(connection, _WAITING_RUNS, {"ids": family(connection, execution_id), "node_id": node_id})
    return [(row["execution_id"], row["iteration"], row["attempt"]) for row in found]


def live_executions(connection: Connection, workflow_id: str, limit: int = 1000) -> list[str]:
    """Ids of a workflow's executions that have not ended, at most `limit`."""
    return [row["id"] for row in db.rows(connection, _LIVE_OF_WORKFLOW, {"workflow_id": workflow_id, "limit": limit})]


def _one(connection: Connection, workspace_id: str, execution_id: str) -> Mapping[str, Any]:
    row = db.row(connection, _ONE, {"id": execution_id, "workspace_id": workspace_id})
    if row is None:
        raise NotFound(f"there is no execution {execution_id[:80]!r} in this workspace")
    return row


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of COLUMNS as a list shows it."""
    return {
        "id": row["id"],
        "workflow_id": row["workflow_id"],
        "version": row["version"] if row["version"] is not None else "draft",
        "status": row["status"],
        "trigger": _load(row["trigger"]),
        "error": _load(row["error"]),
        "created_at": to_text(row["created_at"]),
        "started_at": to_text(row["started_at"]),
        "finished_at": to_text(row["finished_at"]),
        "wake_at": to_text(row["wake_at"]),
        "retry_of": row["retry_of"],
        "parent_id": row["parent_id"],
    }


def _node(run: Mapping[str, Any], hidden: Sequence[str]) -> dict[str, Any]:
    shown = {
        "node_id": run["node_id"],
        "type": run["type"],
        "status": run["status"],
        "iteration": shown_iteration(run["iteration"]),
        "attempt": run["attempt"],
        "input": redact(_load(run["input"]), hidden),
        "output": redact(_load(run["output"]), hidden),
        "error": _load(run["error"]),
        "started_at": to_text(run["started_at"]),
        "finished_at": to_text(run["finished_at"]),
    }
    if run["wake_at"] is not None:
        shown["wake_at"] = to_text(run["wake_at"])
    if run["console"] is not None:  # of a node with sensitive values nothing printed is shown: it may be one of them
        shown["console"] = [{**line, "text": REDACTED} for line in _load(run["console"])] if hidden else _load(run["console"])
    if run["input"] is None and run["input_bytes"] or run["output"] is None and run["output_bytes"]:
        shown["left_out"] = {"input_bytes": run["input_bytes"], "output_bytes": run["output_bytes"]}
    return shown


def _node_events(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    node = {"node_id": run["node_id"], "iteration": shown_iteration(run["iteration"])}
    ended = run["finished_seq"] is not None
    waits = run["status"] == "waiting" or (ended and run["wake_at"] is not None)
    events = []
    if run["status"] != "skipped":
        at = run["started_at"] or run["wake_at"] or run["finished_at"]
        status = "waiting" if waits else "running"
        events.append({**_event(run["started_seq"], at, f"node.{status}", status), **node})
    if ended:
        events.append({**_event(run["finished_seq"], run["finished_at"], f"node.{run['status']}", run["status"]), **node})
    return events


def _event(seq: int, at: datetime | None, kind: str, status: str) -> dict[str, Any]:
    return {"seq": seq, "at": to_text(at), "type": kind, "status": status}


@lru_cache(maxsize=500)
def _pointers(body: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    pending = [json.loads(body)]
    while pending:
        for node in pending.pop().get("nodes", ()):
            if node.get("sensitive"):
                found[node["id"]] = (*found.get(node["id"], ()), *node["sensitive"])
            inner = node.get("config", {}).get("body")
            if isinstance(inner, dict):
                pending.append(inner)
    return found


def _sensitive(connection: Connection, definition_id: str) -> dict[str, tuple[str, ...]]:
    row = db.row(connection, _SENSITIVE, {"id": definition_id})
    return _pointers(row["body"]) if row is not None and '"sensitive"' in row["body"] else {}


def redact(value: Any, pointers: Sequence[str]) -> Any:
    """The value with what the JSON Pointers name replaced; a pointer that names nothing hides nothing."""
    for pointer in pointers:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        value = _hide(value, parts)
    return value


def _hide(value: Any, parts: list[str]) -> Any:
    if not parts:
        return REDACTED
    head, rest = parts[0], parts[1:]
    if isinstance(value, dict) and head in value:
        return {**value, head: _hide(value[head], rest)}
    if isinstance(value, list) and head.isdigit() and int(head) < len(value):
        return [_hide(item, rest) if index == int(head) else item for index, item in enumerate(value)]
    return value
