"""discord_webhook: An address that posts to one Discord channel."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, Secret, Tested


def _url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
        raise ValueError("paste the webhook's whole address, from https:// on")
    return text


class DiscordWebhookData(CredentialData):
    """A webhook's address, which is its secret."""

    url: Annotated[Secret, AfterValidator(_url)] = Field(description="https://discord.com/api/webhooks/…")


async def test(data: DiscordWebhookData, client: HttpClient) -> Tested:
    """A webhook cannot be asked without sending."""
    return Tested("untested", "a webhook can only be tried by sending: run a node with it")


SPEC = CredentialSpec(
    type="discord_webhook",
    title="Discord, webhook",
    description="An address that posts to one Discord channel.",
    icon="brand-discord",
    model=DiscordWebhookData,
    hosts=lambda data: [urlsplit(data.url).netloc.lower()],
    derived=lambda data: [urlsplit(data.url).path.strip("/")],
    test=test,
    example={"url": "https://discord.com/api/webhooks/1/the-token"},
)
