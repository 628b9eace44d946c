"""What is answered at `/trigger/{path}`: the door for other people's programs. In the application (trigger_ingress.py), and in a function of its own (functions/webhook.py).

Whoever imports this loads psycopg and Chalice's Response, and no other library: the function pays for each of them at every cold start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.api.paging import integer
from chalicelib.api.replies import JSON, Reply, json_reply, problem, ui_url
from chalicelib.api.request import Request
from chalicelib.core.errors import ExecutionFailed, Forbidden, MillraceError, Unauthenticated, ValidationFailed
from chalicelib.core.jsontext import dumps, is_clean
from chalicelib.engine.outcomes import Answer
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import OPERATOR, allows
from chalicelib.triggers.giving_way import give_way
from chalicelib.triggers.ingress import Greeting, Receipt, receive
from chalicelib.triggers.visits import Delivery
from chalicelib.triggers.waiting import MAX_WAIT_SECONDS, wait_for_answer

PATH, TEST_PATH = "/trigger/{path}", "/trigger/{path}/test/{token}"
METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
EXECUTION_HEADER = "Millrace-Execution-Id"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
# What belongs to the connection or to us, not to a workflow.
_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade",
                  "content-security-policy", "x-content-type-options", "strict-transport-security", EXECUTION_HEADER.lower()})  # fmt: skip
# A workflow's answer comes from the origin of the web app: it may be shown, but no script in it may run there.
_SANDBOX = {"Content-Security-Policy": "sandbox allow-downloads allow-forms allow-popups", "Cache-Control": "no-store"}


def deliver(request: Request, path: str) -> Reply:
    """Start the workflow behind a trigger's path. Raises what `receive` does, and ValidationFailed for a `wait` that is none."""
    wait = _wait(request)
    receipt = receive(_delivery(request, path), _authorize)
    if isinstance(receipt, Greeting):
        return Reply(200, receipt.text, {"Content-Type": "text/plain; charset=utf-8"} | _SANDBOX)
    wait = wait or receipt.wait_seconds
    if not wait:
        give_way(receipt.lag)
    return _reply(receipt, wait)


def deliver_test(request: Request, path: str, token: str) -> Reply:
    """Catch one request for the builder. Raises what `captures.catch` does, and why the draft cannot run."""
    # Here, for the door itself never comes this way.
    from chalicelib.core.db import transaction
    from chalicelib.triggers import captures
    from chalicelib.workflows import executions as runs

    wait = _wait(request)
    refused: MillraceError | None = None
    begun = None
    with transaction() as connection:
        caught = captures.catch(connection, token, _delivery(request, path), _authorize)
        if caught.run and caught.problem is None:
            try:
                with connection.begin_nested():
                    begun = runs.start(connection, caught.workspace_id, caught.workflow_id, input=caught.input, version="draft", key=None,
                                       trigger=caught.context)  # fmt: skip
            except MillraceError as error:
                refused = error
            captures.keep(
                connection, caught, execution_id=begun.id if begun else None, problem=refused.detail[:500] if refused else None
            )
    if refused is not None:
        raise refused
    if begun is None:
        return json_reply({"captured": True, "problem": caught.problem, "input": caught.input}, 200, _SANDBOX)
    wake()
    return _reply(Receipt(begun.id, begun.status, False), wait)


def _delivery(request: Request, path: str) -> Delivery:
    return Delivery(path, request.method, request.headers, request.query, request.body)


def _reply(receipt: Receipt, wait: int | None) -> Reply:
    answer = wait_for_answer(receipt.execution_id, wait) if wait else None
    reply = _accepted(receipt) if answer is None else _answered(receipt, answer)
    reply.headers |= {**receipt.headers, EXECUTION_HEADER: receipt.execution_id}
    return reply


def _wait(request: Request) -> int | None:
    if "wait" in request.query and not request.first("wait"):
        message = f"wait must be a whole number from 1 to {MAX_WAIT_SECONDS}"
        raise ValidationFailed([{"path": "/wait", "code": "out_of_range", "message": message}])
    return integer(request, "wait", 1, MAX_WAIT_SECONDS)


def _authorize(token: str | None, workspace_id: str) -> None:
    from chalicelib.api.authentication import known_caller  # only such triggers need what knows keys

    caller = known_caller(token) if token else None
    if caller is None or caller.workspace_id != workspace_id:
        raise Unauthenticated("this trigger needs a Millrace API key of its workspace, as `Authorization: Bearer` or `X-API-Key`")
    if not allows(caller.role, OPERATOR):
        raise Forbidden(f"starting a workflow needs the role {OPERATOR}; the key {caller.name!r} is {caller.role}")


def _accepted(receipt: Receipt) -> Reply:
    answer = {"execution_id": receipt.execution_id, "status": receipt.status, "duplicate": receipt.duplicate}
    if receipt.debounced:
        answer["debounced"] = True
    return json_reply(answer | {"ui_url": ui_url(receipt.execution_id)}, 202)


def _answered(receipt: Receipt, answer: Answer) -> Reply:
    if answer.reply is not None:
        return _responded(answer.reply)
    if answer.status == "succeeded":
        return json_reply(answer.output, 200, _SANDBOX)
    detail = f"the execution {answer.status}; GET /api/executions/{receipt.execution_id} says why"
    return problem(ExecutionFailed(detail, execution_id=receipt.execution_id))


def _responded(answer: Mapping[str, Any]) -> Reply:
    """What the workflow's `respond` node decided."""
    status, body = answer["status"], answer["body"]
    headers = {name: value for name, value in answer["headers"].items() if _sendable(name, value)}
    named = {name.lower() for name in headers}
    if body is None or status in (204, 205, 304):
        return Reply(status, "", headers | _SANDBOX)
    if isinstance(body, str) and is_clean(body):
        kind = "text/plain; charset=utf-8"
    else:
        body, kind = dumps(body), JSON
    if "content-type" not in named:
        headers["Content-Type"] = kind
    kept = {name: value for name, value in _SANDBOX.items() if name.lower() not in named}
    return Reply(status, body, headers | kept)


def _sendable(name: str, value: str) -> bool:
    return bool(_TOKEN.match(name)) and name.lower() not in _OWN and value.isascii() and value.isprintable()
