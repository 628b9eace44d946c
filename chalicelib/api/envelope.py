"""Around every handler, in whichever function it stands: the request is known, measured and logged, and every answer has one form. Loads nothing but what all need."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.api import failures
from chalicelib.api.cors import answer_cors, answer_preflight
from chalicelib.api.replies import Reply, problem
from chalicelib.api.request import Request, from_event, set_request
from chalicelib.core import metrics
from chalicelib.core.errors import MethodNotAllowed, MillraceError, NotFound
from chalicelib.core.jsontext import is_clean
from chalicelib.core.logging import logger

MAX_PATH_PARAMETER = 200


def answer(event: dict[str, Any], methods: set[str], respond: Callable[[Request], Reply], *, logged: bool) -> Reply:
    """The answer to one API Gateway event. `methods` are those of its route (none: there is no such route), `respond` is asked for these only; `logged`: nothing in front
    of us keeps an access log."""
    request = from_event(event)
    set_request(request)
    started = time.perf_counter()
    with metrics.emitted():
        reply = _without_handler(request, event, methods) or respond(request)
        seconds = time.perf_counter() - started
        metrics.count("http_requests", method=request.method, route=request.route, status=str(reply.status_code))
        metrics.duration("http_request_seconds", seconds, method=request.method, route=request.route)
    reply.headers.setdefault("X-Content-Type-Options", "nosniff")
    reply.headers.update(answer_cors(request.route, request.params, request.headers.get("origin")))
    if logged:
        _log(request, reply, seconds)
    return reply


def answer_safely(request: Request, handle: Callable[[], Reply]) -> Reply:
    """Run a handler; whatever happens, the answer is a Reply, and no input makes it a 5xx."""
    try:
        return handle()
    except MillraceError as error:
        return problem(error, request.id)
    except Exception as error:
        return problem(_explained(error, request), request.id)


def check_params(params: Mapping[str, str]) -> None:
    """Raises NotFound for parts of a path that no id can be."""
    for value in params.values():
        if len(value) > MAX_PATH_PARAMETER or not is_clean(value):
            raise NotFound("there is nothing at this path")


def _explained(error: Exception, request: Request) -> MillraceError:
    """The error of our tree for an exception nobody expected, after the log has what an operator needs."""
    known = failures.translate(error)
    where = {"request_id": request.id, "route": f"{request.method} {request.route}"}
    if known is None:
        logger("api").exception("request failed", extra=where)
        return MillraceError("this is a fault of ours; the log has it under the request's id")
    if known.status >= 500:
        logger("api").warning("request not served", extra={**where, "error": type(failures.driver_error(error)).__name__})
    return known


def _without_handler(request: Request, event: dict[str, Any], methods: set[str]) -> Reply | None:
    """What the host's front answers before it asks the application. On AWS nothing stands between API Gateway, which sends every method, and us."""
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


def _log(request: Request, reply: Reply, seconds: float) -> None:
    """The access log where nothing in front of us keeps one. Paths of triggers and tokens in them are left out: the route says enough."""
    fields = {"request_id": request.id, "method": request.method, "route": request.route, "status": reply.status_code}
    execution_id = reply.headers.get("Millrace-Execution-Id")
    if execution_id:
        fields["execution_id"] = execution_id
    logger("api").info("request", extra={**fields, "seconds": round(seconds, 4)})
