"""One execution for many records: each record's start key is taken by the execution that holds it, so that batches may be cut differently at each delivery.

Keys, input and execution of a batch are one savepoint. Records that another delivery has taken are left out; should the mapping or the input schema refuse the
whole, halves are tried until the record that spoils it stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from chalicelib.core import db
from chalicelib.core.errors import MillraceError
from chalicelib.core.ids import new_id
from chalicelib.engine.starts import StartRow, start_executions
from chalicelib.triggers import kafka_repository as repository
from chalicelib.triggers.kafka_outcomes import Ingested, Route, Wish
from chalicelib.triggers.kafka_records import MAX_VALUE_BYTES, Record, batch_context, entry_of

Read = tuple[Route, Record, Any]
Make = Callable[..., StartRow]


class _Undone(Exception):
    """The savepoint is to be rolled back: the version that was read is no longer the live one."""

    def __init__(self, verdict: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict


def start_batches(connection: Connection, records: Iterable[Read], result: Ingested, now: datetime, make: Make) -> list[Wish]:
    """Start an execution for each group of records; returns the wishes whose trigger or live version is no longer what was read."""
    changed: list[Wish] = []
    for group in list(_groups(records)):
        changed += _start(connection, group, result, now, make)
    return changed


def _groups(records: Iterable[Read]) -> Iterator[list[Read]]:
    """Records of one trigger and partition, in order, of bounded number and bytes."""
    open_groups: dict[tuple[str, str, int], tuple[list[Read], int]] = {}
    for item in records:
        route, record, _ = item
        place = (route.id, record.topic, record.partition)
        group, size = open_groups.get(place, ([], 0))
        length = len(record.value or b"")
        if group and (len(group) >= route.batch_size or size + length > MAX_VALUE_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        open_groups[place] = (group, size + length)
    yield from (group for group, _ in open_groups.values() if group)


def _start(connection: Connection, group: Sequence[Read], result: Ingested, now: datetime, make: Make) -> list[Wish]:
    route = group[0][0]
    if result.behind(route, group[0][1]):
        for _, record, _ in group:
            result.hold(route, record)
        return []
    try:
        with connection.begin_nested():
            fresh = _start_fresh(connection, group, now, make)
    except _Undone as undone:
        if undone.verdict == "changed":
            return [(route, record) for route, record, _ in group]
        if undone.verdict != "gone":
            result.note(route, "skipped", *(record for _, record, _ in group))
        return []
    except (MillraceError, DataError, ValueError) as error:
        if len(group) == 1:
            result.refuse(route, group[0][1], error)
            return []
        middle = len(group) // 2
        return _start(connection, group[:middle], result, now, make) + _start(connection, group[middle:], result, now, make)
    if fresh:
        result.note(route, "started", *fresh)
    result.note(route, "duplicate", *(record for _, record, _ in group if record not in fresh))
    return []


def _start_fresh(connection: Connection, group: Sequence[Read], now: datetime, make: Make) -> list[Record]:
    """Start one execution for those records of the group that no other has; returns them."""
    route, execution_id = group[0][0], new_id("exe")
    keys = [record.dedupe_key for _, record, _ in group]
    taken = repository.claim_keys(connection, route.id, route.row["workspace_id"], execution_id, keys)
    fresh = [(record, raw) for _, record, raw in group if record.dedupe_key in taken]
    if not fresh:
        return []
    context = batch_context(route.id, [record for record, _ in fresh])
    wish = make(connection, route, [entry_of(record, raw) for record, raw in fresh], context, now, None, execution_id)
    verdict = start_executions(db.executor(connection), [wish])[0].verdict
    if verdict != "started":
        raise _Undone(verdict)
    return [record for record, _ in fresh]
