"""teams.send: an adaptive card to Microsoft Teams, by a Workflows webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from chalicelib.actions.messages.config import FALLBACK_HELP, MessageConfig, credential_ref, fallbacks
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.actions.messages.teams import TeamsWebhook
from chalicelib.actions.messages.text import card, link
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext, Sleep

PROVIDERS = (TeamsWebhook(),)
TYPES = ("teams_webhook",)


class TeamsLink(Config):
    """A button."""

    label: str = Field(min_length=1, max_length=200, description="Its words.")
    url: str = Field(min_length=1, max_length=2_000, description="Where it leads: http or https.")


class TeamsConfig(MessageConfig):
    """The card."""

    credential: str = credential_ref(*TYPES, description="A Workflows webhook.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    title: str = Field(default="", max_length=500, description="The heading.")
    text: str = Field(default="", max_length=20_000, description="The text, shown as it is; an empty line begins a paragraph.")
    facts: dict[str, str] = Field(default_factory=dict, max_length=50, description="Names and values, in two columns.")
    links: list[TeamsLink] = Field(default_factory=list, max_length=6, description="Buttons.")
    card: dict[str, Any] = Field(default_factory=dict, description="In place of all these: an adaptive card of one's own, version 1.4.")

    @model_validator(mode="after")
    def _something(self) -> TeamsConfig:
        if not (self.title or self.text or self.facts or self.card):
            raise ValueError("give title, text, facts or card")
        return self


async def run(ctx: NodeContext, config: TeamsConfig) -> Done | Sleep:
    """Sends once. Errors as for email.send."""
    return await Sending(ctx, config, "teams", PROVIDERS, [config.credential]).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """Links that cannot be followed."""
    issues = []
    for at, each in enumerate(config.get("links", ())):
        if isinstance(each, Mapping) and "{{" not in str(each.get("url", "")):
            try:
                link(str(each.get("url", "")), "url")
            except ActionError as error:
                issues.append(Issue(f"/links/{at}/url", error.code, error.message))
    if "{{" not in str(config.get("card", "")):
        try:
            card(config.get("card", {}))
        except ActionError as error:
            issues.append(Issue("/card", error.code, error.message))
    return issues


SPEC = ActionSpec(
    type="teams.send",
    title="Send to Teams",
    description="Posts a card to a Microsoft Teams channel or chat, by a Workflows webhook.",
    kind="notify",
    icon="brand-teams",
    config_model=TeamsConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema=OUTPUT_SCHEMA,
    example={"credential": "teams", "title": "Order {{ input.id }}", "text": "It is paid.", "links": [{"label": "Open", "url": "https://shop.example.com/orders"}]},
    warn=warn,
)
