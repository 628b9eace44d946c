"""Puts the API on a Chalice application: the blueprints, and around them what every answer has in common (envelope.py)."""

from __future__ import annotations

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
from chalicelib.api.envelope import answer
from chalicelib.api.replies import Reply, problem
from chalicelib.api.request import Request
from chalicelib.core.errors import MillraceError, NotFound

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
    def around(chalice_request: Any, get_response: Callable[[Any], Any]) -> Any:
        if chalice_request is None:  # not an API Gateway event; Chalice says so itself
            return get_response(chalice_request)
        event = chalice_request.to_original_event()
        return answer(
            event,
            set(routes.get(event["requestContext"]["resourcePath"], ())),
            lambda request: _as_reply(get_response(chalice_request), request),
            logged=chalice_request.lambda_context is not None,
        )

    return around


def _as_reply(response: Any, request: Request) -> Reply:
    """Chalice answers some requests itself, in a form of its own; those become problems too."""
    if isinstance(response, Reply):
        return response
    if response.status_code == 404:
        error: MillraceError = NotFound("there is nothing at this path")
    else:
        error = MillraceError("this is a fault of ours; the log has it under the request's id")
    return problem(error, request.id)
