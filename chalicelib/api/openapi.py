"""/openapi.json: OpenAPI 3.1, made from the routes, their models and their docstrings, so that it cannot say what the code does not do."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from chalicelib.api import endpoint
from chalicelib.api.endpoint import Call, Route, Routes
from chalicelib.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from chalicelib.api.replies import JSON, PROBLEM, Reply, json_reply
from chalicelib.core.config import settings
from chalicelib.definitions.schema import definition_schema

routes = Routes("meta")

VERSION = "0.1.0"
REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_MEANINGS = {
    400: "The request cannot be understood",
    401: "An API key is needed",
    403: "The key's role does not allow this",
    404: "Not found",
    409: "The state of the resource does not allow this",
    412: "The resource has changed since it was read",
    413: "The body is too large",
    415: "The content type is not accepted",
    422: "The request has fields that are not valid",
    428: "Send If-Match with the ETag that was read",
    429: "More calls than the trigger's rate limit allows, or more executions queued than may be; `Retry-After` says when to come back",
    503: "A server Millrace needs is not reachable",
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable; `errors` lists every problem of a 422.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {"path": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


@routes.route("GET", "/openapi.json", role=None, transactional=False)
def get_openapi(call: Call) -> Reply:
    """This document."""
    return json_reply(document(), headers={"Cache-Control": "public, max-age=300"})


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole API as OpenAPI 3.1."""
    schemas: dict[str, Any] = {"Problem": PROBLEM_SCHEMA, "Definition": _definition()}
    paths: dict[str, Any] = {}
    for route in sorted(endpoint.ROUTES, key=lambda route: (route.path, route.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace",
            "version": VERSION,
            "description": "Workflow automation. Errors are RFC 9457 problems; lists answer `items` and `next_cursor`; times are RFC 3339 UTC.",
        },
        "servers": [{"url": f"{settings().base_url}/api"}],
        "security": [{"apiKey": []}],
        "tags": [{"name": tag} for tag in sorted({route.tag for route in endpoint.ROUTES})],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `mr_…`"}},
            "schemas": schemas,
        },
    }


def _definition() -> dict[str, Any]:
    """The workflow language; its own `$defs` stay inside."""
    schema = {name: value for name, value in definition_schema().items() if name != "$schema"}
    return _moved(schema, "#/$defs/", "#/components/schemas/Definition/$defs/")


def _moved(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: inner.replace(old, new, 1) if name == "$ref" else _moved(inner, old, new) for name, inner in value.items()}
    return [_moved(inner, old, new) for inner in value] if isinstance(value, list) else value


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    description = " ".join(route.description.split())
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": re.split(r"(?<=[.:;]) ", description)[0].rstrip(".:;"),
        "description": description,
        "responses": _responses(route, schemas),
    }
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.role is None:
        operation["security"] = []
    else:
        operation["x-millrace-role"] = route.role
    if route.body is not None:
        body = {"content": {JSON: {"schema": _schema(route.body, schemas, "validation")}}, "required": not route.body_optional}
        operation["requestBody"] = body
    elif route.raw:
        operation["requestBody"] = {"content": {"*/*": {}}, "required": False}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PARAMETER.findall(route.path)
    ]
    if route.listing:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        found.append({"name": "limit", "in": "query", "schema": limit})
        found.append(
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next_cursor` of the page before"}
        )
    for name, schema in route.parameters.items():
        said = {key: value for key, value in schema.items() if key != "description"}
        found.append({"name": name, "in": "query", "schema": said, "description": schema.get("description", "")})
    for name, about in _headers(route):
        found.append({"name": name, "in": "header", "schema": {"type": "string"}, "description": about})
    return found


def _headers(route: Route) -> list[tuple[str, str]]:
    if route.name in ("deliver", "deliver_test"):
        return [("Idempotency-Key", "Repeat it on retries: the same key and body are one execution")]
    if "If-Match" in route.description or route.name == "delete_workflow":
        return [("If-Match", "The ETag that was read")]
    return [("If-None-Match", "An ETag that is held: 304 when nothing has changed")] if route.name == "get_workflow" else []


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if route.answer is not None and not (route.listing and _is_page(route.answer)):
        schema = _schema(route.answer, schemas, "serialization")
        success["content"] = {JSON: {"schema": _page_of(schema) if route.listing else schema}}
    elif route.answer is not None:
        success["content"] = {JSON: {"schema": _schema(route.answer, schemas, "serialization")}}
    elif route.status != 204:
        success["content"] = {JSON: {"schema": {"type": "object"}}}
    responses = {str(route.status): success}
    if route.name == "put_workflow":
        responses["201"] = {**success, "description": "Created"}
    for status in _failures(route):
        problem = {"schema": {"$ref": REF.format(model="Problem")}}
        responses[str(status)] = {"description": _MEANINGS[status], "content": {PROBLEM: problem}}
    return dict(sorted(responses.items()))


def _is_page(model: type[BaseModel]) -> bool:
    return "items" in model.model_fields


def _page_of(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {"items": {"type": "array", "items": schema}, "next_cursor": {"type": ["string", "null"]}}
    return {"type": "object", "required": ["items", "next_cursor"], "properties": properties}


def _failures(route: Route) -> list[int]:
    statuses = {503}
    if route.role is not None:
        statuses |= {401, 403}
    if "{" in route.path:
        statuses |= {404}
    if route.body is not None or route.raw:
        statuses |= {400, 413, 415, 422}
    if route.listing or route.query:
        statuses |= {400, 422}
    if route.method in ("POST", "PUT", "PATCH", "DELETE") and route.tag != "identity":
        statuses |= {409}
    if "If-Match" in route.description or route.name == "delete_workflow":
        statuses |= {412}
    if route.name == "patch_workflow":
        statuses |= {428}
    if route.name in ("deliver", "deliver_test"):
        statuses |= {401, 403, 404, 409, 429}
    if route.starts or route.name == "bulk_executions":
        statuses |= {429}
    return sorted(statuses)


def _schema(model: type[BaseModel], schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    """A reference to the model among the components; a `definition` in it points at the workflow language."""
    made = model.model_json_schema(mode=mode, ref_template=REF)
    for name, inner in made.pop("$defs", {}).items():
        schemas[name] = inner
    if not made.get("properties"):
        return {"type": "object", "additionalProperties": False}
    if "definition" in made["properties"]:
        made["properties"]["definition"] = {"$ref": REF.format(model="Definition")}
    schemas[model.__name__] = made
    return {"$ref": REF.format(model=model.__name__)}
