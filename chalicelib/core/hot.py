"""Single statements over plain psycopg, each a transaction of its own: the hot insert of the triggers' door and what else stands on its path.

That path loads psycopg and no other library for the database: a webhook's function pays for every import at its cold start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg

from chalicelib.core.config import settings

# Runs one statement with its parameters and gives its rows: by a connection of its own, or within somebody's transaction.
Execute = Callable[[str, Mapping[str, Any]], Sequence[Mapping[str, Any]]]

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


def libpq_url(database_url: str) -> str:
    """The URL without SQLAlchemy's driver suffix, as psycopg wants it."""
    return database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def connected(database_url: str, *, autocommit: bool) -> psycopg.Connection[dict[str, Any]]:
    """A connection that nobody else has, with keepalives and a statement timeout. Raises psycopg.Error."""
    return psycopg.connect(
        libpq_url(database_url),
        autocommit=autocommit,
        prepare_threshold=None if settings().engine_function else 3,  # RDS Proxy would pin the connection
        row_factory=psycopg.rows.dict_row,
        **CONNECT_OPTIONS,  # type: ignore[arg-type]
    )


class HotConnection:
    """One autocommit psycopg connection for single-statement writes from many threads, opened at first use and again after any failure.

    `execute` is serialised by a lock: callers that want throughput group their rows into one statement.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
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
            self._connection = connected(self._url, autocommit=True)
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


def hot_execute(sql: str, params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """One statement in its own transaction, on the database of the settings. Raises psycopg.Error, and Unavailable without DATABASE_URL."""
    return hot(settings().require_database_url()).execute(sql, params)
