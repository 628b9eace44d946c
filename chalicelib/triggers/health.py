"""A trigger that breaks after it was saved is `unhealthy`, with the reason, until it works again. Each change is kept as a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from chalicelib.core.hot import Execute, hot_execute
from chalicelib.core.logging import logger

MAX_REASON = 500

_NOTE = """
UPDATE triggers SET unhealthy_reason = %(reason)s
WHERE id = %(id)s AND revision = %(revision)s AND unhealthy_reason IS DISTINCT FROM %(reason)s::text
"""
_CHANGES = """
SELECT at, state, reason FROM trigger_health WHERE trigger_id = %(trigger_id)s ORDER BY id DESC LIMIT %(limit)s
"""


def note_health(row: Mapping[str, Any], reason: str | None) -> None:
    """Note why a trigger does not work, or (None) that it does, in a transaction of its own. Only what was true of this revision is noted.

    It never fails what it is told of. The rows of `trigger_health` are written by the database itself, whoever changes the reason.
    """
    if row["unhealthy_reason"] == reason:
        return
    try:
        hot_execute(
            _NOTE, {"id": row["id"], "revision": row["revision"], "reason": None if reason is None else printable(reason)}
        )
    except psycopg.Error as error:
        logger("triggers").warning(
            "a trigger's health is not noted", extra={"trigger_id": row["id"], "error": type(error).__name__}
        )


def health_changes(execute: Execute, trigger_id: str, limit: int = 50) -> Sequence[Mapping[str, Any]]:
    """When the trigger became unhealthy and healthy again: {at, state, reason}, newest first."""
    return execute(_CHANGES, {"trigger_id": trigger_id, "limit": limit})


def printable(text: str) -> str:
    """A reason any TEXT column and any page can hold."""
    return text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")[:MAX_REASON]
