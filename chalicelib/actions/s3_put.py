"""s3.put: write an object. Written twice it is the same object."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, call, text_of
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext


class S3PutConfig(AwsConfig):
    """The object."""

    bucket: str = Field(min_length=3, max_length=255, description="The bucket's name.")
    key: str = Field(min_length=1, max_length=1_024, description="The object's key.")
    body: Any = Field(description="Text as it is, anything else as JSON; with encoding base64, bytes.")
    encoding: Literal["text", "base64"] = Field(default="text", description="Whether the body is base64.")
    content_type: str = Field(default="", max_length=255, description="Default: text/plain, application/json or application/octet-stream, by the body.")
    metadata: dict[str, str] = Field(default_factory=dict, max_length=50, description="Metadata of one's own.")
    if_absent: bool = Field(default=False, description="Fail (code aws_error, PreconditionFailed) when there is such an object already.")


async def run(ctx: NodeContext, config: S3PutConfig) -> Done:
    """Writes once. Errors: aws_error, aws_not_allowed, not_found, invalid_config."""
    data, usual = _bytes(config)
    parameters: dict[str, Any] = {
        "Bucket": config.bucket,
        "Key": config.key,
        "ContentType": config.content_type or usual,
        "Metadata": {"idempotency-key": ctx.idempotency_key, **config.metadata},
    }
    if data:  # an empty body is left out, which means the same
        parameters["Body"] = data
    if config.if_absent:
        parameters["IfNoneMatch"] = "*"
    found = await call(ctx, config, "s3", "put_object", parameters)
    return Done({"bucket": config.bucket, "key": config.key, "size": len(data), "etag": str(found.get("ETag", "")).strip('"'), "version_id": found.get("VersionId")})


def _bytes(config: S3PutConfig) -> tuple[bytes, str]:
    if config.encoding == "base64":
        try:
            return base64.b64decode(config.body, validate=True), "application/octet-stream"
        except (binascii.Error, ValueError, TypeError):
            raise ActionError("invalid_config", "body: this is not base64") from None
    usual = "text/plain; charset=utf-8" if isinstance(config.body, str) else "application/json"
    return text_of(config.body, "body").encode("utf-8", "replace"), usual


SPEC = ActionSpec(
    type="s3.put",
    title="Write to S3",
    description="Writes an object to Amazon S3.",
    kind="data",
    icon="bucket",
    config_model=S3PutConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {"bucket": {"type": "string"}, "key": {"type": "string"}, "size": {"type": "integer"}, "etag": {"type": "string"}, "version_id": {"type": ["string", "null"]}},
        "required": ["bucket", "key", "etag"],
    },
    example={"credential": "aws", "bucket": "reports", "key": "{{ execution.id }}.json", "body": "{{ input }}"},
)
