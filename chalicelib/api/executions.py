"""/executions and what starts one by hand: read, follow, cancel, wake."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api import execution_filter
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Text
from chalicelib.api.paging import integer, listing, read_page
from chalicelib.api.replies import Reply, json_reply, ui_url
from chalicelib.api.streams import EventStream
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR, VIEWER
from chalicelib.workflows import executions as service

routes = Routes("executions")

MAX_SEQ = 2**31 - 1


class ExecutionStart(Model):
    """What to run."""

    input: Any = Field(default_factory=dict, description="The execution's input, checked against the workflow's input_schema.")
    version: int | Literal["draft"] | None = Field(None, description="A version's number, or `draft`; without it the live version.")
    until: str | None = Field(
        None,
        max_length=63,
        description="With the draft: run this node and what leads to it, nothing else. Nodes with an output pinned in the draft have that output and do not run.",
    )
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=255)] | None = None


class Started(Answer):
    """An execution that was accepted."""

    id: str
    status: str
    duplicate: bool
    ui_url: str


class PinnedDefinition(Answer):
    """What an execution runs: its version's, or the draft as it was when the execution started."""

    definition: dict[str, Any]


class ConsoleLine(Answer):
    """Something that a node's code printed; `level` is log, info, debug, warning or error."""

    level: str
    text: str


class NodeRun(Answer):
    """One attempt of one node."""

    node_id: str
    type: str
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
    iteration: str | None
    attempt: int
    input: Any
    output: Any
    error: dict[str, Any] | None
    started_at: str | None
    finished_at: str | None
    console: list[ConsoleLine] | None = None


class ExecutionSummary(Answer):
    """An execution in a list, without payloads."""

    id: str
    workflow_id: str
    version: int | Literal["draft"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    trigger: dict[str, Any]
    error: dict[str, Any] | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    wake_at: str | None
    retry_of: str | None
    parent_id: str | None


class ExecutionCount(Answer):
    """How many. `more`: there are over ten thousand, and these are the newest of them. `node_runs`: of the node the filter names, null when it names none."""

    executions: int
    node_runs: int | None
    more: bool


class Move(Answer):
    """That it went on with another version from then on."""

    at: str
    from_version: int | Literal["draft"] = Field(alias="from")
    to: int
    by: str


class Execution(ExecutionSummary):
    """An execution with everything that happened in it."""

    input: Any
    output: Any
    nodes: list[NodeRun]
    moves: list[Move]
    more_nodes: bool


class Event(Answer):
    """Something that happened."""

    seq: int
    at: str
    type: str
    status: str


class Events(Answer):
    """What happened after `after`, in order."""

    items: list[Event]
    next_cursor: str | None


class Accepted(Answer):
    """The request was taken; what comes of it shows in the execution."""

    id: str
    status: str


@routes.route(
    "POST", "/workflows/{id}/executions", audited=False, starts=True, role=OPERATOR, body=ExecutionStart, body_optional=True, answer=Started, status=202
)
def start_execution(call: Call, id: str) -> Reply:
    """Run a workflow: its live version, another version, or the draft as it is now (whose effects are real). With an `idempotency_key` a second
    request with the same input starts nothing and is answered with the first execution."""
    body = call.body
    started = service.start(
        call.connection, call.workspace_id, id, input=body.input, version=body.version, until=body.until, key=body.idempotency_key
    )
    call.after_commit.append(wake)
    answer = {"id": started.id, "status": started.status, "duplicate": started.duplicate, "ui_url": ui_url(started.id)}
    location = f"{call.request.root}/executions/{started.id}"
    return json_reply(answer, 202, {"Location": location, "Millrace-Execution-Id": started.id})


@routes.route(
    "GET",
    "/executions",
    role=VIEWER,
    answer=ExecutionSummary,
    listing=True,
    query=execution_filter.query,
)
def list_executions(call: Call) -> Reply:
    """List executions, newest first, without their payloads."""
    page = read_page(call.request, "executions")
    rows = service.list_page(call.connection, call.workspace_id, execution_filter.read_query(call.request), page.limit, page.after)
    return json_reply(listing(rows, page, "executions", lambda row: row["id"], dict))


@routes.route("GET", "/executions/count", role=VIEWER, answer=ExecutionCount, query=execution_filter.query)
def count_executions(call: Call) -> Reply:
    """How many executions a filter matches, up to ten thousand; with `node_id` also how many runs of that node they hold."""
    found = service.count(call.connection, call.workspace_id, execution_filter.read_query(call.request))
    return json_reply({"executions": found.executions, "node_runs": found.node_runs, "more": found.more})


@routes.route("GET", "/executions/{id}", role=VIEWER, answer=Execution)
def get_execution(call: Call, id: str) -> Reply:
    """Read an execution: its input and output, and every attempt of every node. Of very large ones the payloads that do not fit the answer are left out (the run
    then has `left_out`, and `/executions/{id}/nodes/{node_id}/output` has them), and node runs beyond 5,000 (`more_nodes`; `/executions/{id}/nodes` has all)."""
    return json_reply(service.get(call.connection, call.workspace_id, id))


@routes.route("GET", "/executions/{id}/definition", role=VIEWER, answer=PinnedDefinition)
def get_execution_definition(call: Call, id: str) -> Reply:
    """Read exactly what an execution runs, also when it ran a draft that has changed since."""
    return json_reply({"definition": service.definition(call.connection, call.workspace_id, id)})


@routes.route(
    "GET",
    "/executions/{id}/events",
    role=VIEWER,
    answer=Events,
    query={"after": {"type": "integer", "minimum": 0, "description": "only events with a greater seq"}},
)
def list_execution_events(call: Call, id: str) -> Reply:
    """What happened, in order. On a server of our own `Accept: text/event-stream` follows it as server-sent events (`Last-Event-ID` goes on after one)."""
    after = integer(call.request, "after", 0, MAX_SEQ)
    events = service.events(call.connection, call.workspace_id, id, after or 0)
    if not call.request.streams or "text/event-stream" not in call.request.headers.get("accept", ""):
        return json_reply({"items": events, "next_cursor": None})
    seen = call.request.headers.get("last-event-id", "")
    start = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else after or 0
    workspace_id = call.workspace_id
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Reply(200, "", headers, stream=lambda: EventStream(workspace_id, id, start))


@routes.route("POST", "/executions/{id}/cancel", role=OPERATOR, body=Model, body_optional=True, answer=Accepted, status=202)
def cancel_execution(call: Call, id: str) -> Reply:
    """Ask an execution to stop. Running nodes are cancelled; what they have already done stays done. 409 when it has ended."""
    status = service.cancel(call.connection, call.workspace_id, id)
    call.after_commit.append(wake)
    return json_reply({"id": id, "status": status}, 202)
