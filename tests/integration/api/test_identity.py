"""Keys, roles and /me."""

from __future__ import annotations

import pytest

from chalicelib.api import authentication, endpoint
from chalicelib.identity.roles import ROLES
from tests.conftest import BOOTSTRAP_KEY
from tests.support.api import ApiClient
from tests.support.workflows import Database


def make_key(api: ApiClient, role: str) -> tuple[str, ApiClient]:
    made = api.post("/api-keys", {"name": f"a {role}", "role": role})
    assert made.status == 201, made.body
    return made.json["id"], api.as_key(made.json["key"])


def test_a_key_is_shown_once_and_stored_as_a_hash(api: ApiClient, database: Database) -> None:
    made = api.post("/api-keys", {"name": "CI", "role": "editor"})
    key = made.json["key"]
    assert key.startswith("mr_" + made.json["id"].removeprefix("key_") + "_")
    assert made.headers["location"] == f"/api/api-keys/{made.json['id']}"
    secret = key.split("_", 2)[2]
    assert len(secret) >= 40
    stored = database.one("SELECT * FROM api_keys")
    assert secret not in str(stored)
    for answer in (api.get("/api-keys"), api.get(f"/api-keys/{made.json['id']}")):
        assert answer.status == 200
        assert secret.encode() not in answer.body
        assert b"hash" not in answer.body


def test_me_says_who_calls(api: ApiClient) -> None:
    _, viewer = make_key(api, "viewer")
    assert viewer.get("/me").json["role"] == "viewer"
    assert viewer.get("/me").json["key"]["name"] == "a viewer"
    assert api.get("/me").json["workspace"]["slug"] == "default"


def test_use_is_noted_at_most_once_a_minute(api: ApiClient, database: Database) -> None:
    key_id, client = make_key(api, "viewer")
    assert api.get(f"/api-keys/{key_id}").json["last_used_at"] is None
    client.get("/me")
    first = api.get(f"/api-keys/{key_id}").json["last_used_at"]
    assert first is not None
    authentication.forget(key_id)
    client.get("/me")
    assert api.get(f"/api-keys/{key_id}").json["last_used_at"] == first
    database.execute("UPDATE api_keys SET last_used_at = now() - interval '2 minutes'")
    authentication.forget(key_id)
    client.get("/me")
    assert api.get(f"/api-keys/{key_id}").json["last_used_at"] > first


def test_a_revoked_key_is_refused_at_once_and_stays_listed(api: ApiClient) -> None:
    key_id, client = make_key(api, "admin")
    assert client.get("/me").status == 200
    assert api.delete(f"/api-keys/{key_id}").status == 204
    assert (client.get("/me").status, client.get("/me").code) == (401, "unauthenticated")
    assert api.get("/api-keys").json["items"][0]["revoked_at"] is not None
    assert api.delete(f"/api-keys/{key_id}").status == 204
    assert api.delete("/api-keys/key_" + "0" * 26).status == 404
    assert api.delete("/api-keys/bootstrap").status == 404


@pytest.mark.parametrize(
    "token",
    [
        None,
        "nonsense",
        BOOTSTRAP_KEY[:-1],
        BOOTSTRAP_KEY + "x",
        "mr_" + "0" * 26 + "_" + "a" * 43,
        "mr_" + "0" * 26 + "_",
        "mr__",
        "mr_\u00e9",
        "x" * 100_000,
    ],
)
def test_unknown_keys_are_unauthenticated(api: ApiClient, token: str | None) -> None:
    answer = api.as_key(token).get("/workflows")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", BOOTSTRAP_KEY, f"Token {BOOTSTRAP_KEY}"])
def test_other_schemes_are_unauthenticated(api: ApiClient, header: str) -> None:
    assert api.as_key(None).get("/workflows", Authorization=header).status == 401


def test_the_scheme_is_read_in_any_case(api: ApiClient) -> None:
    assert api.as_key(None).get("/workflows", Authorization=f"bEARER {BOOTSTRAP_KEY}").status == 200


def test_the_right_secret_of_another_key_does_not_help(api: ApiClient) -> None:
    first, second = (api.post("/api-keys", {"name": "k", "role": "viewer"}).json["key"] for _ in range(2))
    mixed = "_".join([*first.split("_", 2)[:2], second.split("_", 2)[2]])
    assert api.as_key(mixed).get("/me").status == 401


def test_every_route_wants_its_role_and_no_less(api: ApiClient) -> None:
    """Walks all routes with a key of each role: below the role needed it is 403, from it on it is not."""
    clients = {role: make_key(api, role)[1] for role in ROLES}
    walked = 0
    for route in endpoint.ROUTES:
        if route.role is None or route.name == "revoke_api_key":
            continue
        path = (
            route.path.replace("{id}", "none")
            .replace("{slug}", "none")
            .replace("{n}", "1")
            .replace("{b}", "2")
            .replace("{node_id}", "a")
        )
        for role, client in clients.items():
            status = client.request(route.method, path, raw=b"{").status
            allowed = ROLES.index(role) >= ROLES.index(route.role)
            assert (status != 403) == allowed, f"{role} {route.method} {route.path}: {status}"
            assert api.as_key(None).request(route.method, path).status == 401
            walked += 1
    assert walked >= 100


@pytest.mark.own_database
def test_an_unknown_role_means_no(api: ApiClient, database: Database) -> None:
    _, client = make_key(api, "admin")
    database.execute("ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check")
    database.execute("UPDATE api_keys SET role = 'owner'")
    assert client.get("/workflows").status == 403


def test_nothing_of_another_workspace_is_seen(api: ApiClient, database: Database) -> None:
    made = api.published()
    door = api.door(made["id"])
    execution = api.post(f"/workflows/{made['id']}/executions").json["id"]
    key_id, stranger = make_key(api, "admin")
    database.execute("INSERT INTO workspaces (id, slug, name) VALUES ('ws_00000000000000000000000001', 'other', 'Other')")
    database.execute("UPDATE api_keys SET workspace_id = 'ws_00000000000000000000000001'")
    for path in ("/workflows", "/triggers", "/executions", "/dead-letters"):
        assert stranger.get(path).json["items"] == []
    assert stranger.get("/workflows/by-slug/test").status == 404
    for path in (
        f"/workflows/{made['id']}",
        f"/triggers/{door['id']}",
        f"/executions/{execution}",
        f"/executions/{execution}/events",
    ):
        assert stranger.get(path).status == 404
    for path in (f"/workflows/{made['id']}", f"/triggers/{door['id']}"):
        assert stranger.patch(path, {"enabled": False}).status == 404
        assert stranger.delete(path).status == 404
    assert stranger.post(f"/workflows/{made['id']}/publish").status == 404
    assert stranger.post(f"/workflows/{made['id']}/executions").status == 404
    assert stranger.post(f"/executions/{execution}/cancel").status == 404
    assert stranger.post("/triggers", {"workflow_id": made["id"], "type": "api"}).status == 404
    assert api.get(f"/api-keys/{key_id}").status == 404
