"""respond: decide what a caller that waits (`?wait=`) is answered."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext


class RespondConfig(Config):
    """Status, headers and body of the answer."""

    status: int = Field(default=200, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    body: Any = None

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not name or any(char in name + value for char in "\r\n\x00") or not (name + value).isascii():
                raise ValueError(f"header {name!r} must be ASCII on one line")
        return headers


def run(ctx: NodeContext, config: RespondConfig) -> Done:
    """The first `respond` of an execution answers the caller; the execution goes on."""
    if config.status in (204, 304) and config.body is not None:
        raise ActionError(
            "invalid_config", f"an answer with status {config.status} has no body; remove it or choose another status"
        )
    return Done({"status": config.status, "headers": config.headers, "body": config.body})


SPEC = ActionSpec(
    type="respond",
    title="Respond",
    description="Answers the caller of an API trigger that waits (`?wait=`), and goes on.",
    kind="action",
    icon="message-reply",
    config_model=RespondConfig,
    run=run,
    effect="pure",
    output_ports=("main",),
    output_schema={
        "type": "object",
        "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}, "body": {}},
        "required": ["status", "headers", "body"],
    },
    example={"status": 200, "body": {"ok": True}},
)
