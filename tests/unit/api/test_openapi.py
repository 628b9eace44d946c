"""The OpenAPI document: valid, complete, and true to the routes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api import endpoint
from chalicelib.api.openapi import document

# What the contract names of this issue, beside /trigger/{path} (any method).
CONTRACT = """
POST /workflows; GET /workflows; GET /workflows/{id}; PATCH /workflows/{id}; DELETE /workflows/{id}; PUT /workflows/by-slug/{slug}; POST /workflows/validate;
POST /workflows/{id}/publish; GET /workflows/{id}/versions; GET /workflows/{id}/versions/{}; GET /workflows/{id}/versions/{}/diff/{};
POST /workflows/{id}/versions/{}/rollback; GET /workflows/{id}/export; POST /workflows/import; POST /workflows/{id}/executions; POST /triggers; GET /triggers;
GET /triggers/{id}; PATCH /triggers/{id}; DELETE /triggers/{id}; GET /triggers/{id}/occurrences; POST /trigger/{path}; GET /executions; GET /executions/{id};
GET /executions/{id}/events; POST /executions/{id}/cancel; POST /executions/{id}/nodes/{node_id}/wake; GET /registry/actions; GET /registry/triggers;
GET /dead-letters; POST /dead-letters/{id}/replay; POST /api-keys; GET /api-keys; DELETE /api-keys/{id}; GET /me; GET /health; GET /openapi.json
"""


def plain(path: str) -> str:
    return re.sub(r"\{\w*\}", "{}", path)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values())) if value else own
    return set().union(*(references(inner) for inner in value)) if isinstance(value, list) and value else set()


def test_it_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(document()).validate()
    assert document()["openapi"].startswith("3.1")
    assert json.loads(json.dumps(document())) == document()


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document()):
        found: Any = document()
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert isinstance(found, dict)


def test_it_has_every_route_of_the_contract() -> None:
    described = {f"{method.upper()} {plain(path)}" for path, methods in document()["paths"].items() for method in methods}
    promised = {plain(" ".join(line.split())) for line in CONTRACT.split(";")}
    assert promised - described == set()


def test_it_describes_exactly_what_is_mounted() -> None:
    mounted = {(method, path) for path, methods in app.routes.items() for method in methods if not path.startswith("/trigger/")}
    described = {(route.method, route.path) for route in endpoint.ROUTES if not route.path.startswith("/trigger/")}
    assert mounted == described
    assert len({route.name for route in endpoint.ROUTES}) == len(endpoint.ROUTES)


@pytest.mark.parametrize("route", endpoint.ROUTES, ids=lambda route: route.name)
def test_each_operation_says_what_it_does_and_who_may(route: endpoint.Route) -> None:
    operation = document()["paths"][route.path][route.method.lower()]
    assert len(operation["summary"]) > 10
    assert operation["description"].endswith((".", "`", ")"))
    assert ("security" in operation) == (route.role is None)
    assert {str(route.status), "503"} <= set(operation["responses"])
    named = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", route.path))
