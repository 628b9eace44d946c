"""fcm: a Google service account that sends push messages (Firebase Cloud Messaging, HTTP v1)."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, SecretText, Tested


def account_of(text: str) -> dict[str, Any]:
    """The service account's fields. Raises ValueError."""
    try:
        found = jsontext.loads(text)
    except MillraceError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in ("client_email", "private_key", "project_id")):
        raise ValueError("paste the whole JSON key file of the service account")
    return found


def _account(text: str) -> str:
    account_of(text)
    return text


class FcmData(CredentialData):
    """A service account."""

    service_account: Annotated[SecretText, AfterValidator(_account)] = Field(description="The JSON key file, pasted whole.")
    api_url: HttpUrl = Field(default="https://fcm.googleapis.com", description="Where the API is.")

    @property
    def account(self) -> dict[str, Any]:
        """Its fields."""
        return account_of(self.service_account)

    @property
    def token_url(self) -> str:
        """Where access tokens come from."""
        return str(self.account.get("token_uri") or "https://oauth2.googleapis.com/token")


async def test(data: FcmData, client: HttpClient) -> Tested:
    """Asks Google for an access token; sends nothing."""
    from chalicelib.core.jwt import google_token

    await google_token(data.account, data.token_url, client, 15.0)
    return Tested("ok", f"Google accepts the key of {data.account['project_id']}")


SPEC = CredentialSpec(
    type="fcm",
    title="Firebase Cloud Messaging",
    description="Push messages to Android, iOS and the web, by a Google service account.",
    icon="brand-firebase",
    model=FcmData,
    hosts=lambda data: sorted({urlsplit(data.api_url).netloc.lower(), urlsplit(data.token_url).netloc.lower()}),
    derived=lambda data: [data.account["private_key"]],
    test=test,
    example={"service_account": '{"project_id": "shop", "client_email": "push@shop.iam.gserviceaccount.com", "private_key": "-----BEGIN PRIVATE KEY-----…"}'},
)
