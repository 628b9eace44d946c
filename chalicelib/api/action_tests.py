"""Trying one action, before it stands in a workflow."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.db import executor, transaction
from chalicelib.custom_actions import service as custom_actions
from chalicelib.engine.rehearsal import rehearse
from chalicelib.engine.starts import start_children
from chalicelib.engine.targets import find_target
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import EDITOR
from chalicelib.registry.catalogue import catalogue

routes = Routes("action tests")


class TestContext(Model):
    """What the action's expressions see."""

    input: Any = Field(default_factory=dict)
    trigger: dict[str, Any] = Field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = Field(default_factory=dict, description="By id: {output?, error?}, as if these nodes had run.")
    execution: dict[str, Any] = Field(default_factory=dict)
    item: Any = None
    index: int | None = None


class ActionTest(Model):
    """A node's config, with expressions, and the data they read."""

    config: dict[str, Any] = Field(default_factory=dict)
    context: TestContext = Field(default_factory=TestContext)


class ActionTested(Answer):
    """What came of it: `succeeded`, `failed`, or `waiting` for a node that would wait now."""

    status: str
    output: Any
    error: dict[str, Any] | None
    duration_ms: float


@routes.route("POST", "/registry/actions/{type}/test", audited=False, role=EDITOR, body=ActionTest, body_optional=True, answer=ActionTested, transactional=False)
def test_action(call: Call, type: str) -> Reply:
    """Run one action now, with pinned data, once and for at most 25 seconds. Its effects are real, and no history is kept. Credentials that are bound to workflows
    are lent where `context.execution.workflow_id` names one of them."""
    workspace_id, context = call.workspace_id, call.body.context.model_dump(exclude_unset=True)
    types = catalogue()
    if types.get(type) is None:
        with transaction() as connection:
            types = types.with_types({type: custom_actions.spec_of(connection, workspace_id, type)})

    def find(name: str) -> Any:
        with transaction() as connection:
            return find_target(executor(connection), workspace_id, name)

    named = find(str(context.get("execution", {}).get("workflow_id", "")))
    tested = rehearse(type, call.body.config, context, workspace_id, types, find, named.workflow_id if named else "")
    if tested.starts:
        with transaction() as connection:
            start_children(executor(connection), tested.starts)
        wake()
    answer = {"status": tested.status, "output": tested.output, "error": tested.error, "duration_ms": round(tested.seconds * 1000, 1)}
    return json_reply(answer | ({"console": tested.console} if tested.console else {}))
