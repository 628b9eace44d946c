"""Triggers of all types: made, read, changed, deleted, and shown without their secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.config import settings
from chalicelib.core.errors import Conflict, NotFound, ValidationFailed
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.core.kafka import off_reason
from chalicelib.credentials.keys import SealFailed
from chalicelib.definitions.complaints import complaints
from chalicelib.registry.catalogue import trigger_types
from chalicelib.triggers import presets, repository
from chalicelib.triggers import secrets as auth_kinds
from chalicelib.triggers.kafka_readers import lag_of
from chalicelib.triggers.mapping import mapping_problems
from chalicelib.triggers.sealed_auth import closed, opened, with_sealed
from chalicelib.triggers.types import api, kafka, schedule
from chalicelib.triggers.types import workflow as workflow_type

Row = Mapping[str, Any]
OPEN_NOTICE = "Anyone who knows the URL can start this workflow; set `auth` to ask for a key or a signature."


def _api_columns(config: Any, trigger_id: str, created_at: datetime, now: datetime) -> dict[str, Any]:
    return {"path": config.path}


def _kafka_columns(config: Any, trigger_id: str, created_at: datetime, now: datetime) -> dict[str, Any]:
    return {"topic": config.topic}


def _schedule_columns(config: Any, trigger_id: str, created_at: datetime, now: datetime) -> dict[str, Any]:
    delay = schedule.delay_of(config, trigger_id)
    first = schedule.first_fire(config, created_at, now)
    return {"planned_through": now + delay, "next_fire_at": None if first is None else first + delay}


# What each type keeps in columns of its own beside its config.
_COLUMNS: Mapping[str, Callable[[Any, str, datetime, datetime], dict[str, Any]]] = {
    "api": _api_columns,
    "kafka": _kafka_columns,
    "schedule": _schedule_columns,
    "workflow": lambda config, trigger_id, created_at, now: {},
}
_SECRET_MISSING = {
    "path": "/config/auth/secret",
    "code": "missing",
    "message": "this kind of auth needs a secret; it is never shown again",
}
_NO_COLUMNS = {"path": None, "topic": None, "source_workflow_id": None, "planned_through": None, "next_fire_at": None}


def create(
    connection: Connection,
    workspace_id: str,
    *,
    workflow_id: str,
    type: str,
    config: Any,
    enabled: bool = True,
    mapping: Any = None,
    secrets_required: bool = True,
    preset: str | None = None,
) -> Row:
    """Make a trigger, begun with a preset if one is named. Raises NotFound (no such workflow), ValidationFailed with every problem, Conflict `trigger_path_taken`."""
    if preset is not None:
        config, mapping = presets.applied(connection, workspace_id, preset, type, config, mapping)
    parsed = _parse(type, config, mapping, secrets_required)
    if not is_id(workflow_id, "wf") or not repository.workflow_exists(connection, workspace_id, workflow_id):
        raise NotFound("there is no workflow of this id")
    if isinstance(parsed, api.ApiConfig) and parsed.path is None:
        parsed = parsed.model_copy(update={"path": api.random_path()})
    now, trigger_id = repository.database_now(connection), new_id("trg")
    values = {
        **_NO_COLUMNS,
        **_COLUMNS[type](parsed, trigger_id, now, now),
        **_source(connection, workspace_id, parsed),
        "id": trigger_id,
        "workspace_id": workspace_id,
        "workflow_id": workflow_id,
        "type": type,
        "config": _config_text(parsed, workspace_id, trigger_id),
        "input": None if mapping is None else dumps(mapping),
        "enabled": enabled,
        "created_at": now,
    }
    if not repository.insert(connection, values):
        raise _path_taken(values["path"])
    return get(connection, workspace_id, values["id"])


def _parse(type: str, config: Any, mapping: Any, secrets_required: bool) -> BaseModel:
    problems = [{**problem, "path": "/input" + problem["path"]} for problem in mapping_problems(mapping)]
    spec = trigger_types().get(type)
    if spec is None:
        known = ", ".join(sorted(trigger_types()))
        raise ValidationFailed([{"path": "/type", "code": "unknown_trigger_type", "message": f"the types are {known}"}, *problems])
    try:
        parsed = spec.config_model.model_validate(config)
    except ValidationError as error:
        raise ValidationFailed(complaints(error, "/config", auth_kinds.AUTH_KINDS) + problems) from None
    if secrets_required and _secret_missing(parsed):
        problems.insert(0, _SECRET_MISSING)
    if problems:
        raise ValidationFailed(problems)
    return parsed


def _source(connection: Connection, workspace_id: str, config: BaseModel) -> dict[str, Any]:
    """The workflow that a `workflow` trigger listens to, as a column. Raises ValidationFailed when there is none of that name."""
    if not isinstance(config, workflow_type.WorkflowConfig):
        return {}
    source = repository.workflow_by_name(connection, workspace_id, config.workflow)
    if source is None:
        message = f"there is no workflow with the slug or id {config.workflow!r}"
        raise ValidationFailed([{"path": "/config/workflow", "code": "unknown_workflow", "message": message}])
    return {"source_workflow_id": source}


def _secret_missing(config: BaseModel) -> bool:
    return isinstance(config, api.ApiConfig) and auth_kinds.needs_secret(config.auth.model_dump())


def _config_text(config: BaseModel, workspace_id: str, trigger_id: str) -> str:
    return dumps(with_sealed(config.model_dump(mode="json", exclude_none=True), workspace_id, trigger_id))


def get(connection: Connection, workspace_id: str, trigger_id: str, *, lock: bool = False) -> Row:
    """One trigger. Raises NotFound."""
    found = repository.by_id(connection, workspace_id, trigger_id, lock=lock) if is_id(trigger_id, "trg") else None
    if found is None:
        raise NotFound("there is no trigger of this id")
    return found


def list_page(
    connection: Connection,
    workspace_id: str,
    after: str | None,
    limit: int,
    *,
    workflow_id: str | None = None,
    type: str | None = None,
) -> Sequence[Row]:
    """Triggers, newest first; one more than `limit` when there are more."""
    return repository.page(connection, workspace_id, after, limit + 1, workflow_id, type)


def patch(connection: Connection, workspace_id: str, trigger_id: str, fields: Row) -> Row:
    """Replace the fields given: `config`, `enabled`, `input`. A new config without path or secret keeps those it had.

    Raises NotFound, ValidationFailed, Conflict `trigger_path_taken`.
    """
    current = get(connection, workspace_id, trigger_id, lock=True)
    mapping = fields["input"] if "input" in fields else (loads(current["input"]) if current["input"] is not None else None)
    stored = loads(current["config"])
    config = _keep_unsaid(fields["config"], _opened(stored, workspace_id, trigger_id)) if "config" in fields else closed(stored)
    enabled = fields.get("enabled", current["enabled"])
    parsed = _parse(current["type"], config, mapping, secrets_required="config" in fields)
    if enabled and "config" not in fields and needs_secret(current):
        raise ValidationFailed([_SECRET_MISSING])
    if (
        isinstance(parsed, api.ApiConfig)
        and parsed.path != current["path"]
        and repository.path_taken(connection, str(parsed.path), trigger_id)
    ):
        raise _path_taken(parsed.path)
    anew = "config" in fields or fields.get("enabled") is True  # somebody has looked: it may try again
    columns = {name: current[name] for name in _NO_COLUMNS}
    if "config" in fields or (
        enabled and not current["enabled"]
    ):  # a schedule begins anew; what it missed while disabled stays missed
        columns |= _COLUMNS[current["type"]](parsed, trigger_id, current["created_at"], repository.database_now(connection))
    if "config" in fields:
        columns |= _source(connection, workspace_id, parsed)
    values = {
        **columns,
        "id": trigger_id,
        "workspace_id": workspace_id,
        "config": _config_text(parsed, workspace_id, trigger_id) if "config" in fields else current["config"],
        "input": None if mapping is None else dumps(mapping),
        "enabled": enabled,
        "unhealthy_reason": None if anew else current["unhealthy_reason"],
        "paused_at": None if anew else current["paused_at"],
    }
    repository.update(connection, values)
    return get(connection, workspace_id, trigger_id)


def _opened(stored: Mapping[str, Any], workspace_id: str, trigger_id: str) -> dict[str, Any]:
    """The stored config with its secrets; without them when they cannot be opened any more, so that new ones can be given."""
    try:
        return opened(stored, workspace_id, trigger_id)
    except SealFailed:
        return closed(stored)


def _keep_unsaid(config: Any, stored: Mapping[str, Any]) -> Any:
    """A new API config keeps the path, and the secrets of the same kind of auth, unless it gives others."""
    if not isinstance(config, dict) or "path" not in stored:
        return config
    merged = {**config, "path": config.get("path") or stored["path"]}
    auth, before = config.get("auth"), stored["auth"]
    if isinstance(auth, dict) and auth.get("type") == before["type"]:
        kept = {name: before[name] for name in auth_kinds.SECRET_FIELDS if name in before and "secret" not in auth}
        merged["auth"] = {**kept, **{name: value for name, value in auth.items() if name != "has_secret"}}
    return merged


def _path_taken(path: str | None) -> Conflict:
    return Conflict(f"another trigger has the path {path!r} already; choose another", code="trigger_path_taken")


def delete(connection: Connection, workspace_id: str, trigger_id: str) -> None:
    """Delete a trigger; what it started goes on. Raises NotFound."""
    if not is_id(trigger_id, "trg") or not repository.delete(connection, workspace_id, trigger_id):
        raise NotFound("there is no trigger of this id")


def show(row: Row, lags: Mapping[tuple[str, str], int] | None = None) -> dict[str, Any]:
    """A trigger as the API answers it. `lags`: what `kafka_readers` says of consumer groups, where it was asked."""
    config = loads(row["config"])
    state, reason = _state(row)
    shown = {
        "id": row["id"],
        "workflow_id": row["workflow_id"],
        "type": row["type"],
        "config": _shown_config(row, config),
        "input": None if row["input"] is None else loads(row["input"]),
        "enabled": row["enabled"],
        "url": f"{settings().base_url}/api/trigger/{row['path']}" if row["path"] else None,
        "state": state,
        "reason": reason,
        "notices": [OPEN_NOTICE] if config.get("auth", {}).get("type") == "open" else [],
        "last_fired_at": to_text(row["last_fired_at"]),
        "next_fire_at": to_text(row["next_fire_at"]) if row["enabled"] else None,
        "created_at": to_text(row["created_at"]),
        "updated_at": to_text(row["updated_at"]),
    }
    if row["type"] != "kafka":
        return shown
    more = {"skipped_records": row["skipped_records"], "paused_at": to_text(row["paused_at"])}
    return shown | more | {"lag": None if lags is None else lag_of(lags, shown["config"]["group"], row["topic"])}


def _shown_config(row: Row, config: dict[str, Any]) -> dict[str, Any]:
    if row["type"] == "api":
        return {**config, "auth": auth_kinds.without_secrets(config["auth"])}
    if row["type"] == "kafka":
        return {**config, "group": kafka.group_of(row["id"], kafka.KafkaConfig.model_validate(config))}
    return config


def needs_secret(row: Row) -> bool:
    """Whether a stored trigger cannot tell friend from foe, because its secret was never given here; it then refuses every call."""
    return auth_kinds.needs_secret(loads(row["config"]).get("auth", {}))


def _state(row: Row) -> tuple[str, str | None]:
    if not row["enabled"]:
        return "inactive", "trigger_disabled"
    if not row["workflow_enabled"]:
        return "inactive", "workflow_disabled"
    if row["live_version"] is None:
        return "inactive", "workflow_not_published"
    if row["type"] == "schedule" and row["next_fire_at"] is None:
        return "inactive", "schedule_ended"
    if needs_secret(row):
        return "unhealthy", "secret_missing"
    if row["type"] == "workflow" and row["source_workflow_id"] is None:
        return "unhealthy", "the workflow it listens to was deleted"
    if row["paused_at"] is not None:
        return "unhealthy", row["unhealthy_reason"] or "paused"
    if row["type"] == "kafka" and (off := off_reason(settings())) is not None:
        return "unhealthy", off
    return ("unhealthy", row["unhealthy_reason"]) if row["unhealthy_reason"] else ("active", None)
