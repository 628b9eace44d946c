"""Single nodes of an execution: their runs page by page, their payloads whole, and ending a wait."""

from __future__ import annotations

from typing import Any

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.executions import MAX_SEQ, Accepted, NodeRun
from chalicelib.api.models import Answer, Model
from chalicelib.api.paging import integer, listing, read_page
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.errors import ValidationFailed
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR, VIEWER
from chalicelib.workflows import executions as service

routes = Routes("node runs")

_ITERATION = {"iteration": {"type": "string", "description": "in a loop, the item's index; in a loop within a loop such as `3.0`"}}


class Payloads(Answer):
    """What went into one node run and what came out."""

    input: Any
    output: Any


@routes.route(
    "GET",
    "/executions/{id}/nodes",
    role=VIEWER,
    answer=NodeRun,
    listing=True,
    query={
        "node_id": {"type": "string"},
        "inside": {"type": "string", "enum": ["true", "false"], "description": "only runs of loops' items, or none of them"},
    },
)
def list_node_runs(call: Call, id: str) -> Reply:
    """List the node runs of an execution, those outside loops first, then by their start."""
    page = read_page(call.request, "node_runs")
    offset = int(page.after or 0)
    wanted = call.request.first("inside")
    if wanted not in (None, "true", "false"):
        raise ValidationFailed([{"path": "/inside", "code": "enum", "message": "inside is true or false"}])
    inside = None if wanted is None else wanted == "true"
    runs = service.node_runs(call.connection, call.workspace_id, id, call.request.first("node_id"), inside, offset, page.limit)
    return json_reply(listing(runs, page, "node_runs", lambda _run: str(offset + page.limit), dict))


@routes.route(
    "GET",
    "/executions/{id}/nodes/{node_id}/output",
    role=VIEWER,
    answer=Payloads,
    query={**_ITERATION, "attempt": {"type": "integer", "minimum": 0, "description": "without it the latest"}},
)
def read_node_output(call: Call, id: str, node_id: str) -> Reply:
    """Read the input and output of one node run, whatever their size."""
    iteration, attempt = call.request.first("iteration"), integer(call.request, "attempt", 0, MAX_SEQ)
    return json_reply(service.payloads(call.connection, call.workspace_id, id, node_id, iteration, attempt))


@routes.route(
    "POST",
    "/executions/{id}/nodes/{node_id}/wake",
    role=OPERATOR,
    body=Model,
    body_optional=True,
    answer=Accepted,
    status=202,
    query=_ITERATION,
)
def wake_node(call: Call, id: str, node_id: str) -> Reply:
    """End a node's delay, or its wait before a retry, now; of a node in a loop that of one item, or without `iteration` of all. 409 when it does not wait."""
    status = service.wake_node(call.connection, call.workspace_id, id, node_id, call.request.first("iteration"))
    call.after_commit.append(wake)
    return json_reply({"id": id, "status": status}, 202)
