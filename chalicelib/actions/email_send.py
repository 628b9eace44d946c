"""email.send: one mail to any number of recipients, by a mail server (SMTP) or Amazon SES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from chalicelib.actions.messages import mail
from chalicelib.actions.messages.config import FALLBACK_HELP, MessageConfig, TextList, credential_ref, fallbacks
from chalicelib.actions.messages.mail import Attachment, MailTemplate
from chalicelib.actions.messages.sending import OUTPUT_SCHEMA, Sending
from chalicelib.actions.messages.ses import SesProvider
from chalicelib.actions.messages.smtp import SmtpProvider
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext, Sleep

PROVIDERS = (SmtpProvider(), SesProvider())
TYPES = ("smtp", "aws")


class EmailConfig(MessageConfig):
    """The mail."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    credential: str = credential_ref(*TYPES, description="The mail server, or the AWS key for SES.")
    fallback: fallbacks(*TYPES) = Field(default_factory=list, description=FALLBACK_HELP)  # type: ignore[valid-type]
    sender: str = Field(default="", alias="from", max_length=400, description="Who it is from: name@example.com or Name <name@example.com>; default: the credential's.")
    to: TextList = Field(default_factory=list, description="Recipients: an address, or a list of addresses.")
    cc: TextList = Field(default_factory=list, description="Recipients of a copy.")
    bcc: TextList = Field(default_factory=list, description="Recipients that the others do not see.")
    reply_to: TextList = Field(default_factory=list, description="Where answers go.")
    subject: str = Field(default="", max_length=1_000, description="The subject. Line breaks become spaces.")
    text: str = Field(default="", max_length=5_000_000, description="The text; made from the HTML when left out.")
    html: str = Field(
        default="",
        max_length=5_000_000,
        description="The HTML. What {{ }} puts in is escaped; scripts and links of other schemes than http, https, mailto and tel are taken out.",
        json_schema_extra={"format": "html"},
    )
    template: MailTemplate | None = Field(default=None, description="In place of html: a notice, laid out for you.")
    attachments: list[Attachment] = Field(default_factory=list, max_length=50, description="Files.")
    headers: dict[str, str] = Field(default_factory=dict, max_length=30, description="Further headers: X-…, List-…, References, In-Reply-To, Importance.")

    @model_validator(mode="after")
    def _content(self) -> EmailConfig:
        if self.html and self.template is not None:
            raise ValueError("give html or template, not both")
        return self


async def run(ctx: NodeContext, config: EmailConfig) -> Done | Sleep:
    """Sends once. Errors: invalid_config, credential_*, egress_denied, message_refused, provider_error, rate_limited, connection_failed, timeout, tls_error."""
    return await Sending(ctx, config, "email", PROVIDERS, mail.recipients(config)).run()


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """What is known to fail before the node runs: nobody to send to, nothing to say, addresses that are none."""
    issues = []
    if not any(config.get(name) for name in ("to", "cc", "bcc")):
        issues.append(Issue("/to", "config_missing", "say who the mail goes to"))
    if not any(config.get(name) for name in ("text", "html", "template")):
        issues.append(Issue("/text", "config_missing", "the mail has no content; give text, html or template"))
    for name in ("from", "to", "cc", "bcc", "reply_to"):
        value = config.get(name)
        entries = [(f"/{name}", value)] if isinstance(value, str) else [(f"/{name}/{at}", each) for at, each in enumerate(value or ())]
        issues += [issue for path, each in entries if each and (issue := _address_issue(path, each, name)) is not None]
    return issues


def _address_issue(path: str, text: Any, field: str) -> Issue | None:
    if not isinstance(text, str) or "{{" in text:
        return None
    try:
        mail.address(text, field)
    except ActionError as error:
        return Issue(path, "invalid_address", error.message)
    return None


SPEC = ActionSpec(
    type="email.send",
    title="Send a mail",
    description="Sends a mail by SMTP or Amazon SES, with text, HTML, a laid-out notice and attachments.",
    kind="notify",
    icon="mail",
    config_model=EmailConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema=OUTPUT_SCHEMA,
    example={
        "credential": "mail-server",
        "to": "{{ input.email }}",
        "subject": "Your order {{ input.order }}",
        "text": "Hello {{ input.name }},\nyour order is on its way.",
    },
    warn=warn,
)
