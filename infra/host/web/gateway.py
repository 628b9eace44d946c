"""What API Gateway does for the Chalice application on AWS, done on the host: routing, limits, proxy events, and problems for what no route takes."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.api.cors import answer_cors, answer_preflight
from chalicelib.core.errors import BadRequest, MethodNotAllowed, MillraceError, NotFound, PayloadTooLarge
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps

STAGE = "api"
MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_TRIGGER_BODY_BYTES = 1024 * 1024
MAX_QUERY_FIELDS = 1000
# A body a little too large is still read, so that its sender gets to see the 413 instead of a broken connection.
DRAIN_BYTES = 16 * 1024 * 1024
CHUNK = 64 * 1024

Environ = Mapping[str, Any]
Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Match:
    """The route a path leads to, and the values of its parameters."""

    resource: str
    params: dict[str, str]
    methods: tuple[str, ...]


class Router:
    """Paths to route templates as API Gateway chooses them: a literal segment before a parameter."""

    def __init__(self, routes: Mapping[str, Mapping[str, Any]]) -> None:
        self._root: dict[str, Any] = {}
        for template, methods in routes.items():
            if not methods:  # asking Chalice's table for an unknown path leaves an empty entry in it
                continue
            node = self._root
            names = []
            for segment in template.strip("/").split("/"):
                if segment.startswith("{"):
                    names.append(segment[1:-1])
                    segment = "{}"
                node = node.setdefault(segment, {})
            node["/"] = (template, tuple(names), tuple(sorted(methods)))

    def match(self, path: str) -> Match | None:
        """None when nothing is there. A slash at the end makes no difference."""
        segments = path.strip("/").split("/")
        found = self._walk(self._root, segments, 0, [])
        if found is None:
            return None
        (template, names, methods), values = found
        return Match(template, dict(zip(names, values, strict=True)), methods)

    def _walk(self, node: dict[str, Any], segments: list[str], at: int, values: list[str]) -> tuple[Any, list[str]] | None:
        if at == len(segments):
            return (node["/"], values) if "/" in node else None
        segment = segments[at]
        if segment in node and segment not in ("/", "{}"):
            found = self._walk(node[segment], segments, at + 1, values)
            if found is not None:
                return found
        if "{}" in node and segment:
            return self._walk(node["{}"], segments, at + 1, [*values, segment])
        return None


def request_headers(environ: Environ) -> dict[str, str]:
    """Header names in lower case."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name, key in (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH")):
        if environ.get(key):
            headers[name] = environ[key]
    return headers


def read_body(environ: Environ, limit: int) -> bytes:
    """The whole body, whatever its transfer encoding. Raises PayloadTooLarge without keeping more than `limit` bytes."""
    stream = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > limit:
        _drain(stream, int(declared))
        raise _too_large(limit)
    parts, size = [], 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > limit:
            _drain(stream, DRAIN_BYTES)
            raise _too_large(limit)
        parts.append(chunk)
    return b"".join(parts)


def _drain(stream: Any, expected: int) -> None:
    left = min(expected, DRAIN_BYTES) if expected <= DRAIN_BYTES else 0
    while left > 0 and (chunk := stream.read(CHUNK)):
        left -= len(chunk)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"this path takes a body of at most {limit} bytes", limit_bytes=limit)


def proxy_event(environ: Environ, match: Match, path: str, method: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The event of API Gateway's Lambda proxy integration (REST, payload version 1)."""
    query = _query(environ.get("QUERY_STRING") or "")
    text, encoded = _body_text(body)
    return {
        "resource": match.resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.params or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": match.resource,
            "httpMethod": method,
            "path": f"/{STAGE}{path}",
            "stage": STAGE,
            "requestId": new_id("req"),
            "identity": {"sourceIp": environ.get("REMOTE_ADDR", ""), "userAgent": headers.get("user-agent")},
            "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "streams": True,
        },
        "body": text,
        "isBase64Encoded": encoded,
    }


def _query(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise BadRequest(f"the query has more than {MAX_QUERY_FIELDS} fields") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _body_text(body: bytes) -> tuple[str | None, bool]:
    if not body:
        return None, False
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), True


class Gateway:
    """`/api`, from a WSGI request to an answer."""

    def __init__(self, app: Any, admit: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext) -> None:
        self._app = app
        self._router = Router(app.routes)
        self._admit = admit

    def answer(self, environ: Environ, path: str) -> Answer:
        """Answer a request for `path` (below /api); never raises for anything a client can send."""
        headers = request_headers(environ)
        origin = headers.get("origin")
        match = self._router.match(path)
        try:
            return self._answer(environ, path, match, headers)
        except MillraceError as error:
            return problem_answer(error, answer_cors(match.resource if match else "", match.params if match else {}, origin))

    def _answer(self, environ: Environ, path: str, match: Match | None, headers: dict[str, str]) -> Answer:
        method = environ["REQUEST_METHOD"]
        if match is None:
            raise NotFound("there is nothing at this path; GET /api/openapi.json lists what there is")
        if method == "OPTIONS" and "access-control-request-method" in headers:
            with self._admit():
                allowed = answer_preflight(match.resource, match.params, headers.get("origin"))
            return 204, list((allowed or {"Vary": "Origin"}).items()), []
        if method == "OPTIONS" and "OPTIONS" not in match.methods:
            return 204, [("Allow", _allow(match))], []
        served = "GET" if method == "HEAD" and "HEAD" not in match.methods and "GET" in match.methods else method
        if served not in match.methods:
            error = MethodNotAllowed(f"{method} is not allowed here, but {_allow(match)}")
            error.headers["Allow"] = _allow(match)
            raise error
        limit = MAX_TRIGGER_BODY_BYTES if match.resource.startswith("/trigger/") else MAX_BODY_BYTES
        event = proxy_event(environ, match, path, served, headers, read_body(environ, limit))
        with self._admit():
            answer = self._app(event, None)
        return _as_wsgi(answer, event["requestContext"]["requestId"], bodyless=method == "HEAD")


def _allow(match: Match) -> str:
    methods = set(match.methods) | {"OPTIONS"} | ({"HEAD"} if "GET" in match.methods else set())
    return ", ".join(sorted(methods))


def _as_wsgi(answer: Mapping[str, Any], request_id: str, *, bodyless: bool) -> Answer:
    headers: Headers = [(name, str(value)) for name, value in answer["headers"].items()]
    for name, values in answer["multiValueHeaders"].items():
        headers += [(name, str(value)) for value in values]
    headers.append(("X-Request-Id", request_id))
    if bodyless:
        return answer["statusCode"], headers, []
    if answer.get("stream") is not None:
        return answer["statusCode"], headers, answer["stream"]()
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode("utf-8")
    return answer["statusCode"], headers, [raw] if raw else []


def problem_answer(error: MillraceError, extra: Mapping[str, str] | None = None) -> Answer:
    """A problem that no handler was asked about."""
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    headers |= error.headers | dict(extra or {})
    return error.status, list(headers.items()), [dumps(error.problem()).encode()]
