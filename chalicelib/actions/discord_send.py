"""discord.send: a message to Discord, by webhook or bot token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from chalicelib.actions.messages.config import FALLBACK_HELP, MessageConfig, TextList, credential_ref, fallbacks
from chalicelib.actions.messages.discord import DiscordBot, DiscordWebhook, embeds
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext, Sleep

PROVIDERS = (DiscordWebhook(), DiscordBot())
TYPES = ("discord_webhook", "discord_bot")


class DiscordConfig(MessageConfig):
    """The message."""

    credential: str = credential_ref(*TYPES, description="A webhook, or a bot's token.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    channel: TextList = Field(default_factory=list, description="For a bot: the channel's or thread's id; several in a list.")
    text: str = Field(default="", max_length=4_000, description="The text, cut at 2000 characters; **bold** and the like work, @everyone is shown, not obeyed.")
    embeds: list[dict[str, Any]] = Field(default_factory=list, max_length=10, description="Discord's embeds; the texts in them are escaped like `text`.")
    mentions: TextList = Field(default_factory=list, description="Whom to call on purpose: everyone, ids of members, & and the id of a role.")
    thread_id: str = Field(default="", max_length=30, pattern=r"^[0-9]*$", description="For a webhook: the thread to post in.")
    username: str = Field(default="", max_length=80, description="For a webhook: the name it shows.")
    avatar_url: str = Field(default="", max_length=2_000, description="For a webhook: the picture it shows.")

    @model_validator(mode="after")
    def _something(self) -> DiscordConfig:
        if not self.text and not self.embeds:
            raise ValueError("give text or embeds")
        return self


async def run(ctx: NodeContext, config: DiscordConfig) -> Done | Sleep:
    """Sends once to each channel. Errors as for email.send."""
    return await Sending(ctx, config, "discord", PROVIDERS, config.channel or [config.credential]).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """Links that cannot be followed."""
    try:
        embeds(config.get("embeds", []))
    except ActionError as error:
        return [Issue("/embeds", error.code, error.message)] if "{{" not in str(config["embeds"]) else []
    return []


SPEC = ActionSpec(
    type="discord.send",
    title="Send to Discord",
    description="Posts a message to Discord channels or threads.",
    kind="notify",
    icon="brand-discord",
    config_model=DiscordConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema=OUTPUT_SCHEMA,
    example={"credential": "discord", "text": "Order {{ input.id }} is **paid**"},
    warn=warn,
)
