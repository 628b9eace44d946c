"""Standing between a worker and its database: what happens around each statement it sends."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from chalicelib.engine.database import AsyncConnection

Send = Callable[[], Awaitable[Any]]


@contextlib.contextmanager
def around_statements(around: Callable[[Send], Awaitable[Any]]) -> Iterator[None]:
    """Every statement, and every transaction of several, goes through `around`, which sends it, or not."""
    execute, transaction = AsyncConnection.execute, AsyncConnection.transaction

    async def one(self: AsyncConnection, sql: str, params: Mapping[str, Any], **how: Any) -> Any:
        return await around(lambda: execute(self, sql, params, **how))

    async def several(self: AsyncConnection, statements: Any) -> Any:
        return await around(lambda: transaction(self, statements))

    AsyncConnection.execute, AsyncConnection.transaction = one, several  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        AsyncConnection.execute, AsyncConnection.transaction = execute, transaction  # type: ignore[method-assign]
