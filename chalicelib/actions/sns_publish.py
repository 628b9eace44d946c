"""sns.publish: a message to a topic. FIFO topics take it once, by the node's key."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, attributes, call, text_of
from chalicelib.actions.messages.mail import one_line
from chalicelib.registry.spec import ActionSpec, Done, NodeContext


class SnsPublishConfig(AwsConfig):
    """The message."""

    topic_arn: str = Field(min_length=1, max_length=300, pattern=r"^arn:", description="The topic's ARN.")
    message: Any = Field(description="Text as it is, anything else as JSON.")
    subject: str = Field(default="", max_length=100, description="The subject, for subscriptions by mail.")
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=50, description="Message attributes, by which subscriptions filter.")
    group_id: str = Field(default="", max_length=128, description="FIFO topics: messages of one group come in order.")


async def run(ctx: NodeContext, config: SnsPublishConfig) -> Done:
    """Publishes once. Errors: aws_error, aws_not_allowed, not_found, invalid_config."""
    parameters: dict[str, Any] = {
        "TopicArn": config.topic_arn,
        "Message": text_of(config.message, "message"),
        "Subject": one_line(config.subject),
        "MessageAttributes": attributes(config.attributes, ctx.idempotency_key),
        "MessageGroupId": config.group_id,
    }
    if config.topic_arn.endswith(".fifo"):
        parameters["MessageDeduplicationId"] = hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()
    found = await call(ctx, config, "sns", "publish", parameters)
    return Done({"message_id": found.get("MessageId"), "sequence_number": found.get("SequenceNumber")})


SPEC = ActionSpec(
    type="sns.publish",
    title="Publish to SNS",
    description="Publishes a message to an Amazon SNS topic.",
    kind="data",
    icon="broadcast",
    config_model=SnsPublishConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"type": "object", "properties": {"message_id": {"type": "string"}, "sequence_number": {"type": ["string", "null"]}}, "required": ["message_id"]},
    example={"credential": "aws", "topic_arn": "arn:aws:sns:eu-central-1:123456789012:orders", "message": {"id": "{{ input.id }}"}},
)
