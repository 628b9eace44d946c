"""Running executions again, and doing something to many of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.execution_filter import WantedExecutions, as_filter
from chalicelib.api.executions import Started
from chalicelib.api.models import Answer, Model, Text
from chalicelib.api.replies import Reply, json_reply, ui_url
from chalicelib.core.errors import ValidationFailed
from chalicelib.engine.overload import check_queue
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR
from chalicelib.workflows import executions as service

routes = Routes("executions again")


class Retry(Model):
    """Where to begin again, and with what."""

    first: Text | None = Field(None, alias="from", description="The first node to run again; without it, those that failed or were cut off.")
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="Another version of the workflow; without it, the same definition."
    )
    input: Any = Field(None, description="Another input; the effects then carry new idempotency keys.")
    new_keys: bool = Field(False, description="Whether nodes that run again carry new idempotency keys.")


@routes.route("POST", "/executions/{id}/retry", starts=True, role=OPERATOR, body=Retry, body_optional=True, answer=Started, status=202)
def retry_execution(call: Call, id: str) -> Reply:
    """Run an ended execution again, as a new one with `retry_of`. What came before keeps its outputs; what runs again keeps its idempotency keys,
    unless `input` is given or `new_keys` is true."""
    body = call.body
    begun = service.retry(
        call.connection,
        call.workspace_id,
        id,
        first=body.first,
        version=body.version,
        input=body.input,
        with_input="input" in body.model_fields_set,
        new_keys=body.new_keys,
    )
    call.after_commit.append(wake)
    answer = {"id": begun.id, "status": begun.status, "duplicate": False, "ui_url": ui_url(begun.id), "retry_of": id}
    return json_reply(answer, 202, {"Location": f"{call.request.root}/executions/{begun.id}", "Millrace-Execution-Id": begun.id})


class BulkRequest(Model):
    """What to do with which executions."""

    action: Literal["cancel", "retry"]
    filter: WantedExecutions = Field(description="As in GET /executions. At least one field, so that not everything is meant by accident.")
    dry_run: bool = Field(False, description="Only count.")


class BulkAnswer(Answer):
    """`matched` can be cancelled, or retried; `done` were. `more`: there are over a thousand, so send it again."""

    action: str
    dry_run: bool
    matched: int
    done: int
    more: bool


@routes.route("POST", "/executions/bulk", role=OPERATOR, body=BulkRequest, answer=BulkAnswer)
def bulk_executions(call: Call) -> Reply:
    """Cancel or retry all executions that a filter matches and that can be, at most a thousand at a time; `dry_run` counts them first."""
    wanted, body = call.body.filter, call.body
    if not wanted.model_fields_set:
        message = "name at least one field, such as workflow_id, so that not everything is meant by accident"
        raise ValidationFailed([{"path": "/filter", "code": "filter_empty", "message": message}])
    if body.action == "retry" and not body.dry_run:
        check_queue()
    result = service.bulk(call.connection, call.workspace_id, body.action, as_filter(wanted, "/filter"), dry_run=body.dry_run)
    call.after_commit.append(wake)
    answer = {"matched": result.matched, "done": result.done, "more": result.more}
    return json_reply({"action": body.action, "dry_run": body.dry_run, **answer})
