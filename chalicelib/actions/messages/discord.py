"""Discord: by webhook (one channel) and by bot token. Nobody is called but who the node says; a bot's message carries a nonce that Discord takes once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.http_api import of_status, parsed, post
from chalicelib.actions.messages.provider import Answer, Job, Problem, Taken, one_by_one
from chalicelib.actions.messages.text import cut, discord_text, link
from chalicelib.core.http import Response

MAX_TEXT = 2_000


def body_of(config: Any) -> dict[str, Any]:
    """The message as Discord takes it."""
    mentions = [each.removeprefix("@") for each in config.mentions]
    for each in mentions:
        if each != "everyone" and not each.removeprefix("&").isdigit():
            raise invalid(f"mentions: {each[:40]!r} is neither everyone nor an id (& before a role's)")
    called = " ".join("@everyone" if each == "everyone" else f"<@{each}>" for each in mentions)
    allowed: dict[str, Any] = {"parse": ["everyone"] if "everyone" in mentions else []}
    allowed["users"] = [each for each in mentions if each.isdigit()]
    allowed["roles"] = [each[1:] for each in mentions if each.startswith("&")]
    body: dict[str, Any] = {"content": cut(f"{called} {discord_text(config.text)}".strip(), MAX_TEXT), "allowed_mentions": allowed}
    if config.embeds:
        body["embeds"] = embeds(config.embeds)
    return body


def embeds(value: Any, path: str = "embeds") -> Any:
    """Embeds with every text escaped and every link checked."""
    if isinstance(value, list):
        return [embeds(each, f"{path}/{at}") for at, each in enumerate(value)]
    if isinstance(value, dict):
        found = {name: embeds(inner, f"{path}/{name}") for name, inner in value.items()}
        return {**found, **{name: link(value[name], f"{path}/{name}") for name in ("url", "icon_url") if isinstance(value.get(name), str)}}
    return discord_text(value) if isinstance(value, str) else value


def _read(response: Response) -> Answer:
    body = parsed(response)
    body = body if isinstance(body, dict) else {}
    if response.status in (200, 201, 204):
        return Taken(str(body["id"]) if body.get("id") else None, "delivered", {"channel": body.get("channel_id")})
    problem = of_status(response, "Discord", str(body.get("message", "")), reason=f"discord_{body['code']}" if body.get("code") else None)
    wait = body.get("retry_after")
    if response.status == 429 and isinstance(wait, int | float):
        return Problem(problem.code, problem.message, "rate_limited", problem.error_class, max(float(wait), problem.retry_after or 0.0))
    return problem


class DiscordWebhook:
    """discord.send by webhook."""

    name, channel, types = "discord_webhook", "discord", ("discord_webhook",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """One message to the webhook's channel, or a thread of it."""
        config = job.config
        query = {"wait": "true", **({"thread_id": config.thread_id} if config.thread_id else {})}
        body = body_of(config)
        if config.username:
            body["username"] = discord_text(config.username)
        if config.avatar_url:
            body["avatar_url"] = link(config.avatar_url, "avatar_url")
        url = job.credential.data.url
        response = await post(job, f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", json=body)
        return dict.fromkeys(job.recipients, _read(response))


class DiscordBot:
    """discord.send by bot token."""

    name, channel, types = "discord", "discord", ("discord_bot",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message to each channel."""
        if not job.config.channel:
            raise invalid("channel: say where the bot posts: a channel's or thread's id")
        return await one_by_one(job, self._send_one, at_once=1)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        if not recipient.isdigit():
            raise invalid("channel: a channel of Discord is named by its id, a long number")
        nonce = hashlib.sha256(job.key_for(recipient).encode()).hexdigest()[:25]
        body = {**body_of(job.config), "nonce": nonce, "enforce_nonce": True}
        url = f"{job.credential.data.api_url.rstrip('/')}/channels/{recipient}/messages"
        return _read(await post(job, url, json=body, authenticate=True))
