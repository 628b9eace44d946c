"""From a batch of Kafka records to executions, exactly once per trigger and record.

A batch is one transaction: start keys, executions, dead letters and counts land together or not at all, and whoever delivered the batch moves on only after
the commit. So a batch may be delivered any number of times, whole or in part, by any number of pollers. A record that cannot become an execution is kept as
a dead letter and holds up nobody; trouble with the database is raised, and the batch comes again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, SQLAlchemyError

from chalicelib.core import db, metrics
from chalicelib.core.errors import ExpressionError, MillraceError, Unavailable
from chalicelib.core.expressions import Scope
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.core.logging import logger
from chalicelib.engine.starts import Started, StartRow, start_executions
from chalicelib.triggers import kafka_repository as repository
from chalicelib.triggers.kafka_records import Record, as_event_record, input_of, records_of, trigger_context
from chalicelib.triggers.mapping import prepare_input

MAX_ROWS, MAX_BYTES = 500, 8 * 1024 * 1024  # of one statement
MAX_ROUNDS = 5
MAX_REASON = 2000
_SCHEMAS: dict[str, Any] = {}


@dataclass(frozen=True)
class Audience:
    """Which triggers a delivery is meant for: those of one consumer group, one trigger, or (neither given) all of the topic."""

    group: str | None = None
    trigger_id: str | None = None

    def includes(self, route: Route) -> bool:
        """Whether this trigger is to be served."""
        return self.group in (None, route.group) and self.trigger_id in (None, route.id)


def audience_of(event: Mapping[str, Any], function_arn: str | None) -> Audience:
    """Whom an event is for. The host's poller names its group; on AWS an event does not say whose it is, so each trigger's event source
    mapping invokes the function through an alias named after the trigger. An event without either is for every trigger of its topics.
    """
    alias = (function_arn or "").rpartition(":")[2]
    group = (event.get("millrace") or {}).get("group")
    return Audience(group, alias if is_id(alias, "trg") else None)


@dataclass(frozen=True)
class Route:
    """A Kafka trigger with the version that is live now, as read at one instant; starting checks that it is still so."""

    row: Mapping[str, Any]
    config: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Route:
        """From a row of the repository."""
        return cls(row, loads(row["config"]))

    @property
    def id(self) -> str:
        """The trigger's id."""
        return str(self.row["id"])

    @property
    def group(self) -> str:
        """The consumer group it reads with."""
        return self.config.get("group") or self.id

    @property
    def stopped(self) -> str | None:
        """Why it starts nothing at all, None when it does."""
        if not self.row["workflow_enabled"]:
            return "workflow_disabled"
        if not self.row["enabled"]:
            return "trigger_disabled"
        return "workflow_not_published" if self.row["definition_id"] is None else None


@dataclass
class Ingested:
    """What became of a batch: counts by outcome (started, duplicate, filtered, skipped, dead_letter, unclaimed)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_trigger: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    letters: list[dict[str, Any]] = field(default_factory=list)

    def note(self, route: Route, outcome: str) -> None:
        """One record, one trigger, one outcome."""
        self.outcomes[outcome] += 1
        self.by_trigger[route.id][outcome] += 1

    def bury(self, route: Route, record: Record, code: str, reason: str) -> None:
        """Keep a record whole, with why it became no execution."""
        self.note(route, "dead_letter")
        self.letters.append(dead_letter(route, record, code, reason))


def ingest(connection: Connection, event: Mapping[str, Any], *, audience: Audience, now: datetime) -> Ingested:
    """Start an execution for every record and every trigger of its topic in the audience. The caller commits, and only then acknowledges.

    Raises BadRequest for an event that is none of Kafka's, database errors, and Unavailable when definitions change faster than they can be
    read; nothing is kept then, and the same event should be delivered again.
    """
    by_topic: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records_of(event):
        by_topic[record.topic].append(record)
    result = Ingested()
    routes = [Route.of(row) for row in repository.routes_of_topics(connection, list(by_topic))]
    served = [route for route in routes if audience.includes(route)]
    claimed = {route.row["topic"] for route in served}
    result.outcomes["unclaimed"] += sum(len(records) for topic, records in by_topic.items() if topic not in claimed)
    _start_all(connection, [(route, record) for route in served for record in by_topic[route.row["topic"]]], result, now)
    repository.insert_dead_letters(connection, result.letters)
    counts = [{"id": id, "started": of["started"], "skipped": of["skipped"]} for id, of in result.by_trigger.items()]
    repository.count_outcomes(connection, [count for count in counts if count["started"] or count["skipped"]])
    return result


def report(result: Ingested) -> None:
    """Send the counts to the metrics. Call it after the commit."""
    for outcome, number in result.outcomes.items():
        if number:
            metrics.count("kafka_records", number, outcome=outcome)
    if result.letters:
        logger("kafka").warning("records became dead letters", count=len(result.letters), first_code=result.letters[0]["code"])


def prepare(connection: Connection, route: Route, record: Record, now: datetime) -> StartRow | None:
    """What would be started for a record, None when the filter says no. Raises MillraceError for a record that cannot become an execution."""
    raw, trigger = input_of(record), trigger_context(route.id, record)
    if not _passes(route, raw, trigger, record, now):
        return None
    schema = _input_schema(connection, route.row["definition_id"])
    return StartRow(
        workspace_id=route.row["workspace_id"],
        workflow_id=route.row["workflow_id"],
        input=prepare_input(route.row, raw, trigger, schema, now=now, seed=record.dedupe_key),
        trigger=trigger,
        trigger_id=route.id,
        trigger_revision=route.row["revision"],
        definition_id=route.row["definition_id"],
        version=route.row["version"],
        key=record.dedupe_key,
    )


def dead_letter(route: Route, record: Record, code: str, reason: str) -> dict[str, Any]:
    """The row that keeps a record; `record` holds it whole, in the shape of the event."""
    return {
        "id": new_id("dlr"),
        "workspace_id": route.row["workspace_id"],
        "trigger_id": route.id,
        "topic": record.topic,
        "partition": record.partition,
        "record_offset": record.offset,
        "record_timestamp": record.timestamp,
        "record": dumps(as_event_record(record)),
        "code": code,
        "reason": reason[:MAX_REASON].replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode("utf-8"),
    }


Wish = tuple[Route, Record]


def _start_all(connection: Connection, wishes: Sequence[Wish], result: Ingested, now: datetime) -> None:
    """Start what can be started; what was changed under our eyes is read and prepared again."""
    for _ in range(MAX_ROUNDS):
        changed = []
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


def _prepared(connection: Connection, wishes: Sequence[Wish], result: Ingested, now: datetime) -> Iterator[Prepared]:
    for route, record in wishes:
        if route.stopped:
            result.note(route, "skipped")
            continue
        try:
            start = prepare(connection, route, record, now)
        except MillraceError as error:
            result.bury(route, record, error.code, error.detail)
        except (SQLAlchemyError, MemoryError):
            raise
        except Exception as error:
            # A fault of ours: the record is kept and can be replayed once it is mended, and the others go on.
            logger("kafka").exception("a record could not be prepared", trigger_id=route.id)
            reason = f"this record failed in a way that was not foreseen ({type(error).__name__})"
            result.bury(route, record, "internal_error", reason)
        else:
            if start is None:
                result.note(route, "filtered")
            else:
                yield route, record, start


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
            result.bury(route, record, "cannot_be_stored", f"the database refuses this record: {getattr(answer, 'orig', answer)}")
        elif answer.verdict == "changed":
            changed.append((route, record))
        elif answer.verdict in ("started", "duplicate"):
            result.note(route, answer.verdict)
        elif answer.verdict != "gone":
            result.note(route, "skipped")
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


def _passes(route: Route, raw: Any, trigger: Mapping[str, Any], record: Record, now: datetime) -> bool:
    source = route.config.get("filter")
    if source is None:
        return True
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
