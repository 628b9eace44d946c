"""The synchronous side of PostgreSQL: SQLAlchemy Core for services, plain psycopg for the one hot insert.

Statements are text with `%(name)s` parameters and live in repositories. Nobody commits but the edge: it opens `transaction()`, services and repositories
take the connection. On Lambda one connection per environment, on the host a small pool; both have keepalives and a statement timeout.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chalicelib.core.config import settings
from chalicelib.core.errors import Unavailable

Rows = Sequence[Mapping[str, Any]]

# Lambda freezes a process between requests, and sockets die meanwhile: an idle connection older than this is opened anew.
MAX_IDLE_SECONDS = 60.0
CONNECT_OPTIONS = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "options": "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
    "application_name": "millrace",
}


def sqlalchemy_url(database_url: str) -> str:
    """A libpq URL as SQLAlchemy wants it: with the psycopg driver named."""
    scheme, _, rest = database_url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else database_url


def libpq_url(database_url: str) -> str:
    """The URL without SQLAlchemy's driver suffix, as psycopg wants it."""
    return database_url.replace("postgresql+psycopg://", "postgresql://", 1)


@lru_cache(maxsize=4)
def engine(database_url: str) -> Engine:
    """The process's pool for this database."""
    made = create_engine(
        sqlalchemy_url(database_url),
        pool_size=4,
        max_overflow=12,
        pool_timeout=5,
        pool_recycle=900,
        hide_parameters=True,  # errors are logged, and parameters hold what users wrote
        connect_args={**CONNECT_OPTIONS, "prepare_threshold": None},
    )

    @event.listens_for(made, "checkin")
    def _mark(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def _check(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        idle = time.monotonic() - record.info.get("idle_since", time.monotonic())
        if idle > MAX_IDLE_SECONDS:
            from sqlalchemy.exc import DisconnectionError

            raise DisconnectionError

    return made


@contextmanager
def transaction(*, read_only: bool = False) -> Iterator[Connection]:
    """One transaction on the primary (or, read-only, on the replica when there is one), committed at the end, rolled back on any exception.

    Raises Unavailable (503) when the database cannot be reached.
    """
    config = settings()
    url = (config.database_replica_url if read_only else None) or config.require_database_url()
    try:
        connection = engine(url).connect()
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable("the database does not answer; the request changed nothing, try again") from error
    with connection:
        yield connection
        connection.commit()


def rows(connection: Connection, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
    """Run text SQL and return all rows as mappings."""
    return cast(Rows, connection.exec_driver_sql(sql, dict(params or {})).mappings().all())


def row(connection: Connection, sql: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
    """The first row as a mapping, or None."""
    return cast(Mapping[str, Any] | None, connection.exec_driver_sql(sql, dict(params or {})).mappings().first())


def run(connection: Connection, sql: str, params: Mapping[str, Any] | None = None) -> int:
    """Run text SQL for its effect; returns how many rows it touched."""
    return connection.exec_driver_sql(sql, dict(params or {})).rowcount


def executor(connection: Connection) -> Callable[[str, Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """The connection as a function (sql, params) -> rows, which is what SQL shared with the engine's side takes."""

    def execute(sql: str, params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        result = connection.exec_driver_sql(sql, dict(params))
        return cast(Rows, result.mappings().all()) if result.returns_rows else []

    return execute


class HotConnection:
    """One autocommit psycopg connection for single-statement writes from many threads, opened at first use and again after any failure.

    `execute` is serialised by a lock: callers that want throughput group their rows into one statement.
    """

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._used_at = 0.0

    def execute(self, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one statement in its own transaction and return its rows. Raises psycopg.Error; a broken connection is dropped."""
        with self._lock:
            connection = self._ready()
            try:
                cursor = connection.execute(sql, params)
                fetched = cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                self.close()
                raise
            self._used_at = time.monotonic()
            return fetched

    def _ready(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is not None and (self._connection.closed or time.monotonic() - self._used_at > MAX_IDLE_SECONDS):
            self.close()
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                prepare_threshold=None if settings().engine_function else 3,  # RDS Proxy would pin the connection
                row_factory=psycopg.rows.dict_row,
                **CONNECT_OPTIONS,  # type: ignore[arg-type]
            )
        return self._connection

    def close(self) -> None:
        """Drop the connection; the next call opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@lru_cache(maxsize=4)
def hot(database_url: str) -> HotConnection:
    """The process's hot connection to this database."""
    return HotConnection(database_url)
