"""apns: a signing key for push messages to Apple's devices."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from chalicelib.core.http import HttpClient
from chalicelib.core.jwt import sign_es256
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Line, SecretText, Tested

SANDBOX = "https://api.sandbox.push.apple.com"


def _key(text: str) -> str:
    sign_es256(text, {}, {})
    return text


class ApnsData(CredentialData):
    """A key."""

    private_key: Annotated[SecretText, AfterValidator(_key)] = Field(description="The .p8 file, pasted whole.")
    key_id: Line = Field(description="The key's id, ten characters.")
    team_id: Line = Field(description="The team's id, ten characters.")
    topic: Line = Field(description="The app's bundle id.")
    api_url: HttpUrl = Field(default="https://api.push.apple.com", description=f"Where the API is; {SANDBOX} for builds in development.")


async def test(data: ApnsData, client: HttpClient) -> Tested:
    """Apple can only be asked by sending; that the key signs was checked when it was stored."""
    return Tested("untested", "the key signs; whether Apple knows it shows when a message is sent")


SPEC = CredentialSpec(
    type="apns",
    title="Apple Push Notification service",
    description="Push messages to Apple's devices, by a signing key.",
    icon="brand-apple",
    model=ApnsData,
    hosts=lambda data: [urlsplit(data.api_url).netloc.lower()],
    test=test,
    example={"private_key": "-----BEGIN PRIVATE KEY-----…", "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "com.example.shop"},
)
