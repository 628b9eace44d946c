"""web_push: the keys (VAPID, RFC 8292) with which a site sends push messages to browsers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.core.http import HttpClient
from chalicelib.core.jwt import public_point, vapid_key
from chalicelib.credentials.spec import CredentialData, CredentialSpec, Line, SecretText, Tested


def _key(text: str) -> str:
    vapid_key(text)
    return text


class WebPushData(CredentialData):
    """A key pair."""

    private_key: Annotated[SecretText, AfterValidator(_key)] = Field(description="The private key: PEM, or its 32 bytes in base64url.")
    subject: Annotated[Line, Field(pattern=r"^(mailto:|https://)", description="Whom push services may ask: mailto:… or https://…")]


async def test(data: WebPushData, client: HttpClient) -> Tested:
    """Says the public key, which browsers subscribe with."""
    return Tested("ok", f"the public key (applicationServerKey) is {public_point(vapid_key(data.private_key))}")


SPEC = CredentialSpec(
    type="web_push",
    title="Web Push (VAPID)",
    description="Push messages to browsers.",
    icon="bell",
    model=WebPushData,
    test=test,
    example={"private_key": "the-private-key-in-base64url-of-43-characters", "subject": "mailto:push@example.com"},
)
