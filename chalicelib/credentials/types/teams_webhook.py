"""teams_webhook: An address of a Teams workflow that posts to a channel or chat."""

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


class TeamsWebhookData(CredentialData):
    """A webhook's address, which is its secret."""

    url: Annotated[Secret, AfterValidator(_url)] = Field(description="The address that the Workflows app gave.")


async def test(data: TeamsWebhookData, client: HttpClient) -> Tested:
    """A webhook cannot be asked without sending."""
    return Tested("untested", "a webhook can only be tried by sending: run a node with it")


SPEC = CredentialSpec(
    type="teams_webhook",
    title="Microsoft Teams, Workflows webhook",
    description="An address of a Teams workflow that posts to a channel or chat.",
    icon="brand-teams",
    model=TeamsWebhookData,
    hosts=lambda data: [urlsplit(data.url).netloc.lower()],
    derived=lambda data: [urlsplit(data.url).path.strip("/")],
    test=test,
    example={"url": "https://prod-00.westeurope.logic.azure.com/workflows/the-secret"},
)
