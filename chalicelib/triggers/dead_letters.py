"""Dead letters: records of which no execution could be made, kept whole with the reason, to be read and replayed.

A replay goes the way every record goes, with the trigger and the live version of now, under the record's own key. So a record becomes at most one
execution, however often it is replayed and even when the broker delivers it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import Conflict, NotFound, Unavailable
from chalicelib.core.jsontext import loads
from chalicelib.engine.starts import start_executions
from chalicelib.triggers import kafka_repository as repository
from chalicelib.triggers.kafka_ingress import prepare
from chalicelib.triggers.kafka_outcomes import Route
from chalicelib.triggers.kafka_records import record_of, timestamp_text

MAX_SHOWN = 16 * 1024  # of a record's text in a list; reading one shows it whole
_WHY = {
    "trigger_disabled": "the trigger is disabled; enable it and replay again",
    "workflow_disabled": "the workflow is disabled; enable it and replay again",
    "workflow_not_published": "the workflow has no published version; publish it and replay again",
}


def list_dead_letters(
    connection: Connection, workspace_id: str, *, limit: int, after: str | None = None, trigger_id: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Rows, newest first, beginning after the id `after`. Ask for one more than a page to know whether another follows."""
    return repository.list_dead_letters(connection, workspace_id, limit=limit, after=after, trigger_id=trigger_id)


def get_dead_letter(connection: Connection, workspace_id: str, letter_id: str) -> dict[str, Any]:
    """One dead letter with its whole record. Raises NotFound."""
    return show(_found(repository.get_dead_letter(connection, workspace_id, letter_id)), whole=True)


def replay(connection: Connection, workspace_id: str, letter_id: str, *, now: datetime) -> dict[str, Any]:
    """Make an execution of a kept record and answer the dead letter as it is then; a letter that has one already is answered unchanged.

    Raises NotFound; Conflict (`trigger_disabled`, `workflow_disabled`, `workflow_not_published`, `filtered`); and what stopped the record in the first
    place when it still does. After the commit, call `wake()`.
    """
    letter = _found(repository.get_dead_letter(connection, workspace_id, letter_id, lock=True))
    if letter["execution_id"] is None:
        letter = _found(repository.mark_replayed(connection, letter_id, _start(connection, letter, now)))
    return show(letter, whole=True)


def show(letter: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """A dead letter as the API answers it: key and value of `record` in base64. In a list, `record` is null where it is large."""
    return {
        "id": letter["id"],
        "trigger_id": letter["trigger_id"],
        "workflow_id": letter["workflow_id"],
        "topic": letter["topic"],
        "partition": letter["partition"],
        "offset": letter["record_offset"],
        "timestamp": timestamp_text(letter["record_timestamp"]),
        "code": letter["code"],
        "reason": letter["reason"],
        "record": loads(letter["record"]) if whole or len(letter["record"]) <= MAX_SHOWN else None,
        "record_bytes": len(letter["record"]),
        "created_at": to_text(letter["created_at"]),
        "replayed_at": to_text(letter["replayed_at"]),
        "execution_id": letter["execution_id"],
    }


def _start(connection: Connection, letter: Mapping[str, Any], now: datetime) -> str:
    routes = repository.routes_of_triggers(connection, [letter["trigger_id"]])
    if not routes:
        raise NotFound("the trigger of this dead letter is gone")
    route = Route.of(routes[0])
    if route.stopped:
        raise Conflict(_WHY[route.stopped], code=route.stopped)
    start = prepare(connection, route, record_of(loads(letter["record"])), now)
    if start is None:
        raise Conflict("the trigger's filter says no to this record; change the filter to start it", code="filtered")
    answer = start_executions(db.executor(connection), [start])[0]
    if answer.execution_id is not None and answer.verdict in ("started", "duplicate"):
        return answer.execution_id
    if answer.verdict in _WHY:
        raise Conflict(_WHY[answer.verdict], code=answer.verdict)
    raise Unavailable("the trigger or its workflow was changed in this moment; replay again")


def _found(letter: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if letter is None:
        raise NotFound("no such dead letter in this workspace")
    return letter
