"""Bad input of every kind, at every route that takes any: a clear 4xx, never a 5xx, and nothing altered silently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api import endpoint, mount
from tests.support.api import ECHO, ApiClient
from tests.support.workflows import Database

NUL, LONE, BIG = "a\x00b", "a\ud800b", 2**53 + 1
DEEP = b"[" * 5000 + b"]" * 5000

WHOLE_BODIES: dict[str, bytes] = {
    "malformed": b'{"name": ',
    "trailing": b"{} {}",
    "not utf-8": b"\xff\xfe\x00",
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "nul byte": b'{"name": "a\x00b"}',
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "overflow": b'{"name": 1e999}',
    "huge integer": b'{"name": ' + b"9" * 5000 + b"}",
    "5,000 deep": DEEP,
    "5,000 deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "5,000 deep in a field": b'{"definition": ' + DEEP + b"}",
    "1.2 MB": b'{"name": "' + b"a" * 1_200_000 + b'"}',
    "3 MB": b'{"name": "' + b"a" * 3_000_000 + b'"}',
    "array": b"[]",
    "string": b'"x"',
    "number": b"1",
    "null": b"null",
    "empty": b"",
    "blank": b"  ",
    "unknown field": b'{"nonsense": 1}',
    "unknown fields with strange names": json.dumps({NUL: 1, LONE: 1, "": 1, "a" * 10_000: 1}).encode(),
}
STRANGE_VALUES: list[Any] = [
    None,
    True,
    0,
    BIG,
    -(2**63),
    1.5,
    "",
    NUL,
    LONE,
    "a" * 10_000,
    [],
    [LONE],
    {},
    {NUL: LONE},
    [[[[]]]],
    {"a": {"b": [NUL]}},
]
FIELDS = ["name", "slug", "description", "labels", "enabled", "definition", "workflow_id", "type", "config", "input", "role", "version",
          "idempotency_key", "format", "triggers"]  # fmt: skip
STRANGE_IDS = ["a\x00b", "é", "x" * 10_000, "wf_" + "0" * 26, "%00", "'; DROP TABLE workflows --", "..", "wf_\u0660", " "]

assert mount.RESOURCES  # importing it declares the routes
WRITERS = [route for route in endpoint.ROUTES if route.method in ("POST", "PUT", "PATCH", "DELETE") and route.name != "deliver"]
READERS = [route for route in endpoint.ROUTES if route.method == "GET"]


def real_path(api: ApiClient, route: endpoint.Route) -> str:
    """A path of this route that leads to something that exists, where something can."""
    workflow = api.published()
    values = {"slug": workflow["slug"], "n": "1", "b": "draft", "node_id": "same", "id": workflow["id"], "path": "x"}
    if route.path.startswith("/triggers"):
        values["id"] = api.door(workflow["id"])["id"]
    elif route.path.startswith("/executions"):
        values["id"] = api.post(f"/workflows/{workflow['id']}/executions").json["id"]
    elif route.path.startswith("/api-keys"):
        values["id"] = api.post("/api-keys", {"name": "k", "role": "viewer"}).json["id"]
    return fill(route, values)


def fill(route: endpoint.Route, values: dict[str, str]) -> str:
    path = route.path
    for name, value in values.items():
        path = path.replace("{" + name + "}", value)
    return path


def clear(answer: Any, what: str) -> None:
    assert answer.status < 500, f"{what}: {answer.status} {answer.body[:500]!r}"
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json", what
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json), what


@pytest.mark.parametrize("route", WRITERS, ids=lambda route: route.name)
def test_bodies_that_are_no_request(api: ApiClient, route: endpoint.Route) -> None:
    path = real_path(api, route)
    expected = {
        "malformed": {400},
        "not utf-8": {400},
        "NaN": {400},
        "5,000 deep": {422},
        "3 MB": {413},
        "array": {422},
        "unknown field": {422},
    }
    for what, raw in WHOLE_BODIES.items():
        answer = api.request(route.method, path, raw=raw, headers={"content-type": "application/json"})
        clear(answer, f"{route.method} {path}: {what}")
        if route.body is not None and what in expected:
            assert answer.status in expected[what], f"{route.method} {path}: {what}: {answer.status} {answer.body[:300]!r}"
        if route.method == "DELETE" and answer.status == 204:
            path = real_path(api, route)


@pytest.mark.parametrize("route", [route for route in WRITERS if route.body is not None], ids=lambda route: route.name)
def test_content_types_that_are_not_json(api: ApiClient, route: endpoint.Route) -> None:
    path = real_path(api, route)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "é", ";", "application/json5"):
        answer = api.request(route.method, path, raw=b"{}", headers={"content-type": content_type})
        assert (answer.status, answer.code) in {(415, "unsupported_media_type"), (422, "validation_failed")}, answer.body
    for content_type in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"):
        assert api.request(route.method, path, raw=b"[]", headers={"content-type": content_type}).status == 422


BASES: dict[str, dict[str, Any]] = {
    "create_workflow": {"name": "x", "definition": ECHO},
    "put_workflow": {"name": "x", "definition": ECHO},
    "patch_workflow": {},
    "validate_definition": {},
    "import_workflow": {"format": "millrace-export/1", "name": "x", "definition": ECHO},
    "create_trigger": {"type": "api", "config": {}},
    "patch_trigger": {},
    "create_api_key": {"name": "x", "role": "viewer"},
    "start_execution": {},
}


@pytest.mark.parametrize("route", [route for route in WRITERS if route.name in BASES], ids=lambda route: route.name)
def test_strange_values_in_every_field(api: ApiClient, route: endpoint.Route) -> None:
    path, workflow = real_path(api, route), api.published()["id"]
    base = BASES[route.name] | ({"workflow_id": workflow} if route.name == "create_trigger" else {})
    for field in FIELDS:
        for value in STRANGE_VALUES:
            answer = api.request(route.method, path, json_body={**base, field: value}, headers={"if-match": "*"})
            clear(answer, f"{route.method} {path}: {field}={str(value)[:50]!r}")
            if field not in route.body.model_fields:
                assert answer.status == 422
                assert f"/{field}" in {error["path"] for error in answer.json["errors"]}


def test_a_definition_over_one_megabyte_is_refused(api: ApiClient) -> None:
    large = {**ECHO, "output": "a" * 1_200_000}
    for answer in (
        api.post("/workflows", {"name": "x", "definition": large}),
        api.put("/workflows/by-slug/x", {"name": "x", "definition": large}),
    ):
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert (answer.json["errors"][0]["path"], answer.json["errors"][0]["code"]) == ("/definition", "definition_too_large")
    assert api.post("/workflows/validate", {"definition": large}).json["valid"] is False
    fits = json.dumps({"name": "x", "definition": {**ECHO, "output": "é" * 500_000}}, ensure_ascii=False).encode()
    assert api.request("POST", "/workflows", raw=fits, headers={"content-type": "application/json"}).status == 201


def test_every_problem_is_reported_at_once(api: ApiClient) -> None:
    answer = api.post("/workflows", {"slug": "Not A Slug", "labels": [1, ""], "enabled": "yes", "extra": 1, "description": NUL})
    assert answer.status == 422
    found = {error["path"]: error["code"] for error in answer.json["errors"]}
    assert set(found) == {"/slug", "/labels/0", "/labels/1", "/enabled", "/extra", "/description", "/name", "/definition"}
    assert (found["/name"], found["/extra"], found["/enabled"]) == ("missing", "unknown_field", "wrong_type")
    assert all(error["message"] for error in answer.json["errors"])


@pytest.mark.parametrize(
    "route", [route for route in endpoint.ROUTES if "{" in route.path and route.name != "deliver"], ids=lambda route: route.name
)
def test_strange_ids(api: ApiClient, route: endpoint.Route) -> None:
    body = {"json_body": BASES.get(route.name, {})} if route.body is not None else {}
    for strange in STRANGE_IDS:
        path = fill(route, dict.fromkeys(("id", "slug", "n", "b", "node_id"), strange))
        answer = api.request(route.method, path, **body)
        clear(answer, f"{route.method} {strange!r}")
        expected = (201, 404, 422) if route.name == "put_workflow" else (404, 405, 422)  # an id of another kind makes a fine slug
        assert answer.status in expected, f"{route.method} {path[:100]!r}: {answer.status}"


@pytest.mark.parametrize("route", READERS, ids=lambda route: route.name)
def test_strange_queries(api: ApiClient, route: endpoint.Route) -> None:
    path = "/" if route.name == "deliver" else real_path(api, route)
    names = {"limit", "cursor", *route.parameters} if route.listing or route.query else {"anything"}
    for name in names:
        for value in (
            "",
            "abc",
            "-1",
            "0",
            "201",
            "1.5",
            "1e3",
            "%00",
            "%ff",
            "%ED%A0%80",
            "é",
            "a" * 5000,
            "%",
            "1&limit=2",
            "9" * 30,
            "[]",
            "٥",
        ):
            clear(api.get(f"{path}?{name}={value}"), f"{path}?{name}={value}")
    clear(api.get(path + "?" + "&".join(f"a{n}=1" for n in range(2000))), "2,000 parameters")


@pytest.mark.parametrize("path", ["/workflows", "/triggers", "/executions", "/api-keys", "/dead-letters"])
def test_limits_and_cursors(api: ApiClient, path: str) -> None:
    for limit in ("0", "201", "abc", "-1", "1.0", "", "+5", "1" * 50):
        answer = api.get(f"{path}?limit={limit}")
        assert (answer.status, answer.code, answer.json["errors"][0]["path"]) == (422, "validation_failed", "/limit")
    for limit in ("1", "200"):
        assert api.get(f"{path}?limit={limit}").status == 200
    for bad in ("x", "a" * 10_000, "W10", "WyJhIiwgImIiXQ", "bnVsbA", "é", "%00", "WyJ3b3JrZmxvd3MiLCAxXQ", "=", "////"):
        answer = api.get(f"{path}?cursor={bad}")
        assert (answer.status, answer.code) in {(400, "invalid_cursor"), (400, "bad_request")}, answer.body


def test_a_cursor_of_another_list_is_refused(api: ApiClient) -> None:
    for _ in range(2):
        api.published()
    other = api.get("/workflows?limit=1").json["next_cursor"]
    assert api.get(f"/workflows?cursor={other}").status == 200
    assert api.get(f"/triggers?cursor={other}").code == "invalid_cursor"


def test_unknown_paths_and_methods_are_problems_too(api: ApiClient) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "FLY"):
        for path in (
            "/nothing",
            "/workflows/a/b/c/d",
            "//nothing",
            "/",
            "/workflows//versions",
            "//..//etc/passwd",
            "//%2e%2e/x",
            "//a\x00b",
        ):
            answer = api.request(method, path)
            assert answer.status in (404, 405), f"{method} {path}: {answer.status}"
            assert answer.headers["content-type"] == "application/problem+json"
    wrong = api.request("PUT", "/workflows")
    assert (wrong.status, wrong.code) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert api.front({"REQUEST_METHOD": "GET", "PATH_INFO": "/api/\xff", "QUERY_STRING": ""}, lambda status, headers: None) != []


@pytest.mark.parametrize("value", [BIG, -BIG, 2**63 - 1, -(2**63), 0.1, 1e308, NUL, LONE, "\U0001f600", [], {}, None, True])
def test_what_is_taken_comes_back_exactly(api: ApiClient, value: Any) -> None:
    made = api.published()
    started = api.post(f"/workflows/{made['id']}/executions", {"input": {"value": value, NUL: LONE}})
    assert started.status == 202
    back = api.get(f"/executions/{started.json['id']}").json["input"]
    assert back == {"value": value, NUL: LONE}
    assert type(back["value"]) is type(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec=None), max_size=10), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON_VALUES)
def test_any_json_goes_in_and_comes_out_the_same(api: ApiClient, database: Database, value: Any) -> None:
    if not hasattr(api, "echo_id"):
        api.echo_id = api.published()["id"]
        api.echo_path = api.door(api.echo_id)["config"]["path"]
    by_hand = api.post(f"/workflows/{api.echo_id}/executions", {"input": value})
    assert by_hand.status == 202
    assert api.get(f"/executions/{by_hand.json['id']}").json["input"] == value
    at_the_door = api.post(f"/trigger/{api.echo_path}", value)
    assert at_the_door.status == 202
    assert api.get(f"/executions/{at_the_door.json['execution_id']}").json["input"] == value


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON_VALUES, raw=st.binary(max_size=60), content_type=st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x",
       "application/x-www-form-urlencoded", "a/b", ""]))  # fmt: skip
def test_any_body_at_all_is_taken_or_refused_with_words(api: ApiClient, value: Any, raw: bytes, content_type: str) -> None:
    if not hasattr(api, "open_path"):
        api.open_path = api.door(api.published()["id"])["config"]["path"]
    clear(
        api.request(
            "POST",
            f"/trigger/{api.open_path}",
            raw=raw,
            headers={"content-type": content_type, "idempotency-key": raw.decode("latin-1")},
        ),
        "trigger",
    )
    clear(api.post("/workflows", {"name": "x", "definition": value}), "a definition")
    clear(api.post("/triggers", {"workflow_id": "wf_x", "type": "api", "config": {}, "input": value}), "a mapping")
    clear(api.request("POST", "/workflows", raw=raw, headers={"content-type": "application/json"}), "raw")
