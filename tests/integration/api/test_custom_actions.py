"""A workspace's own node types: defined, run, versioned, pinned, imported from OpenAPI."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.api import ApiClient
from tests.support.http_server import Request, answer, serving
from tests.support.runs import run_definition, run_node, until_ended
from tests.support.workflows import definition

pytestmark = pytest.mark.usefixtures("worker")
KEY = "weather-key-canary-123456"


@pytest.fixture
def server():
    def reply(request: Request) -> bytes:
        said = {"method": request.method, "path": request.path, "headers": request.headers, "body": request.body.decode(), "temp": 21}
        return answer(json.dumps(said).encode(), "200 OK", "Content-Type: application/json")

    with serving(reply) as running:
        yield running


def weather(server, **fields: Any) -> dict[str, Any]:
    return {
        "type": "weather.current",
        "title": "Current weather",
        "description": "Asks for the weather of a city.",
        "documentation": "# Weather",
        "icon": "cloud",
        "config_schema": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "units": {"enum": ["c", "f"]}}, "additionalProperties": False},
        "http": {
            "url": server.url("/v1/{city}/now"),
            "path": {"city": "{{ input.city }}"},
            "query": {"units": "{{ has(input.units) ? input.units : null }}"},
        },
        "output": {"degrees": "{{ response.body.temp }}", "asked": "{{ input.city }}", "path": "{{ response.body.path }}"},
        "example": {"city": "Berlin"},
        **fields,
    }


def made(api: ApiClient, document: dict[str, Any]) -> dict[str, Any]:
    answered = api.post("/registry/actions", document)
    assert answered.status == 201, answered.body
    return answered.json


def test_an_action_of_ones_own_is_in_the_palette_and_runs(api, server):
    entry = made(api, weather(server))
    assert (entry["type"], entry["version"], entry["custom"], entry["icon"], entry["effect"]) == ("weather.current", 1, True, "cloud", "effect")
    listed = next(item for item in api.get("/registry/actions").json["items"] if item["type"] == "weather.current")
    assert listed["config_schema"]["required"] == ["city"]
    assert listed["ports"] == ["main", "error"]
    node = run_node(api, "weather.current", {"city": "São Paulo/../x?y", "units": "{{ 'c' }}"})
    assert node["status"] == "succeeded", node
    assert node["type"] == "weather.current"
    assert node["output"] == {"degrees": 21, "asked": "São Paulo/../x?y", "path": "/v1/S%C3%A3o%20Paulo%2F..%2Fx%3Fy/now?units=c"}
    assert server.requests[-1].headers["idempotency-key"].endswith(".n")


def test_its_schema_is_checked_when_publishing_and_when_running(api, server):
    made(api, weather(server))
    for config, path in [({}, "/city"), ({"city": 5}, "/city"), ({"city": "x", "more": 1}, "/more"), ({"city": "x", "units": "k"}, "/units")]:
        workflow = api.workflow(definition({"id": "n", "type": "weather.current", "config": config}))
        answered = api.post(f"/workflows/{workflow['id']}/publish")
        assert answered.status == 422
        assert f"/definition/nodes/0/config{path}" in [error["path"] for error in answered.json["errors"]]
    node = run_node(api, "weather.current", {"city": "{{ 5 }}"})
    assert node["error"]["code"] == "invalid_config"
    assert node["error"]["message"] == "city: this should be text"


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"type": "http.request"}, "/type", "type_taken"),
        ({"type": "Weather"}, "/type", None),
        ({"http": None}, "", None),
        ({"function": {"language": "python", "source": "def main(input): return 1"}}, "", None),
        ({"http": {"url": "https://a.example", "metod": "GET"}}, "/http/metod", "config_extra_forbidden"),
        ({"http": {"url": "https://a.example/{{ nodes.x }}"}}, "/http/url", "unknown_name"),
        ({"http": {"url": "https://a.example/{{ input. }}"}}, "/http/url", "expression_error"),
        ({"output": "{{ inptu.city }}"}, "/output", "expression_error"),
        ({"config_schema": {"type": "array"}}, "/config_schema/type", "schema_invalid"),
        ({"config_schema": {"type": "object", "properties": {"a": {"type": "strin"}}}}, "/config_schema/properties/a/type", "schema_invalid"),
        ({"config_schema": {"type": "object", "properties": {"a": {"$ref": "https://evil.example/x"}}}}, "/config_schema/properties/a/$ref", "schema_remote_ref"),
        ({"http": {"url": "https://a.example", "auth": {"credential": "nobody"}}}, "/http/auth/credential", "unknown_credential"),
    ],
)
def test_what_is_wrong_is_named(api, server, fields, path, code):
    document = {name: value for name, value in weather(server, **fields).items() if value is not None}
    answered = api.post("/registry/actions", document)
    assert answered.status == 422
    errors = [(error["path"], error["code"]) for error in answered.json["errors"]]
    assert path in [where for where, _ in errors]
    assert code is None or (path, code) in errors


def test_a_credential_can_be_the_actions_own_or_a_field_of_the_node(api, server):
    api.post("/credentials", {"name": "Weather", "type": "header", "data": {"name": "X-Key", "value": KEY}})
    http = {"url": server.url("/x"), "auth": {"credential": "weather"}}
    made(api, weather(server, http=http, output="{{ response.body.headers }}"))
    node = run_node(api, "weather.current", {"city": "x"})
    assert server.requests[-1].headers["x-key"] == KEY
    assert node["output"]["x-key"] == "[redacted]"
    schema = {"type": "object", "properties": {"key": {"type": "string", "format": "credential", "x-credential-kinds": ["http"]}}}
    http = {"url": server.url("/x"), "auth": {"credential": "{{ input.key }}"}}
    made(api, {"type": "weather.other", "title": "Other", "config_schema": schema, "http": http})
    assert run_node(api, "weather.other", {"key": "weather"})["status"] == "succeeded"
    workflow = api.workflow(definition({"id": "n", "type": "weather.other", "config": {"key": "weathr"}}))
    answered = api.post(f"/workflows/{workflow['id']}/publish")
    assert [(e["path"], e["code"]) for e in answered.json["errors"]] == [("/definition/nodes/0/config/key", "unknown_credential")]


def test_a_change_is_a_new_version_and_what_is_published_keeps_its_own(api, server):
    made(api, weather(server, output={"v": 1}))
    workflow = api.published(definition({"id": "n", "type": "weather.current", "config": {"city": "x"}}, output="{{ nodes.n.output }}"))

    def run(version: Any = None) -> Any:
        body = {"input": {}} | ({"version": version} if version else {})
        return until_ended(api, api.post(f"/workflows/{workflow['id']}/executions", body).json["id"])["output"]

    assert run() == {"v": 1}
    assert run("draft") == {"v": 1}
    changed = api.patch("/registry/actions/weather.current", {"output": {"v": 2}})
    assert (changed.status, changed.json["version"]) == (200, 2)
    assert api.patch("/registry/actions/weather.current", {"output": {"v": 2}}).json["version"] == 2
    assert run() == {"v": 1}
    assert run("draft") == {"v": 2}
    api.post(f"/workflows/{workflow['id']}/publish")
    assert run() == {"v": 2}
    assert [each["version"] for each in api.get("/registry/actions/weather.current/versions").json["items"]] == [2, 1]
    assert api.delete("/registry/actions/weather.current").status == 204
    assert run() == {"v": 2}
    gone = api.post(f"/workflows/{workflow['id']}/publish")
    assert [error["code"] for error in gone.json["errors"]] == ["unknown_type"]
    assert made(api, weather(server, output={"v": 3}))["version"] == 3


def test_a_loops_body_may_name_one_too_and_is_pinned_with_it(api, server):
    made(api, weather(server, output="{{ response.body.path }}"))
    body = {"nodes": [{"id": "ask", "type": "weather.current", "config": {"city": "{{ item }}"}}], "edges": [], "output": "{{ nodes.ask.output }}"}
    workflow = api.published(definition({"id": "n", "type": "map", "config": {"items": ["a", "b"], "body": body}}, output="{{ nodes.n.output }}"))
    api.delete("/registry/actions/weather.current")
    ended = until_ended(api, api.post(f"/workflows/{workflow['id']}/executions", {}).json["id"])
    assert ended["output"] == ["/v1/a/now", "/v1/b/now"], ended


def test_types_are_taken_once_and_built_in_ones_cannot_be_changed(api, server):
    made(api, weather(server))
    again = api.post("/registry/actions", weather(server))
    assert (again.status, again.code) == (409, "type_taken")
    for method in ("PATCH", "DELETE"):
        answered = api.request(method, "/registry/actions/http.request", **({"json_body": {"title": "x"}} if method == "PATCH" else {}))
        assert answered.status == 404
        assert "built in" in answered.json["detail"]
    assert api.get("/registry/actions/http.request").json["type"] == "http.request"


def test_an_export_can_be_posted_again(api, server):
    made(api, weather(server))
    document = api.get("/registry/actions/weather.current/export").json
    api.delete("/registry/actions/weather.current")
    assert made(api, document)["document"] == document


def test_viewers_look_and_do_not_touch(api, server):
    viewer = api.as_key(api.post("/api-keys", {"name": "v", "role": "viewer"}).json["key"])
    assert viewer.post("/registry/actions", weather(server)).status == 403
    made(api, weather(server))
    assert viewer.get("/registry/actions/weather.current").status == 200
    assert viewer.delete("/registry/actions/weather.current").status == 403


def test_errors_of_the_call_are_those_of_http_request(api):
    with serving(lambda request: answer(b"no", "503 Unavailable")) as server:
        made(api, {"type": "a.b", "title": "A", "http": {"url": server.url()}})
        execution = run_definition(api, definition({"id": "n", "type": "a.b", "retry": {"max_attempts": 2, "initial_seconds": 0.01}}))
        assert (execution["error"]["code"], execution["error"]["class"]) == ("http_status", "http.503")
        assert len(server.requests) == 2
        assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_a_function_of_ones_own(api):
    source = "def main(input):\n    return {'double': input['n'] * 2}\n"
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    made(api, {"type": "math.double", "title": "Double", "config_schema": schema, "function": {"language": "python", "source": source}, "output": "{{ response.double }}"})
    node = run_node(api, "math.double", {"n": "{{ 20 + 1 }}"})
    assert node["output"] == 42, node


# --- OpenAPI ---------------------------------------------------------------------------------------------------------------------------------------------

PETS = """
openapi: 3.0.3
info: {title: Pet Store, version: "1"}
servers: [{url: "SERVER/v1"}]
security: [{key: []}]
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  parameters:
    Limit: {name: limit, in: query, schema: {type: integer, minimum: 1, exclusiveMinimum: true}}
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: {type: string}
        tag: {type: string, nullable: true}
        parent: {$ref: "#/components/schemas/Pet"}
paths:
  /pets:
    get:
      operationId: listPets
      summary: List all pets
      parameters: [{$ref: "#/components/parameters/Limit"}, {name: X-Trace, in: header, schema: {type: string}}]
      responses: {"200": {description: ok, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}}}}}
    post:
      operationId: createPet
      security: []
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
      responses: {"201": {description: made}}
  /pets/{pet-id}:
    parameters: [{name: pet-id, in: path, required: true, schema: {type: string}}]
    get:
      responses: {"200": {description: ok}}
    put:
      requestBody: {content: {image/png: {schema: {type: string}}}}
      responses: {"200": {description: ok}}
"""


def test_an_openapi_document_imports_as_one_action_per_operation(api, server):
    document = PETS.replace("SERVER", server.url(""))
    dry = api.post("/registry/actions/openapi", {"document": document, "dry_run": True})
    assert {item["outcome"] for item in dry.json["items"]} == {"new", "skipped"}
    done = api.post("/registry/actions/openapi", {"document": document})
    assert done.status == 200, done.body
    assert [(item["operation"], item["type"], item["outcome"]) for item in done.json["items"]] == [
        ("GET /pets", "pet_store.list_pets", "created"),
        ("POST /pets", "pet_store.create_pet", "created"),
        ("GET /pets/{pet-id}", "pet_store.get_pets_pet_id", "created"),
        ("PUT /pets/{pet-id}", None, "skipped"),
    ]
    assert "image/png" in done.json["items"][3]["reason"]
    again = api.post("/registry/actions/openapi", {"document": document})
    assert {item["outcome"] for item in again.json["items"]} == {"unchanged", "skipped"}

    listed = api.get("/registry/actions/pet_store.list_pets").json
    assert listed["title"] == "List all pets"
    assert listed["config_schema"]["properties"]["limit"] == {"type": "integer", "exclusiveMinimum": 1}
    assert listed["config_schema"]["required"] == ["credential"]
    assert listed["output_schema"]["$defs"]["Pet"]["properties"]["tag"]["type"] == ["string", "null"]

    api.post("/credentials", {"name": "Pets", "type": "header", "data": {"name": "X-Key", "value": KEY}})
    node = run_node(api, "pet_store.list_pets", {"limit": 5, "credential": "pets"})
    assert node["status"] == "succeeded", node
    assert urlsplit(server.requests[-1].path).path == "/v1/pets"
    assert urlsplit(server.requests[-1].path).query == "limit=5"
    assert server.requests[-1].headers["x-key"] == KEY
    run_node(api, "pet_store.list_pets", {"credential": "pets", "X-Trace": "t"})
    assert (server.requests[-1].path, server.requests[-1].headers["x-trace"]) == ("/v1/pets", "t")
    run_node(api, "pet_store.create_pet", {"body": {"name": "Rex", "parent": {"name": "Max"}}})
    assert (server.requests[-1].method, json.loads(server.requests[-1].body)) == ("POST", {"name": "Rex", "parent": {"name": "Max"}})
    run_node(api, "pet_store.get_pets_pet_id", {"pet-id": "a/b", "credential": "pets"})
    assert server.requests[-1].path == "/v1/pets/a%2Fb"
    workflow = api.workflow(definition({"id": "n", "type": "pet_store.create_pet", "config": {"body": {"tag": "x"}}}))
    errors = api.post(f"/workflows/{workflow['id']}/publish").json["errors"]
    assert [error["path"] for error in errors] == ["/definition/nodes/0/config/body/name"]


def test_one_credential_and_server_for_all_and_only_some_operations(api, server):
    api.post("/credentials", {"name": "Pets", "type": "header", "data": {"name": "X-Key", "value": KEY}})
    body = {"document": PETS.replace("SERVER", "https://x.example"), "prefix": "zoo", "server": server.url("/api"), "credential": "pets", "operations": ["GET /pets"]}
    done = api.post("/registry/actions/openapi", body).json["items"]
    assert [item["type"] for item in done if item["outcome"] == "created"] == ["zoo.list_pets"]
    assert run_node(api, "zoo.list_pets", {})["status"] == "succeeded"
    assert (server.requests[-1].path, server.requests[-1].headers["x-key"]) == ("/api/pets", KEY)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"swagger": "2.0", "paths": {}}, "not_openapi"),
        ({"openapi": "3.1.0"}, "missing"),
        ("a: [", "not_readable"),
        ("a: &x [1]\nb: *x\n", "not_readable"),
        ("{", "not_readable"),
        (5, "not_openapi"),
        (None, "not_openapi"),
    ],
)
def test_what_is_no_openapi_document_is_told(api, document, code):
    answered = api.post("/registry/actions/openapi", {"document": document})
    assert answered.status == 422, answered.body
    assert answered.json["errors"][0]["code"] == code


def test_our_own_openapi_document_imports(api):
    """A large document with everything our API has: every operation becomes an action, or says why not."""
    document = api.get("/openapi.json").json
    done = api.post("/registry/actions/openapi", {"document": document, "prefix": "own"}).json["items"]
    skipped = [item for item in done if item["outcome"] == "skipped"]
    assert len(done) > 60
    assert all("*/*" in item["reason"] for item in skipped), skipped


