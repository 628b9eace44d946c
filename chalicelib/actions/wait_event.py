"""wait.event: wait until an event is published that fits."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from chalicelib.registry.spec import ActionError, ActionSpec, CelSource, Config, Listen, NodeContext

MAX_SECONDS = 365 * 86400
MAX_LOOK_BACK_SECONDS = 7 * 86400  # as long as events are kept


class WaitEventConfig(Config):
    """Which event, how long to wait (without it: as long as the execution may take), and how far to look back."""

    name: str = Field(min_length=1, max_length=200, description="The event's name.")
    key: str | int | None = Field(default=None, description="Only events with this key; without it, any. Looked up by an index.")
    match: CelSource | None = Field(default=None, description="Only events for which this is true: `event.payload.total > 100`.")
    timeout_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    look_back_seconds: float = Field(
        default=0, ge=0, le=MAX_LOOK_BACK_SECONDS, description="Also take an event that was published so long before the node waits."
    )


def run(ctx: NodeContext, config: WaitEventConfig) -> Listen:
    """Waits; the event becomes the output."""
    key = None if config.key is None else str(config.key)
    if key is not None and len(key) > 500:
        raise ActionError("invalid_config", "an event's key has at most 500 characters")
    since = ctx.now - timedelta(seconds=config.look_back_seconds)
    until = None if config.timeout_seconds is None else ctx.now + timedelta(seconds=config.timeout_seconds)
    return Listen(config.name, key, config.match, since, until)


SPEC = ActionSpec(
    type="wait.event",
    title="Wait for an event",
    description="Waits until an event of this name is published with `POST /events`; the event becomes the output.",
    kind="wait",
    icon="broadcast",
    config_model=WaitEventConfig,
    run=run,
    effect="pure",
    output_ports=("main", "timeout"),
    output_schema={
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "key": {"type": ["string", "null"]},
            "payload": {},
            "at": {"type": "string", "format": "date-time"},
        },
        "required": ["id", "name", "key", "payload", "at"],
    },
    example={"name": "order.paid", "key": "{{ input.order }}", "match": "event.payload.amount >= input.total", "timeout_seconds": 86400},
)
