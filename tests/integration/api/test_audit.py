"""The audit log: written with the change or not at all, in order, and not to be rewritten."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from chalicelib.api import endpoint
from tests.support.api import ApiClient
from tests.support.workflows import Database

# Changing routes that leave no entry, and why.
NOT_NOTED = {
    "start_execution": "history shows it",
    "publish_event": "history shows it",
    "validate_definition": "changes nothing",
    "test_action": "changes nothing here",
    "test_credential": "changes nothing but when it was tested",
    "delete_workflow": "notes it itself, in the transaction that deletes",
}


def entries(api: ApiClient, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"/audit{query}")
    assert answer.status == 200, answer.body
    return answer.json["items"]


def test_every_changing_route_is_noted_but_those_that_say_why(api: ApiClient) -> None:
    changing = [route for route in endpoint.ROUTES if route.role is not None and route.method != "GET"]
    assert {route.name for route in changing if not route.audited} == set(NOT_NOTED)
    assert all(route.transactional for route in changing if route.audited)
    assert not any(route.audited for route in endpoint.ROUTES if route.role is None or route.method == "GET")


def test_who_did_what_to_what(api: ApiClient) -> None:
    made = api.post("/api-keys", {"name": "Ada", "role": "editor"})
    ada = api.as_key(made.json["key"])
    workflow = ada.published(labels=["x"])
    assert ada.patch(f"/workflows/{workflow['id']}", {"name": "Other"}).status == 200
    assert ada.delete(f"/workflows/{workflow['id']}").status == 204
    found = entries(api)
    path = f"/workflows/{workflow['id']}"
    assert [(each["seq"], each["actor"]["name"], each["action"], each["resource"], each["fields"]) for each in found] == [
        (5, "Ada", "delete_workflow", path, []),
        (4, "Ada", "patch_workflow", path, ["name"]),
        (3, "Ada", "publish_workflow", f"{path}/versions/1", []),
        (2, "Ada", "create_workflow", path, ["definition", "labels", "name"]),
        (1, "Bootstrap key", "create_api_key", f"/api-keys/{made.json['id']}", ["name", "role"]),
    ]
    assert found[0]["address"] == "127.0.0.1"
    assert found[0]["request_id"]
    assert [each["seq"] for each in entries(api, f"?actor={made.json['id']}&action=publish_workflow")] == [3]
    assert [each["seq"] for each in entries(api, "?resource=/api-keys")] == [1]
    assert entries(api, "?from=2100-01-01T00:00:00Z") == []
    first = api.get("/audit?limit=2").json
    assert [each["seq"] for each in api.get(f"/audit?limit=2&cursor={first['next_cursor']}").json["items"]] == [3, 2]


def test_only_admins_read_it(api: ApiClient) -> None:
    key = api.post("/api-keys", {"name": "e", "role": "editor"}).json["key"]
    assert [api.as_key(key).get(path).status for path in ("/audit", "/audit/check")] == [403, 403]
    assert api.as_key(None).get("/audit").status == 401


def test_what_was_refused_and_what_was_only_read_leaves_nothing(api: ApiClient) -> None:
    api.workflow(slug="one")
    assert api.post("/workflows", {"name": "x", "slug": "one", "definition": {"schema": "millrace/1", "nodes": []}}).code == "slug_taken"
    assert api.post("/workflows", {}).status == 422
    api.get("/workflows")
    assert [each["action"] for each in entries(api)] == ["create_workflow"]


def test_nothing_of_what_was_in_the_fields_is_in_it(api: ApiClient, database: Database) -> None:
    secret = "canary-3f9a1c"
    made = api.post("/credentials", {"name": "Pay", "type": "bearer", "data": {"token": secret}})
    assert made.status == 201, made.body
    assert secret not in str(database.execute("SELECT * FROM audit_log"))
    assert entries(api)[0]["fields"] == ["data", "name", "type"]


@pytest.mark.own_database
def test_without_its_entry_no_change_is_made(api: ApiClient, database: Database) -> None:
    database.execute("DROP FUNCTION append_audit")
    assert api.post("/workflows", {"name": "x", "definition": {"schema": "millrace/1", "nodes": []}}).status == 500
    assert api.get("/workflows").json["items"] == []


@pytest.mark.parametrize("sql", ["UPDATE audit_log SET actor_name = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_it_is_append_only(api: ApiClient, database: Database, sql: str) -> None:
    api.workflow()
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute(sql)


def test_many_at_once_are_numbered_without_gaps_and_chained(api: ApiClient) -> None:
    def work() -> None:
        for _ in range(8):
            assert api.post("/workflows", {"name": "x", "definition": {"schema": "millrace/1", "nodes": []}}).status == 201

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each["seq"] for each in entries(api, "?limit=200")] == list(range(32, 0, -1))
    assert api.get("/audit/check").json == {"entries": 32, "hash": entries(api)[0]["hash"], "intact": True, "broken_at": None}


@pytest.mark.parametrize(
    ("sql", "broken_at"),
    [
        ("UPDATE audit_log SET actor_name = 'Eve' WHERE seq = 2", 2),
        ("UPDATE audit_log SET at = at - interval '1 hour' WHERE seq = 3", 3),
        ("DELETE FROM audit_log WHERE seq = 2", 2),
        ("DELETE FROM audit_log WHERE seq = 4", 4),
        ("DELETE FROM audit_log", 1),
        ("UPDATE audit_log SET actor_name = 'Eve', hash = audit_hash(ROW(workspace_id, seq, at, actor_id, 'Eve', action, resource, fields, request_id, address, '')::audit_log, '') WHERE seq = 1", 2),
    ],
)  # fmt: skip
def test_what_was_changed_past_the_triggers_is_found(api: ApiClient, database: Database, sql: str, broken_at: int) -> None:
    for _ in range(4):
        api.workflow()
    database.execute("SET session_replication_role = replica")
    database.execute(sql)
    assert api.get("/audit/check").json["broken_at"] == broken_at
