"""oauth2_authorization_code: a user's access token (RFC 6749, section 4.1, with PKCE, RFC 7636), granted once in the browser and renewed by itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Line, Outgoing, Secret


class AuthorizationCodeData(CredentialData):
    """A client of an authorization server, which a user allows to act for them."""

    authorization_url: HttpUrl = Field(description="Where the user is asked.")
    token_url: HttpUrl = Field(description="The token endpoint.")
    client_id: Line = Field(description="The client's id.")
    client_secret: Secret | None = Field(default=None, description="The client's secret; public clients have none.")
    scope: str = Field(default="", max_length=4_000, description="Scopes, with spaces between.")
    client_auth: Literal["basic", "body"] = Field(default="basic", description="How the client proves itself at the token endpoint.")
    parameters: dict[str, Line] = Field(default_factory=dict, max_length=20, description="Further parameters of the authorization URL, such as access_type.")


def apply(request: Outgoing, data: AuthorizationCodeData, token: str | None = None) -> None:
    """Authorization: Bearer <access token>."""
    request.set_header("Authorization", f"Bearer {token}")


SPEC = CredentialSpec(
    type="oauth2_authorization_code",
    title="OAuth 2.0, a user's consent",
    description="A user's access token, granted once in the browser and renewed by itself.",
    icon="brand-oauth",
    model=AuthorizationCodeData,
    apply=apply,
    grant="authorization_code",
    destinations=("token_url",),
    example={
        "authorization_url": "https://auth.example.com/authorize",
        "token_url": "https://auth.example.com/token",
        "client_id": "the-client",
        "client_secret": "the-secret",
        "scope": "read write",
    },
)
