"""What a driver's exception means to a caller: bad input is 4xx, an absent server is 503, and only the rest is ours.

SQLAlchemy's exceptions are known by what they carry: the webhook's function answers without loading that library.
"""

from __future__ import annotations

import psycopg

from chalicelib.core.errors import Conflict, MillraceError, Unavailable, ValidationFailed

# Serialization failure, deadlock: the transaction may simply run again.
RERUN = frozenset({"40001", "40P01"})


def driver_error(error: BaseException) -> BaseException:
    """psycopg's exception inside SQLAlchemy's."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, psycopg.Error) else error


def sqlstate(error: BaseException) -> str:
    """The five characters, empty when the server gave none."""
    return getattr(driver_error(error), "sqlstate", None) or ""


def connection_lost(error: BaseException) -> bool:
    """Whether the connection broke, so that nothing uncommitted can have stayed."""
    inner = driver_error(error)
    if not isinstance(inner, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = sqlstate(error)
    return not state or state[:2] == "08" or state in ("57P01", "57P02", "57P03")


def translate(error: BaseException) -> MillraceError | None:
    """The error of our tree that says the same, or None when the fault is ours."""
    inner = driver_error(error)
    state = sqlstate(error)
    if connection_lost(error) or state[:2] in ("53", "57", "40", "55"):
        return Unavailable("the database does not answer in time; try again")
    if isinstance(inner, psycopg.DataError) or state[:2] == "22":
        return ValidationFailed(
            [{"path": "", "code": "invalid_value", "message": "a value cannot be stored as it is (NUL or out of range)"}]
        )
    if isinstance(inner, UnicodeEncodeError) and inner.reason == "surrogates not allowed":
        return ValidationFailed(
            [{"path": "", "code": "invalid_text", "message": "a text holds a lone surrogate, which is not Unicode text"}]
        )
    if state in ("23503", "23505"):
        return Conflict("another request changed the same thing at the same moment; read it again and repeat yours")
    return None
