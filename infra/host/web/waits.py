"""Callers that wait, without keeping others waiting: they give up their place at the gate, and one thread asks the database for all of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import psycopg

from chalicelib.core.config import settings
from chalicelib.core.errors import MillraceError
from chalicelib.core.hot import HotConnection
from chalicelib.engine.outcomes import Answer, read_answers

INTERVAL_SECONDS = 0.025
RETRY_SECONDS = 0.5
STEP_SECONDS = 0.025


class Gate:
    """How many requests may be worked on at once. More would only fight over the interpreter; who merely waits needs no place."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Hold a place."""
        with self._places:
            yield

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Give up the place that this thread holds, and take one again at the end."""
        self._places.release()
        try:
            yield
        finally:
            self._places.acquire()

    def sleep(self, seconds: float) -> None:
        """Give up the place for so long, and until the next step of the clock: who pauses goes on with the others, and their senders' next requests share a statement."""
        with self.outside():
            time.sleep(seconds + STEP_SECONDS - (time.monotonic() + seconds) % STEP_SECONDS)


class _Waiting:
    __slots__ = ("answer", "event")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.answer: Answer | None = None


class AnswerPoller:
    """One query every 25 ms for everybody who waits; none when nobody does. At most `capacity` wait at a time: who comes after that is not kept at all."""

    def __init__(self, gate: Gate, capacity: int) -> None:
        self._gate = gate
        self._capacity = capacity
        self._waiting: dict[str, list[_Waiting]] = {}
        self._count = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._connection: HotConnection | None = None
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
        self._thread.start()

    def wait(self, execution_id: str, seconds: float) -> Answer | None:
        """Wait for an execution's answer; None when the time is up, when too many wait already, or when the server stops."""
        mine = _Waiting()
        with self._changed:
            if self._stopped or self._count >= self._capacity:
                return None
            self._waiting.setdefault(execution_id, []).append(mine)
            self._count += 1
            self._changed.notify()
        with self._gate.outside():
            mine.event.wait(seconds)
        with self._changed:
            self._count -= 1
            rest = [other for other in self._waiting.get(execution_id, []) if other is not mine]
            if rest:
                self._waiting[execution_id] = rest
            else:
                self._waiting.pop(execution_id, None)
        return mine.answer

    def stop(self) -> None:
        """Send everybody away with what there is: the execution goes on, and its caller has its id."""
        with self._changed:
            self._stopped = True
            for waiters in self._waiting.values():
                for waiter in waiters:
                    waiter.event.set()
            self._changed.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    return
                ids = list(self._waiting)
            pause = self._look(ids)
            time.sleep(pause)

    def _look(self, ids: list[str]) -> float:
        try:
            if self._connection is None:
                self._connection = HotConnection(settings().require_database_url())
            answers = read_answers(self._connection.execute, ids)
        except (psycopg.Error, MillraceError):
            return RETRY_SECONDS
        with self._changed:
            for execution_id, answer in answers.items():
                for waiter in self._waiting.pop(execution_id, []):
                    waiter.answer = answer
                    waiter.event.set()
        return INTERVAL_SECONDS
