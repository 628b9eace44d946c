"""A user's consent with PKCE, and tokens renewed by one worker at a time, against a local authorization server."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest

from chalicelib.core.db import transaction
from chalicelib.core.egress import guard
from chalicelib.core.http import HttpClient
from chalicelib.credentials import oauth, vault
from chalicelib.registry.spec import ActionError
from tests.support.api import ApiClient, ApiResponse
from tests.support.canary import database_text, found_in
from tests.support.http_server import Server
from tests.support.oauth_server import CLIENT_ID, CLIENT_SECRET, oauth_server
from tests.support.runs import run_node

WS = "ws_00000000000000000000000000"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def made(api: ApiClient, server: Server, **data: Any) -> str:
    fields = {"authorization_url": server.url("/authorize"), "token_url": server.url("/token"), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    answered = api.post("/credentials", {"name": "Calendar", "type": "oauth2_authorization_code", "data": {**fields, **data}})
    assert answered.status == 201, answered.body
    return answered.json["slug"]


def browse(url: str) -> str:
    """What a browser does with the authorization URL: the user consents, and is sent back to the address returned."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(_Stay).open(url, timeout=10)
    assert caught.value.code == 302
    return caught.value.headers["Location"]


def come_back(api: ApiClient, location: str) -> ApiResponse:
    parts = urlsplit(location)
    return api.as_key(None).get(f"/{parts.path}?{parts.query}", accept="text/html,application/xhtml+xml")


def connect(api: ApiClient, slug: str) -> ApiResponse:
    begun = api.post(f"/credentials/{slug}/authorize")
    assert begun.status == 200, begun.body
    return come_back(api, browse(begun.json["authorization_url"]))


def test_a_consent_connects_the_credential_and_runs_use_it(api, worker, database_url):
    with oauth_server() as (known, server):
        slug = made(api, server, scope="read write", parameters={"access_type": "offline"})
        assert api.get(f"/credentials/{slug}").json["connected"] is False
        before = run_node(api, "http.request", {"url": server.url("/api"), "auth": {"credential": slug}})
        assert before["error"]["code"] == "credential_not_connected"
        begun = api.post(f"/credentials/{slug}/authorize").json
        asked = dict(parse_qsl(urlsplit(begun["authorization_url"]).query))
        assert (asked["scope"], asked["access_type"], asked["redirect_uri"]) == ("read write", "offline", begun["redirect_uri"])
        assert begun["redirect_uri"].endswith("/api/callbacks/oauth2")
        location = browse(begun["authorization_url"])
        page = come_back(api, location)
        assert page.status == 200
        assert b"Connected" in page.body
        assert page.headers["content-type"].startswith("text/html")
        vault.forget_all()
        assert api.get(f"/credentials/{slug}").json["connected"] is True
        node = run_node(api, "http.request", {"url": server.url("/api"), "auth": {"credential": slug}})
        assert node["output"]["body"] == {"ok": True}
        assert come_back(api, location).status == 400  # a state works once
        for token in (*known.live, *known.refresh, CLIENT_SECRET):
            assert [table for table, text in database_text(database_url) if found_in(text, token)] == []


def test_a_public_client_has_no_secret(api):
    with oauth_server(public=True) as (_, server):
        slug = made(api, server, client_secret=None)
        assert connect(api, slug).status == 200


@pytest.mark.parametrize("how", ["basic", "body"])
def test_the_client_proves_itself_as_it_is_told(api, how):
    with oauth_server() as (_, server):
        slug = made(api, server, client_auth=how)
        assert connect(api, slug).status == 200


def test_a_code_for_another_verifier_is_not_taken(api):
    with oauth_server() as (known, server):
        slug = made(api, server)
        first = browse(api.post(f"/credentials/{slug}/authorize").json["authorization_url"])
        second = browse(api.post(f"/credentials/{slug}/authorize").json["authorization_url"])
        codes = [dict(parse_qsl(urlsplit(location).query))["code"] for location in (first, second)]
        answered = come_back(api, first.replace(codes[0], codes[1]))
        assert answered.status == 422
        assert b"invalid_grant" in answered.body
        assert api.get(f"/credentials/{slug}").json["connected"] is False
        assert known.live == set()


@pytest.mark.parametrize("query", ["", "?state=unknown&code=x", "?code=x", "?state=%00"])
def test_a_callback_without_a_consent_changes_nothing(api, query):
    answered = api.as_key(None).get(f"/callbacks/oauth2{query}")
    assert answered.status == 400
    assert answered.headers["content-type"] == "application/problem+json"
    page = api.as_key(None).get(f"/callbacks/oauth2{query}", accept="text/html")
    assert (page.status, page.headers["content-type"]) == (400, "text/html; charset=utf-8")


def test_a_refused_consent_is_told_and_used_up(api):
    with oauth_server() as (_, server):
        slug = made(api, server)
        state = dict(parse_qsl(urlsplit(api.post(f"/credentials/{slug}/authorize").json["authorization_url"]).query))["state"]
        answered = api.as_key(None).get(f"/callbacks/oauth2?state={state}&error=access_denied&error_description=%3Cscript%3E")
        assert answered.status == 400
        assert b"<script>" not in answered.body
        assert api.as_key(None).get(f"/callbacks/oauth2?state={state}&code=x").status == 400


def test_only_a_type_with_consent_can_be_connected(api):
    api.post("/credentials", {"name": "Pay", "type": "bearer", "data": {"token": "the-token"}})
    answered = api.post("/credentials/pay/authorize")
    assert (answered.status, answered.code) == (409, "credential_not_oauth")


def test_new_client_data_ends_the_consent(api):
    with oauth_server() as (_, server):
        slug = made(api, server)
        connect(api, slug)
        api.patch(f"/credentials/{slug}", {"name": "Other name"})
        assert api.get(f"/credentials/{slug}").json["connected"] is True
        api.patch(f"/credentials/{slug}", {"data": {"scope": "more"}})
        assert api.get(f"/credentials/{slug}").json["connected"] is False


# --- renewing --------------------------------------------------------------------------------------------------------------------------------------------


def loaded(slug: str) -> vault.Opened:
    with transaction() as connection:
        return vault.load(connection, WS, slug)


def renew(opened: vault.Opened) -> vault.Opened:
    async def go() -> vault.Opened:
        client = HttpClient(guard())
        try:
            return await oauth.with_token(opened, client)
        finally:
            await client.close()

    return asyncio.run(go())


def test_many_workers_at_once_use_the_refresh_token_once(api):
    with oauth_server(expires_in=30) as (known, server):  # less than a minute: every use finds it old
        slug = made(api, server)
        connect(api, slug)
        opened = loaded(slug)
        found: list[Any] = []
        gate = threading.Barrier(8)

        def work() -> None:
            gate.wait()
            found.append(renew(opened).token)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len({token.access for token in found}) == 1
        assert known.grants == ["authorization_code", "refresh_token"]
        assert known.reused == 0


def test_a_server_that_keeps_its_refresh_token_is_understood(api):
    with oauth_server(expires_in=30, rotates=False) as (known, server):
        slug = made(api, server)
        connect(api, slug)
        first = renew(loaded(slug))
        second = renew(loaded(slug))
        assert first.token is not None
        assert second.token is not None
        assert first.token.refresh == second.token.refresh
        assert first.token.access != second.token.access
        assert known.grants == ["authorization_code", "refresh_token", "refresh_token"]


def test_a_consent_that_was_withdrawn_is_told_to_the_run_and_to_the_owner(api):
    with oauth_server(expires_in=30) as (known, server):
        slug = made(api, server)
        connect(api, slug)
        known.refresh.clear()
        with pytest.raises(ActionError, match="connect the credential again") as caught:
            renew(loaded(slug))
        assert (caught.value.code, caught.value.error_class) == ("credential_token_failed", None)
        assert "invalid_grant" in api.get(f"/credentials/{slug}").json["problem"]
        connect(api, slug)
        assert api.get(f"/credentials/{slug}").json["problem"] is None


def test_a_worker_that_died_holding_the_lease_holds_it_for_a_while_only(api, database_url):
    with oauth_server(expires_in=30) as (known, server):
        slug = made(api, server)
        connect(api, slug)
        opened = loaded(slug)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE credential_tokens SET leased_until = now() - interval '1 second', lease_owner = 'dead'")
        assert renew(opened).token is not None
        assert known.reused == 0


def test_a_token_endpoint_in_trouble_is_worth_another_attempt(api):
    with oauth_server() as (known, server):
        data = {"token_url": server.url("/token"), "client_id": CLIENT_ID, "client_secret": "wrong-secret-wrong"}
        api.post("/credentials", {"name": "App", "type": "oauth2_client_credentials", "data": data})
        with pytest.raises(ActionError, match="client's id and secret") as caught:
            renew(loaded("app"))
        assert caught.value.error_class is None
    with pytest.raises(ActionError) as caught:
        renew(loaded("app"))
    assert caught.value.error_class == "connection"


def test_the_test_button_fetches_a_token(api):
    with oauth_server() as (known, server):
        data = {"token_url": server.url("/token"), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        api.post("/credentials", {"name": "App", "type": "oauth2_client_credentials", "data": data})
        told = api.post("/credentials/app/test")
        assert told.json["status"] == "ok", told.json
        assert json.dumps(told.json).count(CLIENT_SECRET) == 0
        assert known.grants == ["client_credentials"]
