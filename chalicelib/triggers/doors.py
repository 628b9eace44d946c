"""What is behind a trigger's path, remembered per process. Nothing starts on a stale memory: the insert checks the trigger's revision and the live version."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from chalicelib.core.config import settings
from chalicelib.core.errors import Unavailable
from chalicelib.core.hot import Execute, connected, hot_execute
from chalicelib.core.jsontext import loads
from chalicelib.triggers.schemas import input_schema_of
from chalicelib.triggers.secrets import SEALED

MAX_REMEMBERED = 5_000

# Columns by name: the server keeps this statement prepared, and refuses it once `*` means something else.
_DOOR = """
SELECT t.id, t.workspace_id, t.workflow_id, t.config, t.input, t.enabled, t.revision, t.unhealthy_reason, w.enabled AS workflow_enabled, v.definition_id, v.version FROM triggers t JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.type = 'api' AND
"""
# In the order in which a workflow that is deleted takes its triggers with it.
_HOLD_WORKFLOW = """
SELECT FROM workflows WHERE id = (SELECT workflow_id FROM triggers WHERE type = 'api' AND path = %(path)s) FOR SHARE
"""
_HOLD_TRIGGER = "SELECT FROM triggers WHERE type = 'api' AND path = %(path)s FOR SHARE"


@dataclass(frozen=True, slots=True)
class Door:
    """An `api` trigger with its config read and the live version's `input_schema`."""

    row: Mapping[str, Any]
    config: Mapping[str, Any]
    input_schema: Any
    problem: str | None = None  # why its secrets cannot be opened

    @property
    def closed(self) -> str | None:
        """Why nothing can start now, as a verdict of `start_executions`; None when it can."""
        if not self.row["workflow_enabled"]:
            return "workflow_disabled"
        if not self.row["enabled"]:
            return "trigger_disabled"
        return None if self.row["definition_id"] else "workflow_not_published"


_doors: dict[str, Door] = {}
_lock = threading.Lock()


def remembered_door(path: str) -> Door | None:
    """What this process last read, perhaps stale."""
    return _doors.get(path)


def forget_door(path: str) -> None:
    """The next delivery reads it anew."""
    _doors.pop(path, None)


def read_door(path: str) -> Door | None:
    """What the database says now; None when no trigger has this path. Raises Unavailable without a database."""
    try:
        door = _door(hot_execute, hot_execute(f"{_DOOR} t.path = %(key)s", {"key": path}))
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; the request changed nothing, try again") from error
    with _lock:
        if door is None:
            _doors.pop(path, None)
            return None
        if len(_doors) >= MAX_REMEMBERED:
            _doors.clear()
        _doors[path] = door
    return door


@contextmanager
def held_door(path: str) -> Iterator[None]:
    """Until the end of the block nobody changes the trigger at this path, nor its workflow. The lock is that of a connection of its own: within the block other connections
    may start executions, and must not write to either row. Raises Unavailable without a database."""
    try:
        connection = connected(settings().require_database_url(), autocommit=False)
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; the request changed nothing, try again") from error
    try:
        for statement in (_HOLD_WORKFLOW, _HOLD_TRIGGER):
            try:
                connection.execute(statement, {"path": path})
            except psycopg.Error as error:
                raise Unavailable("the trigger is being changed; the request changed nothing, try again") from error
        yield
    finally:
        connection.close()


def door_of(execute: Execute, trigger_id: str) -> Door | None:
    """What the database says now of a trigger by its id; None for one that is no `api` trigger."""
    return _door(execute, execute(f"{_DOOR} t.id = %(key)s", {"key": trigger_id}))


def _door(execute: Execute, rows: Sequence[Mapping[str, Any]]) -> Door | None:
    if not rows:
        return None
    found = dict(rows[0])
    schema = input_schema_of(execute, found["definition_id"]) if found["definition_id"] else None
    config = loads(found["config"])
    if SEALED not in config["auth"]:
        return Door(found, config, schema)
    from chalicelib.credentials.keys import SealFailed  # here, for only such a door needs the library for ciphers
    from chalicelib.triggers.sealed_auth import closed, opened

    try:
        return Door(found, opened(config, found["workspace_id"], found["id"]), schema)
    except SealFailed as error:
        return Door(found, closed(config), schema, f"the trigger's secret cannot be opened: {error.detail}")
