"""twilio: an account that sends text messages."""

from __future__ import annotations

import base64
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Line, Outgoing, Secret, Tested


class TwilioData(CredentialData):
    """An account."""

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-zA-Z]{6,60}$", description="AC…")]
    auth_token: Secret = Field(description="The account's auth token; delivery receipts are verified with it too.")
    api_key_sid: Line | None = Field(default=None, description="SK…, to sign in with an API key in place of the auth token.")
    api_key_secret: Secret | None = Field(default=None, description="The API key's secret.")
    sender: Line | None = Field(default=None, description="The number or messaging service (MG…) that messages come from, unless a node says otherwise.")
    api_url: HttpUrl = Field(default="https://api.twilio.com", description="Where the API is.")


def _pair(data: TwilioData) -> str:
    user, password = data.account_sid, data.auth_token
    if data.api_key_sid and data.api_key_secret:
        user, password = data.api_key_sid, data.api_key_secret
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def apply(request: Outgoing, data: TwilioData, token: str | None = None) -> None:
    """Authorization: Basic <base64>."""
    request.set_header("Authorization", f"Basic {_pair(data)}")


async def test(data: TwilioData, client: HttpClient) -> Tested:
    """Reads the account; sends nothing."""
    request = Outgoing("GET", f"{data.api_url}/2010-04-01/Accounts/{data.account_sid}.json", {})
    apply(request, data)
    answer = await client.call("GET", request.url, headers=request.headers, timeout=15.0, secret_headers=request.secret_headers)
    if answer.status == 200:
        return Tested("ok", "Twilio knows the account")
    return Tested("failed", f"Twilio answered {answer.status}; check account and token")


SPEC = CredentialSpec(
    type="twilio",
    title="Twilio",
    description="An account that sends text messages.",
    icon="message",
    model=TwilioData,
    apply=apply,
    hosts=lambda data: [urlsplit(data.api_url).netloc.lower()],
    derived=lambda data: [_pair(data)],
    test=test,
    example={"account_sid": "AC00000000000000000000000000000000", "auth_token": "the-token", "sender": "+15005550006"},
)
