"""/credentials: secrets go in and never come out."""

from __future__ import annotations

import json

import pytest
from psycopg.rows import dict_row

from chalicelib.credentials.catalogue import credential_types
from tests.support.api import ApiClient

SECRET = "canary-7f3a-secret-value"
BEARER = {"name": "Pay", "type": "bearer", "data": {"token": SECRET}}


def made(api: ApiClient, **fields) -> dict:
    answer = api.post("/credentials", {**BEARER, **fields})
    assert answer.status == 201, answer.body
    assert SECRET.encode() not in answer.body
    return answer.json


def test_a_credential_is_made_listed_and_read_without_its_secret(api):
    credential = made(api)
    assert credential["slug"] == "pay"
    assert credential["data"] == {"prefix": "Bearer"}
    assert credential["secrets"] == {"token": True}
    assert credential["hosts"] == ["*"]
    assert credential["workflows"] is None
    assert credential["last_used_at"] is None
    for path in ("/credentials", f"/credentials/{credential['id']}", "/credentials/pay"):
        answer = api.get(path)
        assert answer.status == 200
        assert SECRET.encode() not in answer.body
    assert api.get("/credentials?type=basic").json["items"] == []
    assert api.get("/credentials?type=bearer").json["items"][0]["id"] == credential["id"]


def test_the_database_holds_nothing_of_the_secret(api, database_url):
    import psycopg

    made(api)
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        rows = connection.execute("SELECT * FROM credentials").fetchall()
    assert SECRET not in json.dumps(rows, default=str)
    assert rows[0]["key_id"].startswith("local:")


def test_slugs_are_unique_and_made_from_names(api):
    made(api)
    assert made(api)["slug"] == "pay-2"
    taken = api.post("/credentials", {**BEARER, "slug": "pay"})
    assert (taken.status, taken.code) == (409, "slug_taken")


def test_patch_replaces_what_is_given_and_keeps_the_rest(api):
    credential = api.post("/credentials", {"name": "Mail", "type": "smtp", "data": {"host": "MAIL.example.com", "username": "u", "password": SECRET}}).json
    assert credential["hosts"] == ["mail.example.com:587"]
    path = f"/credentials/{credential['id']}"
    changed = api.patch(path, {"name": "Post", "data": {"port": 2525, "password": SECRET}})
    assert changed.status == 200
    assert (changed.json["name"], changed.json["data"]["port"], changed.json["secrets"]) == ("Post", 2525, {"password": True})
    assert changed.json["revision"] == 2
    gone = api.patch(path, {"data": {"username": None, "password": None}})
    assert gone.json["secrets"] == {"password": False}
    half = api.patch(path, {"data": {"username": "u"}})
    assert half.status == 422
    assert "both" in half.json["errors"][0]["message"]


def test_delete(api):
    path = f"/credentials/{made(api)['id']}"
    assert api.delete(path).status == 204
    assert api.get(path).status == 404
    assert api.delete(path).status == 404


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": "bearerr"}, "/type"),
        ({"data": {}}, "/data/token"),
        ({"data": {"token": 5}}, "/data/token"),
        ({"data": {"token": "a\nb"}}, "/data/token"),
        ({"data": {"token": SECRET, "more": 1}}, "/data/more"),
        ({"hosts": ["https://api.example.com"]}, "/hosts/0"),
        ({"workflows": ["nothing-of-this-name"]}, "/workflows/0"),
        ({"name": ""}, "/name"),
    ],
)
def test_wrong_fields_are_named_and_no_secret_is_repeated(api, fields, path):
    answer = api.post("/credentials", {**BEARER, **fields})
    assert answer.status == 422
    assert path in [problem["path"] for problem in answer.json["errors"]]
    assert SECRET.encode() not in answer.body


def test_an_unknown_type_is_told_the_nearest(api):
    answer = api.post("/credentials", {**BEARER, "type": "bearerr"})
    assert "Did you mean 'bearer'?" in answer.json["errors"][0]["message"]


def test_types_describe_their_forms(api):
    items = {item["type"]: item for item in api.get("/credentials/types").json["items"]}
    assert set(items) >= {"bearer", "basic", "header", "query", "oauth2_client_credentials", "oauth2_authorization_code", "aws", "smtp", "webhook_secret", "generic"}
    assert items["basic"]["data_schema"]["properties"]["password"]["writeOnly"] is True
    assert items["basic"]["secret_fields"] == ["password"]
    for item in items.values():
        assert item["title"]
        assert item["description"]
        assert item["icon"]


# Their data are keys and certificates that must be real; their own tests make some.
REAL_KEYS = {"client_certificate", "apns", "web_push"}


@pytest.mark.parametrize("type", [name for name in credential_types() if name not in REAL_KEYS])
def test_the_example_of_every_type_can_be_stored(api, type):
    answer = api.post("/credentials", {"name": type, "type": type, "data": dict(credential_types()[type].example)})
    assert answer.status == 201, answer.body


def test_viewers_see_and_only_editors_change(api):
    key = api.post("/api-keys", {"name": "viewer", "role": "viewer"}).json["key"]
    viewer = api.as_key(key)
    credential = made(api)
    assert viewer.get("/credentials").status == 200
    assert viewer.post("/credentials", BEARER).status == 403
    assert viewer.delete(f"/credentials/{credential['id']}").status == 403
    assert viewer.post(f"/credentials/{credential['id']}/test").status == 403


def test_binding_to_workflows_takes_slugs_and_keeps_ids(api):
    workflow = api.workflow(name="Orders")
    credential = made(api, workflows=["orders"])
    assert credential["workflows"] == [workflow["id"]]


def test_a_test_without_a_place_to_try_says_so(api):
    answer = api.post(f"/credentials/{made(api)['id']}/test")
    assert answer.json["status"] == "untested"
    assert api.get("/credentials/pay").json["last_test"]["status"] == "untested"


def test_a_secret_is_sent_elsewhere_only_by_who_knows_it(api):
    path = f"/credentials/{made(api, hosts=['pay.example'])['id']}"
    refused = api.patch(path, {"hosts": ["evil.example"]})
    assert (refused.status, refused.json["errors"][0]["path"], refused.json["errors"][0]["code"]) == (422, "/hosts", "secret_needed")
    assert "data.token" in refused.json["errors"][0]["message"]
    assert api.patch(path, {"hosts": ["pay.example:443"]}).status == 200
    assert api.patch(path, {"hosts": ["pay.example", "other.example"], "data": {"token": SECRET}}).status == 200
    oauth = {"token_url": "https://auth.example/token", "client_id": "c", "client_secret": SECRET}
    path = f"/credentials/{api.post('/credentials', {'name': 'App', 'type': 'oauth2_client_credentials', 'data': oauth}).json['id']}"
    moved = api.patch(path, {"data": {"token_url": "https://evil.example/token"}})
    assert (moved.status, moved.json["errors"][0]["path"]) == (422, "/data/token_url")
    assert api.patch(path, {"data": {"scope": "read", "token_url": "https://auth.example/token"}}).status == 200
    assert api.patch(path, {"data": {"token_url": "https://new.example/token", "client_secret": SECRET}}).status == 200
    mail = {"host": "mail.example", "username": "u", "password": SECRET}
    path = f"/credentials/{api.post('/credentials', {'name': 'Mail', 'type': 'smtp', 'data': mail}).json['id']}"
    assert api.patch(path, {"data": {"security": "none"}}).status == 422
    assert api.patch(path, {"data": {"sender": "me@example.com"}}).status == 200
