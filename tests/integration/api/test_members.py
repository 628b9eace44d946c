"""Members over HTTP: people known by the tokens of an OpenID provider, with a role in each workspace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from chalicelib.api import authentication
from chalicelib.core import config
from chalicelib.triggers import tokens
from tests.support.api import ApiClient
from tests.support.issuer import Issuer, issuer

ADA = {"sub": "u-1", "email": "Ada@Example.com", "email_verified": True}


@pytest.fixture
def provider(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The installation's provider, for which this is `millrace`."""
    with issuer() as made:
        for name, value in (("ISSUER", "https://login.example"), ("AUDIENCE", "millrace"), ("JWKS_URL", made.url)):
            monkeypatch.setenv(f"MILLRACE_OIDC_{name}", value)
        config.settings.cache_clear()
        tokens.forget_keys()
        yield made
    config.settings.cache_clear()


def person(api: ApiClient, provider: Issuer, **claims: Any) -> ApiClient:
    return api.as_key(provider.token(**{"aud": "millrace", "n": time.time_ns(), **claims}))


def test_a_member_comes_with_a_token_and_may_do_what_the_role_says(api: ApiClient, provider: Issuer) -> None:
    ada = person(api, provider, **ADA)
    assert (ada.get("/me").status, ada.get("/me").code) == (403, "forbidden")
    made = api.post("/members", {"email": "ada@example.com", "role": "viewer"})
    assert (made.status, made.json["joined"], made.headers["location"]) == (201, False, f"/api/members/{made.json['id']}")
    me = ada.get("/me").json
    assert (me["role"], me["key"]) == ("viewer", {"id": made.json["id"], "name": "ada@example.com"})
    assert ada.post("/workflows", {"name": "x", "definition": {"schema": "millrace/1", "nodes": []}}).status == 403
    assert api.patch(f"/members/{made.json['id']}", {"role": "editor"}).json["role"] == "editor"
    assert ada.post("/workflows", {"name": "x", "definition": {"schema": "millrace/1", "nodes": []}}).status == 201
    assert api.get("/audit").json["items"][0]["actor"] == {"id": made.json["id"], "name": "ada@example.com"}
    assert api.get("/members").json["items"][0]["joined"] is True
    assert api.delete(f"/members/{made.json['id']}").status == 204
    assert ada.get("/me").status == 403


def test_once_known_only_the_subject_counts(api: ApiClient, provider: Issuer) -> None:
    api.post("/members", {"email": "ada@example.com", "role": "admin"})
    for unproven in ({"email_verified": False}, {"email_verified": "true"}, {"email_verified": None}, {"email": "ada@example.com.evil"}, {"email": 7}):
        assert person(api, provider, **{**ADA, **unproven}).get("/me").status == 403, unproven
    assert person(api, provider, **ADA).get("/me").status == 200
    assert person(api, provider, sub="u-1").get("/me").status == 200  # without an address, or with another
    assert person(api, provider, sub="u-1", email="new@example.com", email_verified=True).get("/me").status == 200
    assert person(api, provider, **{**ADA, "sub": "u-2"}).get("/me").status == 403  # the address went to somebody else


def test_tokens_that_are_not_for_us(api: ApiClient, provider: Issuer) -> None:
    api.post("/members", {"email": "ada@example.com", "role": "admin"})
    now = time.time()
    for wrong in ({"aud": "orders"}, {"iss": "https://other.example"}, {"exp": now - 3600}, {"nbf": now + 3600}, {"sub": ""}, {"sub": None}):
        assert person(api, provider, **{**ADA, **wrong}).get("/me").status == 401, wrong
    claims = {"iss": "https://login.example", "aud": "millrace", "exp": now + 60, **ADA}
    with issuer() as stranger:
        forged = [
            jwt.encode(claims, stranger.key, "RS256", headers={"kid": "k1"}),
            jwt.encode(claims, "x" * 64, "HS256", headers={"kid": "k1"}),
            jwt.encode(claims, None, "none"),
            "a.b.c",
        ]
    assert [api.as_key(token).get("/me").status for token in forged] == [401] * 4


def test_while_the_provider_is_gone_keys_go_on(api: ApiClient, provider: Issuer) -> None:
    provider.status = 500
    assert person(api, provider, **ADA).get("/me").status == 503
    assert api.get("/me").status == 200


def test_a_person_in_two_workspaces(api: ApiClient, provider: Issuer) -> None:
    api.post("/workspaces", {"name": "Second", "slug": "second"})
    api.post("/members", {"email": "ada@example.com", "role": "viewer"})
    api.post("/members", {"email": "ada@example.com", "role": "admin"}, Millrace_Workspace="second")
    ada = person(api, provider, **ADA)
    assert (ada.get("/me").json["role"], ada.get("/me").json["workspace"]["slug"]) == ("viewer", "default")
    there = ada.get("/me", Millrace_Workspace="second").json
    assert (there["role"], there["workspace"]["slug"]) == ("admin", "second")
    assert {row["slug"] for row in ada.get("/workspaces").json["items"]} == {"default", "second"}
    assert ada.get("/members").status == 403
    mine = ada.get("/members", Millrace_Workspace="second").json["items"]
    assert len(mine) == 1
    bob = person(api, provider, sub="u-3", email="bob@example.com", email_verified=True)
    api.post("/members", {"email": "bob@example.com", "role": "admin"})
    assert bob.get("/me", Millrace_Workspace="second").status == 403
    assert bob.get(f"/members/{mine[0]['id']}").status == 404
    assert api.delete(f"/members/{mine[0]['id']}", Millrace_Workspace="second").status == 204
    assert ada.get("/me", Millrace_Workspace="second").status == 403
    assert ada.get("/me").status == 200


def test_what_a_member_may_be(api: ApiClient) -> None:
    assert api.post("/members", {"email": "ada@example.com"}).json["role"] == "viewer"
    assert api.post("/members", {"email": "ADA@example.com"}).code == "member_exists"
    for body in ({}, {"email": "no address"}, {"email": "a@b", "role": "owner"}, {"email": "a@b", "more": 1}, {"email": None}):
        assert api.post("/members", body).status == 422
    assert [api.request(method, "/members/mem_nobody", json_body={"role": "viewer"}).status for method in ("GET", "PATCH", "DELETE")] == [404] * 3


def test_without_a_provider_a_token_is_an_unknown_key(api: ApiClient) -> None:
    authentication.forget_workspaces()
    with issuer() as stranger:
        assert api.as_key(stranger.token(**ADA)).get("/me").status == 401
