"""/triggers: what starts workflows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.paging import listing, read_limit, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content, ui_url
from chalicelib.core.clock import to_text
from chalicelib.core.db import executor
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import EDITOR, OPERATOR, VIEWER
from chalicelib.scheduler.service import occurrences
from chalicelib.triggers import captures, deliveries, service
from chalicelib.triggers.health import health_changes
from chalicelib.triggers.kafka_readers import reading

routes = Routes("triggers")


class TriggerCreate(Model):
    """A new trigger; `config` depends on the type, see /registry/triggers."""

    workflow_id: str
    type: str
    config: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    input: Any = Field(None, description="A mapping (JSON with expressions over `input` and `trigger`) that replaces the input.")
    preset: str | None = Field(None, max_length=100, description="Name or id of a preset to begin with; what is given here goes before it.")


class TriggerPatch(Model):
    """The fields to replace. A config that names no path or secret keeps those it had; `input: null` removes the mapping."""

    config: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    input: Any = None


class Trigger(Answer):
    """A trigger, without its secrets."""

    id: str
    workflow_id: str
    type: Literal["api", "schedule", "kafka", "workflow"]
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


class TriggerDelivery(Answer):
    """What came in and what became of it. `request` is there when one delivery is read, unless nothing was kept."""

    id: str
    received_at: str
    method: str
    outcome: Literal["started", "duplicate", "debounced", "refused"]
    status: int
    code: str | None
    detail: str | None
    execution_id: str | None
    replay_of: str | None
    body_bytes: int
    times: int
    replayable: bool


class HealthChange(Answer):
    """When a trigger became unhealthy, and why, or was well again."""

    at: str
    state: Literal["unhealthy", "healthy"]
    reason: str | None


class Replayed(Answer):
    """The execution that a replay started."""

    execution_id: str
    status: str
    duplicate: bool
    ui_url: str


class TestWish(Model):
    """Whether the request that is caught also runs the draft."""

    run: bool = True


class TriggerTest(Answer):
    """A test URL and what it caught: {trigger, body, input}. `url` is there only when it was made."""

    id: str
    state: Literal["listening", "captured", "expired"]
    run: bool
    created_at: str
    expires_at: str
    captured_at: str | None
    captured: dict[str, Any] | None
    problem: str | None
    execution_id: str | None


@routes.route("POST", "/triggers", role=EDITOR, body=TriggerCreate, answer=Trigger, status=201)
def create_trigger(call: Call) -> Reply:
    """Create a trigger: `api` (an HTTP path), `schedule` (cron, interval or once), `kafka` (a topic) or `workflow` (the end of another's executions). Without a path an `api` trigger gets a random one."""
    body = call.body
    row = service.create(
        call.connection,
        call.workspace_id,
        workflow_id=body.workflow_id,
        type=body.type,
        config=body.config,
        enabled=body.enabled,
        mapping=body.input,
        preset=body.preset,
    )
    return created(service.show(row), f"/triggers/{row['id']}")


@routes.route(
    "GET",
    "/triggers",
    role=VIEWER,
    answer=Trigger,
    listing=True,
    query={"workflow_id": {"type": "string"}, "type": {"type": "string", "enum": ["api", "schedule", "kafka", "workflow"]}},
)
def list_triggers(call: Call) -> Reply:
    """List triggers, newest first."""
    page = read_page(call.request, "triggers")
    workflow_id, kind = call.request.first("workflow_id"), call.request.first("type")
    rows = service.list_page(call.connection, call.workspace_id, page.after, page.limit, workflow_id=workflow_id, type=kind)
    return json_reply(listing(rows, page, "triggers", lambda row: row["id"], service.show))


@routes.route("GET", "/triggers/{id}", role=VIEWER, answer=Trigger)
def get_trigger(call: Call, id: str) -> Reply:
    """Read a trigger: whether it is active, why not, when it last fired and when it fires next; of a Kafka trigger also how many records it is behind."""
    row = service.get(call.connection, call.workspace_id, id)
    return json_reply(service.show(row, reading(call.connection).lags if row["type"] == "kafka" else None))


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


@routes.route("GET", "/triggers/{id}/health", role=VIEWER, answer=HealthChange, listing=True)
def list_health_changes(call: Call, id: str) -> Reply:
    """When the trigger became unhealthy, and why, and when it worked again; the newest 50."""
    row = service.get(call.connection, call.workspace_id, id)
    changes = health_changes(executor(call.connection), row["id"])
    return json_reply({"items": [{**change, "at": to_text(change["at"])} for change in changes], "next_cursor": None})


@routes.route(
    "GET",
    "/triggers/{id}/deliveries",
    role=VIEWER,
    answer=TriggerDelivery,
    listing=True,
    query={"outcome": {"type": "string", "enum": ["started", "duplicate", "debounced", "refused"]}},
)
def list_deliveries(call: Call, id: str) -> Reply:
    """What came in at an `api` trigger within a week and what became of it, newest first."""
    page = read_page(call.request, "deliveries")
    row = service.get(call.connection, call.workspace_id, id)
    rows = deliveries.list_page(call.connection, row, page.after, page.limit, call.request.first("outcome"))
    return json_reply(listing(rows, page, "deliveries", lambda line: line["id"], deliveries.show))


@routes.route("GET", "/triggers/{id}/deliveries/{delivery_id}", role=VIEWER, answer=TriggerDelivery)
def get_delivery(call: Call, id: str, delivery_id: str) -> Reply:
    """Read one delivery with its request, as far as it was kept: never credentials or signatures."""
    row = service.get(call.connection, call.workspace_id, id)
    return json_reply(deliveries.show(deliveries.get(call.connection, row, delivery_id)))


@routes.route(
    "POST",
    "/triggers/{id}/deliveries/{delivery_id}/replay",
    starts=True,
    role=OPERATOR,
    body=Model,
    body_optional=True,
    answer=Replayed,
    status=202,
)
def replay_delivery(call: Call, id: str, delivery_id: str) -> Reply:
    """Start a new execution of what a delivery brought, with the trigger's mapping and the live version of now."""
    row = service.get(call.connection, call.workspace_id, id)
    execution_id = deliveries.replay(call.connection, row, delivery_id)
    call.after_commit.append(wake)
    answer = {"execution_id": execution_id, "status": "queued", "duplicate": False, "ui_url": ui_url(execution_id)}
    return json_reply(answer, 202, {"Millrace-Execution-Id": execution_id})


@routes.route("POST", "/triggers/{id}/test", role=EDITOR, body=TestWish, body_optional=True, answer=TriggerTest, status=201)
def open_test(call: Call, id: str) -> Reply:
    """Make a URL that catches one request within 15 minutes, for the builder; `run` (the default) also runs the draft with it. The URL is shown once."""
    row = service.get(call.connection, call.workspace_id, id)
    return created(captures.open_test(call.connection, row, run=call.body.run), f"/triggers/{id}/test")


@routes.route("GET", "/triggers/{id}/test", role=EDITOR, answer=TriggerTest)
def get_test(call: Call, id: str) -> Reply:
    """The newest test URL's state (listening, captured, expired) and what it caught."""
    return json_reply(captures.newest_test(call.connection, service.get(call.connection, call.workspace_id, id)))
