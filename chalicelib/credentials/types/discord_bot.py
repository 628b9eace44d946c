"""discord_bot: A Discord bot that posts to channels."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from chalicelib.core import jsontext
from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Outgoing, Secret, Tested


class DiscordBotData(CredentialData):
    """A bot's token."""

    token: Secret = Field(description="The bot's token.")
    api_url: HttpUrl = Field(default="https://discord.com/api/v10", description="Where the API is.")


def apply(request: Outgoing, data: DiscordBotData, token: str | None = None) -> None:
    """Authorization: Bot <token>."""
    request.set_header("Authorization", f"Bot {data.token}")


async def test(data: DiscordBotData, client: HttpClient) -> Tested:
    """Asks who the token belongs to."""
    request = Outgoing("GET", f"{data.api_url}/users/@me", {})
    apply(request, data)
    answer = await client.call("GET", request.url, headers=request.headers, timeout=15.0, secret_headers=request.secret_headers)
    known = answer.status == 200 and "id" in (jsontext.loads(answer.body) or {})
    return Tested("ok", "the token is known") if known else Tested("failed", f"the token is not accepted (answer {answer.status})")


SPEC = CredentialSpec(
    type="discord_bot",
    title="Discord, bot token",
    description="A Discord bot that posts to channels.",
    icon="brand-discord",
    model=DiscordBotData,
    apply=apply,
    hosts=lambda data: [urlsplit(data.api_url).netloc.lower()],
    test=test,
    example={"token": "the-token"},
)
