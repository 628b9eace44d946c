"""Slack: by incoming webhook (one channel, no answer but yes) and by bot token (any channel, threads, a message's id)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.http_api import of_status, parsed, post, text_of
from chalicelib.actions.messages.provider import Answer, Job, Problem, Taken, one_by_one
from chalicelib.actions.messages.text import cut, slack_blocks, slack_mentions, slack_text
from chalicelib.core.http import Response

MAX_TEXT = 40_000
# What Slack may get over: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_LATER = frozenset(("ratelimited", "rate_limited", "fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"))


def body_of(config: Any) -> dict[str, Any]:
    """The message as Slack takes it, everything in it escaped."""
    text = slack_text(config.text)
    mentions = slack_mentions(config.mentions)
    if len(text) > MAX_TEXT:
        text = cut(text, MAX_TEXT)
    body: dict[str, Any] = {"text": f"{mentions} {text}".strip(), "unfurl_links": config.unfurl, "unfurl_media": config.unfurl}
    if config.blocks:
        called = [{"type": "section", "text": {"type": "mrkdwn", "text": mentions}}] if mentions else []
        body["blocks"] = [*called, *slack_blocks(config.blocks)]
    if config.thread_ts:
        body["thread_ts"] = config.thread_ts
        body["reply_broadcast"] = config.reply_broadcast
    return body


class SlackWebhook:
    """slack.send by incoming webhook."""

    name, channel, types = "slack_webhook", "slack", ("slack_webhook",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """One message to the webhook's channel."""
        response = await post(job, job.credential.data.url, json=body_of(job.config))
        return dict.fromkeys(job.recipients, self._read(response))

    @staticmethod
    def _read(response: Response) -> Answer:
        if response.status == 200:
            return Taken(None, "delivered")
        said = text_of(response)
        return of_status(response, "Slack", said, reason=said if response.status < 500 and said.isidentifier() and len(said) < 60 else None)


class SlackBot:
    """slack.send by bot token."""

    name, channel, types = "slack", "slack", ("slack_bot", "bearer", "oauth2_authorization_code")

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message to each channel."""
        if not any(job.recipients) or not job.config.channel:
            raise invalid("channel: say where the bot posts: a channel's or member's id, or #name")
        return await one_by_one(job, self._send_one, at_once=1)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        api = getattr(job.credential.data, "api_url", "https://slack.com/api").rstrip("/")
        body = {"channel": recipient, **body_of(job.config)}
        response = await post(job, f"{api}/chat.postMessage", json=body, authenticate=True, headers={"Content-Type": "application/json; charset=utf-8"})
        return self._read(response)

    @staticmethod
    def _read(response: Response) -> Answer:
        if response.status != 200:
            return of_status(response, "Slack", text_of(response))
        body = parsed(response)
        if not isinstance(body, dict) or "ok" not in body:
            return Problem("provider_error", "Slack answered with something that cannot be read", "invalid_response", unsure=True)
        if body["ok"]:
            return Taken(str(body.get("ts")), "delivered", {"channel": body.get("channel"), "thread_ts": body.get("ts")})
        error = str(body.get("error", "unknown"))
        if error in _LATER:
            return Problem("rate_limited" if "limit" in error else "provider_error", f"Slack cannot take it now ({error})", error, "rate_limited")
        hint = {
            "not_in_channel": ": invite the bot to the channel",
            "channel_not_found": ": check the channel; a bot sees private ones only when invited",
            "invalid_auth": ": check the token",
            "missing_scope": f": the app needs the scope {body.get('needed', 'chat:write')}",
        }.get(error, "")
        return Problem("provider_error", f"Slack refuses it ({error}){hint}", error)
