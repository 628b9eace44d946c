"""webhook_secret: what outgoing webhooks are signed with (Standard Webhooks). Two may be live at once, so that receivers can change over."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, Secret, Tested


def signing_key(secret: str) -> bytes:
    """The bytes to sign with: `whsec_` and base64. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("write it as whsec_ and base64, as Standard Webhooks does") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("the key behind whsec_ must have 24 to 64 bytes")
    return key


def _standard(secret: str) -> str:
    signing_key(secret)
    return secret


WebhookSecret = Annotated[Secret, AfterValidator(_standard)]


class WebhookSecretData(CredentialData):
    """Signing secrets."""

    secret: WebhookSecret = Field(description="whsec_ and base64 of 24 to 64 random bytes.")
    previous: WebhookSecret | None = Field(default=None, description="The secret before, while receivers change over: messages are signed with both.")

    @property
    def keys(self) -> list[bytes]:
        """The keys to sign with, the present one first."""
        return [signing_key(secret) for secret in (self.secret, self.previous) if secret]


async def test(data: WebhookSecretData, client: HttpClient) -> Tested:
    """There is nobody to ask; the form of the secrets was checked when they were stored."""
    return Tested("ok", "signs with two secrets" if data.previous else "signs with one secret")


SPEC = CredentialSpec(
    type="webhook_secret",
    title="Webhook signing secret",
    description="Signs outgoing webhooks by Standard Webhooks; two secrets may be live at once.",
    icon="signature",
    model=WebhookSecretData,
    derived=lambda data: [secret.removeprefix("whsec_") for secret in (data.secret, data.previous) if secret],
    test=test,
    example={"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
)
