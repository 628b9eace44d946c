"""Queries to databases that users name: through the egress guard, one connection for each, bounded in time, rows and bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.core.egress import Guard
from chalicelib.core.http import CallFailed

CONNECT_SECONDS = 10
MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Server:
    """Where a database is, and who signs in. `ca`: the PEM of the authority that its certificate is checked against (None: the system's)."""

    host: str
    port: int
    database: str
    username: str
    password: str | None
    tls: str  # disable, require, verify-full
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave. `truncated`: there were more rows than were asked for."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    row_count: int
    truncated: bool


class TooManyBytes(Exception):
    """A query gives more bytes than are read; its transaction was rolled back."""


class QueryFailed(Exception):
    """The database says no. `sqlstate` None: the connection was lost, and what was sent may have been done."""

    def __init__(self, sqlstate: str | None, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message


async def query(
    guard: Guard,
    server: Server,
    sql: str,
    params: Sequence[Any] | Mapping[str, Any],
    *,
    read_only: bool,
    max_rows: int,
    seconds: float,
    key: str,
    max_bytes: int = MAX_BYTES,
    connected: Callable[[], None] = lambda: None,
) -> Result:
    """Run one statement in a transaction of its own: `$1` with a list, `%(name)s` with an object. The extended protocol takes a single statement, and values never
    become part of its text. `current_setting('millrace.idempotency_key')` gives the key. `connected` is called once signed in.

    Rows are read one by one: `max_rows` are kept, those beyond are counted, and past `max_bytes` of both reading ends. Raises EgressDenied, CallFailed (no
    connection), TooManyBytes and QueryFailed.
    """
    import psycopg
    from psycopg.types.json import Jsonb

    from chalicelib.core.postgres_rows import NamedRows, NumberedRows

    connection = await _connect(guard, server, read_only, seconds)
    connected()
    try:
        async with connection:
            await connection.execute("SELECT set_config('millrace.idempotency_key', %s, true)", [key])
            cursor: Any
            wrapped: Any
            if isinstance(params, Mapping):
                cursor, wrapped = NamedRows(connection), {name: _wrap(value, Jsonb) for name, value in params.items()}
            else:
                cursor, wrapped = NumberedRows(connection), [_wrap(value, Jsonb) for value in params]
            rows: list[tuple[Any, ...]] = []
            count = 0
            async for row in cursor.stream(sql, wrapped):
                count += 1
                if count <= max_rows:
                    rows.append(row)
                if cursor.received > max_bytes:
                    raise TooManyBytes
            columns = [column.name for column in cursor.description or ()]
            return Result(columns, rows, count if columns else cursor.changed, count > max_rows)
    except psycopg.Error as error:
        raise QueryFailed(error.sqlstate, (error.diag.message_primary or str(error).partition("\n")[0])[:500]) from None
    finally:
        await connection.close()


def _wrap(value: Any, jsonb: Any) -> Any:
    return jsonb(value) if isinstance(value, dict) else value


async def _connect(guard: Guard, server: Server, read_only: bool, seconds: float) -> Any:
    import psycopg

    where = f"{server.host}:{server.port}"
    try:
        addresses = await guard.resolve(server.host.lower().rstrip("."), server.port)
    except OSError:
        raise CallFailed("connection_failed", f"{where}: the host name has no address", "connection", unsent=True) from None
    options = f"-c statement_timeout={max(1, int(seconds * 1000))} -c timezone=UTC" + (" -c default_transaction_read_only=on" if read_only else "")
    try:
        return await psycopg.AsyncConnection.connect(
            host=",".join([server.host] * len(addresses)),
            hostaddr=",".join(str(ip) for ip in addresses),  # what was checked is what is connected to
            port=server.port,
            dbname=server.database,
            user=server.username,
            password=server.password or "",
            passfile=os.devnull,
            options=options,
            application_name="millrace",
            connect_timeout=CONNECT_SECONDS,
            gssencmode="disable",
            **_tls(server),
        )
    except psycopg.Error as error:
        said = str(error).lower()
        if error.sqlstate and error.sqlstate.startswith("28") or "password authentication failed" in said or "no password supplied" in said:
            raise CallFailed("sign_in_refused", f"{where} refuses user name or password", unsent=True) from None
        if "ssl" in said or "certificate" in said:
            raise CallFailed("tls_error", f"{where}: no TLS connection as asked (tls: {server.tls})", unsent=True) from None
        if "does not exist" in said:
            raise CallFailed("connection_failed", f"{where} has no such database or user", unsent=True) from None
        raise CallFailed("connection_failed", f"{where}: no connection to a PostgreSQL server", "connection", unsent=True) from None


def _tls(server: Server) -> dict[str, Any]:
    if server.tls != "verify-full":
        return {"sslmode": server.tls}
    if not server.ca:
        return {"sslmode": "verify-full", "sslrootcert": "system"}
    path = Path(tempfile.gettempdir()) / f"millrace-ca-{hashlib.sha256(server.ca.encode()).hexdigest()[:32]}.pem"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(server.ca)
        partial.replace(path)
    return {"sslmode": "verify-full", "sslrootcert": str(path)}
