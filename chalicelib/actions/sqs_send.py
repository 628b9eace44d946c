"""sqs.send: a message to a queue. FIFO queues take it once, by the node's key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, attributes, call, text_of
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionSpec, Done, NodeContext


class SqsSendConfig(AwsConfig):
    """The message."""

    queue_url: str = Field(min_length=1, max_length=500, description="The queue's URL.")
    body: Any = Field(description="Text as it is, anything else as JSON.")
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=9, description="Message attributes: texts and numbers.")
    delay_seconds: int = Field(default=0, ge=0, le=900, description="How long the queue holds it back.")
    group_id: str = Field(default="", max_length=128, description="FIFO queues: messages of one group come in order.")


async def run(ctx: NodeContext, config: SqsSendConfig) -> Done:
    """Sends once. Errors: aws_error, aws_not_allowed, not_found, invalid_config."""
    parameters: dict[str, Any] = {
        "QueueUrl": config.queue_url,
        "MessageBody": text_of(config.body, "body"),
        "MessageAttributes": attributes(config.attributes, ctx.idempotency_key),
        "DelaySeconds": config.delay_seconds or None,
        "MessageGroupId": config.group_id,
    }
    if config.queue_url.endswith(".fifo"):
        parameters["MessageDeduplicationId"] = hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()
    found = await call(ctx, config, "sqs", "send_message", parameters)
    return Done({"message_id": found.get("MessageId"), "sequence_number": found.get("SequenceNumber")})


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """A FIFO queue without a group refuses everything."""
    url = config.get("queue_url")
    if isinstance(url, str) and url.endswith(".fifo") and not config.get("group_id"):
        return [Issue("/group_id", "config_missing", "a FIFO queue needs a group_id")]
    return []


SPEC = ActionSpec(
    type="sqs.send",
    title="Send to SQS",
    description="Sends a message to an Amazon SQS queue.",
    kind="data",
    icon="stack-push",
    config_model=SqsSendConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"type": "object", "properties": {"message_id": {"type": "string"}, "sequence_number": {"type": ["string", "null"]}}, "required": ["message_id"]},
    example={"credential": "aws", "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "body": {"id": "{{ input.id }}"}},
    warn=warn,
)
