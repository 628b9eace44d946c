"""lambda.invoke: call a Lambda function, and wait for what it returns or not."""

from __future__ import annotations

import base64
from typing import Any, Literal

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, call, text_of
from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext

MAX_BYTES = 6_500_000


class LambdaInvokeConfig(AwsConfig):
    """The call."""

    function: str = Field(min_length=1, max_length=300, description="The function's name or ARN.")
    payload: Any = Field(default=None, description="The event.")
    qualifier: str = Field(default="", max_length=128, description="A version or alias.")
    mode: Literal["wait", "event"] = Field(default="wait", description="Wait for the result, or hand the event over and go on.")


async def run(ctx: NodeContext, config: LambdaInvokeConfig) -> Done:
    """Invokes once; its node's timeout_seconds is the most it waits. Errors: function_failed (the function raised), aws_error, aws_not_allowed, not_found."""
    context = {"custom": {"Idempotency-Key": ctx.idempotency_key}}
    parameters: dict[str, Any] = {
        "FunctionName": config.function,
        "Qualifier": config.qualifier,
        "InvocationType": "RequestResponse" if config.mode == "wait" else "Event",
        "Payload": text_of(config.payload, "payload").encode() if not isinstance(config.payload, str) else jsontext.dumps(config.payload).encode(),
        "ClientContext": base64.b64encode(jsontext.dumps(context).encode()).decode(),
    }
    found = await call(ctx, config, "lambda", "invoke", parameters, max_bytes=MAX_BYTES)
    raw = found["Payload"].read() if found.get("Payload") is not None else b""
    payload = _read(raw)
    output = {"status": found.get("StatusCode"), "payload": payload, "version": found.get("ExecutedVersion")}
    if found.get("FunctionError"):
        said = payload.get("errorMessage", "") if isinstance(payload, dict) else ""
        kind = payload.get("errorType", "error") if isinstance(payload, dict) else "error"
        raise ActionError("function_failed", f"{config.function} raised {kind}: {str(said)[:500]}", output=output)
    return Done(output)


def _read(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return jsontext.loads(raw)
    except MillraceError:
        return raw.decode("utf-8", "replace")


SPEC = ActionSpec(
    type="lambda.invoke",
    title="Invoke a Lambda function",
    description="Calls an AWS Lambda function and gives what it returns.",
    kind="action",
    icon="lambda",
    config_model=LambdaInvokeConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {"status": {"type": "integer"}, "payload": {"description": "What the function returned; null for an event."}, "version": {"type": ["string", "null"]}},
        "required": ["status", "payload"],
    },
    example={"credential": "aws", "function": "price", "payload": {"order": "{{ input.id }}"}},
)
