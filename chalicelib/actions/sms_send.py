"""sms.send: a text message to phones, by Twilio, Amazon SNS or any gateway with an HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from chalicelib.actions.messages.config import FALLBACK_HELP, MessageConfig, TextList, credential_ref, fallbacks
from chalicelib.actions.messages.http_sms import HttpGateway, HttpSmsProvider
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.actions.messages.sns import SnsProvider
from chalicelib.actions.messages.text import phone
from chalicelib.actions.messages.twilio import TwilioProvider
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext, Sleep

PROVIDERS = (TwilioProvider(), SnsProvider(), HttpSmsProvider())
TYPES = ("twilio", "aws", "http")


class SmsConfig(MessageConfig):
    """The message."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    credential: str = credential_ref(*TYPES, description="A Twilio account, an AWS key for SNS, or what signs in to a gateway.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    to: TextList = Field(description="Numbers with country code, such as +15005550006: one, or a list.")
    sender: str = Field(default="", alias="from", max_length=40, description="The number, name or messaging service it comes from; default: the credential's.")
    text: str = Field(min_length=1, max_length=1_600, description="The text, up to 1600 characters.")
    http: HttpGateway | None = Field(default=None, description="For a gateway of one's own: how it is called.")


async def run(ctx: NodeContext, config: SmsConfig) -> Done | Sleep:
    """Sends once to each number. Errors as for email.send."""
    return await Sending(ctx, config, "sms", PROVIDERS, [phone(each) for each in config.to]).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """Numbers that are none."""
    to = config.get("to")
    entries = [("/to", to)] if isinstance(to, str) else [(f"/to/{at}", each) for at, each in enumerate(to or ())]
    issues = [] if entries else [Issue("/to", "config_missing", "say who the message goes to")]
    for path, each in entries:
        if isinstance(each, str) and "{{" not in each:
            try:
                phone(each)
            except ActionError as error:
                issues.append(Issue(path, "invalid_number", error.message.removeprefix("to: ")))
    return issues


SPEC = ActionSpec(
    type="sms.send",
    title="Send a text message",
    description="Sends a text message by Twilio, Amazon SNS or any gateway with an HTTP API.",
    kind="notify",
    icon="message",
    config_model=SmsConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema=OUTPUT_SCHEMA,
    example={"credential": "twilio", "to": "{{ input.phone }}", "text": "Your code is {{ input.code }}."},
    warn=warn,
)
