"""slack.send: a message to Slack, by incoming webhook or bot token, with blocks and in threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from chalicelib.actions.messages.config import FALLBACK_HELP, MessageConfig, TextList, credential_ref, fallbacks
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.actions.messages.slack import SlackBot, SlackWebhook
from chalicelib.actions.messages.text import slack_blocks, slack_mentions
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext, Sleep

PROVIDERS = (SlackWebhook(), SlackBot())
TYPES = ("slack_webhook", "slack_bot", "bearer", "oauth2_authorization_code")


class SlackConfig(MessageConfig):
    """The message."""

    credential: str = credential_ref(*TYPES, description="An incoming webhook, or a bot's token.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    channel: TextList = Field(default_factory=list, description="For a bot: a channel's id or #name, or a member's id; several in a list.")
    text: str = Field(default="", max_length=40_000, description="The text: *bold*, _italic_ and lists work; <!channel> and the like are shown, not obeyed. Also what notifications show.")
    blocks: list[dict[str, Any]] = Field(default_factory=list, max_length=50, description="Slack's Block Kit; the texts in it are escaped like `text`.")
    mentions: TextList = Field(default_factory=list, description="Whom to call on purpose: channel, here, everyone, or ids of members (U…) and groups (S…).")
    thread_ts: str = Field(default="", max_length=40, pattern=r"^[0-9.]*$", description="Answer in this thread: `thread_ts` of an earlier slack.send's output.")
    reply_broadcast: bool = Field(default=False, description="Show an answer in the channel too.")
    unfurl: bool = Field(default=False, description="Whether Slack shows previews of links.")

    @model_validator(mode="after")
    def _something(self) -> SlackConfig:
        if not self.text and not self.blocks:
            raise ValueError("give text or blocks")
        return self


async def run(ctx: NodeContext, config: SlackConfig) -> Done | Sleep:
    """Sends once to each channel. Errors as for email.send."""
    return await Sending(ctx, config, "slack", PROVIDERS, config.channel or [config.credential]).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """Links that cannot be followed, and mentions of nobody."""
    issues = []
    for path, check in (("/blocks", lambda: slack_blocks(config.get("blocks", []))), ("/mentions", lambda: _mentions(config.get("mentions")))):
        try:
            check()
        except ActionError as error:
            issues.append(Issue(path, error.code, error.message))
    return issues


def _mentions(value: Any) -> None:
    entries = [value] if isinstance(value, str) else value or []
    slack_mentions([each for each in entries if isinstance(each, str) and "{{" not in each])


SPEC = ActionSpec(
    type="slack.send",
    title="Send to Slack",
    description="Posts a message to Slack channels, threads or people.",
    kind="notify",
    icon="brand-slack",
    config_model=SlackConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={**OUTPUT_SCHEMA, "properties": {**OUTPUT_SCHEMA["properties"], "thread_ts": {"type": "string", "description": "For answers in the same thread."}}},
    example={"credential": "slack", "channel": "C0123456789", "text": "Order {{ input.id }} is *paid*"},
    warn=warn,
)
