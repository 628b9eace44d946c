"""/triggers: what starts workflows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.paging import listing, read_limit, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.identity.roles import EDITOR, VIEWER
from chalicelib.scheduler.service import occurrences
from chalicelib.triggers import service

routes = Routes("triggers")


class TriggerCreate(Model):
    """A new trigger; `config` depends on the type, see /registry/triggers."""

    workflow_id: str
    type: str
    config: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    input: Any = Field(None, description="A mapping (JSON with expressions over `input` and `trigger`) that replaces the input.")


class TriggerPatch(Model):
    """The fields to replace. A config that names no path or secret keeps those it had; `input: null` removes the mapping."""

    config: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    input: Any = None


class Trigger(Answer):
    """A trigger, without its secrets."""

    id: str
    workflow_id: str
    type: Literal["api", "schedule", "kafka"]
    config: dict[str, Any]
    input: Any
    enabled: bool
    url: str | None
    state: Literal["active", "inactive", "unhealthy"]
    reason: str | None
    notices: list[str]
    last_fired_at: str | None
    next_fire_at: str | None
    created_at: str
    updated_at: str


class Occurrence(Answer):
    """A planned instant and its fate."""

    planned_at: str
    outcome: Literal["fired", "late", "skipped", "pending"]
    reason: str | None
    execution_id: str | None


class Occurrences(Answer):
    """The ledger of a schedule, newest first, and what it plans next."""

    items: list[Occurrence]
    next_cursor: str | None
    upcoming: list[str]


@routes.route("POST", "/triggers", role=EDITOR, body=TriggerCreate, answer=Trigger, status=201)
def create_trigger(call: Call) -> Reply:
    """Create a trigger: `api` (an HTTP path), `schedule` (cron, interval or once) or `kafka` (a topic). Without a path an `api` trigger gets a random one."""
    body = call.body
    row = service.create(
        call.connection,
        call.workspace_id,
        workflow_id=body.workflow_id,
        type=body.type,
        config=body.config,
        enabled=body.enabled,
        mapping=body.input,
    )
    return created(service.show(row), f"/triggers/{row['id']}")


@routes.route(
    "GET",
    "/triggers",
    role=VIEWER,
    answer=Trigger,
    listing=True,
    query={"workflow_id": {"type": "string"}, "type": {"type": "string", "enum": ["api", "schedule", "kafka"]}},
)
def list_triggers(call: Call) -> Reply:
    """List triggers, newest first."""
    page = read_page(call.request, "triggers")
    workflow_id, kind = call.request.first("workflow_id"), call.request.first("type")
    rows = service.list_page(call.connection, call.workspace_id, page.after, page.limit, workflow_id=workflow_id, type=kind)
    return json_reply(listing(rows, page, "triggers", lambda row: row["id"], service.show))


@routes.route("GET", "/triggers/{id}", role=VIEWER, answer=Trigger)
def get_trigger(call: Call, id: str) -> Reply:
    """Read a trigger: whether it is active, why not, when it last fired and when it fires next."""
    return json_reply(service.show(service.get(call.connection, call.workspace_id, id)))


@routes.route("PATCH", "/triggers/{id}", role=EDITOR, body=TriggerPatch, answer=Trigger)
def patch_trigger(call: Call, id: str) -> Reply:
    """Replace the fields given. It takes effect at once: nothing starts on the old configuration afterwards."""
    fields = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return json_reply(service.show(service.patch(call.connection, call.workspace_id, id, fields)))


@routes.route("DELETE", "/triggers/{id}", role=EDITOR, status=204)
def delete_trigger(call: Call, id: str) -> Reply:
    """Delete a trigger. What it started goes on."""
    service.delete(call.connection, call.workspace_id, id)
    return no_content()


@routes.route("GET", "/triggers/{id}/occurrences", role=VIEWER, answer=Occurrences, listing=True)
def list_occurrences(call: Call, id: str) -> Reply:
    """The ledger of a schedule: each planned instant and what became of it, newest first, and the next 20 in `upcoming`."""
    limit = read_limit(call.request)
    row = service.get(call.connection, call.workspace_id, id)
    return json_reply(occurrences(call.connection, row, limit, call.request.first("cursor")))
