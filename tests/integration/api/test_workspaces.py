"""Workspaces over HTTP: made by the operator, apart from each other in everything that is theirs."""

from __future__ import annotations

import re

import pytest

from chalicelib.api import endpoint
from tests.support.api import ApiClient
from tests.support.workflows import Database


def second(api: ApiClient) -> tuple[str, ApiClient]:
    """Another workspace, and a client with an admin key of it."""
    made = api.post("/workspaces", {"name": "Second", "slug": "second"})
    assert made.status == 201, made.body
    key = api.post("/api-keys", {"name": "admin of second", "role": "admin"}, Millrace_Workspace="second")
    assert key.status == 201, key.body
    return made.json["id"], api.as_key(key.json["key"])


def test_the_operator_makes_them_and_acts_in_any(api: ApiClient) -> None:
    workspace_id, other = second(api)
    assert [row["slug"] for row in api.get("/workspaces").json["items"]] == ["second", "default"]
    assert other.get("/me").json["workspace"] == {"id": workspace_id, "slug": "second", "name": "Second"}
    assert api.get("/me").json["workspace"]["slug"] == "default"
    assert api.get("/me", Millrace_Workspace=workspace_id).json["workspace"]["slug"] == "second"
    made = api.post("/workflows", {"name": "Mine", "definition": {"schema": "millrace/1", "nodes": []}}, Millrace_Workspace="second")
    assert [row["id"] for row in other.get("/workflows").json["items"]] == [made.json["id"]]
    assert api.get("/workflows").json["items"] == []
    assert api.get(f"/workflows/{made.json['id']}").status == 404
    assert [entry["action"] for entry in other.get("/audit").json["items"]] == ["create_workflow", "create_api_key"]
    assert api.get("/audit/check", Millrace_Workspace="second").json["intact"]
    assert api.get("/me", Millrace_Workspace="nobody").status == 404


def test_a_key_sees_its_own_and_no_other(api: ApiClient) -> None:
    workspace_id, other = second(api)
    default_id = api.get("/me").json["workspace"]["id"]
    assert [row["id"] for row in other.get("/workspaces").json["items"]] == [workspace_id]
    assert other.get(f"/workspaces/{workspace_id}").json["name"] == "Second"
    assert other.get(f"/workspaces/{default_id}").status == 404
    assert other.patch(f"/workspaces/{default_id}", {"name": "Taken over"}).status == 404
    assert other.get("/me", Millrace_Workspace="default").status == 403
    assert other.get("/me", Millrace_Workspace="second").status == 200
    assert other.get("/me", Millrace_Workspace="nobody").status == 403  # whether there is one is none of its business
    assert other.post("/workspaces", {"name": "x", "slug": "x"}).status == 403


def test_names_and_slugs(api: ApiClient) -> None:
    workspace_id, other = second(api)
    assert api.post("/workspaces", {"name": "Again", "slug": "second"}).code == "slug_taken"
    assert other.patch(f"/workspaces/{workspace_id}", {"slug": "default"}).code == "slug_taken"
    changed = other.patch(f"/workspaces/{workspace_id}", {"name": "Renamed", "slug": "renamed"})
    assert (changed.json["name"], changed.json["slug"]) == ("Renamed", "renamed")
    assert api.get("/me", Millrace_Workspace="renamed").json["workspace"]["id"] == workspace_id
    assert api.get("/me", Millrace_Workspace="second").status == 404
    for body in ({}, {"name": ""}, {"slug": "No Slug"}, {"name": None}, {"more": 1}):
        assert other.patch(f"/workspaces/{workspace_id}", body).status == 422
    editor = other.as_key(other.post("/api-keys", {"name": "e", "role": "editor"}).json["key"])
    assert editor.patch(f"/workspaces/{workspace_id}", {"name": "x"}).status == 403


@pytest.mark.parametrize("header", ["", " ", "x" * 300, "caf\u00e9", "a\\b"])
def test_odd_headers(api: ApiClient, header: str) -> None:
    assert api.get("/me", Millrace_Workspace=header).status in (200, 404)


def test_no_route_shows_one_workspace_what_is_anothers(api: ApiClient, database: Database) -> None:
    """Every GET route with an id, asked by an admin of another workspace for what exists."""
    _, other = second(api)
    workflow = api.published()
    trigger = api.door(workflow["id"])
    execution = api.post(f"/workflows/{workflow['id']}/executions").json
    key = api.post("/api-keys", {"name": "k", "role": "viewer"}).json
    credential = api.post("/credentials", {"name": "Pay", "type": "bearer", "data": {"token": "t"}}).json
    mine = {
        "/workflows": workflow["id"], "/triggers": trigger["id"], "/executions": execution["id"], "/api-keys": key["id"], "/credentials": credential["id"],
    }  # fmt: skip
    asked = 0
    for route in endpoint.ROUTES:
        start = next((start for start in mine if route.path.startswith(start + "/{id}")), None)
        if start is None or route.role is None or route.method not in ("GET", "POST", "DELETE"):
            continue
        path = re.sub(r"\{\w+\}", "1", route.path.replace("{id}", mine[start]))
        answer = other.request(route.method, path, json_body={})
        assert answer.status in (404, 422), (route.method, path, answer.status, answer.body[:200])
        asked += 1
    assert asked > 20
    assert api.get(f"/workflows/{workflow['id']}").status == 200
    for start in mine:
        assert other.get(start).json["items"] == [] or start == "/api-keys"
