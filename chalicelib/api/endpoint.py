"""The edge: every route is declared here, and here alone requests are authenticated, transactions committed and errors turned into problems.

    routes = Routes("workflows")

    @routes.route("POST", "/workflows", role=EDITOR, body=WorkflowCreate, answer=Workflow, status=201)
    def create_workflow(call: Call) -> Reply: ...

A handler gets a Call and the path's parameters by name. Its docstring is the route's description in the OpenAPI document.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice.app import Blueprint
from pydantic import BaseModel
from sqlalchemy import Connection

from chalicelib.api import failures
from chalicelib.api.authentication import authenticate
from chalicelib.api.envelope import answer_safely, check_params
from chalicelib.api.models import parse
from chalicelib.api.replies import Reply
from chalicelib.api.request import Request, current_request
from chalicelib.core.db import transaction
from chalicelib.core.errors import (
    Forbidden,
    InvalidJson,
    MillraceError,
    PayloadTooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.core.jsontext import loads
from chalicelib.engine.overload import check_queue
from chalicelib.identity import audit
from chalicelib.identity.roles import allows
from chalicelib.identity.service import Caller

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_RUNS = 4


Query = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of one route. `role` None: anyone may call it. `transactional` False: the handler gets no connection. `audited`: a call that succeeds is noted in
    the audit log, in its transaction. `starts`: it gives the workers something to do, and is refused while too much is due. `query`: schemas of parameters by name,
    or what makes them when the document is asked for."""

    method: str
    path: str
    tag: str
    name: str
    description: str
    role: str | None
    body: type[BaseModel] | None
    body_optional: bool
    answer: type[BaseModel] | None
    listing: bool
    status: int
    query: Query | Callable[[], Query]
    transactional: bool
    raw: bool
    audited: bool
    starts: bool

    @property
    def parameters(self) -> Query:
        """The query's parameters, with their schemas."""
        return self.query() if callable(self.query) else self.query


@dataclass(slots=True)
class Call:
    """One request on its way through a handler. `connection` is the edge's transaction, committed after the handler has answered."""

    request: Request
    caller: Caller | None
    body: Any = None
    _connection: Connection | None = None
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The transaction of this request."""
        assert self._connection is not None, "this route is declared without a transaction"
        return self._connection

    @property
    def workspace_id(self) -> str:
        """The workspace the caller belongs to; every query is bound to it."""
        assert self.caller is not None, "this route is public"
        return self.caller.workspace_id


Handler = Callable[..., Reply]
ROUTES: list[Route] = []


class Routes:
    """The routes of one resource, mounted on the application as a Chalice blueprint."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.blueprint = Blueprint(__name__)

    def route(
        self,
        method: str | tuple[str, ...],
        path: str,
        *,
        role: str | None,
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        answer: type[BaseModel] | None = None,
        listing: bool = False,
        status: int = 200,
        query: Query | Callable[[], Query] | None = None,
        transactional: bool = True,
        raw: bool = False,
        audited: bool = True,
        starts: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a route (see Route). `raw`: the handler reads the body itself. `audited` False: it changes nothing that the audit log is about, or writes there itself."""
        methods = [method] if isinstance(method, str) else list(method)

        def register(handler: Handler) -> Handler:
            route = Route(
                methods[0], path, self.tag, handler.__name__, handler.__doc__ or "", role, body, body_optional, answer, listing, status,
                query or {}, transactional, raw, audited and role is not None and methods[0] != "GET", starts,
            )  # fmt: skip
            ROUTES.append(route)

            def view(**params: str) -> Reply:
                return answer_request(route, handler, params)

            view.__name__ = handler.__name__
            self.blueprint.route(path, methods=methods, content_types=["*/*"], name=handler.__name__)(view)
            return handler

        return register


def answer_request(route: Route, handler: Handler, params: Mapping[str, str]) -> Reply:
    """Run a handler; whatever happens, the answer is a Reply, and no input makes it a 5xx."""
    request = current_request()
    return answer_safely(request, lambda: _perform(route, handler, request, params))


def _perform(route: Route, handler: Handler, request: Request, params: Mapping[str, str]) -> Reply:
    caller = None
    if route.role is not None:
        caller = authenticate(request.headers)
        if not allows(caller.role, route.role):
            raise Forbidden(f"this needs the role {route.role}; the key {caller.name!r} is {caller.role}")
    check_params(params)
    if route.starts:
        check_queue()
    call = Call(request, caller, None if route.raw else _read_body(route, request))
    if not route.transactional:
        return handler(call, **params)

    def run() -> Reply:
        reply = handler(call, **params)
        if route.audited:
            location = reply.headers.get("Location") if reply.status_code == 201 else None
            note_change(call, call.connection, route.name, str(location) if location else None)
        return reply

    reply = _in_transaction(call, run)
    for action in call.after_commit:
        action()
    return reply


def note_change(call: Call, connection: Connection, action: str, location: str | None = None) -> None:
    """Write to the audit log what the caller did, as the last thing before the commit: to the resource at the request's path, or at `location` where it is new."""
    assert call.caller is not None
    request = call.request
    resource = location.removeprefix(request.root) if location else request.path
    fields = call.body.model_fields_set if isinstance(call.body, BaseModel) else ()
    audit.record(connection, call.caller, action, resource, fields, request_id=request.id, address=request.source_ip)


def _read_body(route: Route, request: Request) -> Any:
    if len(request.body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"a request body may have at most {MAX_BODY_BYTES} bytes", limit_bytes=MAX_BODY_BYTES)
    if route.body is None:
        return None
    if not request.body:
        if not route.body_optional:
            raise InvalidJson("this request needs a JSON body")
        return parse(route.body, {})
    media_type = request.media_type
    if "content-type" in request.headers and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(f"send JSON with `Content-Type: application/json`, not {media_type[:100]!r}")
    return parse(route.body, loads(request.body))


def _in_transaction(call: Call, run: Callable[[], Reply]) -> Reply:
    """Run and commit; again from the start when the server asks for it, or when the connection broke before the commit was sent."""
    for runs_left in range(MAX_RUNS - 1, -1, -1):
        answered = False
        try:
            with transaction() as connection:
                call._connection = connection
                call.after_commit.clear()
                reply = run()
                answered = True
            return reply
        except MillraceError:
            raise
        except Exception as error:
            lost = failures.connection_lost(error)
            if lost and answered:
                raise Unavailable(
                    "the database went away during the commit; whether the change was made is not known, read it again"
                ) from error
            if runs_left == 0 or not (lost or failures.sqlstate(error) in failures.RERUN):
                raise
        time.sleep(random.uniform(0.01, 0.05))
    raise AssertionError("unreachable")
