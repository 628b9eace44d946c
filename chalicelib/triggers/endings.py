"""From the end of an execution to the workflows that listen to it, once for each end and trigger.

The statement that ends an execution notes it in `endings` (the database does, see the migration). The tick takes notes, starts what listens, and deletes
them in one transaction; the start key is the id of the execution that ended. What one execution starts is one deeper than itself, and the budget bounds
workflows that start each other in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db, metrics
from chalicelib.core.clock import to_text
from chalicelib.core.errors import ExpressionError, MillraceError, Unavailable
from chalicelib.core.expressions import Scope
from chalicelib.core.jsontext import dumps, loads
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.triggers.health import printable
from chalicelib.triggers.mapping import prepare_input
from chalicelib.triggers.schemas import input_schema_of

MAX_DEPTH = 8

_TAKE = """
DELETE FROM endings WHERE execution_id = ANY (ARRAY(SELECT execution_id FROM endings ORDER BY execution_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING execution_id
"""
# The workflow's share lock holds publishing and disabling back until the commit, so that what is read is what starts; the trigger's keeps its config.
_PAIRS = """
SELECT t.*, w.enabled AS workflow_enabled, v.definition_id, v.version, now() AS now,
  e.id AS ended_id, e.workflow_id AS ended_workflow_id, e.version AS ended_version, e.status AS ended_status, e.input AS ended_input,
  e.output AS ended_output, e.error AS ended_error, e.started_at AS ended_started_at, e.finished_at AS ended_finished_at, e.depth AS ended_depth
FROM executions e
JOIN triggers t ON t.source_workflow_id = e.workflow_id AND t.workspace_id = e.workspace_id AND t.type = 'workflow'
JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE e.id = ANY(%(ids)s::text[])
ORDER BY t.id, e.id
FOR NO KEY UPDATE OF t FOR SHARE OF w
"""
_NOTE = """
UPDATE triggers SET last_fired_at = CASE WHEN %(fired)s THEN now() ELSE last_fired_at END, skipped_records = skipped_records + %(skipped)s,
  unhealthy_reason = CASE WHEN %(judged)s THEN %(reason)s ELSE unhealthy_reason END
WHERE id = %(id)s
"""


def fire_endings(connection: Connection, limit: int) -> int:
    """Start what listens to at most `limit` executions that have ended; returns how many were started. Call `wake()` after the commit.

    What cannot be started (disabled, refused by mapping, filter or schema, too deep) is passed over with a count, and makes the trigger unhealthy where it is at fault.
    """
    ids = [row["execution_id"] for row in db.rows(connection, _TAKE, {"limit": limit})]
    if not ids:
        return 0
    by_trigger: dict[str, list[Mapping[str, Any]]] = {}
    for pair in db.rows(connection, _PAIRS, {"ids": ids}):
        by_trigger.setdefault(pair["id"], []).append(pair)
    return sum(_fire(connection, pairs) for _, pairs in sorted(by_trigger.items()))


def _fire(connection: Connection, pairs: Sequence[Mapping[str, Any]]) -> int:
    wishes, skipped, reason, judged = [], 0, None, False
    for pair in pairs:
        if pair["ended_status"] not in loads(pair["config"])["on"]:
            continue
        if not (pair["enabled"] and pair["workflow_enabled"] and pair["definition_id"]):
            skipped += 1
            continue
        try:
            wish = _wish(connection, pair)
        except MillraceError as error:
            skipped, reason, judged = skipped + 1, printable(error.detail), True
            continue
        if wish is not None:
            wishes.append(wish)
    answers = start_executions(db.executor(connection), wishes)
    if any(answer.verdict == "changed" for answer in answers):
        raise Unavailable("a trigger or workflow changed while it was being started; the next round starts it")
    started = sum(answer.verdict == "started" for answer in answers)
    skipped += sum(answer.verdict not in ("started", "duplicate") for answer in answers)
    if started or skipped:
        values = {"fired": started > 0, "skipped": skipped, "judged": judged or started > 0, "reason": reason, "id": pairs[0]["id"]}
        db.run(connection, _NOTE, values)
    metrics.count("workflow_trigger_starts", started)
    return started


def _wish(connection: Connection, pair: Mapping[str, Any]) -> StartRow | None:
    """What this end starts at this trigger, None when its filter says no. Raises MillraceError when something refuses."""
    if pair["ended_depth"] + 1 > MAX_DEPTH:
        raise MillraceError(
            f"workflows start each other at most {MAX_DEPTH} deep; {pair['ended_id']} was the last", code="nesting_too_deep"
        )
    raw, trigger = (
        _input(pair),
        {"type": "workflow", "id": pair["id"], "execution_id": pair["ended_id"], "status": pair["ended_status"]},
    )
    if not _passes(loads(pair["config"]).get("filter"), raw, trigger, pair["now"], pair["ended_id"]):
        return None
    schema = input_schema_of(db.executor(connection), pair["definition_id"])
    return StartRow(
        workspace_id=pair["workspace_id"],
        workflow_id=pair["workflow_id"],
        input=prepare_input(pair, raw, trigger, schema, now=pair["now"], seed=f"{pair['id']}:{pair['ended_id']}"),
        trigger=trigger,
        trigger_id=pair["id"],
        trigger_revision=pair["revision"],
        definition_id=pair["definition_id"],
        version=pair["version"],
        key=pair["ended_id"],
        depth=pair["ended_depth"] + 1,
    )


def _input(pair: Mapping[str, Any]) -> dict[str, Any]:
    def parsed(text: str | None) -> Any:
        return None if text is None else loads(text)

    return {
        "execution_id": pair["ended_id"],
        "workflow_id": pair["ended_workflow_id"],
        "version": pair["ended_version"],
        "status": pair["ended_status"],
        "input": parsed(pair["ended_input"]),
        "output": parsed(pair["ended_output"]),
        "error": parsed(pair["ended_error"]),
        "started_at": to_text(pair["ended_started_at"]),
        "finished_at": to_text(pair["ended_finished_at"]),
    }


def _passes(source: str | None, raw: Any, trigger: Mapping[str, Any], now: datetime, seed: str) -> bool:
    if source is None:
        return True
    answer = Scope({"input": raw, "trigger": trigger}, now=now, seed=seed).evaluate(source)
    if not isinstance(answer, bool):
        raise ExpressionError(f"the filter must give true or false; for this end it gave {dumps(answer)[:100]}")
    return answer
