"""push.send: a push message to apps and browsers, by Firebase (FCM v1), Apple (APNs) or Web Push."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from chalicelib.actions.messages.apns import ApnsProvider
from chalicelib.actions.messages.config import FALLBACK_HELP, MAX_RECIPIENTS, MessageConfig, credential_ref, fallbacks
from chalicelib.actions.messages.fcm import FcmProvider
from chalicelib.actions.messages.push import recipient_key
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.actions.messages.text import link
from chalicelib.actions.messages.webpush import WebPushProvider
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext, Sleep

PROVIDERS = (FcmProvider(), ApnsProvider(), WebPushProvider())
TYPES = ("fcm", "apns", "web_push")


def _recipient(value: Any) -> Any:
    if not isinstance(value, str | dict) or not value:
        raise ValueError("a recipient is a device's token, or a browser's subscription {endpoint, keys}")
    return value


Recipient = Annotated[Any, AfterValidator(_recipient), WithJsonSchema({"type": ["string", "object"]})]


class PushConfig(MessageConfig):
    """The message."""

    credential: str = credential_ref(*TYPES, description="A Firebase service account, Apple's signing key, or a site's Web Push keys.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    to: Annotated[list[Recipient], Field(max_length=MAX_RECIPIENTS), BeforeValidator(lambda value: [value] if isinstance(value, str | dict) else value)] = Field(
        description="Device tokens, or for Web Push subscriptions ({endpoint, keys}): one, or a list."
    )
    title: str = Field(default="", max_length=500, description="The title.")
    body: str = Field(default="", max_length=3_000, description="The text.")
    url: str = Field(default="", max_length=2_000, description="What opens at a tap: http or https.")
    image: str = Field(default="", max_length=2_000, description="A picture's address.")
    data: dict[str, Any] = Field(default_factory=dict, description="Further data for the app.")
    badge: int | None = Field(default=None, ge=0, le=100_000, description="Apple: the number on the app's icon.")
    sound: str = Field(default="", max_length=100, description="Apple: the sound; `default` is the usual one.")
    priority: Literal["high", "normal"] = Field(default="high", description="Whether a sleeping device is woken.")
    ttl_seconds: int = Field(default=86_400, ge=0, le=2_419_200, description="How long services keep it for devices that are off.")
    collapse_key: str = Field(default="", max_length=60, pattern=r"^[A-Za-z0-9_.-]*$", description="Messages with one key replace each other on the device.")

    @model_validator(mode="after")
    def _something(self) -> PushConfig:
        if not (self.title or self.body or self.data):
            raise ValueError("give title, body or data")
        return self


async def run(ctx: NodeContext, config: PushConfig) -> Done | Sleep:
    """Sends once to each device. Errors as for email.send; a device that is gone has the reason `unregistered`."""
    return await Sending(ctx, config, "push", PROVIDERS, [recipient_key(each) for each in config.to]).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """Links that cannot be followed."""
    issues = []
    for name in ("url", "image"):
        value = config.get(name)
        if isinstance(value, str) and value and "{{" not in value:
            try:
                link(value, name)
            except ActionError as error:
                issues.append(Issue(f"/{name}", error.code, error.message))
    return issues


SPEC = ActionSpec(
    type="push.send",
    title="Send a push message",
    description="Sends a push message to apps and browsers by Firebase, Apple or Web Push.",
    kind="notify",
    icon="bell",
    config_model=PushConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema=OUTPUT_SCHEMA,
    example={"credential": "firebase", "to": "{{ input.device_token }}", "title": "Your order", "body": "It is on its way."},
    warn=warn,
)
