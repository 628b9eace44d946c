"""How the other sides of credentials are: counted in each process, brought together in one table every few seconds and whenever a circuit opens or closes."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.db import executor, transaction
from chalicelib.credentials import health_repository
from chalicelib.credentials.circuits import Circuit
from chalicelib.registry.spec import ActionError

log = logging.getLogger("millrace.credentials")

FLUSH_SECONDS = 5.0
MAX_KEPT = 2_000
_ERROR_CHARACTERS = 300

Key = tuple[str, str, str]  # workspace, credential id ("" for none), host:port


@dataclass(slots=True)
class Tally:
    """What happened since the last flush, and the circuit."""

    circuit: Circuit
    calls: int = 0
    errors: int = 0
    milliseconds: int = 0
    last_error: str | None = None
    last_error_at: float | None = None
    last_success_at: float | None = None
    changed: bool = False


@dataclass
class Health:
    """One process's view. Thread-safe."""

    tallies: OrderedDict[Key, Tally] = field(default_factory=OrderedDict)
    flushed_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None

    def check(self, key: Key) -> None:
        """Raises ActionError `circuit_open` (class connection, with the time to wait) while the circuit is open."""
        with self.lock:
            wait = self._tally(key).circuit.held_back(time.monotonic())
        if wait is not None:
            message = f"{key[2]} has failed many times in a row with this credential; calls to it are held back for {wait:.0f} more seconds"
            raise ActionError("circuit_open", message, error_class="connection", retry_after=wait)

    def record(self, key: Key, seconds: float, error: str | None) -> None:
        """A call ended: with an answer (`error` None), or without one or with a 5xx. `error` may hold no secret."""
        now, wall = time.monotonic(), time.time()
        with self.lock:
            tally = self._tally(key)
            tally.calls += 1
            tally.milliseconds += round(seconds * 1000)
            if error is None:
                tally.last_success_at = wall
                turned = tally.circuit.succeeded()
            else:
                tally.errors += 1
                tally.last_error, tally.last_error_at = error[:_ERROR_CHARACTERS], wall
                turned = tally.circuit.failed(now)
            tally.changed = True
            due = turned or now - self.flushed_at > FLUSH_SECONDS
            if due:
                self.flushed_at = now
        if turned:
            log.warning("the circuit to %s is %s", key[2], tally.circuit.state(now), extra={"workspace_id": key[0], "credential_id": key[1]})
        if due:
            self._flush_soon()
        elif self.timer is None or self.timer.when() < asyncio.get_running_loop().time():
            self.timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_soon)  # should no call come that does

    def _tally(self, key: Key) -> Tally:
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally(Circuit(breaks=bool(key[1])))
            while len(self.tallies) > MAX_KEPT:
                self.tallies.popitem(last=False)
        self.tallies.move_to_end(key)
        return tally

    def _flush_soon(self) -> None:
        """Beside whatever runs; a failure is logged and the counts are kept for the next time."""
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self.flush))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def flush(self) -> None:
        """Add this process's counts to the table, and take over what others have opened."""
        with self.lock:
            taken = {key: _taken(tally) for key, tally in self.tallies.items() if tally.changed}
            for key in taken:
                _reset(self.tallies[key])
        try:
            with transaction() as connection:
                opened = health_repository.merge(executor(connection), [_row(key, tally) for key, tally in taken.items()])
        except Exception as error:
            log.warning("the health of providers could not be stored: %s", type(error).__name__)
            return
        self._take_over(opened)

    def _take_over(self, opened: Sequence[Mapping[str, Any]]) -> None:
        now = time.monotonic()
        with self.lock:
            for row in opened:
                key = (row["workspace_id"], row["credential_id"], row["host"])
                if key in self.tallies:
                    self.tallies[key].circuit.opened_elsewhere(now + float(row["seconds"]), row["openings"])


def _taken(tally: Tally) -> Tally:
    circuit = tally.circuit
    copy = Circuit(circuit.breaks, circuit.failures, circuit.openings, circuit.opened_until)
    return Tally(copy, tally.calls, tally.errors, tally.milliseconds, tally.last_error, tally.last_error_at, tally.last_success_at)


def _reset(tally: Tally) -> None:
    tally.calls = tally.errors = tally.milliseconds = 0
    tally.last_error = tally.last_error_at = tally.last_success_at = None
    tally.changed = False


def _row(key: Key, tally: Tally) -> dict[str, Any]:
    now = time.monotonic()
    until = tally.circuit.opened_until
    return {
        "workspace_id": key[0],
        "credential_id": key[1],
        "host": key[2],
        "calls": tally.calls,
        "errors": tally.errors,
        "milliseconds": tally.milliseconds,
        "failures": tally.circuit.failures,
        "openings": tally.circuit.openings,
        "open_seconds": None if until is None else max(until - now, 0.0),
        "last_error": tally.last_error,
        "last_error_at": tally.last_error_at,
        "last_success_at": tally.last_success_at,
    }


_health = Health()


def health() -> Health:
    """The process's view."""
    return _health


def forget() -> None:
    """Begin anew; tests do."""
    global _health
    _health = Health()


def list_page(connection: Connection, workspace_id: str) -> list[dict[str, Any]]:
    """Every credential and host called in the last thirty days, those in trouble first."""
    return [_shown(row) for row in health_repository.page(connection, workspace_id)]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    credential = {"id": row["credential_id"], "slug": row["slug"], "name": row["name"]} if row["credential_id"] else None
    return {
        "credential": credential,
        "host": row["host"],
        "state": row["state"],
        "failures": row["failures"],
        "opened_until": to_text(row["opened_until"]) if row["state"] == "open" else None,
        "calls": row["calls"],
        "errors": row["errors"],
        "average_ms": round(row["milliseconds"] / row["calls"]) if row["calls"] else None,
        "last_error": row["last_error"],
        "last_error_at": to_text(row["last_error_at"]),
        "last_success_at": to_text(row["last_success_at"]),
    }
