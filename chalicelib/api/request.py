"""The request as handlers see it, made from an API Gateway event and kept in a ContextVar.

Chalice's own `app.current_request` is one attribute shared by all threads, so nothing here uses it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import BadRequest
from chalicelib.core.jsontext import is_clean


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case; `route` is the template that matched, `path` what was sent below `root`, the stage's path."""

    id: str
    method: str
    route: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    streams: bool
    root: str = ""

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower case; empty when none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def first(self, name: str) -> str | None:
        """A query parameter's last value, None when absent. Raises BadRequest when it holds NUL or is not UTF-8."""
        values = self.query.get(name)
        if not values:
            return None
        if not is_clean(values[-1]):
            raise BadRequest(f"the query parameter {name} holds characters that are not text")
        return values[-1]


_CURRENT: ContextVar[Request] = ContextVar("millrace_request")


def current_request() -> Request:
    """The request this thread is answering."""
    return _CURRENT.get()


def set_request(request: Request) -> None:
    """Called by the middleware, once per request."""
    _CURRENT.set(request)


def from_event(event: Mapping[str, Any]) -> Request:
    """Read an API Gateway REST proxy event (payload version 1)."""
    context = event["requestContext"]
    path = event.get("path") or ""
    return Request(
        id=str(context.get("requestId") or ""),
        method=context["httpMethod"],
        route=context["resourcePath"],
        path=path,
        params=event.get("pathParameters") or {},
        query=event.get("multiValueQueryStringParameters") or {},
        headers=_headers(event),
        body=_body(event),
        source_ip=str((context.get("identity") or {}).get("sourceIp") or ""),
        streams=bool(context.get("streams")),
        root=str(context.get("path") or path).removesuffix(path),
    )


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    several = event.get("multiValueHeaders")
    if several:
        return {name.lower(): ", ".join(values) for name, values in several.items()}
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if not body:
        return b""
    if event.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else body.encode("utf-8")
