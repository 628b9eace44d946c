"""Puts the API on a Chalice application: the blueprints, and the middleware that knows the request, measures it and gives every answer one form."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from chalice import Chalice

from chalicelib.api import (
    action_tests,
    analytics,
    api_keys,
    audit,
    callbacks,
    credentials,
    dead_letters,
    deliveries,
    events,
    executions,
    health,
    me,
    members,
    moves,
    node_runs,
    oauth_callback,
    openapi,
    providers,
    registry,
    reruns,
    trigger_ingress,
    trigger_presets,
    triggers,
    workflows,
    workspaces,
)
from chalicelib.api import request as requests
from chalicelib.api.cors import answer_cors, answer_preflight
from chalicelib.api.replies import Reply, problem
from chalicelib.core import metrics
from chalicelib.core.errors import MethodNotAllowed, MillraceError, NotFound
from chalicelib.core.logging import logger

RESOURCES = (
    workflows,
    moves,
    triggers,
    executions,
    node_runs,
    reruns,
    callbacks,
    events,
    oauth_callback,
    credentials,
    action_tests,
    registry,
    trigger_presets,
    analytics,
    api_keys,
    audit,
    workspaces,
    members,
    me,
    dead_letters,
    deliveries,
    health,
    providers,
    openapi,
    trigger_ingress,
)


def mount(app: Chalice) -> None:
    """Register everything. Bodies of any type reach the handlers (they answer 415 themselves), and no answer is taken for binary by its type."""
    app.api.binary_types = []
    app.register_middleware(_middleware(app.routes), event_type="http")
    for resource in RESOURCES:
        app.register_blueprint(resource.routes.blueprint)


def _middleware(routes: Mapping[str, Mapping[str, Any]]) -> Callable[[Any, Callable[[Any], Any]], Any]:
    def answer(chalice_request: Any, get_response: Callable[[Any], Any]) -> Any:
        if chalice_request is None:  # not an API Gateway event; Chalice says so itself
            return get_response(chalice_request)
        event = chalice_request.to_original_event()
        request = requests.from_event(event)
        requests.set_request(request)
        started = time.perf_counter()
        with metrics.emitted():
            reply = _without_handler(request, event, routes) or _as_reply(get_response(chalice_request), request)
            seconds = time.perf_counter() - started
            metrics.count("http_requests", method=request.method, route=request.route, status=str(reply.status_code))
            metrics.duration("http_request_seconds", seconds, method=request.method, route=request.route)
        reply.headers.setdefault("X-Content-Type-Options", "nosniff")
        reply.headers.update(answer_cors(request.route, request.params, request.headers.get("origin")))
        if chalice_request.lambda_context is not None:
            _log(request, reply, seconds)
        return reply

    return answer


def _without_handler(request: requests.Request, event: dict[str, Any], routes: Mapping[str, Mapping[str, Any]]) -> Reply | None:
    """What the host's front answers before it asks the application. On AWS nothing stands between API Gateway, which sends every method, and us."""
    methods = set(routes.get(request.route, ()))
    if not methods:
        return problem(NotFound("there is nothing at this path; GET /openapi.json lists what there is"), request.id)
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        allowed = answer_preflight(request.route, request.params, request.headers.get("origin"))
        return Reply(204, "", allowed or {"Vary": "Origin"})
    if request.method in methods:
        return None
    if request.method == "HEAD" and "GET" in methods:
        event["requestContext"]["httpMethod"] = "GET"  # API Gateway leaves the body out
        return None
    allow = ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
    if request.method == "OPTIONS":
        return Reply(204, "", {"Allow": allow})
    error = MethodNotAllowed(f"{request.method} is not allowed here, but {allow}")
    error.headers["Allow"] = allow
    return problem(error, request.id)


def _as_reply(response: Any, request: requests.Request) -> Reply:
    """Chalice answers some requests itself, in a form of its own; those become problems too."""
    if isinstance(response, Reply):
        return response
    if response.status_code == 404:
        error: MillraceError = NotFound("there is nothing at this path")
    else:
        error = MillraceError("this is a fault of ours; the log has it under the request's id")
    return problem(error, request.id)


def _log(request: requests.Request, reply: Reply, seconds: float) -> None:
    """The access log where nothing in front of us keeps one. Paths of triggers and tokens in them are left out: the route says enough."""
    fields = {"request_id": request.id, "method": request.method, "route": request.route, "status": reply.status_code}
    execution_id = reply.headers.get("Millrace-Execution-Id")
    if execution_id:
        fields["execution_id"] = execution_id
    logger("api").info("request", extra={**fields, "seconds": round(seconds, 4)})
