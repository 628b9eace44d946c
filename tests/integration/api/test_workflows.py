"""/workflows: drafts, ETags, versions, documents."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.api import ECHO, ApiClient
from tests.support.workflows import Database

BROKEN = {"schema": "millrace/1", "nodes": [{"id": "a", "type": "no.such"}, {"id": "b", "type": "condition"}], "edges": []}


def with_value(value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(ECHO)
    changed["output"] = value
    return changed


def test_create_answers_the_resource_its_place_and_its_tag(api: ApiClient) -> None:
    made = api.post("/workflows", {"name": "Größe & Maß", "definition": ECHO, "labels": ["a", "b", "a"], "description": "d"})
    assert made.status == 201
    assert made.json["slug"] == "grosse-mass"
    assert made.json["labels"] == ["a", "b"]
    assert made.json["definition"] == ECHO
    assert made.json["revision"] == 1
    assert made.json["live_version"] is None
    assert made.json["issues"] == []
    assert made.headers["location"] == f"/api/workflows/{made.json['id']}"
    read = api.request("GET", "/" + made.headers["location"])
    assert read.json == made.json
    assert read.headers["etag"] == made.headers["etag"]
    assert read.headers["etag"].startswith('"')


def test_slugs_are_numbered_when_made_and_refused_when_given(api: ApiClient) -> None:
    slugs = [api.workflow()["slug"] for _ in range(3)]
    assert slugs == ["test", "test-2", "test-3"]
    answer = api.post("/workflows", {"name": "x", "slug": "test", "definition": ECHO})
    assert (answer.status, answer.code) == (409, "slug_taken")
    other = api.workflow(slug="other")
    assert api.patch(f"/workflows/{other['id']}", {"slug": "test"}).code == "slug_taken"
    assert api.get(f"/workflows/{other['id']}").json["slug"] == "other"


def test_a_draft_may_be_invalid_but_must_be_well_formed(api: ApiClient) -> None:
    made = api.workflow(BROKEN)
    assert {issue["path"] for issue in made["issues"]} >= {"/definition/nodes/0/type", "/definition/nodes/1/config/expression"}
    refused = api.post(f"/workflows/{made['id']}/publish")
    assert refused.status == 422
    assert {error["path"] for error in refused.json["errors"]} == {i["path"] for i in made["issues"] if i["severity"] == "error"}
    malformed = {
        "schema": "millrace/1",
        "nodes": [{"id": "Bad"}, {"id": "x", "type": "stop"}],
        "edges": [{"from": "x", "to": "gone"}],
    }
    answer = api.post("/workflows", {"name": "x", "definition": malformed})
    assert answer.status == 422
    paths = {error["path"] for error in answer.json["errors"]}
    assert {"/definition/nodes/0/id", "/definition/nodes/0/type", "/definition/edges/0/to"} <= paths


def test_changing_a_definition_needs_the_tag_of_the_draft(api: ApiClient) -> None:
    made = api.workflow()
    path = f"/workflows/{made['id']}"
    assert api.patch(path, {"definition": ECHO}).status == 428
    assert api.patch(path, {"name": "Renamed"}).status == 200
    stale = api.patch(path, {"definition": with_value(1)}, If_Match=made["etag"])
    assert (stale.status, stale.code) == (412, "precondition_failed")
    current = api.get(path).headers["etag"]
    saved = api.patch(path, {"definition": with_value(1)}, If_Match=f'"other", {current}')
    assert saved.status == 200
    assert saved.json["revision"] == 3
    assert api.patch(path, {"definition": with_value(2)}, If_Match=f"W/{saved.headers['etag']}").status == 412
    assert api.patch(path, {"definition": with_value(2)}, If_Match="*").status == 200
    assert api.get(path).json["definition"] == with_value(2)


def test_publishing_between_two_saves_overwrites_nothing_and_so_stops_nothing(api: ApiClient) -> None:
    made = api.workflow()
    path = f"/workflows/{made['id']}"
    assert api.post(f"{path}/publish", If_Match=made["etag"]).status == 201
    assert api.patch(path, {"definition": with_value(1)}, If_Match=made["etag"]).status == 200
    assert api.post(f"{path}/publish", If_Match=made["etag"]).status == 412


def test_a_reader_that_holds_the_tag_is_sent_nothing_until_something_changes(api: ApiClient) -> None:
    made = api.workflow()
    path = f"/workflows/{made['id']}"
    held = api.get(path, If_None_Match=made["etag"])
    assert (held.status, held.body) == (304, b"")
    api.post(f"{path}/publish")
    assert api.get(path, If_None_Match=made["etag"]).json["live_version"] == 1


def test_patch_replaces_only_what_is_given(api: ApiClient) -> None:
    made = api.workflow(labels=["keep"], description="keep")
    changed = api.patch(f"/workflows/{made['id']}", {"enabled": False}).json
    assert (changed["enabled"], changed["labels"], changed["description"]) == (False, ["keep"], "keep")
    refused = api.patch(f"/workflows/{made['id']}", {"name": None, "labels": None, "nonsense": 1})
    assert {error["path"] for error in refused.json["errors"]} == {"/name", "/labels", "/nonsense"}


def test_put_by_slug_creates_updates_and_changes_nothing_the_third_time(api: ApiClient) -> None:
    body = {"name": "Orders", "definition": ECHO}
    first = api.put("/workflows/by-slug/orders", body)
    assert first.status == 201
    assert first.json["slug"] == "orders"
    api.patch(f"/workflows/{first.json['id']}", {"enabled": False})
    second = api.put("/workflows/by-slug/orders", {**body, "definition": with_value(1)})
    assert (second.status, second.json["id"], second.json["enabled"]) == (200, first.json["id"], False)
    third = api.put("/workflows/by-slug/orders", {**body, "definition": with_value(1)})
    assert third.json["revision"] == second.json["revision"]
    assert third.headers["etag"] == second.headers["etag"]
    assert api.put("/workflows/by-slug/orders", body, If_Match=first.headers["etag"]).status == 412
    assert api.put("/workflows/by-slug/orders", body, If_None_Match="*").status == 412
    assert api.put("/workflows/by-slug/new", body, If_Match='"x"').status == 412
    assert api.put("/workflows/by-slug/Not A Slug", body).json["errors"][0]["path"] == "/slug"
    assert api.put("/workflows/by-slug/orders", {**body, "slug": "else"}).json["errors"][0]["code"] == "slug_mismatch"
    assert api.get("/workflows/by-slug/orders").json["id"] == first.json["id"]


def test_validate_says_everything_and_changes_nothing(api: ApiClient) -> None:
    good = api.post("/workflows/validate", {"definition": ECHO})
    assert (good.status, good.json) == (200, {"valid": True, "issues": []})
    bad = api.post("/workflows/validate", {"definition": BROKEN}).json
    assert bad["valid"] is False
    assert len(bad["issues"]) >= 2
    assert all(set(issue) == {"path", "code", "message", "severity"} for issue in bad["issues"])
    for nonsense in (None, [], "x", 7, {"schema": "millrace/2", "nodes": {}}):
        answer = api.post("/workflows/validate", {"definition": nonsense})
        assert (answer.status, answer.json["valid"]) == (200, False)
    assert api.post("/workflows/validate", {}).status == 422
    assert api.get("/workflows").json["items"] == []


def test_versions_are_numbered_live_at_once_and_never_change(api: ApiClient) -> None:
    made = api.workflow(with_value(1))
    path = f"/workflows/{made['id']}"
    assert api.post(f"{path}/publish").json["version"] == 1
    api.patch(path, {"definition": with_value(2)}, If_Match="*")
    second = api.post(f"{path}/publish")
    assert (second.json["version"], second.json["live"]) == (2, True)
    assert api.request("GET", "/" + second.headers["location"]).json["definition"] == with_value(2)
    assert api.get(f"{path}/versions/1").json["definition"] == with_value(1)
    assert [(v["version"], v["live"]) for v in api.get(f"{path}/versions").json["items"]] == [(2, True), (1, False)]
    back = api.post(f"{path}/versions/1/rollback")
    assert (back.status, back.json["live_version"], back.json["definition"]) == (200, 1, with_value(2))
    assert api.post(f"{path}/publish").json["version"] == 3
    for wrong in ("4", "0", "-1", "x", "1" * 30, "1.0", "٣"):
        assert api.get(f"{path}/versions/{wrong}").code == "not_found"
        assert api.post(f"{path}/versions/{wrong}/rollback").code == "not_found"


def test_versions_are_paged(api: ApiClient) -> None:
    made = api.workflow()
    for _ in range(5):
        api.post(f"/workflows/{made['id']}/publish")
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/workflows/{made['id']}/versions?limit=2{cursor and '&cursor=' + cursor}").json
        seen += [version["version"] for version in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [5, 4, 3, 2, 1]


def test_diff_names_nodes_edges_and_settings(api: ApiClient) -> None:
    before = {
        "schema": "millrace/1",
        "nodes": [{"id": "a", "type": "stop", "config": {}}, {"id": "b", "type": "transform", "config": {"assign": {"x": "1"}}}],
        "edges": [{"from": "b", "to": "a"}],
    }
    after = copy.deepcopy(before)
    after["nodes"][1]["config"]["assign"]["x"] = "2"
    after["nodes"].append({"id": "c", "type": "stop", "config": {}})
    after["edges"] = [{"from": "b", "port": "main", "to": "a"}, {"from": "b", "to": "c"}]
    after["settings"] = {"timeout_seconds": 5}
    made = api.published(before)
    path = f"/workflows/{made['id']}"
    api.patch(path, {"definition": after}, If_Match="*")
    assert api.post(f"{path}/publish").status == 201
    found = api.get(f"{path}/versions/1/diff/2").json
    assert [node["id"] for node in found["nodes"]["added"]] == ["c"]
    assert found["nodes"]["removed"] == []
    changes = [{"path": "/config/assign/x", "op": "changed", "from": "1", "to": "2"}]
    assert found["nodes"]["changed"] == [{"id": "b", "changes": changes}]
    assert found["edges"] == {"added": [{"from": "b", "port": "main", "to": "c"}], "removed": []}
    assert found["settings"] == [{"path": "/settings", "op": "added", "to": {"timeout_seconds": 5}}]
    assert found["identical"] is False
    assert api.get(f"{path}/versions/2/diff/draft").json["identical"] is True
    assert api.get(f"{path}/versions/2/diff/9").status == 404


def test_lists_page_filter_and_leave_definitions_out(api: ApiClient) -> None:
    ids = [api.workflow(name=f"W {n}", labels=["even"] if n % 2 == 0 else [])["id"] for n in range(5)]
    first = api.get("/workflows?limit=3").json
    assert [item["id"] for item in first["items"]] == ids[:1:-1]
    rest = api.get(f"/workflows?limit=3&cursor={first['next_cursor']}").json
    assert [item["id"] for item in rest["items"]] == ids[1::-1]
    assert rest["next_cursor"] is None
    assert "definition" not in first["items"][0]
    assert [item["id"] for item in api.get("/workflows?label=even").json["items"]] == [ids[4], ids[2], ids[0]]
    assert [item["id"] for item in api.get("/workflows?q=w 3").json["items"]] == [ids[3]]
    assert [item["id"] for item in api.get("/workflows?slug=w-3").json["items"]] == [ids[3]]
    assert api.get("/workflows?q=%25").json["items"] == []


def test_delete_waits_for_live_executions(api: ApiClient, database: Database) -> None:
    made = api.published()
    path = f"/workflows/{made['id']}"
    started = api.post(f"{path}/executions", {"input": {}}).json
    refused = api.delete(path)
    assert (refused.status, refused.code, refused.json["live"]) == (409, "workflow_has_live_executions", 1)
    database.execute("DELETE FROM wakes")
    door = api.door(made["id"])
    gone = api.delete(path)
    assert (gone.status, gone.body) == (204, b"")
    assert api.get(path).status == 404
    assert api.delete(path).status == 404
    assert api.get(f"/triggers/{door['id']}").status == 404
    assert api.get(f"/executions/{started['id']}").json["id"] == started["id"]


def test_a_trigger_that_listens_to_a_workflow_unknown_here_is_left_out_with_a_word(api: ApiClient) -> None:
    order, after = api.published(slug="order"), api.published(slug="after")
    made = api.post("/triggers", {"workflow_id": after["id"], "type": "workflow", "config": {"workflow": "order"}})
    assert made.status == 201, made.body
    document = api.get(f"/workflows/{after['id']}/export").json
    assert api.post("/workflows/import", document).json["triggers"][0]["config"]["workflow"] == "order"
    api.delete(f"/workflows/{order['id']}")
    imported = api.post("/workflows/import", document)
    assert (imported.status, imported.json["triggers"]) == (201, [])
    assert any("listens to 'order' was left out" in warning for warning in imported.json["warnings"])


def test_export_and_import_carry_everything_but_secrets(api: ApiClient) -> None:
    made = api.published(labels=["x"], slug="source")
    api.door(made["id"], path="from-outside", auth={"type": "hmac", "secret": "canary-secret-1"}, input={"a": "{{ input.b }}"})
    trigger = {"workflow_id": made["id"], "type": "schedule", "config": {"cron": "0 9 * * *", "timezone": "Europe/Berlin"}}
    assert api.post("/triggers", trigger).status == 201
    document = api.get(f"/workflows/{made['id']}/export")
    assert b"canary" not in document.body
    assert [t["type"] for t in document.json["triggers"]] == ["api", "schedule"]
    back = api.post("/workflows/import", document.json)
    assert back.status == 201
    assert (back.json["slug"], back.json["live_version"], back.json["definition"]) == ("source-2", None, ECHO)
    assert [t["enabled"] for t in back.json["triggers"]] == [False, False]
    assert back.json["triggers"][0]["config"]["path"] != "from-outside"
    assert back.json["triggers"][0]["input"] == {"a": "{{ input.b }}"}
    assert len(back.json["warnings"]) == 3
    enabling = api.patch(f"/triggers/{back.json['triggers'][0]['id']}", {"enabled": True})
    assert enabling.json["errors"][0]["path"] == "/config/auth/secret"
    document.json["triggers"][1]["config"]["cron"] = "nonsense"
    wrong = {**document.json, "triggers": [document.json["triggers"][0], {"type": "schedule", "config": {"cron": "nonsense"}}]}
    assert api.post("/workflows/import", wrong).json["errors"][0]["path"] == "/triggers/1/config/cron"
    assert len(api.get("/workflows").json["items"]) == 2


def test_a_draft_keeps_numbers_and_strange_text_exactly(api: ApiClient) -> None:
    output = {"big": 2**53 + 1, "low": -(2**63), "text": "\x00 \ud800 \U0001f600", "float": 1e-7}
    made = api.workflow(with_value(output))
    read = api.get(f"/workflows/{made['id']}").json["definition"]["output"]
    assert read == output
    assert isinstance(read["big"], int)


@pytest.mark.parametrize("path", ["/workflows/wf_nothing", "/workflows/exe_" + "0" * 26, "/workflows/wf_" + "0" * 26])
def test_unknown_ids_are_not_found(api: ApiClient, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.request(method, path, **({"json_body": {"name": "x"}} if method == "PATCH" else {}))
        assert (answer.status, answer.code) == (404, "not_found")


def test_the_live_versions_priority_is_the_workflows_share(api: ApiClient, database: Database) -> None:
    def with_priority(priority: str) -> dict[str, Any]:
        return {"schema": "millrace/1", "nodes": [{"id": "a", "type": "transform"}], "edges": [], "settings": {"priority": priority}}

    made = api.published(with_priority("high"))
    share = "SELECT share FROM workflows"
    assert database.one(share)["share"] == 16
    tag = api.get(f"/workflows/{made['id']}").headers["etag"]
    api.patch(f"/workflows/{made['id']}", {"definition": with_priority("low")}, If_Match=tag)
    assert database.one(share)["share"] == 16
    api.post(f"/workflows/{made['id']}/publish")
    assert database.one(share)["share"] == 1
    api.post(f"/workflows/{made['id']}/versions/1/rollback")
    assert database.one(share)["share"] == 16
    assert api.post("/workflows", {"name": "x", "definition": with_priority("urgent")}).status == 422
