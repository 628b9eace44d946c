"""slack_bot: A Slack app that posts to channels, threads and people."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from chalicelib.core import jsontext
from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Outgoing, Secret, Tested


class SlackBotData(CredentialData):
    """A bot's token."""

    token: Secret = Field(description="The bot's token.")
    api_url: HttpUrl = Field(default="https://slack.com/api", description="Where the API is.")


def apply(request: Outgoing, data: SlackBotData, token: str | None = None) -> None:
    """Authorization: Bearer <token>."""
    request.set_header("Authorization", f"Bearer {data.token}")


async def test(data: SlackBotData, client: HttpClient) -> Tested:
    """Asks who the token belongs to."""
    request = Outgoing("GET", f"{data.api_url}/auth.test", {})
    apply(request, data)
    answer = await client.call("GET", request.url, headers=request.headers, timeout=15.0, secret_headers=request.secret_headers)
    known = answer.status == 200 and (jsontext.loads(answer.body) or {}).get("ok") is True
    return Tested("ok", "the token is known") if known else Tested("failed", f"the token is not accepted (answer {answer.status})")


SPEC = CredentialSpec(
    type="slack_bot",
    title="Slack, bot token",
    description="A Slack app that posts to channels, threads and people.",
    icon="brand-slack",
    model=SlackBotData,
    apply=apply,
    hosts=lambda data: [urlsplit(data.api_url).netloc.lower()],
    test=test,
    example={"token": "xoxb-the-token"},
)
