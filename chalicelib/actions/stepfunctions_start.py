"""stepfunctions.start: start a Step Functions execution. Its name derives from the node's key, so that a second attempt starts none."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, call, text_of
from chalicelib.core.clock import to_text
from chalicelib.registry.spec import ActionSpec, Done, NodeContext


class StepFunctionsStartConfig(AwsConfig):
    """What is started."""

    state_machine_arn: str = Field(min_length=1, max_length=300, pattern=r"^arn:", description="The state machine's ARN.")
    input: Any = Field(default_factory=dict, description="Its input.")
    name: str = Field(default="", max_length=80, pattern=r"^[A-Za-z0-9_-]*$", description="The execution's name; default: one of the node's own.")


async def run(ctx: NodeContext, config: StepFunctionsStartConfig) -> Done:
    """Starts it once (standard workflows). Errors: aws_error, aws_not_allowed, not_found."""
    name = config.name or f"millrace-{hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()[:60]}"
    parameters = {"stateMachineArn": config.state_machine_arn, "name": name, "input": text_of(config.input, "input")}
    found = await call(ctx, config, "stepfunctions", "start_execution", parameters)
    return Done({"execution_arn": found.get("executionArn"), "started_at": to_text(found.get("startDate"))})


SPEC = ActionSpec(
    type="stepfunctions.start",
    title="Start a Step Functions execution",
    description="Starts an execution of an AWS Step Functions state machine.",
    kind="action",
    icon="sitemap",
    config_model=StepFunctionsStartConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"type": "object", "properties": {"execution_arn": {"type": "string"}, "started_at": {"type": ["string", "null"]}}, "required": ["execution_arn"]},
    example={"credential": "aws", "state_machine_arn": "arn:aws:states:eu-central-1:123456789012:stateMachine:orders", "input": {"id": "{{ input.id }}"}},
)
