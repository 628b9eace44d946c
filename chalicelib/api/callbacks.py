"""/callbacks and /approvals: answers to waiting nodes. The token in the path is the secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.approval_page import outcome_page, question_page
from chalicelib.api.endpoint import MAX_BODY_BYTES, Call, Routes
from chalicelib.api.models import Answer, Model, Text, parse
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.errors import Conflict, PayloadTooLarge
from chalicelib.core.jsontext import loads
from chalicelib.engine.answers import answer_node, question_at
from chalicelib.engine.wake import wake
from chalicelib.triggers.bodies import parse_body
from chalicelib.triggers.mapping import check_input

FORM = "application/x-www-form-urlencoded"
routes = Routes("answers")


class Decision(Model):
    """A decision, and who made it and why."""

    decision: Literal["approved", "rejected"]
    comment: Annotated[Text, Field(max_length=10_000)] | None = None
    by: Annotated[Text, Field(max_length=500)] | None = None


class Answered(Answer):
    """The answer was taken; the execution goes on."""

    execution_id: str


@routes.route("POST", "/callbacks/{token}", role=None, raw=True, answer=Answered)
def answer_callback(call: Call, token: str) -> Reply:
    """Answer a `wait.callback` node, once; the JSON body (none: `{}`) becomes the node's output. A second answer, or one after the node's time was up, is 409."""
    if len(call.request.body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"an answer may have at most {MAX_BODY_BYTES} bytes", limit_bytes=MAX_BODY_BYTES)
    body = loads(call.request.body) if call.request.body else {}

    def judge(node: Mapping[str, Any]) -> tuple[str, Any]:
        check_input(body, node.get("config", {}).get("form"))
        return "main", body

    return _answered(call, answer_node(call.connection, token, "wait.callback", judge))


@routes.route("POST", "/approvals/{token}", role=None, body=Decision, answer=Answered)
def answer_approval(call: Call, token: str) -> Reply:
    """Decide an `approval` node, once. A second decision, or one after the node's time was up, is 409."""
    output = {"decision": call.body.decision, "by": call.body.by, "comment": call.body.comment}
    return _answered(call, answer_node(call.connection, token, "approval", lambda _node: (call.body.decision, output)))


@routes.route("GET", "/approvals/{token}", role=None)
def show_approval(call: Call, token: str) -> Reply:
    """A page for the person who is asked, with a form to decide by. Opening it decides nothing."""
    return question_page(question_at(call.connection, token, "approval"), token)


@routes.route("POST", "/approvals/{token}/form", role=None, raw=True)
def answer_approval_form(call: Call, token: str) -> Reply:
    """What the page's form sends (`decision`, `by` and `comment`, URL-encoded); answers with a page, 409 when the node was decided before."""
    fields = parse_body({"content-type": FORM}, call.request.body)
    decided = parse(Decision, {name: value for name, value in fields.items() if value != ""})
    question = question_at(call.connection, token, "approval")
    output = {"decision": decided.decision, "by": decided.by, "comment": decided.comment}
    try:
        answer_node(call.connection, token, "approval", lambda _node: (decided.decision, output))
    except Conflict:
        return outcome_page(question, None)
    call.after_commit.append(wake)
    return outcome_page(question, decided.decision)


def _answered(call: Call, execution_id: str) -> Reply:
    call.after_commit.append(wake)
    return json_reply({"execution_id": execution_id})
