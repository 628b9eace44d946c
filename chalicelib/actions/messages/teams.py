"""Microsoft Teams: an adaptive card to a Workflows webhook, which answers 202 and posts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.http_api import of_status, post, text_of
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Problem, Taken
from chalicelib.actions.messages.text import card, link, plain, teams_text
from chalicelib.core import jsontext

MAX_BYTES = 28_000
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def card_of(config: Any) -> dict[str, Any]:
    """The adaptive card of a config: its own, checked, or one made of title, text, facts and links."""
    if config.card:
        return {"$schema": SCHEMA, "type": "AdaptiveCard", "version": "1.4", **card(config.card)}
    body: list[dict[str, Any]] = []
    if config.title:
        body.append({"type": "TextBlock", "text": teams_text(config.title), "size": "Large", "weight": "Bolder", "wrap": True})
    body += [{"type": "TextBlock", "text": teams_text(part), "wrap": True} for part in config.text.split("\n\n") if part.strip()]
    if config.facts:
        body.append({"type": "FactSet", "facts": [{"title": teams_text(name), "value": teams_text(value)} for name, value in config.facts.items()]})
    made = {"$schema": SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": body}
    if config.links:
        made["actions"] = [
            {"type": "Action.OpenUrl", "title": plain(each.label), "url": link(each.url, f"links/{at}/url")} for at, each in enumerate(config.links)
        ]
    return made


class TeamsWebhook:
    """teams.send."""

    name, channel, types = "teams", "teams", ("teams_webhook",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """One card to where the workflow posts."""
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card_of(job.config)}
        body = {"type": "message", "attachments": [attachment]}
        size = len(jsontext.dumps(body))
        if size > MAX_BYTES:
            raise NotTaken(Problem("invalid_config", f"the card has {size} bytes; Teams takes at most {MAX_BYTES}", "too_large"))
        response = await post(job, job.credential.data.url, json=body)
        if response.status in (200, 201, 202):
            return dict.fromkeys(job.recipients, Taken(response.header("x-ms-workflow-run-id")))
        return dict.fromkeys(job.recipients, of_status(response, "Teams", text_of(response)))
