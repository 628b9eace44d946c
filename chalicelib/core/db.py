"""The synchronous side of PostgreSQL for services: SQLAlchemy Core. (Single statements of the trigger's door go by core/hot.py.)

Statements are text with `%(name)s` parameters and live in repositories. Nobody commits but the edge: it opens `transaction()`, services and repositories
take the connection. On Lambda one connection per environment, on the host a small pool; both have keepalives and a statement timeout.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chalicelib.core.config import settings
from chalicelib.core.errors import Unavailable
from chalicelib.core.hot import CONNECT_OPTIONS, MAX_IDLE_SECONDS, Execute

Rows = Sequence[Mapping[str, Any]]


def sqlalchemy_url(database_url: str) -> str:
    """A libpq URL as SQLAlchemy wants it: with the psycopg driver named."""
    scheme, _, rest = database_url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else database_url


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


def executor(connection: Connection) -> Execute:
    """The connection as what SQL takes that is shared with the engine's side and with the door's."""

    def execute(sql: str, params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        result = connection.exec_driver_sql(sql, dict(params))
        return cast(Rows, result.mappings().all()) if result.returns_rows else []

    return execute
