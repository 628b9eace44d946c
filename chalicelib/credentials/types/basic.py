"""basic: user name and password in the Authorization header (RFC 7617)."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, Outgoing, Secret


def _no_colon(name: str) -> str:
    if ":" in name:
        raise ValueError("a user name in basic authentication cannot hold a colon")
    return name


class BasicData(CredentialData):
    """A user."""

    username: Annotated[str, Field(max_length=500), AfterValidator(_no_colon)] = Field(description="The user name.")
    password: Secret = Field(description="The password, or an API's secret.")


def _pair(data: BasicData) -> str:
    return base64.b64encode(f"{data.username}:{data.password}".encode()).decode("ascii")


def apply(request: Outgoing, data: BasicData, token: str | None = None) -> None:
    """Authorization: Basic <base64>."""
    request.set_header("Authorization", f"Basic {_pair(data)}")


SPEC = CredentialSpec(
    type="basic",
    title="User and password",
    description="HTTP basic authentication.",
    icon="user-key",
    model=BasicData,
    apply=apply,
    derived=lambda data: [_pair(data)],
    example={"username": "robot", "password": "the-password"},
)
