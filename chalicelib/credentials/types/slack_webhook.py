"""slack_webhook: An address that posts to one Slack channel."""

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


class SlackWebhookData(CredentialData):
    """A webhook's address, which is its secret."""

    url: Annotated[Secret, AfterValidator(_url)] = Field(description="https://hooks.slack.com/services/…")


async def test(data: SlackWebhookData, client: HttpClient) -> Tested:
    """A webhook cannot be asked without sending."""
    return Tested("untested", "a webhook can only be tried by sending: run a node with it")


SPEC = CredentialSpec(
    type="slack_webhook",
    title="Slack, incoming webhook",
    description="An address that posts to one Slack channel.",
    icon="brand-slack",
    model=SlackWebhookData,
    hosts=lambda data: [urlsplit(data.url).netloc.lower()],
    derived=lambda data: [urlsplit(data.url).path.strip("/")],
    test=test,
    example={"url": "https://hooks.slack.com/services/T000/B000/XXXX"},
)
