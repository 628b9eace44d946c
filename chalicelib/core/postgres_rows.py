"""Cursors of psycopg that read a result row by row, count its bytes, and take statements that give no rows too."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncCursor, AsyncRawCursor
from psycopg.generators import fetch
from psycopg.pq import ExecStatus


class _Rows:
    """`received`: bytes of all columns so far; `changed`: how many rows a statement without a result has changed."""

    received = 0
    changed = 0

    def _stream_fetchone_gen(self: Any, first: bool) -> Any:
        result = yield from fetch(self._pgconn)
        if result is not None and result.status == ExecStatus.COMMAND_OK:
            self.changed = result.command_tuples or 0
            while result is not None:
                result = yield from fetch(self._pgconn)
            return None
        if result is not None and result.status == ExecStatus.SINGLE_TUPLE:
            self.received += sum(len(result.get_value(0, column) or b"") for column in range(result.nfields))
        return (yield from self._streamed(result, first))

    def _streamed(self: Any, result: Any, first: bool) -> Any:
        """What the cursor itself would make of a result."""
        if result is None:
            return None
        if result.status == ExecStatus.SINGLE_TUPLE:
            self.pgresult = result
            self._tx.set_pgresult(result, set_loaders=first)
            if first:
                self._make_row = self._make_row_maker()
            return result
        if result.status == ExecStatus.TUPLES_OK:
            self.pgresult = self.pgresult or result  # no row at all has columns too
            while result is not None:
                result = yield from fetch(self._pgconn)
            return None
        return self._raise_for_result(result)


class NumberedRows(_Rows, AsyncRawCursor[Any]):
    """Values are $1, $2, …"""


class NamedRows(_Rows, AsyncCursor[Any]):
    """Values are %(name)s."""
