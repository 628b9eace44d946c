"""From a batch of Kafka records to executions, exactly once per trigger and record.

A batch is one transaction: start keys, executions, dead letters and counts land together or not at all, and whoever delivered the batch moves on only after
the commit. So a batch may be delivered any number of times, whole or in part, by any number of pollers. A record that cannot become an execution is kept as
a dead letter and holds up nobody (unless its trigger wants to stop there); trouble with the database is raised, and the batch comes again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, SQLAlchemyError

from chalicelib.core import db, metrics
from chalicelib.core.errors import ExpressionError, Unavailable
from chalicelib.core.expressions import Scope
from chalicelib.core.jsontext import dumps
from chalicelib.core.logging import logger
from chalicelib.engine.starts import Started, StartRow, start_executions
from chalicelib.triggers import kafka_repository as repository
from chalicelib.triggers.kafka_batches import start_batches
from chalicelib.triggers.kafka_outcomes import Audience, Ingested, Route, Wish
from chalicelib.triggers.kafka_records import Record, entry_of, input_of, records_of, trigger_context
from chalicelib.triggers.mapping import prepare_input

MAX_ROWS, MAX_BYTES = 500, 8 * 1024 * 1024  # of one statement
MAX_ROUNDS = 5
_SCHEMAS: dict[str, Any] = {}


def ingest(connection: Connection, event: Mapping[str, Any], *, audience: Audience, now: datetime) -> Ingested:
    """Start an execution for every record and every trigger of its topic in the audience. The caller commits, and only then acknowledges.

    Records in front of which a trigger stops are among `failures`. Raises BadRequest for an event that is none of Kafka's, database errors, and Unavailable when
    definitions change faster than they can be read; nothing is kept then, and the same event should be delivered again.
    """
    by_topic: defaultdict[str, list[Record]] = defaultdict(list)
    result = Ingested()
    for place, record in enumerate(records_of(event)):
        by_topic[record.topic].append(record)
        result.order[record.topic, record.partition, record.offset] = place
    routes = [Route.of(row) for row in repository.routes_of_topics(connection, list(by_topic))]
    served = [route for route in routes if audience.includes(route)]
    claimed = {route.row["topic"] for route in served}
    result.outcomes["unclaimed"] += sum(len(records) for topic, records in by_topic.items() if topic not in claimed)
    for route in [route for route in served if route.paused]:
        for record in by_topic[route.row["topic"]]:
            result.hold(route, record)
    wishes = [(route, record) for route in served if not route.paused for record in by_topic[route.row["topic"]]]
    _start_all(connection, wishes, result, now)
    repository.insert_dead_letters(connection, result.letters)
    repository.count_outcomes(connection, result.counts())
    return result


def report(result: Ingested) -> None:
    """Send the counts to the metrics. Call it after the commit."""
    for outcome, number in result.outcomes.items():
        if number:
            metrics.count("kafka_records", number, outcome=outcome)
    if result.letters:
        logger("kafka").warning("records became dead letters", count=len(result.letters), first_code=result.letters[0]["code"])


def prepare(connection: Connection, route: Route, record: Record, now: datetime) -> StartRow | None:
    """What would be started for a record alone, None when the filter says no. Raises MillraceError for a record that cannot become an execution."""
    raw = read_record(route, record, now)
    if raw is FILTERED:
        return None
    trigger = trigger_context(route.id, record)
    return wish_for(connection, route, [entry_of(record, raw)] if route.batch_size else raw, trigger, now, record.dedupe_key)


FILTERED = object()


def read_record(route: Route, record: Record, now: datetime) -> Any:
    """The record's value, FILTERED when the trigger's filter says no. Raises MillraceError."""
    raw = input_of(record, route.config.get("value", "auto"))
    return raw if _passes(route, raw, record, now) else FILTERED


def wish_for(
    connection: Connection,
    route: Route,
    raw: Any,
    trigger: Mapping[str, Any],
    now: datetime,
    key: str | None,
    execution_id: str = "",
) -> StartRow:
    """The wish to start an execution of this raw input. Raises MillraceError when the mapping or the input schema refuses."""
    return StartRow(
        workspace_id=route.row["workspace_id"],
        workflow_id=route.row["workflow_id"],
        input=prepare_input(
            route.row, raw, trigger, _input_schema(connection, route.row["definition_id"]), now=now, seed=key or execution_id
        ),
        trigger=trigger,
        trigger_id=route.id,
        trigger_revision=route.row["revision"],
        definition_id=route.row["definition_id"],
        version=route.row["version"],
        key=key,
        execution_id=execution_id,
    )


def _start_all(connection: Connection, wishes: Sequence[Wish], result: Ingested, now: datetime) -> None:
    """Start what can be started; what was changed under our eyes is read and prepared again."""
    for _ in range(MAX_ROUNDS):
        changed = start_batches(connection, _usable_batches(wishes, result, now), result, now, wish_for)
        for chunk in _chunks(_prepared(connection, wishes, result, now)):
            changed += _start_chunk(connection, chunk, result)
        if not changed:
            return
        fresh = {
            row["id"]: Route.of(row)
            for row in repository.routes_of_triggers(connection, sorted({route.id for route, _ in changed}))
        }
        wishes = [(fresh[route.id], record) for route, record in changed if route.id in fresh]
    raise Unavailable("triggers or workflows changed while their records were being started; the batch will be delivered again")


Prepared = tuple[Route, Record, StartRow]


def _usable(wishes: Iterable[Wish], result: Ingested) -> Iterator[Wish]:
    """Those that may start something: neither stopped, nor behind a record in front of which their trigger stops."""
    for route, record in wishes:
        if result.behind(route, record):
            result.hold(route, record)
        elif route.stopped:
            result.note(route, "skipped", record)
        else:
            yield route, record


def _prepared(connection: Connection, wishes: Sequence[Wish], result: Ingested, now: datetime) -> Iterator[Prepared]:
    for route, record in _usable([wish for wish in wishes if not wish[0].batch_size], result):
        try:
            start = prepare(connection, route, record, now)
        except (SQLAlchemyError, MemoryError):
            raise
        except Exception as error:
            result.refuse(route, record, error)
        else:
            if start is None:
                result.note(route, "filtered", record)
            else:
                yield route, record, start


def _usable_batches(wishes: Sequence[Wish], result: Ingested, now: datetime) -> Iterator[tuple[Route, Record, Any]]:
    """The records of triggers that take batches, read and filtered one by one."""
    for route, record in _usable([wish for wish in wishes if wish[0].batch_size], result):
        try:
            raw = read_record(route, record, now)
        except (SQLAlchemyError, MemoryError):
            raise
        except Exception as error:
            result.refuse(route, record, error)
        else:
            if raw is FILTERED:
                result.note(route, "filtered", record)
            else:
                yield route, record, raw


def _chunks(prepared: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    """Groups of bounded rows and bytes, so that no statement grows with its batch."""
    chunk: list[Prepared] = []
    size = 0
    for item in prepared:
        length = len(item[1].value or b"")
        if chunk and (len(chunk) >= MAX_ROWS or size + length > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield chunk


def _start_chunk(connection: Connection, chunk: list[Prepared], result: Ingested) -> list[Wish]:
    """Start a chunk and note each outcome; returns the wishes whose trigger or live version is no longer what was read."""
    changed = []
    for (route, record, _), answer in zip(chunk, _start_each(connection, [start for _, _, start in chunk]), strict=True):
        if isinstance(answer, Exception):
            result.refuse(route, record, answer)
        elif answer.verdict == "changed":
            changed.append((route, record))
        elif answer.verdict in ("started", "duplicate"):
            result.note(route, answer.verdict, record)
        elif answer.verdict != "gone":
            result.note(route, "skipped", record)
    return changed


def _start_each(connection: Connection, starts: list[StartRow]) -> list[Started | Exception]:
    """Start all in one statement. Should the data of one be refused, halves are tried until it stands alone; every other error is raised."""
    try:
        with connection.begin_nested():
            return [*start_executions(db.executor(connection), starts)]
    except (DataError, ValueError) as error:  # ValueError: a value that has no JSON form
        if len(starts) == 1:
            return [error]
    middle = len(starts) // 2
    return _start_each(connection, starts[:middle]) + _start_each(connection, starts[middle:])


def _passes(route: Route, raw: Any, record: Record, now: datetime) -> bool:
    source = route.config.get("filter")
    if source is None:
        return True
    trigger = trigger_context(route.id, record)
    answer = Scope({"input": raw, "trigger": trigger}, now=now, seed=record.dedupe_key).evaluate(source)
    if not isinstance(answer, bool):
        raise ExpressionError(f"the filter must give true or false; for this record it gave {dumps(answer)[:100]}")
    return answer


def _input_schema(connection: Connection, definition_id: str) -> Any:
    """Kept by id: a published definition never changes."""
    if definition_id not in _SCHEMAS:
        if len(_SCHEMAS) >= 256:
            _SCHEMAS.clear()
        _SCHEMAS[definition_id] = repository.input_schema(connection, definition_id)
    return _SCHEMAS[definition_id]
