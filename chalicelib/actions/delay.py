"""delay: wait for a time or until one, durably."""

from __future__ import annotations

import math
from datetime import timedelta

from pydantic import Field, model_validator

from chalicelib.core.clock import parse, to_text
from chalicelib.registry.spec import ActionError, ActionSpec, Config, NodeContext, Sleep, exactly_one

MAX_SECONDS = 365 * 86400


class DelayConfig(Config):
    """One of `seconds` (0 to a year) and `until` (RFC 3339 with an offset)."""

    model_config = exactly_one("seconds", "until")

    seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)
    until: str | None = Field(default=None, json_schema_extra={"format": "date-time"})

    @model_validator(mode="after")
    def _one_of(self) -> DelayConfig:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("give one of 'seconds' and 'until'")
        if self.until is not None and "{{" not in self.until:
            parse(self.until)
        return self


def run(ctx: NodeContext, config: DelayConfig) -> Sleep:
    """Sleeps from the instant the node became ready; an instant already past is no error and no wait."""
    if config.until is not None:
        try:
            until = parse(config.until)
        except ValueError as error:
            raise ActionError("invalid_config", f"'until' is not a time: {error}") from None
        if until - ctx.now > timedelta(seconds=MAX_SECONDS):
            raise ActionError("invalid_config", "'until' is more than a year away, which is as long as an execution may take")
    else:
        seconds = config.seconds or 0.0
        until = ctx.now + timedelta(microseconds=math.ceil(seconds * 1_000_000))
    return Sleep(until, {"until": to_text(until)})


SPEC = ActionSpec(
    type="delay",
    title="Delay",
    description="Waits for seconds or months, without holding anything; any instance resumes it.",
    kind="wait",
    icon="clock-pause",
    config_model=DelayConfig,
    run=run,
    effect="pure",
    output_ports=("main",),
    output_schema={"type": "object", "properties": {"until": {"type": "string", "format": "date-time"}}, "required": ["until"]},
    example={"seconds": 60},
)
