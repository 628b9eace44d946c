"""What is behind a trigger's path, remembered per process. Nothing starts on a stale memory: the insert checks the trigger's revision and the live version."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import row, transaction
from chalicelib.core.jsontext import loads
from chalicelib.credentials.keys import SealFailed
from chalicelib.triggers.schemas import input_schema_of
from chalicelib.triggers.sealed_auth import closed, opened

MAX_REMEMBERED = 5_000

_DOOR = """
SELECT t.*, w.enabled AS workflow_enabled, v.definition_id, v.version FROM triggers t JOIN workflows w ON w.id = t.workflow_id
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version
WHERE t.type = 'api' AND
"""


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
    with transaction() as connection:
        door = _door(connection, row(connection, f"{_DOOR} t.path = %(key)s", {"key": path}))
    with _lock:
        if door is None:
            _doors.pop(path, None)
            return None
        if len(_doors) >= MAX_REMEMBERED:
            _doors.clear()
        _doors[path] = door
    return door


def door_of(connection: Connection, trigger_id: str) -> Door | None:
    """What the database says now of a trigger by its id; None for one that is no `api` trigger."""
    return _door(connection, row(connection, f"{_DOOR} t.id = %(key)s", {"key": trigger_id}))


def _door(connection: Connection, found: Mapping[str, Any] | None) -> Door | None:
    if found is None:
        return None
    schema = input_schema_of(connection, found["definition_id"]) if found["definition_id"] else None
    config = loads(found["config"])
    try:
        return Door(dict(found), opened(config, found["workspace_id"], found["id"]), schema)
    except SealFailed as error:
        return Door(dict(found), closed(config), schema, f"the trigger's secret cannot be opened: {error.detail}")
