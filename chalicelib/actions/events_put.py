"""events.put: an event to an EventBridge bus."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.actions.cloud.calling import AwsConfig, call, text_of
from chalicelib.core.clock import parse
from chalicelib.registry.spec import ActionError, ActionSpec, Done, NodeContext


class EventsPutConfig(AwsConfig):
    """The event."""

    bus: str = Field(default="", max_length=1_600, description="The bus's name or ARN; default: the account's default bus.")
    source: str = Field(min_length=1, max_length=256, description="Who says it, such as shop.orders.")
    detail_type: str = Field(min_length=1, max_length=128, description="What happened, such as OrderPaid.")
    detail: dict[str, Any] = Field(default_factory=dict, description="The facts.")
    resources: list[str] = Field(default_factory=list, max_length=10, description="ARNs it concerns.")
    time: str = Field(default="", max_length=40, description="When it happened (RFC 3339); default: when it is put.")


async def run(ctx: NodeContext, config: EventsPutConfig) -> Done:
    """Puts it once. Errors: event_refused, aws_error, aws_not_allowed, not_found, invalid_config."""
    entry: dict[str, Any] = {"Source": config.source, "DetailType": config.detail_type, "Resources": config.resources}
    entry["Detail"] = text_of({"idempotency_key": ctx.idempotency_key, **config.detail}, "detail")
    if config.bus:
        entry["EventBusName"] = config.bus
    if config.time:
        try:
            entry["Time"] = parse(config.time)
        except ValueError as error:
            raise ActionError("invalid_config", f"time: {error}") from None
    found = await call(ctx, config, "events", "put_events", {"Entries": [entry]})
    (result,) = found.get("Entries") or [{}]
    if found.get("FailedEntryCount") or not result.get("EventId"):
        code = str(result.get("ErrorCode", "unknown"))
        later = "rate_limited" if "Throttl" in code else "http.500" if "Internal" in code else None
        raise ActionError("event_refused", f"EventBridge refuses the event ({code}): {str(result.get('ErrorMessage', ''))[:300]}", error_class=later)
    return Done({"event_id": result["EventId"]})


SPEC = ActionSpec(
    type="events.put",
    title="Put an event on EventBridge",
    description="Puts an event on an Amazon EventBridge bus.",
    kind="data",
    icon="arrows-split-2",
    config_model=EventsPutConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"type": "object", "properties": {"event_id": {"type": "string"}}, "required": ["event_id"]},
    example={"credential": "aws", "source": "shop.orders", "detail_type": "OrderPaid", "detail": {"id": "{{ input.id }}"}},
)
