"""s3.get: read an object."""

from __future__ import annotations

import base64
from typing import Any, Literal

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, call
from chalicelib.core import jsontext
from chalicelib.core.clock import to_text
from chalicelib.core.errors import MillraceError
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext

MAX_BYTES = 10_000_000


class S3GetConfig(AwsConfig):
    """Which object, and how to read it."""

    bucket: str = Field(min_length=3, max_length=255, description="The bucket's name.")
    key: str = Field(min_length=1, max_length=1_024, description="The object's key.")
    version_id: str = Field(default="", max_length=1_024, description="A version; default: the newest.")
    read_as: Literal["auto", "json", "text", "base64"] = Field(default="auto", description="By its content type, as JSON, as UTF-8 text, or as base64.")


async def run(ctx: NodeContext, config: S3GetConfig) -> Done:
    """Reads it whole, up to 10 MB. Errors: not_found, aws_error, aws_not_allowed, response_too_large, invalid_response."""
    parameters = {"Bucket": config.bucket, "Key": config.key, "VersionId": config.version_id}
    found = await call(ctx, config, "s3", "get_object", parameters, max_bytes=MAX_BYTES)
    data = found["Body"].read()
    content_type = found.get("ContentType") or "application/octet-stream"
    return Done(
        {
            "body": readable(data, content_type, config.read_as),
            "content_type": content_type,
            "size": len(data),
            "etag": str(found.get("ETag", "")).strip('"'),
            "last_modified": to_text(found.get("LastModified")),
            "metadata": dict(found.get("Metadata", {})),
            "version_id": found.get("VersionId"),
        }
    )


def readable(data: bytes, content_type: str, read_as: str) -> Any:
    """The bytes as asked. Raises ActionError `invalid_response` for what they are not."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if read_as == "json" or (read_as == "auto" and (kind == "application/json" or kind.endswith("+json"))):
            return jsontext.loads(data)
        if read_as == "text" or (read_as == "auto" and kind.startswith("text/")):
            return data.decode("utf-8")
    except (MillraceError, UnicodeDecodeError):
        if read_as != "auto":
            raise ActionError("invalid_response", f"the object is not {'JSON' if read_as == 'json' else 'UTF-8 text'}; read it as base64") from None
    return base64.b64encode(data).decode("ascii")


SPEC = ActionSpec(
    type="s3.get",
    title="Read from S3",
    description="Reads an object of Amazon S3.",
    kind="data",
    icon="bucket",
    config_model=S3GetConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {
            "body": {"description": "JSON, text, or base64."},
            "content_type": {"type": "string"},
            "size": {"type": "integer"},
            "etag": {"type": "string"},
            "last_modified": {"type": ["string", "null"]},
            "metadata": {"type": "object"},
            "version_id": {"type": ["string", "null"]},
        },
        "required": ["body", "content_type", "size"],
    },
    example={"credential": "aws", "bucket": "reports", "key": "2026/{{ input.month }}.json"},
)
