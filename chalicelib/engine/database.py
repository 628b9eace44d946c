"""The asynchronous side of PostgreSQL: autocommit connections of the engine's worker, opened at first use and again after any failure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from chalicelib.core.hot import CONNECT_OPTIONS, MAX_IDLE_SECONDS, libpq_url

# Whole statement again: serialisation failure, deadlock, and what a lost or restarting server answers.
RETRYABLE_STATES = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25P03")

# The kernel's timers (tcp_user_timeout, keepalives) notice a machine that is gone. A proxy that takes everything and has lost the server behind it is noticed by
# this one alone.
ANSWER_SECONDS = 20.0

# A worker that is frozen between two statements of a transaction keeps its locks, a concurrency key's for one. No transaction here pauses.
IDLE_IN_TRANSACTION_SECONDS = 10.0


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed when sent again (its effect being unknown or none)."""
    if not isinstance(error, psycopg.Error):
        return isinstance(error, OSError | TimeoutError)
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state in RETRYABLE_STATES or state.startswith("08")


class AsyncConnection:
    """One connection, one statement at a time. A broken one is dropped by the failing call and opened anew by the next; so is one that does not answer within
    ANSWER_SECONDS, which counts as broken."""

    def __init__(self, database_url: str, *, prepare: bool, lock_timeout_ms: int = 2000) -> None:
        self._url = libpq_url(database_url)
        self._prepare = prepare
        limits = f"-c lock_timeout={lock_timeout_ms} -c idle_in_transaction_session_timeout={int(IDLE_IN_TRANSACTION_SECONDS * 1000)}"
        self._options = {**CONNECT_OPTIONS, "options": f"{CONNECT_OPTIONS['options']} {limits}"}
        self._connection: psycopg.AsyncConnection[dict[str, Any]] | None = None
        self._lock = asyncio.Lock()
        self._used_at = 0.0
        self.statements = 0

    async def execute(self, sql: str, params: Mapping[str, Any], *, replan: bool = False) -> list[dict[str, Any]]:
        """Run one statement in a transaction of its own, `replan`: planned for these parameters. Raises psycopg.Error or OSError."""
        async with self._lock:
            connection = await self._ready()
            self.statements += 1
            try:
                with answered_in_time(connection):
                    cursor = await connection.execute(sql, params, prepare=False if replan else None)
                    fetched = await cursor.fetchall() if cursor.description else []
            except BaseException as error:
                # A cancelled or broken exchange leaves the protocol in an unknown place.
                if not isinstance(error, psycopg.Error) or connection.closed or is_transient(error):
                    await self._drop()
                raise
            self._used_at = time.monotonic()
            return fetched

    async def transaction(self, statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[dict[str, Any]]]:
        """Run several statements in one transaction; returns the rows of each. Raises as `execute` does, and nothing was done then, unless the acknowledgement of
        the commit was lost."""
        async with self._lock:
            connection = await self._ready()
            self.statements += len(statements)
            try:
                with answered_in_time(connection):
                    async with connection.transaction():
                        found = []
                        for sql, params in statements:
                            cursor = await connection.execute(sql, params)
                            found.append(await cursor.fetchall() if cursor.description else [])
            except BaseException as error:
                if not isinstance(error, psycopg.Error) or connection.closed or is_transient(error):
                    await self._drop()
                raise
            self._used_at = time.monotonic()
            return found

    async def _ready(self) -> psycopg.AsyncConnection[dict[str, Any]]:
        if self._connection is not None and (self._connection.closed or time.monotonic() - self._used_at > MAX_IDLE_SECONDS):
            await self._drop()
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                prepare_threshold=3 if self._prepare else None,
                row_factory=dict_row,
                **self._options,  # type: ignore[arg-type]
            )
            self._used_at = time.monotonic()
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())

    async def close(self) -> None:
        """Close the connection, once what is under way has ended."""
        async with self._lock:
            await self._drop()


@contextlib.contextmanager
def answered_in_time(connection: psycopg.AsyncConnection[Any]) -> Iterator[None]:
    """Hang up when no answer comes: whoever waits for one sees the connection end. (Cancelling would not do: psycopg then waits for the server to agree.)"""
    timer = asyncio.get_running_loop().call_later(ANSWER_SECONDS, _hang_up, connection)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
