"""oauth2_client_credentials: an access token for the application itself (RFC 6749, section 4.4), fetched when needed and kept until it ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Line, Outgoing, Secret


class ClientCredentialsData(CredentialData):
    """A client of an authorization server."""

    token_url: HttpUrl = Field(description="The token endpoint.")
    client_id: Line = Field(description="The client's id.")
    client_secret: Secret = Field(description="The client's secret.")
    scope: str = Field(default="", max_length=4_000, description="Scopes, with spaces between.")
    audience: str = Field(default="", max_length=2_000, description="The API the token is for, where the server asks for it.")
    client_auth: Literal["basic", "body"] = Field(default="basic", description="How the client proves itself at the token endpoint.")


def apply(request: Outgoing, data: ClientCredentialsData, token: str | None = None) -> None:
    """Authorization: Bearer <access token>."""
    request.set_header("Authorization", f"Bearer {token}")


SPEC = CredentialSpec(
    type="oauth2_client_credentials",
    title="OAuth 2.0, client credentials",
    description="An application's own access token, fetched and renewed by itself.",
    icon="brand-oauth",
    model=ClientCredentialsData,
    apply=apply,
    grant="client_credentials",
    destinations=("token_url",),
    example={"token_url": "https://auth.example.com/token", "client_id": "the-client", "client_secret": "the-secret"},
)
