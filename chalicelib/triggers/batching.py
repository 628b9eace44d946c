"""Group commit for the inserts of concurrent triggers: the first thread that arrives writes for all that came meanwhile, in one statement."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import psycopg

from chalicelib.core.errors import Unavailable
from chalicelib.core.hot import Execute, hot
from chalicelib.core.logging import logger
from chalicelib.engine.starts import Started, StartRow, start_executions

MAX_ROWS = 300
LINGER_SECONDS = 0.003
ATTEMPTS = 3
PAUSE_SECONDS = 0.05


class _Slot:
    """One row on its way, and the thread that waits for it."""

    __slots__ = ("done", "error", "result", "row", "turn")

    def __init__(self, row: StartRow) -> None:
        self.row = row
        self.turn = threading.Event()
        self.done = False
        self.result: Started | None = None
        self.error: Exception | None = None


class StartBatcher:
    """Starts executions for many threads. Rows carry their execution's id already, so that a row sent twice is recognised as one."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._lock = threading.Lock()
        self._queue: deque[_Slot] = deque()
        self._busy = False
        self._together = 0  # rows of the last group

    def start(self, row: StartRow) -> Started:
        """What became of the row, committed. Raises Unavailable when the database does not answer, and what it says of this row alone."""
        slot = _Slot(row)
        with self._lock:
            self._queue.append(slot)
            leads, self._busy = not self._busy, True
        if not leads:
            slot.turn.wait()
        if not slot.done:
            self._lead()
        if slot.error is not None:
            raise slot.error
        assert slot.result is not None
        return slot.result

    def _lead(self) -> None:
        """Write one group, this thread's row among it, then hand over to the first that came meanwhile. Where several came together last time, wait a moment for
        several: a statement costs much more than a row in it."""
        if self._together > 1:
            time.sleep(LINGER_SECONDS)
        with self._lock:
            group = [self._queue.popleft() for _ in range(min(MAX_ROWS, len(self._queue)))]
            self._together = len(group)
        try:
            self._write(group)
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._busy = following is not None
            if following is not None:
                following.turn.set()
            for slot in group:
                slot.done = True
                slot.turn.set()

    def _write(self, group: Sequence[_Slot]) -> None:
        try:
            for slot, result in zip(group, self._send([slot.row for slot in group]), strict=True):
                slot.result = result
        except Unavailable as error:
            for slot in group:
                slot.error = error
        except Exception as error:
            if len(group) > 1:
                logger("ingress").warning(
                    "a group of starts was refused, each is tried alone", extra={"rows": len(group), "error": type(error).__name__}
                )
                for slot in group:  # one bad row must not harm the others
                    self._write([slot])
            else:
                self._settle(group[0], error)

    def _settle(self, slot: _Slot, error: Exception) -> None:
        if _is_repetition(error):
            slot.result = Started("started", slot.row.execution_id, version=slot.row.version)
        else:
            slot.error = error

    def _send(self, rows: Sequence[StartRow]) -> list[Started]:
        """One statement; sent again when the connection breaks, for the rows are recognised should it have landed."""
        for attempts_left in range(ATTEMPTS - 1, -1, -1):
            try:
                return [_own(row, answer) for row, answer in zip(rows, start_executions(self._execute, rows), strict=True)]
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if attempts_left == 0 or not _worth_repeating(error):
                    raise Unavailable(
                        "the database does not answer; send the request again, with the same key it starts only once"
                    ) from error
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable")


def _worth_repeating(error: psycopg.Error) -> bool:
    """The connection broke, or the server asks for another try. A statement that ran out of time or room is not sent again."""
    state = error.sqlstate or ""
    return not state or state[:2] == "08" or state in ("57P01", "57P02", "57P03", "40001", "40P01")


def _own(row: StartRow, answer: Started) -> Started:
    """A row that finds its own key was started by an attempt whose answer was lost."""
    if answer.verdict == "duplicate" and answer.execution_id == row.execution_id:
        return Started("started", row.execution_id, version=row.version)
    return answer


def _is_repetition(error: Exception) -> bool:
    """The row's id is there already: an earlier attempt landed, and only its answer was lost."""
    if not isinstance(error, psycopg.errors.UniqueViolation):
        return False
    return str(error.diag.constraint_name).endswith("_pkey") and str(error.diag.table_name).startswith(
        ("executions", "wakes", "trigger_deliveries")
    )


@lru_cache(maxsize=4)
def batcher(database_url: str) -> StartBatcher:
    """The process's batcher for this database."""
    return StartBatcher(lambda sql, params: hot(database_url).execute(sql, params))
