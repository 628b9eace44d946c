"""bearer: a token in the Authorization header."""

from __future__ import annotations

from pydantic import Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, Line, Outgoing, Secret


class BearerData(CredentialData):
    """A token."""

    token: Secret = Field(description="The token, without the word Bearer.")
    prefix: Line = Field(default="Bearer", description="What stands before the token: Bearer, Token, Bot, …")


def apply(request: Outgoing, data: BearerData, token: str | None = None) -> None:
    """Authorization: Bearer <token>."""
    request.set_header("Authorization", f"{data.prefix} {data.token}")


SPEC = CredentialSpec(
    type="bearer",
    title="Bearer token",
    description="A token or personal access key in the Authorization header.",
    icon="key",
    model=BearerData,
    apply=apply,
    example={"token": "the-token"},
)
