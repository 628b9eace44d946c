"""/credentials: made, listed, changed, tested, connected. What is secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Name, Slug, Text, unset
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.core.config import settings
from chalicelib.core.db import transaction
from chalicelib.credentials import oauth, repository, service, testing, vault
from chalicelib.credentials.catalogue import credential_types
from chalicelib.definitions.schema import RateLimit
from chalicelib.identity.roles import EDITOR, VIEWER

routes = Routes("credentials")

Data = Annotated[dict[str, Any], Field(description="The fields of the type, see GET /credentials/types. Secret ones are never shown again.")]
Hosts = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=260)]],
    Field(max_length=100, description="Where it may be sent: api.example.com, *.example.com, with or without :port; * is everywhere."),
]
Workflows = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=100)]] | None,
    Field(max_length=1000, description="Ids or slugs of the workflows that may use it; null: all of the workspace."),
]


Limit = Annotated[
    RateLimit | None,
    Field(description="At most so many attempts of nodes that name it begin in any `per_seconds`; the others wait for their turn. null: no limit."),
]


class CredentialCreate(Model):
    """A new credential. Without `hosts` it may be sent wherever its type says, else everywhere: bind it where you can."""

    name: Name
    type: Annotated[str, Field(max_length=60)]
    data: Data
    slug: Slug | None = None
    hosts: Hosts | None = None
    workflows: Workflows = None
    rate_limit: Limit = None


class CredentialPatch(Model):
    """The fields to replace; of `data` too only those given, and null takes one away."""

    name: Name = unset()
    slug: Slug = unset()
    data: Data = unset()
    hosts: Hosts = unset()
    workflows: Workflows = unset()
    rate_limit: Limit = unset()


class CredentialTry(Model):
    """What to test on."""

    url: Annotated[str, Field(max_length=2000)] | None = None


class Credential(Answer):
    """A credential: `data` without its secrets, `secrets` says which of those are set."""

    id: str
    slug: str
    name: str
    type: str
    kind: str
    hosts: list[str]
    workflows: list[str] | None
    rate_limit: dict[str, float] | None
    data: dict[str, Any]
    secrets: dict[str, bool]
    connected: bool | None
    problem: str | None
    revision: int
    last_used_at: str | None
    last_used_by: dict[str, str] | None
    last_test: dict[str, Any] | None
    created_at: str
    updated_at: str


class CredentialDetail(Credential):
    """A credential, and the workflows whose draft or live version names it."""

    used_by: list[dict[str, str]]


class CredentialType(Answer):
    """A type: the JSON Schema of its data draws its form; properties with `writeOnly` are secret."""

    type: str
    title: str
    description: str
    icon: str
    kind: str
    oauth: bool
    testable: bool
    data_schema: dict[str, Any]
    secret_fields: list[str]
    example: dict[str, Any]


class CredentialTested(Answer):
    """`ok`, `failed`, or `untested` when there is nothing to try it on."""

    status: Literal["ok", "failed", "untested"]
    message: str
    code: str | None
    duration_ms: int


class Authorization(Answer):
    """Where to send the user's browser."""

    authorization_url: str
    redirect_uri: str


@routes.route("GET", "/credentials/types", role=VIEWER, answer=CredentialType, listing=True, transactional=False)
def list_credential_types(call: Call) -> Reply:
    """Every credential type, with the JSON Schema of its data. All of them come on one page."""
    return json_reply({"items": [spec.describe() for spec in credential_types().values()], "next_cursor": None})


@routes.route("POST", "/credentials", role=EDITOR, body=CredentialCreate, answer=Credential, status=201)
def create_credential(call: Call) -> Reply:
    """Seal a credential. Its secrets are never shown again, to anybody. Workflows name it by its slug or id."""
    row = service.create(call.connection, call.workspace_id, call.body.model_dump())
    return created(service.show(row), f"/credentials/{row['id']}")


@routes.route(
    "GET",
    "/credentials",
    role=VIEWER,
    answer=Credential,
    listing=True,
    query={"type": {"type": "string", "description": "only credentials of this type"}},
)
def list_credentials(call: Call) -> Reply:
    """List credentials, newest first, without their secrets."""
    page = read_page(call.request, "credentials")
    rows = service.list_page(call.connection, call.workspace_id, page.after, page.limit, call.request.first("type"))
    return json_reply(listing(rows, page, "credentials", lambda row: row["id"], service.show))


@routes.route("GET", "/credentials/{id}", role=VIEWER, answer=CredentialDetail)
def get_credential(call: Call, id: str) -> Reply:
    """Read a credential by id or slug, without its secrets."""
    row = service.get(call.connection, call.workspace_id, id)
    return json_reply({**service.show(row), "used_by": service.users(call.connection, row)})


@routes.route("PATCH", "/credentials/{id}", role=EDITOR, body=CredentialPatch, answer=Credential)
def patch_credential(call: Call, id: str) -> Reply:
    """Replace the fields given. Runs use what is new within five seconds. New `data` ends access tokens that were got with the old."""
    fields = call.body.model_dump(include=call.body.model_fields_set)
    row = service.patch(call.connection, call.workspace_id, id, fields)
    call.after_commit.append(lambda: vault.forget(row["id"]))
    return json_reply(service.show(row))


@routes.route("DELETE", "/credentials/{id}", role=EDITOR, status=204)
def delete_credential(call: Call, id: str) -> Reply:
    """Delete a credential for good. Nodes that still name it fail with `credential_not_found`; `used_by` of GET says which."""
    credential_id = service.delete(call.connection, call.workspace_id, id)
    call.after_commit.append(lambda: vault.forget(credential_id))
    return no_content()


@routes.route("POST", "/credentials/{id}/test", audited=False, role=EDITOR, body=CredentialTry, body_optional=True, answer=CredentialTested, transactional=False)
def test_credential(call: Call, id: str) -> Reply:
    """Try a credential: a mail server is signed in to, AWS asked who the key belongs to, an access token fetched, a `url` called with a GET."""
    with transaction() as connection:
        opened = vault.load(connection, call.workspace_id, id)
    result = testing.run_test(opened, call.body.url)
    with transaction() as connection:
        repository.tested(connection, opened.id, opened.revision, result.status, result.message)
    return json_reply(asdict(result))


@routes.route("POST", "/credentials/{id}/authorize", role=EDITOR, answer=Authorization)
def authorize_credential(call: Call, id: str) -> Reply:
    """Begin a user's consent (OAuth 2.0 authorization code with PKCE): send the browser to `authorization_url` within ten minutes.

    Register `redirect_uri` with the authorization server.
    """
    redirect_uri = f"{settings().base_url}/api/callbacks/oauth2"
    url, _ = oauth.begin_consent(call.connection, call.workspace_id, id, redirect_uri)
    return json_reply({"authorization_url": url, "redirect_uri": redirect_uri})


def _page(title: str, text: str) -> str:
    from html import escape

    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><h1>{escape(title)}</h1><p>{escape(text)}</p></body></html>"
    )


def html_reply(status: int, title: str, text: str) -> Reply:
    """A page for the browser that comes back from an authorization server; it holds nothing of the query."""
    headers: Mapping[str, str] = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return Reply(status, _page(title, text), headers)
