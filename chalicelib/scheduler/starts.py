"""From a planned instant to the wish that starts its execution; what both the firing of what is due and of what was queued need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import loads
from chalicelib.engine.starts import StartRow
from chalicelib.scheduler import repository
from chalicelib.triggers.mapping import prepare_input
from chalicelib.triggers.types.schedule import ScheduleConfig

BODIES_AT_ONCE = 50
_SCHEMAS_KEPT = 512

# Input schemas of definitions, by definition id. Definitions never change, so an entry is never wrong.
_schemas: dict[str, Any] = {}


def blocked(row: Mapping[str, Any]) -> str | None:
    """Why nothing of this trigger may start now; None when it may."""
    if not row["enabled"]:
        return "trigger_disabled"
    if not row["workflow_enabled"]:
        return "workflow_disabled"
    return None if row["definition_id"] else "workflow_not_published"


def start_row(row: Mapping[str, Any], config: ScheduleConfig, planned_at: datetime, input_schema: Any) -> StartRow:
    """The wish for one instant, its start key being that instant. Raises MillraceError when the mapping or the input schema refuses."""
    context = {"type": "schedule", "id": row["id"], "planned_at": to_text(planned_at)}
    return StartRow(
        execution_id=new_id("exe"),
        workspace_id=row["workspace_id"],
        workflow_id=row["workflow_id"],
        trigger_id=row["id"],
        trigger_revision=row["revision"],
        definition_id=row["definition_id"],
        version=row["version"],
        trigger=context,
        input=prepare_input(
            row, config.raw_input, context, input_schema, now=row["now"], seed=f"{row['id']}:{context['planned_at']}"
        ),
        key=to_text(planned_at),
    )


def input_schemas(connection: Connection, ids: list[str]) -> Mapping[str, Any]:
    """The `input_schema` (or None) of each definition, read once per process."""
    wanted = set(ids)
    found = {known: _schemas[known] for known in wanted if known in _schemas}
    unknown = sorted(wanted - found.keys())
    for begin in range(0, len(unknown), BODIES_AT_ONCE):
        for definition_id, body in repository.definition_bodies(connection, unknown[begin : begin + BODIES_AT_ONCE]).items():
            found[definition_id] = loads(body).get("input_schema")
            _remember_schema(definition_id, found[definition_id])
    return found


def _remember_schema(definition_id: str, input_schema: Any) -> None:
    if len(_schemas) >= _SCHEMAS_KEPT:
        _schemas.pop(next(iter(_schemas)), None)
    _schemas[definition_id] = input_schema
